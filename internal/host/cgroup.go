package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
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
	raw, err := os.ReadFile(h.path("/proc/self/mountinfo"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(raw)) {
		// "41 31 0:38 ROOT MOUNTPOINT OPTIONS… - TYPE SOURCE …" (proc(5)).
		mount, kind, ok := strings.Cut(line, " - ")
		fields := strings.Fields(mount)
		if ok && strings.HasPrefix(kind, "cgroup2 ") && len(fields) > 4 && fields[3] == "/" {
			return h.path(unescapeMount(fields[4])), nil
		}
	}
	return "", fmt.Errorf("no unified hierarchy of control groups is mounted (mount -t cgroup2 none /sys/fs/cgroup/unified): %w", facts.ErrNotFound)
}

// unescapeMount undoes the escapes of mountinfo: \040 for a space and so on.
func unescapeMount(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
