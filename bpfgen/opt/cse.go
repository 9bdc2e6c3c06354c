package opt

import (
	"fmt"

	"tracer/bpfgen/ir"
)

// subexpressions uses again what was computed before on every way: pure values
// anywhere, loads as long as nothing may have written there. A load of what was
// just stored becomes the stored value.
func subexpressions(f *ir.Func) bool {
	c := &cse{f: f, dom: newDominance(f), alias: aliases{}, pure: map[valueKey][]*ir.Value{}, ends: map[*ir.Block][]*ir.Value{}}
	for _, b := range f.Blocks {
		c.block(b)
	}
	return c.alias.apply(f) || c.changed
}

type cse struct {
	f     *ir.Func
	dom   *dominance
	alias aliases
	pure  map[valueKey][]*ir.Value
	// ends are the loads and stores whose value is still in memory at the
	// end of a block.
	ends    map[*ir.Block][]*ir.Value
	changed bool
}

// valueKey is equal for values that compute the same.
type valueKey struct {
	op     ir.Op
	args   [3]int
	imm    int64
	sym    string
	size   int
	signed bool
	rest   string
}

func keyOf(v *ir.Value) valueKey {
	k := valueKey{op: v.Op, imm: v.Imm, sym: v.Sym, size: v.Size, signed: v.Signed}
	for i, a := range v.Args {
		if i < len(k.args) {
			k.args[i] = a.ID + 1
		}
	}
	if commutes(v.Op) || v.Op == ir.OpEq || v.Op == ir.OpNe {
		k.args[0], k.args[1] = min(k.args[0], k.args[1]), max(k.args[0], k.args[1])
	}
	if len(v.Imms) > 0 {
		k.rest = fmt.Sprint(v.Imms)
	}
	return k
}

func (c *cse) block(b *ir.Block) {
	var memory []*ir.Value
	if len(b.Preds) == 1 {
		memory = append(memory, c.ends[b.Preds[0]]...)
	}
	for _, v := range append([]*ir.Value(nil), b.Values...) {
		if v.Op != ir.OpPhi {
			for i, a := range v.Args {
				v.Args[i] = c.alias.find(a)
			}
		}
		switch {
		case v.Op == ir.OpCtx || isPure(v) && len(v.Args) <= 3:
			c.share(b, v)
		case v.Op == ir.OpLoad:
			memory = c.load(v, memory)
		default:
			memory = survivors(memory, v)
		}
		if v.Op == ir.OpStore {
			memory = append(memory, v)
		}
	}
	c.ends[b] = memory
}

func (c *cse) share(b *ir.Block, v *ir.Value) {
	k := keyOf(v)
	for _, have := range c.pure[k] {
		if c.dom.dominates(have.Block, b) {
			c.alias[v] = have
			return
		}
	}
	c.pure[k] = append(c.pure[k], v)
}

func (c *cse) load(v *ir.Value, memory []*ir.Value) []*ir.Value {
	p := placeOf(v)
	for _, have := range memory {
		if placeOf(have) != p {
			continue
		}
		if have.Op == ir.OpLoad && have.Signed == v.Signed {
			c.alias[v] = have
			return memory
		}
		if have.Op == ir.OpStore {
			signed, size := v.Signed, v.Size
			set(v, ir.OpExt, have.Args[1])
			v.Size, v.Signed = size, signed
			c.changed = true
			return memory
		}
	}
	return append(memory, v)
}

// survivors are the loads and stores that v leaves as they are.
func survivors(memory []*ir.Value, v *ir.Value) []*ir.Value {
	var kept []*ir.Value
	for _, m := range memory {
		if !writes(v, placeOf(m)) {
			kept = append(kept, m)
		}
	}
	return kept
}
