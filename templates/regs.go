package templates

import (
	"fmt"
	"strconv"

	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// registers are where an architecture's struct pt_regs keeps what probes need:
// offsets in bytes. Sources: arch/x86/include/uapi/asm/ptrace.h and
// arch/arm64/include/uapi/asm/ptrace.h; argument and return registers as the
// System V and AAPCS64 calling conventions say, and Go's (ABIInternal).
type registers struct {
	names map[string]int
	args  []int
	// goArgs are the registers of a Go function's arguments, a word each.
	goArgs []int
	ret    int
	sp     int
	// stackArg is where, from the stack pointer at a function's entry, the
	// first argument lies that no register holds.
	stackArg int
	// byAddress: structs of more than 16 bytes are passed by their address, in
	// a register (AAPCS64); else they lie on the stack (System V).
	byAddress bool
}

// byValue is how many argument registers a struct of size bytes takes.
func (r *registers) byValue(size int) int {
	switch {
	case size <= 16:
		return (size + 7) / 8
	case r.byAddress:
		return 1
	}
	return 0
}

// hidden is how many argument registers hold, before the arguments, where a
// value of type t is to be returned.
func (r *registers) hidden(t types.Type) int {
	if t.Kind == types.Struct && t.Size > 16 && !r.byAddress {
		return 1 // arm64 has a register of its own for it (x8)
	}
	return 0
}

// registersOf are arch's registers; the error is a full sentence.
func registersOf(arch, pattern string) (*registers, error) {
	if regs, ok := archRegisters[arch]; ok {
		return regs, nil
	}
	return nil, &TargetError{Pattern: pattern, Detail: fmt.Sprintf("Functions of the architecture %q cannot be probed: only x86_64 and arm64 are known.", arch)}
}

var archRegisters = map[string]*registers{
	"x86_64": {
		names: map[string]int{
			"r15": 0, "r14": 8, "r13": 16, "r12": 24, "bp": 32, "bx": 40, "r11": 48, "r10": 56, "r9": 64, "r8": 72,
			"ax": 80, "cx": 88, "dx": 96, "si": 104, "di": 112, "orig_ax": 120, "ip": 128, "flags": 144, "sp": 152,
		},
		args: []int{112, 104, 96, 88, 72, 64}, ret: 80, sp: 152, stackArg: 8,
		goArgs: []int{80, 40, 88, 112, 104, 72, 64, 56, 48},
	},
	"arm64": {
		names: arm64Names(),
		args:  []int{0, 8, 16, 24, 32, 40, 48, 56}, ret: 0, sp: 248, stackArg: 0, byAddress: true,
		goArgs: []int{0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120},
	},
}

func arm64Names() map[string]int {
	names := map[string]int{"sp": 248, "pc": 256, "pstate": 264, "x30": 240}
	for i := range 31 {
		names["x"+strconv.Itoa(i)] = 8 * i
	}
	return names
}

// StackPointer is the offset of the stack pointer in arch's struct pt_regs,
// bytes; 0 for an architecture that has no plan.
func StackPointer(arch string) int {
	if regs, ok := archRegisters[arch]; ok {
		return regs.sp
	}
	return 0
}

// StackAdjust is what the stack pointer at a return probe is more than at the
// entry of the same call: the return address, where the call pushes it.
func StackAdjust(arch string) int {
	if arch == "x86_64" {
		return 8
	}
	return 0
}

// reg is the whole register at off.
func (r *registers) reg(off int) tree.Loc {
	return tree.Loc{Kind: tree.LocCtx, Off: off, Size: 8}
}
