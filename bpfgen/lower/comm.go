package lower

import (
	"tracer/bpfgen/ir"
	"tracer/interpreter/tree"
)

// commBytes is the size of comm with its NUL (TASK_COMM_LEN of
// include/linux/sched.h).
const commBytes = 16

// commInto writes the current thread's name, all 16 bytes of it: from the task
// if the plan found it there, else by the helper.
func (l *lowerer) commInto(p place) {
	if l.in.Plan.CommOffset == 0 {
		l.call(fnComm, p.addr(l), l.konst(commBytes))
		return
	}
	first, second := l.commWords()
	l.store(p.base, p.off, first, 8)
	l.store(p.base, p.off+8, second, 8)
}

// isCommOfTask says that e writes all 16 bytes of its place.
func (l *lowerer) isCommOfTask(e *tree.Expr) bool {
	return e.Op == tree.Builtin && e.Name == "comm" && l.in.Plan.CommOffset != 0
}

// commWords are the two words of the current thread's name, with nothing but
// zeros behind its NUL: kernels before 5.17 leave the rest of a longer name
// there. They are made once an event.
func (l *lowerer) commWords() (first, second *ir.Value) {
	if first = l.remembered(commFirst); first != nil {
		return first, l.remembered(commSecond)
	}
	task, at := l.currentTask(true), l.in.Plan.CommOffset
	a, b := l.load(task, at, 8, false), l.load(task, at+8, 8, false)
	short, long, join := l.newBlock("short name"), l.newBlock("long name"), l.newBlock("name")
	ends := l.zeroBytesOf(a)
	l.b.If(ir.OpNe, ends, l.konst(0), short, long, l.pos)
	l.at(short)
	head, none := l.upToZero(a, ends), l.konst(0)
	l.b.Jump(join)
	l.at(long)
	// The last byte ends the name whatever it holds.
	rest := l.upToZero(b, l.op2(ir.OpOr, l.zeroBytesOf(b), l.konst(-1<<63)))
	l.b.Jump(join)
	l.at(join)
	first, second = l.phi(head, a), l.phi(none, rest)
	l.remember(commFirst, first)
	l.remember(commSecond, second)
	return first, second
}

// The names under which the words of comm are remembered.
const (
	commFirst  = "\x00comm first"
	commSecond = "\x00comm second"
)

// zeroBytesOf has the top bit set of each byte of w that is zero, and perhaps of
// bytes above the first such.
func (l *lowerer) zeroBytesOf(w *ir.Value) *ir.Value {
	const ones, tops = 0x0101010101010101, -0x7f7f7f7f7f7f7f80
	without := l.op2(ir.OpSub, w, l.konst(ones))
	return l.op2(ir.OpAnd, l.op2(ir.OpAnd, without, l.op2(ir.OpXor, w, l.konst(-1))), l.konst(tops))
}

// upToZero is w with zeros from its first zero byte on, which has the lowest bit
// of tops set.
func (l *lowerer) upToZero(w, tops *ir.Value) *ir.Value {
	lowest := l.op2(ir.OpAnd, tops, l.value(ir.Value{Op: ir.OpNeg, Args: []*ir.Value{tops}}))
	below := l.op2(ir.OpLshr, l.op2(ir.OpSub, lowest, l.konst(1)), l.konst(7))
	return l.op2(ir.OpAnd, w, below)
}
