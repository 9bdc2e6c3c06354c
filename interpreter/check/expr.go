package check

import (
	"math"
	"math/big"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// expr checks an expression and gives its typed tree, nil after an error that
// has been reported.
func (s *scope) expr(e hclsyntax.Expression) *tree.Expr {
	e = unwrap(e)
	if s.isPlan(e) {
		v, ok := s.value(e)
		if !ok {
			return nil
		}
		return s.constant(v, e.Range())
	}
	switch e := e.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		return s.traversal(e)
	case *hclsyntax.RelativeTraversalExpr:
		src := s.expr(e.Source)
		if src == nil {
			s.nameCheck(e)
			return nil
		}
		return s.steps(src, e.Traversal)
	case *hclsyntax.IndexExpr:
		return s.index(e)
	case *hclsyntax.FunctionCallExpr:
		return s.call(e)
	case *hclsyntax.BinaryOpExpr:
		return s.binary(e)
	case *hclsyntax.UnaryOpExpr:
		return s.unary(e)
	case *hclsyntax.ConditionalExpr:
		return s.conditional(e)
	case *hclsyntax.TemplateExpr:
		return s.template(e)
	case *hclsyntax.ExprSyntaxError:
		s.failed = true
		return nil // the parser has reported it
	case *hclsyntax.TupleConsExpr, *hclsyntax.ObjectConsExpr:
		s.nameCheck(e)
		s.errListHere(e)
	case *hclsyntax.ForExpr, *hclsyntax.SplatExpr, *hclsyntax.TemplateJoinExpr:
		s.nameCheck(e)
		s.errLoop(e)
	default:
		s.nameCheck(e)
		s.errorAt(e.Range(), "Expression not allowed here", "This kind of expression has no meaning at event time.")
	}
	return nil
}

// constant turns a plan-time value into a constant of the tree.
func (s *scope) constant(v cty.Value, rng hcl.Range) *tree.Expr {
	v, unitName := unmark(v)
	switch {
	case v.IsNull():
		return tree.New(tree.Const, types.TNull, rng)
	case v.Type() == cty.String:
		return constString(v.AsString(), rng)
	case v.Type() == cty.Bool:
		return constBool(v.True(), rng)
	case v.Type() == cty.Number:
		return s.constNumber(v.AsBigFloat(), unitName, rng)
	}
	s.errorAt(rng, "List or object here", "This is %s, and one value is needed here.", friendly(v.Type()))
	return nil
}

func friendly(t cty.Type) string {
	switch {
	case t.IsListType() || t.IsTupleType() || t.IsSetType():
		return "a list"
	case t.IsMapType() || t.IsObjectType():
		return "an object"
	case t == cty.String:
		return "a string"
	case t == cty.Number:
		return "a number"
	case t == cty.Bool:
		return "true or false"
	}
	return t.FriendlyName()
}

// known says what a value known before attaching is.
func known(v cty.Value) string {
	switch {
	case v.IsNull():
		return "null"
	case v.Type() == cty.Number:
		if f := v.AsBigFloat(); f.IsInt() && f.MantExp(nil) <= 64 {
			return f.Text('f', 0)
		}
		return v.AsBigFloat().Text('g', 10)
	}
	return friendly(v.Type())
}

func (s *scope) constNumber(f *big.Float, unitName string, rng hcl.Range) *tree.Expr {
	if !f.IsInt() {
		s.errFraction(rng, f.Text('g', 10))
		return nil
	}
	n, _ := f.Int(nil)
	c := tree.New(tree.Const, types.S64, rng)
	c.Literal = unitName == ""
	switch {
	case n.IsInt64():
		c.Int = uint64(n.Int64())
	case n.IsUint64():
		c.Int, c.Type = n.Uint64(), types.U64
	default:
		s.errorAt(rng, "Number too large", "%s does not fit 64 bits.", n)
		return nil
	}
	c.Type.Unit = unitName
	return c
}

func constString(text string, rng hcl.Range) *tree.Expr {
	c := tree.New(tree.Const, types.Type{Kind: types.String, Size: len(text)}, rng)
	c.Str, c.Literal = text, true
	return c
}

func constInt(n int64, t types.Type, rng hcl.Range) *tree.Expr {
	c := tree.New(tree.Const, t, rng)
	c.Int = uint64(n)
	return c
}

func constBool(b bool, rng hcl.Range) *tree.Expr {
	c := tree.New(tree.Const, types.TBool, rng)
	if b {
		c.Int = 1
	}
	return c
}

// condition checks an expression that must be true or false.
func (s *scope) condition(e hclsyntax.Expression) *tree.Expr {
	x := s.expr(e)
	switch {
	case x == nil:
		return nil
	case x.Type.Kind == types.Null:
		s.errNullCondition(x)
		return nil
	case x.Nullable:
		s.errNullable(x)
		return nil
	case x.Type.Kind != types.Bool:
		fix := ""
		if x.Type.IsNumber() || x.Type.Kind == types.Pointer {
			fix = "Compare it: x != 0."
		}
		s.errWant(x, "a condition (true or false)", fix)
		return nil
	}
	return x
}

// conjuncts are the parts of a condition joined by &&, through locals, each
// local taken apart once.
func (s *scope) conjuncts(e hclsyntax.Expression, seen map[hclsyntax.Expression]bool) []hclsyntax.Expression {
	e = s.resolveLocal(e)
	if seen[e] {
		return nil
	}
	seen[e] = true
	if b, ok := e.(*hclsyntax.BinaryOpExpr); ok && b.Op == hclsyntax.OpLogicalAnd {
		return append(s.conjuncts(b.LHS, seen), s.conjuncts(b.RHS, seen)...)
	}
	return []hclsyntax.Expression{e}
}

// conditions checks a where: its && parts, those that are always true left
// out. A part that is always false is then the only one; the others are only
// name-checked. A where that is null is as if absent.
func (s *scope) conditions(e hclsyntax.Expression) (out []*tree.Expr) {
	parts := s.conjuncts(e, map[hclsyntax.Expression]bool{})
	for i, part := range parts {
		if !s.isPlan(part) {
			continue
		}
		if len(parts) == 1 && s.isNull(part) {
			return nil
		}
		if x := s.condition(part); x != nil && x.Int == 0 && x.Op == tree.Const {
			for _, other := range slices.Delete(slices.Clone(parts), i, i+1) {
				s.nameCheck(other)
			}
			return []*tree.Expr{x}
		}
	}
	for _, part := range parts {
		if s.isPlan(part) {
			continue // true, or reported
		}
		if c, ok := unwrap(part).(*hclsyntax.ConditionalExpr); ok && len(parts) == 1 && s.isPlan(c.Condition) {
			if x := s.conditional(c); x != nil && x.Type.Kind == types.Null {
				return nil // var.all ? null : condition
			}
		}
		x := s.condition(part)
		if x == nil {
			continue
		}
		if v, known := x.ConstBool(); !known {
			out = append(out, x)
		} else if !v {
			return []*tree.Expr{x}
		}
	}
	return out
}

// number takes an expression that must be an integer, in host order, as it is
// computed with: 64 bits wide by its own sign.
func (s *scope) number(e *tree.Expr, what string) *tree.Expr {
	if e == nil {
		return nil
	}
	if e.Nullable {
		s.errNullable(e)
		return nil
	}
	if !e.Type.IsNumber() {
		fix := ""
		switch e.Type.Kind {
		case types.Null:
			s.errNullNumber(e)
			return nil
		case types.Pointer:
			fix = `Read what it points to with deref(…), or take the address itself with cast("u64", …).`
		case types.String:
			fix = "A string is no number."
		case types.Bool:
			fix = "Write condition ? 1 : 0."
		}
		s.errWant(e, what, fix)
		return nil
	}
	return hostOrder(e)
}

// hostOrder swaps an integer that memory holds in network order.
func hostOrder(e *tree.Expr) *tree.Expr {
	if !e.Type.BigEndian {
		return e
	}
	t := e.Type
	t.BigEndian, t.Name, t.Unit = false, "", ""
	if e.Op == tree.Const {
		c := *e
		c.Type = t
		c.Int = swapBytes(e.Int, t.Size)
		return &c
	}
	x := tree.New(tree.Bswap, t, e.Range, e)
	x.Int = uint64(t.Size)
	return x
}

func swapBytes(v uint64, size int) uint64 {
	var out uint64
	for range size {
		out = out<<8 | v&0xff
		v >>= 8
	}
	return out
}

// bounds are the smallest and largest value of an integer type.
func bounds(t types.Type) (lo, hi *big.Int) {
	bits := uint(t.Size * 8)
	if t.Signed {
		hi = new(big.Int).Lsh(big.NewInt(1), bits-1)
		lo = new(big.Int).Neg(hi)
		return lo, hi.Sub(hi, big.NewInt(1))
	}
	hi = new(big.Int).Lsh(big.NewInt(1), bits)
	return new(big.Int), hi.Sub(hi, big.NewInt(1))
}

// bigOf is the mathematical value of a constant integer.
func bigOf(e *tree.Expr) *big.Int {
	if e.Type.Signed {
		return big.NewInt(int64(e.Int))
	}
	return new(big.Int).SetUint64(e.Int)
}

// fits says that the constant e is within the values of t.
func fits(e *tree.Expr, t types.Type) bool {
	lo, hi := bounds(t)
	v := bigOf(e)
	return v.Cmp(lo) >= 0 && v.Cmp(hi) <= 0
}

const maxU32 = math.MaxUint32
