package emit

import (
	"fmt"
	"math"

	"github.com/cilium/ebpf/asm"

	"tracer/bpfgen/ir"
)

// thread finds where jumps end up: empty blocks are skipped, branches of which
// both sides end up in one place become jumps, and equal short exits are one.
func (f *finisher) thread() {
	exits := map[string]*mblock{}
	for i := len(f.m.blocks) - 1; i >= 0; i-- {
		b := f.m.blocks[i]
		t := &b.term
		f.goes[i] = b
		if t.then != nil {
			t.then = f.goes[t.then.index]
		}
		if t.els != nil {
			t.els = f.goes[t.els.index]
			if t.els == t.then {
				t.els = nil
			}
		}
		switch {
		case t.then != nil && t.els == nil && len(f.code[i]) == 0 && i > 0:
			f.goes[i] = t.then
		case t.then == nil && isShortExit(f.code[i]) && i > 0:
			key := fmt.Sprint(f.code[i])
			if other, ok := exits[key]; ok {
				f.goes[i] = other
			} else {
				exits[key] = b
			}
		}
	}
}

// isShortExit says that code only sets r0, so that other blocks may share it
// whatever their registers hold.
func isShortExit(code asm.Instructions) bool {
	return len(code) == 0 || len(code) == 1 && code[0].OpCode == asm.Mov.Op(asm.ImmSource) && code[0].Dst == asm.R0
}

// place orders the blocks that are reached: each is followed by the one that
// it most likely goes on to, cold ones come last.
func (f *finisher) place() {
	reached := f.reached()
	placed := map[*mblock]bool{}
	for _, cold := range []bool{false, true} {
		for _, b := range f.m.blocks {
			for b != nil && !placed[b] && reached[b] && (b.cold == cold || b.index == 0) {
				placed[b] = true
				f.order = append(f.order, b)
				b = f.successor(b, placed)
			}
		}
	}
}

func (f *finisher) reached() map[*mblock]bool {
	reached := map[*mblock]bool{f.m.blocks[0]: true}
	for _, b := range f.m.blocks {
		if !reached[b] {
			continue
		}
		for _, s := range b.term.succs() {
			reached[s] = true
		}
	}
	return reached
}

// successor is the block to lay after b: the earlier one of those that are as
// hot. The other way of a branch may so lie behind what both go on to, and
// jump back; that costs it no more than a jump forward.
func (f *finisher) successor(b *mblock, placed map[*mblock]bool) *mblock {
	var best *mblock
	for _, s := range b.term.succs() {
		if !placed[s] && s.cold == b.cold && (best == nil || s.index < best.index) {
			best = s
		}
	}
	return best
}

// append adds b and the jumps that its terminator needs if next follows.
func (f *finisher) append(b, next *mblock) {
	f.start[b] = len(f.out.Instructions)
	f.out.labels[len(f.out.Instructions)] = b.name
	f.out.Instructions = append(f.out.Instructions, f.code[b.index]...)
	f.out.Pos = append(f.out.Pos, f.pos[b.index]...)
	t := &b.term
	switch {
	case t.then == nil:
		f.add(asm.Return(), t.pos)
	case !t.isIf():
		f.jump(t.then, next, t.pos)
	default:
		cmp, then, els := t.cmp, t.then, t.els
		if then == next {
			cmp, then, els = inverted[cmp], els, then
		}
		f.jumps = append(f.jumps, pendingJump{len(f.out.Instructions), then})
		f.add(jumpIf(cmp, f.reg(t.a), t.b != noReg, f.reg(t.b), t.imm), t.pos)
		f.jump(els, next, t.pos)
	}
}

func (f *finisher) jump(to, next *mblock, pos ir.Pos) {
	if to == next {
		return
	}
	f.jumps = append(f.jumps, pendingJump{len(f.out.Instructions), to})
	f.add(asm.Instruction{OpCode: asm.OpCode(asm.JumpClass).SetJumpOp(asm.Ja)}, pos)
}

func (f *finisher) add(in asm.Instruction, pos ir.Pos) {
	f.out.Instructions = append(f.out.Instructions, in)
	f.out.Pos = append(f.out.Pos, pos)
}

// resolve sets the offsets of the jumps between blocks.
func (f *finisher) resolve() error {
	raw := rawOffsets(f.out.Instructions)
	for _, j := range f.jumps {
		off := raw[f.start[j.to]] - raw[j.at+1]
		if off > math.MaxInt16 || off < math.MinInt16 {
			return fmt.Errorf("a jump over %d instructions is too far, a program of this size cannot be made", off)
		}
		f.out.Instructions[j.at].Offset = int16(off)
	}
	return nil
}

// rawOffsets counts as the kernel does: 64-bit immediates take two.
func rawOffsets(list asm.Instructions) []int {
	raw := make([]int, len(list)+1)
	for i := range list {
		raw[i+1] = raw[i] + int(list[i].Width())
	}
	return raw
}
