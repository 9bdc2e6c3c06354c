package truth

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"
)

// onVirtualMachine skips what changes the machine itself where that is not a
// virtual machine of these tests.
func onVirtualMachine(t *testing.T) {
	t.Helper()
	if os.Getenv("TRACER_REQUIRE") == "" {
		t.Skip("changes the machine: runs in make test-vm")
	}
}

// A processor that goes and comes back, and a clock that is set, change nothing
// of what is counted and timed.
func TestKernelEventsSurviveProcessorsAndClocks(t *testing.T) {
	onVirtualMachine(t)
	const online = "/sys/devices/system/cpu/cpu1/online"
	const n = 500
	calls := func() {
		for range n {
			syscall.Getppid()
		}
	}
	turn := func(state string) {
		if err := os.WriteFile(online, []byte(state), 0o644); err != nil {
			t.Fatalf("processor 1: %v", err)
		}
	}
	step := func(by time.Duration) {
		now := syscall.NsecToTimeval(time.Now().Add(by).UnixNano())
		if err := syscall.Settimeofday(&now); err != nil {
			t.Fatalf("set the clock: %v", err)
		}
	}
	got := run{spec: fmt.Sprintf(`
probe "syscall" "p" {
  target = "getppid"
  where  = pid == %d
  aggregate "t" {
    by       = { timed = retval > 0 && latency > 0 && latency < "5m" }
    values   = { n = count() }
    interval = "300ms"
  }
}`, os.Getpid())}.beside(t, func() {
		calls()
		turn("0")
		calls()
		step(time.Hour)
		calls()
		turn("1")
		calls()
		step(-2 * time.Hour)
		calls()
		step(time.Hour)
	})
	total := 0
	for _, table := range got.tables {
		for key, row := range table.rows {
			if key != "timed=true" {
				t.Errorf("a row %q: %v", key, row)
			}
			total += int(atoi(t, row["n"]))
		}
	}
	if total != 5*n {
		t.Errorf("%d calls counted, want %d", total, 5*n)
	}
}
