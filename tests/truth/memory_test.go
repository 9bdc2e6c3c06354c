package truth

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// memoryGroup makes a control group of limited memory, of either version, and
// gives its list of processes.
func memoryGroup(t *testing.T, bytes int) string {
	t.Helper()
	if countsAgainstLimit(t) {
		t.Skip("before 5.11 the memory of maps counts against RLIMIT_MEMLOCK, which tracer raises")
	}
	name := fmt.Sprintf("truth-memory-%d", os.Getpid())
	group, limit := filepath.Join("/sys/fs/cgroup/memory", name), "memory.limit_in_bytes"
	if root := "/sys/fs/cgroup"; exists(filepath.Join(root, "cgroup.controllers")) {
		// A root that is a container's does not give controllers away.
		if err := os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte("+memory"), 0o644); err != nil {
			t.Skipf("control groups give no memory controller: %v", err)
		}
		group, limit = filepath.Join(root, name), "memory.max"
	} else if !exists(filepath.Dir(group)) {
		t.Skip("no memory controller of control groups is mounted")
	}
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(group); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(filepath.Join(group, limit), []byte(text(bytes)), 0o644); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(group, "cgroup.procs")
}

// countsAgainstLimit says that this kernel lets no maps be made without RLIMIT_MEMLOCK.
func countsAgainstLimit(t *testing.T) bool {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &before); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &before); err != nil {
			t.Fatal(err)
		}
	}()
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	if err == nil {
		return m.Close() != nil
	}
	return errors.Is(err, unix.EPERM)
}

// A ring buffer that cannot be made is an error that says what to do, and doing
// it helps; nothing is left behind.
func TestFaultRingBufferThatCannotBeMade(t *testing.T) {
	needPrograms(t)
	for _, row := range []struct {
		name, limit string
		group       bool
	}{
		{"memory of the control group", `echo $$ >GROUP`, true},
		{"addresses of the process", `ulimit -v 3000000`, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			script := row.limit
			if row.group {
				script = strings.ReplaceAll(script, "GROUP", memoryGroup(t, 200<<20))
			}
			refused := shell(t, streamLseek, script+`; exec "$TRACER" apply -buffer 1GiB -d 1s "$SPEC"`)
			if refused.code != 1 || refused.stdout != "" {
				t.Errorf("exit code %d, stdout %q: want 1 and none", refused.code, refused.stdout)
			}
			for _, part := range []string{"Ring buffer refused", "ring buffer of 1GiB", "lower max_entries or -buffer, or raise the limit"} {
				if !strings.Contains(refused.stderr, part) {
					t.Errorf("stderr %q, want %q in it", refused.stderr, part)
				}
			}
			if smaller := shell(t, streamLseek, script+`; exec "$TRACER" apply -buffer 1MiB -d 1s "$SPEC"`); smaller.code != 0 {
				t.Errorf("a small buffer: exit code %d, stderr %q", smaller.code, smaller.stderr)
			}
		})
	}
}

// So is a table that cannot be made, at its line.
func TestFaultTableThatCannotBeMade(t *testing.T) {
	needPrograms(t)
	const spec = `
probe "syscall" "s" {
  target = "lseek"
  aggregate "large" {
    by          = [args.offset]
    values      = { n = count() }
    max_entries = 16777216
  }
}`
	procs := memoryGroup(t, 200<<20)
	planned := shell(t, spec, `echo $$ >`+procs+`; exec "$TRACER" plan "$SPEC"`)
	if planned.code != 0 || !strings.Contains(planned.stdout, "That cannot be had: control group /") {
		t.Errorf("exit code %d, a plan that does not say that there is no memory for it:\n%s", planned.code, planned.stdout)
	}
	got := shell(t, spec, `echo $$ >`+procs+`; exec "$TRACER" apply -d 1s "$SPEC"`)
	for _, part := range []string{"Table refused", "Make table large", "spec.hcl line 4", "lower max_entries"} {
		if got.code != 1 || !strings.Contains(got.stderr, part) {
			t.Errorf("exit code %d, stderr %q: want 1, and %q in it", got.code, got.stderr, part)
		}
	}
}

// Where maps count against a limit that may not be raised, that is what tracer says.
func TestLimitOfLockedMemoryIsNamed(t *testing.T) {
	if !countsAgainstLimit(t) {
		t.Skip("since 5.11 the memory of maps does not count against RLIMIT_MEMLOCK")
	}
	needSetpriv(t)
	got := shell(t, `
probe "raw_tracepoint" "p" {
  target = "sched_process_exit"
  aggregate "t" {
    by     = [pid]
    values = { n = count() }
  }
}`, `
dir=$(mktemp -d) && chmod 755 "$dir" && cp "$TRACER" "$SPEC" "$dir"
caps=+bpf,+perfmon
ulimit -l 64
setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=$caps --ambient-caps=$caps \
  "$dir/tracer" apply -c true "$dir/$(basename "$SPEC")"
code=$?; rm -rf "$dir"; exit $code`)
	if got.code != 1 || !strings.Contains(got.stderr, "limit of locked memory, which this process may not raise") || strings.Contains(got.stderr, "RemoveMemlock") {
		t.Errorf("exit code %d; stderr %.1500q", got.code, got.stderr)
	}
}
