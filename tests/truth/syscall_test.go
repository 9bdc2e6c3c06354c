package truth

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// System calls are seen by a tracepoint of each, or by one of all: what they say
// must be the same.
func bySyscallMechanism(t *testing.T, test func(t *testing.T, flags []string)) {
	for _, mechanism := range []string{"perf tracepoint", "raw_syscalls"} {
		t.Run(mechanism, func(t *testing.T) { test(t, []string{"-mechanism=" + mechanism}) })
	}
}

func TestSystemCallsByEitherMechanism(t *testing.T) {
	const sizes = "tw-syscalls sizes 100 0 1 4096"
	for _, row := range []struct {
		name, workload, spec string
		want                 rows
		taken                int
	}{
		{
			"arguments at the entry", sizes, `
  target = ["read", "write"]
  where  = comm == "truth"
  aggregate "t" {
    by     = { call = func }
    values = { n = count(), bytes = sum(args.count) }
  }`,
			rows{"call=read": {"n": "300", "bytes": "409700"}, "call=write": {"n": "300", "bytes": "409700"}},
			600,
		},
		{
			"the return and its entry", sizes, `
  target = ["read", "write"]
  where  = comm == "truth" && args.count > 0 && retval == entry(args.count) && latency > 0
  aggregate "t" {
    by     = { call = func }
    values = { n = count(), bytes = sum(retval) }
  }`,
			rows{"call=read": {"n": "200", "bytes": "409700"}, "call=write": {"n": "200", "bytes": "409700"}},
			400,
		},
		{
			"the return alone", sizes, `
  target = "read"
  where  = comm == "truth"
  aggregate "t" {
    by     = { call = func }
    values = { n = count(), bytes = sum(retval) }
  }`,
			rows{"call=read": {"n": "300", "bytes": "409700"}},
			300,
		},
		{
			"a condition at the entry", "tw-syscalls getppid 5000 1", `
  target = ["getppid", "read"]
  where  = comm == "truth" && entry(pid) > 0 && retval > 0
  aggregate "t" {
    by     = { call = func }
    values = { n = count() }
  }`,
			rows{"call=getppid": {"n": "5000"}},
			5000,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			bySyscallMechanism(t, func(t *testing.T, flags []string) {
				exact{
					run:    run{workload: row.workload, flags: flags, spec: fmt.Sprintf("probe \"syscall\" \"p\" {%s\n}\n", row.spec)},
					tables: map[string]rows{"t": row.want}, taken: map[string]int{"syscall.p": row.taken},
				}.check(t)
			})
		})
	}
}

// The numbers of 32-bit programs mean other calls.
func TestSystemCallsOf32BitProgramsAreNotMistaken(t *testing.T) {
	bySyscallMechanism(t, func(t *testing.T, flags []string) {
		got := run{workload: "tw-syscalls compat 100", flags: flags, spec: `
probe "syscall" "p" {
  target = ["getpid", "writev"]
  where  = comm == "truth"
  aggregate "t" {
    by     = { call = func }
    values = { n = count() }
  }
}`}.do(t)
		if got.number(t, "compat") == "0" {
			t.Skip("this machine has no system calls of 32-bit programs")
		}
		compareRows(t, "t", got.table(t, "t").rows, rows{"call=getpid": {"n": "100"}})
	})
}

// All system calls are attached to and released at once.
func TestAllSystemCalls(t *testing.T) {
	begin := time.Now()
	got := exact{
		run: run{workload: "tw-syscalls getppid 5000 1", spec: `
probe "syscall" "p" {
  target = "*"
  where  = comm == "truth" && latency > 0
  aggregate "t" {
    by     = { call = func }
    values = { n = count() }
  }
}`},
		counters: map[string]counters{"syscall.p": {"lost": 0, "missed": 0, "rejected_keys": 0}},
	}.check(t)
	if n := got.table(t, "t").rows["call=getppid"]["n"]; n != "5000" {
		t.Errorf("%s calls of getppid, want 5000", n)
	}
	// Calls whose numbers tracer does not know have events of their own.
	ok, says := planned(t, "probe \"syscall\" \"p\" {\n  target = \"*\"\n}\n")
	if !ok || !strings.Contains(says, "by raw_syscalls: one event of all calls") {
		t.Errorf("the plan says %q", says)
	}
	if took := time.Since(begin); took > limit()/4 {
		t.Errorf("it took %s", took)
	}
}
