package opt

import (
	"slices"

	"tracer/bpfgen/ir"
)

// branches makes jumps of branches that are decided, by constants or by a
// branch that was taken before, and compares directly what was compared as a
// value. Blocks that are no longer reached disappear.
func branches(f *ir.Func) bool {
	dom := newDominance(f)
	changed := false
	for _, b := range f.Blocks {
		t := &b.Term
		if t.Kind != ir.TermIf {
			continue
		}
		c, known, ok := plain(comparison{t.Cmp, t.A, t.B})
		if !ok {
			known, ok = dom.known(b, c)
		}
		changed = changed || c != comparison{t.Cmp, t.A, t.B}
		t.Cmp, t.A, t.B = c.op, c.a, c.b
		switch {
		case ok:
			decide(b, known)
			changed = true
		case t.Then == t.Else && !hasPhi(t.Then):
			decide(b, true)
			changed = true
		}
	}
	return dropUnreachable(f) || changed
}

// plain looks through comparisons of comparisons, until one is decided or none
// is left.
func plain(c comparison) (simplest comparison, value, ok bool) {
	for {
		c = c.ordered()
		if value, ok = c.decided(); ok {
			return c, value, true
		}
		next := c.simpler()
		if next == c {
			return c, false, false
		}
		c = next
	}
}

func hasPhi(b *ir.Block) bool { return len(b.Values) > 0 && b.Values[0].Op == ir.OpPhi }

// decide makes a jump of the branch at the end of b.
func decide(b *ir.Block, then bool) {
	keep, drop, occurrence := b.Term.Else, b.Term.Then, 0
	if then {
		keep, drop = drop, keep
		if keep == drop {
			occurrence = 1
		}
	}
	b.Term = ir.Term{Kind: ir.TermJump, Then: keep, Pos: b.Term.Pos}
	dropEdge(b, drop, occurrence)
}

// dropEdge removes the edge from a block to another one, and what it brought
// to the phis there.
func dropEdge(from, to *ir.Block, occurrence int) {
	i := predIndex(from, to, occurrence)
	to.Preds = slices.Delete(slices.Clone(to.Preds), i, i+1)
	for _, v := range to.Values {
		if v.Op != ir.OpPhi {
			return
		}
		v.Args = slices.Delete(slices.Clone(v.Args), i, i+1)
	}
}

func predIndex(from, to *ir.Block, occurrence int) int {
	for i, p := range to.Preds {
		if p == from {
			if occurrence == 0 {
				return i
			}
			occurrence--
		}
	}
	panic("opt: an edge without predecessor")
}

func dropUnreachable(f *ir.Func) bool {
	before := len(f.Blocks)
	kept := f.Blocks[:1:1]
	for _, b := range f.Blocks[1:] {
		if len(b.Preds) > 0 {
			kept = append(kept, b)
			continue
		}
		for _, s := range b.Succs() {
			dropEdge(b, s, 0)
		}
	}
	f.Blocks = kept
	return len(kept) < before
}

// dominance answers which blocks lie on every way to others.
type dominance struct {
	f     *ir.Func
	index map[*ir.Block]int
	idom  []int
	// Blocks numbered so that those which a block dominates follow it: size
	// of them, itself included, from number on.
	number, size []int
}

func newDominance(f *ir.Func) *dominance {
	d := &dominance{f: f, index: make(map[*ir.Block]int, len(f.Blocks)), idom: f.Dominators()}
	for i, b := range f.Blocks {
		d.index[b] = i
	}
	n := len(f.Blocks)
	d.number, d.size = make([]int, n), make([]int, n)
	for i := n - 1; i >= 0; i-- {
		d.size[i]++
		if i > 0 {
			d.size[d.idom[i]] += d.size[i]
		}
	}
	next := make([]int, n)
	for i := range n {
		if i > 0 {
			d.number[i] = next[d.idom[i]]
			next[d.idom[i]] += d.size[i]
		}
		next[i] = d.number[i] + 1
	}
	return d
}

// dominates says that a is on every way to b, or is b.
func (d *dominance) dominates(a, b *ir.Block) bool {
	i, j := d.index[a], d.index[b]
	return d.number[i] <= d.number[j] && d.number[j] < d.number[i]+d.size[i]
}

// meet is the last block on every way to both.
func (d *dominance) meet(a, b *ir.Block) *ir.Block {
	i, j := d.index[a], d.index[b]
	for i != j {
		if i > j {
			i = d.idom[i]
		} else {
			j = d.idom[j]
		}
	}
	return d.f.Blocks[i]
}

// known says what c gives in b because of the branches that lead there. Edges
// that were dropped since only make dominators that are further up.
func (d *dominance) known(b *ir.Block, c comparison) (value, ok bool) {
	for i := d.index[b]; i > 0; i = d.idom[i] {
		blk := d.f.Blocks[i]
		if len(blk.Preds) != 1 {
			continue
		}
		t := &blk.Preds[0].Term
		if t.Kind != ir.TermIf || t.Then == t.Else || !sameValue(t.A, c.a) || !sameValue(t.B, c.b) {
			continue
		}
		taken := t.Cmp
		if blk == t.Else {
			taken = inverted[taken]
		}
		if v, ok := implied(taken, c.op); ok {
			return v, true
		}
	}
	return false, false
}

func sameValue(a, b *ir.Value) bool {
	return a == b || a.Op == ir.OpConst && b.Op == ir.OpConst && a.Imm == b.Imm
}

// implied says what the comparison op gives of two values of which taken holds.
func implied(taken, op ir.Op) (value, ok bool) {
	switch {
	case op == taken:
		return true, true
	case op == inverted[taken]:
		return false, true
	case taken == ir.OpEq:
		return holds(op, 0, 0), true
	case op == ir.OpEq && !holds(taken, 0, 0):
		return false, true
	case op == ir.OpNe && !holds(taken, 0, 0):
		return true, true
	}
	return false, false
}
