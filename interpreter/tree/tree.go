// Package tree is the typed tree: the meaning of the expressions of a spec at
// event time.
//
// In: package check builds it from HCL. Out: package eval computes it exactly
// as a kernel would, package bpfgen/lower turns it into IR. It must not know
// HCL's syntax, registers or output. Trees are acyclic graphs: an expression
// used twice (capture.path) is one node with two users, computed once an event.
package tree

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"tracer/interpreter/types"
)

// Op is what a node computes.
type Op uint8

// The operations. "Number" operands are scalars, already widened to 64 bits by
// their own sign. Memory operands (String, Bytes) are byte sequences.
const (
	Invalid Op = iota

	Const   // Type scalar: Int; String and Bytes: Str; Null: nothing
	Arg     // the probe's argument number Int, see Layout
	Ret     // the probe's return value
	Builtin // Name: pid, tid, ppid, uid, gid, comm, cpu, nsecs, cgroup, task, random, func
	Entry   // Args[0] as it was when the call was entered
	Member  // memory at the address Args[0] + Off, of type Type: scalars are loaded (Bits: a bitfield), String, Bytes read, Struct and Array are their address

	PtrAdd // the address Args[0] + Args[1]*Int
	Str    // Args[0] pointer: NUL-terminated string of at most Type.Size bytes
	Buf    // Args[0] pointer, Args[1] length: at most Type.Size bytes
	Strs   // Args[0] pointer to pointers: at most Int strings of at most Type.Elem.Size bytes each, up to a null

	Neg
	BitNot
	Not
	Bswap // the low Int bytes of Args[0] reversed, zero-extended
	Conv  // Args[0] truncated to Type.Size bytes and extended by Type.Signed; to Bool: != 0

	Add // 64-bit, wraps; Div, Mod and Shr look at Type.Signed; Min and Max compare as Lt does
	Sub
	Mul
	Div // truncates towards zero; x/0 = 0; the smallest integer / -1 = itself
	Mod // sign of the dividend; x%0 = x
	BitAnd
	BitOr
	BitXor
	Shl // the count is taken modulo 64
	Shr // arithmetic if Type.Signed
	Min
	Max

	Eq // mathematically right comparisons, whatever the signs of the operands
	Ne
	Lt
	Le
	Gt
	Ge

	And // short-circuit
	Or
	Cond // Args[0] ? Args[1] : Args[2]; an arm may be Null: then Nullable
	In   // Args[0] is one of the constants Args[1:]

	StrEq       // two strings (or Bytes of equal size) are equal
	StartsWith  // Args[0] begins with the constant Args[1]
	EndsWith    // Args[0] ends with the constant Args[1]
	StrContains // Args[0] contains the constant Args[1]

	InNet    // the address Args[0] (Bytes of 4 or 16) has the first Int bits of Str
	V4Mapped // the IPv4 address Args[0] (network order) as 16 bytes ::ffff:a.b.c.d
	Text     // Parts, put together when printed
	IsNull   // the nullable Args[0] has no value
)

// Expr is a node. All fields are read-only once check has made it.
type Expr struct {
	Op    Op
	Type  types.Type
	Args  []*Expr
	Int   uint64 // see Op
	Str   string
	Name  string
	Off   int   // Member: bytes
	Bits  *Bits // Member: a bitfield
	Union bool  // Member: only the spec knows its type, as it shares its memory, or lies in an array where the verifier does not find it
	Parts []Part
	// Nullable says that the value may be null: the column then has a null bit.
	Nullable bool
	// Literal says that a Const stood in the spec as a plain number: it takes
	// the type of the other operand.
	Literal bool
	Range   hcl.Range
}

// Bits is where a bitfield lies in the Type.Size bytes at its Member's Off.
type Bits struct{ Shift, Size int }

// Part is one piece of a Text: literal text, then a value in a format.
type Part struct {
	Lit  string
	Expr *Expr  // nil: only Lit
	Verb string // "%d", "%03d", "%s", "%x" as package fmt's; "" as the value prints itself
	Join string // lists: the separator, if Verb is JoinVerb
}

// JoinVerb is the verb of a list that join() puts together, also with an empty
// separator.
const JoinVerb = "join"

// Layout is where the arguments of one target are. Targets of equal layouts
// share a program.
type Layout struct {
	Args []ArgLoc
	// ByIndex are the arguments as args[n] offers them, where they differ
	// from Args (untyped user functions).
	Ret *ArgLoc
	// Indexed says that args[0] is offered as well as args.NAME.
	Indexed bool
	// Refused names arguments that exist and cannot be read, and why.
	Refused map[string]string
	// Number is where the number of the call is, if the layout is also that of
	// an event which all calls share; else nil.
	Number *ArgLoc
	// Call is where a system call's own records, of entry and return, have its
	// number; nil elsewhere.
	Call *ArgLoc
}

// ArgLoc is one argument: its name, type and place.
type ArgLoc struct {
	Name string
	Type types.Type
	Loc  Loc
	Doc  string // its declaration in C, for `tracer describe`
}

// Loc is the place of a value at the probe's own moment.
type Loc struct {
	Kind LocKind
	Off  int // bytes into the context, or displacement
	Size int // bytes to load
	// USDT operands: register offsets into struct pt_regs, -1 if none.
	Base, Index int
	Scale       int
	Shift       int // bits (high-byte registers)
	Const       int64
	// Width is how many bytes of what was loaded are the value, extended by
	// Signed; 0: as the type says.
	Width  int
	Signed bool
}

// LocKind says how a value is found.
type LocKind uint8

// The places.
const (
	LocCtx     LocKind = iota // memory of the context (tracepoint record, tp_btf argument array, pt_regs) at Off
	LocDataLoc                // context u32 at Off: offset in the low, length in the high 16 bits
	LocRelLoc                 // the same, offset counted from Off+4
	LocConst                  // Const
	LocUser                   // user memory at *(regs+Base) + *(regs+Index)*Scale + Off
)

// New makes a node.
func New(op Op, t types.Type, rng hcl.Range, args ...*Expr) *Expr {
	return &Expr{Op: op, Type: t, Args: args, Range: rng}
}

// IsConst says that e is a constant scalar or text.
func (e *Expr) IsConst() bool { return e.Op == Const }

// ConstBool reports a constant boolean.
func (e *Expr) ConstBool() (value, ok bool) {
	return e.Int != 0, e.Op == Const && e.Type.Kind == types.Bool
}

// Walk calls f for e and everything below it, parents first, and for what is
// used more than once only once; f says whether to go below.
func Walk(e *Expr, f func(*Expr) bool) { walk(e, f, map[*Expr]bool{}) }

func walk(e *Expr, f func(*Expr) bool, seen map[*Expr]bool) {
	if e == nil || seen[e] {
		return
	}
	seen[e] = true
	if !f(e) {
		return
	}
	for _, a := range e.Args {
		walk(a, f, seen)
	}
	for _, p := range e.Parts {
		walk(p.Expr, f, seen)
	}
}

// String is the typed tree in prefix form, as golden tests show it.
func (e *Expr) String() string {
	var b strings.Builder
	var below func(*Expr)
	below = func(x *Expr) { x.write(&b, false, below) }
	below(e)
	return b.String()
}

// write writes a node, and what is below it by a function; exact: with all
// that decides what it computes.
func (e *Expr) write(b *strings.Builder, exact bool, below func(*Expr)) {
	switch e.Op {
	case Const:
		b.WriteString(e.constText())
		if exact {
			b.WriteString(":" + e.Type.String())
		}
		return
	case Arg:
		fmt.Fprintf(b, "arg%d", e.Int)
	case Builtin:
		b.WriteString(e.Name)
		if e.Int != 0 {
			fmt.Fprintf(b, "(%d)", e.Int)
		}
	default:
		b.WriteByte('(')
		b.WriteString(e.Op.String())
		for _, a := range e.Args {
			b.WriteByte(' ')
			below(a)
		}
		e.writeDetails(b, below)
		b.WriteByte(')')
	}
	b.WriteByte(':')
	b.WriteString(e.Type.String())
	if exact {
		fmt.Fprintf(b, "/%d.%d.%v.%d", e.Type.Kind, e.Type.Size, e.Type.Signed, e.Type.Space)
	}
}

// constText is a constant as the spec would write it.
func (e *Expr) constText() string {
	switch {
	case e.Type.Kind == types.String || e.Type.Kind == types.Bytes:
		return strconv.Quote(e.Str)
	case e.Type.Kind == types.Bool:
		return strconv.FormatBool(e.Int != 0)
	case e.Type.Kind == types.Null:
		return "null"
	case e.Type.Signed:
		return strconv.FormatInt(int64(e.Int), 10)
	}
	return strconv.FormatUint(e.Int, 10)
}

// writeDetails writes what an operation has besides its arguments.
func (e *Expr) writeDetails(b *strings.Builder, below func(*Expr)) {
	switch e.Op {
	case Member:
		fmt.Fprintf(b, " +%d", e.Off)
		if e.Bits != nil {
			fmt.Fprintf(b, " bits %d:%d", e.Bits.Shift, e.Bits.Size)
		}
	case InNet:
		fmt.Fprintf(b, " %x/%d", e.Str, e.Int)
	case PtrAdd, Bswap, Strs:
		fmt.Fprintf(b, " %d", e.Int)
	case Text:
		for _, p := range e.Parts {
			fmt.Fprintf(b, " %q", p.Lit)
			if p.Expr != nil {
				b.WriteByte(' ')
				below(p.Expr)
				b.WriteString(p.Verb)
			}
		}
	}
}

var opNames = [...]string{
	Invalid: "invalid", Const: "const", Arg: "arg", Ret: "ret", Builtin: "builtin", Entry: "entry", Member: "member",
	PtrAdd: "ptradd", Str: "str", Buf: "buf", Strs: "strs",
	Neg: "neg", BitNot: "bitnot", Not: "not", Bswap: "bswap", Conv: "conv",
	Add: "add", Sub: "sub", Mul: "mul", Div: "div", Mod: "mod", BitAnd: "bitand", BitOr: "bitor", BitXor: "bitxor",
	Shl: "shl", Shr: "shr", Min: "min", Max: "max",
	Eq: "eq", Ne: "ne", Lt: "lt", Le: "le", Gt: "gt", Ge: "ge", And: "and", Or: "or", Cond: "cond", In: "in",
	StrEq: "streq", StartsWith: "startswith", EndsWith: "endswith", StrContains: "strcontains",
	InNet: "innet", V4Mapped: "v4mapped", Text: "text", IsNull: "isnull",
}

// String is the op's name.
func (op Op) String() string { return opNames[op] }
