package host

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// TestMain fails the run if file descriptors are left open at its end.
func TestMain(m *testing.M) {
	before := len(openFiles())
	code := m.Run()
	if code == 0 {
		code = checkFiles(before)
	}
	os.Exit(code)
}

// checkFiles waits for finalizers, which close what was dropped: a leak is what
// is open even so, or more than once.
func checkFiles(before int) int {
	for range 20 {
		runtime.GC()
		if len(openFiles()) <= before {
			return 0
		}
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Fprintf(os.Stderr, "file descriptors leaked: %v\n", openFiles())
	return 1
}

// openFiles lists what this process has open, but for what the Go runtime
// itself polls with.
func openFiles() []string {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil
	}
	var open []string
	for _, e := range entries {
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && target != "anon_inode:[eventpoll]" && target != "anon_inode:[eventfd]" {
			open = append(open, e.Name()+" "+target)
		}
	}
	return open
}
