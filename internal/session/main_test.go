package session

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain also checks that no test left a file descriptor (map, program, link)
// open.
func TestMain(m *testing.M) {
	// Features and kernel types that the library looks up once keep nothing
	// open, but /proc/self/fd itself is read through one descriptor.
	before := descriptors()
	code := m.Run()
	if after := descriptors(); code == 0 && after > before {
		fmt.Fprintf(os.Stderr, "%d file descriptors before, %d after the tests\n", before, after)
		code = 1
	}
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// descriptors counts this process's open files, but for those the Go runtime
// opens for itself (epoll and its wake-up event).
func descriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	n := 0
	for _, e := range entries {
		to, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && to != "anon_inode:[eventpoll]" && to != "anon_inode:[eventfd]" {
			n++
		}
	}
	return n
}
