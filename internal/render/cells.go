package render

import (
	"strings"

	"tracer/interpreter/types"
	"tracer/interpreter/unit"
	"tracer/interpreter/value"
)

// gap is the distance between columns.
const gap = 2

// column is one column of a table or stream as it is laid out.
type column struct {
	name  string
	right bool
	width int // character cells
	start int // distance from the left edge
	// below marks columns whose values stand under the row.
	below bool
}

// cell is a finished text in cells.text.
type cell struct{ start, end, width int }

// cells collects the finished texts of a row.
type cells struct {
	text []byte
	list []cell
}

func (c *cells) reset() { c.text, c.list = c.text[:0], c.list[:0] }

func (c *cells) bytes(i int) []byte { return c.text[c.list[i].start:c.list[i].end] }

// add appends a text that is already escaped.
func (c *cells) add(text string) {
	start := len(c.text)
	c.text = append(c.text, text...)
	c.list = append(c.list, cell{start, len(c.text), len(text)})
}

// addValue appends a value's text, escaped.
func (r *Renderer) addValue(v *value.Value) {
	start, width := len(r.cells.text), 0
	r.cells.text, width = r.appendValue(r.cells.text, v)
	r.cells.list = append(r.cells.list, cell{start, len(r.cells.text), width})
}

// appendValue appends a value's text, escaped, and returns its width. A stack's
// frames stand below the row and are not its text.
func (r *Renderer) appendValue(dst []byte, v *value.Value) ([]byte, int) {
	width := 0
	switch {
	case v.Null || v.Type.Kind == types.Stack:
		return dst, 0
	case v.Hist() != nil:
		start := len(dst)
		dst = appendCount(dst, v.Hist().Count)
		return dst, len(dst) - start
	case v.List() != nil:
		return r.appendList(dst, v)
	}
	u := unit.For(*v.Type)
	switch {
	case u.JSON == unit.Number: // digits and a suffix: nothing to escape
		start := len(dst)
		dst = u.Append(dst, r.env, v)
		width = len(dst) - start
	case v.Type.Unit == "" && isContent(*v.Type):
		dst, width = appendEscaped(dst, v.Bytes)
	default:
		r.scratch = u.Append(r.scratch[:0], r.env, v)
		dst, width = appendEscaped(dst, r.scratch)
	}
	return mark(dst, width, v.Truncated)
}

func (r *Renderer) appendList(dst []byte, v *value.Value) ([]byte, int) {
	total := 0
	for i := range v.List() {
		if i > 0 {
			dst = append(dst, ' ')
			total++
		}
		var width int
		dst, width = r.appendValue(dst, &v.List()[i])
		total += width
	}
	if v.Truncated && len(v.List()) > 0 {
		dst = append(dst, ' ')
		total++
	}
	return mark(dst, total, v.Truncated)
}

func mark(dst []byte, width int, truncated bool) ([]byte, int) {
	if !truncated {
		return dst, width
	}
	return append(dst, value.Cut...), width + 1
}

// place appends one cell at its column. at is where the line has come to; a
// value that is too long moves only what it must.
func place(dst []byte, at int, col *column, text []byte, width int) (line []byte, end int) {
	if width == 0 {
		return dst, at
	}
	start := col.start
	if col.right {
		start += col.width - width
	}
	if at > 0 {
		start = max(start, at+1)
	}
	start = max(start, at)
	dst = appendSpaces(dst, start-at)
	return append(dst, text...), start + width
}

// spread sets where columns start, after indent cells, and returns the width of
// the whole line.
func spread(columns []column, indent int) int {
	at := indent
	for i := range columns {
		if columns[i].below {
			continue
		}
		columns[i].start = at
		at += columns[i].width + gap
	}
	return at - gap
}

// header appends the names of the columns as a line of its own.
func (r *Renderer) header(columns []column) {
	r.style(bold)
	at := 0
	for i := range columns {
		if columns[i].below {
			continue
		}
		var width int
		r.scratch, width = appendEscaped(r.scratch[:0], []byte(strings.ToUpper(columns[i].name)))
		r.buf, at = place(r.buf, at, &columns[i], r.scratch, width)
	}
	r.style(normal)
	r.buf = append(r.buf, '\n')
}

// The styles, as SGR control sequences (ECMA-48 section 8.3.117).
const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	normal = "\x1b[0m"
)

func (r *Renderer) style(sequence string) {
	if r.opt.Color {
		r.buf = append(r.buf, sequence...)
	}
}

const spaces = "                                                                "

func appendSpaces(dst []byte, n int) []byte {
	for n > len(spaces) {
		dst = append(dst, spaces...)
		n -= len(spaces)
	}
	if n > 0 {
		dst = append(dst, spaces[:n]...)
	}
	return dst
}

// frames appends a stack, one frame a line, innermost first.
func (r *Renderer) frames(v *value.Value, indent int) {
	for _, addr := range v.Addrs() {
		r.buf = appendSpaces(r.buf, indent)
		r.scratch = unit.AppendFrame(r.scratch[:0], r.env, v, addr)
		r.buf, _ = appendEscaped(r.buf, r.scratch)
		r.buf = append(r.buf, '\n')
	}
	if v.Truncated {
		r.buf = append(append(appendSpaces(r.buf, indent), value.Cut...), '\n')
	}
}

// isRight says that a column is aligned right.
func isRight(t types.Type) bool { return unit.For(t).Right }

// plausible is how wide a column of a type is before its values are known.
func plausible(name string, t types.Type) int {
	u := unit.For(t)
	width := u.Width
	switch {
	case t.Unit == "" && t.Kind == types.Int:
		width = [...]int{10, 4, 6, 7, 7, 10, 10, 10, 10}[min(max(t.Size, 0), 8)]
	case t.Unit == "" && t.Kind == types.String:
		width = min(max(t.Size, 1), 24)
	case t.Unit == "lookup" && t.Table != nil:
		width = 7
		for _, row := range t.Table.Names {
			width = max(width, len(row.Name))
		}
		width = min(width, 24)
	}
	return max(width, len(name))
}
