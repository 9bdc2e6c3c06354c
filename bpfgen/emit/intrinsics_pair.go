package emit

import (
	"fmt"

	"github.com/cilium/ebpf/asm"

	"tracer/bpfgen/ir"
)

// pairShape checks the constants of a stack of pairs. The limit of the depth is
// what verifiers were seen to accept with room to spare; the limit of the size
// keeps offsets in 32 bits.
func pairShape(v *ir.Value) (depth, stride int32, err error) {
	d, s := v.Imms[0], v.Imms[1]
	if d < 1 || d > 64 || s < 16 || s%8 != 0 || s > 1<<16 {
		return 0, 0, fmt.Errorf("depth %d and stride %d, want 1 to 64 and a multiple of 8 from 16 on", d, s)
	}
	return int32(d), int32(s), nil
}

const (
	pairStack, pairSP, pairID = asm.R1, asm.R2, asm.R3
	pairCount, pairTop        = asm.R4, asm.R5
)

// pairTopSlot sets pairTop to the address of slot number pairCount+skip.
func pairTopSlot(q *sequence, stride, skip int32) {
	q.add(
		asm.Mov.Reg(pairTop, pairCount),
		asm.Mul.Imm(pairTop, stride),
		asm.Add.Reg(pairTop, pairStack),
		asm.Add.Imm(pairTop, 8+skip*stride),
	)
}

// pairForget puts the count into its place and takes it out again, of which the
// verifier then knows nothing: what follows is verified once, and not for each
// time round that it was reached from.
func pairForget(q *sequence) {
	q.add(asm.StoreMem(pairStack, 0, pairCount, asm.DWord), asm.LoadMem(pairCount, pairStack, 0, asm.DWord))
}

// pairPush drops dead calls from the top, one each time round, at most depth
// times: the verifier sees the count fall. It compares "below 1", from which
// verifiers before 6.8 learn a bound; from "is 0" they do not.
func pairPush(v *ir.Value, q *sequence) error {
	depth, stride, err := pairShape(v)
	if err != nil {
		return err
	}
	q.add(asm.LoadMem(pairCount, pairStack, 0, asm.DWord))
	q.jumpImm(asm.JGT, pairCount, depth, "full")
	q.label("next")
	q.jumpImm(asm.JLT, pairCount, 1, "push")
	pairTopSlot(q, stride, -1)
	q.add(asm.LoadMem(asm.R0, pairTop, 0, asm.DWord))
	q.jumpReg(asm.JGT, asm.R0, pairSP, "push")
	q.jumpReg(asm.JLT, asm.R0, pairSP, "drop")
	q.add(asm.LoadMem(asm.R0, pairTop, 8, asm.DWord))
	q.jumpReg(asm.JNE, asm.R0, pairID, "push")
	q.label("drop")
	q.add(asm.Add.Imm(pairCount, -1))
	q.jump("next")
	q.label("push")
	pairForget(q)
	q.jumpImm(asm.JGE, pairCount, depth, "full")
	pairTopSlot(q, stride, 0)
	q.add(
		asm.StoreMem(pairTop, 0, pairSP, asm.DWord),
		asm.StoreMem(pairTop, 8, pairID, asm.DWord),
		asm.Add.Imm(pairCount, 1),
		asm.StoreMem(pairStack, 0, pairCount, asm.DWord),
		asm.Mov.Reg(asm.R0, pairTop),
	)
	q.jump("done")
	q.label("full")
	q.add(asm.Mov.Imm(asm.R0, 0))
	q.label("done")
	return nil
}

func pairPop(v *ir.Value, q *sequence) error {
	depth, stride, err := pairShape(v)
	if err != nil {
		return err
	}
	q.add(asm.LoadMem(pairCount, pairStack, 0, asm.DWord))
	q.jumpImm(asm.JGT, pairCount, depth, "none")
	q.label("next")
	q.jumpImm(asm.JLT, pairCount, 1, "miss")
	pairTopSlot(q, stride, -1)
	q.add(asm.LoadMem(asm.R0, pairTop, 0, asm.DWord))
	q.jumpReg(asm.JGE, asm.R0, pairSP, "live")
	q.add(asm.Add.Imm(pairCount, -1))
	q.jump("next")
	q.label("live")
	q.jumpReg(asm.JNE, asm.R0, pairSP, "miss")
	q.add(asm.LoadMem(asm.R0, pairTop, 8, asm.DWord))
	q.jumpReg(asm.JNE, asm.R0, pairID, "miss")
	q.add(asm.Add.Imm(pairCount, -1))
	pairForget(q)
	q.jumpImm(asm.JGE, pairCount, depth, "none")
	pairTopSlot(q, stride, 0)
	q.add(asm.Mov.Reg(asm.R0, pairTop))
	q.jump("done")
	q.label("miss")
	q.add(asm.StoreMem(pairStack, 0, pairCount, asm.DWord))
	q.label("none")
	q.add(asm.Mov.Imm(asm.R0, 0))
	q.label("done")
	return nil
}
