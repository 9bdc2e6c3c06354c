package emit

import (
	"math"
	"slices"

	"tracer/bpfgen/ir"
)

// slotLife is when a slot of the program is in use: from the first to the last
// value that has to do with its address.
type slotLife struct {
	v           *ir.Value
	first, last int
	from, to    int // bytes below the frame pointer
}

// frameSlots gives the slots of the program their places. Edges go forward
// only, so slots whose lives do not overlap in the order of blocks are never
// in use together, and share a place.
func (s *selector) frameSlots() {
	var placed []*slotLife
	for _, life := range slotLives(s.f) {
		size := (int(min(life.v.Imm, math.MaxInt32)) + 7) &^ 7
		life.from, life.to = 0, size
		for moved := true; moved; {
			moved = false
			for _, p := range placed {
				if p.first <= life.last && life.first <= p.last && life.from < p.to && p.from < life.to {
					life.from, life.to = p.to, p.to+size
					moved = true
				}
			}
		}
		placed = append(placed, life)
		s.slots[life.v] = -life.to
		s.m.frame = max(s.m.frame, life.to)
	}
}

// slotLives are the slots that are used, by their first use.
func slotLives(f *ir.Func) []*slotLife {
	var lives []*slotLife
	into := map[*ir.Value][]*slotLife{} // the slots that a value may point into
	order := 0
	touch := func(a *ir.Value) []*slotLife {
		for _, life := range into[a] {
			if life.last == 0 {
				life.first = order
				lives = append(lives, life)
			}
			life.last = order
		}
		return into[a]
	}
	for _, b := range f.Blocks {
		for _, v := range b.Values {
			order++
			if v.Op == ir.OpSlot {
				into[v] = []*slotLife{{v: v}}
			}
			for _, a := range v.Args {
				if lives := touch(a); lives != nil && (v.Op == ir.OpPhi || v.Op == ir.OpAdd || v.Op == ir.OpSub) {
					into[v] = append(into[v], lives...)
				}
			}
		}
		order++
		for _, a := range []*ir.Value{b.Term.A, b.Term.B} {
			if a != nil {
				touch(a)
			}
		}
	}
	slices.SortStableFunc(lives, func(x, y *slotLife) int { return x.first - y.first })
	return lives
}
