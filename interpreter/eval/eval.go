// Package eval is the reference evaluator of the typed tree: what an expression
// of a spec is worth at one event, exactly as the kernel would compute it.
//
// In: a tree.Expr and an Env that stands for the event: arguments, return
// value, builtins, memory. Out: Result, the value and what was counted on the
// way. It must not know HCL, the IR, instructions or layouts of records: it is
// what they are tested against, written to be read rather than to be fast.
package eval

import (
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

// Env is one event as a probe finds it.
type Env interface {
	// Arg is argument number i of the layout, with the content it has at the
	// probe's place: scalars in Int (what is above the type's size does not
	// matter), strings and bytes in Bytes, uncut; arrays of the record in
	// List.
	Arg(i int) value.Value
	// Ret is the return value, in Int.
	Ret() value.Value
	// Builtin is the builtin of that name; n is tree.Expr.Int.
	Builtin(name string, n uint64) value.Value
	// Entry is the event at the entry of the call, nil if there is none.
	Entry() Env
	// Read copies n bytes of memory, all or none. The error says that the
	// memory is not there.
	Read(space types.Space, addr uint64, n int) ([]byte, error)
}

// Result is a value and what the program counts while it computes it.
type Result struct {
	value.Value
	// FailedReads is how many reads of memory found nothing there. A read
	// through a null pointer is none.
	FailedReads int
	// Cut is how many strings, buffers and lists were longer than their
	// column.
	Cut int
}

// Expr computes e for one event.
func Expr(e *tree.Expr, env Env) Result {
	ev := New(env)
	v := ev.Value(e)
	return Result{Value: v, FailedReads: ev.FailedReads, Cut: ev.Cut}
}

// Event is one event in evaluation. A node with several users is computed once.
type Event struct {
	FailedReads int // see Result
	Cut         int

	env   Env
	done  map[*tree.Expr]value.Value
	over  map[*tree.Expr]byte // of strings that were cut: the byte after the cut
	entry *Event
}

// New begins the evaluation of an event.
func New(env Env) *Event {
	return &Event{env: env, done: map[*tree.Expr]value.Value{}, over: map[*tree.Expr]byte{}}
}

// Value computes e as a column shows it: the elements of an array are read.
func (ev *Event) Value(e *tree.Expr) value.Value {
	v := ev.eval(e)
	if e.Type.Kind == types.Array && v.List() == nil && !v.Null {
		return ev.readArray(e)
	}
	return v
}

// eval computes a node once. Structs and arrays in memory are their address.
func (ev *Event) eval(e *tree.Expr) value.Value {
	if v, ok := ev.done[e]; ok {
		return v
	}
	v := ev.compute(e)
	v.Type = &e.Type
	ev.done[e] = v
	return v
}

// compute is eval without memory of what was computed.
func (ev *Event) compute(e *tree.Expr) value.Value {
	if f := arithmetic[e.Op]; f != nil {
		return number(f(ev.eval(e.Args[0]).Int, ev.eval(e.Args[1]).Int, e.Type.Signed))
	}
	if f := extremes[e.Op]; f != nil {
		a, b := ev.eval(e.Args[0]), ev.eval(e.Args[1])
		return number(choose(f(compare(a, b)), a.Int, b.Int))
	}
	if f := comparisons[e.Op]; f != nil {
		return boolean(f(compare(ev.eval(e.Args[0]), ev.eval(e.Args[1]))))
	}
	if f := textTests[e.Op]; f != nil {
		return boolean(f(ev.known(e.Args[0]), ev.known(e.Args[1])))
	}
	if f := unary[e.Op]; f != nil {
		return number(f(ev.eval(e.Args[0]).Int, e))
	}
	switch e.Op {
	case tree.Const:
		return constant(e)
	case tree.Arg:
		return ev.shaped(ev.env.Arg(int(e.Int)), e)
	case tree.Ret:
		return ev.shaped(ev.env.Ret(), e)
	case tree.Builtin:
		return ev.shaped(ev.env.Builtin(e.Name, e.Int), e)
	case tree.Entry:
		return ev.atEntry(e.Args[0])
	case tree.Member:
		return ev.member(e)
	case tree.PtrAdd:
		return number(ev.eval(e.Args[0]).Int + ev.eval(e.Args[1]).Int*e.Int)
	case tree.Str:
		return ev.str(e)
	case tree.Buf:
		return ev.buf(e)
	case tree.Strs:
		return ev.strs(e)
	case tree.And:
		return boolean(ev.eval(e.Args[0]).Int != 0 && ev.eval(e.Args[1]).Int != 0)
	case tree.Or:
		return boolean(ev.eval(e.Args[0]).Int != 0 || ev.eval(e.Args[1]).Int != 0)
	case tree.Cond:
		return ev.eval(ev.arm(e))
	case tree.In:
		return boolean(ev.in(e))
	case tree.InNet:
		return boolean(inNet(ev.eval(e.Args[0]).Bytes, e.Str, int(e.Int)))
	case tree.V4Mapped:
		return value.Value{Bytes: v4Mapped(uint32(ev.eval(e.Args[0]).Int))}
	case tree.Text:
		return ev.text(e)
	case tree.IsNull:
		return boolean(ev.eval(e.Args[0]).Null)
	}
	return value.Value{Null: true}
}

func number(n uint64) value.Value { return value.Value{Int: n} }

func boolean(b bool) value.Value {
	if b {
		return value.Value{Int: 1}
	}
	return value.Value{}
}

func constant(e *tree.Expr) value.Value {
	switch e.Type.Kind {
	case types.Null:
		return value.Value{Null: true}
	case types.String, types.Bytes:
		return value.Value{Bytes: []byte(e.Str)}
	}
	return number(e.Int)
}

// shaped is what a probe finds as a value of e's type: scalars widened from
// their size, text cut at its NUL and at what the type can hold.
func (ev *Event) shaped(v value.Value, e *tree.Expr) value.Value {
	t := e.Type
	if t.IsScalar() {
		v.Int = widened(v.Int, t)
		return v
	}
	whole := v.Bytes
	if t.Kind == types.String {
		whole = untilNUL(whole)
	}
	v.Bytes, v.Truncated = cut(whole, t)
	if v.Truncated {
		ev.Cut++
		ev.over[e] = whole[t.Size]
	}
	return v
}

// widened is the low bytes of n as a value of scalar type t, in 64 bits.
func widened(n uint64, t types.Type) uint64 {
	if t.Kind == types.Bool {
		if n&0xff != 0 {
			return 1
		}
		return 0
	}
	return extend(n, t.Size, t.Signed)
}

// cut is the bytes of b that t can hold, and whether that was not all.
func cut(b []byte, t types.Type) ([]byte, bool) {
	if len(b) <= t.Size {
		return b, false
	}
	return b[:t.Size], !t.Fixed
}

func untilNUL(b []byte) []byte {
	for i, c := range b {
		if c == 0 {
			return b[:i]
		}
	}
	return b
}

// arm is the arm of a conditional that this event takes.
func (ev *Event) arm(e *tree.Expr) *tree.Expr {
	if ev.eval(e.Args[0]).Int != 0 {
		return e.Args[1]
	}
	return e.Args[2]
}

func (ev *Event) in(e *tree.Expr) bool {
	x := ev.eval(e.Args[0])
	for _, c := range e.Args[1:] {
		if compare(x, ev.eval(c)) == 0 {
			return true
		}
	}
	return false
}

// atEntry computes e as it was when the call was entered. What fails there is
// counted like what fails here.
func (ev *Event) atEntry(e *tree.Expr) value.Value {
	if ev.entry == nil {
		env := ev.env.Entry()
		if env == nil {
			return value.Value{Null: true}
		}
		ev.entry = New(env)
	}
	failed, cuts := ev.entry.FailedReads, ev.entry.Cut
	v := ev.entry.Value(e)
	ev.FailedReads += ev.entry.FailedReads - failed
	ev.Cut += ev.entry.Cut - cuts
	return v
}
