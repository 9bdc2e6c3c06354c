package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"tracer/interpreter/facts"
)

// Cgroup is the id of a control group of the unified hierarchy (v2) and its
// depth below the root, as bpf_get_current_ancestor_cgroup_id counts it. The
// path is from the root of the hierarchy: "/system.slice". Errors wrap
// facts.ErrNotFound if there is no such group, or no unified hierarchy is
// mounted.
//
// The id is the directory's inode number, which kernfs makes of it on 64-bit
// machines (fs/kernfs, 5.5).
func (h *Host) Cgroup(name string) (id uint64, level int, err error) {
	root, err := h.cgroupMount()
	if err != nil {
		return 0, 0, err
	}
	name = path.Clean("/" + name)
	info, err := os.Stat(filepath.Join(root, name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, 0, fmt.Errorf("%s has no %s: %w", root, name, facts.ErrNotFound)
	case err != nil:
		return 0, 0, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() {
		return 0, 0, fmt.Errorf("%s is no control group: %w", name, facts.ErrNotFound)
	}
	if name != "/" {
		level = strings.Count(name, "/")
	}
	return stat.Ino, level, nil
}

// cgroupMount is where the root of the unified hierarchy is mounted.
func (h *Host) cgroupMount() (string, error) {
	mounts, err := os.ReadFile(h.path("/proc/self/mountinfo"))
	if err != nil {
		return "", err
	}
	if root, dir := cgroupMountOf(string(mounts), "cgroup2", ""); root == "/" {
		return h.path(dir), nil
	}
	return "", fmt.Errorf("no unified hierarchy of control groups is mounted (mount -t cgroup2 none /sys/fs/cgroup/unified): %w", facts.ErrNotFound)
}

// cgroupMountOf is where a hierarchy of control groups is mounted and which group
// is its root there, by the text of /proc/self/mountinfo; "" if it is not. A mount
// of the whole hierarchy goes before others. The unified hierarchy has no
// controller.
func cgroupMountOf(mounts, fsType, controller string) (root, dir string) {
	for line := range strings.Lines(mounts) {
		// "41 31 0:38 ROOT MOUNTPOINT OPTIONS… - TYPE SOURCE SUPEROPTIONS" (proc(5)).
		mount, kind, _ := strings.Cut(line, " - ")
		fields, super := strings.Fields(mount), strings.Fields(kind)
		if len(fields) < 5 || len(super) < 3 || super[0] != fsType ||
			controller != "" && !slices.Contains(strings.Split(super[2], ","), controller) {
			continue
		}
		if root == "" || fields[3] == "/" {
			root, dir = unescapeMount(fields[3]), unescapeMount(fields[4])
		}
		if root == "/" {
			break
		}
	}
	return root, dir
}

// unescapeMount undoes the escapes of mountinfo: \040 for a space and so on.
func unescapeMount(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
