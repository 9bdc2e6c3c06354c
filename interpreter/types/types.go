// Package types holds the types of values at event time: what a kernel type is
// to an expression of a spec, and what fits what.
//
// In: C types (BTF), tracepoint fields, C signatures. Out: Type, a small value
// type that the checker, the reference evaluator, the code generator and the
// decoder of records share. It must not know registers, HCL or output.
package types

import (
	"fmt"

	"github.com/cilium/ebpf/btf"
)

// Kind is the shape of a value.
type Kind uint8

// The kinds. Scalars (Bool, Int, Pointer, Enum) are one 64-bit register,
// kept sign- or zero-extended from their size. Memory kinds (String, Bytes,
// Struct, Array) live in memory. Composite kinds (List, Text) exist only in
// columns, where they are captured part by part and put together when printed.
const (
	Invalid Kind = iota
	Bool         // true or false, one byte in records
	Int          // Size 1, 2, 4 or 8 bytes, Signed or not
	Pointer      // 8 bytes; Elem is what it points to (nil: void), Space where
	Enum         // Size bytes; C is *btf.Enum
	String       // text of at most Size bytes, without a terminating NUL
	Bytes        // at most Size raw bytes; Fixed when always exactly Size
	Struct       // a struct or union in memory; its value is its address
	Array        // an array in memory; its value is its address
	List         // a list of strings (strs), Elem is its element
	Text         // a template, format() or join(): Parts known to the tree
	Null         // no value
	Stack        // a kernel or user stack
)

// Space is the address space a pointer points into.
type Space uint8

// The address spaces. Trusted is kernel memory that the verifier knows by BTF:
// direct loads are allowed (tp_btf arguments, the current task).
const (
	Kernel Space = iota
	User
	Trusted
)

// String gives the space's name as messages use it.
func (s Space) String() string {
	return [...]string{"kernel", "user", "kernel"}[s]
}

// Type is the type of one value at event time. The zero Type is Invalid.
// Types are compared with Same; they hold pointers into BTF and so are not
// comparable with ==.
type Type struct {
	Kind   Kind
	Size   int  // bytes: scalars 1, 2, 4, 8; String and Bytes: at most this many
	Signed bool // Int and Enum

	// Unit is the name of the printable type ("duration", "ip", "errno"), ""
	// if the value prints as its kind does. Units are declared in package
	// interpreter/unit.
	Unit string

	// Table is the table of a lookup or flags unit, nil for every other.
	Table *NameTable

	// BigEndian marks an integer as it is in memory in network order
	// (__be16, __be32): it is swapped when it is compared, computed with or
	// printed, but not by ip(), which wants it as it is.
	BigEndian bool

	// Fixed marks Bytes that always have exactly Size bytes, and a String that
	// was never longer than Size and so cannot have been cut (char[Size], comm).
	Fixed bool

	// Untyped marks a u64 that nothing typed: a user function's argument or
	// return value without a signature.
	Untyped bool

	Space Space // Pointer, Struct, Array
	Elem  *Type // Pointer (nil: void), Array, List; String: what C declares an array of, if it does
	Len   int   // Array: number of elements

	// C is the C type, if BTF (or a signature) gave one: *btf.Enum for Enum,
	// *btf.Struct or *btf.Union for Struct; for Pointer the pointed-to type
	// is in Elem.
	C btf.Type

	// Name is the C type's own spelling for messages ("struct sock *",
	// "__be32", "enum wb_reason"); "" derives it from the kind.
	Name string
}

// The common types.
var (
	TBool  = Type{Kind: Bool, Size: 1}
	TNull  = Type{Kind: Null}
	U8     = Type{Kind: Int, Size: 1}
	U16    = Type{Kind: Int, Size: 2}
	U32    = Type{Kind: Int, Size: 4}
	U64    = Type{Kind: Int, Size: 8}
	S8     = Type{Kind: Int, Size: 1, Signed: true}
	S16    = Type{Kind: Int, Size: 2, Signed: true}
	S32    = Type{Kind: Int, Size: 4, Signed: true}
	S64    = Type{Kind: Int, Size: 8, Signed: true}
	Comm   = Type{Kind: String, Size: 15, Fixed: true}
	NS     = Type{Kind: Int, Size: 8, Unit: "duration"}
	AnyPtr = Type{Kind: Pointer, Size: 8}
)

// Str is a string of at most max bytes.
func Str(max int) Type { return Type{Kind: String, Size: max} }

// Buf is at most max raw bytes.
func Buf(max int) Type { return Type{Kind: Bytes, Size: max} }

// WithUnit is t printed as unit.
func (t Type) WithUnit(unit string) Type { t.Unit = unit; return t }

// IsScalar says that a value of t is one 64-bit register.
func (t Type) IsScalar() bool {
	return t.Kind == Bool || t.Kind == Int || t.Kind == Pointer || t.Kind == Enum
}

// IsNumber says that arithmetic is defined on t.
func (t Type) IsNumber() bool { return t.Kind == Int || t.Kind == Enum }

// IsText says that t compares with a string.
func (t Type) IsText() bool { return t.Kind == String }

// IsComposite says that t can only be shown, not computed with.
func (t Type) IsComposite() bool { return t.Kind == List || t.Kind == Text || t.Kind == Stack }

// Unsigned64 says that t is a full-width unsigned integer: arithmetic of two
// such is unsigned, any other arithmetic is signed 64-bit.
func (t Type) Unsigned64() bool { return t.IsNumber() && !t.Signed && t.Size == 8 }

// Same says that two types have the same shape, so that one column can hold
// values of both: kind, size, sign and unit agree, and the C type's name where
// it decides how the value prints.
func (t Type) Same(u Type) bool {
	if t.Kind != u.Kind || t.Size != u.Size || t.Signed != u.Signed || t.Unit != u.Unit || t.Fixed != u.Fixed || t.Len != u.Len {
		return false
	}
	if t.Kind == Enum {
		return t.String() == u.String()
	}
	if t.Kind == Array && t.Elem != nil && u.Elem != nil {
		return t.Elem.Same(*u.Elem)
	}
	return true
}

// String is the type as a message names it.
func (t Type) String() string {
	if t.Name != "" {
		return t.Name
	}
	if t.Unit != "" {
		return t.Unit
	}
	switch t.Kind {
	case Bool:
		return "bool"
	case Int:
		sign := 'u'
		if t.Signed {
			sign = 's'
		}
		return fmt.Sprintf("%c%d", sign, t.Size*8)
	case Pointer:
		if t.Elem == nil {
			return "void *"
		}
		if t.Elem.Kind == Pointer {
			return t.Elem.String() + "*"
		}
		return t.Elem.String() + " *"
	case Enum, Struct:
		return "anonymous " + [...]string{"struct", "enum"}[b2i(t.Kind == Enum)]
	case String:
		return "string"
	case Bytes:
		return "bytes"
	case Array:
		if t.Elem == nil {
			return fmt.Sprintf("[%d]", t.Len)
		}
		return fmt.Sprintf("%s[%d]", t.Elem, t.Len)
	case List:
		return "list of strings"
	case Text:
		return "text put together when printed"
	case Null:
		return "null"
	case Stack:
		return "stack"
	}
	return "invalid"
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
