// Package effort measures how much work something is, for tests that nothing takes
// time without bound: a function comes in, its processor time goes out. Other work on
// the machine does not count. It must not know what is measured.
package effort

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Limit is what tests allow for what takes less than a second where nothing is
// quadratic or worse: enough for the race detector and for fuzzing, which make
// programs ten times slower.
const Limit = 20 * time.Second

// Bounded does something and fails if its work is more than Limit.
func Bounded(t testing.TB, do func()) {
	t.Helper()
	took := Of(do)
	t.Logf("took %v of processor time", took)
	if took > Limit {
		t.Errorf("took %v of processor time, want at most %v", took, Limit)
	}
}

// Of does something, and is the processor time that this took in do's own goroutine:
// collecting garbage, which others do, is not in it.
func Of(do func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := spent()
	do()
	return spent() - before
}

// spent is the processor time of this thread.
func spent() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		panic(err) // there is no other error than a wrong address
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
