package check

import (
	"math/big"
	"net/netip"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"tracer/interpreter/facts"
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
	if x.Type.Unit == nameUnit && x.Type.Table == s.c.plan.Names {
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
		if limit := longest(x); len(y.Str) > limit {
			s.warnTooLong(y, limit)
			return constBool(false, rng)
		}
	}
	return tree.New(op, types.TBool, rng, x, y)
}

// longest is how many bytes a string can have; the kernel keeps 15 bytes of a
// thread's name and a NUL (TASK_COMM_LEN, include/linux/sched.h).
func longest(x *tree.Expr) int {
	if x.Op == tree.Builtin && x.Name == "comm" {
		return x.Type.Size - 1
	}
	return x.Type.Size
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
		if known, ok := test.ConstBool(); ok && !known {
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
			s.errorAt(x.Range, "Literal not understood", "The literal %q %v.", x.Str, literalError(err))
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
	out := *x
	out.Type = u.Result(x.Type)
	out.Type.Name = ""
	out.Literal = false
	if x.Nullable {
		out.Nullable = true
	}
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

func (s *scope) fnCidr(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	v, ok := s.planArg(e.Args[0], cty.String, `a network such as "10.0.0.0/8"`)
	x := s.expr(e.Args[1])
	if !ok || x == nil {
		return nil
	}
	network, err := netip.ParsePrefix(v.AsString())
	if err != nil {
		s.errorAt(e.Args[0].Range(), "No network", `%q is no network: write one such as "10.0.0.0/8" or "fe80::/10".`, v.AsString())
		return nil
	}
	if x.Nullable {
		s.errNullable(x)
		return nil
	}
	x = s.inMemory(x, unit.ByName("ip"))
	if !unit.ByName("ip").Accepts(x.Type) {
		s.errWant(x, "an address", "Write cidr(\"10.0.0.0/8\", ip(…)).")
		return nil
	}
	if x.Type.IsNumber() {
		return s.cidr4(x, network, e)
	}
	out := tree.New(tree.InNet, types.TBool, e.Range(), x)
	addr := network.Masked().Addr()
	bits := network.Bits()
	if addr.Is4() && x.Type.Size == 16 {
		bits += 96
	}
	if addr.Is6() && x.Type.Size == 4 {
		return constBool(false, e.Range())
	}
	raw := addr.As16()
	out.Str = string(raw[16-x.Type.Size:])
	out.Int = uint64(bits)
	return out
}

// cidr4 tests a __be32: its network bits, in host order.
func (s *scope) cidr4(x *tree.Expr, network netip.Prefix, e *hclsyntax.FunctionCallExpr) *tree.Expr {
	if !network.Addr().Is4() {
		return constBool(false, e.Range())
	}
	raw := network.Masked().Addr().As4()
	want := uint64(raw[0])<<24 | uint64(raw[1])<<16 | uint64(raw[2])<<8 | uint64(raw[3])
	mask := uint64(0xffffffff) << (32 - network.Bits()) & 0xffffffff
	t := x.Type
	t.Unit, t.BigEndian = "", true
	raw4 := *x
	raw4.Type = t
	host := hostOrder(&raw4)
	masked := tree.New(tree.BitAnd, types.U64, e.Range(), host, constInt(int64(mask), types.U64, e.Range()))
	return tree.New(tree.Eq, types.TBool, e.Range(), masked, constInt(int64(want), types.U64, e.Range()))
}

// cgroups is what facts may offer besides: control groups by path.
type cgroups interface {
	// Cgroup is the id and the depth below the root of a control group (v2).
	Cgroup(path string) (id uint64, level int, err error)
}

func (s *scope) fnUnderCgroup(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	v, ok := s.planArg(e.Args[0], cty.String, `a path such as "/system.slice"`)
	if !ok {
		return nil
	}
	path := v.AsString()
	if path == "/" || path == "" {
		return constBool(true, e.Range())
	}
	cg, has := s.c.in.Facts.(cgroups)
	if !has {
		s.errorAt(e.Range(), "Control groups not known", "These facts do not know the machine's control groups: %v.", facts.ErrUnknown)
		return nil
	}
	id, level, err := cg.Cgroup(path)
	if err != nil {
		s.errorAt(e.Args[0].Range(), "Unknown control group", "There is no control group %q: %v.", path, err)
		return nil
	}
	x := s.builtin("ancestor_cgroup", types.U64, e.Range())
	x.Int = uint64(level)
	return tree.New(tree.Eq, types.TBool, e.Range(), x, constInt(int64(id), types.U64, e.Range()))
}

var sockAddresses = map[string][2]string{
	"local_ip": {"skc_rcv_saddr", "skc_v6_rcv_saddr"}, "remote_ip": {"skc_daddr", "skc_v6_daddr"},
}

// sock takes an argument that is a struct sock, or a pointer to one.
func (s *scope) sock(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	x := s.pointer(e.Args[0], e.Name)
	if x == nil || s.noBTF(e.Range(), e.Name) {
		return nil
	}
	if x.Type.Elem != nil && s.complete(*x.Type.Elem).String() == "struct sock" {
		return s.member(x, "__sk_common", e.Range())
	}
	c := s.c.kernelType("struct sock")
	if c == nil {
		s.errorAt(e.Range(), "No struct sock", "This kernel's BTF has no struct sock.")
		return nil
	}
	elem := types.FromBTF(c, types.Kernel)
	p := tree.New(tree.Conv, types.Type{Kind: types.Pointer, Size: 8, Elem: &elem}, x.Range, x)
	return s.member(p, "__sk_common", e.Range())
}

// afInet6 is AF_INET6 (include/linux/socket.h).
const afInet6 = 10

func (s *scope) fnSockIP(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	common := s.sock(e)
	if common == nil {
		return nil
	}
	names := sockAddresses[e.Name]
	family := s.member(common, "skc_family", e.Range())
	v4 := s.member(common, names[0], e.Range())
	if family == nil || v4 == nil {
		return nil
	}
	t := types.Type{Kind: types.Bytes, Size: 16, Fixed: true, Unit: "ip"}
	mapped := tree.New(tree.V4Mapped, t, e.Range(), v4)
	holder := s.complete(common.Type)
	m, ok := types.FindMember(holder.C, names[1], holder.Space)
	if !ok { // a kernel without IPv6
		return mapped
	}
	m.Type = types.Type{Kind: types.Bytes, Size: 16, Fixed: true, Space: m.Type.Space}
	v6 := s.place(common, m, e.Range())
	v6.Type.Unit = "ip"
	is6 := tree.New(tree.Eq, types.TBool, e.Range(), family, constInt(afInet6, types.S64, e.Range()))
	return tree.New(tree.Cond, t, e.Range(), is6, v6, mapped)
}

func (s *scope) fnSockPort(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	common := s.sock(e)
	if common == nil {
		return nil
	}
	name := map[string]string{"local_port": "skc_num", "remote_port": "skc_dport"}[e.Name]
	x := s.member(common, name, e.Range())
	if x == nil {
		return nil
	}
	x = hostOrder(x)
	out := *x
	out.Type.Name = ""
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
