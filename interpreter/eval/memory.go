package eval

import (
	"encoding/binary"

	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

// pageSize is the step in which strings are looked for: memory is there or not
// in units no smaller than a page of 4 KiB.
const pageSize = 4096

// base is an address to read from and the space it is in.
type base struct {
	addr uint64
	typ  types.Type
	null bool // what lies behind it is zero and no failure
}

func (ev *Event) base(e *tree.Expr) base {
	return base{addr: ev.eval(e).Int, typ: e.Type, null: ev.null(e)}
}

// null says that an address is null, or was reached from null by adding to it:
// a member or element of nothing is nothing.
func (ev *Event) null(e *tree.Expr) bool {
	switch {
	case e.Op == tree.PtrAdd, e.Op == tree.Member && !e.Type.IsScalar():
		return ev.null(e.Args[0])
	case e.Op == tree.Conv && !e.Args[0].Type.IsNumber():
		return ev.null(e.Args[0])
	case e.Op == tree.Cond:
		return ev.null(ev.arm(e))
	}
	return ev.eval(e).Int == 0
}

// read is n bytes at off behind b, nil if they are not there. That is counted
// unless b is null, or trusted: a load that the verifier knows gives zero
// and nobody hears of it.
func (ev *Event) read(b base, off uint64, n int) []byte {
	if b.null {
		return nil
	}
	data, err := ev.env.Read(b.typ.Space, b.addr+off, n)
	if err != nil {
		if !trusted(b.typ) {
			ev.FailedReads++
		}
		return nil
	}
	return data
}

// trusted says that memory behind a value of type t is read by plain loads.
func trusted(t types.Type) bool {
	if t.Kind == types.Pointer && t.Elem != nil && t.Elem.Space != types.Trusted {
		return false
	}
	return t.Space == types.Trusted
}

// member is memory behind a pointer. Structs and arrays are their address.
func (ev *Event) member(e *tree.Expr) value.Value {
	b := ev.base(e.Args[0])
	off, t := uint64(int64(e.Off)), e.Type
	switch {
	case t.Kind == types.Struct || t.Kind == types.Array:
		return number(b.addr + off)
	case t.Kind == types.String:
		return value.Value{Bytes: untilNUL(ev.read(b, off, t.Size))}
	case t.Kind == types.Bytes:
		return value.Value{Bytes: orZeros(ev.read(b, off, t.Size), t.Size)}
	}
	n := loaded(orZeros(ev.read(b, off, t.Size), t.Size))
	if e.Bits != nil {
		return number(bitfield(n, *e.Bits, t))
	}
	return number(widened(n, t))
}

func orZeros(b []byte, n int) []byte {
	if b == nil {
		return make([]byte, n)
	}
	return b
}

// loaded is up to 8 bytes as a little-endian number.
func loaded(b []byte) uint64 {
	var word [8]byte
	copy(word[:], b)
	return binary.LittleEndian.Uint64(word[:])
}

// bitfield takes a bitfield out of the unit it lies in; its own top bit is the
// sign.
func bitfield(unit uint64, b tree.Bits, t types.Type) uint64 {
	up := 64 - uint(b.Shift) - uint(b.Size)
	if t.Signed {
		return uint64(int64(unit<<up) >> (64 - uint(b.Size)))
	}
	return unit << up >> (64 - uint(b.Size))
}

// readArray reads the elements of an array in memory, for a column.
func (ev *Event) readArray(e *tree.Expr) value.Value {
	t := e.Type
	size := t.Elem.Size
	data := orZeros(ev.read(ev.base(e), 0, t.Len*size), t.Len*size)
	v := value.Value{Type: &t, Parts: &value.Parts{List: make([]value.Value, t.Len)}}
	for i := range v.List() {
		v.List()[i] = value.Value{Type: t.Elem, Int: widened(loaded(data[i*size:(i+1)*size]), *t.Elem)}
	}
	return v
}

// str reads a NUL-terminated string.
func (ev *Event) str(e *tree.Expr) value.Value {
	text := ev.readString(ev.base(e.Args[0]), e.Type.Size)
	return ev.shaped(value.Value{Bytes: text}, e)
}

// readString is the string behind b, with one byte more than limit if it goes
// on. A string that ends in memory that is not there is none.
func (ev *Event) readString(b base, limit int) []byte {
	var out []byte
	for !b.null && len(out) <= limit {
		at := b.addr + uint64(len(out))
		n := min(limit+1-len(out), pageSize-int(at%pageSize))
		part, err := ev.env.Read(b.typ.Space, at, n)
		if err != nil { // the string may end before what is missing
			n = 1
			part, err = ev.env.Read(b.typ.Space, at, n)
		}
		if err != nil {
			ev.FailedReads++
			return nil
		}
		text := untilNUL(part)
		out = append(out, text...)
		if len(text) < n {
			break
		}
	}
	return out
}

// buf reads a number of bytes; a negative number is none. Bytes that are not
// there are zeros.
func (ev *Event) buf(e *tree.Expr) value.Value {
	b, n := ev.base(e.Args[0]), ev.eval(e.Args[1])
	t := e.Type
	if t.Fixed {
		return value.Value{Bytes: orZeros(ev.read(b, 0, t.Size), t.Size)}
	}
	if n.Int == 0 || n.Type.Signed && int64(n.Int) < 0 {
		return value.Value{}
	}
	size := t.Size
	if n.Int < uint64(size) {
		size = int(n.Int)
	}
	v := value.Value{Bytes: orZeros(ev.read(b, 0, size), size), Truncated: n.Int > uint64(size)}
	if v.Truncated {
		ev.Cut++
	}
	return v
}

// strs reads a null-ended array of strings.
func (ev *Event) strs(e *tree.Expr) value.Value {
	b := ev.base(e.Args[0])
	list := []value.Value{}
	v := value.Value{}
	for i := uint64(0); ; i++ {
		pointer := loaded(ev.read(b, 8*i, 8))
		if pointer == 0 {
			break
		}
		if i == e.Int {
			v.Truncated = true
			ev.Cut++
			break
		}
		elem := *e.Type.Elem
		text := ev.readString(base{addr: pointer, typ: b.typ}, elem.Size)
		s := ev.shaped(value.Value{Bytes: text}, &tree.Expr{Type: elem})
		s.Type = &elem
		list = append(list, s)
	}
	v.Parts = &value.Parts{List: list}
	return v
}
