package truth

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// The ways in which returns of functions find their entries.
var (
	userPairs   = []string{"uprobe.session", "uretprobe.multi", "uretprobe perf link"}
	kernelPairs = []string{"kprobe.session", "kretprobe.multi", "kretprobe perf link"}
)

// byEach runs a test for each of mechanisms that this kernel has.
func byEach(t *testing.T, mechanisms []string, spec string, test func(t *testing.T, flags []string)) {
	t.Helper()
	for _, m := range mechanisms {
		t.Run(m, func(t *testing.T) {
			if why := lacksMechanism(t, m, spec); why != "" {
				t.Skipf("%s %s", m, why)
			}
			test(t, []string{"-mechanism=" + m})
		})
	}
}

// What the kernel keeps of a call is enough for one value; more is kept by tracer.
func TestCallsPairByEachMechanism(t *testing.T) {
	const depth, threads = 12, 3
	for _, row := range []struct {
		name, by, where string
		row             func(k int) string
		keeps           string
	}{
		{"a value", "[args.n, retval]", "true", func(k int) string { return fmt.Sprintf("n=%d retval=%d", k, fib(k)) }, "8 bytes that the kernel keeps"},
		{"the time", "[retval]", "latency > 0", func(k int) string { return fmt.Sprintf("retval=%d", fib(k)) }, "8 bytes that the kernel keeps"},
		{"both", "[args.n, retval]", "latency > 0", func(k int) string { return fmt.Sprintf("n=%d retval=%d", k, fib(k)) }, "a stack for each task"},
	} {
		want, calls := rows{}, 0
		counts := map[string]int{}
		for k := range depth + 1 {
			n := threads * fibCalls(depth, k)
			calls += n
			counts[row.row(k)] += n // fib(1) is fib(2)
		}
		for key, n := range counts {
			want[key] = map[string]string{"calls": text(n)}
		}
		spec := fmt.Sprintf(`
probe "uretprobe" "p" {
  binary    = "WORKLOADS/tw-functions"
  target    = "tw_fib"
  signature = "uint64_t tw_fib(unsigned n)"
  where     = %s
  aggregate "t" {
    by     = %s
    values = { calls = count() }
  }
}`, row.where, row.by)
		t.Run(row.name, func(t *testing.T) {
			byEach(t, userPairs, spec, func(t *testing.T, flags []string) {
				_, says := planned(t, strings.ReplaceAll(spec, "WORKLOADS", needPrograms(t).workloads), flags...)
				if strings.Contains(flags[0], "session") && !strings.Contains(says, row.keeps) {
					t.Errorf("planned as %q, want %q", says, row.keeps)
				}
				exact{
					run:      run{workload: fmt.Sprintf("tw-functions fib %d %d", depth, threads), flags: flags, spec: spec},
					tables:   map[string]rows{"t": want},
					taken:    map[string]int{"uretprobe.p": calls},
					counters: map[string]counters{"uretprobe.p": {"events": uint64(calls), "skipped": 0}},
				}.check(t)
			})
		})
	}
}

// The kernel follows 64 calls of a thread within each other. All that it follows
// pair where it keeps what is saved; tracer keeps that of 32.
func TestCallsWithinCallsBeyondTheStack(t *testing.T) {
	const calls, threads, kept = 50, 2, 32
	for _, row := range []struct {
		name, where string
		inSession   int
	}{
		{"a value", "true", calls},
		{"a value and the time", "latency > 0", kept},
	} {
		spec := fmt.Sprintf(`
probe "uretprobe" "p" {
  binary    = "WORKLOADS/tw-functions"
  target    = "tw_deep"
  signature = "int (int n)"
  where     = %s
  aggregate "t" {
    by     = { right = retval == args.n * (args.n + 1) / 2 }
    values = { calls = count(), outermost = max(args.n) }
  }
}`, row.where)
		t.Run(row.name, func(t *testing.T) {
			byEach(t, userPairs, spec, func(t *testing.T, flags []string) {
				paired := kept
				if strings.Contains(flags[0], "session") {
					paired = row.inSession
				}
				exact{
					run:    run{workload: fmt.Sprintf("tw-functions deep %d %d", calls-1, threads), spec: spec, flags: flags},
					tables: map[string]rows{"t": {"right=true": {"calls": text(threads * paired), "outermost": text(calls - 1)}}},
					counters: map[string]counters{"uretprobe.p": {
						"events": calls * threads, "skipped": uint64(threads * (calls - paired)), "unmatched": uint64(threads * (calls - paired)),
					}},
				}.check(t)
			})
		})
	}
}

// A call that the entry does not want ends there: the kernel makes no return of
// it, where one program serves both.
func TestAnUnwantedCallHasNoReturn(t *testing.T) {
	const calls = 2000
	spec := `
probe "uretprobe" "declined" {
  binary    = "WORKLOADS/tw-functions"
  target    = "tw_value"
  signature = "int64_t tw_value(int64_t value, uint32_t index)"
  where     = args.index % 4 == 0
  aggregate "t" {
    values = { n = count(), total = sum(latency > 0 ? 1 : 0) }
  }
}`
	p := needPrograms(t)
	stats, err := ebpf.EnableStats(unix.BPF_STATS_RUN_TIME)
	if err != nil {
		t.Skipf("this kernel does not count runs of programs: %v", err)
	}
	defer stats.Close()
	byEach(t, userPairs, spec, func(t *testing.T, flags []string) {
		runs := uint64(0)
		got := run{spec: spec, flags: flags}.beside(t, func() {
			out, err := exec.CommandContext(t.Context(), filepath.Join(p.workloads, "tw-functions"), "value", text(calls), "1").CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			runs = runsOf(t, "declined_0")
		})
		compareRows(t, "t", got.table(t, "t").rows, rows{"": {"n": text(calls / 4), "total": text(calls / 4)}})
		if c := got.counters(t, "uretprobe.declined"); c["events"] != calls || c["skipped"] != calls-calls/4 {
			t.Errorf("counted %v", c)
		}
		want := uint64(2 * calls)
		if strings.Contains(flags[0], "session") {
			want = calls + calls/4
		}
		if runs != want {
			t.Errorf("the programs ran %d times, want %d", runs, want)
		}
	})
}

// runsOf is how often the kernel's programs ran whose names begin so.
func runsOf(t *testing.T, name string) (runs uint64) {
	t.Helper()
	for id := ebpf.ProgramID(0); ; {
		next, err := ebpf.ProgramGetNextID(id)
		if err != nil {
			return runs
		}
		id = next
		prog, err := ebpf.NewProgramFromID(id)
		if err != nil {
			continue // it is gone
		}
		info, err := prog.Info()
		if err == nil && strings.HasPrefix(info.Name, name) {
			stats, err := prog.Stats()
			if err != nil {
				t.Fatal(err)
			}
			runs += stats.RunCount
		}
		if err := prog.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Calls within calls, in several threads.
func TestKernelCallsPairByEachMechanism(t *testing.T) {
	need(t, "kretprobe", hasKprobes())
	rounds := scaled(40_000)
	workload := fmt.Sprintf("tw-syscalls sizes %d 3 500", rounds)
	each := map[string]string{"n": text(2 * rounds)}
	for _, row := range []struct{ name, columns, key string }{
		{"a value", "right = retval == args.count", "right=true"},
		{"the time", "timed = latency > 0", "timed=true"},
		{"both", "right = retval == args.count, timed = latency > 0", "right=true timed=true"},
	} {
		t.Run(row.name, func(t *testing.T) {
			spec := fmt.Sprintf(`
probe "kretprobe" "p" {
  target = ["ksys_read", "vfs_read"]
  where  = comm == "truth"
  aggregate "t" {
    by     = { function = func, %s }
    values = { n = count() }
  }
}`, row.columns)
			byEach(t, kernelPairs, spec, func(t *testing.T, flags []string) {
				exact{
					run: run{workload: workload, spec: spec, flags: flags},
					tables: map[string]rows{"t": {
						"function=ksys_read " + row.key: each, "function=vfs_read " + row.key: each,
					}},
					taken: map[string]int{"kretprobe.p": 4 * rounds},
				}.check(t)
			})
		})
	}
}

// The kernel follows only so many calls at once. What it does not follow is
// counted as missed.
func TestKernelCallsBeyondWhatTheKernelFollowsAreMissed(t *testing.T) {
	need(t, "kretprobe", hasKprobes())
	const sleepers = 64
	spec := fmt.Sprintf(`
probe "kretprobe" "p" {
  target = "vfs_read"
  where  = pid == %d && entry(args.count) == 3 && latency > 0
}`, os.Getpid())
	byEach(t, kernelPairs, spec, func(t *testing.T, flags []string) {
		got := run{spec: spec, flags: flags}.beside(t, func() { sleep(t, sleepers) })
		c := got.counters(t, "kretprobe.p")
		t.Logf("%d calls at once: %d followed, %d missed", sleepers, c.taken(), c["missed"])
		if n := c.taken(); n == 0 || n != uint64(len(got.output.events)) || n > sleepers || n+c["missed"] < sleepers && saysMissed(t) {
			t.Errorf("of %d calls %d were taken, %d shown and %d missed", sleepers, n, len(got.output.events), c["missed"])
		}
	})
}

// saysMissed tells whether this kernel says what it missed (6.7).
func saysMissed(t *testing.T) bool {
	t.Helper()
	types, err := btf.LoadKernelSpec()
	if err != nil {
		t.Fatal(err)
	}
	_, err = types.AnyTypesByName("bpf_perf_event_type")
	if err != nil {
		t.Log("this kernel does not say what it missed")
	}
	return err == nil
}

// sleep has n threads read three bytes from empty pipes at the same time.
func sleep(t *testing.T, n int) {
	t.Helper()
	var group sync.WaitGroup
	var writers []*os.File
	for range n {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
		writers = append(writers, w)
		fd, tid := int(r.Fd()), make(chan int)
		group.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			tid <- unix.Gettid()
			if n, err := unix.Read(fd, make([]byte, 3)); n != 1 {
				t.Errorf("read %d bytes: %v", n, err)
			}
		})
		state := fmt.Sprintf("/proc/self/task/%d/syscall", <-tid)
		for {
			text, err := os.ReadFile(state)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(string(text), fmt.Sprintf("%d 0x%x ", unix.SYS_READ, fd)) {
				break
			}
			runtime.Gosched()
		}
	}
	for _, w := range writers {
		if _, err := w.Write([]byte{0}); err != nil {
			t.Error(err)
		}
	}
	group.Wait()
}
