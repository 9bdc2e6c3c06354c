package eval

import (
	"bytes"
	"fmt"

	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/interpreter/unit"
	"tracer/interpreter/value"
)

// textTests are the tests of a string against another.
var textTests = map[tree.Op]func(s, part content) bool{
	tree.StrEq:       func(s, part content) bool { return bytes.Equal(s.known, part.known) },
	tree.StartsWith:  func(s, part content) bool { return bytes.HasPrefix(s.known, part.known) },
	tree.EndsWith:    func(s, part content) bool { return !s.cut && bytes.HasSuffix(s.known, part.known) },
	tree.StrContains: func(s, part content) bool { return bytes.Contains(s.known, part.known) },
}

// content is what is known of a string: if it was cut, one byte more than is
// shown, so that it never passes for a string that ends there.
type content struct {
	known []byte
	cut   bool
}

// known is what is known of a string.
func (ev *Event) known(e *tree.Expr) content {
	v := ev.eval(e)
	if !v.Truncated {
		return content{known: v.Bytes}
	}
	switch e.Op {
	case tree.Cond:
		return ev.known(ev.arm(e))
	case tree.Entry:
		return ev.entry.known(e.Args[0])
	}
	return content{known: append(bytes.Clone(v.Bytes), ev.over[e]), cut: true}
}

// inNet says that the first n bits of an address are those of a network.
func inNet(addr []byte, network string, n int) bool {
	for i := range addr {
		bits := min(max(n-8*i, 0), 8)
		mask := byte(0xff << (8 - bits))
		if i >= len(network) || addr[i]&mask != network[i]&mask {
			return bits == 0
		}
	}
	return true
}

// v4Mapped is the IPv4 address of a __be32, as a little-endian machine loads
// it, in the form ::ffff:a.b.c.d.
func v4Mapped(addr uint32) []byte {
	out := make([]byte, 16)
	out[10], out[11] = 0xff, 0xff
	for i := range 4 {
		out[12+i] = byte(addr >> (8 * i))
	}
	return out
}

// text puts a Text together: literal text, then each value in its format, as
// package unit prints it without knowing the machine.
func (ev *Event) text(e *tree.Expr) value.Value {
	var out value.Value
	for _, p := range e.Parts {
		out.Bytes = append(out.Bytes, p.Lit...)
		if p.Expr == nil {
			continue
		}
		v := ev.Value(p.Expr)
		if v.Null {
			continue
		}
		out.Bytes = appendPart(out.Bytes, &v, p)
	}
	return out
}

func appendPart(dst []byte, v *value.Value, p tree.Part) []byte {
	if p.Verb == "" || v.Type.Kind == types.List || v.Type.Kind == types.Array {
		return appendOwn(dst, v, p.Join)
	}
	switch p.Verb[len(p.Verb)-1] {
	case 's', 'v':
		return fmt.Appendf(dst, p.Verb, appendOwn(nil, v, p.Join))
	}
	if v.Type.Signed {
		return fmt.Appendf(dst, p.Verb, int64(v.Int))
	}
	return fmt.Appendf(dst, p.Verb, v.Int)
}

// appendOwn appends a value as it prints itself, a list with its separator.
func appendOwn(dst []byte, v *value.Value, separator string) []byte {
	if v.Type.Kind != types.List && v.Type.Kind != types.Array {
		return marked(unit.Append(dst, nil, v), v)
	}
	for i := range v.List() {
		if i > 0 {
			dst = append(dst, separator...)
		}
		dst = appendOwn(dst, &v.List()[i], separator)
	}
	if v.Truncated && len(v.List()) > 0 {
		dst = append(dst, separator...)
	}
	return marked(dst, v)
}

// marked marks what was cut.
func marked(dst []byte, v *value.Value) []byte {
	if v.Truncated {
		dst = append(dst, value.Cut...)
	}
	return dst
}
