package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The tools, as columns of the document. The empty programs are the C loader's.
const (
	toolTracer   = "tracer"
	toolBpftrace = "bpftrace"
	toolC        = "C"
	toolEmpty    = "empty"
)

// one case: the same question, asked of each tool.
type benchCase struct {
	name     string // of the spec (specs/NAME.hcl) and the object (NAME.bpf.o)
	title    string
	script   string // of bpftrace
	load     string // scenario of the workload that makes its events
	events   int    // of one run
	programs int    // that run for each event, at the floor
	empty    string // object with an empty program on the same hook
}

var eventCases = []benchCase{
	{"count_pid", "count by pid", "tracepoint:syscalls:sys_enter_getppid { @[pid] = count(); }", "getppid", 400000, 1, "empty"},
	{"count_comm", "count by comm", "tracepoint:syscalls:sys_enter_getppid { @[comm] = count(); }", "getppid", 400000, 1, "empty"},
	{"hist", "histogram of a return value", "tracepoint:syscalls:sys_exit_read { @ = hist(args->ret); }", "read", 400000, 1, "empty_read"},
	{"keyed_hist", "histogram by comm", "tracepoint:syscalls:sys_exit_read { @[comm] = hist(args->ret); }", "read", 400000, 1, "empty_read"},
	{
		"latency", "latency by thread",
		"tracepoint:syscalls:sys_enter_read { @s[tid] = nsecs; } " +
			"tracepoint:syscalls:sys_exit_read /@s[tid]/ { @ = hist(nsecs - @s[tid]); delete(@s[tid]); }",
		"read", 300000, 2, "empty_read",
	},
	{
		"stream_open", "openat stream",
		`tracepoint:syscalls:sys_enter_openat { printf("%d %d %s %s\n", nsecs, pid, comm, str(args->filename)); }`,
		"openat-bursts", 40000, 1, "empty_openat",
	},
}

var streamCases = []benchCase{
	{
		"stream_open", "openat: time, pid, comm, path",
		`tracepoint:syscalls:sys_enter_openat { printf("%d %d %s %s\n", nsecs, pid, comm, str(args->filename)); }`,
		"openat", 200000, 1, "",
	},
	{
		"stream_small", "getppid: time, pid, comm",
		`tracepoint:syscalls:sys_enter_getppid { printf("%d %d %s\n", nsecs, pid, comm); }`,
		"getppid", 200000, 1, "",
	},
}

var keysCase = benchCase{
	name: "keys", script: "tracepoint:syscalls:sys_enter_lseek { @[args->offset] = count(); }", load: "lseek", events: 100000,
}

// functionCase counts calls of n functions of one library.
type functionCase struct {
	n      int
	prefix string
}

var functionCases = []functionCase{{1, "one_"}, {100, "hundred_"}, {1000, "thousand_"}}

// startCases are those of eventCases whose start is measured: with nothing to
// look up, with fields of the event, and with a pair of programs.
var startCases = []string{"count_comm", "stream_open", "latency"}

func caseNamed(name string) benchCase {
	for _, c := range eventCases {
		if c.name == name {
			return c
		}
	}
	return benchCase{}
}

// bench is one run of everything.
type bench struct {
	built, tracer, specs string
	dir                  string // temporary
	rounds               int
	slow                 bool
	samples              samples
}

// command is the argument list of a tool for a case; workload is appended as it
// must be quoted for the tool.
func (b *bench) command(tool string, c benchCase, workload []string) []string {
	switch tool {
	case toolTracer:
		return []string{b.tracer, "apply", "-c", "exec " + strings.Join(workload, " "), filepath.Join(b.specs, c.name+".hcl")}
	case toolBpftrace:
		return []string{"bpftrace", "-c", strings.Join(workload, " "), "-e", c.script}
	case toolEmpty:
		return append([]string{filepath.Join(b.built, "loader"), filepath.Join(b.built, c.empty+".bpf.o")}, workload...)
	case toolC:
		return append([]string{filepath.Join(b.built, "loader"), filepath.Join(b.built, c.name+".bpf.o")}, workload...)
	}
	return workload // nothing is traced
}

// functions is the argument list of a tool that counts the calls of functions.
func (b *bench) functions(tool string, f functionCase, workload []string) []string {
	library := filepath.Join(b.built, "libfunctions.so")
	switch tool {
	case toolTracer:
		return []string{
			b.tracer, "apply", "-var", "binary=" + library, "-c", "exec " + strings.Join(workload, " "),
			filepath.Join(b.specs, fmt.Sprintf("functions_%d.hcl", f.n)),
		}
	case toolBpftrace:
		return []string{"bpftrace", "-c", strings.Join(workload, " "), "-e", fmt.Sprintf("uprobe:%s:%s* { @ = count(); }", library, f.prefix)}
	}
	loader := []string{filepath.Join(b.built, "loader"), filepath.Join(b.built, "functions.bpf.o")}
	return append(append(loader, "-f", library, f.prefix, strconv.Itoa(f.n)), workload...)
}

// answerTime is how long a tool may take to attach, or a workload to run.
const answerTime = 120 * time.Second
