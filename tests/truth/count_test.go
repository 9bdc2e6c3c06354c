package truth

import (
	"fmt"
	"strings"
	"testing"
)

// Every event of two processors at once is counted and added up, whatever the
// probe type.

func TestKernelProbesCountEveryEvent(t *testing.T) {
	n := scaled(1_000_000)
	for _, row := range []struct{ name, probe, body string }{
		{"tracepoint", "tracepoint", `
  target = "syscalls:sys_enter_getppid"
  where  = comm == "truth"`},
		{"tracepoint of all calls", "tracepoint", `
  target = "raw_syscalls:sys_enter"
  where  = comm == "truth" && args.id == syscall_of("getppid")`},
		{"raw_tracepoint", "raw_tracepoint", `
  target = "sys_enter"
  where  = comm == "truth" && args.id == syscall_of("getppid")`},
		{"syscall", "syscall", `
  target = "getppid"
  where  = comm == "truth"`},
		{"syscall with its result", "syscall", `
  target = "getppid"
  where  = comm == "truth" && retval > 0 && latency > 0`},
	} {
		e := exact{
			name: row.name,
			run: run{
				workload: fmt.Sprintf("tw-syscalls getppid %d 2", n),
				spec: fmt.Sprintf(`
probe %q "p" {%s
  aggregate "calls" {
    values = { n = count() }
  }
}`, row.probe, row.body),
			},
			tables: map[string]rows{"calls": {"": {"n": text(n)}}},
			taken:  map[string]int{row.probe + ".p": n},
		}
		t.Run(e.name, func(t *testing.T) { e.check(t) })
	}
}

// The values are of every magnitude, and their sum wraps.
func TestKernelProbesAddUpEveryEvent(t *testing.T) {
	n := scaled(1_000_000)
	all := newColumn()
	for i := range n {
		all.add(spread(i))
	}
	want := map[string]rows{"calls": {"": {
		"n": text(n), "total": text(all.sum), "least": text(all.min), "most": text(all.max), "spread": all.histogram(),
	}}}
	for _, row := range []struct{ name, probe, body, value string }{
		{"tracepoint", "tracepoint", `
  target = "syscalls:sys_enter_lseek"
  where  = comm == "truth"`, "args.offset"},
		{"raw_tracepoint, registers", "raw_tracepoint", `
  target = "sys_enter"
  where  = comm == "truth" && args.id == syscall_of("lseek")`, `cast("long", try(args.regs.si, args.regs.regs[1]))`},
		{"syscall", "syscall", `
  target = "lseek"
  where  = comm == "truth"`, "args.offset"},
		{"syscall at its return", "syscall", `
  target = "lseek"
  where  = comm == "truth" && retval == 0 - errno_of("EBADF")`, "args.offset"},
	} {
		e := exact{
			run: run{
				workload: fmt.Sprintf("tw-syscalls lseek-mixed %d 2", n),
				spec: fmt.Sprintf(`
probe %q "p" {%s
  aggregate "calls" {
    values = {
      n      = count()
      total  = sum(%[3]s)
      least  = min(%[3]s)
      most   = max(%[3]s)
      spread = hist(%[3]s)
    }
  }
}`, row.probe, row.body, row.value),
			},
			tables: want,
			taken:  map[string]int{row.probe + ".p": n},
		}
		t.Run(row.name, func(t *testing.T) {
			got := e.check(t)
			if sum := got.number(t, "sum"); sum != text(uint64(all.sum)) {
				t.Errorf("the workload made %s, this test expects %d: they disagree about the sequence", sum, uint64(all.sum))
			}
		})
	}
}

func TestUserProbesCountAndAddUpEveryEvent(t *testing.T) {
	many, some := scaled(100_000), scaled(10_000)
	functions := []struct {
		name, program, binary string
		n                     int
	}{
		{"position-independent", "tw-functions", "tw-functions", many},
		{"fixed position", "tw-functions-nopie", "tw-functions-nopie", some},
		{"shared library", "tw-functions-shared", "libtwfn.so", some},
		{"library loaded late", "tw-functions-late", "libtwfn.so", some},
	}
	check := func(name, probe, workload, body, value string, n int) {
		all := newColumn()
		for i := range n {
			all.add(spread(i))
		}
		e := exact{
			run: run{
				workload: fmt.Sprintf("%s %d 2", workload, n),
				spec: fmt.Sprintf(`
probe %q "p" {%s
  aggregate "calls" {
    values = {
      n      = count()
      total  = sum(%[3]s)
      least  = min(%[3]s)
      most   = max(%[3]s)
      spread = hist(%[3]s)
    }
  }
}`, probe, body, value),
			},
			tables: map[string]rows{"calls": {"": {
				"n": text(n), "total": text(all.sum), "least": text(all.min), "most": text(all.max), "spread": all.histogram(),
			}}},
			taken:    map[string]int{probe + ".p": n},
			counters: map[string]counters{probe + ".p": {"failed_reads": 0}},
		}
		t.Run(name, func(t *testing.T) {
			if probe != "usdt" && !strings.Contains(body, "signature") {
				needDebugInformation(t)
			}
			e.check(t)
		})
	}
	for _, f := range functions {
		body := fmt.Sprintf("\n  binary = \"WORKLOADS/%s\"\n  target = \"tw_value\"", f.binary)
		signature := "\n  signature = \"int64_t tw_value(int64_t value, uint32_t index)\""
		check("uprobe, "+f.name, "uprobe", f.program+" value", body, "args.value", f.n)
		check("uprobe by signature, "+f.name, "uprobe", f.program+" value", body+signature, "args.value", some)
		// tw_value returns value ^ index: the argument comes back from the two.
		check("uretprobe, "+f.name, "uretprobe", f.program+" value", body+signature,
			"bitxor(retval, args.index)", f.n)
	}
	check("usdt", "usdt", "tw-usdt hot", `
  binary = "WORKLOADS/tw-usdt"
  target = "tw:hot"`, "args[0]", many)
}
