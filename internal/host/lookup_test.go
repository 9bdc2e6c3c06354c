package host

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"tracer/interpreter/facts"
)

// image makes a root directory with files: those whose content begins with
// "->" are links.
func image(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(content, "->"); ok {
			err = os.Symlink(target, file)
		} else {
			err = os.WriteFile(file, []byte(content), 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// libDir is the multiarch directory of this architecture.
func libDir() string { return libraryDirs[architectures[runtime.GOARCH]][0] }

func TestNamesAreFoundAsTheLoaderWould(t *testing.T) {
	const so = "\x7fELF"
	lib := libDir()
	root := image(t, map[string]string{
		lib + "/libssl.so.1.1":    so,
		lib + "/libssl.so.3":      so,
		lib + "/libssl.so":        "->libssl.so.3",
		lib + "/libc.so.6":        so,
		lib + "/libc.so":          "/* GNU ld script */",
		lib + "/libcrypto.so.3":   so,
		"/opt/lib/libcrypto.so.9": so,
		lib + "/libten.so.9":      so,
		lib + "/libten.so.10":     so,
		"/usr/bin/tool":           so,
		"/usr/bin/libtool":        so,
		"/usr/bin/data.so":        so,
		"/opt/abs":                "->/usr/bin/tool",
		"/opt/up":                 "->../../../../usr/bin/tool",
		"/opt/loop":               "->/opt/loop",
		"/opt/dir/x":              "",
	})
	env := map[string]string{"PATH": "relative:/none:/usr/bin", "LD_LIBRARY_PATH": "/none:/opt/lib"}
	h := Open(Options{Root: root, Getenv: func(n string) string { return env[n] }})
	tests := []struct{ name, want string }{
		{"libssl", lib + "/libssl.so.3"},
		{"libssl.so", lib + "/libssl.so.3"},
		{"libssl.so.1.1", lib + "/libssl.so.1.1"},
		{"libc", lib + "/libc.so.6"},
		{"libcrypto", "/opt/lib/libcrypto.so.9"},
		{"libten", lib + "/libten.so.10"},
		{"tool", "/usr/bin/tool"},
		{"libtool", "/usr/bin/libtool"},
		{"data.so", "/usr/bin/data.so"},
		{"/usr/bin/tool", "/usr/bin/tool"},
		{"/opt/abs", "/usr/bin/tool"},
		{"/opt/up", "/usr/bin/tool"},
		{"libssl.so.4", ""},
		{"libss", ""},
		{"nothing", ""},
		{"", ""},
		{"/opt/none", ""},
	}
	for _, tt := range tests {
		got, err := h.locate(tt.name, 0)
		switch {
		case tt.want == "" && !errors.Is(err, facts.ErrNotFound):
			t.Errorf("%q: %q, %v; want not found", tt.name, got, err)
		case tt.want != "" && (err != nil || got != filepath.Join(root, tt.want)):
			t.Errorf("%q: %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
	for name, want := range map[string]string{"/opt/loop": "symbolic links", "/opt/dir": "not a file"} {
		if got, err := h.locate(name, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v; want %q", name, got, err, want)
		}
	}
}

func TestVersionsCompareByNumber(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"3", "1.1", 1}, {"10", "9", 1}, {"", "1", -1}, {"1.1", "1.1", 0}, {"1.1", "1", 1}, {"6", "6.0.1", -1},
	}
	for _, tt := range tests {
		if got := compareVersions(tt.a, tt.b); got != tt.want {
			t.Errorf("compare %q, %q = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestLibrariesOfAProcessAreThoseItHasMapped(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Skip("sleep is not installed")
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	h := Open(Options{})
	ours, err := h.locate("libc", 0)
	if err != nil {
		t.Skipf("no libc: %v", err)
	}
	waitMapped(t, cmd.Process.Pid, ours)
	theirs, err := h.locate("libc", cmd.Process.Pid)
	if err != nil || theirs != ours {
		t.Errorf("%q, %v; want %q", theirs, err, ours)
	}
	if prog, err := h.locate("sleep", cmd.Process.Pid); err != nil {
		t.Errorf("sleep is not found in PATH of the process: %q, %v", prog, err)
	}
}

// waitMapped waits until a process has a library mapped.
func waitMapped(t *testing.T, pid int, lib string) {
	t.Helper()
	for range 2000 {
		text, err := os.ReadFile(filepath.Join("/proc", itoa(pid), "maps"))
		if err == nil && strings.Contains(string(text), filepath.Base(lib)) {
			return
		}
		runtime.Gosched()
	}
	t.Skip("the process maps no such library")
}

func TestFilesOfAnotherRootAreFoundThere(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may change the root directory")
	}
	program := compile(t, "wait.c", "-static")
	raw, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	lib := libDir()
	root := image(t, map[string]string{
		"/bin/waiter":        string(raw),
		"/bin/absolute":      "->/bin/waiter",
		lib + "/libown.so.1": string(raw),
	})
	cmd := exec.Command("/bin/waiter")
	cmd.Env = []string{"PATH=/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stdin.Close(); _ = cmd.Wait() }()
	pid := cmd.Process.Pid
	h := Open(Options{})
	base := "/proc/" + itoa(pid) + "/root"
	for name, want := range map[string]string{
		"/bin/absolute": base + "/bin/waiter", "waiter": base + "/bin/waiter", "libown": base + lib + "/libown.so.1",
	} {
		b, err := h.Binary(name, pid)
		if err != nil || b.Path != want || len(b.Function("main")) != 1 {
			t.Errorf("%s: %+v, %v; want %s", name, b, err, want)
		}
	}
	if _, err := h.Binary("bin/waiter", pid); !errors.Is(err, facts.ErrNotFound) {
		t.Errorf("a relative path: %v", err)
	}
}

func TestNoSuchProcessIsNotFound(t *testing.T) {
	if _, err := Open(Options{}).Binary("libc", 1<<30); !errors.Is(err, facts.ErrNotFound) {
		t.Errorf("error %v", err)
	}
}

func TestMaps(t *testing.T) {
	const text = `55d0c0000000-55d0c0001000 r--p 00000000 fe:00 123    /usr/bin/x
55d0c0001000-55d0c0002000 r-xp 00001000 fe:00 123                  /usr/bin/x
7f0000000000-7f0000001000 r-xp 00000000 fe:00 124                  /lib/lib with blank.so (deleted)
7f0000002000-7f0000003000 r-xp 00000000 00:00 0                    [vdso]
7f0000004000-7f0000005000 r-xp 00000000 00:00 0
7f0000006000-7f0000007000 r-xp 00000000 fe:00 123                  /usr/bin/x
garbage
`
	got := parseMaps([]byte(text))
	want := []mapping{
		{span: "55d0c0001000-55d0c0002000", path: "/usr/bin/x"},
		{span: "7f0000000000-7f0000001000", path: "/lib/lib with blank.so", deleted: true},
	}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v", got)
	}
}
