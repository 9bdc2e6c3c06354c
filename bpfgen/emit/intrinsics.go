package emit

import (
	"fmt"

	"github.com/cilium/ebpf/asm"

	"tracer/bpfgen/ir"
)

// sequences are the intrinsics made of hand-written instructions: arguments in
// r1 to r5, the result in r0.
type sequenceMaker struct {
	args int
	imms int
	make func(v *ir.Value, q *sequence) error
}

var sequences = map[string]sequenceMaker{
	ir.HistSlot:    {args: 1, imms: 2, make: histSlot},
	ir.StrContains: {args: 1, imms: 1, make: strContains},
	ir.StrEqual:    {args: 2, imms: 2, make: strEqual},
	ir.PairPush:    {args: 3, imms: 2, make: pairPush},
	ir.PairPop:     {args: 3, imms: 2, make: pairPop},
}

func (s *selector) intrinsic(v *ir.Value) error {
	if v.Sym == ir.ReadFailed {
		return s.readFailed(v)
	}
	maker, ok := sequences[v.Sym]
	if !ok {
		return fmt.Errorf("no intrinsic %q", v.Sym)
	}
	if len(v.Args) != maker.args || len(v.Imms) != maker.imms {
		return fmt.Errorf("%s with %d operands and %d constants, want %d and %d", v.Sym, len(v.Args), len(v.Imms), maker.args, maker.imms)
	}
	q := newSequence()
	if err := maker.make(v, q); err != nil {
		return fmt.Errorf("%s: %w", v.Sym, err)
	}
	list, err := q.finish()
	if err != nil {
		return fmt.Errorf("%s: %w", v.Sym, err)
	}
	if s.steps += q.steps; s.steps > verifierBudget {
		return SearchError{Steps: s.steps, Pos: v.Pos}
	}
	s.call(v, inst{kind: kindSeq, seq: list, clobbers: written(list)})
	return nil
}

// written are the registers that a sequence writes, a bit for each.
func written(list asm.Instructions) uint16 {
	regs := uint16(0)
	for _, in := range list {
		if class := in.OpCode.Class(); class.IsALU() || class.IsLoad() {
			regs |= 1 << in.Dst
		}
	}
	return regs
}

// readFailed is not a sequence: it costs the usual case one jump.
func (s *selector) readFailed(v *ir.Value) error {
	if len(v.Args) != 3 {
		return fmt.Errorf("%s with %d operands, want 3", v.Sym, len(v.Args))
	}
	failed := &mblock{name: "read failed", cold: true}
	count := &mblock{name: "count failure", cold: true}
	after := &mblock{name: s.cur.name, cold: s.cur.cold}
	s.skipUnless(ir.OpSlt, v.Args[0], failed, after)
	s.start(failed)
	s.skipUnless(ir.OpNe, v.Args[1], count, after)
	s.start(count)
	at := &ir.Value{Op: ir.OpLoad, Args: []*ir.Value{v.Args[2]}}
	base, off := s.address(at)
	sum := s.m.newReg()
	s.add(inst{kind: kindLoad, op: asm.LoadMemOp(asm.DWord), dst: sum, src: base, off: off})
	s.add(inst{kind: kindALU, op: asm.Add.Op(asm.ImmSource), dst: sum, src: noReg, imm: 1})
	s.add(inst{kind: kindStore, op: asm.StoreMemOp(asm.DWord), dst: base, src: sum, off: off})
	s.cur.term = terminator{then: after, pos: s.pos}
	s.start(after)
	return nil
}

// skipUnless ends the current block: to then if v cmp 0, else to els.
func (s *selector) skipUnless(cmp ir.Op, v *ir.Value, then, els *mblock) {
	s.cur.term = terminator{cmp: cmp, a: s.get(v), b: noReg, then: then, els: els, pos: s.pos}
}

// bitLengths has the bit length of i, from 0 to 15, in its nibble i.
const bitLengths = 0x4444444433332210

// histSlot guesses only what is nearly always so, that a value is below 2^32; the
// steps below need no branches. With n = 2^bits, a value x of bitlen p+1 has
// e = max(0, p-bits) bits too many, and its slot is 1 + e*n + (x >> e).
func histSlot(v *ir.Value, q *sequence) error {
	bits, signed := v.Imms[0], v.Imms[1] != 0
	if bits < 0 || bits > 8 {
		return fmt.Errorf("%d bits, want 0 to 8", bits)
	}
	slot, x, y, t := asm.R0, asm.R1, asm.R2, asm.R3
	q.add(asm.Mov.Imm(slot, 0))
	if signed {
		q.jumpImm(asm.JSLT, x, 0, "done")
	}
	// e = bitlen(y), by halving: t = k if y >= 2^k, else 0.
	q.add(asm.Mov.Reg(y, x), asm.RSh.Imm(y, int32(bits)+1))
	q.add(asm.Mov.Reg(t, y), asm.RSh.Imm(t, 32))
	q.jumpImm(asm.JEq, t, 0, "small")
	q.add(asm.Mov.Reg(y, t), asm.Mov.Imm(slot, 32))
	q.label("small")
	for shift := int32(4); shift >= 2; shift-- {
		k := int32(1) << shift
		q.add(asm.Mov.Imm(t, 1<<k-1), asm.Sub.Reg(t, y), asm.RSh.Imm(t, 63), asm.LSh.Imm(t, shift), asm.RSh.Reg(y, t), asm.Add.Reg(slot, t))
	}
	q.add(asm.LoadImm(t, bitLengths, asm.DWord), asm.LSh.Imm(y, 2), asm.RSh.Reg(t, y), asm.And.Imm(t, 15), asm.Add.Reg(slot, t))
	q.add(asm.RSh.Reg(x, slot))
	if bits > 0 {
		q.add(asm.LSh.Imm(slot, int32(bits)))
	}
	q.add(asm.Add.Reg(slot, x), asm.Add.Imm(slot, 1))
	last := int32(ir.HistSlots(int(bits)) - 1)
	q.jumpImm(asm.JLE, slot, last, "done")
	q.add(asm.Mov.Imm(slot, last)) // never, but the verifier does not know
	q.label("done")
	return nil
}
