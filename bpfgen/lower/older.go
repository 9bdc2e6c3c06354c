package lower

import (
	"tracer/bpfgen/ir"
	"tracer/interpreter/facts"
)

// What kernels lack that the plan asked (plan.Features), and what is done
// instead.

// lacks says that the plan found a feature missing.
func (l *lowerer) lacks(f facts.Feature) bool {
	have, asked := l.in.Plan.Features[string(f)]
	return asked && !have
}

// calls is where the thread's calls are kept: its task storage or, before 5.11,
// an entry of a hash by thread.
func (l *lowerer) calls(create bool, missing *ir.Block) *ir.Value {
	if l.lacks(facts.TaskStorage) {
		return l.callsByThread(create, missing)
	}
	flag := int64(0)
	if create {
		flag = 1 // BPF_LOCAL_STORAGE_GET_F_CREATE
	}
	storage, task := l.mapRef(l.in.Maps.Calls), l.currentTask(true)
	p := l.call(fnTaskStorageGet, storage, task, l.konst(0), l.konst(flag))
	l.nonNull(p, missing)
	return p
}

func (l *lowerer) callsByThread(create bool, missing *ir.Block) *ir.Value {
	key := l.slot(4, "thread")
	tid := l.once("pid_tgid", func() *ir.Value { return l.call(fnPidTgid) })
	l.store(key, 0, tid, 4)
	p := l.call(fnMapLookup, l.mapRef(l.in.Maps.Calls), key)
	if !create {
		l.nonNull(p, missing)
		return p
	}
	have, first := l.newBlock("calls"), l.newBlock("first call")
	l.b.If(ir.OpNe, p, l.konst(0), have, first, l.pos)
	l.at(first)
	l.call(fnMapUpdate, l.mapRef(l.in.Maps.Calls), key, l.zeroValue(l.saved.bytes), l.konst(bpfNoExist))
	q := l.call(fnMapLookup, l.mapRef(l.in.Maps.Calls), key)
	l.nonNull(q, missing)
	l.b.Jump(have)
	l.at(have)
	return l.phi(p, q)
}

// take claims the scratch area at p, which is not null, or goes to taken. It
// ends in got. Before 5.12 instructions do not exchange; but there programs are
// not preempted, and one that interrupts this one has given back what it took
// when this one goes on.
func (l *lowerer) take(p *ir.Value, got, taken *ir.Block) {
	if !l.lacks(facts.AtomicFetch) {
		busy := l.value(ir.Value{Op: ir.OpXchg, Args: []*ir.Value{p, l.konst(1)}, Size: 8})
		l.b.If(ir.OpEq, busy, l.konst(0), got, taken, l.pos)
		return
	}
	free := l.newBlock("scratch free")
	l.b.If(ir.OpEq, l.load(p, 0, 8, false), l.konst(0), free, taken, l.pos)
	l.at(free)
	l.storeImm(p, 0, 1, 8)
	l.b.Jump(got)
}
