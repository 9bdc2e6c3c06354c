package opt

import "tracer/bpfgen/ir"

// phis removes those whose operands are all the same.
func phis(f *ir.Func) bool {
	alias := aliases{}
	for _, b := range f.Blocks {
		for _, v := range b.Values {
			if v.Op != ir.OpPhi {
				break
			}
			if x := onlyOperand(v, alias); x != nil {
				alias[v] = x
			}
		}
	}
	changed := alias.apply(f)
	for constantPhi(f) {
		changed = true
	}
	return changed
}

func onlyOperand(v *ir.Value, alias aliases) *ir.Value {
	x := alias.find(v.Args[0])
	for _, a := range v.Args[1:] {
		if alias.find(a) != x {
			return nil
		}
	}
	return x
}

// constantPhi makes one phi of a constant, written several times, a constant.
func constantPhi(f *ir.Func) bool {
	for _, b := range f.Blocks {
		for i, v := range b.Values {
			if v.Op != ir.OpPhi {
				break
			}
			if !sameConstants(v.Args) {
				continue
			}
			setConst(v, v.Args[0].Imm)
			for ; i+1 < len(b.Values) && b.Values[i+1].Op == ir.OpPhi; i++ { // phis come first
				b.Values[i], b.Values[i+1] = b.Values[i+1], b.Values[i]
			}
			return true
		}
	}
	return false
}

func sameConstants(args []*ir.Value) bool {
	for _, a := range args {
		if a.Op != ir.OpConst || a.Imm != args[0].Imm {
			return false
		}
	}
	return true
}
