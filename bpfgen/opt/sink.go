package opt

import "tracer/bpfgen/ir"

// sink moves values to the deepest block that all their uses go through, so
// that events which a guard ends do not pay for them: pure values, pure helper
// calls, and loads with no write on the way.
func sink(f *ir.Func) bool {
	s := newSinker(f)
	changed := false
	for i := len(f.Blocks) - 1; i >= 0; i-- {
		values := f.Blocks[i].Values
		for j := len(values) - 1; j >= 0; j-- {
			if v := values[j]; isMovable(v) && s.value(v) {
				changed = true
			}
		}
	}
	return changed
}

// isMovable says that v may be computed later. Constants and addresses are
// made where they are used anyway; what is in the entry stays for dumps.
func isMovable(v *ir.Value) bool {
	switch v.Op {
	case ir.OpConst, ir.OpCtx, ir.OpSlot, ir.OpMap, ir.OpMapValue, ir.OpPhi:
		return false
	case ir.OpLoad:
		return true
	case ir.OpNumber:
		// What is joined is to be a number where it is joined: until then the
		// verifier walks each way on its own.
		return v.Args[0].Op != ir.OpPhi
	}
	return isPure(v)
}

type sinker struct {
	f    *ir.Func
	dom  *dominance
	uses map[*ir.Value][]use
}

// use is one place where a value is needed: the block, and the user if it is a
// value there; nil: at the end of the block.
type use struct {
	block *ir.Block
	user  *ir.Value
}

func newSinker(f *ir.Func) *sinker {
	s := &sinker{f: f, dom: newDominance(f), uses: map[*ir.Value][]use{}}
	for _, b := range f.Blocks {
		for _, v := range b.Values {
			for i, a := range v.Args {
				if v.Op == ir.OpPhi {
					s.uses[a] = append(s.uses[a], use{b.Preds[i], nil})
				} else {
					s.uses[a] = append(s.uses[a], use{b, v})
				}
			}
		}
		for _, a := range []*ir.Value{b.Term.A, b.Term.B} {
			if a != nil {
				s.uses[a] = append(s.uses[a], use{b, nil})
			}
		}
	}
	return s
}

// target is the deepest block on every way to all uses.
func (s *sinker) target(uses []use) *ir.Block {
	var to *ir.Block
	for _, u := range uses {
		blk := u.block
		if u.user != nil {
			blk = u.user.Block // it may have been moved
		}
		if to == nil {
			to = blk
		} else {
			to = s.dom.meet(to, blk)
		}
	}
	return to
}

func (s *sinker) value(v *ir.Value) bool {
	to := s.target(s.uses[v])
	if to == nil || to == v.Block || v.Op == ir.OpLoad && !isPure(v) && !s.undisturbed(v, to) {
		return false
	}
	move(v, to, firstUse(to, v))
	return true
}

// firstUse is the place in b before which v must be computed.
func firstUse(b *ir.Block, v *ir.Value) int {
	for i, x := range b.Values {
		if x.Op == ir.OpPhi {
			continue
		}
		for _, a := range x.Args {
			if a == v {
				return i
			}
		}
	}
	return len(b.Values)
}

func move(v *ir.Value, to *ir.Block, at int) {
	v.Block.Values = remove(v.Block.Values, v)
	v.Block = to
	to.Values = append(to.Values[:at:at], append([]*ir.Value{v}, to.Values[at:]...)...)
}

// undisturbed says that nothing between v and its first use in the block to,
// on any way, writes what v reads.
func (s *sinker) undisturbed(v *ir.Value, to *ir.Block) bool {
	p := placeOf(v)
	return s.between(v, to, firstUse(to, v), func(x *ir.Value) bool { return !writes(x, p) })
}

// between says that ok holds of all values after v that come before place at
// of the block to, in the order of blocks: more than are on the way.
func (s *sinker) between(v *ir.Value, to *ir.Block, at int, ok func(*ir.Value) bool) bool {
	from, end := s.dom.index[v.Block], s.dom.index[to]
	for i := from; i <= end; i++ {
		values := s.f.Blocks[i].Values
		if i == end {
			values = values[:at]
		}
		seen := i > from
		for _, x := range values {
			if seen && !ok(x) {
				return false
			}
			seen = seen || x == v
		}
	}
	return true
}
