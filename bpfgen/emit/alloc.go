package emit

import (
	"slices"

	"github.com/cilium/ebpf/asm"
)

// allocator gives machine registers to the virtual ones of a machine.
type allocator struct {
	m      *machine
	spans  []spans
	parent []reg // union-find of coalesced registers
	weight []float64
	hints  [][]hint
	busy   [allocatable]spans
	given  []reg
	spill  []reg
	calls  spans // where r0 to r5 are lost
	// crosses says that a group of registers is needed after a call that
	// comes while it lives.
	crosses []bool
}

// hint says that a register would save a copy if it were the same as another.
type hint struct {
	other reg
	freq  float64
}

// Frequencies of blocks, for weights only.
const (
	hotFreq  = 16
	coldFreq = 1
	tinyCost = 1e12 // of what was made for one spilled operand
)

// allocate gives each virtual register a machine register, changing m by
// spills until all fit. What is spilled comes back as registers that live for
// one instruction, of which there are never more than a few at a time, so this
// ends.
func allocate(m *machine) []reg {
	for {
		a := newAllocator(m)
		a.collect()
		a.coalesce()
		a.assign()
		if len(a.spill) == 0 {
			return a.registers()
		}
		m.insertSpills(a.spilled())
	}
}

func newAllocator(m *machine) *allocator {
	n := int(m.numRegs)
	a := &allocator{
		m: m, spans: liveSpans(m, n, registerOperands),
		parent: make([]reg, n), weight: make([]float64, n), hints: make([][]hint, n), given: make([]reg, n),
	}
	for r := range a.parent {
		a.parent[r], a.given[r] = reg(r), noReg
		if r < int(allocatable) {
			a.given[r], a.busy[r] = reg(r), a.spans[r]
		}
	}
	return a
}

// collect sums how often each register is used and notes the copies.
func (a *allocator) collect() {
	var o operands
	starts := a.m.positions()
	for bi, b := range a.m.blocks {
		freq := float64(hotFreq)
		if b.cold {
			freq = coldFreq
		}
		for i := range len(b.insts) + 1 {
			o = operands{uses: o.uses[:0], defs: o.defs[:0]}
			registerOperands(b, i, &o)
			for _, r := range o.uses {
				a.weight[r] += freq
			}
			for _, r := range o.defs {
				a.weight[r] += freq
			}
			if i == len(b.insts) {
				continue
			}
			in := &b.insts[i]
			if in.clobbers&callClobbers == callClobbers {
				at := 2 * (starts[bi] + int32(i))
				a.calls = append(a.calls, span{at + 1, at + 2})
			}
			if in.kind == kindMove && in.src != framePointer {
				a.hints[in.dst] = append(a.hints[in.dst], hint{in.src, freq})
				a.hints[in.src] = append(a.hints[in.src], hint{in.dst, freq})
			}
		}
	}
}

func (a *allocator) find(r reg) reg {
	for a.parent[r] != r {
		a.parent[r] = a.parent[a.parent[r]]
		r = a.parent[r]
	}
	return r
}

// coalesce joins the two sides of copies whose lives do not overlap, if both
// or neither cross a call: joined, the other kind would keep a short life from
// the registers that calls destroy.
func (a *allocator) coalesce() {
	a.crosses = make([]bool, a.m.numRegs)
	for r := range a.crosses {
		a.crosses[r] = a.calls.overlaps(a.spans[r])
	}
	for _, cold := range []bool{false, true} {
		for _, b := range a.m.blocks {
			for i := range b.insts {
				if in := &b.insts[i]; b.cold == cold && in.isCopy() && in.dst >= firstVirtual && in.src >= firstVirtual {
					a.join(in.dst, in.src)
				}
			}
		}
	}
}

func (a *allocator) join(x, y reg) {
	x, y = a.find(x), a.find(y)
	if x == y || a.m.noSpill[x] || a.m.noSpill[y] || a.spans[x].overlaps(a.spans[y]) || a.crosses[x] != a.crosses[y] {
		return
	}
	a.parent[y] = x
	a.spans[x] = union(a.spans[x], a.spans[y])
	a.weight[x] += a.weight[y]
	a.hints[x] = append(a.hints[x], a.hints[y]...)
}

// assign gives registers, the most used for their length first.
func (a *allocator) assign() {
	var roots []reg
	for r := firstVirtual; r < a.m.numRegs; r++ {
		if a.find(r) != r || len(a.spans[r]) == 0 {
			continue
		}
		roots = append(roots, r)
		a.weight[r] /= float64(a.spans[r].length() + 8)
		if a.m.noSpill[r] {
			a.weight[r] += tinyCost
		}
	}
	slices.SortStableFunc(roots, func(x, y reg) int {
		switch {
		case a.weight[x] > a.weight[y]:
			return -1
		case a.weight[x] < a.weight[y]:
			return 1
		default:
			return int(x - y)
		}
	})
	for _, r := range roots {
		phys := a.choose(r)
		if phys == noReg {
			if a.m.noSpill[r] {
				panic("emit: no register for a spilled operand")
			}
			a.spill = append(a.spill, r)
			continue
		}
		a.given[r] = phys
		a.busy[phys] = union(a.busy[phys], a.spans[r])
	}
}

// preference is the order in which registers are tried without a hint: first
// those that calls destroy, arguments and results last among them.
var preference = [allocatable]reg{5, 4, 3, 2, 1, 0, 6, 7, 8, 9}

func (a *allocator) choose(r reg) reg {
	var gain [allocatable]float64
	for _, h := range a.hints[r] {
		if phys := a.given[a.find(h.other)]; phys != noReg {
			gain[phys] += h.freq
		}
	}
	best := noReg
	for _, phys := range preference {
		if (best == noReg || gain[phys] > gain[best]) && !a.busy[phys].overlaps(a.spans[r]) {
			best = phys
		}
	}
	return best
}

// registers is what each virtual register got; those without a life, any.
func (a *allocator) registers() []reg {
	out := make([]reg, a.m.numRegs)
	for r := range out {
		out[r] = a.given[a.find(reg(r))]
		if out[r] == noReg && reg(r) != framePointer {
			out[r] = 0
		}
	}
	out[framePointer] = framePointer
	return out
}

// spilled maps each register that found no place to the first of its group.
func (a *allocator) spilled() map[reg]reg {
	bad := map[reg]bool{}
	for _, r := range a.spill {
		bad[r] = true
	}
	out := map[reg]reg{}
	for r := firstVirtual; r < a.m.numRegs; r++ {
		if root := a.find(r); bad[root] {
			out[r] = root
		}
	}
	return out
}

// remakes are the registers that hold one immediate only: they are loaded
// anew, not spilled.
func (m *machine) remakes() map[reg]inst {
	made := map[reg]inst{}
	defs := map[reg]int{}
	for _, b := range m.blocks {
		for i := range b.insts {
			in := &b.insts[i]
			in.eachDef(func(r *reg) {
				defs[*r]++
				if in.kind == kindImm {
					made[*r] = *in
				}
			})
		}
	}
	for r := range made {
		if defs[r] > 1 {
			delete(made, r)
		}
	}
	return made
}

// isTinyImmediate says that in only makes an immediate.
func isTinyImmediate(in *inst) bool {
	return in.kind == kindImm && in.op == asm.Mov.Op(asm.ImmSource) && in.sym == ""
}
