package truth

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// watched is a running program whose memory is looked at.
type watched struct {
	pid  int
	base uint64 // what its addresses in the file are moved by
	file *elf.File
}

// startWatched starts a workload that waits until the test ends.
func startWatched(t *testing.T, program string) *watched {
	t.Helper()
	dir := tempDir(t)
	ready, goOn := filepath.Join(dir, "ready"), filepath.Join(dir, "go")
	cmd := exec.Command(program, "-o", filepath.Join(dir, "truth"), "-n", "watched", "-r", ready, "-g", goOn, "counts", "1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		touch(t, goOn)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the workload: %v", err)
		}
	})
	waitFor(t, "the workload to be ready", func() bool { return exists(ready) })
	w := &watched{pid: cmd.Process.Pid}
	var err error
	if w.file, err = elf.Open(program); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.file.Close() })
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", w.pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(maps)) {
		if strings.HasSuffix(strings.TrimSpace(line), program) {
			if _, err := fmt.Sscanf(line, "%x-", &w.base); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			return w
		}
	}
	t.Fatalf("%s is not mapped:\n%s", program, maps)
	return nil
}

// at is n bytes of the process's memory, at a symbol.
func (w *watched) at(t *testing.T, symbol string, n int) []byte {
	t.Helper()
	symbols, err := w.file.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if s.Name != symbol {
			continue
		}
		memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", w.pid))
		if err != nil {
			t.Fatal(err)
		}
		defer memory.Close()
		out := make([]byte, n)
		if _, err := memory.ReadAt(out, int64(w.base+s.Value)); err != nil {
			t.Fatalf("memory of the workload at %s: %v", symbol, err)
		}
		return out
	}
	t.Fatalf("no symbol %s", symbol)
	return nil
}

// A tracer that is killed leaves no breakpoint in the code of a process that
// goes on, and its semaphores are low.
func TestKilledTracerLeavesNoBreakpoint(t *testing.T) {
	p := needPrograms(t)
	program := filepath.Join(p.workloads, "tw-usdt")
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			w := startWatched(t, program)
			code, low := w.at(t, "main", 4), w.at(t, "tw_args3_semaphore", 2)
			spec := filepath.Join(tempDir(t), "spec.hcl")
			if err := os.WriteFile(spec, fmt.Appendf(nil, `
probe "usdt" "u" {
  binary = %[1]q
  target = "tw:args3"
}
probe "uprobe" "f" {
  binary = %[1]q
  target = "main"
}`, program), 0o644); err != nil {
				t.Fatal(err)
			}
			tracer := exec.CommandContext(t.Context(), p.tracer, "apply", spec)
			if err := tracer.Start(); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "breakpoint and semaphore", func() bool {
				return !bytes.Equal(w.at(t, "main", 4), code) && !bytes.Equal(w.at(t, "tw_args3_semaphore", 2), low)
			})
			if err := tracer.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			_ = tracer.Wait() // killed or ended: its exit code is not the matter here
			waitFor(t, "breakpoint and semaphore to be gone", func() bool {
				return bytes.Equal(w.at(t, "main", 4), code) && bytes.Equal(w.at(t, "tw_args3_semaphore", 2), low)
			})
		})
	}
}

// A process under -p that becomes another program is traced in that too, and
// not in what its children do; when it exits, tracer goes on, and all that it
// did is counted.
func TestProcessThatExecsAndExits(t *testing.T) {
	p := needPrograms(t)
	dir := tempDir(t)
	goOn := filepath.Join(dir, "go")
	program := filepath.Join(p.workloads, "tw-functions")
	calls := program + " -o " + filepath.Join(dir, "truth") + " -n process fib 10 1"
	process := exec.Command("bash", "-c", "while ! [ -e "+goOn+" ]; do sleep 0.01; done; ("+calls+"); exec "+calls)
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	// The library of functions is looked up in the file, not in the process, in
	// which it is not yet.
	got := run{flags: []string{"-p", text(process.Process.Pid)}, spec: fmt.Sprintf(`
probe "uretprobe" "f" {
  binary    = %q
  target    = "tw_fib"
  signature = "uint64_t tw_fib(unsigned n)"
  aggregate "returns" {
    by     = { paired = latency > 0 && retval > 0 || args.n == 0 }
    values = { n = count() }
  }
}
probe "tracepoint" "end" {
  target = "sched:sched_process_exit"
  aggregate "exits" {
    by     = [comm]
    values = { n = count() }
  }
}`, program)}.beside(t, func() {
		touch(t, goOn)
		if err := process.Wait(); err != nil {
			t.Errorf("the traced process: %v", err)
		}
	})
	total := 0
	for k := range 11 {
		total += fibCalls(10, k)
	}
	compareRows(t, "returns", got.table(t, "returns").rows, rows{"paired=true": {"n": text(total)}})
	// The program ended with both of its threads; neither bash nor a child did.
	compareRows(t, "exits", got.table(t, "exits").rows, rows{"comm=workload": {"n": "2"}})
}
