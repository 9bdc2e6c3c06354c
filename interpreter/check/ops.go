package check

import (
	"errors"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/interpreter/unit"
	"tracer/interpreter/value"
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
	s.neverNull(e, l, r)
	if op, ok := comparisons[e.Op]; ok {
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
		t, plain := unwrap(side).(*hclsyntax.ScopeTraversalExpr)
		if !plain || other.Type.Kind != types.Null || x.Nullable || x.Type.Kind == types.Pointer || x.Type.Untyped {
			continue
		}
		if root := t.Traversal.RootName(); root == "args" || root == "retval" || scalarBuiltins[root].Kind != types.Invalid {
			s.warnNeverNull(e.Range(), x)
		}
	}
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
	l, r := s.condition(e.LHS), s.condition(e.RHS)
	if l == nil || r == nil {
		return nil
	}
	if v, known := l.ConstBool(); known {
		if v != and {
			return l
		}
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

// readLiteral reads a string literal that stands where a value of type t is
// expected: "10ms" beside a duration, "ENOENT" beside an errno.
func (s *scope) readLiteral(e *tree.Expr, t types.Type) *tree.Expr {
	if e == nil || e.Op != tree.Const || e.Type.Kind != types.String || t.Kind == types.String || t.Kind == types.Null {
		return e
	}
	t = s.withEnumerators(t)
	if t.Unit == nameUnit {
		return s.nameLiteral(e, t)
	}
	u := unit.For(t)
	if !u.Reads() {
		return e
	}
	v, err := u.Parse(s.c.in.Env, t, e.Str)
	if err != nil {
		s.errorAt(e.Range, "Literal not understood", "The literal %q %v.", e.Str, literalError(err))
		return nil
	}
	return constValue(v, t, e.Range)
}

func literalError(err error) error {
	var le *unit.LiteralError
	if errors.As(err, &le) {
		return le
	}
	return err
}

// constValue is a parsed literal as a constant of type t (or its own).
func constValue(v value.Value, t types.Type, rng hcl.Range) *tree.Expr {
	c := tree.New(tree.Const, v.Type, rng)
	if v.Type.IsScalar() {
		c.Int = v.Int
		if t.IsScalar() {
			c.Type = t
		}
		return c
	}
	c.Str = string(v.Bytes)
	c.Type.Size = len(v.Bytes)
	return c
}

// nameUnit marks the numbers of interned names (func, probe).
const nameUnit = "lookup"

// nameLiteral is the number of a function's or probe's name; a name that
// nothing bears is a number that nothing has.
func (s *scope) nameLiteral(e *tree.Expr, t types.Type) *tree.Expr {
	if t.Table != s.c.plan.Names {
		n, ok := t.Table.Number(e.Str)
		if !ok {
			s.errorAt(e.Range, "Name not in the table", "The table of lookup has no name %q.", e.Str)
			return nil
		}
		return constInt(n, t, e.Range)
	}
	if len(s.all) > 0 && e.Str != s.label && !slices.Contains(s.all, e.Str) {
		s.warnNoName(e, s.all)
	}
	if id, ok := s.c.names[e.Str]; ok {
		return constInt(int64(id), t, e.Range)
	}
	return constInt(maxU32, t, e.Range)
}

// compare types a comparison; it is mathematically right whatever the signs.
func (s *scope) compare(op tree.Op, l, r *tree.Expr, rng hcl.Range) *tree.Expr {
	if l.Type.Kind == types.Null || r.Type.Kind == types.Null {
		return s.compareNull(op, l, r, rng)
	}
	if l.Nullable || r.Nullable {
		bad := l
		if r.Nullable {
			bad = r
		}
		s.errNullable(bad)
		return nil
	}
	ordering := op != tree.Eq && op != tree.Ne
	if ordering && (l.Type.Kind == types.Bool || r.Type.Kind == types.Bool) {
		s.errBetween(rng)
		return nil
	}
	l, r = s.readLiteral(l, r.Type), s.readLiteral(r, l.Type)
	if l == nil || r == nil {
		return nil
	}
	switch {
	case l.Type.Kind == types.Bool && r.Type.Kind == types.Bool:
		return tree.New(op, types.TBool, rng, l, r)
	case l.Type.Kind == types.Pointer && isAddress(r), r.Type.Kind == types.Pointer && isAddress(l):
		return tree.New(op, types.TBool, rng, l, r)
	case l.Type.IsNumber() && r.Type.IsNumber():
		return s.compareNumbers(op, l, r, rng)
	}
	return s.compareBytes(op, l, r, rng)
}

// isAddress says that e compares with a pointer.
func isAddress(e *tree.Expr) bool {
	return e.Type.Kind == types.Pointer || e.Type.IsNumber()
}

func (s *scope) compareNumbers(op tree.Op, l, r *tree.Expr, rng hcl.Range) *tree.Expr {
	if lu, ru := quantity(l), quantity(r); lu != "" && ru != "" && lu != ru {
		s.errorAt(rng, "Units do not match", "A %s cannot be compared with a %s.", lu, ru)
		return nil
	}
	if op != tree.Eq && op != tree.Ne {
		if l.Type.Untyped && !unsignedValue(r) {
			s.errUntyped(l)
			return nil
		}
		if r.Type.Untyped && !unsignedValue(l) {
			s.errUntyped(r)
			return nil
		}
	} else if (l.Type.Untyped && negative(r)) || (r.Type.Untyped && negative(l)) {
		s.errUntyped(pick(l.Type.Untyped, l, r))
		return nil
	}
	l, r = hostOrder(l), hostOrder(r)
	if l.Op == tree.Const && r.Op == tree.Const {
		return constBool(ordered(op, bigOf(l).Cmp(bigOf(r))), rng)
	}
	if out, done := s.outOfRange(op, l, r, rng); done {
		return out
	}
	return tree.New(op, types.TBool, rng, l, r)
}

// ordered says whether op holds of two values that compare as cmp says.
func ordered(op tree.Op, cmp int) bool {
	switch op {
	case tree.Eq:
		return cmp == 0
	case tree.Ne:
		return cmp != 0
	case tree.Lt:
		return cmp < 0
	case tree.Le:
		return cmp <= 0
	case tree.Gt:
		return cmp > 0
	}
	return cmp >= 0
}

func pick(first bool, l, r *tree.Expr) *tree.Expr {
	if first {
		return l
	}
	return r
}

func quantity(e *tree.Expr) string {
	if u := unit.ByName(e.Type.Unit); u != nil && u.Quantity {
		return e.Type.Unit
	}
	return ""
}

func negative(e *tree.Expr) bool { return e.Op == tree.Const && e.Type.Signed && int64(e.Int) < 0 }

// unsignedValue says that e is a value of the event that is itself unsigned, so
// that an untyped value may be ordered with it.
func unsignedValue(e *tree.Expr) bool { return e.Op != tree.Const && e.Type.Unsigned64() }

// outOfRange folds a comparison that a constant outside the other side's type
// decides, with a warning.
func (s *scope) outOfRange(op tree.Op, l, r *tree.Expr, rng hcl.Range) (*tree.Expr, bool) {
	c, x, flipped := r, l, false
	if l.Op == tree.Const {
		c, x, flipped = l, r, true
	}
	if c.Op != tree.Const || x.Op == tree.Const || x.Type.Kind != types.Int || fits(c, x.Type) {
		return nil, false
	}
	_, hi := bounds(x.Type)
	above := bigOf(c).Cmp(hi) > 0 // x < c always
	if flipped {
		op = mirrored[op]
	}
	result := op == tree.Ne || above && (op == tree.Lt || op == tree.Le) || !above && (op == tree.Gt || op == tree.Ge)
	s.warnAlways(rng, x, c, result)
	return constBool(result, rng), true
}

var mirrored = map[tree.Op]tree.Op{
	tree.Eq: tree.Eq, tree.Ne: tree.Ne, tree.Lt: tree.Gt, tree.Le: tree.Ge, tree.Gt: tree.Lt, tree.Ge: tree.Le,
}

func (s *scope) compareNull(op tree.Op, l, r *tree.Expr, rng hcl.Range) *tree.Expr {
	if op != tree.Eq && op != tree.Ne {
		s.errorAt(rng, "Order with null", "null has no order: compare with == or !=.")
		return nil
	}
	x := l
	if l.Type.Kind == types.Null {
		x = r
	}
	switch {
	case x.Type.Kind == types.Null:
		return constBool(op == tree.Eq, rng)
	case x.Nullable:
		out := tree.New(tree.IsNull, types.TBool, rng, x)
		if op == tree.Ne {
			out = tree.New(tree.Not, types.TBool, rng, out)
		}
		return out
	case x.Type.Kind == types.Pointer || x.Type.Untyped:
		return tree.New(op, types.TBool, rng, x, constInt(0, types.U64, rng))
	}
	return constBool(op == tree.Ne, rng)
}

// compareBytes types the equality of strings and of bytes.
func (s *scope) compareBytes(op tree.Op, l, r *tree.Expr, rng hcl.Range) *tree.Expr {
	bytesLike := func(k types.Kind) bool { return k == types.String || k == types.Bytes }
	switch {
	case l.Type.Kind == types.Text || r.Type.Kind == types.Text || l.Type.Kind == types.List || r.Type.Kind == types.List:
		s.errorAt(rng, "Comparison of printed text", "Text from a template, format, join or strs is put together only when it is printed. Compare its parts.")
		return nil
	case !bytesLike(l.Type.Kind) || l.Type.Kind != r.Type.Kind:
		s.errMismatch(rng, l, r, compareFix(l, r))
		return nil
	case op != tree.Eq && op != tree.Ne:
		s.errorAt(rng, "Order of strings", "Strings have no order here: compare with ==, !=, startswith, endswith or strcontains.")
		return nil
	}
	if l.Op == tree.Const {
		l, r = r, l
	}
	if l.Type.Kind == types.Bytes && (!l.Type.Fixed || !r.Type.Fixed) && r.Op != tree.Const {
		s.errorAt(rng, "Comparison of variable bytes", "Only bytes of one fixed length can be compared.")
		return nil
	}
	if l.Type.Kind == types.Bytes && l.Type.Fixed && l.Type.Size != r.Type.Size {
		s.errorAt(rng, "Comparison of different types", "The left side has %d bytes, the right side %d: they can never be equal.", l.Type.Size, r.Type.Size)
		return nil
	}
	out := s.stringOp(tree.StrEq, l, r, rng)
	if op == tree.Ne && out != nil {
		if v, known := out.ConstBool(); known {
			return constBool(!v, rng)
		}
		out = tree.New(tree.Not, types.TBool, rng, out)
	}
	return out
}

func compareFix(l, r *tree.Expr) string {
	for _, p := range [][2]*tree.Expr{{l, r}, {r, l}} {
		x, other := p[0], p[1]
		switch {
		case x.Type.Kind == types.Pointer && other.Type.Kind == types.String:
			return "Read the string behind the pointer with str(…)."
		case x.Type.Kind == types.String && other.Type.IsNumber() && other.Op == tree.Const:
			return "Write the number in quotes to compare text."
		case x.Type.IsNumber() && other.Op == tree.Const && other.Type.Kind == types.String:
			return "Write the number without quotes."
		case x.Type.Kind == types.Struct:
			return "Compare one of its members."
		}
	}
	return ""
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
		if x.Kind == types.Bytes && x.Unit != y.Unit {
			return t, false
		}
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
