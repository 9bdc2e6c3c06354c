package opt

import (
	"math"

	"github.com/cilium/ebpf/asm"

	"tracer/bpfgen/ir"
)

// sinkReads moves a call of a read helper that fills a slot, together with the
// count of its failure, to the deepest block that all uses of the slot go
// through. What is read so is read later, but still in the same event.
func sinkReads(f *ir.Func) bool {
	for _, b := range f.Blocks {
		for _, v := range b.Values {
			if v.Op != ir.OpCall || !readHelpers[asm.BuiltinFunc(v.Imm)] || len(v.Args) < 2 || v.Args[0].Op != ir.OpSlot {
				continue
			}
			s := newSinker(f)
			if r := s.reading(v); r != nil && s.moveReading(r) {
				sinkReads(f)
				return true
			}
		}
	}
	return false
}

// reading is a call that fills a slot and what belongs to it.
type reading struct {
	call *ir.Value
	fail *ir.Value // read.failed of its result, or nil
	uses []use     // of the slot and of the result by others
}

// reading collects what uses the slot of call; nil: the slot is not only for
// it.
func (s *sinker) reading(call *ir.Value) *reading {
	r := &reading{call: call}
	for _, u := range s.uses[call] {
		if u.user != nil && u.user.Sym == ir.ReadFailed && u.user.Op == ir.OpIntrinsic && u.user.Block == call.Block && r.fail == nil {
			r.fail = u.user
			continue
		}
		r.uses = append(r.uses, u)
	}
	for _, u := range s.uses[call.Args[0]] {
		switch {
		case u.user == call:
		case u.user != nil && u.user.Op == ir.OpLoad:
			r.uses = append(r.uses, u)
		default:
			return nil
		}
	}
	return r
}

func (s *sinker) moveReading(r *reading) bool {
	to := s.target(r.uses)
	if to == nil || to == r.call.Block || !s.dom.dominates(r.call.Block, to) {
		return false
	}
	at := len(to.Values)
	for i, x := range to.Values {
		if x.Op != ir.OpPhi && s.isUse(r, x) {
			at = i
			break
		}
	}
	if !s.between(r.call, to, at, func(x *ir.Value) bool { return x == r.fail || !s.disturbs(x, r, to) }) {
		return false
	}
	move(r.call, to, at)
	if r.fail != nil {
		move(r.fail, to, at+1)
	}
	return true
}

func (s *sinker) isUse(r *reading, x *ir.Value) bool {
	for _, u := range r.uses {
		if u.user == x {
			return true
		}
	}
	return false
}

// rootOf is what a is a distance from.
func rootOf(a *ir.Value) *ir.Value {
	for a.Op == ir.OpAdd || a.Op == ir.OpSub {
		a = a.Args[0]
	}
	return a
}

// isOwnMemory says that v may be the address of memory that the program itself
// writes, other than a slot: a map value, or what a call gave.
func isOwnMemory(v *ir.Value) bool {
	switch v.Op {
	case ir.OpMapValue, ir.OpPhi, ir.OpKfunc:
		return true
	case ir.OpCall, ir.OpIntrinsic:
		return !isPure(v)
	}
	return false
}

// disturbs says that x may not change places with the reading: it writes
// memory that the call might read, or takes the count of failures on the way
// to where the reading goes.
func (s *sinker) disturbs(x *ir.Value, r *reading, to *ir.Block) bool {
	for _, a := range r.call.Args[1:] {
		if slot := slotOf(a); slot != nil && writes(x, place{slot, 0, slot.Imm}) {
			return true
		}
		if root := rootOf(a); isOwnMemory(root) && writes(x, place{root, math.MinInt32, 1 << 40}) {
			return true
		}
	}
	if r.fail == nil || x.Sym == ir.ReadFailed && x.Op == ir.OpIntrinsic {
		return false
	}
	counter := slotOf(r.fail.Args[2])
	for _, a := range x.Args {
		if counter == nil || slotOf(a) == counter {
			return s.reaches(x.Block, to)
		}
	}
	return false
}

// reaches says that there is a way from a to b.
func (s *sinker) reaches(a, b *ir.Block) bool {
	seen := map[*ir.Block]bool{a: true}
	for i := s.dom.index[a]; i <= s.dom.index[b]; i++ {
		blk := s.f.Blocks[i]
		if !seen[blk] {
			continue
		}
		if blk == b {
			return true
		}
		for _, next := range blk.Succs() {
			seen[next] = true
		}
	}
	return false
}
