package symbol

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"syscall"
	"testing"
	"time"

	"tracer/interpreter/unit"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

const kallsyms = `0000000000000000 A fixed_percpu_data
ffffffff81000000 T _stext
ffffffff81000100 T vfs_read
ffffffff81000100 t vfs_read_alias
ffffffff82000000 D avenrun
ffffffffc0000000 t ext4_read	[ext4]
`

func TestKernelSymbols(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "kallsyms"), kallsyms)
	r := New(Options{Proc: dir})
	rows := []struct {
		name string
		addr uint64
		want string
	}{
		{"start", 0xffffffff81000000, "_stext"},
		{"inside", 0xffffffff8100009c, "_stext+0x9c"},
		{"first of two names", 0xffffffff81000100, "vfs_read"},
		{"module", 0xffffffffc0000010, "ext4_read+0x10 [ext4]"},
		{"below all", 0x1000, ""},
		{"far above the last", 0xffffffffd0000000, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			s, ok := r.KernelSymbol(row.addr)
			if got := string(s.Append(nil)); got != row.want || ok != (row.want != "") {
				t.Errorf("got %q, %t", got, ok)
			}
		})
	}
	if addr, err := r.KernelAddress("avenrun"); err != nil || addr != 0xffffffff82000000 {
		t.Errorf("avenrun is at %#x, %v", addr, err)
	}
	if _, err := r.KernelAddress("nonsense"); err == nil {
		t.Error("a symbol that is not listed has an address")
	}
}

func TestHiddenKernelAddressesSayWhy(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "kallsyms"), "0000000000000000 T _stext\n")
	r := New(Options{Proc: dir})
	if _, err := r.KernelAddress("_stext"); !errors.Is(err, ErrHidden) {
		t.Errorf("got %v", err)
	}
	if _, ok := r.KernelSymbol(0); ok {
		t.Error("address 0 has a name")
	}
	if _, err := New(Options{Proc: t.TempDir()}).KernelAddress("_stext"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without kallsyms: %v", err)
	}
}

func TestUsernames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "passwd")
	write(t, path, "root:x:0:0:root:/root:/bin/sh\n# comment\nbad:x:no:0::/:\nalice:x:1000:1000::/home/alice:/bin/sh\nalso:x:1000:1000::/:/bin/sh\n")
	r := New(Options{Passwd: path})
	if name, ok := r.Username(1000); name != "alice" || !ok {
		t.Errorf("1000 is %q, %t", name, ok)
	}
	if uid, ok := r.UserID("also"); uid != 1000 || !ok {
		t.Errorf("also is %d, %t", uid, ok)
	}
	if _, ok := r.Username(7); ok {
		t.Error("an unknown id has a name")
	}
}

func TestCgroupPathsOutliveTheirDirectories(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "system.slice", "a.service")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	inode := func(path string) uint64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Sys().(*syscall.Stat_t).Ino
	}
	id, top := inode(dir), inode(root)
	r := New(Options{Cgroup: root})
	if path, ok := r.CgroupPath(id); path != "/system.slice/a.service" || !ok {
		t.Errorf("got %q, %t", path, ok)
	}
	if path, ok := r.CgroupPath(top); path != "/" || !ok {
		t.Errorf("root is %q, %t", path, ok)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if _, ok := r.CgroupPath(id); !ok {
		t.Error("the path is forgotten")
	}
	if _, ok := r.CgroupPath(1 << 60); ok {
		t.Error("an unknown id has a path")
	}
}

//go:noinline
func probed() uintptr { return reflect.ValueOf(probed).Pointer() }

// The test binary is linked statically and has a symbol table unless the linker
// strips it.
func TestUserSymbolsOfThisProcess(t *testing.T) {
	r := New(Options{})
	s, ok := r.UserSymbol(uint32(os.Getpid()), uint64(probed())+1)
	if !ok {
		t.Fatal("the function is in no mapping")
	}
	binary := filepath.Base(os.Args[0])
	want := unit.Symbol{Name: "tracer/internal/symbol.probed", Offset: 1}
	if s != want && s.Name != binary {
		t.Errorf("got %+v", s)
	}
	if _, ok := r.UserSymbol(uint32(os.Getpid()), 16); ok {
		t.Error("an unmapped address has a name")
	}
	if _, ok := r.UserSymbol(1<<31-1, 16); ok {
		t.Error("a process that is not there has symbols")
	}
}

// What stands at a mapping's path may be anything by now: a pipe is not waited for, and
// what is no ELF file has no names.
func TestUserSymbolsOfWhatIsNoProgram(t *testing.T) {
	proc := t.TempDir()
	root := filepath.Join(proc, "7", "root")
	if err := os.MkdirAll(root, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(proc, "7", "maps"), "1000-2000 r-xp 00000000 08:01 5 /pipe\n3000-4000 r-xp 00000100 08:01 6 /text\n")
	write(t, filepath.Join(root, "text"), "no program")
	if err := syscall.Mkfifo(filepath.Join(root, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := New(Options{Proc: proc})
	for addr, want := range map[uint64]unit.Symbol{0x1004: {Name: "pipe", Offset: 4}, 0x3008: {Name: "text", Offset: 0x108}} {
		if got, ok := r.UserSymbol(7, addr); got != want || !ok {
			t.Errorf("%#x is %+v, %t, want %+v", addr, got, ok, want)
		}
	}
}

func TestMappingsAreReadFromMaps(t *testing.T) {
	rows := []struct {
		line string
		want mapping
		ok   bool
	}{
		{"7f0000001000-7f0000002000 r-xp 00001000 08:01 42   /usr/lib/with space.so\n", mapping{0x7f0000001000, 0x7f0000002000, 0x1000, fileID{"08:01", 42}, "/usr/lib/with space.so"}, true},
		{"7f0000001000-7f0000002000 r--p 00001000 08:01 42   /usr/lib/a.so\n", mapping{}, false},
		{"7f0000001000-7f0000002000 r-xp 00000000 00:00 0\n", mapping{}, false},
		{"7ffd1000-7ffd2000 r-xp 00000000 00:00 0    [vdso]\n", mapping{0x7ffd1000, 0x7ffd2000, 0, fileID{"00:00", 0}, "[vdso]"}, true},
		{"nonsense", mapping{}, false},
	}
	for _, row := range rows {
		if got, ok := parseMapping(row.line); ok != row.ok || ok && got != row.want {
			t.Errorf("%q: got %+v, %t", row.line, got, ok)
		}
	}
}

func TestWallTime(t *testing.T) {
	offset, err := WallOffset()
	if err != nil {
		t.Fatal(err)
	}
	now, err := Monotonic()
	if err != nil {
		t.Fatal(err)
	}
	if off := time.Since(New(Options{WallOffset: offset}).WallTime(now)).Abs(); off > time.Second {
		t.Errorf("off by %s", off)
	}
}

func FuzzParsersNeverPanic(f *testing.F) {
	f.Add("ffffffffc0000000 t ext4_read\t[ext4]\n")
	f.Add("7ffd1000-7ffd2000 r-xp 00000000 00:00 0    [vdso]\n")
	f.Fuzz(func(_ *testing.T, line string) {
		parseMapping(line)
		parseKallsym(line)
	})
}
