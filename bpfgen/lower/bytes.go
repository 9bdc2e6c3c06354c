package lower

import (
	"encoding/binary"

	"tracer/bpfgen/ir"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// branchBytes tests strings and bytes.
func (l *lowerer) branchBytes(e *tree.Expr, yes, no *ir.Block) {
	x := l.memory(e.Args[0])
	l.enter()
	defer l.leave()
	switch e.Op {
	case tree.InNet:
		l.branchNet(x, e, yes, no)
		return
	case tree.StrContains:
		addr := l.offset(x.base, x.off)
		found := l.value(ir.Value{Op: ir.OpIntrinsic, Sym: ir.StrContains, Args: []*ir.Value{addr}, Imms: []int64{int64(x.cap)}, Data: []byte(e.Args[1].Str)})
		l.b.If(ir.OpNe, found, l.konst(0), yes, no, e.Range)
		return
	case tree.EndsWith:
		l.branchEnd(x, e, yes, no)
		return
	}
	y := e.Args[1]
	if y.Op != tree.Const {
		l.branchEqual(x, l.memory(y), e, yes, no)
		return
	}
	data := []byte(y.Str)
	if e.Op == tree.StrEq && e.Args[0].Type.Kind == types.String && x.cap > len(data) {
		data = append(data, 0)
	}
	l.compareBytes(x.base, x.off, x.cap, data, e, no)
	l.b.Jump(yes)
}

// branchEqual compares two strings, or two byte sequences of one size.
func (l *lowerer) branchEqual(x, y memory, e *tree.Expr, yes, no *ir.Block) {
	if e.Args[0].Type.Kind == types.String {
		a, b := l.offset(x.base, x.off), l.offset(y.base, y.off)
		same := l.intrinsic(ir.StrEqual, []int64{int64(x.cap), int64(y.cap)}, a, b)
		l.b.If(ir.OpNe, same, l.konst(0), yes, no, e.Range)
		return
	}
	for i := 0; i < x.cap; {
		c := chunk(x.cap - i)
		l.check(ir.OpEq, l.load(x.base, x.off+i, c, false), l.load(y.base, y.off+i, c, false), no)
		i += c
	}
	l.b.Jump(yes)
}

// compareBytes goes to no unless memory begins with data; a rest of a word is
// compared by a mask where the memory has the whole word.
func (l *lowerer) compareBytes(base *ir.Value, off, limit int, data []byte, e *tree.Expr, no *ir.Block) {
	for i := 0; i < len(data); {
		rest := len(data) - i
		c := chunk(rest)
		var word [8]byte
		if rest < 8 && i+8 <= limit {
			copy(word[:], data[i:])
			mask := int64(1)<<(8*rest) - 1
			v := l.op2(ir.OpAnd, l.load(base, off+i, 8, false), l.konst(mask))
			l.check(ir.OpEq, v, l.konst(int64(binary.LittleEndian.Uint64(word[:]))), no)
			return
		}
		copy(word[:], data[i:i+c])
		l.check(ir.OpEq, l.load(base, off+i, c, false), l.konst(int64(binary.LittleEndian.Uint64(word[:]))), no)
		i += c
	}
}

// branchEnd tests how a string ends, by its length. One that was cut has no
// known end.
func (l *lowerer) branchEnd(x memory, e *tree.Expr, yes, no *ir.Block) {
	text := e.Args[1].Str
	length := l.stringLength(x)
	l.check(ir.OpUge, length, l.konst(int64(len(text)+1)), no)
	l.check(ir.OpUle, length, l.konst(int64(min(x.cap, e.Args[0].Type.Size+1))), no)
	at := l.op2(ir.OpAdd, l.offset(x.base, x.off), l.op2(ir.OpSub, length, l.konst(int64(len(text)+1))))
	for i := range len(text) {
		l.check(ir.OpEq, l.load(at, i, 1, false), l.konst(int64(text[i])), no)
	}
	l.b.Jump(yes)
}

// stringLength is the number of bytes of a string with its NUL, from 1 to its
// capacity, as the verifier can see.
func (l *lowerer) stringLength(m memory) *ir.Value {
	if m.raw == nil {
		return l.scanLength(m)
	}
	some, bounded, none, join := l.newBlock("read"), l.newBlock("bounded"), l.newBlock("unread"), l.newBlock("length")
	// The verifier looks at the way straight on first, and then finds the
	// single length of an unread string among those it has seen.
	none.Cold = true
	l.b.If(ir.OpSgt, m.raw, l.konst(0), some, none, l.pos)
	l.at(some)
	l.b.If(ir.OpUle, m.raw, l.konst(int64(m.cap)), bounded, none, l.pos)
	l.at(bounded)
	l.b.Jump(join)
	l.at(none)
	one := l.konst(1)
	l.b.Jump(join)
	l.at(join)
	return l.blur(l.phi(m.raw, one), m.cap)
}

// scanLength looks for the NUL byte by byte; the strings that have no length
// (comm, arrays in the context) are short.
func (l *lowerer) scanLength(m memory) *ir.Value {
	join := l.newBlock("length")
	var lengths []*ir.Value
	for i := range m.cap {
		next := l.newBlock("scan")
		n := l.konst(int64(i + 1))
		l.b.If(ir.OpEq, l.load(m.base, m.off+i, 1, false), l.konst(0), join, next, l.pos)
		lengths = append(lengths, n)
		l.at(next)
	}
	lengths = append(lengths, l.konst(int64(m.cap)))
	l.b.Jump(join)
	l.at(join)
	return l.phi(lengths...)
}

// branchNet compares the first bits of an address.
func (l *lowerer) branchNet(x memory, e *tree.Expr, yes, no *ir.Block) {
	bits := int(e.Int)
	l.compareBytes(x.base, x.off, 0, []byte(e.Str[:bits/8]), e, no)
	if rest := bits % 8; rest != 0 {
		i := bits / 8
		mask := int64(0xff << (8 - rest) & 0xff)
		v := l.op2(ir.OpAnd, l.load(x.base, x.off+i, 1, false), l.konst(mask))
		l.check(ir.OpEq, v, l.konst(int64(e.Str[i])&mask), no)
	}
	l.b.Jump(yes)
}

// builtin computes what a helper gives.
func (l *lowerer) builtin(e *tree.Expr) *ir.Value {
	switch e.Name {
	case "pid":
		return l.op2(ir.OpLshr, l.once("pid_tgid", func() *ir.Value { return l.call(fnPidTgid) }), l.konst(32))
	case "tid":
		return l.ext(l.once("pid_tgid", func() *ir.Value { return l.call(fnPidTgid) }), 4, false)
	case "uid":
		return l.ext(l.once("uid_gid", func() *ir.Value { return l.call(fnUIDGID) }), 4, false)
	case "gid":
		return l.op2(ir.OpLshr, l.once("uid_gid", func() *ir.Value { return l.call(fnUIDGID) }), l.konst(32))
	case "cpu":
		return l.call(fnGetCPU)
	case "nsecs":
		return l.now()
	case "cgroup":
		return l.call(fnCgroupID)
	case "ancestor_cgroup":
		return l.call(fnAncestorCgroup, l.konst(int64(e.Int)))
	case "random":
		return l.ext(l.call(fnGetPrandom), 4, false)
	case "func":
		return l.once("cookie", func() *ir.Value { return l.call(fnAttachCookie, l.ctx) })
	case "task":
		return l.currentTask(e.Type.Space == types.Trusted)
	}
	l.err = bug("no builtin %s", e.Name)
	return l.konst(0)
}

// once computes something once an event (in this scope).
func (l *lowerer) once(key string, make func() *ir.Value) *ir.Value {
	if v := l.remembered("\x00" + key); v != nil {
		return v
	}
	v := make()
	l.remember("\x00"+key, v)
	return v
}

// now is the time of the event.
func (l *lowerer) now() *ir.Value {
	return l.once("nsecs", func() *ir.Value { return l.call(fnKtime) })
}

func (l *lowerer) currentTask(trusted bool) *ir.Value {
	if trusted {
		return l.once("task_btf", func() *ir.Value { return l.call(fnTaskBTF) })
	}
	return l.once("task", func() *ir.Value { return l.call(fnGetTask) })
}
