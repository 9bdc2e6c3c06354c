package cli

import (
	"context"
	"fmt"
	"time"

	"tracer/internal/render"
	"tracer/internal/session"
	"tracer/internal/stream"
	"tracer/internal/symbol"
	"tracer/interpreter/report"
	"tracer/interpreter/value"
)

// run is one run of a spec, from attached to closed. All of it happens in one
// goroutine: rows are read, tables printed at their intervals and the end
// noticed in turns of at most stream.Tick.
type run struct {
	*app
	opts     *applyOptions
	session  *session.Session
	compiled *compiled
	reports  *reports
	renderer *render.Renderer
	decoder  *stream.Decoder
	reader   *stream.Reader // nil: nothing streams
	tables   []*shownTable
	looked   time.Time // when files were last looked at
}

// shownTable is one aggregate, and when it is printed.
type shownTable struct {
	index   int
	decoder *stream.Table
	finish  *report.Report
	every   time.Duration // 0: at the end
	next    time.Time
}

// prepare makes decoders and the renderer.
func (r *run) prepare(offset int64) error {
	env := r.unitEnv(offset)
	decoder, err := stream.NewDecoder(r.compiled.object.Records, printer(env))
	if err != nil {
		return fmt.Errorf("records: %w", err)
	}
	r.decoder = decoder
	for i, t := range r.compiled.object.Tables {
		d, err := stream.NewTable(t.Table, printer(env))
		if err != nil {
			return fmt.Errorf("tables: %w", err)
		}
		r.tables = append(r.tables, &shownTable{index: i, decoder: d, finish: r.reports.tables[i], every: time.Duration(d.Plan().IntervalNS)})
	}
	if ring := r.session.Ring(); ring != nil {
		r.reader = stream.NewReader(ring, decoder, r.env.Now)
	}
	start, err := symbol.Monotonic()
	if err != nil {
		return fmt.Errorf("read the clock: %w", err)
	}
	r.renderer = render.New(render.Options{
		Out: r.streams.Out, Err: r.streams.Err, Format: outputs[r.opts.output], Time: clocks[r.opts.clock],
		Width: r.streams.OutWidth, WidthNow: r.streams.OutWidthNow, Color: r.colored(r.streams.OutWidth), Env: env,
		Start: start, WallOffset: offset, Streams: r.streamed(decoder),
	})
	return nil
}

// streamed are the probes that stream, with the columns that are shown.
func (r *run) streamed(d *stream.Decoder) []render.Stream {
	var out []render.Stream
	for _, e := range d.Streams() {
		s := render.Stream{Probe: e.Probe, Columns: e.Columns}
		if finish := r.reports.events[e.Probe]; finish != nil {
			_, s.Columns = finish.Columns()
		}
		out = append(out, s)
	}
	return out
}

// loop reports until something ends the run, then all that is left.
func (r *run) loop(ctx context.Context) error {
	start := r.env.Now()
	for _, t := range r.tables {
		t.next = start.Add(t.every)
	}
	child, err := r.startCommand()
	if err != nil {
		return err
	}
	// The command is asked to end only after tracing has: its last moments
	// could not be read while waiting for it.
	if err = r.report(ctx, start, child); err == nil {
		err = r.finish()
	}
	child.stop()
	child.tell(r.app)
	return err
}

// report shows what comes until the run ends: nil, or why it cannot go on.
func (r *run) report(ctx context.Context, start time.Time, child *child) error {
	for {
		until, ends := r.turn(start)
		if err := r.wait(ctx, until, child); err != nil {
			return err
		}
		if err := r.intervals(); err != nil {
			return err
		}
		r.look()
		if err := r.renderer.Flush(); err != nil {
			return fmt.Errorf("write output: %w", err)
		}
		if ctx.Err() != nil || child.ended() || (ends && !r.env.Now().Before(until)) {
			return nil
		}
	}
}

// look warns, within a second, of files that were replaced.
func (r *run) look() {
	if now := r.env.Now(); now.Sub(r.looked) >= time.Second {
		r.looked = now
		r.warn(r.session.Replaced())
	}
}

// turn is the end of the next turn, and whether the run ends with it.
func (r *run) turn(start time.Time) (until time.Time, ends bool) {
	until = r.env.Now().Add(stream.Tick)
	for _, t := range r.tables {
		if t.every > 0 && t.next.Before(until) {
			until = t.next
		}
	}
	if r.opts.duration > 0 {
		if end := start.Add(r.opts.duration); !end.After(until) {
			return end, true
		}
	}
	return until, false
}

// wait lasts until then, and shows the events that come meanwhile.
func (r *run) wait(ctx context.Context, until time.Time, child *child) error {
	if r.reader != nil {
		return r.reader.Until(until, r.event)
	}
	timer := time.NewTimer(until.Sub(r.env.Now()))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-child.done:
	}
	return nil
}

// event shows one event.
func (r *run) event(e *value.Event) error {
	if finish := r.reports.events[e.Probe]; finish != nil {
		r.warn(finish.Event(e))
	}
	if err := r.renderer.Event(e); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// intervals prints the tables whose time has come. The next time follows from
// the last one, not from now, so that prints do not drift; those that could not
// be made in time are left out.
func (r *run) intervals() error {
	for _, t := range r.tables {
		now := r.env.Now()
		if t.every == 0 || now.Before(t.next) {
			continue
		}
		if err := r.table(t); err != nil {
			return err
		}
		behind := now.Sub(t.next) / t.every
		t.next = t.next.Add((behind + 1) * t.every)
	}
	return nil
}

// table prints one table.
func (r *run) table(t *shownTable) error {
	snap, err := r.session.Snapshot(t.index)
	if err != nil {
		return err
	}
	table, err := t.decoder.Decode(snap)
	if err != nil {
		return err
	}
	r.warn(t.finish.Finish(table))
	if err := r.renderer.Table(table); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// finish ends tracing and prints what is left: nothing of it can be lost, as no
// program runs any more.
func (r *run) finish() error {
	if err := r.session.Detach(); err != nil {
		return err
	}
	if r.reader != nil {
		if err := r.reader.Rest(r.event); err != nil {
			return err
		}
	}
	for _, t := range r.tables {
		if err := r.table(t); err != nil {
			return err
		}
	}
	summary, err := r.session.Summary()
	if err != nil {
		return err
	}
	for i := range summary.Probes {
		summary.Probes[i].Truncated += r.decoder.Truncated(summary.Probes[i].Probe)
	}
	r.warn(r.session.Replaced())
	if err := r.renderer.Summary(summary); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	if err := r.renderer.Flush(); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}
