package host

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/cilium/ebpf/btf"

	"tracer/internal/host/elffile"
	"tracer/interpreter/facts"
)

// BTFFile is another kernel of which only the type information is known. All
// that BTF cannot answer is facts.ErrUnknown.
type BTFFile struct {
	path     string
	spec     *btf.Spec
	kernel   facts.Kernel
	rawNames []string
}

var _ facts.Facts = (*BTFFile)(nil)

// OpenBTFFile reads the BTF of another kernel: a raw BTF file such as a copy of
// /sys/kernel/btf/vmlinux, or a vmlinux with a .BTF section.
func OpenBTFFile(path string) (*BTFFile, error) {
	raw, arch, err := rawBTF(path)
	if err != nil {
		return nil, err
	}
	spec, err := parseBTF(raw)
	if err != nil {
		return nil, fmt.Errorf("BTF of %s: %w", path, err)
	}
	if arch == "" {
		arch = archOfTypes(spec)
	}
	signChars(spec, arch)
	f := &BTFFile{path: path, spec: spec}
	f.kernel = facts.Kernel{Release: filepath.Base(path), Arch: arch, CPUs: 1}
	if text, err := stringsOfBTF(raw); err == nil {
		f.rawNames = appendRawNames(nil, text)
		slices.Sort(f.rawNames)
		f.rawNames = slices.Compact(f.rawNames)
	}
	return f, nil
}

// rawBTF reads a BTF file, or the .BTF section of an ELF file and the latter's
// architecture.
func rawBTF(path string) (raw []byte, arch string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, "", fmt.Errorf("BTF: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, "", fmt.Errorf("BTF: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, "", fmt.Errorf("BTF: %s is not a file", path)
	}
	ef, err := elffile.Open(file, info.Size())
	if errors.Is(err, elffile.ErrNotELF) {
		raw, err = readCapped(path, maxBTF)
		if err == nil && (len(raw) < btfHeaderLen || !bytes.Equal(raw[:2], []byte{0x9f, 0xeb})) {
			err = fmt.Errorf("%s is neither BTF nor an ELF file", path)
		}
		return raw, "", err
	}
	if err != nil {
		return nil, "", fmt.Errorf("BTF of %s: %w", path, err)
	}
	raw, _, ok, err := ef.Section(".BTF")
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("BTF of %s: %w", path, err)
	case !ok:
		return nil, "", fmt.Errorf("%s has no .BTF section (%v file): %w", path, elf.Type(ef.Type), facts.ErrNotFound)
	}
	return raw, ef.Arch, nil
}

// loadBTFFile is the BTF in a file.
func loadBTFFile(path string) (*btf.Spec, error) {
	raw, _, err := rawBTF(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, notFound("BTF (%s)", path)
	}
	if err != nil {
		return nil, err
	}
	spec, err := parseBTF(raw)
	if err == nil {
		signChars(spec, archOfTypes(spec))
	}
	return spec, err
}

// parseBTF decodes the headers of all types. The library reports what does not
// fit as errors; should it panic on damaged input, that is an error as well.
func parseBTF(raw []byte) (spec *btf.Spec, err error) {
	defer func() {
		if r := recover(); r != nil {
			spec, err = nil, fmt.Errorf("damaged: %v", r)
		}
	}()
	return btf.LoadSplitSpecFromReader(bytes.NewReader(raw), nil)
}

// archRegisters are members of struct pt_regs that tell architectures apart.
var archRegisters = map[string]string{"di": "x86_64", "pstate": "arm64"}

// archOfTypes guesses the architecture from struct pt_regs; "" if it is none
// that is known.
func archOfTypes(spec *btf.Spec) string {
	for _, name := range []string{"pt_regs", "user_pt_regs"} {
		var regs *btf.Struct
		if err := spec.TypeByName(name, &regs); err != nil {
			continue
		}
		for _, m := range regs.Members {
			if arch := archRegisters[m.Name]; arch != "" {
				return arch
			}
		}
	}
	return ""
}

// unknown is the answer to what BTF does not say.
func (f *BTFFile) unknown(what string) error {
	return fmt.Errorf("%s: %s tells only types: %w", what, f.path, facts.ErrUnknown)
}

// Kernel implements facts.Facts: Release is the file's name, CPUs is 1.
func (f *BTFFile) Kernel() facts.Kernel { return f.kernel }

// BTF implements facts.Facts.
func (f *BTFFile) BTF() (*btf.Spec, error) { return f.spec, nil }

// FindFunc implements facts.Facts. A function that is not in vmlinux may be in
// a module, of which the file does not tell: that is still ErrNotFound.
func (f *BTFFile) FindFunc(name string) (*btf.Func, string, error) {
	fn, err := facts.FuncByName(f.spec, name)
	return fn, "", err
}

// FuncIn implements facts.Facts.
func (f *BTFFile) FuncIn(name, module string) (*btf.Func, error) {
	if module != "" {
		return nil, f.unknown("function " + name + " of module " + module)
	}
	return facts.FuncByName(f.spec, name)
}

// Tracepoints implements facts.Facts.
func (f *BTFFile) Tracepoints() ([]string, error) { return nil, f.unknown("tracepoints") }

// Tracepoint implements facts.Facts.
func (f *BTFFile) Tracepoint(category, event string) (*facts.Format, error) {
	return nil, f.unknown("tracepoint " + category + ":" + event)
}

// CommOffset implements facts.Facts.
func (f *BTFFile) CommOffset() (int, error) { return 0, f.unknown("the current task's comm") }

// PlainArgument implements facts.Facts.
func (f *BTFFile) PlainArgument(string, int) bool { return false }

// RawTracepoints implements facts.Facts.
func (f *BTFFile) RawTracepoints() ([]string, error) { return f.rawNames, nil }

// RawTracepoint implements facts.Facts.
func (f *BTFFile) RawTracepoint(name string) (*btf.FuncProto, string, error) {
	proto, err := facts.RawTracepointProto(f.spec, name)
	return proto, "", err
}

// Functions implements facts.Facts.
func (f *BTFFile) Functions() ([]facts.Function, error) { return nil, f.unknown("kernel functions") }

// Function implements facts.Facts.
func (f *BTFFile) Function(name string) ([]facts.Function, error) {
	return nil, f.unknown("kernel function " + name)
}

// Symbol implements facts.Facts.
func (f *BTFFile) Symbol(name string) (uint64, error) { return 0, f.unknown("kernel symbol " + name) }

// Cgroup implements facts.Facts.
func (f *BTFFile) Cgroup(path string) (uint64, int, error) {
	return 0, 0, f.unknown("control group " + path)
}

// Binary implements facts.Facts.
func (f *BTFFile) Binary(name string, _ int) (*facts.Binary, error) {
	return nil, f.unknown("binary " + name)
}

// Feature implements facts.Facts.
func (f *BTFFile) Feature(feature facts.Feature) error {
	return f.unknown("feature " + string(feature))
}
