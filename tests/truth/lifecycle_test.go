package truth

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// Two tracers at once see the same events, each all of them.
func TestTwoTracersAtOnce(t *testing.T) {
	n := scaled(300_000)
	dir := tempDir(t)
	file := func(name string) string { return filepath.Join(dir, name) }
	var both []*started
	for _, name := range []string{"a", "b"} {
		r := run{workload: fmt.Sprintf("tw-syscalls lseek-seq %d 2 0", n), spec: `
probe "syscall" "own" {
  target = "lseek"
  where  = comm == "truth"
  aggregate "own" {
    values = { n = count(), total = sum(args.offset) }
  }
}
probe "tracepoint" "all" {
  target = "syscalls:sys_enter_lseek"
  where  = args.fd >= 4294967295
  aggregate "all" {
    by     = [comm]
    values = { n = count(), total = sum(args.offset) }
  }
}`}
		both = append(both, r.start(t, "-r", file("ready-"+name), "-g", file("go"), "-e", file("end")))
	}
	both[0].await(t, "both workloads to be ready", func() bool { return exists(file("ready-a")) && exists(file("ready-b")) })
	touch(t, file("go"))
	both[0].await(t, "both workloads to be done", func() bool { return exists(both[0].truthFile) && exists(both[1].truthFile) })
	touch(t, file("end"))
	row := map[string]string{"n": text(n), "total": text(n * (n - 1) / 2)}
	for i, s := range both {
		got := s.wait(t)
		compareMissed(t, got, "syscall.own", "own", got.table(t, "own").rows, rows{"": row})
		all := got.table(t, "all").rows
		for key := range all {
			if key != "comm=truth" && key != "comm="+both[1-i].name {
				delete(all, key) // another run of these tests
			}
		}
		compareMissed(t, got, "tracepoint.all", "all", all, rows{"comm=truth": row, "comm=" + both[1-i].name: row})
	}
}

// faultable says that programs on tracepoints of system calls may be preempted (7.2).
func faultable(t *testing.T) bool {
	t.Helper()
	symbols, err := os.ReadFile("/proc/kallsyms")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Contains(symbols, []byte(" trace_call_bpf_faultable\n"))
}

// compareMissed is compareRows, unless a probe was preempted and says so: then what
// lacks in column n of all rows is at most what it missed.
func compareMissed(t *testing.T, got result, probe, table string, have, want rows) {
	t.Helper()
	missed := got.counters(t, probe)["missed"]
	if missed == 0 || !faultable(t) {
		compareRows(t, table, have, want)
		return
	}
	lacking := uint64(0)
	for key, row := range want {
		n, err := strconv.ParseUint(have[key]["n"], 10, 64)
		all, err2 := strconv.ParseUint(row["n"], 10, 64)
		if err != nil || err2 != nil || n > all {
			t.Errorf("table %s: row %q has %q, want at most %q", table, key, have[key]["n"], row["n"])
		}
		lacking += all - n
	}
	if lacking > missed {
		t.Errorf("table %s lacks %d events, and %d were missed", table, lacking, missed)
	}
}

// What a program is preempted by counts too, or is missed where the kernel runs no
// program amid itself: every event is one or the other.
func TestPreemptedProgramsCountOrMiss(t *testing.T) {
	n := scaled(300_000)
	for kind, target := range map[string]string{
		"tracepoint":     `target = "syscalls:sys_enter_lseek"`,
		"raw_tracepoint": "target = \"sys_enter\"\n  where  = args.id == " + text(unix.SYS_LSEEK),
	} {
		t.Run(kind, func(t *testing.T) {
			spec := fmt.Sprintf(`
probe %q "p" {
  %s
  aggregate "t" {
    by     = [comm]
    values = { n = count() }
  }
}`, kind, target)
			// All on one processor, and a third that the scheduler always prefers.
			ran := shell(t, spec, fmt.Sprintf(`
prefer=$(chrt -f 5 true && echo chrt -f 5) # neither runs in arm64's guest, nor perhaps in a container
cpu=$(sed -n 's/^Cpus_allowed_list:\t*\([0-9]*\).*/\1/p' /proc/self/status)
pin=$(taskset -c "$cpu" true && echo taskset -c "$cpu")
cat >work <<-END
	$prefer $WORKLOADS/tw-syscalls -o c -n other sleep 2000 0 &
	$WORKLOADS/tw-syscalls -o a -n one lseek-seq %[1]d 1 0 &
	$WORKLOADS/tw-syscalls -o b -n two lseek-seq %[1]d 1 0
	wait
END
exec $pin "$TRACER" apply -o json -c "sh work" "$SPEC"`, n))
			if ran.code != 0 {
				t.Fatalf("exit code %d: %s", ran.code, ran.stderr)
			}
			got := result{output: parseOutput(t, []byte(ran.stdout))}
			if missed := got.counters(t, kind+".p")["missed"]; missed > 0 {
				t.Logf("%d missed", missed)
				if !faultable(t) {
					t.Errorf("%d missed: this kernel preempts no program on a tracepoint", missed)
				}
			}
			mine, row := rows{}, map[string]string{"n": text(n)}
			for key, row := range got.table(t, "t").rows {
				if key == "comm=one" || key == "comm=two" {
					mine[key] = row
				}
			}
			compareMissed(t, got, kind+".p", "t", mine, rows{"comm=one": row, "comm=two": row})
		})
	}
}

// A tracer that is killed leaves no program and no map.
func TestKilledTracerLeavesNothing(t *testing.T) {
	needPrograms(t)
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			dir := tempDir(t)
			ready, goOn := filepath.Join(dir, "ready"), filepath.Join(dir, "go")
			before := kernelObjects(t)
			s := run{workload: "tw-usdt counts 1", spec: `
probe "usdt" "u" {
  binary = "WORKLOADS/tw-usdt"
  target = "tw:args3"
}
probe "uretprobe" "f" {
  binary    = "WORKLOADS/tw-functions"
  target    = "tw_fib"
  signature = "uint64_t tw_fib(unsigned n)"
  aggregate "t" {
    by       = [args.n]
    values   = { time = hist(latency) }
    interval = "100ms"
  }
}
probe "syscall" "s" {
  target = "getppid"
  where  = comm == "truth" && retval > 0
}
probe "raw_tracepoint" "r" {
  target = "signal_generate"
  where  = comm == "truth"
}`}.start(t, "-r", ready, "-g", goOn)
			s.await(t, "the workload to be ready", func() bool { return exists(ready) })
			during := kernelObjects(t)
			if len(during.programs) <= len(before.programs) || len(during.maps) <= len(before.maps) {
				t.Fatalf("no programs or maps of tracer's are loaded: %v, before %v", during, before)
			}
			if err := s.cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			touch(t, goOn)
			<-s.done // its exit code is not the matter here
			nothingLeft(t, before)
		})
	}
}

// nothingLeft waits until programs and maps loaded since are gone; the kernel frees
// them a moment after their last user.
func nothingLeft(t *testing.T, before objects) {
	t.Helper()
	waitFor(t, "programs and maps to be gone", func() bool { return len(kernelObjects(t).newSince(before)) == 0 })
}

// objects are the IDs of what is loaded in the kernel.
type objects struct {
	programs []ebpf.ProgramID
	maps     []ebpf.MapID
}

func (o objects) newSince(before objects) []string {
	var left []string
	for _, id := range o.programs {
		if !slices.Contains(before.programs, id) {
			left = append(left, fmt.Sprintf("program %d", id))
		}
	}
	for _, id := range o.maps {
		if !slices.Contains(before.maps, id) {
			left = append(left, fmt.Sprintf("map %d", id))
		}
	}
	return left
}

func kernelObjects(t *testing.T) objects {
	t.Helper()
	var o objects
	var err error
	for id := ebpf.ProgramID(0); err == nil; {
		if id, err = ebpf.ProgramGetNextID(id); err == nil {
			o.programs = append(o.programs, id)
		}
	}
	if !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("list programs: %v", err)
	}
	err = nil
	for id := ebpf.MapID(0); err == nil; {
		if id, err = ebpf.MapGetNextID(id); err == nil {
			o.maps = append(o.maps, id)
		}
	}
	if !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("list maps: %v", err)
	}
	return o
}

// Of two processes that do the same, -p shows one.
func TestProcessFilter(t *testing.T) {
	n := scaled(100_000)
	p := needPrograms(t)
	dir := tempDir(t)
	file := func(name string) string { return filepath.Join(dir, name) }
	traced := exec.Command(filepath.Join(p.workloads, "tw-syscalls"), "-n", "twin", "-o", file("truth"), "-g", file("go"), "getppid", text(n), "2")
	if err := traced.Start(); err != nil {
		t.Fatal(err)
	}
	pid := text(traced.Process.Pid)
	beside := run{
		workload: fmt.Sprintf("tw-syscalls getppid %d 2", n),
		flags:    []string{"-p", pid},
		spec: `
probe "syscall" "p" {
  target = "getppid"
  aggregate "t" {
    by     = [pid, comm]
    values = { n = count() }
  }
}`,
	}.start(t, "-r", file("go"), "-e", file("end"))
	if err := traced.Wait(); err != nil {
		t.Errorf("the traced process: %v", err)
	}
	touch(t, file("end"))
	got := beside.wait(t)
	compareRows(t, "t", got.table(t, "t").rows, rows{"comm=twin pid=" + pid: {"n": text(n)}})
}

// await waits for what happens while tracer runs.
func (s *started) await(t *testing.T, what string, happened func() bool) {
	t.Helper()
	waitFor(t, what, func() bool {
		select {
		case <-s.done:
			s.wait(t) // says why
			t.Fatalf("tracer ended, instead of waiting for %s", what)
		default:
		}
		return happened()
	})
}

func waitFor(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(limit()); !happened(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %s for %s", limit(), what)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

// A program on a tracepoint does not run within another one, as when the kernel wakes
// the reader of the ring buffer that a program wrote to; one on a raw tracepoint does.
// What it misses is counted.
func TestEventsWithinAnotherProgramAreMissed(t *testing.T) {
	got := run{workload: fmt.Sprintf("tw-syscalls lseek-seq %d 1 0", scaled(300_000)), spec: `
probe "syscall" "stream" {
  target = "lseek"
  where  = comm == "truth"
  capture {
    offset = args.offset
  }
}
probe "tracepoint" "waking" {
  target = "sched:sched_waking"
  where  = comm == "truth"
  aggregate "guarded" {
    values = { n = count() }
  }
}
probe "raw_tracepoint" "waking" {
  target = "sched_waking"
  where  = comm == "truth"
  aggregate "all" {
    values = { n = count() }
  }
}`}.do(t)
	c := got.counters(t, "tracepoint.waking")
	guarded, all := c.taken(), got.counters(t, "raw_tracepoint.waking").taken()
	t.Logf("%d wake-ups, %d of them seen by the tracepoint's program, %d missed", all, guarded, c["missed"])
	if guarded > all || saysMissed(t) && all-guarded > c["missed"] {
		t.Errorf("%d of %d wake-ups lack, and %d are said to be missed", all-guarded, all, c["missed"])
	}
}
