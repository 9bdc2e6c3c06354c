package irtest

import "tracer/bpfgen/ir"

// Shrink makes f smaller as long as fails says that it still fails. It never
// gives fails a function that is not well formed. f itself is not changed.
func Shrink(f *ir.Func, fails func(*ir.Func) bool) *ir.Func {
	for round := 0; round < 8; round++ {
		smaller := false
		for try := 0; ; try++ {
			next := shrunk(f, try)
			if next == nil {
				break
			}
			if next.String() != f.String() && ir.Check(next) == nil && fails(next) {
				f, smaller = next, true
				try--
			}
		}
		if !smaller {
			return f
		}
	}
	return f
}

// shrunk is a copy of f with its change number try made; nil: there are no more.
func shrunk(f *ir.Func, try int) *ir.Func {
	c, err := ir.ParseText(f.String())
	if err != nil {
		return nil
	}
	for _, b := range c.Blocks {
		if b.Term.Kind == ir.TermIf {
			if try < 2 {
				straighten(c, b, try == 0)
				return c
			}
			try -= 2
		}
	}
	for _, b := range c.Blocks {
		for i := len(b.Values) - 1; i >= 0; i-- {
			v := b.Values[i]
			n := changes(c, v)
			if try < n {
				change(c, b, i, try)
				return c
			}
			try -= n
		}
	}
	return nil
}

// changes is how many ways there are to make v smaller.
func changes(f *ir.Func, v *ir.Value) int {
	switch {
	case v.Op == ir.OpStore && v.Args[0].Op == ir.OpSlot: // what is not initialised is not the same twice
		return 0
	case !v.HasResult() || !used(f, v):
		return 1
	case v.Op == ir.OpConst:
		return 0
	case v.Op == ir.OpPhi:
		return 0
	default:
		return 1 + len(v.Args)
	}
}

func change(f *ir.Func, b *ir.Block, i, try int) {
	v := b.Values[i]
	if !v.HasResult() || !used(f, v) {
		b.Values = append(b.Values[:i], b.Values[i+1:]...)
		return
	}
	if try > 0 {
		if by := v.Args[try-1]; isPointer(by) == isPointer(v) && by.Op != ir.OpMap && by.Op != ir.OpCtx {
			replace(f, v, by)
		}
		return
	}
	if isPointer(v) {
		return
	}
	v.Op, v.Args, v.Imm, v.Sym, v.Imms = ir.OpConst, nil, 1, "", nil
}

// isPointer says that v is an address: numbers must not become addresses, which
// no two runs agree on.
func isPointer(v *ir.Value) bool {
	switch v.Op {
	case ir.OpCtx, ir.OpSlot, ir.OpMap, ir.OpMapValue:
		return true
	case ir.OpCall:
		return v.Imm == HelperMapLookup
	case ir.OpAdd:
		return isPointer(v.Args[0]) || isPointer(v.Args[1])
	}
	return false
}

func used(f *ir.Func, v *ir.Value) bool {
	for _, b := range f.Blocks {
		for _, u := range b.Values {
			for _, a := range u.Args {
				if a == v {
					return true
				}
			}
		}
		if b.Term.A == v || b.Term.B == v {
			return true
		}
	}
	return false
}

func replace(f *ir.Func, v, by *ir.Value) {
	for _, b := range f.Blocks {
		for _, u := range b.Values {
			for i, a := range u.Args {
				if a == v && u != v {
					u.Args[i] = by
				}
			}
		}
		if b.Term.A == v {
			b.Term.A = by
		}
		if b.Term.B == v {
			b.Term.B = by
		}
	}
}

// straighten makes a jump of a branch and drops what is then not reached.
func straighten(f *ir.Func, b *ir.Block, then bool) {
	keep, drop := b.Term.Then, b.Term.Else
	occurrence := 0
	if then && keep == drop {
		occurrence = 1
	}
	if !then {
		keep, drop = drop, keep
	}
	b.Term = ir.Term{Kind: ir.TermJump, Then: keep}
	dropEdge(b, drop, occurrence)
	for changed := true; changed; {
		changed = false
		for i := 1; i < len(f.Blocks); i++ {
			dead := f.Blocks[i]
			if len(dead.Preds) > 0 {
				continue
			}
			for _, s := range dead.Succs() {
				dropEdge(dead, s, 0)
			}
			f.Blocks = append(f.Blocks[:i], f.Blocks[i+1:]...)
			changed = true
			break
		}
	}
}

func dropEdge(from, to *ir.Block, occurrence int) {
	i := predIndex(to, from, occurrence)
	to.Preds = append(to.Preds[:i:i], to.Preds[i+1:]...)
	for _, v := range to.Values {
		if v.Op == ir.OpPhi {
			v.Args = append(v.Args[:i:i], v.Args[i+1:]...)
		}
	}
}
