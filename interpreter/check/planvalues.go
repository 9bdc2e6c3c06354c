package check

import (
	"maps"
	"math/big"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"tracer/interpreter/types"
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

// unitFunction reads a unit's literal: duration("10ms") is a number of
// nanoseconds that knows its unit; ip and mac stay text. Of several units the
// outermost counts, as in hex(size("4KiB")).
func unitFunction(u *unit.Unit, env *unit.Env) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "x", Type: cty.DynamicPseudoType, AllowMarked: true}},
		Type: func(args []cty.Value) (cty.Type, error) {
			if u.Name == "ip" || u.Name == "mac" {
				return cty.String, nil
			}
			return cty.Number, nil
		},
		Impl: func(args []cty.Value, ret cty.Type) (cty.Value, error) {
			a, marks := withoutUnits(args[0])
			if a.Type() == cty.Number && ret == cty.Number {
				return a.WithMarks(marks).Mark(unitMark(u.Name)), nil
			}
			if a.Type() != cty.String {
				return cty.NilVal, function.NewArgErrorf(0, "%s takes %s, or a literal: %s", u.Name, u.Takes, u.Literal)
			}
			v, err := u.Parse(env, types.Type{}, a.AsString())
			if err != nil {
				return cty.NilVal, function.NewArgErrorf(0, "the literal %q %v", a.AsString(), literalError(err))
			}
			if ret == cty.String {
				return a.WithMarks(marks), nil
			}
			n := new(big.Float).SetInt64(int64(v.Int))
			if !v.Type.Signed {
				n.SetUint64(v.Int)
			}
			return cty.NumberVal(n).WithMarks(marks).Mark(unitMark(u.Name)), nil
		},
	})
}

// withoutUnits takes the marks from a value, and gives those that say no unit.
func withoutUnits(v cty.Value) (cty.Value, cty.ValueMarks) {
	v, marks := v.Unmark()
	maps.DeleteFunc(marks, func(m any, _ struct{}) bool {
		_, ok := m.(unitMark)
		return ok
	})
	return v, marks
}
