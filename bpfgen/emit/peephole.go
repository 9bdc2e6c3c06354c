package emit

import (
	"github.com/cilium/ebpf/asm"

	"tracer/bpfgen/ir"
)

// peephole improves a straight line of instructions: a load of the stack slot
// that was just written from a register becomes a copy, a copy back to where
// it came from disappears.
func peephole(code asm.Instructions, pos []ir.Pos) (asm.Instructions, []ir.Pos) {
	if hasJumps(code) {
		return code, pos
	}
	out, outPos := code[:0], pos[:0]
	for i := range code {
		in := code[i]
		if n := len(out); n > 0 {
			in = forward(out[n-1], in)
			if isNoMove(in) || undoes(out[n-1], in) {
				continue
			}
		}
		out, outPos = append(out, in), append(outPos, pos[i])
	}
	return out, outPos
}

func hasJumps(code asm.Instructions) bool {
	for i := range code {
		if op := code[i].OpCode; op.Class().IsJump() && op.JumpOp() != asm.Call {
			return true
		}
	}
	return false
}

// forward makes [fp+n] = a; b = [fp+n] into [fp+n] = a; b = a.
func forward(prev, in asm.Instruction) asm.Instruction {
	if prev.OpCode == asm.StoreMemOp(asm.DWord) && prev.Dst == asm.RFP &&
		in.OpCode == asm.LoadMemOp(asm.DWord) && in.Src == asm.RFP && in.Offset == prev.Offset {
		return asm.Mov.Reg(in.Dst, prev.Src)
	}
	return in
}

func isNoMove(in asm.Instruction) bool { return in.OpCode == moveOp && in.Dst == in.Src }

// undoes says that in is b = a after a = b.
func undoes(prev, in asm.Instruction) bool {
	return prev.OpCode == moveOp && in.OpCode == moveOp && in.Dst == prev.Src && in.Src == prev.Dst
}
