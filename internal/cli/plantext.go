package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cilium/ebpf"

	"tracer/interpreter/facts"
	"tracer/spec/diag"
)

// fewTargets is how many targets of a probe are named unless all are asked for.
const fewTargets = 8

// planText writes a plan for people. Errors of the writer stay in it until it
// is flushed.
type planText struct {
	w     io.Writer
	all   bool
	width int
}

// line writes a line. Names of targets and files are what others have chosen.
func (t *planText) line(format string, args ...any) {
	fmt.Fprintln(t.w, diag.Printable(fmt.Sprintf(format, args...)))
}

// row is a line of a block: a label and what it is about, on a terminal wrapped
// beside the label.
func (t *planText) row(label, format string, args ...any) {
	const labels = 12
	lines := []string{diag.Printable(fmt.Sprintf(format, args...))}
	if t.width > 2*labels {
		lines = diag.Wrap(lines[0], t.width-labels)
	}
	for _, l := range lines {
		t.line("  %-9s %s", label, l)
		label = ""
	}
}

func (t *planText) write(v *planView) {
	targets, programs := 0, 0
	for i := range v.Probes {
		t.probe(&v.Probes[i])
		for _, variant := range v.Probes[i].Variants {
			targets += len(variant.Targets)
			programs += len(variant.Programs)
		}
	}
	for i := range v.Tables {
		t.table(&v.Tables[i], v.Kernel.CPUs)
	}
	t.memory(v)
	t.privileges(v)
	if counted, asked := v.Features[string(facts.MissesCounted)]; asked && !counted {
		t.line("Misses: events within other programs are not counted here (since Linux 6.7).")
	}
	if targets == 0 {
		t.line("Plan: nothing to attach.")
		return
	}
	t.line("Plan: %s on %s, %s. \"tracer apply\" attaches them.", count(len(v.Probes), "probe"), count(targets, "target"), count(programs, "program"))
}

func (t *planText) probe(p *probeView) {
	t.line("%s (%s)", p.Address, p.Place)
	for i := range p.Variants {
		t.variant(&p.Variants[i])
	}
	if p.Sample > 0 {
		t.row("sample", "one event in %d", p.Sample)
	}
	if p.PID > 0 {
		t.row("process", "only %d", p.PID)
	}
	if p.Streams {
		t.row("shows", "a row for each event")
	}
	for _, l := range p.LeftOut {
		t.row("left out", "%s: %s", l.Target, l.Reason)
	}
	t.line("")
}

func (t *planText) variant(v *variantView) {
	t.row("on", "%s", t.targets(v.Targets))
	t.row("by", "%s: %s", v.Mechanism, v.Reason)
	if v.EntryMechanism != "" {
		t.row("entry by", "%s: %s", v.EntryMechanism, v.EntryReason)
	}
	if v.Pair != "" {
		t.row("pairs by", "%s", v.Pair)
	}
	for _, p := range v.Programs {
		t.row("program", "%s (%s): %s, %s of stack", p.Name, p.Side, count(p.Instructions, "instruction"), count(p.StackBytes, "byte"))
	}
}

// targets names the targets, user probes with their place in the file.
func (t *planText) targets(targets []targetView) string {
	names := make([]string, 0, len(targets))
	for _, target := range targets {
		name := target.Name
		switch {
		case target.Path != "":
			name += " (" + filepath.Base(target.Path) + "+" + target.Offset + ")"
		case target.Module != "":
			name += " [" + target.Module + "]"
		}
		names = append(names, name)
	}
	slices.Sort(names)
	more := ""
	if n := len(names); n > fewTargets && !t.all {
		names = names[:fewTargets]
		more = fmt.Sprintf(" and %d more (-v names them)", n-fewTargets)
	}
	lead := ""
	if len(targets) > 1 {
		lead = count(len(targets), "target") + ": "
	}
	return lead + strings.Join(names, ", ") + more
}

func (t *planText) table(v *tableView, cpus int) {
	t.line("table %s, from %s", v.Name, strings.Join(v.Probes, ", "))
	if len(v.By) > 0 {
		t.row("by", "%s", columnList(v.By))
	}
	t.row("values", "%s", columnList(v.Values))
	if len(v.Derived) > 0 {
		t.row("derived", "%s", strings.Join(v.Derived, ", "))
	}
	rows := "one"
	if len(v.By) > 0 {
		rows = "at most " + strconv.Itoa(v.MaxEntries) + ", the rest as (other)"
	}
	if v.Reduced > 0 {
		rows += fmt.Sprintf("; lowered from %d to bound the memory, set max_entries to decide it", v.Reduced)
	}
	t.row("rows", "%s", rows)
	t.row("memory", "%s: keys of %s, values of %s for each of %s", sizeText(v.Bytes), count(v.KeyBytes, "byte"), count(v.ValueBytes, "byte"), count(cpus, "CPU"))
	t.row("printed", "%s", printedWhen(v))
	t.line("")
}

func printedWhen(v *tableView) string {
	every := time.Duration(v.IntervalNS)
	when := "at the end"
	switch {
	case every > 0 && v.Cumulative:
		when = "every " + every.String() + " and at the end, counting on"
	case every > 0:
		when = "every " + every.String() + " and at the end, starting again each time"
	}
	if v.Top > 0 {
		when += fmt.Sprintf(", the first %d rows", v.Top)
	}
	return when
}

func columnList(columns []columnView) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = c.Name + " " + c.Type
		if c.Function != "" {
			out[i] = c.Name + " = " + c.Function + "(" + c.Type + ")"
		}
		if c.Function == "count" {
			out[i] = c.Name + " = count()"
		}
	}
	return strings.Join(out, ", ")
}

// memory sums up the maps.
func (t *planText) memory(v *planView) {
	if len(v.Maps) == 0 {
		return
	}
	tables, ring := 0, 0
	for _, table := range v.Tables {
		tables += table.Bytes
	}
	for _, m := range v.Maps {
		if m.Type == ebpf.RingBuf.String() {
			ring += m.Bytes
		}
	}
	parts := []string{}
	for _, part := range []struct {
		what  string
		bytes int
	}{{"tables", tables}, {"ring buffer", ring}, {"counters and scratch", v.MemoryBytes - tables - ring}} {
		if part.bytes > 0 {
			parts = append(parts, part.what+" "+sizeText(part.bytes))
		}
	}
	t.line("Kernel memory: %s (%s).", sizeText(v.MemoryBytes), strings.Join(parts, ", "))
	if v.MemoryRefused != "" {
		t.line("  That cannot be had: %s.", v.MemoryRefused)
	}
}

func (t *planText) privileges(v *planView) {
	if len(v.Capabilities) == 0 {
		return
	}
	has := "which this process has"
	if len(v.Missing) > 0 {
		has = "and this process lacks " + strings.Join(v.Missing, ", and ")
	}
	t.line("Privileges: %s, %s.", strings.Join(v.Capabilities, ", "), has)
	for _, c := range v.More {
		t.line("  %s too, %s.", c.Name, c.Why)
	}
}
