package lower

import (
	"encoding/binary"

	"tracer/bpfgen/ir"
	"tracer/bpfgen/layout"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// memory is where a string or bytes lie: cap readable bytes at base+off. raw
// is the read helper's result: the content's length with its NUL, or an error;
// nil if the content came otherwise.
type memory struct {
	base *ir.Value
	off  int
	cap  int
	raw  *ir.Value
}

// place is where a value goes: a field of a record, key or saved entry.
type place struct {
	base  *ir.Value
	off   int
	field *layout.Field
	// zeroed: the place holds zeros, and what is not written may stay.
	zeroed bool
	// key: what follows a string's NUL must be zero, as the whole key is what
	// tells rows apart.
	key bool
	// tail is where the content of a tail field goes; nil: in place.
	tail *ir.Value
}

func (p place) addr(l *lowerer) *ir.Value { return l.offset(p.base, p.off) }

// capacity is how many bytes of content, with NUL, the place has.
func (p place) capacity() int {
	t := p.field.Type
	switch {
	case t.Kind == types.String && t.Fixed:
		return t.Size + 1
	case t.Kind == types.String:
		return t.Size + 2
	}
	return t.Size
}

// smallArea is the largest temporary, in bytes, that always goes to the stack.
const smallArea = 32

// area gives bytes of temporary memory.
func (l *lowerer) area(bytes int, name string) (base *ir.Value, off int) {
	if l.in.Scratch && bytes > smallArea {
		return l.scratchArea(bytes)
	}
	return l.slot(bytes, name), 0
}

// prepare claims scratch memory, if computing e may need some: it must happen
// before branches, so that every way out knows of it.
func (l *lowerer) prepare(e *tree.Expr) {
	if !l.in.Scratch || l.scratch != nil {
		return
	}
	needs := false
	tree.Walk(e, func(x *tree.Expr) bool {
		switch x.Op {
		case tree.Str, tree.Buf, tree.Strs:
			needs = true
		case tree.Member, tree.Arg, tree.Cond:
			needs = needs || !x.Type.IsScalar() && x.Type.Size+2 > smallArea
		case tree.Entry:
			return false
		}
		return !needs
	})
	if needs {
		l.claim()
	}
}

// memory computes a string or bytes and says where they lie.
func (l *lowerer) memory(e *tree.Expr) memory {
	key := l.key(e)
	for i := len(l.mems) - 1; i >= 0; i-- {
		if m, ok := l.mems[i][key]; ok {
			return m
		}
	}
	m := l.materialize(e)
	l.mems[len(l.mems)-1][key] = m
	return m
}

func (l *lowerer) materialize(e *tree.Expr) memory {
	if e.Op == tree.Entry && e.Type.Kind == types.String {
		if f := l.savedField(e); f != nil && l.callSlot != nil {
			return memory{base: l.callSlot, off: f.Off, cap: f.Size}
		}
	}
	f := &layout.Field{Type: e.Type, Null: -1}
	m := memory{cap: place{field: f}.capacity()}
	m.base, m.off = l.area(m.cap, e.Op.String())
	p := place{base: m.base, off: m.off, field: f}
	if e.Op != tree.Str && e.Op != tree.Member && e.Op != tree.Builtin {
		l.zero(m.base, m.off, (m.cap+7)&^7)
		p.zeroed = true
	}
	m.raw = l.into(e, p)
	return m
}

// into writes a string, bytes, array or list to its place. It gives what a
// string read helper returned, the number of bytes a list uses, or nil.
func (l *lowerer) into(e *tree.Expr, p place) *ir.Value {
	if l.tooLong() {
		return nil
	}
	pos := l.pos
	l.pos = e.Range
	defer func() { l.pos = pos }()
	for i := len(l.mems) - 1; i >= 0; i-- {
		if m, ok := l.mems[i][l.key(e)]; ok {
			return l.copyMemory(m, e.Type, p)
		}
	}
	switch e.Op {
	case tree.Const:
		l.storeBytes(p, e.Str)
		return nil
	case tree.Builtin:
		l.commInto(p)
		return nil
	case tree.Arg:
		return l.argInto(&l.in.Variant.Layout.Args[e.Int], e, p)
	case tree.Member:
		return l.memberInto(e, p)
	case tree.Str:
		return l.readStringAt(p, e.Type.Size+2, l.root(e.Args[0]), l.scalar(e.Args[0]), e.Args[0].Type.Space)
	case tree.Buf:
		l.bufInto(e, p)
		return nil
	case tree.Strs:
		return l.listInto(e, p)
	case tree.Entry:
		return l.savedInto(e, p)
	case tree.V4Mapped:
		l.v4Into(e, p)
		return nil
	case tree.Cond:
		return l.chooseInto(e, p)
	}
	l.err = bug("no bytes for %s", e.Op)
	return nil
}

// storeBytes writes known text and its NUL, or known bytes.
func (l *lowerer) storeBytes(p place, text string) {
	data := []byte(text)
	if p.field.Type.Kind == types.String {
		if len(data) > p.capacity()-1 {
			data = data[:p.capacity()-1]
		}
		data = append(data, 0)
	}
	for i := 0; i < len(data); {
		n := chunk(len(data) - i)
		var word [8]byte
		copy(word[:], data[i:i+n])
		l.storeImm(p.base, p.off+i, int64(binary.LittleEndian.Uint64(word[:])), n)
		i += n
	}
}

// chunk is the largest power of two, at most 8, that n bytes hold.
func chunk(n int) int {
	switch {
	case n >= 8:
		return 8
	case n >= 4:
		return 4
	case n >= 2:
		return 2
	}
	return 1
}

// readStringAt reads a NUL-terminated string of at most size bytes with NUL
// from addr; ptr is what a failure is counted by.
func (l *lowerer) readStringAt(p place, size int, ptr, addr *ir.Value, space types.Space) *ir.Value {
	fn := fnReadKernelStr
	if space == types.User {
		fn = fnReadUserStr
	}
	size = min(size, p.capacity())
	r := l.call(fn, p.addr(l), l.konst(int64(size)), addr)
	l.failed(r, ptr, false)
	return r
}

// argInto copies what lies in the context, or where the context says.
func (l *lowerer) argInto(a *tree.ArgLoc, e *tree.Expr, p place) *ir.Value {
	if a.Loc.Kind == tree.LocCtx && e.Type.Kind == types.String && p.key {
		return l.readStringAt(p, e.Type.Size+1, l.konst(1), l.offset(l.ctx, a.Loc.Off), types.Kernel)
	}
	if a.Loc.Kind == tree.LocCtx {
		l.copyCtx(a.Loc.Off, e.Type, p)
		return nil
	}
	word := l.loadCtx(a.Loc.Off, 4, false)
	off := l.op2(ir.OpAnd, word, l.konst(0xffff))
	if a.Loc.Kind == tree.LocRelLoc {
		off = l.op2(ir.OpAdd, off, l.konst(int64(a.Loc.Off+4)))
	}
	addr := l.op2(ir.OpAdd, l.ctx, off)
	if e.Type.Kind == types.String {
		return l.readStringAt(p, e.Type.Size+2, l.konst(1), addr, types.Kernel)
	}
	length := l.op2(ir.OpLshr, word, l.konst(16))
	l.bytesInto(p, length, l.konst(1), addr, types.Kernel)
	return nil
}

// copyCtx copies a fixed array out of the context.
func (l *lowerer) copyCtx(off int, t types.Type, p place) {
	n := min(t.Size, p.field.Size)
	if p.field.Size == 0 {
		n = min(t.Size, p.capacity())
	}
	for i := 0; i < n; {
		c := chunk(n - i)
		for (off+i)%c != 0 || (p.off+i)%c != 0 {
			c /= 2
		}
		l.store(p.base, p.off+i, l.load(l.ctx, off+i, c, false), c)
		i += c
	}
	if t.Kind == types.String {
		l.storeImm(p.base, p.off+n, 0, 1)
	}
}

// memberInto reads an array, bytes or char array behind a pointer.
func (l *lowerer) memberInto(e *tree.Expr, p place) *ir.Value {
	ptr := l.scalar(e.Args[0])
	space := e.Args[0].Type.Space
	addr := l.offset(ptr, e.Off)
	ptr = l.root(e.Args[0])
	if e.Type.Kind == types.String {
		return l.readStringAt(p, e.Type.Size+1, ptr, addr, space)
	}
	fn := fnReadKernel
	if space == types.User {
		fn = fnReadUser
	}
	r := l.call(fn, p.addr(l), l.konst(int64(e.Type.Size)), addr)
	l.failed(r, ptr, false)
	return nil
}

// bufInto reads n bytes behind a pointer.
func (l *lowerer) bufInto(e *tree.Expr, p place) {
	ptr, n := l.scalar(e.Args[0]), l.scalar(e.Args[1])
	space := e.Args[0].Type.Space
	if e.Type.Fixed {
		fn := fnReadKernel
		if space == types.User {
			fn = fnReadUser
		}
		l.failed(l.call(fn, p.addr(l), l.konst(int64(e.Type.Size)), ptr), l.root(e.Args[0]), false)
		return
	}
	if below(e.Args[1]) {
		n = l.notNegative(n)
	}
	l.bytesInto(p, n, l.root(e.Args[0]), ptr, space)
}

// notNegative is v, or 0 if v is negative.
func (l *lowerer) notNegative(v *ir.Value) *ir.Value {
	join, positive := l.newBlock("length"), l.newBlock("positive")
	zero := l.konst(0)
	l.b.If(ir.OpSge, v, zero, positive, join, l.pos)
	l.at(positive)
	l.b.Jump(join)
	l.at(join)
	return l.phi(zero, v)
}

// bytesInto writes {u32 wanted, bytes}.
func (l *lowerer) bytesInto(p place, wanted, ptr, addr *ir.Value, space types.Space) {
	limit := p.field.Type.Size
	if !p.zeroed && p.base.Op == ir.OpSlot {
		l.zero(p.base, p.off, (4+limit+7)&^7)
	}
	shown := l.clamp(l.number(wanted), 1<<31-1)
	l.store(p.base, p.off, shown, 4)
	n := l.clamp(shown, int64(limit))
	fn := fnReadKernel
	if space == types.User {
		fn = fnReadUser
	}
	r := l.call(fn, l.offset(p.base, p.off+4), n, addr)
	l.failed(r, l.ifAny(n, ptr), false)
}

// ifAny is p if n is not zero, else null: reading nothing does not fail.
func (l *lowerer) ifAny(n, p *ir.Value) *ir.Value {
	some := l.op2(ir.OpNe, n, l.konst(0))
	return l.op2(ir.OpAnd, p, l.value(ir.Value{Op: ir.OpNeg, Args: []*ir.Value{some}}))
}

// clamp is the unsigned minimum of v and a constant, as the verifier sees it.
// v is a number of which neither it nor the optimiser knows anything: what the
// optimiser relied on the verifier may have lost in between (6.12 does, of x
// where x+7 was compared).
func (l *lowerer) clamp(v *ir.Value, limit int64) *ir.Value {
	big, join := l.newBlock("large"), l.newBlock("clamped")
	most := l.konst(limit)
	l.b.If(ir.OpUle, v, most, join, big, l.pos)
	l.at(big)
	l.b.Jump(join)
	l.at(join)
	return l.phi(v, most)
}

// v4Into writes an IPv4 address as ::ffff:a.b.c.d.
func (l *lowerer) v4Into(e *tree.Expr, p place) {
	v := l.scalar(e.Args[0])
	l.storeImm(p.base, p.off, 0, 8)
	l.storeImm(p.base, p.off+8, 0xffff0000, 4)
	l.store(p.base, p.off+12, v, 4)
}

// chooseInto writes one arm or the other. The place is cleared first, so that
// both leave all of it defined.
func (l *lowerer) chooseInto(e *tree.Expr, p place) *ir.Value {
	if !p.zeroed && p.base.Op == ir.OpSlot {
		l.zero(p.base, p.off, (p.capacity()+7)&^7)
		p.zeroed = true
	}
	yes, no, join := l.newBlock("then"), l.newBlock("else"), l.newBlock("chosen")
	l.enter()
	l.branch(e.Args[0], yes, no)
	l.at(yes)
	a := l.armInto(e.Args[1], p)
	l.b.Jump(join)
	l.at(no)
	b := l.armInto(e.Args[2], p)
	l.b.Jump(join)
	l.leave()
	l.at(join)
	return l.phi(a, b)
}

// armInto writes an arm and gives the length of its string with NUL.
func (l *lowerer) armInto(e *tree.Expr, p place) *ir.Value {
	l.enter()
	defer l.leave()
	if e.Type.Kind == types.Null {
		l.storeImm(p.base, p.off, 0, 1)
		return l.konst(1)
	}
	r := l.into(e, p)
	if r == nil {
		switch {
		case e.Op == tree.Const:
			r = l.konst(int64(len(e.Str) + 1))
		case p.field.Type.Kind == types.String:
			r = l.stringLength(memory{base: p.base, off: p.off, cap: min(p.capacity(), place{field: &layout.Field{Type: e.Type}}.capacity())})
		default:
			r = l.konst(int64(e.Type.Size))
		}
	}
	return r
}

// copyMemory copies a string or bytes that are in memory already.
func (l *lowerer) copyMemory(m memory, t types.Type, p place) *ir.Value {
	if t.Kind != types.String || m.cap <= wordCopy && !p.key {
		n := min(m.cap, p.capacity())
		if t.Kind == types.Bytes && !t.Fixed {
			n = min(m.cap, p.field.Type.Size) + 4
		}
		for i := 0; i < n; {
			c := chunk(n - i)
			l.store(p.base, p.off+i, l.load(m.base, m.off+i, c, false), c)
			i += c
		}
		return m.raw
	}
	addr := l.offset(m.base, m.off)
	return l.readStringAt(p, m.cap, l.konst(1), addr, types.Kernel)
}

// wordCopy is up to how many bytes are copied word by word instead of by a
// helper, which costs some 40 ns.
const wordCopy = 64
