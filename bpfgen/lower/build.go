package lower

import (
	"fmt"

	"github.com/cilium/ebpf/asm"

	"tracer/bpfgen/ir"
	"tracer/interpreter/tree"
)

// Helpers by their number in enum bpf_func_id (include/uapi/linux/bpf.h).
const (
	fnMapLookup      = int64(asm.FnMapLookupElem)
	fnMapUpdate      = int64(asm.FnMapUpdateElem)
	fnKtime          = int64(asm.FnKtimeGetNs)
	fnGetPrandom     = int64(asm.FnGetPrandomU32)
	fnGetCPU         = int64(asm.FnGetSmpProcessorId)
	fnPidTgid        = int64(asm.FnGetCurrentPidTgid)
	fnUIDGID         = int64(asm.FnGetCurrentUidGid)
	fnComm           = int64(asm.FnGetCurrentComm)
	fnGetTask        = int64(asm.FnGetCurrentTask)
	fnTaskBTF        = int64(asm.FnGetCurrentTaskBtf)
	fnTaskStorageGet = int64(asm.FnTaskStorageGet)
	fnCgroupID       = int64(asm.FnGetCurrentCgroupId)
	fnAncestorCgroup = int64(asm.FnGetCurrentAncestorCgroupId)
	fnAttachCookie   = int64(asm.FnGetAttachCookie)
	fnReadUser       = int64(asm.FnProbeReadUser)
	fnReadKernel     = int64(asm.FnProbeReadKernel)
	fnReadUserStr    = int64(asm.FnProbeReadUserStr)
	fnReadKernelStr  = int64(asm.FnProbeReadKernelStr)
	fnRingReserve    = int64(asm.FnRingbufReserve)
	fnRingSubmit     = int64(asm.FnRingbufSubmit)
	fnRingOutput     = int64(asm.FnRingbufOutput)
	fnRingQuery      = int64(asm.FnRingbufQuery)
)

// lowerer builds one program.
type lowerer struct {
	in    Input
	f     *ir.Func
	b     *ir.Block // where the next value goes
	entry *ir.Block // initialisations, before everything
	ctx   *ir.Value
	pos   ir.Pos

	saved      *savedCalls
	returnSide bool
	// saving: this is the entry side of a pair.
	saving   bool
	declines bool      // the entry side of a session, which may do without the return
	callSlot *ir.Value // the entry of the call that returns

	// memo and mems are what is computed already, innermost scope last: an arm
	// of a condition computes for itself.
	memo []map[string]*ir.Value
	mems []map[string]memory
	keys *tree.Keys
	// pointers are the members that are followed as pointers which the verifier
	// knows.
	pointers map[string]bool

	exits   map[exitKey]*ir.Block
	fails   *ir.Value // stack slot counting failed reads
	cuts    *ir.Value // stack slot counting cut strings
	scratch *ir.Value // the claimed scratch area

	scratchBytes, zeroBytes int
	err                     error
}

func newLowerer(in Input, name string) *lowerer {
	f := ir.NewFunc(name)
	l := &lowerer{
		in: in, f: f, entry: f.Blocks[0], keys: tree.NewKeys(), pointers: map[string]bool{}, exits: map[exitKey]*ir.Block{},
		memo: []map[string]*ir.Value{{}}, mems: []map[string]memory{{}},
	}
	l.b = l.entry
	l.ctx = l.value(ir.Value{Op: ir.OpCtx})
	l.b = l.newBlock("body")
	return l
}

// finish puts the blocks in an order in which all edges go forward.
func (l *lowerer) finish() *ir.Func {
	l.entry.Jump(l.f.Blocks[1])
	l.finishExits()
	order := make([]*ir.Block, 0, len(l.f.Blocks))
	seen := map[*ir.Block]bool{}
	var visit func(b *ir.Block)
	visit = func(b *ir.Block) {
		if b == nil || seen[b] {
			return
		}
		seen[b] = true
		visit(b.Term.Else)
		visit(b.Term.Then)
		order = append(order, b)
	}
	visit(l.entry)
	l.f.Blocks = l.f.Blocks[:0]
	for i := len(order) - 1; i >= 0; i-- {
		order[i].ID = len(l.f.Blocks)
		l.f.Blocks = append(l.f.Blocks, order[i])
	}
	for _, b := range l.f.Blocks {
		dropDeadPreds(b, seen)
	}
	return l.f
}

// dropDeadPreds removes edges from blocks that nothing reaches.
func dropDeadPreds(b *ir.Block, live map[*ir.Block]bool) {
	keep := make([]int, 0, len(b.Preds))
	for i, p := range b.Preds {
		if live[p] {
			keep = append(keep, i)
		}
	}
	if len(keep) == len(b.Preds) {
		return
	}
	preds := make([]*ir.Block, len(keep))
	for n, i := range keep {
		preds[n] = b.Preds[i]
	}
	for _, v := range b.Values {
		if v.Op != ir.OpPhi {
			continue
		}
		args := make([]*ir.Value, len(keep))
		for n, i := range keep {
			args[n] = v.Args[i]
		}
		v.Args = args
	}
	b.Preds = preds
}

// maxSize bounds a program: far more than a kernel takes, and few enough to
// be made in seconds. An arm of a condition computes for itself what it uses, so
// that arms which each use a conditional twice grow exponentially.
const maxSize = 1 << 16

// tooLong ends the making of a program that has become too long, or with which
// something else is wrong.
func (l *lowerer) tooLong() bool {
	if l.err == nil && l.f.Size() > maxSize {
		l.err = fmt.Errorf("it needs more than %d operations", maxSize)
	}
	return l.err != nil
}

func (l *lowerer) newBlock(name string) *ir.Block { return l.f.NewBlock(name) }

// at goes on in b.
func (l *lowerer) at(b *ir.Block) { l.b = b }

// enter and leave bound what an arm of a condition computes for itself.
func (l *lowerer) enter() {
	l.memo = append(l.memo, map[string]*ir.Value{})
	l.mems = append(l.mems, map[string]memory{})
}

func (l *lowerer) leave() {
	l.memo = l.memo[:len(l.memo)-1]
	l.mems = l.mems[:len(l.mems)-1]
}

func (l *lowerer) remembered(key string) *ir.Value {
	for i := len(l.memo) - 1; i >= 0; i-- {
		if v := l.memo[i][key]; v != nil {
			return v
		}
	}
	return nil
}

func (l *lowerer) remember(key string, v *ir.Value) { l.memo[len(l.memo)-1][key] = v }

func (l *lowerer) key(e *tree.Expr) string { return l.keys.Key(e) }

func (l *lowerer) value(v ir.Value) *ir.Value {
	v.Pos = l.pos
	return l.f.NewValue(l.b, v)
}

// inEntry makes a value in the entry block, before everything else.
func (l *lowerer) inEntry(v ir.Value) *ir.Value { return l.f.NewValue(l.entry, v) }

func (l *lowerer) konst(n int64) *ir.Value { return l.value(ir.Value{Op: ir.OpConst, Imm: n}) }

func (l *lowerer) op2(op ir.Op, a, b *ir.Value) *ir.Value {
	return l.value(ir.Value{Op: op, Args: []*ir.Value{a, b}})
}

func (l *lowerer) call(fn int64, args ...*ir.Value) *ir.Value {
	return l.value(ir.Value{Op: ir.OpCall, Imm: fn, Args: args})
}

func (l *lowerer) kfunc(name string, args ...*ir.Value) *ir.Value {
	return l.value(ir.Value{Op: ir.OpKfunc, Sym: name, Args: args})
}

func (l *lowerer) intrinsic(name string, imms []int64, args ...*ir.Value) *ir.Value {
	return l.value(ir.Value{Op: ir.OpIntrinsic, Sym: name, Imms: imms, Args: args})
}

func (l *lowerer) load(base *ir.Value, off, size int, signed bool) *ir.Value {
	return l.value(ir.Value{Op: ir.OpLoad, Args: []*ir.Value{base}, Imm: int64(off), Size: size, Signed: signed})
}

func (l *lowerer) store(base *ir.Value, off int, v *ir.Value, size int) {
	l.value(ir.Value{Op: ir.OpStore, Args: []*ir.Value{base, v}, Imm: int64(off), Size: size})
}

func (l *lowerer) storeImm(base *ir.Value, off int, n int64, size int) {
	l.store(base, off, l.konst(n), size)
}

// addTo adds to a per-CPU word; atomic where another program may do so amid
// this one.
func (l *lowerer) addTo(base *ir.Value, off int, v *ir.Value, atomic bool) {
	if !atomic {
		l.store(base, off, l.op2(ir.OpAdd, l.load(base, off, 8, false), v), 8)
		return
	}
	l.value(ir.Value{Op: ir.OpAtomicAdd, Args: []*ir.Value{base, v}, Imm: int64(off), Size: 8})
}

func (l *lowerer) mapRef(name string) *ir.Value { return l.value(ir.Value{Op: ir.OpMap, Sym: name}) }

func (l *lowerer) slot(bytes int, name string) *ir.Value {
	return l.value(ir.Value{Op: ir.OpSlot, Imm: int64((bytes + 7) &^ 7), Sym: name})
}

// offset is base+off as a value.
func (l *lowerer) offset(base *ir.Value, off int) *ir.Value {
	if off == 0 {
		return base
	}
	return l.op2(ir.OpAdd, base, l.konst(int64(off)))
}

func (l *lowerer) ext(v *ir.Value, size int, signed bool) *ir.Value {
	if size >= 8 {
		return v
	}
	return l.value(ir.Value{Op: ir.OpExt, Args: []*ir.Value{v}, Size: size, Signed: signed})
}

// phi joins two values in block to, whose predecessors are a and b in order.
func (l *lowerer) phi(args ...*ir.Value) *ir.Value {
	return l.value(ir.Value{Op: ir.OpPhi, Args: args})
}

// check goes on if the comparison holds, else to fail.
func (l *lowerer) check(cmp ir.Op, a, b *ir.Value, fail *ir.Block) {
	next := l.newBlock("ok")
	l.b.If(cmp, a, b, next, fail, l.pos)
	l.at(next)
}

func (l *lowerer) nonNull(p *ir.Value, fail *ir.Block) { l.check(ir.OpNe, p, l.konst(0), fail) }

// zeroKey is the address of a u32 zero on the stack, the key of arrays of one.
func (l *lowerer) indexKey(n int64) *ir.Value {
	k := l.slot(4, "index")
	l.storeImm(k, 0, n, 4)
	return k
}

// zero clears size bytes at base+off; both are multiples of 8.
func (l *lowerer) zero(base *ir.Value, off, size int) {
	for i := 0; i < size; i += 8 {
		l.storeImm(base, off+i, 0, 8)
	}
}

// loadCtx loads from the context; what is not aligned is put together.
func (l *lowerer) loadCtx(off, size int, signed bool) *ir.Value {
	if off%size == 0 {
		return l.load(l.ctx, off, size, signed)
	}
	part := size / 2
	low := l.loadCtx(off, part, false)
	high := l.loadCtx(off+part, part, false)
	v := l.op2(ir.OpOr, low, l.op2(ir.OpShl, high, l.konst(int64(8*part))))
	return l.ext(v, size, signed)
}

// scratchArea gives bytes of the claimed scratch memory.
func (l *lowerer) scratchArea(bytes int) (base *ir.Value, off int) {
	if l.scratchBytes == 0 {
		l.scratchBytes = 8 // the claim
	}
	off = l.scratchBytes
	l.scratchBytes += (bytes + 7) &^ 7
	return l.scratch, off
}

// claim takes one of the CPU's scratch areas: the first that no interrupted or
// preempted program holds. If all are taken the event is lost, and counted.
func (l *lowerer) claim() {
	if l.scratch != nil {
		return
	}
	got := l.newBlock("scratch")
	var ptrs []*ir.Value
	for i := range ScratchSlots {
		next := l.newBlock("scratch taken")
		p := l.call(fnMapLookup, l.mapRef(l.in.Maps.Scratch), l.indexKey(int64(i)))
		l.nonNull(p, next)
		l.take(p, got, next)
		ptrs = append(ptrs, p)
		l.at(next)
	}
	lost := exitLost
	if l.saving {
		lost = exitQuiet // the return finds no entry, and counts that
	}
	l.b.Jump(l.exit(lost))
	l.at(got)
	l.scratch = l.phi(ptrs...)
	if l.scratchBytes == 0 {
		l.scratchBytes = 8
	}
}
