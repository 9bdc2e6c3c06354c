// Package render writes finished values for people and programs: streamed rows,
// tables, histograms and the summary of a run, as aligned text, as JSON lines
// or as folded stacks; one file a form.
//
// In: value.Event, value.Table, value.Summary. Out: bytes on an io.Writer. It
// must not know HCL, BPF or the kernel; names and symbols come through
// unit.Env, and sorting and derived columns are done before
// (interpreter/report).
//
// # Text from traced processes
//
// What came from a traced process is escaped in every form, so that it can
// neither drive the terminal nor break a line. In text, a byte that is not
// UTF-8 prints as \xff, a control character as \n, \t, \r or \x1b, and any
// other character that has no glyph (bidirectional controls, zero width
// characters, C1 controls) as \u202e.
//
// In JSON, characters without a glyph are JSON's own escapes, so that a decoder
// restores them. Bytes that are not UTF-8, which JSON cannot hold, are the four
// characters \xff inside the string (written "\\xff"). To keep that reversible,
// backslashes that stand before such a byte, or before text that looks like its
// escape (x, then 8 to f, then a hexadecimal digit), are doubled; all other
// backslashes are single. So a decoded string is turned back into bytes by
// reading, at each run of k backslashes followed by x80 … xff: k/2 backslashes,
// then a byte if k is odd, else the text.
//
// A string that was cut ends in … in both forms.
package render

import (
	"io"
	"time"

	"tracer/interpreter/unit"
	"tracer/interpreter/value"
)

// Format is an output form.
type Format uint8

// The forms.
const (
	Text   Format = iota // aligned, for people
	JSON                 // one object a line
	Folded               // tables as one line a stack, for flame graphs
)

// Clock says which time leads a row of text. JSON always has wall-clock time.
type Clock uint8

// The clocks.
const (
	Wall    Clock = iota // time of day, to the microsecond
	Elapsed              // seconds since Options.Start
	NoTime
)

// Stream is one probe that streams rows.
type Stream struct {
	Probe   string
	Columns []value.Column
}

// Options say what to write, and where.
type Options struct {
	Out    io.Writer
	Err    io.Writer // the summary in text; nil: Out
	Format Format
	Time   Clock
	Width  int // of the terminal, in character cells; 0: 80
	// WidthNow is asked before each table in text, as terminals are resized: the
	// width now, 0 if it is not known; nil: it stays.
	WidthNow func() int
	Color    bool
	// Env prints names, symbols and wall times; nil prints numbers. Its
	// Location is also that of the rows' times.
	Env *unit.Env
	// Start is the CLOCK_MONOTONIC time that Elapsed counts from, in ns.
	Start uint64
	// WallOffset is what to add to CLOCK_MONOTONIC for Unix time, in ns.
	WallOffset int64
	// Streams are the probes that will stream, as far as they are known: they
	// decide whether rows share one table or are led by their probe.
	Streams []Stream
}

// flushAt is how many buffered bytes cause a write.
const flushAt = 32 << 10

// Renderer writes one run. It is not safe for concurrent use. Output is
// buffered until Flush or until the buffer is full; an error of the writer
// (such as EPIPE) is returned by the call that met it and by every later one.
type Renderer struct {
	opt   Options
	env   *unit.Env
	buf   []byte
	err   error
	clock clock

	streams streams
	cells   cells
	scratch []byte
	// last is the aggregate whose header stands above, "" if rows of another
	// kind came after it.
	last    string
	printed bool // anything at all: the next table is set apart by an empty line
}

// New makes a renderer.
func New(opt Options) *Renderer {
	if opt.Width <= 0 {
		opt.Width = 80
	}
	if opt.Err == nil {
		opt.Err = opt.Out
	}
	env := opt.Env
	if env == nil {
		env = &unit.Env{}
	}
	location := env.Location
	if location == nil {
		location = time.UTC
	}
	r := &Renderer{opt: opt, env: env, buf: make([]byte, 0, flushAt+4<<10)}
	r.clock = clock{offset: opt.WallOffset, start: opt.Start, location: location}
	r.streams = newStreams(opt)
	return r
}

// Event writes one streamed row. In Folded form rows are not written.
func (r *Renderer) Event(e *value.Event) error {
	if r.err != nil {
		return r.err
	}
	switch r.opt.Format {
	case Text:
		r.textEvent(e)
	case JSON:
		r.buf = r.jsonEvent(r.buf, e)
	case Folded:
	}
	return r.flushIfFull()
}

// Table writes one table. In Folded form a table without a stack among its by
// columns is not written.
func (r *Renderer) Table(t *value.Table) error {
	if r.err != nil {
		return r.err
	}
	switch r.opt.Format {
	case Text:
		r.resize()
		r.textTable(t)
	case JSON:
		r.buf = r.jsonTable(r.buf, t)
	case Folded:
		r.foldedTable(t)
	}
	return r.flushIfFull()
}

// resize takes the width that the terminal has now.
func (r *Renderer) resize() {
	if r.opt.WidthNow == nil {
		return
	}
	if width := r.opt.WidthNow(); width > 0 && width != r.opt.Width {
		r.opt.Width = width
		r.last = "" // rows below may be laid out differently: they have a header of their own
	}
}

// Summary writes the counters of the run: to Options.Out in JSON, else to
// Options.Err, after everything before it.
func (r *Renderer) Summary(s *value.Summary) error {
	if r.err != nil {
		return r.err
	}
	if r.opt.Format == JSON {
		r.buf = r.jsonSummary(r.buf, s)
		return r.Flush()
	}
	if err := r.Flush(); err != nil {
		return err
	}
	r.textSummary(s)
	return r.writeTo(r.opt.Err)
}

// Flush writes what is buffered.
func (r *Renderer) Flush() error { return r.writeTo(r.opt.Out) }

func (r *Renderer) flushIfFull() error {
	if len(r.buf) < flushAt {
		return nil
	}
	return r.Flush()
}

func (r *Renderer) writeTo(w io.Writer) error {
	if r.err == nil && len(r.buf) > 0 {
		_, r.err = w.Write(r.buf)
	}
	r.buf = r.buf[:0]
	return r.err
}
