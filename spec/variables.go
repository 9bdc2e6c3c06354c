package spec

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// variable decodes one declaration.
func (d *decoder) variable(block *hclsyntax.Block, schema *BlockSchema) {
	attrs := d.attributes(block, schema, schema.Attributes)
	v := &Variable{
		Name: block.Labels[0], Range: block.DefRange(), NameRange: block.LabelRanges[0],
		Type: cty.DynamicPseudoType, Nullable: true,
	}
	if a := attrs["type"]; a != nil {
		d.variableType(v, a)
	}
	if a := attrs["description"]; a != nil {
		if text, ok := d.literal(a, cty.String); ok {
			v.Description = text.AsString()
		}
	}
	v.Nullable = d.flag(attrs["nullable"], true)
	v.Sensitive = d.flag(attrs["sensitive"], false)
	if a := attrs["default"]; a != nil {
		d.variableDefault(v, a)
	}
	inner := schema.Block("validation")
	for _, b := range block.Body.Blocks {
		if b.Type != inner.Name || !d.labels(b, inner) {
			continue
		}
		parts := d.attributes(b, inner, inner.Attributes)
		if parts["condition"] != nil && parts["error_message"] != nil {
			v.Validations = append(v.Validations, Validation{parts["condition"].Expr, parts["error_message"].Expr, b.DefRange()})
		}
	}
	if d.claim("variable "+v.Name, v.NameRange, "Second variable of one name", "A variable named %q exists already.", v.Name) {
		d.spec.Variables = append(d.spec.Variables, v)
	}
}

func (d *decoder) flag(a *Attr, absent bool) bool {
	if a == nil {
		return absent
	}
	v, ok := d.literal(a, cty.Bool)
	if !ok {
		return absent
	}
	return v.True()
}

func (d *decoder) variableType(v *Variable, a *Attr) {
	expr := a.Expr
	// In JSON a type expression is text.
	if text, ok := literalText(expr); ok && isJSON(a.NameRange.Filename) {
		start := expr.Range().Start
		parsed, diags := hclsyntax.ParseExpression([]byte(text), a.NameRange.Filename, start)
		if diags.HasErrors() {
			d.errorf(expr.Range(), "Invalid type", "%q is not a type. Write string, number, bool, list(…), set(…), map(…), tuple([…]), object({…}) or any.", text)
			return
		}
		expr = parsed
	} else if ok && hclsyntax.ValidIdentifier(text) {
		d.errorf(expr.Range(), "Quoted type", "Types are written without quotes: type = %s.", text)
		return
	}
	ty, defaults, diags := typeexpr.TypeConstraintWithDefaults(expr)
	if diags.HasErrors() {
		if !d.broken {
			d.diags = append(d.diags, diags...)
		}
		return
	}
	v.Type, v.Defaults, v.typed = ty, defaults, true
}

// literalText returns the text of a string without interpolation.
func literalText(expr hclsyntax.Expression) (string, bool) {
	t, ok := expr.(*hclsyntax.TemplateExpr)
	if !ok || !t.IsStringLiteral() {
		return "", false
	}
	v, diags := t.Value(nil)
	if diags.HasErrors() {
		return "", false
	}
	return v.AsString(), true
}

func (d *decoder) variableDefault(v *Variable, a *Attr) {
	v.DefaultRange = a.Expr.Range()
	value, ok := d.evaluate(a)
	if !ok {
		// The variable is not required, only its default is unusable.
		v.Default = cty.UnknownVal(v.Type)
		return
	}
	converted, err := v.convert(value)
	if err != nil {
		d.errorf(v.DefaultRange, "Invalid default value", "The default of var.%s does not fit its type %s: %s.", v.Name, typeexpr.TypeString(v.Type), conversionText(err))
		converted = cty.UnknownVal(v.Type)
	} else if converted.IsNull() && !v.Nullable {
		d.errorf(v.DefaultRange, "Invalid default value", "The default of var.%s is null, and nullable = false says that it never is.", v.Name)
	}
	v.Default = converted
}

// convert fills in the defaults of object attributes and converts to the
// variable's type.
func (v *Variable) convert(value cty.Value) (cty.Value, error) {
	if v.Defaults != nil && !value.IsNull() {
		value = v.Defaults.Apply(value)
	}
	return convert.Convert(value, v.Type)
}

// conversionText names the part of a value that does not fit.
func conversionText(err error) string {
	path, ok := err.(cty.PathError)
	if !ok || len(path.Path) == 0 {
		return err.Error()
	}
	return "at " + pathText(path.Path) + ": " + err.Error()
}

func pathText(path cty.Path) string {
	text := ""
	for _, step := range path {
		switch s := step.(type) {
		case cty.GetAttrStep:
			text += "." + s.Name
		case cty.IndexStep:
			key, err := convert.Convert(s.Key, cty.String)
			if err != nil || !key.IsKnown() || key.IsNull() {
				text += "[…]"
				continue
			}
			text += "[" + key.AsString() + "]"
		}
	}
	return text
}

// pseudoRange is the range of a text that stands in no file.
func pseudoRange(name, text string) hcl.Range {
	end := hcl.InitialPos
	for _, c := range []byte(text) {
		end.Byte++
		end.Column++
		if c == '\n' {
			end.Line, end.Column = end.Line+1, 1
		}
	}
	return hcl.Range{Filename: name, Start: hcl.InitialPos, End: end}
}
