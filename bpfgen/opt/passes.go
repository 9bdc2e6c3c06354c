// Package opt rewrites the IR of one program so that it computes the same with
// fewer and cheaper instructions.
//
// In: an ir.Func that passes ir.Check. Out: the same Func, rewritten in place,
// that passes it again. It must not know registers, the stack frame, or what
// the program is for. Each rewrite has a file of its own; their order is in
// passes.
package opt

import "tracer/bpfgen/ir"

// pass is one rewrite. It says whether it changed anything.
type pass struct {
	name string
	run  func(*ir.Func) bool
}

// passes are the rewrites of one round, in order.
func passes() []pass {
	return []pass{
		{"fold", fold},            // constants first: everything else sees through them
		{"simplify", simplify},    // identities and cheaper forms
		{"phi", phis},             // phis that are copies
		{"branch", branches},      // decided branches, unreachable blocks
		{"thread", thread},        // ways through a block that are decided before it
		{"merge", merge},          // blocks with one way in from a block with one way out
		{"cse", subexpressions},   // what is computed twice, loads included
		{"dead", deadCode},        // after the others: they leave much behind
		{"sink", sink},            // late: sharing comes before moving
		{"sink reads", sinkReads}, // calls that fill a slot, once their loads are down
	}
}

// maxRounds bounds the work; programs settle in two to four rounds.
const maxRounds = 8

// Run rewrites f in place. The time is near linear in the size of f.
func Run(f *ir.Func) {
	for range maxRounds {
		changed := false
		for _, p := range passes() {
			changed = p.run(f) || changed
		}
		if !changed {
			return
		}
	}
}

// aliases collects values to be replaced by others.
type aliases map[*ir.Value]*ir.Value

func (al aliases) find(v *ir.Value) *ir.Value {
	for {
		by, ok := al[v]
		if !ok {
			return v
		}
		v = by
	}
}

// apply replaces all uses; it says whether there is anything to replace.
func (al aliases) apply(f *ir.Func) bool {
	if len(al) == 0 {
		return false
	}
	for _, b := range f.Blocks {
		for _, v := range b.Values {
			for i, a := range v.Args {
				v.Args[i] = al.find(a)
			}
		}
		if b.Term.A != nil {
			b.Term.A = al.find(b.Term.A)
		}
		if b.Term.B != nil {
			b.Term.B = al.find(b.Term.B)
		}
	}
	for v := range al {
		v.Block.Values = remove(v.Block.Values, v)
	}
	return true
}

func remove(list []*ir.Value, v *ir.Value) []*ir.Value {
	for i, x := range list {
		if x == v {
			return append(list[:i:i], list[i+1:]...)
		}
	}
	return list
}

func isConst(v *ir.Value, n int64) bool { return v.Op == ir.OpConst && v.Imm == n }

// setConst makes v the constant n, in place.
func setConst(v *ir.Value, n int64) {
	v.Op, v.Imm, v.Args, v.Size, v.Signed = ir.OpConst, n, nil, 0, false
}

// set makes v another operation, in place.
func set(v *ir.Value, op ir.Op, args ...*ir.Value) {
	v.Op, v.Args, v.Imm, v.Size, v.Signed = op, args, 0, 0, false
}

// constant makes a constant right before v.
func constant(f *ir.Func, v *ir.Value, n int64) *ir.Value {
	b := v.Block
	c := f.NewValue(b, ir.Value{Op: ir.OpConst, Imm: n, Pos: v.Pos})
	list := b.Values[:len(b.Values)-1]
	for i, x := range list {
		if x == v {
			b.Values = append(list[:i:i], append([]*ir.Value{c}, list[i:]...)...)
			break
		}
	}
	return c
}
