package truth

import (
	"fmt"
	"testing"
)

// TestUserAddressesAreNamed looks that the function a thread starts with has its
// name, though the record has no column for the process. The program runs on
// long enough to be looked at.
func TestUserAddressesAreNamed(t *testing.T) {
	calls := 4_000_000
	if testing.Short() {
		calls /= 20 // the emulated machine is slow
	}
	got := run{workload: fmt.Sprintf("tw-syscalls getppid %d 2", calls), spec: `
probe "uprobe" "create" {
  binary    = "libc"
  target    = "pthread_create"
  signature = "int pthread_create(void *thread, void *attr, void *start, void *arg)"
  where     = startswith(comm, "tw-syscalls") || comm == "workload"
  capture {
    start = usym(args.start)
    text  = "at ${usym(args.start)}"
  }
}`}.do(t)
	want := map[string]string{"start": "work", "text": "at work"}
	compareEvents(t, got.output.events, []map[string]string{want, want})
}
