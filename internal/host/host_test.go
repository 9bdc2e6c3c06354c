package host

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"tracer/interpreter/facts"
)

func itoa(n int) string { return strconv.Itoa(n) }

// needFile skips a test on a machine that lacks a file.
func needFile(t testing.TB, path string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Skipf("this machine has no readable %s", path)
	}
}

func TestKernelIsThisOne(t *testing.T) {
	k := Open(Options{}).Kernel()
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		t.Fatal(err)
	}
	if k.Release != strings.TrimSpace(string(text)) || k.Arch != architectures[runtime.GOARCH] || k.CPUs < 1 {
		t.Errorf("%+v", k)
	}
}

func TestEveryTracepointHasAFormat(t *testing.T) {
	needFile(t, "/sys/kernel/tracing/available_events")
	h := Open(Options{})
	names, err := h.Tracepoints()
	if err != nil || len(names) < 100 || !slices.IsSorted(names) {
		t.Fatalf("%d names, %v", len(names), err)
	}
	for _, name := range names {
		category, event, _ := strings.Cut(name, ":")
		f, err := h.Tracepoint(category, event)
		if err != nil || f.Category != category || f.Event != event {
			t.Errorf("%s: %v", name, err)
		}
	}
	dirs, err := listEvents("/sys/kernel/tracing/events")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if _, ok := slices.BinarySearch(dirs, name); !ok {
			t.Errorf("%s has no directory", name)
		}
	}
}

func TestUnknownTracepointsAreNotFound(t *testing.T) {
	needFile(t, "/sys/kernel/tracing/available_events")
	h := Open(Options{})
	for _, name := range [][2]string{{"sched", "nosuch"}, {"nosuch", "x"}, {"..", "x"}, {"sched/..", "sched"}, {"", ""}, {"sched", ".."}} {
		if f, err := h.Tracepoint(name[0], name[1]); !errors.Is(err, facts.ErrNotFound) {
			t.Errorf("%v: %v, %v", name, f, err)
		}
	}
}

func TestWithoutTracefsTheErrorSaysWhatToDo(t *testing.T) {
	h := Open(Options{Root: t.TempDir(), MountTracefs: true})
	_, err := h.Tracepoints()
	if err == nil || !strings.Contains(err.Error(), tracefsAdvice) {
		t.Errorf("error %v", err)
	}
	if _, err := h.Tracepoint("sched", "sched_switch"); err == nil || !strings.Contains(err.Error(), tracefsAdvice) {
		t.Errorf("error %v", err)
	}
	if len(h.Notices()) != 0 {
		t.Errorf("notices %v of what was not done", h.Notices())
	}
}

// mountChild is set in a child process that has a mount namespace of its own.
const mountChild = "TRACER_TEST_MOUNT_CHILD"

func TestTracefsIsMountedOnceAndReported(t *testing.T) {
	if os.Getenv(mountChild) != "" {
		mountTracefsHere(t)
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("only root may mount")
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), mountChild+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	text, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, unix.EPERM):
		t.Skip("this root may not make mount namespaces")
	case err != nil:
		t.Errorf("%v\n%s", err, text)
	case strings.Contains(string(text), "--- SKIP"):
		t.Skipf("%s", text)
	case !strings.Contains(string(text), "--- PASS"):
		t.Errorf("the child did nothing: %s", text)
	}
}

// mountTracefsHere takes tracefs away and has it mounted again.
func mountTracefsHere(t *testing.T) {
	for _, dir := range append([]string{"/sys/kernel/debug"}, tracefsDirs...) {
		for unix.Unmount(dir, unix.MNT_DETACH) == nil {
			t.Logf("unmounted %s", dir)
		}
	}
	if _, err := Open(Options{}).Tracepoints(); err == nil || !strings.Contains(err.Error(), tracefsAdvice) {
		t.Fatalf("without leave to mount: %v", err)
	}
	h := Open(Options{MountTracefs: true})
	if _, err := h.Tracepoints(); errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		t.Skip(err)
	}
	if f, err := h.Tracepoint("sched", "sched_switch"); err != nil || f.ID == 0 {
		t.Errorf("%v, %v", f, err)
	}
	if n := h.Notices(); len(n) != 1 || !strings.Contains(n[0], tracefsDirs[0]) {
		t.Errorf("notices %q", n)
	}
	again := Open(Options{MountTracefs: true})
	if _, err := again.Tracepoints(); err != nil || len(again.Notices()) != 0 {
		t.Errorf("mounted again: %v, %q", err, again.Notices())
	}
	for range 20 {
		mountTogether(t)
	}
}

// mountTogether has many look for tracefs at once: one of them mounts it.
func mountTogether(t *testing.T) {
	if err := unix.Unmount(tracefsDirs[0], unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var notices atomic.Int32
	for range 8 {
		all.Go(func() {
			h := Open(Options{MountTracefs: true})
			if _, err := h.tracefs(); err != nil {
				t.Error(err)
			}
			notices.Add(int32(len(h.Notices())))
		})
	}
	all.Wait()
	if n := notices.Load(); n != 1 {
		t.Errorf("%d say that they mounted it, want one", n)
	}
}

func TestTracefsBelowDebugfsIsFound(t *testing.T) {
	root := image(t, map[string]string{
		"/sys/kernel/debug/tracing/events/c/e/format": "name: e\nID: 5\nformat:\n\tfield:int x;\toffset:8;\tsize:4;\tsigned:1;\n\nprint fmt: \"\"\n",
		"/sys/kernel/debug/tracing/events/c/enable":   "0\n",
	})
	h := Open(Options{Root: root})
	names, err := h.Tracepoints()
	if diff := cmp.Diff([]string{"c:e"}, names); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if f, err := h.Tracepoint("c", "e"); err != nil || f.ID != 5 || f.Size != 12 {
		t.Errorf("%+v, %v", f, err)
	}
}

func BenchmarkStart(b *testing.B) {
	needFile(b, "/sys/kernel/tracing/events/sched/sched_switch/format")
	for b.Loop() {
		h := Open(Options{})
		if _, err := h.Tracepoint("sched", "sched_switch"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStartWithBTF(b *testing.B) {
	needFile(b, "/sys/kernel/btf/vmlinux")
	for b.Loop() {
		spec, err := Open(Options{}).BTF()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := spec.AnyTypeByName("task_struct"); err != nil {
			b.Fatal(err)
		}
	}
}
