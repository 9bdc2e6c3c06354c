// Package symbol names what only the traced machine knows: kernel and user
// addresses, users, cgroups, the wall-clock time of a monotonic one.
//
// In: numbers. Out: names; Resolver implements unit.Resolver. Everything is read
// when it is first asked for and cached; what cannot be read is not named. It
// must not know specs, values or output.
package symbol

import (
	"time"

	"golang.org/x/sys/unix"

	"tracer/interpreter/unit"
)

// Options say where the machine's files are. The zero Options are this machine.
type Options struct {
	Proc   string // "/proc"
	Passwd string // "/etc/passwd"
	Cgroup string // "/sys/fs/cgroup", of version 2
	// WallOffset is what to add to CLOCK_MONOTONIC for Unix time, in ns.
	WallOffset int64
}

// Resolver answers from one machine. It is not safe for concurrent use.
type Resolver struct {
	opt     Options
	kernel  *kernelTable
	users   *userNames
	cgroups cgroups
	objects objects
}

var _ unit.Resolver = (*Resolver)(nil)

// New makes a resolver. It reads nothing yet.
func New(opt Options) *Resolver {
	if opt.Proc == "" {
		opt.Proc = "/proc"
	}
	if opt.Passwd == "" {
		opt.Passwd = "/etc/passwd"
	}
	if opt.Cgroup == "" {
		opt.Cgroup = "/sys/fs/cgroup"
	}
	return &Resolver{
		opt:     opt,
		cgroups: cgroups{root: opt.Cgroup},
		objects: newObjects(opt.Proc),
	}
}

// WallTime is the wall-clock time of a CLOCK_MONOTONIC time in ns.
func (r *Resolver) WallTime(monotonic uint64) time.Time {
	return time.Unix(0, int64(monotonic)+r.opt.WallOffset)
}

// Monotonic is the CLOCK_MONOTONIC time, in ns.
func Monotonic() (uint64, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0, err
	}
	return uint64(t.Nano()), nil
}

// WallOffset measures what to add to CLOCK_MONOTONIC for Unix time, in ns: of
// several readings the one that took least time.
func WallOffset() (int64, error) {
	best, offset := int64(-1), int64(0)
	for range 8 {
		before, err := Monotonic()
		if err != nil {
			return 0, err
		}
		wall := time.Now().UnixNano()
		after, err := Monotonic()
		if err != nil {
			return 0, err
		}
		if took := int64(after - before); best < 0 || took < best {
			best, offset = took, wall-int64(before)-took/2
		}
	}
	return offset, nil
}
