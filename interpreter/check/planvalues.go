package check

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"tracer/interpreter/unit"
)

// withUnit gives the value of e the unit that its arithmetic leaves: HCL only
// hands on the units of everything that went into it.
func (s *scope) withUnit(e hclsyntax.Expression, v cty.Value) (cty.Value, bool) {
	if v.Type() != cty.Number || !v.IsMarked() {
		return v, true
	}
	u, ok := s.unitOf(e)
	if !ok {
		s.failed = true
		return cty.NilVal, false
	}
	v, _ = v.Unmark()
	if u != "" {
		v = v.Mark(unitMark(u))
	}
	return v, true
}

// unitOf is the unit of a number known before attaching.
func (s *scope) unitOf(e hclsyntax.Expression) (string, bool) {
	e = unwrap(e)
	b, ok := e.(*hclsyntax.BinaryOpExpr)
	op, isArithmetic := arithmetic[operationOf(b, ok)]
	if !isArithmetic {
		v, diags := e.Value(s.evalContext(e))
		if diags.HasErrors() || !v.IsKnown() {
			return "", true
		}
		_, u := unmark(v)
		return u, true
	}
	l, lok := s.unitOf(b.LHS)
	r, rok := s.unitOf(b.RHS)
	if !lok || !rok {
		return "", false
	}
	u, ok := unit.Arithmetic(op.unit, l, r)
	if !ok {
		s.errUnits(b.Range(), unitWord(l), unitWord(r), op.unit)
	}
	return u, ok
}

func operationOf(b *hclsyntax.BinaryOpExpr, ok bool) *hclsyntax.Operation {
	if !ok {
		return nil
	}
	return b.Op
}

func pickType(first bool, a, b cty.Type) cty.Type {
	if first {
		return a
	}
	return b
}

// planTypes looks at the comparisons of a plan-time expression: == between
// different types is silently false to HCL, and a mistake.
func (s *scope) planTypes(e hclsyntax.Expression) bool {
	ok := true
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		b, is := n.(*hclsyntax.BinaryOpExpr)
		if is && (b.Op == hclsyntax.OpEqual || b.Op == hclsyntax.OpNotEqual) && !s.planEqual(b) {
			ok = false
		}
		return nil
	})
	return ok
}

func (s *scope) planEqual(b *hclsyntax.BinaryOpExpr) bool {
	l, ldiags := b.LHS.Value(s.evalContext(b.LHS))
	r, rdiags := b.RHS.Value(s.evalContext(b.RHS))
	if ldiags.HasErrors() || rdiags.HasErrors() {
		return true // reported by the evaluation of the whole
	}
	l, lu := unmark(l)
	r, ru := unmark(r)
	if l.IsNull() || r.IsNull() || !l.IsKnown() || !r.IsKnown() {
		return true
	}
	lt, rt := l.Type(), r.Type()
	if u := lu + ru; u != "" && lt.IsPrimitiveType() && lt != rt {
		s.errorAt(b.Range(), "Comparison of different types", "One side is a %s, which is a number before attaching, and the other is %s. Write %s(…) around that too.", u, friendly(pickType(lu == "", lt, rt)), u)
		return false
	}
	primitive := lt.IsPrimitiveType() && rt.IsPrimitiveType()
	if primitive && lt != rt || lt.IsPrimitiveType() != rt.IsPrimitiveType() {
		s.errorAt(b.Range(), "Comparison of different types", "The left side is %s, the right side %s: they can never be equal.", friendly(lt), friendly(rt))
		return false
	}
	return true
}
