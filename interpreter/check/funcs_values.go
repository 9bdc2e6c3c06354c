package check

import (
	"math/big"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/interpreter/unit"
)

var bitOps = map[string]tree.Op{
	"bitand": tree.BitAnd, "bitor": tree.BitOr, "bitxor": tree.BitXor, "shl": tree.Shl, "shr": tree.Shr,
}

func (s *scope) fnBits(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	a, b := s.number(s.expr(e.Args[0]), "a number"), s.number(s.expr(e.Args[1]), "a number")
	if a == nil || b == nil {
		return nil
	}
	op := bitOps[e.Name]
	t := arithType(a, b)
	switch op {
	case tree.Shl, tree.Shr:
		t = types.S64
		if !a.Type.Signed {
			t = types.U64
		}
	case tree.BitAnd, tree.BitOr, tree.BitXor:
		if !a.Type.Signed && !b.Type.Signed {
			t = types.U64
		}
	}
	return tree.New(op, t, e.Range(), a, b)
}

func (s *scope) fnBitnot(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	a := s.number(s.expr(e.Args[0]), "a number")
	if a == nil {
		return nil
	}
	t := types.Type{Kind: types.Int, Size: a.Type.Size, Signed: a.Type.Signed}
	not := tree.New(tree.BitNot, types.U64, e.Range(), a)
	return tree.New(tree.Conv, t, e.Range(), not)
}

// fnSwap is ntohs, ntohl and bswap. A value that BTF knows to be in network
// order is swapped once, not twice.
func (s *scope) fnSwap(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	x := s.expr(e.Args[0])
	if x == nil {
		return nil
	}
	if x.Type.BigEndian {
		return hostOrder(x)
	}
	if x = s.number(x, "a number"); x == nil {
		return nil
	}
	size := map[string]int{"ntohs": 2, "ntohl": 4, "bswap": x.Type.Size}[e.Name]
	t := types.Type{Kind: types.Int, Size: size}
	if size == 1 {
		return x
	}
	out := tree.New(tree.Bswap, t, e.Range(), x)
	out.Int = uint64(size)
	return out
}

func (s *scope) fnMinMax(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	op := tree.Min
	if e.Name == "max" {
		op = tree.Max
	}
	out := s.expr(e.Args[0])
	for _, arg := range e.Args[1:] {
		b := s.expr(arg)
		if out == nil || b == nil {
			return nil
		}
		out, b = s.readLiteral(out, b.Type), s.readLiteral(b, out.Type)
		if out = s.number(out, "a number"); out == nil {
			return nil
		}
		if b = s.number(b, "a number"); b == nil {
			return nil
		}
		t := arithType(out, b)
		if u, ok := unit.Arithmetic(unit.Add, out.Type.Unit, b.Type.Unit); ok {
			t.Unit = u
		} else {
			s.errorAt(e.Range(), "Units do not match", "A %s and a %s cannot be compared.", unitWord(out.Type.Unit), unitWord(b.Type.Unit))
			return nil
		}
		out = tree.New(op, t, e.Range(), out, b)
	}
	return out
}

func (s *scope) fnAbs(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	x := s.number(s.expr(e.Args[0]), "a number")
	if x == nil || !x.Type.Signed {
		return x
	}
	t := types.S64
	t.Unit, _ = unit.Arithmetic(unit.Subtract, x.Type.Unit, "")
	neg := tree.New(tree.Neg, t, e.Range(), x)
	return tree.New(tree.Max, t, e.Range(), x, neg)
}

var stringTests = map[string]tree.Op{
	"startswith": tree.StartsWith, "endswith": tree.EndsWith, "strcontains": tree.StrContains,
}

func (s *scope) fnStringTest(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	x := s.expr(e.Args[0])
	part, ok := s.planArg(e.Args[1], cty.String, "the text to look for")
	if x == nil || !ok {
		return nil
	}
	op, text := stringTests[e.Name], part.AsString()
	if s.isName(x) {
		return s.nameTest(op, x, text, e)
	}
	if x.Nullable {
		s.errNullable(x)
		return nil
	}
	if x.Type.Kind != types.String {
		fix := ""
		if x.Type.Kind == types.Pointer {
			fix = "Read the string behind the pointer with str(…)."
		}
		s.errWant(x, "a string", fix)
		return nil
	}
	return s.stringOp(op, x, constString(text, e.Args[1].Range()), e.Range())
}

// stringOp makes a test of a string against another, folding what is known.
func (s *scope) stringOp(op tree.Op, x, y *tree.Expr, rng hcl.Range) *tree.Expr {
	if y.Op == tree.Const {
		if x.Op == tree.Const {
			return constBool(holds(op, x.Str, y.Str), rng)
		}
		if y.Str == "" && op != tree.StrEq {
			return constBool(true, rng)
		}
		if limit := x.Type.Size; len(y.Str) > limit {
			s.warnTooLong(y, limit)
			return constBool(false, rng)
		}
	}
	return tree.New(op, types.TBool, rng, x, y)
}

// nameTest tests the name of a function or probe: the names are known, so it
// is one of those that pass.
func (s *scope) nameTest(op tree.Op, x *tree.Expr, text string, e *hclsyntax.FunctionCallExpr) *tree.Expr {
	if x.Op == tree.Const {
		name, _ := x.Type.Table.Name(int64(x.Int))
		return constBool(holds(op, name, text), e.Range())
	}
	out := tree.New(tree.In, types.TBool, e.Range(), x)
	for _, name := range s.targets {
		if holds(op, name, text) {
			out.Args = append(out.Args, constInt(int64(s.c.intern(name)), x.Type, e.Range()))
		}
	}
	if len(out.Args) == 1 {
		return constBool(false, e.Range())
	}
	return out
}

func (s *scope) fnContains(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	list := s.resolveLocal(e.Args[0])
	if t, ok := list.(*hclsyntax.TupleConsExpr); ok && !s.isPlan(list) {
		s.nameCheck(t)
		s.errorAt(list.Range(), "Known list needed", "The list of contains must be known before attaching. Write x == a || x == b for values of the event.")
		return nil
	}
	v, ok := s.planArg(e.Args[0], cty.DynamicPseudoType, "a list")
	x := s.expr(e.Args[1])
	if !ok || x == nil {
		return nil
	}
	if t := v.Type(); !t.IsListType() && !t.IsTupleType() && !t.IsSetType() {
		s.errorAt(e.Args[0].Range(), "Wrong type", "This is %s; contains takes the list first: contains([1, 2], x).", friendly(t))
		return nil
	}
	return s.membership(x, v, e)
}

func (s *scope) membership(x *tree.Expr, list cty.Value, e *hclsyntax.FunctionCallExpr) *tree.Expr {
	if x.Nullable {
		s.errNullable(x)
		return nil
	}
	in := tree.New(tree.In, types.TBool, e.Range(), nil)
	var tests []*tree.Expr
	for it := list.ElementIterator(); it.Next(); {
		_, v := it.Element()
		c := s.constant(v, e.Args[0].Range())
		if c == nil {
			return nil
		}
		test := s.compare(tree.Eq, x, c, e.Range())
		if test == nil {
			return nil
		}
		if known, ok := test.ConstBool(); ok {
			if known {
				return constBool(true, e.Range())
			}
			continue
		}
		if test.Op == tree.Eq && test.Args[1].Op == tree.Const && test.Args[0].Type.IsNumber() {
			in.Args[0] = test.Args[0]
			in.Args = append(in.Args, test.Args[1])
			continue
		}
		tests = append(tests, test)
	}
	if len(in.Args) > 1 {
		tests = append(tests, in)
	}
	if len(tests) == 0 {
		return constBool(false, e.Range())
	}
	out := tests[0]
	for _, t := range tests[1:] {
		out = tree.New(tree.Or, types.TBool, e.Range(), out, t)
	}
	return out
}

// fnUnit is a printable type's function: the same value, printed otherwise.
func (s *scope) fnUnit(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	u := unit.ByName(e.Name)
	x := s.expr(e.Args[0])
	if x == nil {
		return nil
	}
	if x.Type.Kind == types.String && x.Op == tree.Const {
		v, err := u.Parse(s.c.in.Env, types.Type{}, x.Str)
		if err != nil {
			s.errorAt(s.at(x), "Literal not understood", "The literal %q %v.", x.Str, literalError(err))
			return nil
		}
		return constValue(v, types.Type{}, x.Range)
	}
	x = s.inMemory(x, u)
	if !u.Accepts(x.Type) {
		s.errWant(x, u.Takes, "")
		return nil
	}
	if u.Name != "ip" && x.Type.IsNumber() {
		x = hostOrder(x)
	}
	if u.Name == "errno" {
		if x = s.signedError(x); x == nil {
			return nil
		}
	}
	out := *x
	out.Type = u.Result(x.Type)
	out.Type.Name = ""
	out.Type.Fixed = out.Type.Fixed && !(x.Type.Kind == types.Bytes && !x.Type.Fixed)
	out.Literal = false
	return &out
}

// inMemory turns a small struct or array of bytes (in6_addr, __u8[4]) into
// bytes, for ip and mac; mac follows a pointer.
func (s *scope) inMemory(x *tree.Expr, u *unit.Unit) *tree.Expr {
	t := x.Type
	if u.Name == "mac" && t.Kind == types.Pointer {
		m := tree.New(tree.Member, types.Type{Kind: types.Bytes, Size: 6, Fixed: true, Space: t.Space}, x.Range, x)
		return m
	}
	size := t.Size
	isBytes := t.Kind == types.Struct && size == 16 || t.Kind == types.Array && t.Elem != nil && t.Elem.Size == 1
	if !isBytes || u.Name != "ip" && u.Name != "mac" {
		return x
	}
	out := *x
	out.Type = types.Type{Kind: types.Bytes, Size: size, Fixed: true, Space: t.Space, Name: t.Name}
	return &out
}

// nameTable evaluates the { number = "NAME" } of lookup and flags.
func (s *scope) nameTable(e hclsyntax.Expression, other string) (*types.NameTable, bool) {
	v, ok := s.planArg(e, cty.DynamicPseudoType, `a table such as { 1 = "NAME" }`)
	if !ok {
		return nil, false
	}
	if !v.Type().IsObjectType() && !v.Type().IsMapType() {
		s.errorAt(e.Range(), "Wrong type", `This must be a table such as { 1 = "NAME" }, and it is %s.`, friendly(v.Type()))
		return nil, false
	}
	names := map[int64]string{}
	for it := v.ElementIterator(); it.Next(); {
		k, name := it.Element()
		n, ok := new(big.Int).SetString(k.AsString(), 10)
		if !ok || !n.IsInt64() && !n.IsUint64() {
			s.errorAt(e.Range(), "Table key no number", "The key %q of the table is no whole number. Write (flag_of(\"NAME\")) in parentheses to use an expression as a key.", k.AsString())
			return nil, false
		}
		if name, _ = name.Unmark(); name.IsNull() || name.Type() != cty.String {
			s.errorAt(e.Range(), "Table value no text", "The names in the table are strings in quotes.")
			return nil, false
		}
		number := n.Int64()
		if n.IsUint64() {
			number = int64(n.Uint64())
		}
		names[number] = name.AsString()
	}
	return types.NewNameTable(names, other), true
}

func (s *scope) fnLookup(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	other := ""
	if len(e.Args) > 2 {
		v, ok := s.planArg(e.Args[2], cty.String, "the text for all other numbers")
		if !ok {
			return nil
		}
		other = v.AsString()
	}
	table, ok := s.nameTable(e.Args[0], other)
	return s.tabled("lookup", table, ok, e.Args[1])
}

func (s *scope) fnFlags(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	table, ok := s.nameTable(e.Args[1], "")
	return s.tabled("flags", table, ok, e.Args[0])
}

// signedError is a number as errno sees it: errors are negative, so that an
// unsigned number is one of its width. Of how many bits an untyped one is, is
// not known.
func (s *scope) signedError(x *tree.Expr) *tree.Expr {
	switch {
	case x.Type.Untyped:
		s.errUntyped(x)
		return nil
	case x.Type.Signed || x.Type.Kind != types.Int:
		return x
	}
	return tree.New(tree.Conv, types.Type{Kind: types.Int, Size: x.Type.Size, Signed: true}, x.Range, x)
}

func (s *scope) tabled(name string, table *types.NameTable, ok bool, arg hclsyntax.Expression) *tree.Expr {
	x := s.expr(arg)
	if x == nil || !ok {
		return nil
	}
	u := unit.ByName(name)
	if !u.Accepts(x.Type) {
		s.errWant(x, u.Takes, "")
		return nil
	}
	x = hostOrder(x)
	out := *x
	out.Type = u.Result(x.Type)
	out.Type.Table, out.Type.Name = table, ""
	out.Literal = false
	return &out
}

func holds(op tree.Op, s, part string) bool {
	switch op {
	case tree.StrEq:
		return s == part
	case tree.StartsWith:
		return len(s) >= len(part) && s[:len(part)] == part
	case tree.EndsWith:
		return len(s) >= len(part) && s[len(s)-len(part):] == part
	}
	for i := 0; i+len(part) <= len(s); i++ {
		if s[i:i+len(part)] == part {
			return true
		}
	}
	return false
}
