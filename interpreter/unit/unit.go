// Package unit is the registry of types that know how to print themselves:
// ip, duration, size, errno and the others of the language, and the implicit
// ones that a C type brings (dev_t, enums, pointers).
//
// In: a finished value or the text of a literal. Out: its text, its JSON form,
// the number or bytes a literal stands for, and what arithmetic does to a unit.
// One table (table.go) declares each unit once; checker, renderer,
// documentation and completion read it. What only the machine knows (names of
// users, symbols, wall time) comes in through Resolver. The package must not
// know HCL, terminals or where a value came from; what it returns may hold
// bytes of a traced process and is escaped by whoever prints it.
package unit

import (
	"math/bits"
	"time"

	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

// Env is what printing and reading needs besides the value. The zero Env and a
// nil *Env are usable: names become numbers, times UTC.
type Env struct {
	Names    Names
	Resolver Resolver
	Location *time.Location // of wall() in text; nil is UTC
}

// Names gives the numbers of the kernel's interface names and back. The kind is
// the unit's name: "errno" (positive numbers), "signal", "syscall",
// "capability", "family", "tcp_state"; "flag" has numbers only.
type Names interface {
	Name(kind string, number int64) (string, bool)
	Number(kind, name string) (int64, bool)
	// Near is the name of a kind most like a wrong one, "" if none is.
	Near(kind, name string) string
}

// Resolver answers what only the traced machine knows. Implementations need not
// be safe for concurrent use.
type Resolver interface {
	// Username is the name of a user id.
	Username(uid uint32) (string, bool)
	// UserID is the id of a user name.
	UserID(name string) (uint32, bool)
	// KernelSymbol is the kernel symbol that holds an address.
	KernelSymbol(addr uint64) (Symbol, bool)
	// KernelAddress is the address of a kernel symbol. The error says why it
	// cannot be told.
	KernelAddress(name string) (uint64, error)
	// UserSymbol is the symbol of process pid that holds an address.
	UserSymbol(pid uint32, addr uint64) (Symbol, bool)
	// CgroupPath is the path of a cgroup id below the cgroup root, "/" for it.
	CgroupPath(id uint64) (string, bool)
	// WallTime is the wall-clock time of a CLOCK_MONOTONIC time in ns.
	WallTime(monotonic uint64) time.Time
}

// Symbol is a place in a program: a symbol, the distance from its start, and
// the kernel module or file it is from ("" for the kernel itself).
type Symbol struct {
	Name   string
	Offset uint64
	Module string
}

// Append appends the symbol as text: name, name+0x1c, name+0x1c [module].
func (s Symbol) Append(dst []byte) []byte {
	dst = append(dst, s.Name...)
	if s.Offset != 0 {
		dst = append(dst, "+0x"...)
		dst = appendHex(dst, s.Offset)
	}
	if s.Module != "" {
		dst = append(dst, " ["...)
		dst = append(dst, s.Module...)
		dst = append(dst, ']')
	}
	return dst
}

// Form is how a value of a unit is written in JSON.
type Form uint8

// The JSON forms. Number: an integer, a string where a double cannot hold it.
// Text: a string, the printed form, or null if it prints nothing. Logical: true
// or false. Time: a string, RFC 3339 with nanoseconds in UTC, of a
// CLOCK_MONOTONIC time.
const (
	Number Form = iota
	Text
	Logical
	Time
)

// Unit is one printable type.
type Unit struct {
	Name    string
	Doc     string // one sentence
	Example string // an expression of the language

	// Takes says in words what the function of this name takes, for messages.
	Takes string
	// Literal describes the literals it reads (`a duration such as "10ms"`);
	// "" if it reads none.
	Literal string

	// Implicit units have no function in the language; a C type brings them.
	Implicit bool
	// Table marks units whose types carry a types.NameTable.
	Table bool
	// Quantity marks units that arithmetic keeps (durations, sizes).
	Quantity bool
	// One is the suffix of a quantity of one.
	One string
	// Right says that columns of the unit are aligned right.
	Right bool
	// Width is a plausible width of a column in character cells.
	Width int
	JSON  Form

	accepts func(types.Type) bool
	result  func(Unit, types.Type) types.Type
	parse   func(*Env, types.Type, string) (value.Value, error)
	format  func([]byte, *Env, *value.Value) []byte
}

// Accepts says whether the unit's function takes a value of type t.
func (u *Unit) Accepts(t types.Type) bool { return u.accepts(t) }

// Result is the type of the unit's function given a value of type t, which it
// must accept. Table units still need their Table.
func (u *Unit) Result(t types.Type) types.Type { return u.result(*u, t) }

// Reads says whether the unit reads literals.
func (u *Unit) Reads() bool { return u.parse != nil }

// Parse reads a literal that stands where a value of type t is expected; the
// zero Type asks for the unit's own. The error's text completes "the literal …"
// with what would be right: `must be a duration such as "10ms"`.
func (u *Unit) Parse(env *Env, t types.Type, literal string) (value.Value, error) {
	if u.parse == nil {
		return value.Value{}, errNoLiteral(u)
	}
	v, err := u.parse(env.orEmpty(), t, literal)
	return v, wanting(err, u.Literal)
}

// Append appends the value's text; the elements of a list with spaces between
// them. A null prints nothing. The text is raw: it may hold bytes of a traced
// process.
func (u *Unit) Append(dst []byte, env *Env, v *value.Value) []byte {
	if v.Null {
		return dst
	}
	for i := range v.List() {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = Append(dst, env, &v.List()[i])
	}
	return u.format(dst, env.orEmpty(), v)
}

// AppendBound appends a bound of a histogram of type t: quantities in their
// unit, everything else as a number.
func (u *Unit) AppendBound(dst []byte, env *Env, t types.Type, bound uint64) []byte {
	t.BigEndian = false
	v := value.Value{Type: &t, Int: bound}
	if u.Quantity {
		return u.Append(dst, env, &v)
	}
	return appendInteger(dst, &v)
}

// AppendExactBound appends a bound as AppendBound does, but a quantity as the
// whole number that it is, not rounded.
func (u *Unit) AppendExactBound(dst []byte, t types.Type, bound uint64) []byte {
	t.BigEndian = false
	return append(appendInteger(dst, &value.Value{Type: &t, Int: bound}), u.One...)
}

// All lists the units in the order of the language's documentation.
func All() []*Unit {
	all := make([]*Unit, len(table))
	for i := range table {
		all[i] = &table[i]
	}
	return all
}

// ByName is the unit of that name, nil if there is none.
func ByName(name string) *Unit { return byName[name] }

// For is the unit that prints values of type t: the one it names, else the one
// its kind implies. It is never nil.
func For(t types.Type) *Unit {
	if t.Unit != "" {
		if u := byName[t.Unit]; u != nil {
			return u
		}
	}
	return byKind[t.Kind]
}

// Append appends any value's text by the unit of its type.
func Append(dst []byte, env *Env, v *value.Value) []byte {
	return For(*v.Type).Append(dst, env, v)
}

// Integer is the number of a scalar value as the language sees it: swapped to
// host order if it is big-endian in memory.
func Integer(v *value.Value) uint64 {
	if !v.Type.BigEndian || v.Type.Unit == "ip" {
		return v.Int
	}
	switch v.Type.Size {
	case 2:
		return uint64(bits.ReverseBytes16(uint16(v.Int)))
	case 4:
		return uint64(bits.ReverseBytes32(uint32(v.Int)))
	case 8:
		return bits.ReverseBytes64(v.Int)
	}
	return v.Int
}

func (e *Env) orEmpty() *Env {
	if e == nil {
		return &Env{}
	}
	return e
}
