package check_test

import (
	"strings"
	"testing"

	"tracer/interpreter/check"
)

// Without the member that tells 32-bit programs apart, system calls keep their
// own events, however many they are.
func TestSharedEventsNeedToTellTargetsApart(t *testing.T) {
	many := func(in *check.Input) {
		m := machine(t)
		m.Formats = append(m.Formats, record("raw_syscalls", "sys_exit", signed("id", "long", 8), signed("ret", "long", 8)))
		for _, name := range strings.Fields("chmod chown close connect dup dup2 fchmod fcntl fork fsync getcwd getpid getppid gettid ioctl link lseek mkdir mmap") {
			m.Formats = append(m.Formats, call(name)...)
		}
		in.Facts = m
	}
	p, diags := with(t, "probe \"syscall\" \"x\" {\n target = \"*\"\n}\n", many)
	if len(diags) > 0 || len(p.Probes) != 1 {
		t.Fatal(diags)
	}
	v := p.Probes[0].Variants[0]
	if len(v.Targets) < 17 || v.Selector != nil || v.Mechanism.Name != "perf tracepoint" {
		t.Errorf("%d targets by %s, selector %v", len(v.Targets), v.Mechanism.Name, v.Selector)
	}
	_, diags = with(t, "probe \"syscall\" \"x\" {\n target = \"read\"\n}\n", func(in *check.Input) {
		many(in)
		in.Mechanism = "raw_syscalls"
	})
	if len(diags) != 1 || !strings.Contains(diags[0].Detail, `raw_syscalls is one event of many targets`) {
		t.Errorf("%v", diags)
	}
}
