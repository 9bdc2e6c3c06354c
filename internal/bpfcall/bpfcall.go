// Package bpfcall is what the kernel's bpf interface has and the ebpf library
// does not reach: links of uprobe sessions, and calls of the kernel's functions
// by hand-made programs.
//
// In: programs and places. Out: links, and instructions that can be loaded. It
// must not know plans, or why anything is attached.
package bpfcall

import (
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"tracer/interpreter/abi"
)

// LinkCreate is the command BPF_LINK_CREATE (5.7) of include/uapi/linux/bpf.h.
const LinkCreate = 28

// Uprobes are the places of one file that one link serves.
type Uprobes struct {
	Path             string
	Offsets, Cookies []uint64
	PID              int // only this process; 0: all
}

// linkCreateUprobeMulti is union bpf_attr for BPF_LINK_CREATE with the part for
// uprobe_multi, of include/uapi/linux/bpf.h.
type linkCreateUprobeMulti struct {
	progFD, targetFD, attachType, flags   uint32
	path, offsets, refCtrOffsets, cookies uint64
	count, multiFlags, pid, _             uint32
}

// UprobeSession links a program of the attach type abi.TraceUprobeSession to
// both ends of the functions at u. Errors are the kernel's.
func UprobeSession(prog int, u Uprobes) (fd int, err error) {
	path := append([]byte(u.Path), 0)
	var pins runtime.Pinner
	defer pins.Unpin()
	attr := linkCreateUprobeMulti{
		progFD: uint32(prog), attachType: abi.TraceUprobeSession, count: uint32(len(u.Offsets)), pid: uint32(u.PID),
		path: Address(&pins, path), offsets: Address(&pins, u.Offsets), cookies: Address(&pins, u.Cookies),
	}
	n, _, errno := unix.Syscall(unix.SYS_BPF, LinkCreate, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}

// Address is where a slice begins, for the kernel, 0 for one that is nil: it stays there
// until pins are taken out. Go moves what is on a stack, and keeping it alive does not
// keep it in its place.
func Address[T any](pins *runtime.Pinner, s []T) uint64 {
	first := unsafe.SliceData(s)
	pins.Pin(first)
	return uint64(uintptr(unsafe.Pointer(first)))
}

// Kfunc calls a function of the kernel, whose number is not known yet.
func Kfunc(name string) asm.Instruction {
	return asm.Instruction{OpCode: asm.OpCode(asm.JumpClass).SetJumpOp(asm.Call), Src: asm.PseudoKfuncCall}.WithReference(name)
}

// Number puts into calls of the kernel's functions, which programs name, the
// numbers that types gives them. It does not change list. types is asked only
// if there is such a call.
func Number(list asm.Instructions, types func() (*btf.Spec, error)) (asm.Instructions, error) {
	out := list
	for i := range list {
		if !list[i].IsKfuncCall() || list[i].Reference() == "" {
			continue
		}
		spec, err := types()
		if err != nil {
			return nil, fmt.Errorf("types of the kernel: %w", err)
		}
		id, err := number(spec, list[i].Reference())
		if err != nil {
			return nil, err
		}
		if &out[0] == &list[0] {
			out = slices.Clone(list)
		}
		out[i] = asm.Instruction{OpCode: list[i].OpCode, Src: list[i].Src, Constant: int64(id)}
	}
	return out, nil
}

func number(spec *btf.Spec, name string) (btf.TypeID, error) {
	var fn *btf.Func
	if err := spec.TypeByName(name, &fn); err != nil {
		return 0, fmt.Errorf("function %s of the kernel: %w", name, err)
	}
	return spec.TypeID(fn)
}
