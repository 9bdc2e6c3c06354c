package opt

import "tracer/bpfgen/ir"

// merge appends to a block the one that it jumps to, if nothing else goes
// there.
func merge(f *ir.Func) bool {
	changed := false
	for i := 0; i < len(f.Blocks); i++ {
		b := f.Blocks[i]
		for b.Term.Kind == ir.TermJump && len(b.Term.Then.Preds) == 1 && !hasPhi(b.Term.Then) {
			absorb(f, b, b.Term.Then)
			changed = true
		}
	}
	return changed
}

func absorb(f *ir.Func, b, next *ir.Block) {
	for _, v := range next.Values {
		v.Block = b
	}
	b.Values = append(b.Values, next.Values...)
	b.Term = next.Term
	b.Cold = b.Cold || next.Cold && b != f.Blocks[0]
	for _, s := range b.Succs() {
		for i, p := range s.Preds {
			if p == next {
				s.Preds[i] = b
			}
		}
	}
	kept := f.Blocks[:0:0]
	for _, x := range f.Blocks {
		if x != next {
			kept = append(kept, x)
		}
	}
	f.Blocks = kept
}
