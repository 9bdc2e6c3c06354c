package stream

import (
	"fmt"
	"math/bits"
	"slices"

	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

// formatterOf picks how a part of a Text is put into it: the value's own form
// without a verb, package fmt's with one.
func formatterOf(verb string) func(*columns, []byte, *value.Value, *tree.Part) []byte {
	if verb == "" || verb == tree.JoinVerb {
		return appendOwn
	}
	return appendVerb
}

// appendOwn appends v as it prints itself, marked where it was cut; lists with
// their separator.
func appendOwn(c *columns, dst []byte, v *value.Value, p *tree.Part) []byte {
	if v.Type.Kind != types.List && v.Type.Kind != types.Array {
		if v.Type.Kind == types.String && v.Type.Unit == "" {
			dst = append(dst, v.Bytes...)
		} else {
			dst = c.print(dst, v)
		}
		return marked(dst, v)
	}
	separator := p.Join
	if p.Verb != tree.JoinVerb {
		separator = " "
	}
	for i := range v.List() {
		if i > 0 {
			dst = append(dst, separator...)
		}
		dst = appendOwn(c, dst, &v.List()[i], p)
	}
	if v.Truncated && len(v.List()) > 0 {
		dst = append(dst, separator...)
	}
	return marked(dst, v)
}

func marked(dst []byte, v *value.Value) []byte {
	if v.Truncated {
		dst = append(dst, value.Cut...)
	}
	return dst
}

// appendVerb appends v in the verb's form. Numeric verbs see the number, %s,
// %q and %v the value's own text. Bytes and strings are text to each of them.
func appendVerb(c *columns, dst []byte, v *value.Value, p *tree.Part) []byte {
	switch p.Verb[len(p.Verb)-1] {
	case 's', 'q', 'v':
		start := len(dst)
		own := appendOwn(c, dst, v, p)
		text := slices.Clone(own[start:])
		return fmt.Appendf(own[:start], p.Verb, text)
	}
	if !v.Type.IsScalar() {
		return marked(fmt.Appendf(dst, p.Verb, v.Bytes), v)
	}
	if v.Type.Kind == types.Bool {
		if p.Verb[len(p.Verb)-1] == 't' {
			return fmt.Appendf(dst, p.Verb, v.Int != 0)
		}
		return fmt.Appendf(dst, p.Verb, v.Int)
	}
	n := v.Int
	if v.Type.BigEndian {
		n = swapped(n, v.Type.Size)
	}
	if v.Type.Signed {
		return fmt.Appendf(dst, p.Verb, int64(n))
	}
	return fmt.Appendf(dst, p.Verb, n)
}

// swapped is the host-order value of the low size bytes of n.
func swapped(n uint64, size int) uint64 {
	return bits.ReverseBytes64(n) >> (64 - 8*uint(size))
}
