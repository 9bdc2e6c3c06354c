package emit

import (
	"fmt"

	"github.com/cilium/ebpf/asm"

	"tracer/bpfgen/ir"
)

// swapped is the comparison with its sides changed.
var swapped = map[ir.Op]ir.Op{
	ir.OpEq: ir.OpEq, ir.OpNe: ir.OpNe,
	ir.OpUlt: ir.OpUgt, ir.OpUgt: ir.OpUlt, ir.OpUle: ir.OpUge, ir.OpUge: ir.OpUle,
	ir.OpSlt: ir.OpSgt, ir.OpSgt: ir.OpSlt, ir.OpSle: ir.OpSge, ir.OpSge: ir.OpSle,
}

// inverted is the comparison that holds when the other does not.
var inverted = map[ir.Op]ir.Op{
	ir.OpEq: ir.OpNe, ir.OpNe: ir.OpEq,
	ir.OpUlt: ir.OpUge, ir.OpUge: ir.OpUlt, ir.OpUle: ir.OpUgt, ir.OpUgt: ir.OpUle,
	ir.OpSlt: ir.OpSge, ir.OpSge: ir.OpSlt, ir.OpSle: ir.OpSgt, ir.OpSgt: ir.OpSle,
}

var jumps = map[ir.Op]asm.JumpOp{
	ir.OpEq: asm.JEq, ir.OpNe: asm.JNE,
	ir.OpUlt: asm.JLT, ir.OpUle: asm.JLE, ir.OpUgt: asm.JGT, ir.OpUge: asm.JGE,
	ir.OpSlt: asm.JSLT, ir.OpSle: asm.JSLE, ir.OpSgt: asm.JSGT, ir.OpSge: asm.JSGE,
}

type aluOp struct {
	op          asm.ALUOp
	commutative bool
}

var aluOps = map[ir.Op]aluOp{
	ir.OpAdd: {asm.Add, true}, ir.OpSub: {asm.Sub, false}, ir.OpMul: {asm.Mul, true},
	ir.OpUDiv: {asm.Div, false}, ir.OpUMod: {asm.Mod, false},
	ir.OpAnd: {asm.And, true}, ir.OpOr: {asm.Or, true}, ir.OpXor: {asm.Xor, true},
	ir.OpShl: {asm.LSh, false}, ir.OpLshr: {asm.RSh, false}, ir.OpAshr: {asm.ArSh, false},
}

var sizes = map[int]asm.Size{1: asm.Byte, 2: asm.Half, 4: asm.Word, 8: asm.DWord}

// value selects the instructions of v, if it needs any.
func (s *selector) value(v *ir.Value) error {
	unused := s.lastUse[v] == 0
	switch {
	case v.Op == ir.OpCtx, v.Op == ir.OpPhi, s.folded[v], s.isRemade(v):
		return nil
	case unused && isPure(v.Op):
		return nil
	case v.Op.IsCompare():
		s.compare(v)
		return nil
	}
	switch v.Op {
	case ir.OpLoad:
		s.load(v)
	case ir.OpStore:
		s.store(v)
	case ir.OpAtomicAdd, ir.OpXchg, ir.OpCmpXchg:
		s.atomic(v)
	case ir.OpNeg:
		s.into(s.result(v), v.Args[0])
		s.add(inst{kind: kindALU, op: asm.Neg.Op(asm.ImmSource), dst: s.result(v), src: noReg})
	case ir.OpNumber:
		// What the verifier knows of a register ends with any arithmetic on it.
		s.into(s.result(v), v.Args[0])
		for range 2 {
			s.add(inst{kind: kindALU, op: asm.Neg.Op(asm.ImmSource), dst: s.result(v), src: noReg})
		}
	case ir.OpExt:
		s.extend(v)
	case ir.OpBswap:
		s.bswap(v)
	case ir.OpCall:
		s.call(v, inst{kind: kindCall, op: callOp, imm: v.Imm, clobbers: callClobbers})
	case ir.OpKfunc:
		s.call(v, inst{kind: kindCall, op: callOp, sym: v.Sym, src: reg(asm.PseudoKfuncCall), clobbers: callClobbers})
	case ir.OpIntrinsic:
		return s.intrinsic(v)
	default:
		if _, ok := aluOps[v.Op]; !ok {
			return fmt.Errorf("no instruction for %s", v.Op)
		}
		s.alu(v)
	}
	return nil
}

func isPure(op ir.Op) bool {
	switch op {
	case ir.OpStore, ir.OpAtomicAdd, ir.OpXchg, ir.OpCmpXchg, ir.OpCall, ir.OpKfunc, ir.OpIntrinsic:
		return false
	}
	return true
}

func (s *selector) alu(v *ir.Value) {
	a, b, op := v.Args[0], v.Args[1], aluOps[v.Op]
	if op.commutative && b.Op != ir.OpConst && (a.Op == ir.OpConst || s.dies(b) && !s.dies(a)) {
		a, b = b, a
	}
	dst := s.result(v)
	s.into(dst, a)
	if a == b {
		s.add(inst{kind: kindALU, op: op.op.Op(asm.RegSource), dst: dst, src: dst})
		return
	}
	s.arith(op.op, dst, b)
}

// dies says that the value being selected is the last one to use v.
func (s *selector) dies(v *ir.Value) bool { return s.lastUse[v] <= s.order }

// arith appends dst op= b.
func (s *selector) arith(op asm.ALUOp, dst reg, b *ir.Value) {
	if b.Op != ir.OpConst {
		s.add(inst{kind: kindALU, op: op.Op(asm.RegSource), dst: dst, src: s.get(b)})
		return
	}
	imm := b.Imm
	switch {
	case op == asm.LSh || op == asm.RSh || op == asm.ArSh:
		imm &= 63
	case op == asm.Div && imm == 0: // the verifier refuses a zero divisor that it sees
		s.add(inst{kind: kindImm, op: asm.Mov.Op(asm.ImmSource), dst: dst, src: noReg})
		return
	case op == asm.Mod && imm == 0:
		return
	case op == asm.And && imm == 0xffffffff:
		s.add(inst{kind: kindMove, op: move32Op, dst: dst, src: dst})
		return
	}
	if isInt32(imm) {
		s.add(inst{kind: kindALU, op: op.Op(asm.ImmSource), dst: dst, src: noReg, imm: imm})
		return
	}
	s.add(inst{kind: kindALU, op: op.Op(asm.RegSource), dst: dst, src: s.get(b)})
}

func (s *selector) compare(v *ir.Value) {
	cmp, a, b := v.Op, v.Args[0], v.Args[1]
	if a.Op == ir.OpConst && b.Op != ir.OpConst {
		cmp, a, b = swapped[cmp], b, a
	}
	in := inst{kind: kindSetCC, cmp: cmp, src: noReg, lhs: s.get(a)}
	if b.Op == ir.OpConst && isInt32(b.Imm) {
		in.imm = b.Imm
	} else {
		in.src = s.get(b)
	}
	in.dst = s.result(v)
	s.add(in)
}

func (s *selector) load(v *ir.Value) {
	base, off := s.address(v)
	dst := s.result(v)
	s.add(inst{kind: kindLoad, op: asm.LoadMemOp(sizes[v.Size]), dst: dst, src: base, off: off})
	if v.Signed {
		s.signExtend(dst, v.Size)
	}
}

func (s *selector) signExtend(r reg, size int) {
	if size == 8 {
		return
	}
	n := int64(64 - 8*size)
	s.add(inst{kind: kindALU, op: asm.LSh.Op(asm.ImmSource), dst: r, src: noReg, imm: n})
	s.add(inst{kind: kindALU, op: asm.ArSh.Op(asm.ImmSource), dst: r, src: noReg, imm: n})
}

// store writes a constant without a register if it can. asm.StoreImm refuses
// eight bytes; the kernel does not.
func (s *selector) store(v *ir.Value) {
	base, off := s.address(v)
	val := v.Args[1]
	size := sizes[v.Size]
	if val.Op == ir.OpConst && (v.Size < 8 || isInt32(val.Imm)) {
		op := asm.OpCode(asm.StClass).SetMode(asm.MemMode).SetSize(size)
		s.add(inst{kind: kindStoreImm, op: op, dst: base, src: noReg, off: off, imm: int64(int32(val.Imm))})
		return
	}
	s.add(inst{kind: kindStore, op: asm.StoreMemOp(size), dst: base, src: s.get(val), off: off})
}

// atomic sets the immediate of fetching operations itself: Marshal of
// cilium/ebpf 0.22 computes it too late, and every one becomes an addition.
func (s *selector) atomic(v *ir.Value) {
	base, off := s.address(v)
	size := sizes[v.Size]
	switch v.Op {
	case ir.OpAtomicAdd:
		s.add(inst{kind: kindAtomic, op: asm.AddAtomic.OpCode(size), dst: base, src: s.get(v.Args[1]), off: off})
	case ir.OpXchg:
		dst := s.result(v)
		s.into(dst, v.Args[1])
		s.add(inst{kind: kindXchg, op: asm.Xchg.OpCode(size), dst: base, src: dst, off: off, imm: int64(asm.Xchg >> 8)})
	case ir.OpCmpXchg:
		val := s.get(v.Args[2])
		s.into(0, v.Args[1])
		s.add(inst{kind: kindCmpXchg, op: asm.CmpXchg.OpCode(size), dst: base, src: val, off: off, imm: int64(asm.CmpXchg >> 8)})
		if s.lastUse[v] > 0 {
			s.move(s.result(v), 0)
		}
	}
}

func (s *selector) extend(v *ir.Value) {
	dst := s.result(v)
	if v.Size == 4 && !v.Signed && !s.isRemade(v.Args[0]) {
		s.add(inst{kind: kindMove, op: move32Op, dst: dst, src: s.result(v.Args[0])})
		return
	}
	s.into(dst, v.Args[0])
	switch {
	case v.Signed:
		s.signExtend(dst, v.Size)
	case v.Size == 4:
		s.add(inst{kind: kindMove, op: move32Op, dst: dst, src: dst})
	case v.Size < 4:
		s.add(inst{kind: kindALU, op: asm.And.Op(asm.ImmSource), dst: dst, src: noReg, imm: 1<<(8*v.Size) - 1})
	}
}

// bswap swaps by "to big endian", which hosts of cpu v2 know. tracer runs on
// little-endian hosts only.
func (s *selector) bswap(v *ir.Value) {
	dst := s.result(v)
	s.into(dst, v.Args[0])
	if v.Size == 1 {
		s.add(inst{kind: kindALU, op: asm.And.Op(asm.ImmSource), dst: dst, src: noReg, imm: 0xff})
		return
	}
	swap := asm.HostTo(asm.BE, 0, sizes[v.Size])
	s.add(inst{kind: kindALU, op: swap.OpCode, dst: dst, src: noReg, imm: swap.Constant})
}

// callClobbers are r0 to r5.
const callClobbers = 1<<6 - 1

var callOp = asm.OpCode(asm.JumpClass).SetJumpOp(asm.Call)

// call puts the arguments in r1 to r5, what is remade last, so that the
// registers are taken late.
func (s *selector) call(v *ir.Value, in inst) {
	for i, a := range v.Args {
		if !s.isRemade(a) {
			s.into(reg(i+1), a)
		}
	}
	for i, a := range v.Args {
		if s.isRemade(a) {
			s.into(reg(i+1), a)
		}
	}
	in.args = len(v.Args)
	s.add(in)
	clear(s.wide)
	if s.lastUse[v] > 0 {
		s.move(s.result(v), 0)
	}
}
