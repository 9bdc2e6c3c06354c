package check

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2"

	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/interpreter/unit"
	"tracer/interpreter/value"
)

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
		s.errorAt(s.at(e), "Literal not understood", "The literal %q %v.", e.Str, literalError(err))
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
	c := tree.New(tree.Const, *v.Type, rng)
	if v.Type.IsScalar() {
		c.Int = v.Int
		if t.IsScalar() && (!t.IsNumber() || fits(c, t)) {
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
			s.errorAt(s.at(e), "Name not in the table", "The table of lookup has no name %q.", e.Str)
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
	if out := s.compareName(op, l, r, rng); out != nil {
		return out
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
		if s.isName(l) || s.isName(r) {
			s.errOrderOfStrings(rng)
			return nil
		}
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
	if x, c := pick(r.Op == tree.Const, l, r), pick(r.Op == tree.Const, r, l); x.Type.Unit == "errno" && c.Op == tree.Const && !negative(c) && c.Int != 0 {
		s.warnSignOfError(rng, c)
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

// isName says that e is func or probe: a number that stands for a name.
func (s *scope) isName(e *tree.Expr) bool {
	return e.Type.Unit == nameUnit && e.Type.Table == s.c.plan.Names
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
	if c.Op != tree.Const || x.Op == tree.Const || !x.Type.IsNumber() {
		return nil, false
	}
	if c.Int == 0 && !x.Type.Signed {
		return s.besideZero(op, x, c, flipped, rng)
	}
	if fits(c, x.Type) {
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

// besideZero folds the comparisons of an unsigned value with 0 that are decided:
// x >= 0 in silence, as a threshold may be 0, x < 0 with a warning.
func (s *scope) besideZero(op tree.Op, x, zero *tree.Expr, flipped bool, rng hcl.Range) (*tree.Expr, bool) {
	if flipped {
		op = mirrored[op]
	}
	switch op {
	case tree.Ge:
		return constBool(true, rng), true
	case tree.Lt:
		s.warnAlways(rng, x, zero, false)
		return constBool(false, rng), true
	}
	return nil, false
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
		s.errMismatch(rng, l, r, s.compareFix(l, r))
		return nil
	case op != tree.Eq && op != tree.Ne:
		s.errOrderOfStrings(rng)
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

func (s *scope) compareFix(l, r *tree.Expr) string {
	for _, p := range [][2]*tree.Expr{{l, r}, {r, l}} {
		x, other := p[0], p[1]
		switch {
		case x.Type.Kind == types.Pointer && other.Type.Kind == types.String:
			return "Read the string behind the pointer with str(…)."
		case x.Type.Kind == types.String && other.Type.IsNumber() && other.Op == tree.Const:
			return "Write the number in quotes to compare text."
		case x.Type.IsNumber() && other.Op == tree.Const && other.Type.Kind == types.String:
			return s.numberFix(x, other.Str)
		case x.Type.Kind == types.Struct:
			return "Compare one of its members."
		}
	}
	return ""
}

// numberFix says how a number compares with a text: "4KiB" is one beside a
// size, "ENOENT" beside an error.
func (s *scope) numberFix(x *tree.Expr, text string) string {
	for _, name := range []string{"size", "duration", "errno", "signal", "ip"} {
		t := x.Type
		t.Unit = name
		if _, err := strconv.ParseInt(text, 10, 64); err == nil {
			break
		}
		if _, err := unit.For(t).Parse(s.c.in.Env, t, text); err == nil {
			return fmt.Sprintf("As %s(…), the number compares with %q.", name, text)
		}
	}
	return "Write the number without quotes; a variable that holds it needs type = number."
}
