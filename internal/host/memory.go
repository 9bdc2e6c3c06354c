package host

import (
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"tracer/interpreter/unit"
)

// memoryHierarchies are where a control group's limit of memory is, in bytes
// ("max": none), by version: Documentation/admin-guide/cgroup-v1/memory.rst and
// cgroup-v2.rst.
var memoryHierarchies = []struct {
	fsType, controller string // as /proc/self/mountinfo and /proc/self/cgroup say
	limit              string
}{
	{"cgroup2", "", "memory.max"},
	{"cgroup", "memory", "memory.limit_in_bytes"},
}

// memoryError is unix.ENOMEM that says whose limit it is.
type memoryError struct {
	limit uint64
	group string
}

func (e *memoryError) Error() string {
	return fmt.Sprintf("control group %s allows %s", e.group, unit.AppendSize(nil, e.limit, false))
}

func (e *memoryError) Is(target error) bool { return target == unix.ENOMEM }

// FitsMemory is an error that is unix.ENOMEM if maps of some bytes are more than
// a control group that this process is in allows. nil may mean that no limit is
// known, or that maps count against RLIMIT_MEMLOCK instead (up to 5.10, where
// struct bpf_map names no control group).
//
// The kernel does not refuse all that does not fit: if another thread needs a page
// while a map takes the last, it kills a process of the group.
func (h *Host) FitsMemory(bytes uint64) error {
	limit, group := h.memoryLimit()
	if bytes <= limit || !h.hasMember("bpf_map", "objcg") && !h.hasMember("bpf_map", "memcg") {
		return nil
	}
	return &memoryError{limit, group}
}

// memoryLimit is the least limit in bytes of the control groups that this process
// is in, and which group has it.
func (h *Host) memoryLimit() (limit uint64, group string) {
	limit = math.MaxUint64
	mounts, _ := os.ReadFile(h.path("/proc/self/mountinfo"))
	groups, _ := os.ReadFile(h.path("/proc/self/cgroup"))
	for _, m := range memoryHierarchies {
		root, dir := cgroupMountOf(string(mounts), m.fsType, m.controller)
		own, ok := cgroupOf(string(groups), m.controller)
		if dir == "" || !ok {
			continue
		}
		if below, is := strings.CutPrefix(own, root); is {
			own = below // a container's: its own group is mounted
		}
		for at := path.Clean("/" + own); ; at = path.Dir(at) {
			text, _ := os.ReadFile(filepath.Join(h.path(dir), at, m.limit))
			if n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64); err == nil && n < limit {
				limit, group = n, at
			}
			if at == "/" {
				break
			}
		}
	}
	return limit, group
}

// hasMember says that the kernel has types, and a structure of them a member.
func (h *Host) hasMember(structure, member string) bool {
	raw, release, err := mapped(filepath.Join(h.types.dir, "vmlinux"))
	if err != nil {
		return false
	}
	defer release()
	_, err = memberOffset(raw, structure, member)
	return err == nil
}

// cgroupOf is the group of a controller, or of the unified hierarchy if it is "",
// by the text of /proc/self/cgroup: lines of "ID:CONTROLLERS:PATH" (cgroups(7)).
func cgroupOf(groups, controller string) (string, bool) {
	for line := range strings.Lines(groups) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) == 3 && slices.Contains(strings.Split(fields[1], ","), controller) {
			return fields[2], true
		}
	}
	return "", false
}
