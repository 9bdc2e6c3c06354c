package host

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLimitsOfMemoryAreTheLeastOnTheWayUp(t *testing.T) {
	const (
		v2     = "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
		v1     = "30 27 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n31 27 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
		inside = "31 27 0:27 /docker/c1 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
		none   = "9223372036854771712\n"
	)
	for _, row := range []struct {
		name, mounts, groups string
		files                map[string]string
		limit                uint64
		group                string
	}{
		{"none is mounted", "", "0::/\n", nil, math.MaxUint64, ""},
		{"the group's own", v2, "0::/a/b\n", map[string]string{"a/memory.max": "max\n", "a/b/memory.max": "4096\n"}, 4096, "/a/b"},
		{"of the group above", v2, "0::/a/b\n", map[string]string{"a/memory.max": "100\n", "a/b/memory.max": "4096\n"}, 100, "/a"},
		{"none", v2, "0::/a\n", map[string]string{"a/memory.max": "max\n"}, math.MaxUint64, ""},
		{"version 1", v1, "4:memory:/x\n1:cpu:/y\n0::/\n", map[string]string{"memory/memory.limit_in_bytes": none, "memory/x/memory.limit_in_bytes": "8192\n"}, 8192, "/x"},
		{"both", v2 + v1, "4:memory:/x\n0::/a\n", map[string]string{"a/memory.max": "5\n", "memory/x/memory.limit_in_bytes": "7\n"}, 5, "/a"},
		{"in a container", inside, "4:memory:/docker/c1\n", map[string]string{"memory/memory.limit_in_bytes": "6\n"}, 6, "/"},
		{"a lie", v2, "0::/a\n", map[string]string{"a/memory.max": "-1 lots\n"}, math.MaxUint64, ""},
		{"no lines", v2, "garbage", nil, math.MaxUint64, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			root := t.TempDir()
			files := map[string]string{"proc/self/mountinfo": row.mounts, "proc/self/cgroup": row.groups}
			for name, text := range row.files {
				files[filepath.Join("sys/fs/cgroup", name)] = text
			}
			for name, text := range files {
				file := filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			limit, group := Open(Options{Root: root}).memoryLimit()
			if limit != row.limit || group != row.group {
				t.Errorf("got %d of %q, want %d of %q", limit, group, row.limit, row.group)
			}
		})
	}
}

// Kernels up to 5.10 count maps against another limit.
func TestMemoryCountsWhereTheKernelsTypesSaySo(t *testing.T) {
	h := Open(Options{})
	limit, _ := h.memoryLimit()
	counts := h.hasMember("bpf_map", "objcg") || h.hasMember("bpf_map", "memcg")
	if old := h.hasMember("bpf_map", "memory"); old == counts {
		t.Errorf("maps count against control groups: %v, against RLIMIT_MEMLOCK: %v", counts, old)
	}
	if err := h.FitsMemory(0); err != nil {
		t.Error(err)
	}
	if err := h.FitsMemory(math.MaxUint64); limit < math.MaxUint64 && errors.Is(err, unix.ENOMEM) != counts {
		t.Errorf("limit %d: error %v, maps count: %v", limit, err, counts)
	}
}
