package irtest

import (
	"math/rand/v2"

	"tracer/bpfgen/ir"
)

// What generated programs refer to.
const (
	// OutMap is an array map of one value of OutSize bytes: results go there.
	OutMap  = "out"
	OutSize = 4096
	// Inputs is how many u64 the context has.
	Inputs = 8
	// The helpers that generated programs call (include/uapi/linux/bpf.h).
	HelperMapLookup = 1
	HelperPidTgid   = 14
	HelperUIDGID    = 15
	HelperRead      = 113 // bpf_probe_read_kernel
)

// Config bounds a generated program.
type Config struct {
	Blocks int // about
	Values int // per block, about
	// Pressure is how many values are made at the start and used at the end.
	Pressure int
	// NoExchange leaves out OpXchg and OpCmpXchg, which need kernel 5.12.
	NoExchange bool
}

// Generate makes a random program that is well formed, that a verifier accepts,
// and whose results depend on most of its values.
func Generate(rng *rand.Rand, c Config) *ir.Func {
	g := &generator{rng: rng, f: ir.NewFunc("random"), c: c}
	g.entry()
	g.shape()
	for i := 1; i < len(g.plan)-1; i++ {
		g.fill(i)
	}
	g.final()
	return g.f
}

type generator struct {
	rng        *rand.Rand
	f          *ir.Func
	c          Config
	b          *ir.Block
	plan       []planned
	out, found *ir.Value // addresses in the map
	slots      []*ir.Value
}

// planned is a block and where it goes, before it is filled.
type planned struct {
	block   *ir.Block
	succs   []int
	idom    int
	scalars []*ir.Value
	preds   []int
}

const slotBytes = 16

func (g *generator) v(op ir.Op, args ...*ir.Value) *ir.Value {
	return g.f.NewValue(g.b, ir.Value{Op: op, Args: args})
}

func (g *generator) constant(n int64) *ir.Value {
	return g.f.NewValue(g.b, ir.Value{Op: ir.OpConst, Imm: n})
}

func (g *generator) mem(op ir.Op, size int, off int64, args ...*ir.Value) *ir.Value {
	return g.f.NewValue(g.b, ir.Value{Op: op, Size: size, Imm: off, Args: args})
}

// entry reads the inputs, sets the slots, and looks up the map.
func (g *generator) entry() {
	g.b = g.f.Blocks[0]
	p := planned{block: g.b, succs: []int{1}}
	ctx := g.v(ir.OpCtx)
	for i := range Inputs {
		p.scalars = append(p.scalars, g.mem(ir.OpLoad, 8, int64(8*i), ctx))
	}
	for range 1 + g.rng.IntN(4) {
		slot := g.f.NewValue(g.b, ir.Value{Op: ir.OpSlot, Imm: slotBytes, Sym: "s"})
		g.mem(ir.OpStore, 8, 0, slot, g.pick(p.scalars))
		g.mem(ir.OpStore, 8, 8, slot, g.constant(g.number()))
		g.slots = append(g.slots, slot)
	}
	for range g.c.Pressure {
		p.scalars = append(p.scalars, g.arith(p.scalars))
	}
	g.out = g.f.NewValue(g.b, ir.Value{Op: ir.OpMapValue, Sym: OutMap})
	key := g.f.NewValue(g.b, ir.Value{Op: ir.OpSlot, Imm: 4, Sym: "key"})
	g.mem(ir.OpStore, 4, 0, key, g.constant(0))
	m := g.f.NewValue(g.b, ir.Value{Op: ir.OpMap, Sym: OutMap})
	g.found = g.f.NewValue(g.b, ir.Value{Op: ir.OpCall, Imm: HelperMapLookup, Args: []*ir.Value{m, key}})
	g.plan = append(g.plan, p)
}

// shape decides where each block goes: to the next one, and perhaps to one
// further on.
func (g *generator) shape() {
	n := 2 + g.rng.IntN(g.c.Blocks+1)
	for i := 1; i <= n; i++ {
		p := planned{block: g.f.NewBlock("b")}
		p.block.Cold = i > 1 && g.rng.IntN(5) == 0
		if i < n {
			p.succs = []int{i + 1}
			if g.rng.IntN(4) > 0 {
				p.succs = append(p.succs, min(n, i+1+g.rng.IntN(4)))
			}
		}
		g.plan = append(g.plan, p)
	}
	missing := g.f.NewBlock("missing")
	g.plan[1].preds = []int{0}
	for i := 1; i <= n; i++ {
		for _, s := range g.plan[i].succs {
			g.plan[s].preds = append(g.plan[s].preds, i)
		}
	}
	for i := 1; i <= n; i++ {
		idom := -1
		for _, p := range g.plan[i].preds {
			idom = g.meet(idom, p)
		}
		g.plan[i].idom = idom
	}
	g.b = missing
	zero := g.constant(0)
	missing.Exit(zero)
	g.b = g.f.Blocks[0]
	none := g.constant(0)
	g.b.If(ir.OpEq, g.found, none, missing, g.plan[1].block, nil)
}

func (g *generator) meet(a, b int) int {
	if a < 0 {
		return b
	}
	for a != b {
		if a > b {
			a = g.plan[a].idom
		} else {
			b = g.plan[b].idom
		}
	}
	return a
}

// available are the scalars that every way to the end of block i defines.
func (g *generator) available(i int) []*ir.Value {
	var out []*ir.Value
	for {
		out = append(out, g.plan[i].scalars...)
		if i == 0 {
			return out
		}
		i = g.plan[i].idom
	}
}

func (g *generator) phis(i int) {
	p := &g.plan[i]
	if len(p.preds) < 2 {
		return
	}
	var made []*ir.Value
	for range g.rng.IntN(4) {
		var args []*ir.Value
		for _, pred := range p.preds {
			args = append(args, g.pick(g.available(pred)))
		}
		made = append(made, g.v(ir.OpPhi, args...))
	}
	p.scalars = append(p.scalars, made...)
}

func (g *generator) fill(i int) {
	p := &g.plan[i]
	g.b = p.block
	g.phis(i)
	for range g.rng.IntN(g.c.Values + 1) {
		if v := g.step(g.available(i)); v != nil {
			p.scalars = append(p.scalars, v)
		}
	}
	switch len(p.succs) {
	case 1:
		g.b.Jump(g.plan[p.succs[0]].block)
	case 2:
		have := g.available(i)
		x, y := g.pick(have), g.pick(have)
		if g.rng.IntN(2) == 0 {
			y = g.constant(g.number())
		}
		then, els := p.succs[0], p.succs[1]
		g.b.If(g.compareOp(), x, y, g.plan[then].block, g.plan[els].block, nil)
	}
}

// final stores much of what is known and ends the program.
func (g *generator) final() {
	last := len(g.plan) - 1
	g.b = g.plan[last].block
	g.phis(last)
	have := g.available(last)
	sum := g.pick(have)
	for i, v := range have {
		if g.rng.IntN(3) > 0 {
			sum = g.v(ir.OpXor, sum, v)
		}
		if g.rng.IntN(4) == 0 {
			g.mem(ir.OpStore, 8, int64(2048+8*i), g.address(), v)
		}
	}
	g.mem(ir.OpStore, 8, 4088, g.out, sum)
	for i, s := range g.slots {
		g.mem(ir.OpStore, 8, int64(4000+8*i), g.found, g.mem(ir.OpLoad, 8, 8, s))
	}
	g.b.Exit(g.v(ir.OpAnd, sum, g.constant(0x7fffffff)))
}

func (g *generator) address() *ir.Value {
	if g.rng.IntN(2) == 0 {
		return g.out
	}
	return g.found
}

func (g *generator) pick(from []*ir.Value) *ir.Value {
	if g.rng.IntN(2) == 0 { // rather a recent one
		return from[len(from)-1-g.rng.IntN(min(4, len(from)))]
	}
	return from[g.rng.IntN(len(from))]
}
