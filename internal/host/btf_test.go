package host

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"

	"tracer/interpreter/facts"
)

func TestRawTracepointsHavePrototypes(t *testing.T) {
	needFile(t, "/sys/kernel/btf/vmlinux")
	h := Open(Options{})
	names, err := h.RawTracepoints()
	if err != nil || len(names) < 100 || !slices.IsSorted(names) {
		t.Fatalf("%d names, %v", len(names), err)
	}
	for _, name := range names {
		if _, _, err := h.RawTracepoint(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	proto, module, err := h.RawTracepoint("sched_switch")
	if err != nil || module != "" {
		t.Fatal(module, err)
	}
	var params []string
	for _, p := range proto.Params {
		params = append(params, p.Name)
	}
	if !slices.Contains(params, "prev") || !slices.Contains(params, "next") || slices.Contains(params, "__data") {
		t.Errorf("parameters %v", params)
	}
	if _, _, err := h.RawTracepoint("nosuch"); !errors.Is(err, facts.ErrNotFound) {
		t.Errorf("nosuch: %v", err)
	}
}

func TestRawTracepointsAreTheIteratorsOfKallsyms(t *testing.T) {
	needFile(t, "/sys/kernel/btf/vmlinux")
	h := Open(Options{})
	names, err := h.RawTracepoints()
	if err != nil {
		t.Fatal(err)
	}
	text, err := h.kallsyms()
	if err != nil {
		t.Skip(err)
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root: loads programs")
	}
	empty := &ebpf.ProgramSpec{Type: ebpf.RawTracepoint, Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}}
	attach := func(name string) func(*ebpf.Program) error {
		return func(p *ebpf.Program) error {
			l, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: name, Program: p})
			if err == nil {
				err = l.Close()
			}
			return err
		}
	}
	if err := h.load(empty, nil, attach("sched_switch")); err != nil {
		t.Fatal(err)
	}
	all := 0
	for line := range strings.Lines(text) {
		s, _ := parseSymbol(line)
		name, ok := strings.CutPrefix(s.name, facts.RawTracepointIterator)
		if !ok || s.module != "" {
			continue
		}
		all++
		if _, found := slices.BinarySearch(names, name); !found {
			// Before 5.13 there are some without an event, which take no programs.
			if err := h.load(empty, nil, attach(name)); err == nil {
				t.Errorf("%s takes programs", name)
			}
		}
	}
	if all == 0 {
		t.Skip("kernels before 5.10 have no iterators")
	}
}

func TestFunctionsOfBTF(t *testing.T) {
	needFile(t, "/sys/kernel/btf/vmlinux")
	h := Open(Options{})
	fn, module, err := h.FindFunc("vfs_read")
	if err != nil || module != "" || fn.Name != "vfs_read" {
		t.Fatalf("%v, %q, %v", fn, module, err)
	}
	if proto := fn.Type.(*btf.FuncProto); len(proto.Params) != 4 || proto.Params[0].Name != "file" {
		t.Errorf("vfs_read%v", proto.Params)
	}
	for _, name := range []string{"nosuch_function", "task_struct", "int"} {
		if _, _, err := h.FindFunc(name); !errors.Is(err, facts.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFunctionsOfModulesAreFoundWithTheirModule(t *testing.T) {
	needFile(t, "/sys/kernel/btf/vmlinux")
	h := Open(Options{})
	base, err := h.BTF()
	if err != nil {
		t.Fatal(err)
	}
	modules, err := h.types.moduleNames()
	if err != nil || len(modules) == 0 {
		t.Skip("no module with BTF is loaded")
	}
	for _, module := range modules {
		spec, err := h.types.module(module)
		if err != nil {
			t.Errorf("%s: %v", module, err)
			continue
		}
		for typ, err := range spec.All() {
			fn, ok := typ.(*btf.Func)
			if err != nil || !ok {
				continue
			}
			if _, err := facts.FuncByName(base, fn.Name); err == nil {
				continue
			}
			if got, where, err := h.FindFunc(fn.Name); err != nil || got.Name != fn.Name || !slices.Contains(modules, where) {
				t.Errorf("%s of %s: found in %q, %v", fn.Name, module, where, err)
			}
			if got, err := h.FuncIn(fn.Name, module); err != nil || got.Name != fn.Name {
				t.Errorf("%s in %s: %v", fn.Name, module, err)
			}
			for _, other := range []string{"", "nosuch"} {
				if _, err := h.FuncIn(fn.Name, other); !errors.Is(err, facts.ErrNotFound) {
					t.Errorf("%s of %s: found in %q: %v", fn.Name, module, other, err)
				}
			}
			break
		}
	}
}

// smallBTF is the BTF of a kernel with one function and one raw tracepoint.
func smallBTF(t testing.TB) []byte {
	t.Helper()
	number := &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}
	data := btf.FuncParam{Name: "__data", Type: &btf.Pointer{Target: (*btf.Void)(nil)}}
	return rawTypes(t,
		&btf.Struct{Name: "pt_regs", Size: 4, Members: []btf.Member{{Name: "di", Type: number}}},
		&btf.Func{Name: "do_it", Type: &btf.FuncProto{Return: number, Params: []btf.FuncParam{{Name: "n", Type: number}}}, Linkage: btf.GlobalFunc},
		&btf.Typedef{Name: "btf_trace_happened", Type: &btf.Pointer{Target: &btf.FuncProto{Return: (*btf.Void)(nil), Params: []btf.FuncParam{data, {Type: number}}}}},
		&btf.Typedef{Name: "btf_trace_wrong", Type: number},
	)
}

// writeFile writes a file that is gone after the test.
func writeFile(t testing.TB, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "btf")
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestBTFFileAnswersOnlyWhatTypesTell(t *testing.T) {
	f, err := OpenBTFFile(writeFile(t, smallBTF(t)))
	if err != nil {
		t.Fatal(err)
	}
	if k := f.Kernel(); k.Arch != "x86_64" || k.CPUs != 1 {
		t.Errorf("%+v", k)
	}
	if fn, _, err := f.FindFunc("do_it"); err != nil || fn.Name != "do_it" {
		t.Errorf("do_it: %v", err)
	}
	if names, err := f.RawTracepoints(); err != nil || !slices.Equal(names, []string{"happened", "wrong"}) {
		t.Errorf("%v, %v", names, err)
	}
	if proto, _, err := f.RawTracepoint("happened"); err != nil || len(proto.Params) != 1 {
		t.Errorf("%v, %v", proto, err)
	}
	if _, _, err := f.RawTracepoint("wrong"); err == nil || errors.Is(err, facts.ErrNotFound) {
		t.Errorf("wrong: %v", err)
	}
	if _, _, err := f.RawTracepoint("none"); !errors.Is(err, facts.ErrNotFound) {
		t.Errorf("none: %v", err)
	}
	_, err1 := f.Tracepoints()
	_, err2 := f.Tracepoint("a", "b")
	_, err3 := f.Functions()
	_, err4 := f.Symbol("x")
	_, err5 := f.Binary("libc", 0)
	for i, err := range []error{err1, err2, err3, err4, err5, f.Feature(facts.Kprobe)} {
		if !errors.Is(err, facts.ErrUnknown) {
			t.Errorf("question %d: %v", i+1, err)
		}
	}
}

func TestBTFOfThisKernelAsAFile(t *testing.T) {
	raw, err := os.ReadFile("/sys/kernel/btf/vmlinux")
	if err != nil {
		t.Skip("this kernel has no BTF")
	}
	f, err := OpenBTFFile(writeFile(t, raw))
	if err != nil {
		t.Fatal(err)
	}
	if f.Kernel().Arch != architectures[runtime.GOARCH] {
		t.Errorf("%+v", f.Kernel())
	}
	if _, _, err := f.FindFunc("vfs_read"); err != nil {
		t.Error(err)
	}
}

func TestDamagedBTFIsAnError(t *testing.T) {
	raw := smallBTF(t)
	for n := range raw {
		if n == 0 || n%7 != 0 && n > 64 {
			continue
		}
		if _, err := OpenBTFFile(writeFile(t, raw[:n])); err == nil {
			t.Errorf("%d of %d bytes are accepted", n, len(raw))
		}
	}
	for name, content := range map[string][]byte{"empty": nil, "text": []byte("hello"), "only a magic": {0x9f, 0xeb}} {
		if _, err := OpenBTFFile(writeFile(t, content)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := OpenBTFFile(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := OpenBTFFile(t.TempDir()); err == nil {
		t.Error("a directory is accepted")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenBTFFile(self); !errors.Is(err, facts.ErrNotFound) {
		t.Errorf("a program without .BTF: %v", err)
	}
}

func TestCharsHaveTheirSignWhereBTFDoesNotSayIt(t *testing.T) {
	for _, row := range []struct {
		name         string
		char, schar  btf.IntEncoding
		arch         string
		want, wanted btf.IntEncoding
	}{
		{"made by an old pahole", btf.Unsigned, btf.Unsigned, "amd64", btf.Signed, btf.Signed},
		{"made by an old pahole, char has no sign", btf.Unsigned, btf.Unsigned, "arm64", btf.Unsigned, btf.Signed},
		{"before 6.2", btf.Signed, btf.Signed, "amd64", btf.Signed, btf.Signed},
		{"since 6.2", btf.Unsigned, btf.Signed, "amd64", btf.Unsigned, btf.Signed},
	} {
		t.Run(row.name, func(t *testing.T) {
			spec, err := parseBTF(rawTypes(t,
				&btf.Int{Name: "char", Size: 1, Encoding: row.char},
				&btf.Int{Name: "signed char", Size: 1, Encoding: row.schar},
				&btf.Int{Name: "unsigned char", Size: 1, Encoding: btf.Unsigned}))
			if err != nil {
				t.Fatal(err)
			}
			signChars(spec, row.arch)
			for name, want := range map[string]btf.IntEncoding{"char": row.want, "signed char": row.wanted, "unsigned char": btf.Unsigned} {
				var got *btf.Int
				if err := spec.TypeByName(name, &got); err != nil || got.Encoding != want {
					t.Errorf("%s: %v, error %v, want %v", name, got, err, want)
				}
			}
		})
	}
}

func FuzzBTF(f *testing.F) {
	f.Add(smallBTF(f))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, _ = memberOffset(raw, "pt_regs", "di")
		spec, err := parseBTF(raw)
		if err != nil {
			return
		}
		_, _ = facts.FuncByName(spec, "do_it")
		_, _ = facts.RawTracepointProto(spec, "happened")
		signChars(spec, archOfTypes(spec))
		if text, err := stringsOfBTF(raw); err == nil {
			for _, name := range appendRawNames(nil, text) {
				if !bytes.Contains(raw, []byte(name)) {
					t.Errorf("%q comes from nowhere", name)
				}
			}
		}
	})
}
