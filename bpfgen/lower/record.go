package lower

import (
	"tracer/bpfgen/ir"
	"tracer/bpfgen/layout"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// Flags of bpf_ringbuf_submit and bpf_ringbuf_query (include/uapi/linux/bpf.h).
const (
	ringNoWakeup    = 1 << 0
	ringForceWakeup = 1 << 1
	ringAvailData   = 0
)

// smallRing is up to how many bytes a ring buffer is watched at every event;
// of larger ones one event in wakeSample looks whether it fills up.
const (
	smallRing  = 512 << 10
	wakeSample = 64
)

// reserveRecord fills a record in the ring buffer itself.
func (l *lowerer) reserveRecord(done *ir.Block) {
	r := l.in.Record
	for i := range r.Fields {
		l.early(r.Fields[i].Expr)
	}
	now := l.now()
	rec := l.call(fnRingReserve, l.mapRef(l.in.Maps.Events), l.konst(int64(r.Size)), l.konst(0))
	l.nonNull(rec, l.exit(exitLost))
	l.header(rec, 0, now)
	nulls := l.fill(rec, 0, r.Fields, func(f *layout.Field) *tree.Expr { return f.Expr }, nil, false)
	l.store(rec, 4, nulls, 4)
	l.wake(func(flags int64) { l.call(fnRingSubmit, rec, l.konst(flags)) }, done)
}

// early computes the numbers of a record before it is reserved: they need
// registers and calls, and what is reserved must be submitted.
func (l *lowerer) early(e *tree.Expr) {
	if e.Type.IsScalar() && !e.Nullable {
		l.scalar(e)
	}
}

func (l *lowerer) header(base *ir.Value, off int, now *ir.Value) {
	l.storeImm(base, off, int64(l.in.Record.ID), 4)
	l.store(base, off+8, now, 8)
}

// outputRecord puts a record together in scratch memory and copies it to the
// ring buffer with its exact length.
func (l *lowerer) outputRecord(done *ir.Block) {
	r := l.in.Record
	for i := range r.Fields {
		l.early(r.Fields[i].Expr)
	}
	base, off := l.scratchArea(r.Size + r.TailMax)
	now := l.now()
	l.header(base, off, now)
	t := &tail{base: l.offset(base, off+r.Size)}
	nulls := l.fill(base, off, r.Fields, func(f *layout.Field) *tree.Expr { return f.Expr }, t, false)
	l.store(base, off+4, nulls, 4)
	size := l.konst(int64(r.Size))
	if t.used != nil {
		size = l.op2(ir.OpAdd, t.used, size)
	}
	l.wake(func(flags int64) {
		res := l.call(fnRingOutput, l.mapRef(l.in.Maps.Events), l.offset(base, off), size, l.konst(flags))
		l.check(ir.OpEq, res, l.konst(0), l.exit(exitLost))
	}, done)
}

// wake hands a record over: without waking the reader, who looks every 50 ms,
// unless the ring buffer is a quarter full.
func (l *lowerer) wake(hand func(flags int64), done *ir.Block) {
	quiet, loud := l.newBlock("no wakeup"), l.newBlock("wakeup")
	loud.Cold = true
	if l.in.Plan.RingBytes > smallRing {
		look := l.newBlock("look")
		look.Cold = true
		part := l.op2(ir.OpAnd, l.now(), l.konst(wakeSample-1))
		l.b.If(ir.OpEq, part, l.konst(0), look, quiet, nil)
		l.at(look)
	}
	full := l.call(fnRingQuery, l.mapRef(l.in.Maps.Events), l.konst(ringAvailData))
	l.b.If(ir.OpUge, full, l.konst(int64(l.in.Plan.RingBytes/4)), loud, quiet, nil)
	l.at(quiet)
	hand(ringNoWakeup)
	l.b.Jump(done)
	l.at(loud)
	hand(ringForceWakeup)
	l.b.Jump(done)
}

// tail is the part of a record behind its fixed part.
type tail struct {
	base *ir.Value
	used *ir.Value // bytes so far; nil: none
}

func (t *tail) next(l *lowerer) *ir.Value {
	if t.used == nil {
		return t.base
	}
	return l.op2(ir.OpAdd, t.base, t.used)
}

func (t *tail) add(l *lowerer, n *ir.Value) {
	if t.used == nil {
		t.used = n
		return
	}
	t.used = l.op2(ir.OpAdd, t.used, n)
}

// fill writes fields at base+off and gives the null bitmap. Cut strings are
// counted here if count is set (keys); those of records are counted when they
// are read.
func (l *lowerer) fill(base *ir.Value, off int, fields []layout.Field, of func(*layout.Field) *tree.Expr, t *tail, key bool) *ir.Value {
	nulls := l.konst(0)
	for i := range fields {
		f := &fields[i]
		e := of(f)
		p := place{base: base, off: off + f.Off, field: f, zeroed: key, key: key}
		var null *ir.Value
		switch {
		case e.Type.IsScalar() && e.Nullable:
			var v *ir.Value
			v, null = l.nullable(e)
			l.store(base, off+f.Off, v, f.Size)
		case e.Type.Kind == types.Null:
			null = l.konst(1)
		case e.Type.IsScalar():
			l.store(base, off+f.Off, l.scalar(e), f.Size)
		default:
			null = l.fillBytes(e, p, t, key)
		}
		if null != nil && f.Null >= 0 {
			nulls = l.op2(ir.OpOr, nulls, l.op2(ir.OpShl, null, l.konst(int64(f.Null))))
		}
	}
	return nulls
}

// fillBytes writes a field that lies in memory; a nullable one is written, and
// its null computed, apart.
func (l *lowerer) fillBytes(e *tree.Expr, p place, t *tail, key bool) (null *ir.Value) {
	if e.Nullable {
		null = l.nullBit(e)
	}
	if t == nil || !p.field.Tail {
		raw := l.into(e, p)
		if key {
			l.keyPart(p, raw)
		}
		return null
	}
	switch p.field.Type.Kind {
	case types.List:
		p.tail = t.next(l)
		t.add(l, l.into(e, p))
	case types.Bytes:
		l.tailBytes(e, p, t)
	default:
		l.tailString(e, p, t)
	}
	return null
}

// nullBit computes whether a nullable value has none.
func (l *lowerer) nullBit(e *tree.Expr) *ir.Value {
	if e.Op != tree.Cond || !e.Nullable {
		return l.konst(int64(boolBit(e.Type.Kind == types.Null)))
	}
	yes, no, join := l.newBlock("then"), l.newBlock("else"), l.newBlock("null")
	l.enter()
	l.branch(e.Args[0], yes, no)
	l.at(yes)
	a := l.nullBit(e.Args[1])
	l.b.Jump(join)
	l.at(no)
	b := l.nullBit(e.Args[2])
	l.b.Jump(join)
	l.leave()
	l.at(join)
	return l.phi(a, b)
}

// tailString puts a string at the end of the tail and its length in place.
func (l *lowerer) tailString(e *tree.Expr, p place, t *tail) {
	content := layout.Field{Type: p.field.Type, Size: p.field.TailMax, Null: -1}
	at := place{base: t.next(l), field: &content}
	raw := l.into(e, at)
	m := memory{base: at.base, cap: min(at.capacity(), capacityOf(e.Type)), raw: raw}
	if raw == nil && e.Op == tree.Const {
		raw = l.konst(int64(len(e.Str) + 1))
		m.raw = raw
	}
	n := l.stringLength(m)
	l.store(p.base, p.off, n, 4)
	t.add(l, n)
}

func capacityOf(t types.Type) int { return place{field: &layout.Field{Type: t}}.capacity() }

// tailBytes puts bytes at the end of the tail; in place stand the wanted
// length and the length there is.
func (l *lowerer) tailBytes(e *tree.Expr, p place, t *tail) {
	t.add(l, l.tailContent(e, p, t.next(l)))
}

// tailContent writes bytes at an address and their lengths in place, and gives
// how many there are.
func (l *lowerer) tailContent(e *tree.Expr, p place, at *ir.Value) *ir.Value {
	switch {
	case e.Op == tree.Cond:
		return l.chooseTail(e, p, at)
	case e.Type.Kind == types.Null:
		l.storeImm(p.base, p.off, 0, 8)
		return l.konst(0)
	}
	from, n := l.bytesSource(e)
	shown := l.clamp(l.number(n), 1<<31-1)
	l.store(p.base, p.off, shown, 4)
	n = l.clamp(shown, int64(p.field.Type.Size))
	l.store(p.base, p.off+4, n, 4)
	fn := fnReadKernel
	if from.space == types.User {
		fn = fnReadUser
	}
	l.failed(l.call(fn, at, n, from.addr), l.ifAny(n, from.count), false)
	return n
}

func (l *lowerer) chooseTail(e *tree.Expr, p place, at *ir.Value) *ir.Value {
	yes, no, join := l.newBlock("then"), l.newBlock("else"), l.newBlock("chosen")
	l.enter()
	l.branch(e.Args[0], yes, no)
	l.leave()
	var n [2]*ir.Value
	for i, b := range []*ir.Block{yes, no} {
		l.at(b)
		l.enter()
		n[i] = l.tailContent(e.Args[i+1], p, at)
		l.leave()
		l.b.Jump(join)
	}
	l.at(join)
	return l.phi(n[0], n[1])
}

// source is where bytes are read from; count is the pointer to count by.
type source struct {
	addr, count *ir.Value
	space       types.Space
}

// bytesSource is the address and length of bytes of varying length.
func (l *lowerer) bytesSource(e *tree.Expr) (source, *ir.Value) {
	switch e.Op {
	case tree.Buf:
		n := l.scalar(e.Args[1])
		if below(e.Args[1]) {
			n = l.notNegative(n)
		}
		return source{l.scalar(e.Args[0]), l.root(e.Args[0]), e.Args[0].Type.Space}, n
	case tree.Entry:
		if f := l.savedField(e); f != nil {
			one := l.konst(1)
			return source{l.offset(l.callSlot, f.Off+4), one, types.Kernel}, l.load(l.callSlot, f.Off, 4, false)
		}
	case tree.Arg:
		a := &l.in.Variant.Layout.Args[e.Int]
		word := l.loadCtx(a.Loc.Off, 4, false)
		off := l.op2(ir.OpAnd, word, l.konst(0xffff))
		if a.Loc.Kind == tree.LocRelLoc {
			off = l.op2(ir.OpAdd, off, l.konst(int64(a.Loc.Off+4)))
		}
		return source{l.op2(ir.OpAdd, l.ctx, off), l.konst(1), types.Kernel}, l.op2(ir.OpLshr, word, l.konst(16))
	}
	l.err = bug("no varying bytes for %s", e.Op)
	zero := l.konst(0)
	return source{zero, zero, types.Kernel}, zero
}

// keyPart makes one key of all that is shown alike: of what was cut only that
// there was more, and not what or how much.
func (l *lowerer) keyPart(p place, raw *ir.Value) {
	switch t := p.field.Type; {
	case t.Kind == types.Bytes && !t.Fixed:
		l.store(p.base, p.off, l.clamp(l.load(p.base, p.off, 4, false), int64(t.Size+1)), 4)
	case t.Kind == types.String && raw != nil:
		l.cutKey(p, raw)
	}
}

// cutKey marks and counts a string of a key that was longer than its column.
func (l *lowerer) cutKey(p place, raw *ir.Value) {
	size := p.field.Type.Size
	slot := l.counter(&l.cuts, "cut strings")
	cut, done := l.newBlock("cut"), l.newBlock("whole")
	cut.Cold = true
	l.b.If(ir.OpEq, raw, l.konst(int64(size+2)), cut, done, nil)
	l.at(cut)
	l.storeImm(p.base, p.off+size, 1, 1)
	l.store(slot, 0, l.op2(ir.OpAdd, l.load(slot, 0, 8, false), l.konst(1)), 8)
	l.b.Jump(done)
	l.at(done)
}
