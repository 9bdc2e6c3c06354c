package render

import (
	"bytes"

	"tracer/interpreter/types"
	"tracer/interpreter/unit"
	"tracer/interpreter/value"
)

// foldedTable appends a table as folded stacks, the input of flame graphs: the
// other by columns and the frames, outermost first, joined by semicolons, then
// a space and the first value that is a number (of a histogram its count).
func (r *Renderer) foldedTable(t *value.Table) {
	hasStack := false
	for _, c := range t.By {
		hasStack = hasStack || c.Type.Kind == types.Stack
	}
	if !hasStack {
		return
	}
	for i := range t.Rows {
		start := len(r.buf)
		for j := range t.Rows[i].By {
			r.foldedKey(&t.Rows[i].By[j])
		}
		r.foldedCount(start, t.Rows[i].Values)
	}
	if t.Other != nil {
		start := len(r.buf)
		r.buf = append(append(r.buf, otherKey...), ';')
		r.foldedCount(start, t.Other.Values)
	}
}

// foldedKey appends a column of the key, each part followed by a semicolon.
func (r *Renderer) foldedKey(v *value.Value) {
	if v.Type.Kind != types.Stack {
		r.cells.text, _ = r.appendValue(r.cells.text[:0], v)
		r.foldedPart(r.cells.text)
		return
	}
	for i := len(v.Addrs()) - 1; i >= 0; i-- {
		r.scratch = unit.AppendFrame(r.scratch[:0], r.env, v, v.Addrs()[i])
		r.cells.text, _ = appendEscaped(r.cells.text[:0], r.scratch)
		r.foldedPart(r.cells.text)
	}
}

// foldedPart appends one part; a semicolon in it would split it.
func (r *Renderer) foldedPart(text []byte) {
	start := len(r.buf)
	r.buf = append(r.buf, text...)
	for i, c := range r.buf[start:] {
		if c == ';' {
			r.buf[start+i] = ':'
		}
	}
	r.buf = append(r.buf, ';')
}

// foldedCount ends a line with its number, or takes the line back if the row
// has none.
func (r *Renderer) foldedCount(start int, values []value.Value) {
	for i := range values {
		v := &values[i]
		switch {
		case v.Null:
		case v.Hist() != nil:
			r.endFolded(appendCount(nil, v.Hist().Count))
			return
		case v.IsFloat:
			r.endFolded(appendJSONFloat(nil, v.Float, true))
			return
		case v.Type.IsNumber():
			r.endFolded(bytes.Trim(appendJSONInteger(nil, unit.Integer(v), v.Type.Signed), `"`))
			return
		}
	}
	r.buf = r.buf[:start]
}

func (r *Renderer) endFolded(number []byte) {
	if n := len(r.buf); n > 0 && r.buf[n-1] == ';' {
		r.buf = r.buf[:n-1]
	}
	r.buf = append(append(append(r.buf, ' '), number...), '\n')
}
