package opt

import "tracer/bpfgen/ir"

// deadCode removes values that nothing needs, and stores to slots that nothing
// reads.
func deadCode(f *ir.Func) bool {
	needed := map[*ir.Value]bool{}
	read := slotsRead(f)
	var need func(v *ir.Value)
	need = func(v *ir.Value) {
		if v == nil || needed[v] {
			return
		}
		needed[v] = true
		for _, a := range v.Args {
			need(a)
		}
	}
	for _, b := range f.Blocks {
		for _, v := range b.Values {
			if !isDroppable(v) && !(v.Op == ir.OpStore && isUnreadStore(v, read)) {
				need(v)
			}
		}
		need(b.Term.A)
		need(b.Term.B)
	}
	changed := false
	for _, b := range f.Blocks {
		kept := b.Values[:0:0]
		for _, v := range b.Values {
			if needed[v] {
				kept = append(kept, v)
			}
		}
		changed = changed || len(kept) < len(b.Values)
		b.Values = kept
	}
	return changed
}

// slotsRead are the slots that something but a store reads, or whose address
// goes somewhere.
func slotsRead(f *ir.Func) map[*ir.Value]bool {
	read := map[*ir.Value]bool{}
	for _, b := range f.Blocks {
		for _, v := range b.Values {
			for i, a := range v.Args {
				store := v.Op == ir.OpStore && i == 0
				if s := slotOf(a); s != nil && !store && v.Op != ir.OpAdd && v.Op != ir.OpSub {
					read[s] = true
				}
			}
		}
		for _, a := range []*ir.Value{b.Term.A, b.Term.B} {
			if a != nil && slotOf(a) != nil {
				read[slotOf(a)] = true
			}
		}
	}
	return read
}

func isUnreadStore(v *ir.Value, read map[*ir.Value]bool) bool {
	s := slotOf(v.Args[0])
	return s != nil && !read[s]
}
