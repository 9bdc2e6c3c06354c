package check

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/interpreter/unit"
)

// arithmetic and comparisons are HCL's operators, by what the tree calls them.
var (
	arithmetic = map[*hclsyntax.Operation]struct {
		op   tree.Op
		unit unit.Op
	}{
		hclsyntax.OpAdd:      {tree.Add, unit.Add},
		hclsyntax.OpSubtract: {tree.Sub, unit.Subtract},
		hclsyntax.OpMultiply: {tree.Mul, unit.Multiply},
		hclsyntax.OpDivide:   {tree.Div, unit.Divide},
		hclsyntax.OpModulo:   {tree.Mod, unit.Remainder},
	}
	comparisons = map[*hclsyntax.Operation]tree.Op{
		hclsyntax.OpEqual: tree.Eq, hclsyntax.OpNotEqual: tree.Ne,
		hclsyntax.OpLessThan: tree.Lt, hclsyntax.OpLessThanOrEqual: tree.Le,
		hclsyntax.OpGreaterThan: tree.Gt, hclsyntax.OpGreaterThanOrEqual: tree.Ge,
	}
)

func (s *scope) binary(e *hclsyntax.BinaryOpExpr) *tree.Expr {
	if e.Op == hclsyntax.OpLogicalAnd || e.Op == hclsyntax.OpLogicalOr {
		return s.logical(e)
	}
	l, r := s.expr(e.LHS), s.expr(e.RHS)
	if l == nil || r == nil {
		return nil
	}
	if op, ok := comparisons[e.Op]; ok {
		if op == tree.Eq || op == tree.Ne {
			s.neverNull(e, l, r)
		}
		return s.compare(op, l, r, e.Range())
	}
	a := arithmetic[e.Op]
	return s.arith(a.op, a.unit, l, r, e.Range())
}

// neverNull warns of a comparison with null of what the event always has.
func (s *scope) neverNull(e *hclsyntax.BinaryOpExpr, l, r *tree.Expr) {
	for i, side := range []hclsyntax.Expression{e.LHS, e.RHS} {
		x, other := l, r
		if i == 1 {
			x, other = r, l
		}
		if other.Type.Kind != types.Null || x.Nullable || x.Type.Kind == types.Pointer || x.Type.Untyped {
			continue
		}
		if readsEvent(unwrap(side)) {
			s.warnNeverNull(e.Range(), x)
		}
	}
}

// readsEvent says that an expression is plainly of the event. Others, such as
// locals, may be null in another use of the spec.
func readsEvent(e hclsyntax.Expression) bool {
	switch e := e.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		root := e.Traversal.RootName()
		return root == "args" || root == "retval" || root == "comm" || scalarBuiltins[root].Kind != types.Invalid
	case *hclsyntax.FunctionCallExpr:
		return e.Name == "str" || e.Name == "strs" || e.Name == "buf"
	}
	return false
}

// logical checks && and ||. A side that is known at plan time and decides the
// result drops the other, which is then only name-checked.
func (s *scope) logical(e *hclsyntax.BinaryOpExpr) *tree.Expr {
	and := e.Op == hclsyntax.OpLogicalAnd
	op := tree.Or
	if and {
		op = tree.And
	}
	sides := [2]hclsyntax.Expression{e.LHS, e.RHS}
	for i, side := range sides {
		if !s.isPlan(side) {
			continue
		}
		x := s.condition(side)
		if x == nil {
			s.nameCheck(sides[1-i])
			return nil
		}
		if v, known := x.ConstBool(); known && v != and {
			if !s.nameCheck(sides[1-i]) {
				return nil
			}
			return constBool(v, e.Range())
		}
		return s.condition(sides[1-i])
	}
	l := s.condition(e.LHS)
	if l != nil {
		// A chain whose beginning is decided, as a || b || c, is so too.
		if v, known := l.ConstBool(); known && v != and {
			if !s.nameCheck(e.RHS) {
				return nil
			}
			return l
		}
	}
	r := s.condition(e.RHS)
	if l == nil || r == nil {
		return nil
	}
	if _, known := l.ConstBool(); known {
		return r
	}
	if v, known := r.ConstBool(); known {
		if v != and {
			return r
		}
		return l
	}
	return tree.New(op, types.TBool, e.Range(), l, r)
}

func (s *scope) unary(e *hclsyntax.UnaryOpExpr) *tree.Expr {
	if e.Op == hclsyntax.OpLogicalNot {
		x := s.condition(e.Val)
		if x == nil {
			return nil
		}
		if v, known := x.ConstBool(); known {
			return constBool(!v, e.Range())
		}
		return tree.New(tree.Not, types.TBool, e.Range(), x)
	}
	x := s.number(s.expr(e.Val), "a number")
	if x == nil {
		return nil
	}
	t := types.S64
	t.Unit, _ = unit.Arithmetic(unit.Subtract, "", x.Type.Unit)
	return tree.New(tree.Neg, t, e.Range(), x)
}

// arith types l op r: 64-bit, signed unless both sides are u64. A literal
// takes the sign of the other side if it can.
func (s *scope) arith(op tree.Op, uop unit.Op, l, r *tree.Expr, rng hcl.Range) *tree.Expr {
	l, r = s.readLiteral(l, r.Type), s.readLiteral(r, l.Type)
	if l = s.number(l, "a number"); l == nil {
		return nil
	}
	if r = s.number(r, "a number"); r == nil {
		return nil
	}
	unitName, ok := unit.Arithmetic(uop, l.Type.Unit, r.Type.Unit)
	if !ok {
		s.errUnits(rng, unitWord(l.Type.Unit), unitWord(r.Type.Unit), uop)
		return nil
	}
	t := arithType(l, r)
	t.Unit = unitName
	return tree.New(op, t, rng, l, r)
}

func unitWord(name string) string {
	if name != "" {
		return name
	}
	return "number"
}

// arithType is s64, or u64 if both sides are; a constant that is not negative
// goes with the other side.
func arithType(l, r *tree.Expr) types.Type {
	if unsignedSide(l, r) && unsignedSide(r, l) {
		return types.U64
	}
	return types.S64
}

func unsignedSide(e, other *tree.Expr) bool {
	if e.Op == tree.Const && e.Literal && int64(e.Int) >= 0 {
		return other.Type.Unsigned64()
	}
	return e.Type.Unsigned64()
}

// conditional types c ? a : b. A condition known at plan time selects its
// arm, and the other is only name-checked.
func (s *scope) conditional(e *hclsyntax.ConditionalExpr) *tree.Expr {
	cond := s.condition(e.Condition)
	if cond == nil {
		s.nameCheck(e)
		return nil
	}
	if v, known := cond.ConstBool(); known {
		taken, other := e.TrueResult, e.FalseResult
		if !v {
			taken, other = other, taken
		}
		if !s.nameCheck(other) {
			return nil
		}
		return s.expr(taken)
	}
	a, b := s.expr(e.TrueResult), s.expr(e.FalseResult)
	if a == nil || b == nil {
		return nil
	}
	return s.choose(cond, a, b, e.Range())
}

// choose makes cond ? a : b of two typed arms.
func (s *scope) choose(cond, a, b *tree.Expr, rng hcl.Range) *tree.Expr {
	a, b = s.readLiteral(a, b.Type), s.readLiteral(b, a.Type)
	if a == nil || b == nil {
		return nil
	}
	if a.Type.Kind == types.Null && b.Type.Kind == types.Null {
		return a
	}
	for _, arm := range []*tree.Expr{a, b} {
		if arm.Type.Kind == types.Text || arm.Type.Kind == types.List {
			s.errTextArm(arm)
			return nil
		}
	}
	// A whole conditional cannot be swapped once an arm of it is null.
	a, b = hostOrder(a), hostOrder(b)
	t, ok := s.unify(&a, &b)
	if !ok {
		s.errorAt(rng, "Arms of different types", "One arm is %s, the other %s: both must be of one type.", article(a.Type), article(b.Type))
		return nil
	}
	out := tree.New(tree.Cond, t, rng, cond, a, b)
	out.Nullable = a.Type.Kind == types.Null || b.Type.Kind == types.Null || a.Nullable || b.Nullable
	return out
}

// unify finds the one type of two values in one place and converts them.
func (s *scope) unify(a, b **tree.Expr) (types.Type, bool) {
	x, y := (*a).Type, (*b).Type
	switch {
	case x.Kind == types.Null:
		return y, y.Kind != types.Null
	case y.Kind == types.Null:
		return x, true
	case x.IsNumber() && y.IsNumber():
		*a, *b = hostOrder(*a), hostOrder(*b)
		return unifyNumbers(*a, *b)
	case x.Kind == types.String && y.Kind == types.String, x.Kind == types.Bytes && y.Kind == types.Bytes:
		if x.Size == y.Size && x.Fixed == y.Fixed && x.Unit == y.Unit {
			return x, true
		}
		t := x
		t.Size, t.Fixed, t.Name = max(x.Size, y.Size), false, ""
		if x.Kind == types.Bytes && (x.Unit != y.Unit || !varying(*a) || !varying(*b)) {
			return t, false
		}
		*a, *b = readUpTo(*a, t.Size), readUpTo(*b, t.Size)
		return t, true
	case x.Kind == types.Pointer && y.Kind == types.Pointer:
		return unifyPointers(x, y)
	}
	return x, x.Kind == y.Kind && x.Same(y)
}

// unifyPointers finds the type of a pointer that is one or the other: the
// verifier trusts it only if it trusts both.
func unifyPointers(x, y types.Type) (types.Type, bool) {
	if untrusted(x.Space) != untrusted(y.Space) {
		return x, false
	}
	space := x.Space
	if y.Space != x.Space {
		space = untrusted(space)
	}
	if x.String() != y.String() || x.Elem == nil || y.Elem == nil {
		t := types.AnyPtr
		t.Space = space
		return t, true
	}
	elem := *x.Elem
	if elem.Space == types.Trusted {
		elem.Space = space
	}
	x.Space, x.Elem = space, &elem
	return x, true
}

func unifyNumbers(a, b *tree.Expr) (types.Type, bool) {
	x, y := a.Type, b.Type
	aLit, bLit := a.Op == tree.Const && a.Literal, b.Op == tree.Const && b.Literal
	switch {
	case aLit && !bLit && fits(a, y):
		return y, true
	case bLit && !aLit && fits(b, x):
		return x, true
	case (x.Unit != y.Unit || !x.Table.Equal(y.Table)) && !aLit && !bLit:
		return x, false
	case x.Same(y):
		return x, true
	}
	t := types.S64
	if x.Unsigned64() && y.Unsigned64() {
		t = types.U64
	}
	t.Unit = x.Unit
	if t.Unit == "" {
		t.Unit = y.Unit
	}
	return t, true
}
