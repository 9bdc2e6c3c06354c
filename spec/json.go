package spec

import (
	"cmp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"
)

// The bridge from HCL's JSON syntax. Bodies and expressions become the same
// trees that the native syntax gives, so that nothing after it can tell.

// jsonLimits bounds the nesting of brackets outside strings.
func jsonLimits(source Source) hcl.Diagnostics {
	depth, inString := 0, false
	for i := 0; i < len(source.Bytes); i++ {
		switch c := source.Bytes[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
			if depth > maxNesting {
				return hcl.Diagnostics{errorAt(positionAt(source, i), "Nesting too deep", "More than %d brackets are open here.", maxNesting)}
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

func positionAt(source Source, offset int) hcl.Range {
	pos := hcl.InitialPos
	for _, c := range source.Bytes[:offset] {
		pos.Column++
		if c == '\n' {
			pos.Line, pos.Column = pos.Line+1, 1
		}
	}
	pos.Byte = offset
	end := pos
	end.Byte, end.Column = end.Byte+1, end.Column+1
	return hcl.Range{Filename: source.Name, Start: pos, End: end}
}

// parseJSON returns the body of a JSON file in native form.
func parseJSON(source Source, schema *Schema) (*hclsyntax.Body, *hcl.File, hcl.Diagnostics) {
	empty := &hcl.File{Bytes: source.Bytes, Body: hcl.EmptyBody()}
	if diags := jsonLimits(source); diags.HasErrors() {
		return nil, empty, diags
	}
	file, diags := hcljson.Parse(source.Bytes, source.Name)
	if file == nil {
		file = empty
	}
	if diags.HasErrors() {
		return nil, file, mergeFindings(diags, nil)
	}
	c := &jsonConverter{src: source.Bytes}
	top := &BlockSchema{Name: "spec", Blocks: schema.Blocks}
	return c.body(file.Body, top), file, c.diags
}

type jsonConverter struct {
	src   []byte
	diags hcl.Diagnostics
}

// body converts a JSON object that is a file or a block.
func (c *jsonConverter) body(body hcl.Body, schema *BlockSchema) *hclsyntax.Body {
	out := &hclsyntax.Body{Attributes: hclsyntax.Attributes{}, SrcRange: body.MissingItemRange(), EndRange: body.MissingItemRange()}
	want := &hcl.BodySchema{}
	for _, b := range schema.Blocks {
		labels := make([]string, 0, len(b.Labels))
		for _, l := range b.Labels {
			labels = append(labels, l.Name)
		}
		want.Blocks = append(want.Blocks, hcl.BlockHeaderSchema{Type: b.Name, LabelNames: labels})
	}
	content, rest, diags := body.PartialContent(want)
	c.diags = append(c.diags, diags...)
	for _, b := range content.Blocks {
		at := b.TypeRange
		if n := len(b.LabelRanges); n > 0 {
			at = b.LabelRanges[n-1] // the type's name may stand far above, before other blocks
		}
		out.Blocks = append(out.Blocks, &hclsyntax.Block{
			Type: b.Type, Labels: b.Labels, Body: c.body(b.Body, findBlock(schema.Blocks, b.Type)),
			TypeRange: at, LabelRanges: b.LabelRanges, OpenBraceRange: b.DefRange, CloseBraceRange: b.DefRange,
		})
	}
	attrs, diags := rest.JustAttributes()
	c.diags = append(c.diags, diags...)
	ordered := make([]*hcl.Attribute, 0, len(attrs))
	for _, a := range attrs {
		ordered = append(ordered, a)
	}
	slices.SortFunc(ordered, func(a, b *hcl.Attribute) int { return cmp.Compare(a.NameRange.Start.Byte, b.NameRange.Start.Byte) })
	for _, a := range ordered {
		out.Attributes[a.Name] = &hclsyntax.Attribute{Name: a.Name, Expr: c.expression(a.Expr), SrcRange: a.Range, NameRange: a.NameRange, EqualsRange: a.NameRange}
	}
	return out
}

// expression converts a JSON value: strings are templates, arrays and objects
// become constructors, the rest literals.
func (c *jsonConverter) expression(e hcl.Expression) hclsyntax.Expression {
	if m, ok := e.(interface{ ExprMap() []hcl.KeyValuePair }); ok {
		if pairs := m.ExprMap(); pairs != nil {
			return c.object(e, pairs)
		}
	}
	if l, ok := e.(interface{ ExprList() []hcl.Expression }); ok {
		if items := l.ExprList(); items != nil {
			out := &hclsyntax.TupleConsExpr{SrcRange: e.Range(), OpenRange: e.StartRange()}
			for _, item := range items {
				out.Exprs = append(out.Exprs, c.expression(item))
			}
			return out
		}
	}
	// Without a context a string is its own text.
	v, diags := e.Value(nil)
	c.diags = append(c.diags, diags...)
	if !v.IsNull() && v.IsKnown() && v.Type() == cty.String {
		return c.template(v.AsString(), e.Range())
	}
	return &hclsyntax.LiteralValueExpr{Val: v, SrcRange: e.Range()}
}

func (c *jsonConverter) object(e hcl.Expression, pairs []hcl.KeyValuePair) hclsyntax.Expression {
	out := &hclsyntax.ObjectConsExpr{SrcRange: e.Range(), OpenRange: e.StartRange()}
	for _, p := range pairs {
		out.Items = append(out.Items, hclsyntax.ObjectConsItem{
			KeyExpr:   &hclsyntax.ObjectConsKeyExpr{Wrapped: c.expression(p.Key), ForceNonLiteral: true},
			ValueExpr: c.expression(p.Value),
		})
	}
	return out
}

// template parses the text of a JSON string at the place where it stands.
func (c *jsonConverter) template(text string, rng hcl.Range) hclsyntax.Expression {
	start := rng.Start
	start.Byte++
	start.Column++
	tokens, _ := hclsyntax.LexTemplate([]byte(text), rng.Filename, start)
	words, diags := scan(tokens, frameText)
	if diags.HasErrors() {
		// The parser has not run, so there is no tree for what the text means.
		c.diags = append(c.diags, errorAt(rng, diags[0].Summary, "%s", diags[0].Detail))
		return &hclsyntax.LiteralValueExpr{Val: cty.DynamicVal, SrcRange: rng}
	}
	expr, diags := hclsyntax.ParseTemplate([]byte(text), rng.Filename, start)
	diags = mergeFindings(diags, findMistakes(words))
	if m, ok := newEscapeMap(c.src, rng, start); ok {
		m.expression(expr)
		m.diagnostics(diags)
	}
	c.diags = append(c.diags, diags...)
	if wrap, ok := expr.(*hclsyntax.TemplateWrapExpr); ok {
		return wrap.Wrapped
	}
	return expr
}
