package host

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"tracer/interpreter/facts"
)

func TestCgroupsAreFoundBelowTheUnifiedMount(t *testing.T) {
	h := Open(Options{})
	root, err := h.cgroupMount()
	if err != nil {
		root = filepath.Join("/proc", "none")
	}
	rows := []struct {
		name  string
		path  string
		level int
		err   error
	}{
		{"the root", "/", 0, nil},
		{"a group that is not there", "/no/such/group", 0, facts.ErrNotFound},
		{"a way out of the hierarchy stays in it", "/../../etc", 0, facts.ErrNotFound},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			id, level, got := h.Cgroup(row.path)
			if err != nil {
				row.err = facts.ErrNotFound // nothing is mounted
			}
			if !errors.Is(got, row.err) || level != row.level {
				t.Fatalf("level %d, error %v, want level %d, error %v (root %s)", level, got, row.level, row.err, root)
			}
			if got == nil && id == 0 {
				t.Error("the id is 0")
			}
		})
	}
}

func TestMountsAreReadFromMountinfo(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"/proc/self/mountinfo": "30 27 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n" +
			"40 31 0:38 /inner /elsewhere rw - cgroup2 cgroup2 rw\n" +
			"41 31 0:38 / /sys/fs/cgroup/my\\040groups rw,relatime - cgroup2 cgroup2 rw\n",
		"/sys/fs/cgroup/my groups/a/b/file": "",
	} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	h := Open(Options{Root: root})
	if _, level, err := h.Cgroup("/a/b"); err != nil || level != 2 {
		t.Errorf("/a/b: level %d, error %v, want 2", level, err)
	}
	if _, _, err := h.Cgroup("/a/b/file"); !errors.Is(err, facts.ErrNotFound) {
		t.Errorf("a file: error %v, want ErrNotFound", err)
	}
}
