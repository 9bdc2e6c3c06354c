package render

import (
	"strconv"

	"tracer/interpreter/value"
)

// otherKey stands for the key of the row that holds the events of all keys that
// found the table full.
const otherKey = "(other)"

// textTable appends a table in the form that its rows ask for.
func (r *Renderer) textTable(t *value.Table) {
	r.streams.headed = false
	switch {
	case hasHistogram(t):
		r.title(t)
		r.histograms(t)
		if t.LeftOut > 0 {
			r.buf = append(r.buf, '\n')
		}
	case len(t.By) == 0 && len(t.Rows) == 1:
		r.singleRow(t)
		return
	default:
		r.title(t)
		r.grid(t)
	}
	r.last = ""
	r.leftOut(t.LeftOut)
}

func hasHistogram(t *value.Table) bool {
	row := t.Other
	if len(t.Rows) > 0 {
		row = &t.Rows[0]
	}
	if row == nil {
		return false
	}
	for i := range row.Values {
		if row.Values[i].Hist() != nil {
			return true
		}
	}
	return false
}

// title appends the name of the aggregate and the time, set apart from what
// stands above. A table without rows is only that.
func (r *Renderer) title(t *value.Table) {
	r.setApart()
	r.heading(t.Aggregate)
	if r.opt.Time != NoTime {
		r.buf = append(r.buf, "  "...)
		r.style(dim)
		if r.opt.Time == Elapsed {
			r.buf = append(r.clock.appendElapsed(r.buf, t.Time), 's')
		} else {
			r.buf = r.clock.appendWallSecond(r.buf, t.Time)
		}
		r.style(normal)
	}
	if len(t.Rows) == 0 && t.Other == nil {
		r.buf = append(r.buf, "  no rows"...)
	}
	r.buf = append(r.buf, '\n')
}

func (r *Renderer) heading(name string) {
	r.style(bold)
	r.buf, _ = appendEscaped(r.buf, []byte(name))
	r.style(normal)
}

// leftOut says how many rows top left out.
func (r *Renderer) leftOut(n int) {
	if n <= 0 {
		return
	}
	r.style(dim)
	r.buf = strconv.AppendInt(append(r.buf, "… "...), int64(n), 10)
	r.buf = append(r.buf, [...]string{" more row", " more rows"}[min(n-1, 1)]...)
	r.style(normal)
	r.buf = append(r.buf, '\n')
}

// singleRow appends a table without a key: one line an interval, under a header
// that is written again when something else came between.
func (r *Renderer) singleRow(t *value.Table) {
	l := newLayout(t.Values)
	l.widen(t.Values)
	l.spread(r.opt)
	if r.last != t.Aggregate {
		r.setApart()
		r.heading(t.Aggregate)
		r.buf = append(r.buf, '\n')
		r.timedHeader(l)
	}
	r.last = t.Aggregate
	at := 0
	if r.opt.Time != NoTime {
		at = r.rowTime(t.Time)
	}
	r.row(l, t.Rows[0].Values, at)
}

// grid appends a header and one line a row, the (other) row last. Texts are made
// twice, first for their widths: those of a million rows would fill the memory.
func (r *Renderer) grid(t *value.Table) {
	if len(t.Rows) == 0 && t.Other == nil {
		return
	}
	l := newLayout(append(append([]value.Column(nil), t.By...), t.Values...))
	var values []value.Value
	for i := range t.Rows {
		values = append(append(values[:0], t.Rows[i].By...), t.Rows[i].Values...)
		r.cells.reset()
		r.addRow(l, values)
		l.stretch(r.cells.list)
	}
	if t.Other != nil {
		r.addOther(t)
		l.stretch(r.cells.list)
	}
	l.narrow(0, r.opt.Width)
	r.header(l.columns)
	for i := range t.Rows {
		values = append(append(values[:0], t.Rows[i].By...), t.Rows[i].Values...)
		r.row(l, values, 0)
		if r.flushIfFull() != nil {
			return // the error is kept
		}
	}
	if t.Other != nil {
		r.otherLine(l, t)
	}
}

// addOther collects the texts of the (other) row.
func (r *Renderer) addOther(t *value.Table) {
	r.cells.reset()
	for i := range t.By {
		if i == 0 {
			r.cells.add(otherKey)
		} else {
			r.cells.add("")
		}
	}
	for i := range t.Values {
		if i < len(t.Other.Values) {
			r.addValue(&t.Other.Values[i])
		} else {
			r.cells.add("")
		}
	}
}

func (r *Renderer) otherLine(l *layout, t *value.Table) {
	r.addOther(t)
	r.style(dim)
	r.line(l, nil, 0)
	r.buf = r.buf[:len(r.buf)-1]
	r.style(normal)
	r.buf = append(r.buf, '\n')
}

// minText is the width below which a text column is not narrowed.
const minText = 12

// stretch makes columns at least as wide as a row's texts and their names.
func (l *layout) stretch(texts []cell) {
	for i := range l.columns {
		c := &l.columns[i]
		c.width = max(c.width, texts[i].width, len(c.name))
	}
}

// narrow sets where columns start, after indent cells. As long as the line is
// longer than width it narrows the widest text column: texts that then do not fit
// push what follows them aside in their own row only.
func (l *layout) narrow(indent, width int) {
	for {
		excess := spread(l.columns, indent) - width
		widest := l.widestText()
		if excess <= 0 || widest == nil {
			return
		}
		widest.width = max(widest.width-excess, minText, len(widest.name))
	}
}

// widestText is the widest column that can be narrowed: of text, not the last.
func (l *layout) widestText() *column {
	var widest *column
	for i := range len(l.columns) - 1 {
		c := &l.columns[i]
		if c.right || c.below || c.width <= max(minText, len(c.name)) {
			continue
		}
		if widest == nil || c.width > widest.width {
			widest = c
		}
	}
	return widest
}
