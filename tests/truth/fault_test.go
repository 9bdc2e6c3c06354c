package truth

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// What goes wrong in the field: the message and the exit code are the right
// ones, nothing is counted wrong.

// whole skips a test of tracer itself on an emulated machine.
func whole(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs on the machine itself: it is not about the kernel")
	}
}

// outcome is what one run of tracer came to.
type outcome struct {
	code           int
	stdout, stderr string
}

// shell runs a script in which $TRACER is tracer, $SPEC the spec, and
// $WORKLOADS the folder of the workloads. It must leave nothing in the kernel.
func shell(t *testing.T, spec, script string) outcome {
	t.Helper()
	p := needPrograms(t)
	dir := tempDir(t)
	file := filepath.Join(dir, "spec.hcl")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(spec, "WORKLOADS", p.workloads)), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", "cd "+dir+"; "+script)
	cmd.Env = append(os.Environ(), "TRACER="+p.tracer, "SPEC="+file, "WORKLOADS="+p.workloads)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	before := kernelObjects(t)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	nothingLeft(t, before)
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), strings.Join(strings.Fields(stderr.String()), " ")}
}

const countLseek = `
probe "syscall" "s" {
  target = "lseek"
  where  = comm == "fault"
  aggregate "t" {
    values = { n = count() }
  }
}`

const streamLseek = `
probe "syscall" "s" {
  target = "lseek"
  where  = comm == "fault"
  capture {
    offset = args.offset
  }
}`

// aThread is a thread of the tests themselves, which is not their first.
const aThread = `tid=$(ls /proc/$PPID/task | grep -vx $PPID | head -1); `

func TestFaultsSayWhatIsWrong(t *testing.T) {
	whole(t)
	workload := `-c "$WORKLOADS/tw-syscalls -o truth -n fault lseek-seq 5000 1 0"`
	for _, row := range []struct {
		name, spec, script string
		code               int
		stdout, stderr     string // parts
	}{
		{"output closed early", streamLseek, `"$TRACER" apply ` + workload + ` "$SPEC" | head -1; exit ${PIPESTATUS[0]}`, 0, "OFFSET", ""},
		{"output closed from the start", streamLseek, `"$TRACER" apply ` + workload + ` "$SPEC" >&-`, 0, "", ""},
		{"output full", streamLseek, `"$TRACER" apply ` + workload + ` "$SPEC" >/dev/full`, 1, "", "no space left on device"},
		{"few files, few probes", countLseek, `ulimit -n 32; "$TRACER" apply -o json ` + workload + ` "$SPEC"`, 0, `"n":5000`, ""},
		{"few files, many probes", strings.ReplaceAll(countLseek, `"lseek"`, `"[l-s]*"`), `ulimit -n 32; "$TRACER" apply -mechanism="perf tracepoint" ` + workload + ` "$SPEC"`, 1, "", "ulimit -n"},
		{"library that does not exist", `
probe "uprobe" "u" {
  binary = "libnosuchthing"
  target = "f"
}`, `"$TRACER" apply -d 1s "$SPEC"`, 1, "", "libnosuchthing"},
		{"library that is optional", `
probe "uprobe" "u" {
  binary   = "libnosuchthing"
  target   = "f"
  optional = true
}`, `"$TRACER" apply -d 1s "$SPEC"`, 0, "", "Probe skipped"},
		{"process that does not exist", countLseek, `"$TRACER" apply -p 4194303 -d 1s "$SPEC"`, 1, "", "there is no process 4194303"},
		{"process that is a thread", countLseek, aThread + `"$TRACER" apply -p $tid -d 1s "$SPEC"`, 1, "", "is a thread of process"},
		{"process of a probe that is a thread", `
probe "uprobe" "u" {
  binary = "libc"
  target = "malloc"
  pid    = tonumber(var.tid)
}
variable "tid" {
  type = string
}`, aThread + `"$TRACER" apply -var tid=$tid -d 1s "$SPEC"`, 1, "", "is a thread of process"},
		{"command that does not exist", countLseek, `"$TRACER" apply -c /no/such/command "$SPEC"`, 0, "", "ended with exit code 127"},
		{"not root", countLseek, `setpriv --reuid 65534 --regid 65534 --clear-groups "$TRACER" apply -d 1s - <"$SPEC"`, 1, "", "may only be read by root"},
		{"not root, where no tracefs is needed", `
probe "uprobe" "u" {
  binary = "libc"
  target = "malloc"
}`, `setpriv --reuid 65534 --regid 65534 --clear-groups "$TRACER" apply -d 1s - <"$SPEC"`, 1, "", "operation not permitted. This process lacks CAP_BPF"},
		{"process of a container", countLseek, `unshare -pf --mount-proc bash -c '"$TRACER" apply -p $$ -d 1s "$SPEC"; exit $?'`, 1, "", "a PID namespace of its own"},
		{"process of a container, by a probe", `
probe "uprobe" "u" {
  binary = "libc"
  target = "malloc"
  pid    = 1
}`, `unshare -pf --mount-proc bash -c '"$TRACER" apply -d 1s "$SPEC"; exit $?'`, 1, "", "a PID namespace of its own"},
		{"user namespace", `
probe "uprobe" "u" {
  binary = "libc"
  target = "malloc"
}`, `unshare -Ur true || exit 9; unshare -Ur "$TRACER" plan "$SPEC"; unshare -Ur "$TRACER" apply -d 1s "$SPEC"`, 1, "CAP_PERFMON, and this process lacks capabilities of the host (it is in a user namespace of its own", "do not count). Run tracer outside of that namespace."},
		{"no sysfs", `
probe "uprobe" "u" {
  binary = "libc"
  target = "malloc"
  where  = task.pid > 1
}`, `unshare -m bash -c 'umount -R -l /sys && exec "$TRACER" plan "$SPEC"'`, 1, "", "and there is none: sysfs, where the kernel shows its types, is not mounted on /sys: not found."},
		{"no procfs", `
probe "uprobe" "u" {
  binary = "libc"
  target = "malloc"
}`, `unshare -m bash -c 'umount -R -l /proc && exec "$TRACER" apply -d 1s "$SPEC"'`, 1, "", "tracer needs what is not mounted here: procfs on /proc."},
		{"nohup", countLseek, `trap '' HUP; "$TRACER" apply -o json -c 'kill -HUP $PPID; sleep 0.3; exec "$WORKLOADS/tw-syscalls" -o truth -n fault lseek-seq 5000 1 0' "$SPEC"`, 0, `"n":5000`, ""},
		{"spec that is not readable", countLseek, `"$TRACER" apply -d 1s nosuch.hcl`, 1, "", "nosuch.hcl"},
		{"spec that is a device", countLseek, `timeout 20 "$TRACER" validate /dev/zero`, 1, "", "131072"},
		{"zeros for a spec", countLseek, `head -c 100000 /dev/zero >z.hcl; timeout 20 "$TRACER" validate z.hcl`, 1, "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := shell(t, row.spec, row.script)
			if got.code != row.code || !strings.Contains(got.stdout, row.stdout) || !strings.Contains(got.stderr, row.stderr) {
				t.Errorf("exit code %d, want %d; stdout %.500q, want %q; stderr %.1500q, want %q", got.code, row.code, got.stdout, row.stdout, got.stderr, row.stderr)
			}
			if row.code != 0 && len(got.stderr) > 50_000 {
				t.Errorf("a message of %d bytes", len(got.stderr))
			}
			if strings.Contains(got.stderr, "goroutine ") || row.code != 0 && got.stderr == "" {
				t.Errorf("stderr %.1000q", got.stderr)
			}
		})
	}
}

// A signal ends tracing as Ctrl-C does: all that was counted is shown.
func TestFaultSignalsEndOrderly(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			p := needPrograms(t)
			dir := tempDir(t)
			spec := filepath.Join(dir, "spec.hcl")
			if err := os.WriteFile(spec, []byte(`
probe "syscall" "s" {
  target = "lseek"
  where  = comm == "fault" || comm == "ready"
  stream = comm == "ready"
  capture {
    offset = args.offset
  }
  aggregate "t" {
    by     = [comm]
    values = { n = count() }
  }
}`), 0o644); err != nil {
				t.Fatal(err)
			}
			before := kernelObjects(t)
			cmd := exec.CommandContext(t.Context(), p.tracer, "apply", "-o", "json", spec)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			work := func(name string, n int) {
				w := exec.CommandContext(t.Context(), filepath.Join(p.workloads, "tw-syscalls"), "-o", filepath.Join(dir, "truth"), "-n", name, "lseek-seq", text(n), "1", "0")
				if out, err := w.CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
			// The first row shows that the probe is attached.
			var attached atomic.Bool
			var shown []byte
			read := make(chan error)
			go func() {
				lines := bufio.NewReader(stdout)
				first, err := lines.ReadBytes('\n')
				attached.Store(err == nil)
				if err == nil {
					shown, err = io.ReadAll(lines)
				}
				shown = append(first, shown...)
				read <- err
			}()
			waitFor(t, "the first row", func() bool { work("ready", 1); return attached.Load() })
			work("fault", 3000)
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(<-read, cmd.Wait()); err != nil {
				t.Fatalf("%v: %s", err, stderr.String())
			}
			rows := parseOutput(t, shown).table(t, "t").rows
			if rows["comm=fault"]["n"] != "3000" {
				t.Errorf("%v, want 3000 of comm=fault", rows)
			}
			nothingLeft(t, before)
		})
	}
}

// A reader that reads nothing until all has happened loses rows, and each is counted.
func TestFaultSlowReaderLosesNothingUncounted(t *testing.T) {
	whole(t)
	const n = 200_000
	got := shell(t, streamLseek, `
"$TRACER" apply -buffer 64KiB -o json -c "$WORKLOADS/tw-syscalls -o truth -n fault lseek-seq 200000 1 0" "$SPEC" | (until [ -e truth ]; do sleep 0.05; done; cat)
exit ${PIPESTATUS[0]}`)
	if got.code != 0 {
		t.Fatalf("exit code %d: %s", got.code, got.stderr)
	}
	out := parseOutput(t, []byte(got.stdout))
	c := out.counters(t, "syscall.s")
	if c.taken() != n || c["lost"] == 0 || uint64(len(out.events))+c["lost"] != n {
		t.Errorf("%d events (%v), %d shown, want %d in all, and some lost", c.taken(), c, len(out.events), n)
	}
}

// A binary that is replaced while it is traced: what runs the old file goes on
// being counted, what runs the new one is not, and a warning says so.
func TestFaultReplacedBinary(t *testing.T) {
	p := needPrograms(t)
	dir := tempDir(t)
	program := filepath.Join(dir, "traced")
	copyFile(t, filepath.Join(p.workloads, "tw-functions"), program)
	ready, goOn := filepath.Join(dir, "ready"), filepath.Join(dir, "go")
	spec := fmt.Sprintf(`
probe "uprobe" "p" {
  binary    = %q
  target    = "tw_fib"
  signature = "uint64_t tw_fib(unsigned n)"
  aggregate "t" {
    values = { n = count() }
  }
}`, program)
	command := strings.Join([]string{program, "-o", filepath.Join(dir, "truth"), "-n", "fault", "-r", ready, "-g", goOn, "fib", "12", "1"}, " ")
	done := make(chan outcome)
	go func() { done <- shell(t, spec, `"$TRACER" apply -o json -c "`+command+`" "$SPEC"`) }()
	waitFor(t, "the workload to be ready", func() bool { return exists(ready) })
	copyFile(t, filepath.Join(p.workloads, "tw-functions"), program+".new")
	if err := os.Rename(program+".new", program); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), program, "-o", filepath.Join(dir, "truth2"), "-n", "new", "fib", "12", "1").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	touch(t, goOn)
	got := <-done
	if got.code != 0 {
		t.Fatalf("exit code %d: %s", got.code, got.stderr)
	}
	calls := 0
	for k := range 13 {
		calls += fibCalls(12, k)
	}
	out := parseOutput(t, []byte(got.stdout))
	compareRows(t, "t", out.table(t, "t").rows, rows{"": {"n": text(calls)}})
	if want := "Binary replaced"; strings.Count(got.stderr, want) != 1 {
		t.Errorf("stderr is %q, want %q in it once", got.stderr, want)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o755); err != nil {
		t.Fatal(err)
	}
}

// A thousand probes in one spec, each of which counts every event.
func TestFaultThousandProbes(t *testing.T) {
	whole(t)
	got := exact{
		run: run{workload: "tw-syscalls exits 20", spec: `
probe "raw_tracepoint" "p" {
  for_each = [for i in range(1000) : "n${i}"]
  target   = "sched_process_exit"
  where    = comm == "truth"
  aggregate "t" {
    by     = [probe]
    values = { n = count() }
  }
}`},
	}.check(t)
	found := got.table(t, "t").rows
	if len(found) != 1000 {
		t.Errorf("%d rows, want 1000", len(found))
	}
	for key, row := range found {
		if row["n"] != "20" {
			t.Fatalf("%s: %v, want 20", key, row)
		}
	}
}

// A table of a million keys is exact.
func TestFaultMillionKeys(t *testing.T) {
	whole(t)
	const n = 1_000_000
	got := exact{
		run: run{workload: fmt.Sprintf("tw-syscalls lseek-seq %d 1 0", n), spec: `
probe "syscall" "p" {
  target = "lseek"
  where  = comm == "truth"
  aggregate "t" {
    by          = [args.offset]
    values      = { n = count() }
    max_entries = 1000000
    top         = 3
  }
}`},
		taken: map[string]int{"syscall.p": n},
	}.check(t)
	if table := got.table(t, "t"); table.leftOut != n-3 || table.other != nil {
		t.Errorf("%d rows left out, (other) %v, want %d and none", table.leftOut, table.other, n-3)
	}
}
