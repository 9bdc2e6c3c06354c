package eval

import (
	"encoding/binary"

	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

// Record is an event that lies in memory as a probe finds it: the bytes of its
// context, whose places the layout names.
type Record struct {
	Layout  *tree.Layout
	Context []byte
	// Builtins are the values of builtins by name.
	Builtins map[string]value.Value
	// AtEntry is the record at the entry of the call; nil: none.
	AtEntry *Record
	// Memory is what lies behind pointers; nil: nothing.
	Memory func(space types.Space, addr uint64, n int) ([]byte, error)
}

var _ Env = (*Record)(nil)

// Arg implements Env.
func (r *Record) Arg(i int) value.Value {
	a := &r.Layout.Args[i]
	return r.at(a.Loc, a.Type)
}

// Ret implements Env.
func (r *Record) Ret() value.Value {
	if r.Layout.Ret == nil {
		return value.Value{}
	}
	return r.at(r.Layout.Ret.Loc, r.Layout.Ret.Type)
}

// Builtin implements Env.
func (r *Record) Builtin(name string, _ uint64) value.Value { return r.Builtins[name] }

// Entry implements Env.
func (r *Record) Entry() Env {
	if r.AtEntry == nil {
		return nil
	}
	return r.AtEntry
}

// errNoMemory says that a record has nothing behind its pointers.
type errNoMemory struct{}

func (errNoMemory) Error() string { return "no memory at this address" }

// Read implements Env.
func (r *Record) Read(space types.Space, addr uint64, n int) ([]byte, error) {
	if r.Memory == nil {
		return nil, errNoMemory{}
	}
	return r.Memory(space, addr, n)
}

// at is the value at a place.
func (r *Record) at(loc tree.Loc, t types.Type) value.Value {
	switch loc.Kind {
	case tree.LocConst:
		return number(uint64(loc.Const))
	case tree.LocDataLoc, tree.LocRelLoc:
		return value.Value{Bytes: r.dynamic(loc)}
	case tree.LocUser:
		return number(r.operand(loc))
	}
	data := r.bytes(loc.Off, loc.Size)
	switch t.Kind {
	case types.String, types.Bytes:
		return value.Value{Bytes: data}
	case types.Array:
		return elements(data, t)
	}
	return number(loaded(data) >> uint(loc.Shift))
}

// bytes is n bytes of the context; what lies outside of it is not there.
func (r *Record) bytes(off, n int) []byte {
	if off < 0 || n < 0 || off+n > len(r.Context) {
		return nil
	}
	return r.Context[off : off+n]
}

// dynamic is the content of a dynamic field: its u32 has the offset in the low
// and the length in the high 16 bits (include/trace/stages/stage5_get_offsets.h).
func (r *Record) dynamic(loc tree.Loc) []byte {
	word := uint32(loaded(r.bytes(loc.Off, 4)))
	off, n := int(word&0xffff), int(word>>16)
	if loc.Kind == tree.LocRelLoc {
		off += loc.Off + 4
	}
	return r.bytes(off, n)
}

// operand is a USDT operand in user memory, of which the low Size bytes count.
func (r *Record) operand(loc tree.Loc) uint64 {
	register := func(off int) uint64 {
		if off < 0 {
			return 0
		}
		return loaded(r.bytes(off, 8))
	}
	addr := register(loc.Base) + register(loc.Index)*uint64(loc.Scale) + uint64(int64(loc.Off))
	data, err := r.Read(types.User, addr, loc.Size)
	if err != nil {
		return 0
	}
	return extend(loaded(data), loc.Size, loc.Signed)
}

func elements(data []byte, t types.Type) value.Value {
	v := value.Value{Parts: &value.Parts{List: make([]value.Value, t.Len)}}
	size := t.Elem.Size
	for i := range v.List() {
		var word [8]byte
		if (i+1)*size <= len(data) {
			copy(word[:], data[i*size:(i+1)*size])
		}
		v.List()[i] = value.Value{Type: t.Elem, Int: widened(binary.LittleEndian.Uint64(word[:]), *t.Elem)}
	}
	return v
}
