package truth

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// cell is a probe type by one mechanism, with the answer to a known workload.
type cell struct {
	probe, mechanism string
	spec, workload   string
	row              map[string]string
	events           int
}

// cells are all that tracer may attach by. Each spec counts and adds up.
func cells() []cell {
	n := scaled(100_000)
	sum := n * (n - 1) / 2
	lseek := func(probe, mechanism, target, more, value string) cell {
		return cell{
			probe: probe, mechanism: mechanism, workload: fmt.Sprintf("tw-syscalls lseek-seq %d 2 0", n), events: n,
			spec: fmt.Sprintf("  target = %q\n  where  = comm == \"truth\"%s", target, more),
			row:  map[string]string{"n": text(n), "total": text(sum), "value": value},
		}
	}
	read := func(probe, mechanism, more string) cell {
		return cell{
			probe: probe, mechanism: mechanism, workload: fmt.Sprintf("tw-syscalls sizes %d 3 500", n/4), events: n,
			spec: "  target = [\"vfs_read\", \"vfs_write\"]\n  where  = comm == \"truth\"" + more,
			row:  map[string]string{"n": text(n), "total": text(n / 2 * 503), "value": "args.count"},
		}
	}
	const depth = 15
	calls, arguments := 0, 0
	for k := range depth + 1 {
		calls += 2 * fibCalls(depth, k)
		arguments += 2 * k * fibCalls(depth, k)
	}
	fib := func(probe, mechanism, more string) cell {
		return cell{
			probe: probe, mechanism: mechanism, workload: fmt.Sprintf("tw-functions fib %d 2", depth), events: calls,
			spec: "  binary = \"WORKLOADS/tw-functions\"\n  target = \"tw_fib\"\n  signature = \"uint64_t tw_fib(unsigned n)\"\n  where = comm == \"truth\"" + more,
			row:  map[string]string{"n": text(calls), "total": text(arguments), "value": "args.n"},
		}
	}
	usdt := func(mechanism string) cell {
		return cell{
			probe: "usdt", mechanism: mechanism, workload: fmt.Sprintf("tw-usdt counts %d", n/100), events: n / 100,
			spec: "  binary = \"WORKLOADS/tw-usdt\"\n  target = \"tw:args3\"\n  where = comm == \"truth\"",
			row:  map[string]string{"n": text(n / 100), "total": text(1000*(n/100*(n/100-1)/2) + 30*n/100), "value": "args[0]"},
		}
	}
	returned := " && retval == args.count && latency > 0"
	return []cell{
		lseek("tracepoint", "perf tracepoint", "syscalls:sys_enter_lseek", "", "args.offset"),
		lseek("raw_tracepoint", "raw tracepoint", "sys_enter", ` && args.id == syscall_of("lseek")`, "args[0]"),
		lseek("raw_tracepoint", "tp_btf", "sys_enter", ` && args.id == syscall_of("lseek")`, "args.id"),
		lseek("syscall", "perf tracepoint", "lseek", ` && retval < 0 && latency > 0`, "args.offset"),
		lseek("syscall", "raw_syscalls", "lseek", ` && retval < 0 && latency > 0`, "args.offset"),
		read("kprobe", "kprobe perf link", ""),
		read("kprobe", "kprobe.multi", ""),
		read("kretprobe", "kretprobe perf link", returned),
		read("kretprobe", "kretprobe.multi", returned),
		read("kretprobe", "kprobe.session", returned),
		fib("uprobe", "uprobe perf link", ""),
		fib("uprobe", "uprobe.multi", ""),
		fib("uretprobe", "uretprobe perf link", " && retval > 0 && latency > 0 || retval == 0"),
		fib("uretprobe", "uretprobe.multi", " && retval > 0 && latency > 0 || retval == 0"),
		fib("uretprobe", "uprobe.session", " && retval > 0 && latency > 0 || retval == 0"),
		usdt("uprobe perf link"),
		usdt("uprobe.multi"),
	}
}

// The table of docs/kernels.md is made of what this test logs.
func TestKernelMatrix(t *testing.T) {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("kernel: %s", release)
	for _, c := range cells() {
		t.Run(c.probe+" by "+c.mechanism, func(t *testing.T) {
			value, total := c.row["value"], c.row["total"]
			if c.probe == "raw_tracepoint" {
				value, total = "1", text(c.events) // its arguments are registers, which differ by architecture
			}
			r := run{workload: c.workload, flags: []string{"-mechanism=" + c.mechanism}, spec: fmt.Sprintf(`
probe %q "p" {
%s
  aggregate "t" {
    values = { n = count(), total = sum(%s) }
  }
}`, c.probe, c.spec, value)}
			if why := lacksMechanism(t, c.mechanism, r.spec); why != "" {
				t.Skipf("cell: %s|%s|no: %s", c.probe, c.mechanism, why)
			}
			exact{
				run: r, tables: map[string]rows{"t": {"": {"n": c.row["n"], "total": total}}},
				taken: map[string]int{c.probe + ".p": c.events},
			}.check(t)
			t.Logf("cell: %s|%s|%d of %d events, sum %s", c.probe, c.mechanism, c.events, c.events, total)
		})
	}
}

// lacksMechanism is what tracer says that the kernel needs for a mechanism; "" if
// it has it.
func lacksMechanism(t *testing.T, mechanism, spec string) string {
	t.Helper()
	p := needPrograms(t)
	ok, says := planned(t, strings.ReplaceAll(spec, "WORKLOADS", p.workloads), "-mechanism="+mechanism)
	_, why, lacks := strings.Cut(says, "this kernel (")
	switch {
	case ok:
	case lacks && strings.Contains(why, "which needs Linux"):
		_, why, _ = strings.Cut(why, "which ")
		why, _, _ = strings.Cut(why, ": ")
		return why
	default:
		t.Fatalf("tracer says %q", says)
	}
	return ""
}
