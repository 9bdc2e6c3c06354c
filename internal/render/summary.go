package render

import (
	"strconv"

	"tracer/interpreter/value"
)

// counter is one counter of the summary: its name in JSON, and what it counts
// in words, for one and for many.
type counter struct {
	name      string
	one, many string
	of        func(*value.Counters) *uint64
}

// counters is every counter, in the order of output.
var counters = []counter{
	{"events", "event", "events", func(c *value.Counters) *uint64 { return &c.Events }},
	{"skipped", "skipped", "skipped", func(c *value.Counters) *uint64 { return &c.Skipped }},
	{"lost", "row lost (ring buffer full)", "rows lost (ring buffer full)", func(c *value.Counters) *uint64 { return &c.Lost }},
	{"failed_reads", "failed read", "failed reads", func(c *value.Counters) *uint64 { return &c.FailedReads }},
	{"rejected_keys", "event in (other) (table full)", "events in (other) (table full)", func(c *value.Counters) *uint64 { return &c.RejectedKeys }},
	{"missed", "missed by the kernel", "missed by the kernel", func(c *value.Counters) *uint64 { return &c.Missed }},
	{"evicted", "saved entry evicted", "saved entries evicted", func(c *value.Counters) *uint64 { return &c.Evicted }},
	{"unmatched", "without its entry", "without their entry", func(c *value.Counters) *uint64 { return &c.Unmatched }},
	{"truncated", "string cut", "strings cut", func(c *value.Counters) *uint64 { return &c.Truncated }},
}

// textSummary appends one line a probe: its events, then every counter that is
// not zero, in words.
func (r *Renderer) textSummary(s *value.Summary) {
	if len(s.Probes) == 0 {
		return
	}
	silent := true
	nameWidth, countWidth := 0, 0
	for i := range s.Probes {
		_, width := appendEscaped(r.scratch[:0], []byte(s.Probes[i].Probe))
		nameWidth = max(nameWidth, width)
		countWidth = max(countWidth, len(strconv.FormatUint(s.Probes[i].Events, 10)))
		silent = silent && s.Probes[i].Counters == value.Counters{}
	}
	if r.printed {
		r.buf = append(r.buf, '\n')
	}
	if silent {
		r.buf = append(r.buf, "no events: "...)
		r.buf = append(r.buf, [...]string{"the probe", "none of the probes"}[min(1, len(s.Probes)-1)]...)
		r.buf = append(r.buf, [...]string{" never fired\n", " fired\n"}[min(1, len(s.Probes)-1)]...)
		return
	}
	for i := range s.Probes {
		r.summaryLine(&s.Probes[i], nameWidth, countWidth)
	}
}

func (r *Renderer) summaryLine(p *value.ProbeCounters, nameWidth, countWidth int) {
	var width int
	r.buf, width = appendEscaped(r.buf, []byte(p.Probe))
	r.buf = appendSpaces(r.buf, nameWidth-width+2)
	for i, c := range counters {
		n := *c.of(&p.Counters)
		if n == 0 && i > 0 {
			continue
		}
		digits := strconv.FormatUint(n, 10)
		if i == 0 {
			r.buf = appendSpaces(r.buf, countWidth-len(digits))
		} else {
			r.buf = append(r.buf, ", "...)
		}
		r.buf = append(append(r.buf, digits...), ' ')
		if n == 1 {
			r.buf = append(r.buf, c.one...)
		} else {
			r.buf = append(r.buf, c.many...)
		}
	}
	r.buf = append(r.buf, '\n')
}
