package truth

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Tracepoints with character arrays, and strings of variable place.

func TestSignals(t *testing.T) {
	const n = 500
	for _, row := range []struct{ probe, body, sig, result string }{
		{"tracepoint", `target = "signal:signal_generate"`, "args.sig", "args.result"},
		{"raw_tracepoint", `target = "signal_generate"`, "args.sig", "args.result"},
	} {
		t.Run(row.probe, func(t *testing.T) {
			exact{
				run: run{workload: fmt.Sprintf("tw-events signals %d", n), spec: fmt.Sprintf(`
probe %q "p" {
  %s
  where = comm == "truth"
  aggregate "t" {
    by     = { signal = signal(%s), result = %s }
    values = { n = count() }
  }
}`, row.probe, row.body, row.sig, row.result)},
				tables: map[string]rows{"t": {
					"result=0 signal=SIGUSR1": {"n": text(n)},
					"result=1 signal=SIGUSR2": {"n": text(n)},
					"result=0 signal=SIGTERM": {"n": "1"},
					"result=2 signal=SIGTERM": {"n": text(n - 1)},
				}},
				taken: map[string]int{row.probe + ".p": 3 * n},
			}.check(t)
		})
	}
}

func TestCharacterArrays(t *testing.T) {
	const rounds = 50
	got := run{workload: fmt.Sprintf("tw-events renames %d", rounds), spec: `
probe "tracepoint" "p" {
  target = "task:task_rename"
  where  = args.newcomm == "" && args.oldcomm == "tw-plain" || startswith(args.newcomm, "tw-")
  aggregate "t" {
    by     = [args.newcomm]
    values = { n = count() }
  }
}`}.do(t)
	want := rows{}
	for _, name := range got.hexes(t, "names") {
		want["newcomm="+name] = map[string]string{"n": text(rounds)}
	}
	found := got.table(t, "t").rows
	delete(found, "newcomm=tw-events") // the start of the workload
	compareRows(t, "t", found, want)
}

func TestStringsOfVariablePlace(t *testing.T) {
	const n = 20
	dir := tempDir(t)
	got := run{workload: fmt.Sprintf("tw-events execs %d %s", n, dir), spec: fmt.Sprintf(`
probe "tracepoint" "p" {
  target = "sched:sched_process_exec"
  where  = startswith(args.filename, %q)
  aggregate "t" {
    by     = [args.filename]
    values = { n = count() }
  }
}`, dir+"/")}.do(t)
	compareRows(t, "t", got.table(t, "t").rows, rows{"filename=" + got.bytes(t, "path"): {"n": text(n)}})
	if c := got.counters(t, "tracepoint.p"); c.taken() != n {
		t.Errorf("%d events taken, want %d", c.taken(), n)
	}
}

func TestPageFaults(t *testing.T) {
	const pages = 2000
	got := run{workload: fmt.Sprintf("tw-events faults %d", pages), spec: `
probe "perf" "p" {
  target = "software:page-faults"
  period = 1
  where  = comm == "truth"
  aggregate "t" {
    values = { n = count() }
  }
}`}.do(t)
	// The pages, and a few of the program itself.
	if n := atoi(t, got.table(t, "t").rows[""]["n"]); n < pages || n > pages+100 {
		t.Errorf("%d page faults, want %d and a few more", n, pages)
	}
}

// TestCharactersHaveTheKernelsSign is about elements of arrays of char: what that
// is to the kernel, newer ones differ in, its events' formats say.
func TestCharactersHaveTheKernelsSign(t *testing.T) {
	format, err := os.ReadFile("/sys/kernel/tracing/events/task/task_rename/format")
	if err != nil {
		t.Skipf("the sign of char cannot be looked up: %v", err)
	}
	found := regexp.MustCompile(`char newcomm\[16\];.*signed:([01]);`).FindSubmatch(format)
	if found == nil {
		t.Fatalf("no newcomm in the format:\n%s", format)
	}
	above := "233"
	if string(found[1]) == "1" {
		above = "-23"
	}
	first, second := []byte("\xe9t\xe9\x00"), []byte("abc\x00")
	got := run{spec: fmt.Sprintf(`
probe "tracepoint" "rename" {
  target = "task:task_rename"
  where  = pid == %d
  capture {
    old   = task.comm[0]
    index = task.comm[bitand(cpu, 0)]
    new   = args.newcomm[0]
  }
}`, os.Getpid())}.beside(t, func() {
		named := make(chan error, 1)
		go func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with its name
			named <- errors.Join(unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&first[0])), 0, 0, 0),
				unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&second[0])), 0, 0, 0))
		}()
		if err := <-named; err != nil {
			t.Fatal(err)
		}
	})
	// What the thread's name was before is anything.
	want := []map[string]string{{"new": above}, {"old": above, "index": above, "new": "97"}}
	compareEvents(t, got.events, want)
}

// TestTheEndOfAnIRQWorkIsAnEvent is about the event whose perf events may take no
// samples, also as one of many. The rows of another probe, which wake their reader
// by irq_work, make it fire: one on a raw tracepoint, as the kernel runs no program
// on a perf event amid another.
func TestTheEndOfAnIRQWorkIsAnEvent(t *testing.T) {
	if !exists("/sys/kernel/tracing/events/irq_vectors/irq_work_exit") {
		t.Skip("this architecture has no event irq_vectors:irq_work_exit")
	}
	for _, target := range []string{"irq_vectors:irq_work_exit", "irq_vectors:irq_work_*"} {
		t.Run(target, func(t *testing.T) {
			got := run{flags: []string{"-buffer", "64KiB"}, workload: fmt.Sprintf("tw-syscalls getppid %d 1", scaled(50_000)), spec: fmt.Sprintf(`
probe "tracepoint" "irq" {
  target = %q
  aggregate "works" {
    by     = { event = func }
    values = { n = count() }
  }
}
probe "raw_tracepoint" "row" {
  target = "sys_enter"
  where  = comm == "truth" && args.id == syscall_of("getppid")
}`, target)}.do(t)
			if n := got.tables[0].rows["event=irq_vectors:irq_work_exit"]["n"]; n == "" {
				t.Errorf("no irq_work ended, of those that wake the reader of rows: %v", got.tables)
			}
		})
	}
}
