package types

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf/btf"
)

// Signature is a C prototype as a spec declares it.
type Signature struct {
	Name   string // "" if the prototype names no function
	Return Type   // Invalid for void
	Params []Param
}

// Param is one parameter; Name may be "".
type Param struct {
	Name string
	Type Type
	Decl string // as written
}

// Resolver finds a named C type ("struct sock", "enum wb_reason", "dev_t");
// nil results mean that there is none.
type Resolver func(name string) btf.Type

// ParseSignature reads one C prototype, such as
// "int getaddrinfo(const char *node, void *res)" or "int (void *ssl)". Struct
// types are opaque unless resolve knows them. LP64: long is 8 bytes.
func ParseSignature(text string, space Space, resolve Resolver) (*Signature, error) {
	if len(text) > 4096 {
		return nil, fmt.Errorf("the prototype is longer than 4096 bytes")
	}
	text = strings.TrimSuffix(strings.TrimSpace(text), ";")
	open := strings.IndexByte(text, '(')
	if open < 0 || !strings.HasSuffix(text, ")") {
		return nil, fmt.Errorf(`a prototype looks like "int write(int fd, const void *buf, size_t count)"`)
	}
	decl, name := splitName(strings.TrimSpace(text[:open]))
	ret, err := ParseCType(decl, space, resolve)
	if err != nil {
		return nil, fmt.Errorf("return type: %w", err)
	}
	sig := &Signature{Name: name, Return: ret}
	inner := strings.TrimSpace(text[open+1 : len(text)-1])
	if inner == "" || inner == "void" {
		return sig, nil
	}
	for i, part := range strings.Split(inner, ",") {
		part = strings.TrimSpace(part)
		if part == "..." {
			break
		}
		if strings.ContainsAny(part, "()") {
			return nil, fmt.Errorf("parameter %d: write a pointer to a function as void *", i+1)
		}
		base, pname := splitName(part)
		if n := strings.IndexByte(pname, '['); n >= 0 {
			pname, base = pname[:n], base+" *"
		}
		t, err := ParseCType(base, space, resolve)
		if err != nil {
			return nil, fmt.Errorf("parameter %d (%s): %w", i+1, part, err)
		}
		if t.Kind == Invalid {
			return nil, fmt.Errorf("parameter %d (%s): void is no parameter's type", i+1, part)
		}
		for _, p := range sig.Params {
			if p.Name == pname && pname != "" {
				return nil, fmt.Errorf("two parameters are named %q", pname)
			}
		}
		sig.Params = append(sig.Params, Param{Name: pname, Type: t, Decl: part})
	}
	return sig, nil
}

// InPrograms is the prototype with the types that programs on arch have, where
// the kernel's of the same name are others.
func (s *Signature) InPrograms(arch string) *Signature {
	out := *s
	out.Return = inPrograms(s.Return, arch)
	out.Params = slices.Clone(s.Params)
	for i := range out.Params {
		out.Params[i].Type = inPrograms(out.Params[i].Type, arch)
	}
	return &out
}

// inPrograms: the C library's dev_t is wider than the kernel's, with the numbers
// in other bits; on arm64 char has no sign, unless one is written.
func inPrograms(t Type, arch string) Type {
	switch {
	case t.Elem != nil:
		elem := inPrograms(*t.Elem, arch)
		t.Elem = &elem
	case t.Name == "dev_t":
		t = Type{Kind: Int, Size: 8, Name: t.Name}
	case t.Name == "char" && arch == "arm64":
		t.Signed = false
	}
	return t
}

// splitName splits "const char *node" in "const char *" and "node". A
// declaration that is only a type has no name.
func splitName(decl string) (base, name string) {
	end := len(decl)
	i := end
	for i > 0 && (isIdent(decl[i-1]) || decl[i-1] == '[' || decl[i-1] == ']') {
		i--
	}
	name, base = decl[i:end], strings.TrimSpace(decl[:i])
	bare := strings.TrimRight(name, "[]0123456789")
	if base == "" || bare == "" || isTypeWord(bare) || base == "struct" || base == "union" || base == "enum" || onlyQualifiers(base) {
		return decl, ""
	}
	return base, name
}

func onlyQualifiers(s string) bool {
	for _, w := range strings.Fields(s) {
		if w != "const" && w != "volatile" {
			return false
		}
	}
	return true
}

func isIdent(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func isTypeWord(w string) bool {
	switch w {
	case "unsigned", "signed", "int", "long", "short", "char", "const", "volatile", "void":
		return true
	}
	return false
}

// cTypes are the C types a spec may name without BTF (LP64), with size in
// bytes and sign.
var cTypes = map[string]Type{
	"char": {Kind: Int, Size: 1, Signed: true}, "signed char": {Kind: Int, Size: 1, Signed: true}, "unsigned char": {Kind: Int, Size: 1},
	"short": {Kind: Int, Size: 2, Signed: true}, "short int": {Kind: Int, Size: 2, Signed: true}, "unsigned short": {Kind: Int, Size: 2}, "unsigned short int": {Kind: Int, Size: 2}, "short unsigned int": {Kind: Int, Size: 2},
	"int": {Kind: Int, Size: 4, Signed: true}, "signed": {Kind: Int, Size: 4, Signed: true}, "signed int": {Kind: Int, Size: 4, Signed: true}, "unsigned": {Kind: Int, Size: 4}, "unsigned int": {Kind: Int, Size: 4},
	"long": {Kind: Int, Size: 8, Signed: true}, "long int": {Kind: Int, Size: 8, Signed: true}, "unsigned long": {Kind: Int, Size: 8}, "unsigned long int": {Kind: Int, Size: 8}, "long unsigned int": {Kind: Int, Size: 8},
	"long long": {Kind: Int, Size: 8, Signed: true}, "long long int": {Kind: Int, Size: 8, Signed: true}, "unsigned long long": {Kind: Int, Size: 8}, "unsigned long long int": {Kind: Int, Size: 8}, "long long unsigned int": {Kind: Int, Size: 8},
	"_Bool": {Kind: Bool, Size: 1}, "bool": {Kind: Bool, Size: 1},
	"size_t": {Kind: Int, Size: 8}, "ssize_t": {Kind: Int, Size: 8, Signed: true}, "off_t": {Kind: Int, Size: 8, Signed: true}, "loff_t": {Kind: Int, Size: 8, Signed: true},
	"intptr_t": {Kind: Int, Size: 8, Signed: true}, "uintptr_t": {Kind: Int, Size: 8}, "ptrdiff_t": {Kind: Int, Size: 8, Signed: true},
	"pid_t": {Kind: Int, Size: 4, Signed: true}, "uid_t": {Kind: Int, Size: 4}, "gid_t": {Kind: Int, Size: 4}, "mode_t": {Kind: Int, Size: 4}, "umode_t": {Kind: Int, Size: 2},
	"time_t": {Kind: Int, Size: 8, Signed: true}, "socklen_t": {Kind: Int, Size: 4}, "dev_t": {Kind: Int, Size: 4, Unit: "dev_t"},
	"int8_t": {Kind: Int, Size: 1, Signed: true}, "int16_t": {Kind: Int, Size: 2, Signed: true}, "int32_t": {Kind: Int, Size: 4, Signed: true}, "int64_t": {Kind: Int, Size: 8, Signed: true},
	"uint8_t": {Kind: Int, Size: 1}, "uint16_t": {Kind: Int, Size: 2}, "uint32_t": {Kind: Int, Size: 4}, "uint64_t": {Kind: Int, Size: 8},
	"u8": {Kind: Int, Size: 1}, "u16": {Kind: Int, Size: 2}, "u32": {Kind: Int, Size: 4}, "u64": {Kind: Int, Size: 8},
	"s8": {Kind: Int, Size: 1, Signed: true}, "s16": {Kind: Int, Size: 2, Signed: true}, "s32": {Kind: Int, Size: 4, Signed: true}, "s64": {Kind: Int, Size: 8, Signed: true},
	"__u8": {Kind: Int, Size: 1}, "__u16": {Kind: Int, Size: 2}, "__u32": {Kind: Int, Size: 4}, "__u64": {Kind: Int, Size: 8},
	"__s8": {Kind: Int, Size: 1, Signed: true}, "__s16": {Kind: Int, Size: 2, Signed: true}, "__s32": {Kind: Int, Size: 4, Signed: true}, "__s64": {Kind: Int, Size: 8, Signed: true},
	"__be16": {Kind: Int, Size: 2, BigEndian: true}, "__be32": {Kind: Int, Size: 4, BigEndian: true}, "__be64": {Kind: Int, Size: 8, BigEndian: true},
	"sector_t": {Kind: Int, Size: 8}, "gfp_t": {Kind: Int, Size: 4}, "qid_t": {Kind: Int, Size: 4},
	"float": {Kind: Invalid, Name: "float"}, "double": {Kind: Invalid, Name: "double"}, "long double": {Kind: Invalid, Name: "double"},
}

// ParseCType reads a C type name: "struct inet_sock *", "unsigned long",
// "const char *", "char[16]", "enum wb_reason". void is Invalid without a
// name. A struct that resolve does not know is an opaque pointer's target, and
// an error anywhere else.
func ParseCType(text string, space Space, resolve Resolver) (Type, error) {
	words, stars, length, err := lexCType(text)
	if err != nil {
		return Type{}, err
	}
	base := strings.Join(words, " ")
	t, err := namedCType(base, space, resolve, stars > 0)
	if err != nil {
		return Type{}, err
	}
	for ; stars > 0; stars-- {
		elem := t
		ptr := Type{Kind: Pointer, Size: 8, Space: space}
		if elem.Kind != Invalid || elem.Name != "" {
			ptr.Elem = &elem
		}
		t = ptr
	}
	if length >= 0 {
		if t.Kind == Int && base == "char" {
			elem := t
			return Type{Kind: String, Size: length, Fixed: true, Space: space, Elem: &elem}, nil
		}
		if t.Kind == Invalid {
			return Type{}, fmt.Errorf("an array of %s cannot be read", base)
		}
		elem := t
		t = Type{Kind: Array, Elem: &elem, Len: length, Size: length * elem.Size, Space: space}
	}
	return t, nil
}

func lexCType(text string) (words []string, stars, length int, err error) {
	length = -1
	rest := strings.TrimSpace(text)
	if i := strings.IndexByte(rest, '['); i >= 0 {
		inner, closed := strings.CutSuffix(rest[i+1:], "]")
		n, err := strconv.ParseUint(strings.TrimSpace(inner), 10, 17)
		if length = int(n); err != nil || !closed || length > 1<<16 {
			return nil, 0, 0, fmt.Errorf("%q is no C type: an array has one length, as in char[16]", text)
		}
		rest = rest[:i]
	}
	for len(rest) > 0 {
		c := rest[0]
		switch {
		case c == ' ' || c == '\t':
			rest = rest[1:]
		case c == '*':
			if stars++; stars > 4 {
				return nil, 0, 0, fmt.Errorf("%q has too many stars", text)
			}
			rest = rest[1:]
		case isIdent(c):
			n := 0
			for n < len(rest) && isIdent(rest[n]) {
				n++
			}
			word := rest[:n]
			rest = rest[n:]
			switch word {
			case "const", "volatile", "restrict", "__user", "__restrict", "register":
			default:
				if stars > 0 {
					return nil, 0, 0, fmt.Errorf("%q is no C type: unexpected %q after *", text, word)
				}
				words = append(words, word)
			}
		default:
			return nil, 0, 0, fmt.Errorf("%q is no C type: unexpected %q", text, c)
		}
	}
	if len(words) == 0 {
		return nil, 0, 0, fmt.Errorf("%q is no C type: it names nothing", text)
	}
	return words, stars, length, nil
}

func namedCType(base string, space Space, resolve Resolver, pointee bool) (Type, error) {
	if base == "void" {
		if pointee {
			return Type{Kind: Invalid}, nil
		}
		return Type{Kind: Invalid}, nil
	}
	if t, ok := cTypes[base]; ok {
		if t.Kind == Invalid {
			return Type{}, fmt.Errorf("%s: floating point values cannot be read", base)
		}
		if t.Name == "" {
			t.Name = base
		}
		return t, nil
	}
	if resolve != nil {
		if c := resolve(base); c != nil {
			return FromBTF(c, space), nil
		}
	}
	if pointee {
		return Type{Kind: Invalid, Name: base, Space: space}, nil
	}
	return Type{}, fmt.Errorf("there is no type %q", base)
}
