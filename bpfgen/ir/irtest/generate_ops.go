package irtest

import "tracer/bpfgen/ir"

var interesting = []int64{0, 1, -1, 2, 7, 8, 63, 64, 65, 255, 256, 1000, 4096, 65535, 1 << 31, 1<<31 - 1, -1 << 31, 1<<32 - 1, 1 << 32, 1<<63 - 1, -1 << 63, 0x123456789abcdef}

// number is a constant that is likely to be a border of something.
func (g *generator) number() int64 {
	switch g.rng.IntN(4) {
	case 0:
		return interesting[g.rng.IntN(len(interesting))]
	case 1:
		return int64(1)<<g.rng.IntN(64) + int64(g.rng.IntN(3)-1)
	case 2:
		return int64(g.rng.IntN(64))
	default:
		return int64(g.rng.Uint64())
	}
}

func (g *generator) compareOp() ir.Op { return ir.OpEq + ir.Op(g.rng.IntN(10)) }

// arith makes a pure value.
func (g *generator) arith(have []*ir.Value) *ir.Value {
	size := 1 << g.rng.IntN(4)
	x := g.pick(have)
	switch g.rng.IntN(13) {
	case 0:
		return g.f.NewValue(g.b, ir.Value{Op: ir.OpExt, Size: size, Signed: g.rng.IntN(2) == 0, Args: []*ir.Value{x}})
	case 1:
		return g.f.NewValue(g.b, ir.Value{Op: ir.OpBswap, Size: size, Args: []*ir.Value{x}})
	case 2:
		return g.v(ir.OpNeg, x)
	case 3:
		return g.v(g.compareOp(), g.sides(have, x)...)
	case 4:
		return g.constant(g.number())
	case 5:
		return g.v(ir.OpNumber, x)
	default:
		return g.v(ir.OpAdd+ir.Op(g.rng.IntN(11)), g.sides(have, x)...)
	}
}

// sides are two operands, often one of them a constant.
func (g *generator) sides(have []*ir.Value, x *ir.Value) []*ir.Value {
	switch g.rng.IntN(5) {
	case 0:
		return []*ir.Value{g.constant(g.number()), x}
	case 1, 2:
		return []*ir.Value{x, g.constant(g.number())}
	default:
		return []*ir.Value{x, g.pick(have)}
	}
}

// step adds one value or effect; nil: it gives nothing to use.
func (g *generator) step(have []*ir.Value) *ir.Value {
	size := 1 << g.rng.IntN(4)
	signed := g.rng.IntN(2) == 0
	switch g.rng.IntN(19) {
	case 0:
		v := g.mem(ir.OpLoad, size, g.slotOffset(size), g.slot())
		v.Signed = signed
		return v
	case 1:
		g.mem(ir.OpStore, size, g.slotOffset(size), g.slot(), g.storable(have))
		return nil
	case 2:
		v := g.mem(ir.OpLoad, size, g.outOffset(), g.indexed(have))
		v.Signed = signed
		return v
	case 3:
		g.mem(ir.OpStore, size, g.outOffset(), g.indexed(have), g.storable(have))
		return nil
	case 4:
		return g.atomic(have)
	case 5:
		return g.f.NewValue(g.b, ir.Value{Op: ir.OpCall, Imm: HelperPidTgid})
	case 6:
		return g.f.NewValue(g.b, ir.Value{Op: ir.OpCall, Imm: HelperUIDGID})
	case 7:
		return g.hist(have)
	case 8:
		g.readFailed(have)
		return nil
	case 9:
		return g.passing(have, size, signed)
	case 10:
		return g.read(size, signed)
	default:
		return g.arith(have)
	}
}

func (g *generator) slot() *ir.Value { return g.slots[g.rng.IntN(len(g.slots))] }

func (g *generator) slotOffset(size int) int64 {
	return int64(size * g.rng.IntN(slotBytes/size))
}

func (g *generator) outOffset() int64 { return int64(8 * g.rng.IntN(128)) }

func (g *generator) storable(have []*ir.Value) *ir.Value {
	if g.rng.IntN(3) == 0 {
		return g.constant(g.number())
	}
	return g.pick(have)
}

// indexed is an address in the map, sometimes plus a bounded variable or a
// constant.
func (g *generator) indexed(have []*ir.Value) *ir.Value {
	switch g.rng.IntN(4) {
	case 0:
		return g.v(ir.OpAdd, g.address(), g.v(ir.OpAnd, g.pick(have), g.constant(0x1f8)))
	case 1:
		return g.v(ir.OpAdd, g.address(), g.constant(int64(8*g.rng.IntN(64))))
	default:
		return g.address()
	}
}

func (g *generator) atomic(have []*ir.Value) *ir.Value {
	at, off := g.indexed(have), g.outOffset()
	kind := g.rng.IntN(4)
	if g.c.NoExchange {
		kind = 3
	}
	switch kind {
	case 0:
		return g.mem(ir.OpXchg, 8, off, at, g.storable(have))
	case 1:
		return g.mem(ir.OpCmpXchg, 8, off, at, g.pick(have), g.storable(have))
	default:
		g.mem(ir.OpAtomicAdd, 4+4*g.rng.IntN(2), off, at, g.storable(have))
		return nil
	}
}

// hist counts in a row of slots that holds exactly as many as there are, so
// that a verifier that does not see the bound refuses.
func (g *generator) hist(have []*ir.Value) *ir.Value {
	bits := g.rng.IntN(4)
	signed := int64(g.rng.IntN(2))
	slot := g.f.NewValue(g.b, ir.Value{Op: ir.OpIntrinsic, Sym: ir.HistSlot, Args: []*ir.Value{g.pick(have)}, Imms: []int64{int64(bits), signed}})
	at := g.v(ir.OpAdd, g.address(), g.v(ir.OpShl, slot, g.constant(3)))
	g.mem(ir.OpAtomicAdd, 8, int64(OutSize-8*ir.HistSlots(bits)), at, g.constant(1))
	return slot
}

// passing is a slot that is used only here.
func (g *generator) passing(have []*ir.Value, size int, signed bool) *ir.Value {
	slot := g.f.NewValue(g.b, ir.Value{Op: ir.OpSlot, Imm: 8, Sym: "passing"})
	g.mem(ir.OpStore, 8, 0, slot, g.storable(have))
	if g.rng.IntN(2) == 0 {
		slot = g.v(ir.OpAdd, slot, g.constant(0))
	}
	v := g.mem(ir.OpLoad, size, int64(size*g.rng.IntN(8/size)), slot)
	v.Signed = signed
	return v
}

func (g *generator) readFailed(have []*ir.Value) {
	g.f.NewValue(g.b, ir.Value{Op: ir.OpIntrinsic, Sym: ir.ReadFailed, Args: []*ir.Value{g.pick(have), g.pick(have), g.slot()}})
}

// read copies from the map, or from nowhere, and counts the failure.
func (g *generator) read(size int, signed bool) *ir.Value {
	slot := g.f.NewValue(g.b, ir.Value{Op: ir.OpSlot, Imm: 8, Sym: "read"})
	// Whether a failure that nothing needs is counted is the optimiser's choice:
	// those of reads that fail are counted where nobody looks.
	from, count := g.constant(0), g.f.NewValue(g.b, ir.Value{Op: ir.OpSlot, Imm: 8, Sym: "fails"})
	g.mem(ir.OpStore, 8, 0, count, from)
	if g.rng.IntN(4) > 0 {
		from, count = g.v(ir.OpAdd, g.address(), g.constant(g.outOffset())), g.slot()
	}
	r := g.f.NewValue(g.b, ir.Value{Op: ir.OpCall, Imm: HelperRead, Args: []*ir.Value{slot, g.constant(8), from}})
	g.f.NewValue(g.b, ir.Value{Op: ir.OpIntrinsic, Sym: ir.ReadFailed, Args: []*ir.Value{r, g.constant(1), count}})
	v := g.mem(ir.OpLoad, size, int64(size*g.rng.IntN(8/size)), slot)
	v.Signed = signed
	return v
}
