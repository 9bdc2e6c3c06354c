// Command kernels writes docs/kernels.md from what TestKernelMatrix logged on
// each kernel.
//
// In: files of test2json lines, one for each kernel (bin/kernels/KERNEL.json, made
// by make vm-KERNEL; host.json, made by make truth, is the machine's own). Out: the
// document; a cell that did not pass is an error. It must not know tracer.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	out := flag.String("o", "docs/kernels.md", "`FILE` to write")
	flag.Parse()
	if err := write(*out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "kernels:", err)
		os.Exit(1)
	}
}

// host is the machine that the tests run on: its kernel is whichever it has.
const host = "host"

// table is the cells by row ("probe|mechanism") and kernel.
type table struct {
	rows, kernels []string
	releases      map[string]string // by kernel, as it calls itself
	cells         map[string]string
}

func write(out string, files []string) error {
	t := table{releases: map[string]string{}, cells: map[string]string{}}
	for _, name := range files {
		if err := t.read(name); err != nil {
			return err
		}
	}
	if len(t.rows) == 0 {
		return fmt.Errorf("no cells of TestKernelMatrix in %s", strings.Join(files, ", "))
	}
	return os.WriteFile(out, []byte(t.document()), 0o644)
}

// read takes the cells of one kernel.
func (t *table) read(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	kernel := strings.TrimSuffix(filepath.Base(name), ".json")
	t.kernels = append(t.kernels, kernel)
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e struct{ Action, Test, Output string }
		if json.Unmarshal(lines.Bytes(), &e) != nil || !strings.HasPrefix(e.Test+"/", "TestKernelMatrix/") {
			continue
		}
		if e.Action == "fail" {
			return fmt.Errorf("%s: %s failed", name, e.Test)
		}
		line := strings.TrimSpace(e.Output)
		if _, text, ok := strings.Cut(line, "cell: "); ok {
			t.add(kernel, text)
		}
		if _, text, ok := strings.Cut(line, "kernel: "); ok && e.Test == "TestKernelMatrix" {
			t.releases[kernel] = text
		}
	}
	return lines.Err()
}

// add takes "probe|mechanism|answer".
func (t *table) add(kernel, text string) {
	parts := strings.SplitN(text, "|", 3)
	if len(parts) != 3 {
		return
	}
	row := parts[0] + "|" + parts[1]
	if !slices.Contains(t.rows, row) {
		t.rows = append(t.rows, row)
	}
	t.cells[row+"|"+kernel] = parts[2]
}

const preface = `# Kernels

Which probe type runs by which mechanism, on the kernels of the test matrix. Each cell is
what the same workload, whose events are known exactly, was measured to have done there;
a test fails if a single event is missing, or one too many, or the sum of the traced
values is off. The number of events differs between the machine that the tests ran on (host)
and the emulated kernels, nothing else does.

The table is written by the tests ("make kernels" after "make test-all"): do not edit it.
Features are found by trying, or by names that the kernel's types have, never by the version:
other builds of these kernels may differ. 6.1 and 6.12 are Debian's of 2026, bpo is the one of
its backports, 7.3 by now. A cell that says "needs" is the text of the diagnostic that tracer
gives at the line of the spec.

`

const remarks = `
## What older kernels do otherwise

| missing | since | what tracer does |
|---|---|---|
| task storage | 5.11 | the calls of a thread, between entry and return, are kept in a hash by thread; threads that end within a call leave an entry, which gives way to newer ones |
| the current task, by type | 5.11 | ` + "`comm`" + ` comes from a helper of the kernel instead of from the task itself |
| attach cookies | 5.15 | a probe of several targets that uses ` + "`func`" + `, or pairs calls, has a program for each target |
| links of perf events | 5.15 | programs are put on the event itself |
| atomic instructions with a result | 5.12 | scratch memory is claimed without them: programs are not preempted there |
| BTF of modules | 5.11 | arguments of modules' functions are ` + "`args[0]`" + `, ` + "`args[1]`" + `, …: ` + "`cast`" + ` types them |
| kprobe.multi, uprobe.multi | 5.18, 6.6 | a perf event for each target |
| kprobe.session, uprobe.session | 6.10, 6.13 | a program at the entry of calls and one at the return |
| the count of what probes missed | 6.7 | events of tracepoints and kernel functions that find another program running on their processor, and calls that a return probe does not follow (see below), are not counted as missed; the plan says so |
| the guard of raw tracepoints against themselves | 6.1 | programs add atomically, as an interrupt may run them amid themselves; before 5.12 the least or the most of a column may then lose a value |
| table keys above 512 bytes | 5.11 | refused at the table's line |
| control of maps' memory by control groups | 5.11 | RLIMIT_MEMLOCK is raised |

## What newer kernels do otherwise

Since 7.2 programs on tracepoints of system calls, raw ones too, run where the kernel can
preempt them, and it runs no program amid itself: while one is preempted, events of other
threads on that processor are missed, and counted as such. With two programs that make system
calls and a real-time thread that interrupts them thousands of times, all on one processor, 5 to
25 of 100 events were missed on 7.3, and none on kernels before; each of the events was in the
table or among those missed. Programs that add to the same row of a table do so atomically there.

Newer kernels, and newer builds of 6.12, do not let the verifier take an argument of a raw
tracepoint for a pointer where it may hold an error (signal_deliver's info). That is tried
when a spec uses the argument; its members are then read by a helper.

## How many calls at once

A return probe follows only so many calls of its functions at a time; what it does not follow
counts as missed. By a perf event those are 10, or two for each processor if that is more, for
each function; by kprobe.multi and kprobe.session two for each processor and function, for all
functions of the link together, and without limit where the kernel builds them on its function
graph tracer. With two processors and 64 threads asleep in one function, 6.12 was seen to follow
10, 4 and 4 of them, 7.3 10, 64 and 64. In a session a call that the entry declines is not
followed. Of user functions the kernel follows 64 calls of a thread within each other (seen on
6.18), and does not count the others.

## What validate accepts, the kernel loads

"make accept" writes random specs over all probe types, with everything that the language
has, checks, compiles and loads them (tests/differ, seed and number of a spec are printed
with a failure). Loaded without a rejection in one run: 20,001 on 6.18 and, under emulation in
half an hour side by side, 5,683 on 6.1 and 5,598 on 6.12; before, 4,044 on 7.3. On the way
some were rejected on each kernel (long strings, pointers to const void, members behind
typedefs, lengths compared before, pointers that may be errors); they are mended, and are fixed
tests that run on every kernel of the matrix.

## Kernel functions

- A name that several functions have is a target for each of them. If the kernel hides
  addresses (kernel.kptr_restrict), they cannot be told apart, which is an error.
- A function that the compiler inlined wherever it is called is not in the kernel, and refused.
  One that it inlined into some of its callers can be probed: the calls of those are no events,
  and nothing tells of them.
- A function on the kernel's list of those that a probe would crash is refused before
  anything is attached. Where that list cannot be read (debugfs), the regions of code that
  are always on it are known.
- A function marked notrace is one that ftrace does not trace. Links for many functions take
  none of them, and kernels without CONFIG_KPROBE_EVENTS_ON_NOTRACE (all of the table above)
  no kprobe there either: it is refused before anything is attached, and a glob leaves it out
  with a warning. That is known where ftrace's list may be read (tracefs, by root); elsewhere
  the kernel refuses it when it is attached.
- Where kprobes are switched off (` + "`/sys/kernel/debug/kprobes/enabled`" + `), or ftrace
  (kernel.ftrace_enabled), to which x86-64 leaves the entries of functions, a probe that would
  never fire is an error.
- A function of a module has the types of that module, whatever else has its name. Of several
  functions of the kernel itself with one name, its types know one at most (5.10, 6.12 and
  7.3 were looked at): all of them are given its arguments, which others than
  that one may not have.
- ` + "`fn+0x1c`" + ` must be the beginning of an instruction; it is attached by a perf event.
- Arguments after the last that is in a register (six on x86-64, eight on arm64) and structs
  passed by value are refused by name; the arguments after such a struct are right.

## Privileges

` + "`tracer plan`" + ` shows what a spec needs. With CAP_BPF and CAP_PERFMON alone raw
tracepoints and user functions run. Tracepoints and system calls do not: their formats are in
tracefs, which only root may read (or CAP_DAC_READ_SEARCH). Perf events of user probes want
CAP_SYS_ADMIN in newer kernels (seen on 6.18), and all perf events, those of tracepoints too, in
Debian's, unless kernel.perf_event_paranoid is 2 or less: the plan then takes links for functions,
which do without (uprobe.multi, 6.6; kprobe.multi, 5.18), for a single one too, and says so. fmt,
version, catalog and validate need nothing; validate warns of what it may not look up.
Capabilities in a user namespace of its own, as in a rootless container, do not count.
`

// heads are the kernels' names: the host's with its version.
func (t *table) heads() []string {
	heads := slices.Clone(t.kernels)
	for i, kernel := range heads {
		if version := strings.SplitN(t.releases[kernel], ".", 3); kernel == host && len(version) == 3 {
			heads[i] += " (" + version[0] + "." + version[1] + ")"
		}
	}
	return heads
}

// document is the whole text.
func (t *table) document() string {
	var b strings.Builder
	b.WriteString(preface)
	fmt.Fprintf(&b, "| probe | mechanism | %s |\n|---|---|%s\n", strings.Join(t.heads(), " | "), strings.Repeat("---|", len(t.kernels)))
	for _, row := range t.rows {
		probe, mechanism, _ := strings.Cut(row, "|")
		fmt.Fprintf(&b, "| %s | %s |", probe, mechanism)
		for _, kernel := range t.kernels {
			cell := t.cells[row+"|"+kernel]
			if cell == "" {
				cell = "not run"
			}
			fmt.Fprintf(&b, " %s |", strings.TrimPrefix(cell, "no: "))
		}
		b.WriteString("\n")
	}
	b.WriteString(remarks)
	return b.String()
}
