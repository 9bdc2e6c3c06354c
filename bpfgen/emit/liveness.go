package emit

import "slices"

// Positions: instruction i of the program (terminators count) reads at 2i and
// writes at 2i+1. A span is a half-open interval of positions in which a
// register holds something that is needed.
type span struct{ from, to int32 }

// spans are sorted and do not touch.
type spans []span

// overlaps says that both cover a position.
func (a spans) overlaps(b spans) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	for _, s := range a {
		i, _ := slices.BinarySearchFunc(b, s.from, func(t span, pos int32) int {
			if t.to <= pos {
				return -1
			}
			return 1
		})
		if i < len(b) && b[i].from < s.to {
			return true
		}
	}
	return false
}

// union is what a or b covers.
func union(a, b spans) spans {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(x, y span) int { return int(x.from - y.from) })
	out := all[:0]
	for _, s := range all {
		if n := len(out); n > 0 && out[n-1].to >= s.from {
			out[n-1].to = max(out[n-1].to, s.to)
		} else {
			out = append(out, s)
		}
	}
	return out
}

func (a spans) length() int32 {
	n := int32(0)
	for _, s := range a {
		n += s.to - s.from
	}
	return n
}

// bitset is a set of small numbers.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }
func (b bitset) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bitset) clear(i int)    { b[i/64] &^= 1 << (i % 64) }

func (b bitset) or(o bitset) {
	for i := range o {
		b[i] |= o[i]
	}
}

// liveness walks a program backwards and collects spans, of registers or of
// spill slots.
type liveness struct {
	live   bitset
	until  []int32 // end of the open span of what is live
	result []spans // in reverse
}

// uses and defs of one instruction, as numbers.
type operands struct {
	uses, defs []int
	early      bool // defs are written while uses are still read
}

// liveSpans computes the spans of n things. Edges go forward only, so one walk
// from the end is exact.
func liveSpans(m *machine, n int, ops func(b *mblock, i int, o *operands)) []spans {
	lv := &liveness{until: make([]int32, n), result: make([]spans, n)}
	liveIn := make([]bitset, len(m.blocks))
	starts := m.positions()
	var o operands
	for bi := len(m.blocks) - 1; bi >= 0; bi-- {
		b := m.blocks[bi]
		lv.live = newBitset(n)
		for _, s := range b.term.succs() {
			lv.live.or(liveIn[s.index])
		}
		end := starts[bi+1]
		lv.eachLive(func(r int) { lv.until[r] = 2 * end })
		for i := len(b.insts); i >= 0; i-- {
			o = operands{uses: o.uses[:0], defs: o.defs[:0]}
			ops(b, i, &o)
			lv.step(2*(starts[bi]+int32(i)), &o)
		}
		lv.eachLive(func(r int) { lv.emit(r, 2*starts[bi]) })
		liveIn[bi] = lv.live
	}
	for _, s := range lv.result {
		slices.Reverse(s)
	}
	return lv.result
}

// positions is the number of the first instruction of each block, and of the
// end.
func (m *machine) positions() []int32 {
	starts := make([]int32, 1, len(m.blocks)+1)
	for i, b := range m.blocks {
		starts = append(starts, starts[i]+int32(len(b.insts))+1)
	}
	return starts
}

func (lv *liveness) step(pos int32, o *operands) {
	at := pos + 1
	if o.early {
		at = pos
	}
	for _, r := range o.defs {
		if !lv.live.has(r) {
			lv.until[r] = pos + 2
		}
		lv.live.clear(r)
		lv.emit(r, at)
	}
	for _, r := range o.uses {
		if !lv.live.has(r) {
			lv.live.set(r)
			lv.until[r] = pos + 1
		}
	}
}

// emit closes the open span of r, at the front of those that it has.
func (lv *liveness) emit(r int, from int32) {
	list := lv.result[r]
	if n := len(list); n > 0 && list[n-1].from <= lv.until[r] {
		list[n-1].from = from
		return
	}
	lv.result[r] = append(list, span{from, lv.until[r]})
}

func (lv *liveness) eachLive(f func(int)) {
	for w, bits := range lv.live {
		for i := 0; bits != 0; i, bits = i+1, bits>>1 {
			if bits&1 != 0 {
				f(w*64 + i)
			}
		}
	}
}

// registerOperands gives the registers that instruction i of b reads and
// writes; i == len(b.insts) is the terminator.
func registerOperands(b *mblock, i int, o *operands) {
	use := func(r *reg) {
		if *r != framePointer {
			o.uses = append(o.uses, int(*r))
		}
	}
	if i == len(b.insts) {
		t := &b.term
		if t.then == nil {
			o.uses = append(o.uses, 0)
			return
		}
		if t.isIf() {
			use(&t.a)
			if t.b != noReg {
				use(&t.b)
			}
		}
		return
	}
	in := &b.insts[i]
	in.eachUse(use)
	in.eachDef(func(r *reg) { o.defs = append(o.defs, int(*r)) })
	for r := range int(allocatable) {
		if in.fixedUses()&(1<<r) != 0 {
			o.uses = append(o.uses, r)
		}
		if in.fixedDefs()&(1<<r) != 0 {
			o.defs = append(o.defs, r)
		}
	}
	o.early = in.kind == kindSetCC
}

// slotOperands gives the spill slots that an instruction reads and writes.
func slotOperands(b *mblock, i int, o *operands) {
	if i == len(b.insts) {
		return
	}
	switch in := &b.insts[i]; in.kind {
	case kindReload:
		o.uses = append(o.uses, in.slot)
	case kindSpill, kindSpillImm:
		o.defs = append(o.defs, in.slot)
	}
}
