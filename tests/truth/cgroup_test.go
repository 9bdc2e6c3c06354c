package truth

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnderCgroup counts the calls of a program in a control group of its own,
// at the group, above it and beside it.
func TestUnderCgroup(t *testing.T) {
	root := "/sys/fs/cgroup/unified"
	if _, err := os.Stat(filepath.Join(root, "cgroup.procs")); err != nil {
		root = "/sys/fs/cgroup"
	}
	if _, err := os.Stat(filepath.Join(root, "cgroup.procs")); err != nil {
		t.Skip("no unified hierarchy of control groups is mounted")
	}
	name := fmt.Sprintf("truth-%d", os.Getpid())
	inner := filepath.Join(root, name, "inner")
	if err := os.MkdirAll(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = os.Remove(inner)
		_ = os.Remove(filepath.Dir(inner))
	})
	if ok, says := planned(t, fmt.Sprintf("probe \"syscall\" \"p\" {\n  target = \"getppid\"\n  where  = under_cgroup(%q)\n}\n", "/"+name+"/inner")); !ok {
		need(t, "ancestor_cgroup", !strings.Contains(says, "Not possible on this kernel"))
		t.Errorf("no plan: %s", says)
	}
	const n = 1000
	for _, row := range []struct {
		name, group string
		want        int
	}{
		{"its own group", "/" + name + "/inner", n},
		{"the group above", "/" + name, n},
		{"the root", "/", n},
		{"the group above, called from outside", "/" + name, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := ""
			if row.want > 0 {
				before = fmt.Sprintf("echo $$ > %s/cgroup.procs && ", inner)
			}
			exact{
				run: run{workload: fmt.Sprintf("tw-syscalls getppid %d 1", n), before: before, spec: fmt.Sprintf(`
probe "syscall" "p" {
  target = "getppid"
  where  = comm == "truth" && under_cgroup(%q)
  aggregate "t" {
    values = { n = count() }
  }
}`, row.group)},
				tables: map[string]rows{"t": {"": {"n": text(row.want)}}},
				taken:  map[string]int{"syscall.p": row.want},
			}.check(t)
		})
	}
}
