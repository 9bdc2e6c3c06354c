package check

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// template types "${comm}/${pid}": captured part by part, put together when
// printed.
func (s *scope) template(e *hclsyntax.TemplateExpr) *tree.Expr {
	out := tree.New(tree.Text, types.Type{Kind: types.Text}, e.Range())
	ok := true
	lit := ""
	for _, part := range e.Parts {
		x := s.expr(part)
		if x == nil {
			ok = false
			continue
		}
		if x.Op == tree.Const && x.Type.Kind == types.String {
			lit += x.Str
			continue
		}
		if !s.textPart(out, lit, x, "") {
			ok = false
		}
		lit = ""
	}
	if !ok {
		return nil
	}
	if lit != "" {
		out.Parts = append(out.Parts, tree.Part{Lit: lit})
	}
	return out
}

// textPart adds a value to a text; a text within a text is taken apart.
func (s *scope) textPart(out *tree.Expr, lit string, x *tree.Expr, verb string) bool {
	switch x.Type.Kind {
	case types.Null:
		out.Parts = append(out.Parts, tree.Part{Lit: lit})
		return true
	case types.Text:
		parts := append([]tree.Part(nil), x.Parts...)
		if len(parts) > 0 {
			parts[0].Lit = lit + parts[0].Lit
		}
		if out.Parts = append(out.Parts, parts...); len(out.Parts) > maxParts {
			s.errTooManyParts(out)
			return false
		}
		return true
	case types.Struct:
		s.errWant(x, "a value that can be shown", "Take one of its members.")
		return false
	}
	if len(out.Parts) >= maxParts {
		s.errTooManyParts(out)
		return false
	}
	out.Parts = append(out.Parts, tree.Part{Lit: lit, Expr: s.shown(x), Verb: verb})
	return true
}

// maxParts bounds the values in one text.
const maxParts = 64

// shown is a value as a column holds it: in host order, enums with their names.
func (s *scope) shown(x *tree.Expr) *tree.Expr {
	if x == nil {
		return nil
	}
	if x.Type.BigEndian && x.Type.Unit != "ip" {
		x = hostOrder(x)
	}
	if x.Type.Kind == types.Enum && x.Type.C == nil {
		out := *x
		out.Type = s.withEnumerators(x.Type)
		x = &out
	}
	return x
}

func (s *scope) fnJoin(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	sep, ok := s.planArg(e.Args[0], cty.String, "the separator")
	if list, is := s.resolveLocal(e.Args[1]).(*hclsyntax.TupleConsExpr); is {
		return s.joined(e, list, sep, ok)
	}
	x := s.expr(e.Args[1])
	if x == nil || !ok {
		return nil
	}
	if x.Type.Kind != types.List && x.Type.Kind != types.Array {
		s.errWant(x, "a list", "join puts the strings of strs(…) together.")
		return nil
	}
	out := tree.New(tree.Text, types.Type{Kind: types.Text}, e.Range())
	out.Parts = []tree.Part{{Expr: x, Join: sep.AsString(), Verb: tree.JoinVerb}}
	return out
}

// joined types join of a list that is written out: a text of its elements.
func (s *scope) joined(e *hclsyntax.FunctionCallExpr, list *hclsyntax.TupleConsExpr, sep cty.Value, ok bool) *tree.Expr {
	out := tree.New(tree.Text, types.Type{Kind: types.Text}, e.Range())
	lit := ""
	for i, element := range list.Exprs {
		x := s.expr(element)
		if x == nil || !ok {
			ok = false
			continue
		}
		if i > 0 {
			lit = sep.AsString()
		}
		ok = s.textPart(out, lit, x, "")
	}
	if !ok {
		return nil
	}
	return out
}

func (s *scope) fnFormat(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	v, ok := s.planArg(e.Args[0], cty.String, "the format")
	if !ok {
		for _, a := range e.Args[1:] {
			s.expr(a)
		}
		return nil
	}
	verbs, err := splitFormat(v.AsString())
	if err != nil {
		s.errorAt(e.Args[0].Range(), "Format not understood", "%v", err)
		return nil
	}
	want := 0
	for _, f := range verbs {
		if f.verb != "" {
			want++
		}
	}
	if want != len(e.Args)-1 {
		s.errorAt(e.Range(), "Wrong number of arguments", "The format takes %s, and there %s.", counted(want, "value"), isAre(len(e.Args)-1))
		return nil
	}
	out := tree.New(tree.Text, types.Type{Kind: types.Text}, e.Range())
	next := 1
	for _, f := range verbs {
		if f.verb == "" {
			out.Parts = append(out.Parts, tree.Part{Lit: f.lit})
			continue
		}
		x := s.expr(e.Args[next])
		next++
		if x == nil || !s.formatArg(out, f, x) {
			ok = false
		}
	}
	if !ok {
		return nil
	}
	return out
}

func isAre(n int) string {
	if n == 1 {
		return "is one"
	}
	return fmt.Sprintf("are %d", n)
}

func (s *scope) formatArg(out *tree.Expr, f formatPart, x *tree.Expr) bool {
	letter := f.verb[len(f.verb)-1]
	switch letter {
	case 'd', 'x', 'X', 'o', 'c':
		if !x.Type.IsNumber() && x.Type.Kind != types.Pointer && x.Type.Kind != types.Bool || x.Nullable {
			s.errWant(x, fmt.Sprintf("a number for %s", f.verb), "")
			return false
		}
	}
	if x.Type.Kind == types.Text && f.verb != "%s" && f.verb != "%v" {
		s.errWant(x, "a plain value", "Text cannot be given a width.")
		return false
	}
	return s.textPart(out, f.lit, x, f.verb)
}

// formatPart is literal text and the verb after it.
type formatPart struct{ lit, verb string }

// splitFormat splits a format in texts and verbs: %d %i %u %x %X %o %c %s %v
// with flags, width and precision; %% is a percent sign.
func splitFormat(format string) ([]formatPart, error) {
	var out []formatPart
	lit := ""
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			lit += format[i : i+1]
			continue
		}
		j := i + 1
		for j < len(format) && strings.IndexByte("-+# 0123456789.", format[j]) >= 0 {
			j++
		}
		for j < len(format) && (format[j] == 'l' || format[j] == 'h' || format[j] == 'z') {
			j++ // C's length modifiers say nothing here
		}
		if j == len(format) {
			return nil, fmt.Errorf("the format ends inside %q", format[i:])
		}
		flags := strings.Trim(format[i+1:j], "lhz")
		if len(flags) > 8 {
			return nil, fmt.Errorf("the width in %q is too long", format[i:j+1])
		}
		switch c := format[j]; c {
		case '%':
			lit += "%"
		case 'd', 'i', 'u':
			out, lit = append(out, formatPart{lit, "%" + flags + "d"}), ""
		case 'x', 'X', 'o', 'c', 's', 'v':
			out, lit = append(out, formatPart{lit, "%" + flags + string(c)}), ""
		default:
			return nil, fmt.Errorf("there is no verb %q: use %%d, %%x, %%o, %%c or %%s", format[i:j+1])
		}
		i = j
	}
	if lit != "" {
		out = append(out, formatPart{lit: lit})
	}
	return out, nil
}
