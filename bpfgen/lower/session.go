package lower

import (
	"tracer/bpfgen/ir"
	"tracer/interpreter/abi"
)

// A session is one program at both ends of a call. What begins at the entry
// ends there if the call is not wanted: the kernel then makes no return of it,
// and so the entry counts the event. Everything else is counted at the return.

// declined is what a session's program returns at an entry whose return is not
// wanted.
const declined = 1

// callSide makes the way of the entry, and goes on where the return begins.
func (l *lowerer) callSide() {
	call, back := l.newBlock("call"), l.newBlock("return")
	isReturn := l.op2(ir.OpAnd, l.kfunc(abi.SessionIsReturn, l.ctx), l.konst(1))
	l.b.If(ir.OpNe, isReturn, l.konst(0), back, call, nil)
	l.at(call)
	l.declines = true
	l.enter()
	l.sample()
	l.entrySide()
	l.leave()
	l.finishExits()
	l.declines = false
	l.exits, l.scratch = map[exitKey]*ir.Block{}, nil
	l.at(back)
	l.pos = nil
}

// sessionCookie is the address of the bytes that the kernel keeps for a call.
func (l *lowerer) sessionCookie() *ir.Value { return l.kfunc(abi.SessionCookie, l.ctx) }
