package opt

import "tracer/bpfgen/ir"

var inverted = map[ir.Op]ir.Op{
	ir.OpEq: ir.OpNe, ir.OpNe: ir.OpEq,
	ir.OpUlt: ir.OpUge, ir.OpUge: ir.OpUlt, ir.OpUle: ir.OpUgt, ir.OpUgt: ir.OpUle,
	ir.OpSlt: ir.OpSge, ir.OpSge: ir.OpSlt, ir.OpSle: ir.OpSgt, ir.OpSgt: ir.OpSle,
}

var swapped = map[ir.Op]ir.Op{
	ir.OpEq: ir.OpEq, ir.OpNe: ir.OpNe,
	ir.OpUlt: ir.OpUgt, ir.OpUgt: ir.OpUlt, ir.OpUle: ir.OpUge, ir.OpUge: ir.OpUle,
	ir.OpSlt: ir.OpSgt, ir.OpSgt: ir.OpSlt, ir.OpSle: ir.OpSge, ir.OpSge: ir.OpSle,
}

// comparison is op of a and b.
type comparison struct {
	op   ir.Op
	a, b *ir.Value
}

// compare simplifies a comparison that is a value.
func (s *simplifier) compare(v *ir.Value) {
	was := comparison{v.Op, v.Args[0], v.Args[1]}
	c := was.ordered()
	if known, ok := c.decided(); ok {
		s.constant(v, truth(known))
		return
	}
	if c.a.Op.IsCompare() && (c.op == ir.OpNe && isConst(c.b, 0) || c.op == ir.OpEq && isConst(c.b, 1)) {
		s.same(v, c.a)
		return
	}
	if next := c.simpler(); next != was {
		set(v, next.op, next.a, next.b)
		s.changed = true
	}
}

// decided says what the comparison gives if that is known without running.
func (c comparison) decided() (value, ok bool) {
	if c.a == c.b {
		return holds(c.op, 0, 0), true
	}
	if c.b.Op != ir.OpConst {
		return false, false
	}
	n := c.b.Imm
	if c.a.Op == ir.OpConst {
		return holds(c.op, c.a.Imm, n), true
	}
	w := provenWidth(c.a)
	if w == 64 {
		return c.decidedByBorder(uint64(n), ^uint64(0))
	}
	most := uint64(1)<<w - 1
	if c.op >= ir.OpSlt {
		low, high := holds(c.op, 0, n), holds(c.op, int64(most), n)
		return low, low == high
	}
	return c.decidedByBorder(uint64(n), most)
}

// decidedByBorder knows that a is from 0 to most, compared without sign.
func (c comparison) decidedByBorder(n, most uint64) (value, ok bool) {
	switch c.op {
	case ir.OpEq, ir.OpNe:
		return c.op == ir.OpNe, n > most
	case ir.OpUlt, ir.OpUge:
		return c.op == ir.OpUlt == (n > most), n > most || n == 0
	case ir.OpUle, ir.OpUgt:
		return c.op == ir.OpUle, n >= most
	}
	return false, false
}

// ordered has a constant on the right.
func (c comparison) ordered() comparison {
	if c.a.Op == ir.OpConst && c.b.Op != ir.OpConst {
		return comparison{swapped[c.op], c.b, c.a}
	}
	return c
}

// simpler compares what c compares the truth of. c is ordered and not decided.
func (c comparison) simpler() comparison {
	if c.b.Op != ir.OpConst || c.op != ir.OpEq && c.op != ir.OpNe || !c.a.Op.IsCompare() {
		return c
	}
	// c.a is 0 or 1, and c is not decided: so is the constant.
	inner := comparison{c.a.Op, c.a.Args[0], c.a.Args[1]}
	if c.op == ir.OpNe == (c.b.Imm == 1) {
		inner.op = inverted[inner.op]
	}
	return inner
}
