package types

import (
	"github.com/cilium/ebpf/btf"
)

// FromBTF is the event-time type of a C type at an address in space.
//
//   - integers, bool, enums: scalars of their size; __be16 and __be32 are
//     BigEndian, dev_t prints as major:minor
//   - char[N]: a string of N bytes; other arrays: Array
//   - structs and unions: Struct; functions: an opaque pointer's target
//   - void and forward declarations: Invalid, with the C name
//
// Qualifiers and type tags are skipped; the outermost typedef's name is kept
// for messages.
func FromBTF(t btf.Type, space Space) Type {
	return fromBTF(t, space, 0)
}

// maxDepth bounds chains of pointers and arrays of types: a C type this deep
// is a corrupt BTF file.
const maxDepth = 32

func fromBTF(t btf.Type, space Space, depth int) Type {
	q := unqualified(t, space)
	if q.boolean {
		return Type{Kind: Bool, Size: 1, Name: "bool"}
	}
	out := Type{Kind: Invalid, Name: q.name, Space: q.space, C: q.t}
	if depth > maxDepth {
		return out
	}
	tagged := func(word, name string) {
		if out.Name == "" && name != "" {
			out.Name = word + name
		}
	}
	switch c := q.t.(type) {
	case *btf.Int:
		out = intFromBTF(c, q.name)
		out.BigEndian, out.Unit = q.bigEndian, q.unit
	case *btf.Enum:
		if plainSize(int(c.Size)) {
			out.Kind, out.Size, out.Signed = Enum, int(c.Size), c.Signed
			if out.Name == "" {
				out.Name = "enum " + c.Name
			}
		}
	case *btf.Pointer:
		return pointerFromBTF(c, out, depth)
	case *btf.Array:
		return arrayFromBTF(c, out, depth)
	case *btf.Struct:
		out.Kind, out.Size = Struct, int(c.Size)
		tagged("struct ", c.Name)
	case *btf.Union:
		out.Kind, out.Size = Struct, int(c.Size)
		tagged("union ", c.Name)
	case *btf.Fwd:
		tagged(c.Kind.String()+" ", c.Name)
	case *btf.FuncProto:
		out.Name = "function"
	case *btf.Float:
		tagged("", c.Name)
	}
	return out
}

// qualified is a type without its qualifiers, and what they said.
type qualified struct {
	t         btf.Type
	space     Space
	name      string // the outermost typedef's
	unit      string
	bigEndian bool
	boolean   bool
}

func unqualified(t btf.Type, space Space) qualified {
	out := qualified{t: t, space: space}
	for range maxDepth {
		switch q := out.t.(type) {
		case *btf.Const:
			out.t = q.Type
		case *btf.Volatile:
			out.t = q.Type
		case *btf.Restrict:
			out.t = q.Type
		case *btf.TypeTag:
			if q.Value == "user" {
				out.space = User
			}
			out.t = q.Type
		case *btf.Typedef:
			if out.name == "" {
				out.name = q.Name
			}
			switch q.Name {
			case "__be16", "__be32", "__be64":
				out.bigEndian = true
			case "dev_t":
				out.unit = "dev_t"
			case "bool", "_Bool":
				out.boolean = true
			}
			out.t = q.Type
		default:
			return out
		}
	}
	return out
}

// pointerFromBTF completes out, the type of a pointer, by what it points to.
func pointerFromBTF(c *btf.Pointer, out Type, depth int) Type {
	out.Kind, out.Size, out.C = Pointer, 8, nil
	space := out.Space
	if space == Trusted && depth > 0 {
		space = Kernel
	}
	elem := fromBTF(c.Target, space, depth+1)
	if elem.Kind != Invalid || elem.Name != "" {
		out.Elem = &elem
	}
	if elem.Space == User || taggedUser(c.Target) {
		out.Space = User
	}
	return out
}

// arrayFromBTF completes out, the type of an array; one of char is a string.
func arrayFromBTF(c *btf.Array, out Type, depth int) Type {
	elem := fromBTF(c.Type, out.Space, depth+1)
	if elem.Kind == Int && elem.Size == 1 && isChar(c.Type) {
		return Type{Kind: String, Size: min(int(c.Nelems), maxSize), Fixed: true, Space: out.Space, Name: out.Name, Elem: &elem}
	}
	out.Kind, out.Elem, out.Len, out.C = Array, &elem, int(c.Nelems), nil
	out.Size = maxSize
	if elem.Size == 0 || int(c.Nelems) <= maxSize/elem.Size {
		out.Size = int(c.Nelems) * elem.Size
	}
	return out
}

// taggedUser says that a pointer's target is marked __user.
func taggedUser(t btf.Type) bool {
	for range maxDepth {
		switch q := t.(type) {
		case *btf.TypeTag:
			if q.Value == "user" {
				return true
			}
			t = q.Type
		case *btf.Const:
			t = q.Type
		case *btf.Volatile:
			t = q.Type
		default:
			return false
		}
	}
	return false
}

// maxSize bounds the size of a type, bytes: larger ones are corrupt BTF.
const maxSize = 1 << 30

// plainSize says that a register can hold size bytes.
func plainSize(size int) bool { return size == 1 || size == 2 || size == 4 || size == 8 }

func intFromBTF(c *btf.Int, name string) Type {
	if c.Encoding == btf.Bool {
		return Type{Kind: Bool, Size: 1, Name: "bool"}
	}
	size := int(c.Size)
	if !plainSize(size) {
		return Type{Kind: Array, Elem: &Type{Kind: Int, Size: 1, Name: "u8"}, Len: size, Size: size, Name: name}
	}
	if name == "" {
		name = c.Name
	}
	return Type{Kind: Int, Size: size, Signed: c.Encoding == btf.Signed || c.Encoding == btf.Char && c.Size == 1, Name: name}
}

// isChar says that t is C's plain char: arrays of it are strings.
func isChar(t btf.Type) bool {
	for n := 0; n < maxDepth; n++ {
		switch q := t.(type) {
		case *btf.Const:
			t = q.Type
		case *btf.Volatile:
			t = q.Type
		case *btf.Typedef:
			if q.Name != "char" {
				return false
			}
			t = q.Type
		case *btf.Int:
			return q.Name == "char"
		default:
			return false
		}
	}
	return false
}

// Member is one member of a struct or union, as FindMember finds it.
type Member struct {
	Type     Type
	Off      int  // bytes from the start of the outermost struct
	BitShift int  // bitfields: the lowest bit within Type.Size bytes at Off
	BitSize  int  // bitfields: bits; 0: an ordinary member
	Union    bool // it lies in a union, and shares its memory with other members
}

// FindMember finds a member by name, looking through anonymous structs and
// unions. c is a *btf.Struct or *btf.Union.
func FindMember(c btf.Type, name string, space Space) (Member, bool) {
	if name == "" {
		return Member{}, false
	}
	return findMember(c, name, space, 0, map[btf.Type]bool{})
}

func findMember(c btf.Type, name string, space Space, base btf.Bits, seen map[btf.Type]bool) (Member, bool) {
	members := membersOf(c)
	if members == nil || seen[c] {
		return Member{}, false
	}
	seen[c] = true
	_, union := c.(*btf.Union)
	for _, m := range members {
		if m.Name == name {
			found := memberAt(m, space, base)
			found.Union = union
			return found, true
		}
		if m.Name == "" {
			if found, ok := findMember(btf.UnderlyingType(m.Type), name, space, base+m.Offset, seen); ok {
				found.Union = found.Union || union
				return found, true
			}
		}
	}
	return Member{}, false
}

func memberAt(m btf.Member, space Space, base btf.Bits) Member {
	t := FromBTF(m.Type, space)
	bit := int(base + m.Offset)
	if m.BitfieldSize == 0 {
		return Member{Type: t, Off: bit / 8}
	}
	// Load the aligned unit that holds the whole field; where it straddles
	// one, a larger unit.
	size := t.Size
	if size == 0 || size > 8 {
		size = 8
	}
	off := bit / 8 / size * size
	for bit+int(m.BitfieldSize) > (off+size)*8 && size < 8 {
		size *= 2
		off = bit / 8 / size * size
	}
	if bit+int(m.BitfieldSize) > (off+size)*8 { // straddles 8 bytes: packed
		off = bit / 8
	}
	if bit-off*8+int(m.BitfieldSize) > 64 || !t.IsScalar() {
		return Member{Type: Type{Kind: Invalid, Name: "a bitfield of more than 8 bytes"}, Off: off}
	}
	t.Size = size
	return Member{Type: t, Off: off, BitShift: bit - off*8, BitSize: int(m.BitfieldSize)}
}

func membersOf(c btf.Type) []btf.Member {
	switch s := c.(type) {
	case *btf.Struct:
		return s.Members
	case *btf.Union:
		return s.Members
	}
	return nil
}

// MemberNames lists the members FindMember can find, in order.
func MemberNames(c btf.Type) []string { return memberNames(c, nil, map[btf.Type]bool{}) }

func memberNames(c btf.Type, out []string, seen map[btf.Type]bool) []string {
	if seen[c] {
		return out
	}
	seen[c] = true
	for _, m := range membersOf(c) {
		if m.Name != "" {
			out = append(out, m.Name)
		} else {
			out = memberNames(btf.UnderlyingType(m.Type), out, seen)
		}
	}
	return out
}
