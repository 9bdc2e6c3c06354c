// Package emit turns the IR of one program into BPF instructions: which
// register or stack slot holds what, in which order the blocks lie, how far
// the jumps go, and where in the spec each instruction comes from.
//
// In: an ir.Func, usually one that package opt has rewritten. Out: an Object.
// It must not know HCL, hosts, or what the program means.
//
// The stages: select makes machine instructions over unlimited registers, one
// block after the other (phis become copies); allocate gives them the ten
// machine registers by live range, spilling what does not fit and starting
// again; finish gives the stack its offsets, orders the blocks and sets the
// jumps.
package emit

import (
	"fmt"

	"github.com/cilium/ebpf/asm"

	"tracer/bpfgen/ir"
)

// MaxStack is the stack of a BPF program in bytes (MAX_BPF_STACK in
// include/linux/filter.h).
const MaxStack = 512

// Object is one program in instructions.
type Object struct {
	// Instructions refer to maps by name (asm.Instruction.Reference), as a
	// ebpf.CollectionSpec resolves them, and so do calls of the kernel's
	// functions: who loads them puts the number in that its BTF gives them.
	// Jumps are numeric.
	Instructions asm.Instructions
	// Pos is where each instruction comes from; nil where from nowhere.
	Pos []ir.Pos
	// StackBytes is the depth of the stack.
	StackBytes int

	labels map[int]string // of blocks, by instruction, for the listing
}

// StackError says that a program needs more stack than there is.
type StackError struct{ Need int }

func (e StackError) Error() string {
	return fmt.Sprintf("the program needs %d bytes of stack, %d exist", e.Need, MaxStack)
}

// Program makes the instructions of f, which it does not change. f must pass
// ir.Check. Errors are StackError, SearchError, a jump that is too far, and intrinsics
// or operations that cannot be made (an unknown name, a text too long).
// Instructions are those of cpu v2, and atomic operations with a result (5.12)
// where f asks for them.
func Program(f *ir.Func) (*Object, error) {
	m, err := selectCode(f)
	if err != nil {
		return nil, fmt.Errorf("program %q: %w", f.Name, err)
	}
	regs := allocate(m)
	m.layoutFrame()
	if need := m.frame; need > MaxStack {
		return nil, StackError{Need: need}
	}
	o, err := m.finish(regs)
	if err != nil {
		return nil, fmt.Errorf("program %q: %w", f.Name, err)
	}
	return o, nil
}

// RawPos is where the instruction at a raw offset comes from: an offset as the
// verifier counts, in which a 64-bit immediate takes two. It is nil for an
// offset that does not exist.
func (o *Object) RawPos(rawOffset int) ir.Pos {
	at := 0
	for i := range o.Instructions {
		at += int(o.Instructions[i].Width())
		if rawOffset < at {
			return o.Pos[i]
		}
	}
	return nil
}
