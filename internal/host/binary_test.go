package host

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tracer/interpreter/facts"
)

// compile builds a program from testdata with gcc and the given flags.
func compile(t *testing.T, source string, flags ...string) string {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("gcc is not installed")
	}
	out := filepath.Join(t.TempDir(), "program")
	args := append([]string{"-o", out, filepath.Join("testdata", source)}, flags...)
	if text, err := exec.Command(gcc, args...).CombinedOutput(); err != nil {
		if errors.Is(err, syscall.ENOEXEC) {
			t.Skip("gcc is the host's, and of another architecture")
		}
		if strings.Contains(string(text), "sys/sdt.h") {
			t.Skip("sys/sdt.h is not installed (package systemtap-sdt-dev)")
		}
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}

// readelfNote is what "readelf -n" prints of a USDT note.
type readelfNote struct{ provider, name, pc, base, semaphore, args string }

// readelfNotes runs readelf and picks the notes out of its text.
func readelfNotes(t *testing.T, file string) []readelfNote {
	t.Helper()
	if _, err := exec.LookPath("readelf"); err != nil {
		t.Skip("readelf is not installed")
	}
	text, err := exec.Command("readelf", "-nW", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	pattern := regexp.MustCompile(`Provider: (\S+)\s+Name: (\S+)\s+Location: 0x(\S+), Base: 0x(\S+), Semaphore: 0x(\S+)\s+Arguments:([^\n]*)`)
	var notes []readelfNote
	for _, m := range pattern.FindAllStringSubmatch(string(text), -1) {
		notes = append(notes, readelfNote{m[1], m[2], m[3], m[4], m[5], strings.TrimSpace(m[6])})
	}
	return notes
}

func TestUSDTNotesAreThoseOfReadelf(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the operands are those of x86_64")
	}
	for _, flags := range [][]string{{"-O0"}, {"-O2"}, {"-O2", "-fno-pie", "-no-pie"}, {"-O2", "-shared", "-fPIC"}} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			file := compile(t, "sdt.c", flags...)
			want := readelfNotes(t, file)
			bin, err := Open(Options{}).Binary(file, 0)
			if err != nil {
				t.Fatal(err)
			}
			if len(want) != 3 || len(bin.USDT) != len(want) {
				t.Fatalf("%d notes, readelf sees %d of 3", len(bin.USDT), len(want))
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range want {
				i := slices.IndexFunc(bin.USDT, func(u facts.USDT) bool { return u.Provider == w.provider && u.Name == w.name })
				if i < 0 {
					t.Fatalf("%s:%s is missing", w.provider, w.name)
				}
				checkNote(t, w, bin.USDT[i], raw)
			}
		})
	}
}

// checkNote compares one note with readelf's; at its place is a nop, and its
// semaphore is a zero in the file.
func checkNote(t *testing.T, want readelfNote, got facts.USDT, raw []byte) {
	t.Helper()
	if got.Refused != "" || got.ArgText != want.args {
		t.Errorf("%s: args %q, want %q; refused %q", want.name, got.ArgText, want.args, got.Refused)
	}
	if raw[got.Offset] != 0x90 {
		t.Errorf("%s: at %#x is %#x, not a nop", want.name, got.Offset, raw[got.Offset])
	}
	if (got.SemaphoreOff != 0) != (strings.Trim(want.semaphore, "0") != "") {
		t.Errorf("%s: semaphore at %#x, readelf says %s", want.name, got.SemaphoreOff, want.semaphore)
	}
	if got.SemaphoreOff != 0 && (raw[got.SemaphoreOff] != 0 || raw[got.SemaphoreOff+1] != 0) {
		t.Errorf("%s: its semaphore is not zero in the file", want.name)
	}
	for i, a := range got.Args {
		if a.Refused != "" {
			t.Errorf("%s: argument %d, %q, is refused: %s", want.name, i, a.Text, a.Refused)
		}
	}
}

func TestSymbolRelativeOperandPointsAtTheVariable(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the operands are those of x86_64")
	}
	file := compile(t, "sdt.c", "-O2")
	nm, err := exec.Command("nm", file).Output()
	if err != nil {
		t.Skip("nm is not installed")
	}
	m := regexp.MustCompile(`(?m)^([0-9a-f]+) D global_value$`).FindSubmatch(nm)
	if m == nil {
		t.Fatal("global_value is not in the symbol table")
	}
	variable, _ := strconv.ParseInt(string(m[1]), 16, 64)
	bin, err := Open(Options{}).Binary(file, 0)
	if err != nil {
		t.Fatal(err)
	}
	var pc int64
	for _, n := range readelfNotes(t, file) {
		if n.name == "many" {
			pc, _ = strconv.ParseInt(n.pc, 16, 64)
		}
	}
	found := false
	for _, u := range bin.USDT {
		for _, a := range u.Args {
			if !strings.Contains(a.Text, "global_value(%rip)") {
				continue
			}
			found = true
			if a.Reg != "ip" || a.Kind != facts.USDTMem || pc+a.Disp != variable {
				t.Errorf("%+v at %#x is not at %#x", a, pc, variable)
			}
		}
	}
	if !found {
		t.Skip("this compiler loads global_value into a register")
	}
}

func TestFirstInstructionsThatUprobesRefuse(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the program is of x86_64")
	}
	file := compile(t, "lock.s", "-shared", "-nostdlib")
	bin, err := Open(Options{}).Binary(file, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"locked": refusedLock, "segmented": refusedSegment, "plain": "", "longer": "", "sizeless": "", "chosen": refusedIFunc}
	got := map[string]string{}
	for _, fn := range bin.Functions {
		got[fn.Name] = fn.Refused
		if fn.Indirect != (fn.Name == "chosen") {
			t.Errorf("%s: indirect %v", fn.Name, fn.Indirect)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if fns := bin.Function("sizeless"); len(fns) != 1 || fns[0].Size != 0 || fns[0].Offset == 0 {
		t.Errorf("sizeless: %+v", fns)
	}
}

func TestFunctionsAreThoseOfNM(t *testing.T) {
	libc, err := Open(Options{}).Binary("libc", 0)
	if err != nil {
		t.Skipf("no libc: %v", err)
	}
	text, err := exec.Command("nm", "-D", "--defined-only", libc.Path).Output()
	if err != nil {
		t.Skip("nm is not installed")
	}
	want := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && strings.Contains("TtWwi", fields[1]) {
			name, _, _ := strings.Cut(fields[2], "@")
			want[name+" "+strings.TrimLeft(fields[0], "0")] = true
		}
	}
	got := map[string]bool{}
	for _, fn := range libc.Functions {
		got[fn.Name+" "+strconv.FormatUint(fn.Addr, 16)] = true
	}
	missing := 0
	for name := range want {
		if !got[name] {
			missing++
			t.Logf("nm has %s", name)
		}
	}
	if missing > 0 || len(want) < 1000 {
		t.Errorf("%d functions of nm's %d are missing", missing, len(want))
	}
	if !slices.IsSortedFunc(libc.Functions, compareFunctions) {
		t.Error("not sorted")
	}
}

func TestFunctionsInGoAreMarked(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{
		"go.mod":  "module example\n\ngo 1.18\n",
		"main.go": "package main\n\nfunc main() { add(1) }\n\n//go:noinline\nfunc add(n int) int { return n }\n",
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-o", "program")
	build.Dir = dir
	text, err := build.CombinedOutput()
	if errors.Is(err, syscall.ENOEXEC) {
		t.Skip("Go is the host's, and of another architecture")
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	bin, err := Open(Options{}).Binary(filepath.Join(dir, "program"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if bin.GoVersion != runtime.Version() {
		t.Errorf("compiled with %q, want %q", bin.GoVersion, runtime.Version())
	}
	for _, name := range []string{"main.add", "runtime.mallocgc", "runtime.memmove"} {
		if fns := bin.Function(name); len(fns) != 1 || !fns[0].Go {
			t.Errorf("%s: %+v", name, fns)
		}
	}
	libc, err := Open(Options{}).Binary("libc", 0)
	if err != nil {
		t.Skip("there is no libc here")
	}
	if slices.ContainsFunc(libc.Functions, func(f facts.UserFunction) bool { return f.Go }) || libc.GoVersion != "" {
		t.Error("libc has functions in Go")
	}
}

func TestFileOffsetsAreThoseOfTheCode(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the program is of x86_64")
	}
	file := compile(t, "lock.s", "-shared", "-nostdlib")
	bin, err := Open(Options{}).Binary(file, 0)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, code := range map[string]byte{"locked": 0xf0, "segmented": 0x3e, "plain": 0xc3, "longer": 0x90} {
		fns := bin.Function(name)
		if len(fns) != 1 || raw[fns[0].Offset] != code {
			t.Errorf("%s: %+v does not begin with %#x", name, fns, code)
		}
	}
}

func TestWhatIsNoProgramSaysSo(t *testing.T) {
	dir := t.TempDir()
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	wrongClass := slices.Clone(self[:64])
	wrongClass[4] = 1
	files := map[string]struct {
		content []byte
		want    string
	}{
		"empty":     {nil, "not an ELF file"},
		"script":    {[]byte("#!/bin/sh\n"), "a script, run by \"/bin/sh\""},
		"header":    {self[:40], "cut off"},
		"cut":       {self[:len(self)/2], "outside of the file"},
		"32-bit":    {wrongClass, "64-bit"},
		"directory": {nil, "not a file"},
	}
	for name, tt := range files {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(dir, name)
			if name == "directory" {
				err = os.Mkdir(file, 0o755)
			} else {
				err = os.WriteFile(file, tt.content, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
			_, err := Open(Options{}).Binary(file, 0)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
	if _, err := Open(Options{}).Binary(filepath.Join(dir, "missing"), 0); !errors.Is(err, facts.ErrNotFound) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestBinaryIsReadOnce(t *testing.T) {
	h := Open(Options{})
	a, err := h.Binary("/proc/self/exe", 0)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := h.Binary("/proc/self/exe", 0); a != b {
		t.Error("read again")
	}
}

func TestOffsetsInsideAFunction(t *testing.T) {
	fn := facts.UserFunction{Name: "f", Offset: 0x1000, Size: 16}
	tests := []struct {
		name  string
		fn    facts.UserFunction
		delta uint64
		arch  string
		want  uint64
		err   string
	}{
		{"start", fn, 0, "x86_64", 0x1000, ""},
		{"inside", fn, 5, "x86_64", 0x1005, ""},
		{"last byte", fn, 15, "x86_64", 0x100f, ""},
		{"end", fn, 16, "x86_64", 0, "lies outside"},
		{"overflow", fn, ^uint64(0), "x86_64", 0, "lies outside"},
		{"arm64 aligned", fn, 8, "arm64", 0x1008, ""},
		{"arm64 not aligned", fn, 6, "arm64", 0, "not the start"},
		{"no size", facts.UserFunction{Name: "f", Offset: 1}, 1, "x86_64", 0, "does not say"},
		{"no size, start", facts.UserFunction{Name: "f", Offset: 1}, 0, "x86_64", 1, ""},
		{"refused start", facts.UserFunction{Name: "f", Size: 9, Refused: "why"}, 0, "x86_64", 0, "why"},
		{"behind a refused start", facts.UserFunction{Name: "f", Size: 9, Refused: "why"}, 4, "x86_64", 4, ""},
		{"indirect", facts.UserFunction{Name: "f", Size: 9, Refused: "why", Indirect: true}, 4, "x86_64", 0, "why"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.fn.At(tt.delta, tt.arch)
			if tt.err == "" && (err != nil || got != tt.want) {
				t.Errorf("got %#x, %v, want %#x", got, err, tt.want)
			}
			if tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}

func FuzzReadELF(f *testing.F) {
	for _, seed := range fuzzPrograms(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		bin, err := readELF(strings.NewReader(string(raw)), int64(len(raw)))
		if err != nil {
			return
		}
		for _, fn := range bin.Functions {
			if fn.Name == "" || (fn.Refused == "" && fn.Offset >= uint64(len(raw))) {
				t.Errorf("%+v in a file of %d bytes", fn, len(raw))
			}
		}
		for _, u := range bin.USDT {
			if u.Refused == "" && (u.Offset >= uint64(len(raw)) || u.SemaphoreOff >= uint64(len(raw))) {
				t.Errorf("%+v in a file of %d bytes", u, len(raw))
			}
		}
	})
}

// fuzzPrograms are small programs to begin with, where gcc is there.
func fuzzPrograms(f *testing.F) (seeds [][]byte) {
	for _, source := range []string{"sdt.c", "lock.s"} {
		out := filepath.Join(f.TempDir(), "p")
		if exec.Command("gcc", "-shared", "-nostdlib", "-fPIC", "-O2", "-Wl,-z,max-page-size=64", "-o", out, filepath.Join("testdata", source)).Run() != nil {
			continue
		}
		if raw, err := os.ReadFile(out); err == nil {
			seeds = append(seeds, raw)
		}
	}
	return append(seeds, []byte("\x7fELF\x02\x01\x01"))
}
