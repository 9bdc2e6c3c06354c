package opt

import "tracer/bpfgen/ir"

// thread lets a block that brings a constant to a phi that only decides a
// branch go straight to where that branch goes.
func thread(f *ir.Func) bool {
	changed := false
	uses := countUses(f)
	for _, b := range f.Blocks[1:] {
		if !onlyDecides(b, uses) {
			continue
		}
		for i := 0; i < len(b.Preds); i++ {
			if len(b.Preds) > 1 && redirect(b, i) {
				changed = true
				i = -1
			}
		}
	}
	return dropUnreachable(f) || changed
}

func countUses(f *ir.Func) map[*ir.Value]int {
	uses := map[*ir.Value]int{}
	for _, b := range f.Blocks {
		for _, v := range b.Values {
			for _, a := range v.Args {
				uses[a]++
			}
		}
		for _, a := range []*ir.Value{b.Term.A, b.Term.B} {
			if a != nil {
				uses[a]++
			}
		}
	}
	return uses
}

// onlyDecides says that b holds nothing but one phi and a branch by it, and
// constants for that branch.
func onlyDecides(b *ir.Block, uses map[*ir.Value]int) bool {
	t := b.Term
	if t.Kind != ir.TermIf || t.A.Op != ir.OpPhi || t.A.Block != b || uses[t.A] != 1 || t.B.Op != ir.OpConst {
		return false
	}
	for _, v := range b.Values {
		if v != t.A && (v.Op != ir.OpConst || v != t.B || uses[v] != 1) {
			return false
		}
	}
	return true
}

// redirect moves the edge from predecessor i of b past b, if it is decided
// there which way b goes.
func redirect(b *ir.Block, i int) bool {
	t := b.Term
	arg, from := t.A.Args[i], b.Preds[i]
	if arg.Op != ir.OpConst || occurrences(from, b) > 1 || t.Then == t.Else {
		return false
	}
	to := t.Else
	if holds(t.Cmp, arg.Imm, t.B.Imm) {
		to = t.Then
	}
	if occurrences(from, to) > 0 { // Then must stay before Else among the predecessors
		return false
	}
	brought := predIndex(b, to, 0)
	for _, v := range to.Values {
		if v.Op != ir.OpPhi {
			break
		}
		v.Args = append(v.Args[:len(v.Args):len(v.Args)], v.Args[brought])
	}
	to.Preds = append(to.Preds[:len(to.Preds):len(to.Preds)], from)
	dropEdge(from, b, 0)
	if from.Term.Then == b {
		from.Term.Then = to
	} else {
		from.Term.Else = to
	}
	return true
}

func occurrences(from, to *ir.Block) int {
	n := 0
	for _, p := range to.Preds {
		if p == from {
			n++
		}
	}
	return n
}
