package lower

import (
	"tracer/bpfgen/ir"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// scalar computes an expression that is one register: 64 bits, extended by the
// type's sign. The same expression is computed once.
func (l *lowerer) scalar(e *tree.Expr) *ir.Value {
	return l.computed(l.key(e), e, l.compute)
}

// pointer computes a trusted pointer as the verifier knows it: to load through,
// and for nothing else.
func (l *lowerer) pointer(e *tree.Expr) *ir.Value {
	return l.computed("\x00pointer "+l.key(e), e, func(e *tree.Expr) *ir.Value {
		switch e.Op {
		case tree.Arg:
			return l.location(&l.in.Variant.Layout.Args[e.Int])
		case tree.Builtin:
			return l.builtin(e)
		}
		return l.direct(e)
	})
}

// computed is what compute makes of e, once an event.
func (l *lowerer) computed(key string, e *tree.Expr, compute func(*tree.Expr) *ir.Value) *ir.Value {
	if v := l.remembered(key); v != nil {
		return v
	}
	if l.tooLong() {
		return l.konst(0)
	}
	pos := l.pos
	l.pos = e.Range
	v := compute(e)
	l.pos = pos
	l.remember(key, v)
	return v
}

// number makes a number of a pointer that the verifier knows.
func (l *lowerer) number(p *ir.Value) *ir.Value {
	return l.value(ir.Value{Op: ir.OpNumber, Args: []*ir.Value{p}})
}

// binaryOps are the operations that are one instruction whatever the sign.
var binaryOps = map[tree.Op]ir.Op{
	tree.Add: ir.OpAdd, tree.Sub: ir.OpSub, tree.Mul: ir.OpMul,
	tree.BitAnd: ir.OpAnd, tree.BitOr: ir.OpOr, tree.BitXor: ir.OpXor, tree.Shl: ir.OpShl,
}

func (l *lowerer) compute(e *tree.Expr) *ir.Value {
	if op, ok := binaryOps[e.Op]; ok {
		return l.op2(op, l.scalar(e.Args[0]), l.scalar(e.Args[1]))
	}
	if l.trusted(e) {
		return l.number(l.pointer(e))
	}
	switch e.Op {
	case tree.Const:
		return l.konst(int64(e.Int))
	case tree.Arg:
		return l.location(&l.in.Variant.Layout.Args[e.Int])
	case tree.Ret:
		return l.location(l.in.Variant.Layout.Ret)
	case tree.Builtin:
		return l.builtin(e)
	case tree.Entry:
		return l.savedScalar(e)
	case tree.Member:
		return l.member(e)
	case tree.PtrAdd:
		return l.op2(ir.OpAdd, l.scalar(e.Args[0]), l.op2(ir.OpMul, l.scalar(e.Args[1]), l.konst(int64(e.Int))))
	case tree.Neg:
		return l.value(ir.Value{Op: ir.OpNeg, Args: []*ir.Value{l.scalar(e.Args[0])}})
	case tree.BitNot:
		return l.op2(ir.OpXor, l.scalar(e.Args[0]), l.konst(-1))
	case tree.Not:
		return l.op2(ir.OpXor, l.scalar(e.Args[0]), l.konst(1))
	case tree.Bswap:
		return l.value(ir.Value{Op: ir.OpBswap, Args: []*ir.Value{l.scalar(e.Args[0])}, Size: int(e.Int)})
	case tree.Conv:
		return l.convert(e)
	case tree.Div, tree.Mod:
		return l.divide(e)
	case tree.Shr:
		op := ir.OpLshr
		if e.Type.Signed {
			op = ir.OpAshr
		}
		return l.op2(op, l.scalar(e.Args[0]), l.scalar(e.Args[1]))
	case tree.Min, tree.Max:
		return l.extreme(e)
	case tree.Eq, tree.Ne, tree.Lt, tree.Le, tree.Gt, tree.Ge:
		return l.compareValue(e.Op, e.Args[0], e.Args[1])
	case tree.And, tree.Or, tree.In, tree.StrEq, tree.StartsWith, tree.EndsWith, tree.StrContains, tree.InNet, tree.IsNull:
		return l.truth(e)
	case tree.Cond:
		return l.chooseScalar(e)
	}
	l.err = bug("no value for %s", e.Op)
	return l.konst(0)
}

// truth makes 0 or 1 of a condition that is made of branches.
func (l *lowerer) truth(e *tree.Expr) *ir.Value {
	yes, no, join := l.newBlock("true"), l.newBlock("false"), l.newBlock("truth")
	l.enter()
	l.branch(e, yes, no)
	l.leave()
	l.at(yes)
	one := l.konst(1)
	yes.Jump(join)
	l.at(no)
	zero := l.konst(0)
	no.Jump(join)
	l.at(join)
	return l.phi(one, zero)
}

func (l *lowerer) chooseScalar(e *tree.Expr) *ir.Value {
	yes, no, join := l.newBlock("then"), l.newBlock("else"), l.newBlock("chosen")
	l.branch(e.Args[0], yes, no)
	l.at(yes)
	a := l.arm(e.Args[1])
	l.b.Jump(join)
	l.at(no)
	b := l.arm(e.Args[2])
	l.b.Jump(join)
	l.at(join)
	return l.phi(a, b)
}

// arm computes in a scope of its own; null is zero.
func (l *lowerer) arm(e *tree.Expr) *ir.Value {
	if e.Type.Kind == types.Null {
		return l.konst(0)
	}
	l.enter()
	defer l.leave()
	return l.scalar(e)
}

func (l *lowerer) convert(e *tree.Expr) *ir.Value {
	v := l.scalar(e.Args[0])
	switch {
	case e.Type.Kind == types.Bool && e.Args[0].Type.Kind != types.Bool:
		return l.op2(ir.OpNe, v, l.konst(0))
	case e.Type.Size < 8:
		return l.ext(v, e.Type.Size, e.Type.Signed)
	}
	return v
}

// location loads an argument or return value from its place.
func (l *lowerer) location(a *tree.ArgLoc) *ir.Value {
	loc := a.Loc
	var v *ir.Value
	switch loc.Kind {
	case tree.LocConst:
		v = l.konst(loc.Const)
	case tree.LocUser:
		v = l.userOperand(loc, a.Type)
	default:
		v = l.loadCtx(loc.Off, loc.Size, a.Type.Signed && loc.Size == a.Type.Size)
		if loc.Shift != 0 {
			v = l.op2(ir.OpLshr, v, l.konst(int64(loc.Shift)))
		}
	}
	if a.Type.Kind == types.Bool {
		return l.op2(ir.OpNe, l.ext(v, 1, false), l.konst(0))
	}
	if loc.Width > 0 {
		return l.ext(v, loc.Width, loc.Signed)
	}
	if a.Type.Size < loc.Size || loc.Kind == tree.LocConst || loc.Kind == tree.LocUser || loc.Shift != 0 {
		return l.ext(v, a.Type.Size, a.Type.Signed)
	}
	return v
}

// userOperand reads a USDT memory operand or a stack argument.
func (l *lowerer) userOperand(loc tree.Loc, t types.Type) *ir.Value {
	addr := l.konst(int64(loc.Off))
	if loc.Base >= 0 {
		addr = l.op2(ir.OpAdd, addr, l.loadCtx(loc.Base, 8, false))
	}
	if loc.Index >= 0 {
		index := l.op2(ir.OpMul, l.loadCtx(loc.Index, 8, false), l.konst(int64(loc.Scale)))
		addr = l.op2(ir.OpAdd, addr, index)
	}
	size := max(1, loc.Size)
	return l.read(addr, size, false, types.User, true)
}

// read copies size bytes (at most 8) from an address and loads them. A failed
// read gives zero and is counted, unless the pointer is null.
func (l *lowerer) read(addr *ir.Value, size int, signed bool, space types.Space, always bool) *ir.Value {
	return l.readFrom(addr, addr, size, signed, space, always)
}

// readFrom is read where the pointer to count by and the address differ.
func (l *lowerer) readFrom(p, addr *ir.Value, size int, signed bool, space types.Space, always bool) *ir.Value {
	fn := fnReadKernel
	if space == types.User {
		fn = fnReadUser
	}
	tmp := l.slot(8, "read")
	r := l.call(fn, tmp, l.konst(int64(size)), addr)
	l.failed(r, p, always)
	return l.load(tmp, 0, size, signed)
}

// failed counts a read helper's error.
func (l *lowerer) failed(r, p *ir.Value, always bool) {
	counter := l.counter(&l.fails, "failed reads")
	if always {
		p = l.konst(1)
	}
	l.intrinsic(ir.ReadFailed, nil, r, p, counter)
}

// member loads a scalar member: directly where the verifier knows the pointer
// by BTF, else by a helper. A null pointer gives zero.
func (l *lowerer) member(e *tree.Expr) *ir.Value {
	if l.trusted(e.Args[0]) && e.Bits == nil && !e.Union {
		// Newer kernels know pointers to numbers too. Of numbers older ones (6.1) tell
		// those that are 0 from those loaded: each would double the verifier's states.
		return l.number(l.direct(e))
	}
	signed := e.Type.Signed && e.Bits == nil
	v := l.readFrom(l.root(e.Args[0]), l.offset(l.scalar(e.Args[0]), e.Off), memberSize(e), signed, e.Args[0].Type.Space, false)
	if e.Bits != nil {
		v = l.bitfield(v, e.Bits, e.Type.Signed)
	}
	if e.Type.Kind == types.Bool {
		return l.op2(ir.OpNe, v, l.konst(0))
	}
	return v
}

// memberSize is how many bytes a scalar member has.
func memberSize(e *tree.Expr) int {
	if e.Type.Kind == types.Pointer {
		return 8
	}
	return e.Type.Size
}

// root is the pointer that an address is counted from: a null there is no
// failure, whatever was added to it.
func (l *lowerer) root(e *tree.Expr) *ir.Value {
	for e.Op == tree.PtrAdd {
		e = e.Args[0]
	}
	return l.scalar(e)
}

// bitfield takes bits out of a loaded unit.
func (l *lowerer) bitfield(v *ir.Value, b *tree.Bits, signed bool) *ir.Value {
	v = l.op2(ir.OpShl, v, l.konst(int64(64-b.Shift-b.Size)))
	op := ir.OpLshr
	if signed {
		op = ir.OpAshr
	}
	return l.op2(op, v, l.konst(int64(64-b.Size)))
}

// direct is a plain load of a member through a pointer the verifier knows; it
// may be null.
func (l *lowerer) direct(e *tree.Expr) *ir.Value {
	p := l.pointer(e.Args[0])
	some, join := l.newBlock("not null"), l.newBlock("loaded")
	zero := l.konst(0)
	l.b.If(ir.OpNe, p, zero, some, join, l.pos)
	l.at(some)
	v := l.load(p, e.Off, memberSize(e), e.Type.Signed)
	l.b.Jump(join)
	l.at(join)
	return l.phi(zero, v)
}

// trusted says that the verifier knows what the pointer points to.
func (l *lowerer) trusted(e *tree.Expr) bool {
	switch e.Op {
	case tree.Arg:
		return e.Type.Kind == types.Pointer && e.Type.Elem != nil && e.Type.Elem.Kind == types.Struct && e.Type.Space == types.Trusted && l.in.Variant.Mechanism.Name == "tp_btf"
	case tree.Builtin:
		return e.Name == "task" && e.Type.Space == types.Trusted
	case tree.Member:
		return e.Type.Kind == types.Pointer && e.Bits == nil && !e.Union && e.Type.Elem != nil && e.Type.Elem.Kind == types.Struct && l.trusted(e.Args[0]) && l.followed(e)
	}
	return false
}

// mostFollowed is how many pointers that were loaded, and may be null, are kept
// as such at a time: the verifier walks what follows for each of them null and
// not, in all combinations. The members behind others are read by the helper.
const mostFollowed = 6

func (l *lowerer) followed(e *tree.Expr) bool {
	key := l.key(e)
	if !l.pointers[key] && len(l.pointers) < mostFollowed {
		l.pointers[key] = true
	}
	return l.pointers[key]
}

// divide truncates towards zero; x/0 is 0 and x%0 is x.
func (l *lowerer) divide(e *tree.Expr) *ir.Value {
	a, b := l.scalar(e.Args[0]), l.scalar(e.Args[1])
	div := e.Op == tree.Div
	if !e.Type.Signed || nonNegative(e.Args[0].Type) && nonNegative(e.Args[1].Type) {
		if div {
			return l.op2(ir.OpUDiv, a, b)
		}
		return l.op2(ir.OpUMod, a, b)
	}
	// By magnitudes: the sign is s = x >> 63, |x| = (x ^ s) - s.
	sa := l.op2(ir.OpAshr, a, l.konst(63))
	ua := l.op2(ir.OpSub, l.op2(ir.OpXor, a, sa), sa)
	ub := l.magnitude(e.Args[1], b)
	if !div {
		r := l.op2(ir.OpUMod, ua, ub)
		return l.op2(ir.OpSub, l.op2(ir.OpXor, r, sa), sa)
	}
	q := l.op2(ir.OpUDiv, ua, ub)
	s := sa
	if !nonNegative(e.Args[1].Type) {
		s = l.op2(ir.OpXor, sa, l.op2(ir.OpAshr, b, l.konst(63)))
	}
	return l.op2(ir.OpSub, l.op2(ir.OpXor, q, s), s)
}

func (l *lowerer) magnitude(e *tree.Expr, v *ir.Value) *ir.Value {
	if nonNegative(e.Type) {
		return v
	}
	s := l.op2(ir.OpAshr, v, l.konst(63))
	return l.op2(ir.OpSub, l.op2(ir.OpXor, v, s), s)
}

// nonNegative says that a value of t is never negative as 64 signed bits.
func nonNegative(t types.Type) bool { return !t.Signed && t.Size < 8 }

func (l *lowerer) extreme(e *tree.Expr) *ir.Value {
	a, b := l.scalar(e.Args[0]), l.scalar(e.Args[1])
	first := tree.Le
	if e.Op == tree.Max {
		first = tree.Ge
	}
	cond := l.compareValue(first, e.Args[0], e.Args[1])
	other, join := l.newBlock("other"), l.newBlock("extreme")
	l.b.If(ir.OpNe, cond, l.konst(0), join, other, l.pos)
	l.at(other)
	l.b.Jump(join)
	l.at(join)
	return l.phi(a, b)
}

// branchNull tests whether a nullable value has none; the value is not computed.
func (l *lowerer) branchNull(e *tree.Expr, yes, no *ir.Block) {
	l.b.If(ir.OpNe, l.nullBit(e), l.konst(0), yes, no, e.Range)
}

// nullable computes a scalar that may be null, and whether it is (0 or 1).
func (l *lowerer) nullable(e *tree.Expr) (v, null *ir.Value) {
	if !e.Nullable || e.Op != tree.Cond {
		return l.arm(e), l.konst(int64(boolBit(e.Type.Kind == types.Null)))
	}
	yes, no, join := l.newBlock("then"), l.newBlock("else"), l.newBlock("chosen")
	l.enter()
	l.branch(e.Args[0], yes, no)
	l.at(yes)
	av, an := l.nullable(e.Args[1])
	l.b.Jump(join)
	l.at(no)
	bv, bn := l.nullable(e.Args[2])
	l.b.Jump(join)
	l.leave()
	l.at(join)
	return l.phi(av, bv), l.phi(an, bn)
}

func boolBit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
