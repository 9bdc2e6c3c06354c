// Package stream reads back what programs wrote: ring buffer records become
// value.Event, snapshots of table maps become value.Table.
//
// In: bytes, and the layouts that bpfgen/layout made for them. Out: typed
// values, as package value has them. It must not know how programs are loaded
// or attached, how values print, or HCL; it writes nothing to the kernel.
// Bytes that do not fit their layout are an error, never a panic.
package stream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"tracer/bpfgen/layout"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

// ErrShort says that a record, key or value is shorter than its layout.
var ErrShort = errors.New("fewer bytes than its layout needs")

// Print appends a value as it prints itself (package unit's text form). It is
// what a Text column shows for a part without a verb.
type Print func(dst []byte, v *value.Value) []byte

// fieldDecoder reads one field.
type fieldDecoder func(c *columns, f *layout.Field, data []byte, out *value.Value) error

// columns decodes the fields of one record or key into the values of its
// columns. Its scratch memory is reused from row to row where reuse is set.
type columns struct {
	what   string
	fields []layout.Field
	decode []fieldDecoder // by field
	column []columnPlan
	header []value.Column
	tail   []byte // what of the variable part is not yet read
	print  Print
	null   uint64 // null bitmap of the row
	cut    uint64 // fields so far that were longer than their column

	reuse bool
	text  []byte // Text columns put together
	lists []value.Value
	parts []value.Value // by field, of Text columns
	pid   int           // field that holds the process id, -1: none
}

// columnPlan is how one column comes about: one field, or the parts of a text.
type columnPlan struct {
	field int // -1: a Text
	parts []partPlan
	null  int // a Text's own bit in the null bitmap, -1: never null
}

// partPlan is one part of a Text: literal text, then perhaps a field.
type partPlan struct {
	tree.Part
	field  int         // -1: none
	fixed  value.Value // the constant where field is -1 and Part.Expr is not nil
	format func(c *columns, dst []byte, v *value.Value, p *tree.Part) []byte
}

// columnSpec is a column as a layout's owner declares it.
type columnSpec struct {
	name  string
	typ   types.Type
	parts []tree.Part

	nullable bool
}

// newColumns prepares the decoding of a row. Errors are broken layouts: a kind
// that cannot stand in one, a column without fields.
func newColumns(what string, specs []columnSpec, fields []layout.Field, print Print, reuse bool) (*columns, error) {
	c := &columns{
		what: what, fields: fields, print: print, reuse: reuse, pid: -1,
		decode: make([]fieldDecoder, len(fields)),
		column: make([]columnPlan, len(specs)),
		header: make([]value.Column, len(specs)),
		parts:  make([]value.Value, len(fields)),
	}
	for i := range fields {
		d, err := decoderOf(&fields[i])
		if err != nil {
			return nil, fmt.Errorf("%s: field %d: %w", what, i, err)
		}
		c.decode[i] = d
		if e := fields[i].Expr; e != nil && fields[i].Part < 0 && e.Op == tree.Builtin && e.Name == "pid" {
			c.pid = i
		}
	}
	nulls := 0
	for i, s := range specs {
		c.header[i] = value.Column{Name: s.name, Type: s.typ}
		p, err := c.planColumn(i, s)
		if err != nil {
			return nil, fmt.Errorf("%s: column %q: %w", what, s.name, err)
		}
		if p.null = -1; s.nullable {
			p.null = nulls
		}
		nulls += s.nullBits()
		c.column[i] = p
	}
	return c, nil
}

// nullBits is how many bits of the null bitmap belong to a column: one of its
// own, if it is nullable, then one for each nullable part, as bpfgen/layout
// gives them out.
func (s *columnSpec) nullBits() int {
	n := 0
	if s.nullable {
		n++
	}
	if s.typ.Kind == types.Text {
		for _, p := range s.parts {
			if p.Expr != nil && p.Expr.Nullable {
				n++
			}
		}
	}
	return n
}

// planColumn finds the fields of column i.
func (c *columns) planColumn(i int, s columnSpec) (columnPlan, error) {
	if s.typ.Kind != types.Text {
		for j := range c.fields {
			if c.fields[j].Column == i && c.fields[j].Part < 0 {
				return columnPlan{field: j}, nil
			}
		}
		if s.typ.Kind == types.Null {
			return columnPlan{field: -1}, nil
		}
		return columnPlan{}, errors.New("no field holds it")
	}
	p := columnPlan{field: -1, parts: make([]partPlan, len(s.parts))}
	for k := range s.parts {
		part := partPlan{Part: s.parts[k], field: -1}
		for j := range c.fields {
			if c.fields[j].Column == i && c.fields[j].Part == k {
				part.field = j
			}
		}
		if part.Expr != nil && part.field < 0 {
			if !part.Expr.IsConst() {
				return p, fmt.Errorf("no field holds part %d", k)
			}
			part.fixed = constant(part.Expr)
		}
		part.format = formatterOf(part.Verb)
		p.parts[k] = part
	}
	return p, nil
}

// constant is the value of a constant part.
func constant(e *tree.Expr) value.Value {
	v := value.Value{Type: &e.Type, Int: e.Int, Null: e.Type.Kind == types.Null}
	if e.Str != "" {
		v.Bytes = []byte(e.Str)
	}
	return v
}

// row decodes data, whose fixed part ends at fixed, into out, one value a
// column.
func (c *columns) row(data []byte, fixed int, null uint64, out []value.Value) error {
	if len(data) < fixed {
		return fmt.Errorf("%s: %d of %d bytes: %w", c.what, len(data), fixed, ErrShort)
	}
	c.tail, c.null = data[fixed:], null
	if c.reuse {
		c.text, c.lists = c.text[:0], c.lists[:0]
	} else {
		c.text, c.lists = nil, nil
	}
	for i := range c.fields {
		f := &c.fields[i]
		dst := c.value(i, out)
		*dst = value.Value{Type: &f.Type}
		if err := c.decode[i](c, f, data[:fixed], dst); err != nil {
			return fmt.Errorf("%s: field %d: %w", c.what, i, err)
		}
		if dst.Truncated || slices.ContainsFunc(dst.List(), isTruncated) {
			c.cut++
		}
		if f.Null >= 0 && null>>uint(f.Null)&1 != 0 {
			*dst = value.Value{Type: &f.Type, Null: true}
		}
	}
	if c.pid >= 0 {
		c.tellPID(out)
	}
	for i := range c.column {
		c.finish(i, &out[i])
	}
	return nil
}

func isTruncated(v value.Value) bool { return v.Truncated }

// finish puts Text columns together and gives null columns their type.
func (c *columns) finish(i int, out *value.Value) {
	p := &c.column[i]
	if p.field >= 0 {
		out.Type = &c.header[i].Type
		return
	}
	*out = value.Value{Type: &c.header[i].Type}
	if p.parts == nil {
		out.Null = out.Type.Kind == types.Null
		return
	}
	if p.null >= 0 && c.null>>uint(p.null)&1 != 0 {
		out.Null = true
		return
	}
	start := len(c.text)
	for k := range p.parts {
		part := &p.parts[k]
		c.text = append(c.text, part.Lit...)
		v := &part.fixed
		switch {
		case part.field >= 0:
			v = &c.parts[part.field]
		case part.Expr == nil:
			continue
		}
		if !v.Null {
			c.text = part.format(c, c.text, v, &part.Part)
		}
	}
	out.Bytes = c.text[start:len(c.text):len(c.text)]
}

// value is where field i goes: into its column, or into a part of one.
func (c *columns) value(i int, out []value.Value) *value.Value {
	if f := &c.fields[i]; f.Part < 0 && f.Column < len(out) {
		return &out[f.Column]
	}
	return &c.parts[i]
}

// tellPID tells user addresses whose they are.
func (c *columns) tellPID(out []value.Value) {
	pid := uint32(c.value(c.pid, out).Int)
	for i := range c.fields {
		if t := &c.fields[i].Type; t.Space == types.User || t.Kind == types.Stack || t.Unit == "usym" {
			c.value(i, out).PID = pid
		}
	}
}

// le64 reads n (1, 2, 4 or 8) bytes, extended by signed.
func le64(b []byte, n int, signed bool) uint64 {
	switch n {
	case 1:
		if signed {
			return uint64(int8(b[0]))
		}
		return uint64(b[0])
	case 2:
		v := binary.LittleEndian.Uint16(b)
		if signed {
			return uint64(int16(v))
		}
		return uint64(v)
	case 4:
		v := binary.LittleEndian.Uint32(b)
		if signed {
			return uint64(int32(v))
		}
		return uint64(v)
	}
	return binary.LittleEndian.Uint64(b)
}
