package truth

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Timers are not exact, so these have bounds.

func TestProfileFollowsProcessorTime(t *testing.T) {
	got := run{workload: "tw-functions spin 1000 2", spec: `
probe "profile" "p" {
  frequency = 199
  where     = comm == "truth"
  aggregate "t" {
    by     = [comm]
    values = { n = count() }
  }
  aggregate "stacks" {
    by     = { stack = ustack(4) }
    values = { n = count() }
  }
}`}.do(t)
	n := atoi(t, got.table(t, "t").rows["comm=truth"]["n"])
	if n < 200 || n > 420 {
		t.Errorf("%d samples of two threads that ran for a second at 199 Hz, want about 398", n)
	}
	inSpin, all := 0, 0
	for stack, row := range got.table(t, "stacks").rows {
		all += atoi(t, row["n"])
		frames := strings.Split(strings.TrimPrefix(stack, "stack=["), ",")
		if len(frames) >= 2 && strings.Contains(frames[0], "tw_spin") && strings.Contains(frames[1], "tw_spin_outer") {
			inSpin += atoi(t, row["n"])
		}
	}
	if all != n || inSpin < n*8/10 {
		t.Errorf("of %d samples %d have a stack, and %d are in tw_spin called by tw_spin_outer: %v", n, all, inSpin,
			got.table(t, "stacks").rows)
	}
}

func TestIntervalTicks(t *testing.T) {
	got := run{workload: "tw-syscalls sleep 1 1050", spec: `
probe "interval" "p" {
  interval = "50ms"
  aggregate "t" {
    values = { n = count() }
  }
}`}.do(t)
	if n := atoi(t, got.table(t, "t").rows[""]["n"]); n < 15 || n > 26 {
		t.Errorf("%d ticks of 50 ms in 1.05 s, want about 21", n)
	}
}

// The stack of a user function is the chain of its callers, by name. Kernels
// before 6.11 leave out the caller of a function that has not yet made its frame.
func TestStacksOfUserFunctions(t *testing.T) {
	for _, row := range []struct{ name, program, binary string }{
		{"program", "tw-functions", "tw-functions"},
		{"fixed position", "tw-functions-nopie", "tw-functions-nopie"},
		{"library", "tw-functions-late", "libtwfn.so"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := run{workload: row.program + " spin 1 3", spec: `
probe "uprobe" "p" {
  binary = "WORKLOADS/` + row.binary + `"
  target = "tw_spin"
  aggregate "t" {
    by     = { stack = ustack(4) }
    values = { n = count() }
  }
}`}.do(t)
			wanted := []string{"tw_spin", "tw_spin_outer", "spin_body", "work"}
			if kernelBefore(t, 6, 11) {
				wanted = []string{"tw_spin", "spin_body", "work"}
			}
			table := got.table(t, "t").rows
			for stack, values := range table {
				frames := strings.Split(strings.Trim(strings.TrimPrefix(stack, "stack="), "[]"), ",")
				for i, want := range wanted {
					if i >= len(frames) || !strings.Contains(frames[i], want) {
						t.Errorf("frame %d of %q is not in %s", i, stack, want)
					}
				}
				if values["n"] != "3" {
					t.Errorf("%s calls with the stack %q, want 3", values["n"], stack)
				}
			}
			if len(table) != 1 {
				t.Errorf("%d stacks, want 1", len(table))
			}
		})
	}
}

func kernelBefore(t *testing.T, major, minor int) bool {
	t.Helper()
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		t.Fatal(err)
	}
	var gotMajor, gotMinor int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &gotMajor, &gotMinor); err != nil {
		t.Fatal(err)
	}
	return gotMajor < major || gotMajor == major && gotMinor < minor
}
