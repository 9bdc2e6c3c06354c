package spec

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// lintExpression finds what HCL accepts in an expression, but nobody means.
func lintExpression(expr hclsyntax.Expression, file *hcl.File) hcl.Diagnostics {
	var src []byte
	if file != nil {
		src = file.Bytes
	}
	l := &linter{src: src, keys: map[*hclsyntax.ScopeTraversalExpr]bool{}}
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		l.node(n)
		return nil
	})
	return l.diags
}

type linter struct {
	src   []byte
	keys  map[*hclsyntax.ScopeTraversalExpr]bool // bare keys of objects, which are text
	diags hcl.Diagnostics
}

func (l *linter) node(n hclsyntax.Node) {
	switch n := n.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		if !l.keys[n] {
			l.traversal(n.Traversal)
		}
	case *hclsyntax.RelativeTraversalExpr:
		l.traversal(n.Traversal)
	case *hclsyntax.FunctionCallExpr:
		l.dash(n.Name, n.NameRange)
	case *hclsyntax.ObjectConsExpr:
		l.object(n)
	case *hclsyntax.BinaryOpExpr:
		l.chained(n)
	}
}

func (l *linter) traversal(t hcl.Traversal) {
	for _, step := range t {
		switch s := step.(type) {
		case hcl.TraverseRoot:
			l.dash(s.Name, s.SrcRange)
		case hcl.TraverseAttr:
			l.dash(s.Name, s.SrcRange)
		}
	}
}

// dash reports a name with "-", which HCL takes for a letter.
func (l *linter) dash(name string, rng hcl.Range) {
	at := strings.IndexByte(name, '-')
	if at < 0 {
		return
	}
	var next byte
	if end := rng.End.Byte; end >= 0 && end < len(l.src) {
		next = l.src[end]
	}
	if strings.HasSuffix(name, "-") && next == '>' {
		arrow := rng
		if rng.Start.Line == rng.End.Line && rng.Start.Byte < rng.End.Byte {
			arrow.Start = rng.End
			arrow.Start.Byte--
			arrow.Start.Column--
			arrow.End.Byte++
			arrow.End.Column++
		}
		l.diags = append(l.diags, errorAt(arrow, "Arrow operator",
			"There is no operator ->. Write `.`: a pointer is followed where a member is asked of it."))
		return
	}
	l.diags = append(l.diags, errorAt(rng, "Name with a dash",
		"HCL reads %q as one name. To subtract, put spaces around -: %s - %s. An element of a map is written m[\"a-b\"].", name, orName(name[:at], "a"), orName(name[at+1:], "b")))
}

func orName(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// object reports keys that stand twice in an object.
func (l *linter) object(o *hclsyntax.ObjectConsExpr) {
	first := make(map[string]hcl.Range, len(o.Items))
	for _, item := range o.Items {
		if wrapped, ok := item.KeyExpr.(*hclsyntax.ObjectConsKeyExpr); ok && !wrapped.ForceNonLiteral {
			if t, ok := wrapped.Wrapped.(*hclsyntax.ScopeTraversalExpr); ok && len(t.Traversal) == 1 {
				l.keys[t] = true
			}
		}
		key, ok := constantKey(item.KeyExpr)
		if !ok {
			continue
		}
		rng := item.KeyExpr.Range()
		if at, twice := first[key]; twice {
			l.diags = append(l.diags, errorAt(rng, "Key given twice", "The key %q stands twice in this object. The first is at %s.", key, position(at)))
			continue
		}
		first[key] = rng
	}
}

// constantKey returns the text of a key that mentions nothing.
func constantKey(key hclsyntax.Expression) (string, bool) {
	if name := hcl.ExprAsKeyword(key); name != "" {
		return name, true
	}
	if len(key.Variables()) > 0 {
		return "", false
	}
	v, diags := key.Value(nil)
	if diags.HasErrors() || v.IsNull() || !v.IsWhollyKnown() {
		return "", false
	}
	v, err := convert.Convert(v, cty.String)
	if err != nil || v.IsNull() {
		return "", false
	}
	return v.AsString(), true
}

// comparison is how a comparison is written, "" for other operators.
func comparison(op *hclsyntax.Operation) string {
	switch op {
	case hclsyntax.OpEqual:
		return "=="
	case hclsyntax.OpNotEqual:
		return "!="
	case hclsyntax.OpLessThan:
		return "<"
	case hclsyntax.OpLessThanOrEqual:
		return "<="
	case hclsyntax.OpGreaterThan:
		return ">"
	case hclsyntax.OpGreaterThanOrEqual:
		return ">="
	}
	return ""
}

func equality(op *hclsyntax.Operation) bool {
	return op == hclsyntax.OpEqual || op == hclsyntax.OpNotEqual
}

const chainedComparison = "Chained comparison"

// chained reports 1 < x < 3, which HCL reads as (1 < x) < 3.
func (l *linter) chained(outer *hclsyntax.BinaryOpExpr) {
	inner, ok := outer.LHS.(*hclsyntax.BinaryOpExpr)
	if !ok || comparison(outer.Op) == "" || comparison(inner.Op) == "" || equality(outer.Op) != equality(inner.Op) {
		return
	}
	a, b, c := l.text(inner.LHS, "a"), l.text(inner.RHS, "b"), l.text(outer.RHS, "c")
	l.diags = append(l.diags, errorAt(outer.SrcRange, chainedComparison,
		"A comparison has two sides. Write %s %s %s && %s %s %s.", a, comparison(inner.Op), b, b, comparison(outer.Op), c))
}

// text is a short expression as it is written, else a letter in its place.
func (l *linter) text(expr hclsyntax.Expression, letter string) string {
	rng := expr.Range()
	if rng.Start.Byte < 0 || rng.End.Byte > len(l.src) || rng.Start.Byte >= rng.End.Byte || rng.Start.Line != rng.End.Line {
		return letter
	}
	if _, inner := expr.(*hclsyntax.BinaryOpExpr); inner || rng.End.Byte-rng.Start.Byte > 40 {
		return letter
	}
	return string(l.src[rng.Start.Byte:rng.End.Byte])
}
