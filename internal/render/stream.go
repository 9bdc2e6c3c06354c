package render

import (
	"slices"

	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

// streams lays out streamed rows. Streams whose columns have the same names
// share one table under one header; otherwise each row is led by its probe and
// its values by their names.
type streams struct {
	mixed      bool
	probeWidth int
	layouts    map[string]*layout
	shared     *layout
	// lastProbe and lastLayout save the look-up for runs of one probe.
	lastProbe  string
	lastLayout *layout
	headed     bool
}

// layout is how the rows of one probe, or of all, are laid out.
type layout struct {
	columns []column
	names   []string
	named   bool // the name of its column leads each value
	stacks  int  // columns whose values are stacks
}

// newLayout lays out columns; their widths and places are still to be set.
func newLayout(columns []value.Column) *layout {
	l := &layout{columns: make([]column, len(columns)), names: make([]string, len(columns))}
	for i, c := range columns {
		l.names[i] = c.Name
		name, _ := appendEscaped(nil, []byte(c.Name))
		l.columns[i] = column{name: string(name), right: isRight(c.Type), below: c.Type.Kind == types.Stack}
		if l.columns[i].below {
			l.stacks++
		}
	}
	return l
}

func newStreams(opt Options) streams {
	s := streams{layouts: make(map[string]*layout)}
	for _, stream := range opt.Streams {
		s.probeWidth = max(s.probeWidth, len(stream.Probe))
		s.mixed = s.mixed || !sameNames(opt.Streams[0].Columns, stream.Columns)
	}
	for _, stream := range opt.Streams {
		s.add(opt, stream.Probe, stream.Columns)
	}
	return s
}

func sameNames(a, b []value.Column) bool {
	return slices.EqualFunc(a, b, func(a, b value.Column) bool { return a.Name == b.Name })
}

// layoutOf is the layout of an event's probe. A probe that was not announced
// and has other columns makes the streams mixed from then on.
func (s *streams) layoutOf(opt Options, e *value.Event) *layout {
	if s.lastLayout != nil && s.lastProbe == e.Probe {
		return s.lastLayout
	}
	found := s.layouts[e.Probe]
	if found == nil {
		s.probeWidth = max(s.probeWidth, len(e.Probe))
		if !s.mixed && s.shared != nil && !sameColumns(s.shared.names, e.Columns) {
			s.mixed = true
			clear(s.layouts)
		}
		found = s.add(opt, e.Probe, e.Columns)
	}
	s.lastProbe, s.lastLayout = e.Probe, found
	return found
}

func sameColumns(names []string, columns []value.Column) bool {
	return slices.EqualFunc(names, columns, func(name string, c value.Column) bool { return name == c.Name })
}

// add lays out a probe's columns, in the shared table if there is one.
func (s *streams) add(opt Options, probe string, columns []value.Column) *layout {
	if !s.mixed && s.shared != nil {
		s.shared.widen(columns)
		s.shared.spread(opt)
		s.layouts[probe] = s.shared
		return s.shared
	}
	l := newLayout(columns)
	l.widen(columns)
	if s.mixed {
		l.named = true
		for i := range l.columns {
			l.columns[i].right = false
			l.columns[i].width += len(l.columns[i].name) + 1
		}
		spread(l.columns, timeWidth(opt.Time)+s.probeWidth+gap)
	} else {
		l.spread(opt)
		s.shared = l
	}
	s.layouts[probe] = l
	return l
}

func (l *layout) widen(columns []value.Column) {
	for i, c := range columns {
		l.columns[i].width = max(l.columns[i].width, plausible(c.Name, c.Type))
	}
}

func (l *layout) spread(opt Options) { l.narrow(timeWidth(opt.Time), opt.Width) }

// timeWidth is the width of the time column and the gap after it.
func timeWidth(c Clock) int {
	switch c {
	case Wall:
		return wallWidth + gap
	case Elapsed:
		return elapsedWidth + gap
	}
	return 0
}

// textEvent appends one row, and the header before the first.
func (r *Renderer) textEvent(e *value.Event) {
	s := &r.streams
	l := s.layoutOf(r.opt, e)
	if !s.headed {
		r.setApart()
		if !s.mixed {
			r.timedHeader(l)
		}
	}
	s.headed, r.last = true, ""
	at := 0
	if r.opt.Time != NoTime {
		at = r.rowTime(e.Time)
	}
	if s.mixed {
		at = r.rowProbe(e.Probe, at)
	}
	r.row(l, e.Values, at)
}

// setApart appends an empty line after what was written before.
func (r *Renderer) setApart() {
	if r.printed {
		r.buf = append(r.buf, '\n')
	}
	r.printed = true
}

// timedHeader appends a header that starts with the time.
func (r *Renderer) timedHeader(l *layout) {
	columns := l.columns
	if r.opt.Time != NoTime {
		time := column{name: "time", width: timeWidth(r.opt.Time) - gap}
		columns = append([]column{time}, columns...)
	}
	r.header(columns)
}

// rowTime appends the time of a row.
func (r *Renderer) rowTime(monotonic uint64) (at int) {
	if r.opt.Time == Elapsed {
		r.scratch = r.clock.appendElapsed(r.scratch[:0], monotonic)
	} else {
		r.scratch = r.clock.appendWall(r.scratch[:0], monotonic)
	}
	r.style(dim)
	time := column{right: true, width: timeWidth(r.opt.Time) - gap}
	r.buf, at = place(r.buf, 0, &time, r.scratch, len(r.scratch))
	r.style(normal)
	return at
}

// rowProbe appends the probe that leads a row of mixed streams.
func (r *Renderer) rowProbe(probe string, at int) int {
	r.cells.reset()
	var width int
	r.cells.text, width = appendEscaped(r.cells.text, []byte(probe))
	lead := column{start: timeWidth(r.opt.Time), width: r.streams.probeWidth}
	r.buf, at = place(r.buf, at, &lead, r.cells.text, width)
	return at
}

// row appends the values of a row and ends the line.
func (r *Renderer) row(l *layout, values []value.Value, at int) {
	r.cells.reset()
	r.addRow(l, values)
	r.line(l, values, at)
}

// addRow collects the texts of a row. Missing values are empty.
func (r *Renderer) addRow(l *layout, values []value.Value) {
	for i := range l.columns {
		if i < len(values) {
			r.addValue(&values[i])
		} else {
			r.cells.add("")
		}
	}
}

// line appends the row whose texts were collected. Stacks, and texts that would
// push others off the line, follow below it.
func (r *Renderer) line(l *layout, values []value.Value, at int) {
	below := l.stacks > 0
	for i := range l.columns {
		c := &l.columns[i]
		if c.below {
			continue
		}
		if r.tooLong(l, i) {
			below = true
			r.buf, at = r.named(l, c, []byte(belowMark), len(belowMark), at)
			continue
		}
		r.buf, at = r.named(l, c, r.cells.bytes(i), r.cells.list[i].width, at)
	}
	r.buf = append(r.buf, '\n')
	if below {
		r.rowBelow(l, values)
	}
}

// belowMark stands in a row for a text that follows below it.
const belowMark = "(below)"

// tooLong says that a text is followed by others on its line and would leave
// them less than a quarter of it.
func (r *Renderer) tooLong(l *layout, i int) bool {
	return r.cells.list[i].width > max(r.opt.Width*3/4, l.columns[i].width) && i+1 < len(l.columns)
}

// named places a cell; in mixed streams its column's name leads it.
func (r *Renderer) named(l *layout, c *column, text []byte, width, at int) (line []byte, end int) {
	if !l.named || width == 0 {
		return place(r.buf, at, c, text, width)
	}
	r.scratch = append(append(append(r.scratch[:0], c.name...), '='), text...)
	return place(r.buf, at, c, r.scratch, width+len(c.name)+1)
}

// belowIndent is how far what stands below a row is indented.
const belowIndent = 4

// rowBelow appends what stands below a row. A stack that is the only thing
// there needs no name.
func (r *Renderer) rowBelow(l *layout, values []value.Value) {
	things := l.stacks
	for i := range l.columns {
		if !l.columns[i].below && r.tooLong(l, i) {
			things++
			r.buf = appendSpaces(r.buf, belowIndent)
			r.buf = append(append(r.buf, l.columns[i].name...), ": "...)
			r.buf = append(append(r.buf, r.cells.bytes(i)...), '\n')
		}
	}
	for i := range min(len(l.columns), len(values)) {
		if !l.columns[i].below || values[i].Null {
			continue
		}
		indent := belowIndent
		if things > 1 {
			r.buf = appendSpaces(r.buf, belowIndent)
			r.buf = append(append(r.buf, l.columns[i].name...), ":\n"...)
			indent += gap
		}
		r.frames(&values[i], indent)
	}
}
