package opt

import (
	"github.com/cilium/ebpf/asm"

	"tracer/bpfgen/ir"
	"tracer/interpreter/abi"
)

// pureHelpers give the same value whenever they are called in one event, and
// do nothing else. The clocks are among them: one event has one time.
var pureHelpers = map[asm.BuiltinFunc]bool{
	asm.FnGetCurrentPidTgid: true, asm.FnGetCurrentUidGid: true, asm.FnGetSmpProcessorId: true,
	asm.FnGetCurrentTask: true, asm.FnGetCurrentTaskBtf: true, asm.FnGetFuncIp: true,
	asm.FnGetAttachCookie: true, asm.FnGetCurrentCgroupId: true, asm.FnGetNumaNodeId: true,
	asm.FnKtimeGetNs: true, asm.FnKtimeGetBootNs: true, asm.FnJiffies64: true,
}

// pureKfuncs are the kernel's functions that give the same value whenever they
// are called in one event, and do nothing else. The memory whose address one
// gives is not meant.
var pureKfuncs = map[string]bool{abi.SessionIsReturn: true, abi.SessionCookie: true}

// readHelpers read memory of the kernel or of a process into their first
// argument and write nothing else.
var readHelpers = map[asm.BuiltinFunc]bool{
	asm.FnProbeReadKernel: true, asm.FnProbeReadUser: true, asm.FnProbeRead: true,
	asm.FnProbeReadKernelStr: true, asm.FnProbeReadUserStr: true, asm.FnProbeReadStr: true,
	asm.FnGetCurrentComm: true,
}

// quietHelpers write no memory that a program can see, apart from what their
// arguments point to on the stack. They may not be dropped or shared.
var quietHelpers = map[asm.BuiltinFunc]bool{
	asm.FnMapLookupElem: true, asm.FnGetPrandomU32: true, asm.FnRingbufReserve: true, asm.FnRingbufQuery: true,
}

// pureIntrinsics depend on their arguments only.
var pureIntrinsics = map[string]bool{ir.HistSlot: true}

// readingIntrinsics depend on memory too and change none.
var readingIntrinsics = map[string]bool{ir.StrContains: true, ir.StrEqual: true}

// isPure says that v depends on its operands only and has no effect.
func isPure(v *ir.Value) bool {
	switch v.Op {
	case ir.OpCall:
		return pureHelpers[asm.BuiltinFunc(v.Imm)]
	case ir.OpKfunc:
		return pureKfuncs[v.Sym]
	case ir.OpIntrinsic:
		return pureIntrinsics[v.Sym]
	case ir.OpLoad:
		return v.Args[0].Op == ir.OpCtx
	case ir.OpStore, ir.OpAtomicAdd, ir.OpXchg, ir.OpCmpXchg, ir.OpSlot, ir.OpPhi:
		return false
	}
	return true
}

// isDroppable says that v may go if nothing uses it.
func isDroppable(v *ir.Value) bool {
	switch v.Op {
	case ir.OpLoad, ir.OpPhi, ir.OpSlot:
		return true
	case ir.OpIntrinsic:
		return isPure(v) || readingIntrinsics[v.Sym]
	}
	return isPure(v)
}

// place is an address as far as it is known: a constant distance from a root.
type place struct {
	root *ir.Value
	off  int64
	size int64
}

// placeOf is what the memory operation v touches.
func placeOf(v *ir.Value) place {
	p := place{root: v.Args[0], off: v.Imm, size: int64(v.Size)}
	for p.root.Op == ir.OpAdd && p.root.Args[1].Op == ir.OpConst {
		p.off += p.root.Args[1].Imm
		p.root = p.root.Args[0]
	}
	return p
}

// overlap says that two places may share bytes.
func overlap(a, b place) bool {
	if fromPhi(a.root) || fromPhi(b.root) {
		return true
	}
	x, y := slotOf(a.root), slotOf(b.root)
	if x != y && (x != nil || y != nil) {
		return false // a slot and what is not that slot
	}
	if a.root != b.root {
		return true
	}
	return a.off < b.off+b.size && b.off < a.off+a.size
}

// slotOf is the slot that v points into, if any.
func slotOf(v *ir.Value) *ir.Value { return summand(v, ir.OpSlot, nil) }

// fromPhi says that v may be an address of one of several things.
func fromPhi(v *ir.Value) bool { return summand(v, ir.OpPhi, nil) != nil }

// summand is a value of some operation that v is the sum of, with others, or
// that it is itself; nil if there is none. seen are the sums of sums that were
// looked through: each may be part of many others.
func summand(v *ir.Value, op ir.Op, seen map[*ir.Value]bool) *ir.Value {
	for isSum(v) {
		a, b := v.Args[0], v.Args[1]
		switch {
		case !isSum(b):
			a, b = b, a
		case isSum(a) && seen[v]:
			return nil
		case isSum(a):
			if seen == nil {
				seen = map[*ir.Value]bool{}
			}
			seen[v] = true
		}
		if found := summand(a, op, seen); found != nil {
			return found
		}
		v = b
	}
	if v.Op == op {
		return v
	}
	return nil
}

func isSum(v *ir.Value) bool { return v.Op == ir.OpAdd || v.Op == ir.OpSub }

// writes says that v may change what is at p.
func writes(v *ir.Value, p place) bool {
	switch v.Op {
	case ir.OpStore, ir.OpAtomicAdd, ir.OpXchg, ir.OpCmpXchg:
		return overlap(placeOf(v), p)
	case ir.OpCall, ir.OpKfunc, ir.OpIntrinsic:
		return callWrites(v, p)
	}
	return false
}

func callWrites(v *ir.Value, p place) bool {
	slot := slotOf(p.root)
	switch {
	case isPure(v), v.Op == ir.OpIntrinsic && readingIntrinsics[v.Sym], p.root.Op == ir.OpCtx:
		return false
	case v.Op == ir.OpIntrinsic && v.Sym == ir.ReadFailed:
		return overlap(place{v.Args[2], 0, 8}, p) || slot != nil && slot == slotOf(v.Args[2])
	case v.Op == ir.OpCall && readHelpers[asm.BuiltinFunc(v.Imm)]:
		return mayPointInto(v.Args[0], slot)
	case v.Op == ir.OpCall && quietHelpers[asm.BuiltinFunc(v.Imm)] && slot == nil:
		return false
	case slot == nil:
		return true
	}
	for _, a := range v.Args {
		if mayPointInto(a, slot) {
			return true
		}
	}
	return false
}

// mayPointInto says that memory at address a may be in slot; nil: elsewhere.
// Addresses of slots do not come out of memory.
func mayPointInto(a, slot *ir.Value) bool { return fromPhi(a) || slotOf(a) == slot }
