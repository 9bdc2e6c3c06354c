package spec

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
)

// Inputs are the values given to variables, by where they come from. A later
// source wins: environment, files beside the spec, flags in order.
type Inputs struct {
	// Env holds TRACER_VAR_x by x.
	Env map[string]string
	// AutoFiles are the files for which IsAutoVarsFile is true, in any order:
	// tracer.vars.hcl comes first, the others by name.
	AutoFiles []Source
	// Flags are -var and -var-file in command-line order.
	Flags []FlagValue
}

// FlagValue is one -var (Name and Value) or one -var-file (File).
type FlagValue struct {
	Name, Value string
	File        *Source
}

// input is one value given to a variable.
type input struct {
	value cty.Value
	rng   hcl.Range // where the value stands
}

type resolver struct {
	spec   *Spec
	inputs map[string]input
	failed map[string]bool
	diags  hcl.Diagnostics
}

// Resolve gives every declared variable its value: converted to its type, with
// the defaults of optional() filled in, and checked by its validations, which
// may mention var.* and the given functions. A name that is not declared is
// passed over in the environment, a warning in a file and an error in a flag.
// A string variable takes text from environment and flags as it is; for other
// types the text is an HCL expression. The result has every declared variable;
// after errors the value of one may be unknown.
func (s *Spec) Resolve(in Inputs, functions map[string]function.Function) (map[string]cty.Value, hcl.Diagnostics) {
	r := &resolver{spec: s, inputs: map[string]input{}, failed: map[string]bool{}}
	for _, name := range slices.Sorted(maps.Keys(in.Env)) {
		if v := s.Variable(name); v != nil {
			r.text(v, in.Env[name], "TRACER_VAR_"+name)
		}
	}
	for _, file := range sortedAutoFiles(in.AutoFiles) {
		r.file(file)
	}
	for _, flag := range in.Flags {
		r.flag(flag)
	}
	values := make(map[string]cty.Value, len(s.Variables))
	for _, v := range s.Variables {
		values[v.Name] = r.value(v)
	}
	r.validate(values, functions)
	return values, r.diags
}

func (r *resolver) errorf(rng hcl.Range, summary, format string, args ...any) {
	r.diags = append(r.diags, errorAt(rng, summary, format, args...))
}

func sortedAutoFiles(files []Source) []Source {
	sorted := slices.Clone(files)
	first := func(s Source) int {
		if strings.HasPrefix(path.Base(s.Name), "tracer.vars.") {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(sorted, func(a, b Source) int {
		return cmp.Or(cmp.Compare(first(a), first(b)), cmp.Compare(path.Base(a.Name), path.Base(b.Name)))
	})
	return sorted
}

func (r *resolver) names() []string {
	names := make([]string, 0, len(r.spec.Variables))
	for _, v := range r.spec.Variables {
		names = append(names, v.Name)
	}
	return names
}

func (r *resolver) flag(flag FlagValue) {
	if flag.File != nil {
		r.file(*flag.File)
		return
	}
	source := "-var " + flag.Name
	if v := r.spec.Variable(flag.Name); v != nil {
		r.text(v, flag.Value, source)
		return
	}
	r.remember(source, []byte(flag.Value))
	near := didYouMean(flag.Name, r.names())
	if near == "" && len(r.names()) > 0 {
		near = " It declares " + listOf(r.names()) + "."
	}
	r.errorf(pseudoRange(source, flag.Value), "Undeclared variable", "The spec has no variable %q.%s", flag.Name, near)
}

// remember keeps a source for the rendering of diagnostics.
func (r *resolver) remember(name string, src []byte) {
	if r.spec.Files == nil {
		r.spec.Files = map[string]*hcl.File{}
	}
	r.spec.Files[name] = &hcl.File{Bytes: src, Body: hcl.EmptyBody()}
}

// text takes the value of a flag or of the environment.
func (r *resolver) text(v *Variable, text, source string) {
	if v.Sensitive {
		r.remember(source, nil)
	} else {
		r.remember(source, []byte(text))
	}
	rng := pseudoRange(source, text)
	delete(r.failed, v.Name)
	delete(r.inputs, v.Name)
	if v.Type == cty.String || !v.typed {
		r.inputs[v.Name] = input{cty.StringVal(text), rng}
		return
	}
	expr, diags := ParseExpression(Source{Name: source, Bytes: []byte(text)})
	var value cty.Value
	if !diags.HasErrors() {
		_, bare := expr.(*hclsyntax.ScopeTraversalExpr)
		if name := hcl.ExprAsKeyword(expr); bare && name != "" {
			diags = hcl.Diagnostics{errorAt(rng, "Invalid value for variable",
				"var.%s must be %s, and %q is not. Text inside a value stands in double quotes.", v.Name, typePhrase(v.Type), v.shown(name))}
		} else {
			value, diags = constant(expr)
		}
	}
	if diags.HasErrors() {
		r.diags = append(r.diags, diags...)
		r.failed[v.Name] = true
		return
	}
	r.inputs[v.Name] = input{value, rng}
}

func (v *Variable) shown(text string) string {
	if v.Sensitive {
		return "(sensitive value)"
	}
	return text
}

// ParseExpression parses a single expression, with the bounds and the hints of
// Parse.
func ParseExpression(source Source) (hclsyntax.Expression, hcl.Diagnostics) {
	if d := checkSize(source); d != nil {
		return nil, hcl.Diagnostics{d}
	}
	tokens, _ := hclsyntax.LexExpression(source.Bytes, source.Name, hcl.InitialPos)
	words, diags := scan(tokens, frameList)
	if diags.HasErrors() {
		return nil, diags
	}
	expr, diags := hclsyntax.ParseExpression(source.Bytes, source.Name, hcl.InitialPos)
	diags = mergeFindings(diags, findMistakes(words))
	if expr != nil {
		diags = append(diags, lintExpression(expr, &hcl.File{Bytes: source.Bytes})...)
	}
	return expr, diags
}

// constant evaluates an expression that may mention nothing.
func constant(expr hclsyntax.Expression) (cty.Value, hcl.Diagnostics) {
	if vars := expr.Variables(); len(vars) > 0 {
		return cty.DynamicVal, hcl.Diagnostics{errorAt(vars[0].SourceRange(), "Literal needed",
			"The value of a variable is a literal: it cannot mention %q. Text stands in double quotes.", vars[0].RootName())}
	}
	return expr.Value(nil)
}

// file takes the values of a file: attributes named like variables.
func (r *resolver) file(source Source) {
	body, _, diags := parseFile(source, &Schema{})
	r.remember(source.Name, source.Bytes)
	r.diags = append(r.diags, sortDiagnostics([]Source{source}, diags)...)
	if body == nil {
		return
	}
	for _, block := range body.Blocks {
		r.errorf(block.TypeRange, "Block among values", "A file with values of variables has attributes only: NAME = VALUE. To declare a variable, use a file of the spec.")
	}
	for _, a := range sortedAttributes(body) {
		v := r.spec.Variable(a.Name)
		if v == nil {
			near := didYouMean(a.Name, r.names())
			w := errorAt(a.NameRange, "Undeclared variable", "The spec has no variable %q, so this value is not used.%s", a.Name, near)
			w.Severity = hcl.DiagWarning
			r.diags = append(r.diags, w)
			continue
		}
		delete(r.failed, v.Name)
		delete(r.inputs, v.Name)
		lints := lintExpression(a.Expr, r.spec.Files[source.Name])
		if lints.HasErrors() {
			r.diags = append(r.diags, lints...)
			r.failed[v.Name] = true
			continue
		}
		value, valueDiags := constant(a.Expr)
		if valueDiags.HasErrors() || diags.HasErrors() {
			if !diags.HasErrors() {
				r.diags = append(r.diags, valueDiags...)
			}
			r.failed[v.Name] = true
			continue
		}
		r.inputs[v.Name] = input{value, a.Expr.Range()}
	}
}

// value is the value of one variable: what was given, else its default.
func (r *resolver) value(v *Variable) cty.Value {
	given, ok := r.inputs[v.Name]
	if r.failed[v.Name] {
		return cty.UnknownVal(v.Type)
	}
	if !ok {
		if v.Required() {
			r.missing(v)
			return cty.UnknownVal(v.Type)
		}
		return v.Default
	}
	value, err := v.convert(given.value)
	if err != nil {
		r.failed[v.Name] = true
		r.errorf(given.rng, "Invalid value for variable", "var.%s must be %s: %s.", v.Name, typePhrase(v.Type), conversionText(err))
		return cty.UnknownVal(v.Type)
	}
	if !value.IsNull() || v.Nullable {
		return value
	}
	if v.Required() {
		r.failed[v.Name] = true
		r.errorf(given.rng, "Invalid value for variable", "var.%s cannot be null, and has no default.", v.Name)
		return cty.UnknownVal(v.Type)
	}
	return v.Default
}

func (r *resolver) missing(v *Variable) {
	r.failed[v.Name] = true
	about := ""
	if v.Description != "" {
		about = fmt.Sprintf(" It is described as: %s.", strings.TrimRight(v.Description, ". "))
	}
	r.errorf(v.NameRange, "No value for variable", "var.%s has no default, so it must be set.%s Write -var %s=…, or set it in a -var-file or as TRACER_VAR_%s.", v.Name, about, v.Name, v.Name)
}

// validate runs the validations of every variable that has a value.
func (r *resolver) validate(values map[string]cty.Value, functions map[string]function.Function) {
	if functions == nil {
		functions = map[string]function.Function{}
	}
	marked := maps.Clone(values)
	for _, v := range r.spec.Variables {
		if value, ok := values[v.Name]; ok && v.Sensitive {
			marked[v.Name] = value.Mark(sensitive{})
		}
	}
	ctx := &hcl.EvalContext{
		Variables: map[string]cty.Value{"var": cty.ObjectVal(marked)},
		Functions: functions,
	}
	for _, v := range r.spec.Variables {
		if r.failed[v.Name] {
			continue
		}
		for _, check := range v.Validations {
			r.check(v, check, ctx)
		}
	}
}

// sensitive is the mark of values that are kept out of messages.
type sensitive struct{}

func (r *resolver) check(v *Variable, check Validation, ctx *hcl.EvalContext) {
	result, diags := check.Condition.Value(ctx)
	if diags.HasErrors() {
		r.diags = append(r.diags, diags...)
		return
	}
	result, _ = result.Unmark()
	result, err := convert.Convert(result, cty.Bool)
	if err != nil || result.IsNull() {
		r.errorf(check.Condition.Range(), "Wrong type", "The condition of a validation must be true or false.")
		return
	}
	// Unknown: it mentions a variable whose own error has been reported.
	if !result.IsKnown() || result.True() {
		return
	}
	message, diags := check.ErrorMessage.Value(ctx)
	if diags.HasErrors() {
		r.diags = append(r.diags, diags...)
		return
	}
	secret := message.HasMark(sensitive{})
	message, _ = message.Unmark()
	message, err = convert.Convert(message, cty.String)
	if err != nil || message.IsNull() {
		r.errorf(check.ErrorMessage.Range(), "Wrong type", "The error_message of a validation must be a string.")
		return
	}
	if !message.IsKnown() {
		return
	}
	text := strings.TrimRight(message.AsString(), ". ")
	if secret {
		text = "its error_message mentions a sensitive value, so it is not shown"
	}
	rng := v.DefaultRange
	if given, ok := r.inputs[v.Name]; ok {
		rng = given.rng
	}
	r.errorf(rng, "Invalid value for variable", "var.%s: %s. The validation at %s says so.", v.Name, text, position(check.Range))
}
