package host

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/cilium/ebpf/btf"

	"tracer/interpreter/facts"
)

// maxBTF bounds the bytes of type information that are read; the kernel's own
// limit (BTF_MAX_SIZE) for what it loads is 16 MiB.
const maxBTF = 256 << 20

// typeSource is the kernel's BTF and that of its modules.
type typeSource struct {
	dir     string // of vmlinux and the modules' files
	running bool   // the running kernel's own

	cache   *btf.Cache // of the running kernel
	base    once[*btf.Spec]
	modules map[string]result[*btf.Spec]
	names   once[[]string]
	comm    once[int]
}

// BTF implements facts.Facts.
func (h *Host) BTF() (*btf.Spec, error) { return h.types.spec() }

// BTFCache is the cache behind BTF, for ebpf.CollectionOptions: whoever loads
// programs with it does not decode the kernel's types (20 to 40 ms) once more.
func (h *Host) BTFCache() *btf.Cache { return h.types.cache }

// spec loads vmlinux' BTF.
func (t *typeSource) spec() (*btf.Spec, error) {
	return t.base.get(func() (*btf.Spec, error) {
		if !t.running {
			return loadBTFFile(filepath.Join(t.dir, "vmlinux"))
		}
		spec, err := t.cache.Kernel()
		if err != nil {
			return nil, t.missing(err)
		}
		signChars(spec, runtime.GOARCH)
		return spec, nil
	})
}

// signChars gives char and signed char their sign where BTF was made by a pahole that
// took DWARF's DW_ATE_signed_char for no sign (Debian's 5.10): there even signed char
// has none. Kernels are compiled with -funsigned-char since 6.2 only, and by newer
// ones; before, char is as the architecture has it.
func signChars(spec *btf.Spec, arch string) {
	for _, name := range []string{"signed char", "char"} {
		found, err := spec.AnyTypesByName(name)
		if err != nil {
			return
		}
		for _, t := range found {
			c, ok := t.(*btf.Int)
			if !ok || c.Encoding != btf.Unsigned {
				return
			}
			c.Encoding = btf.Signed
		}
		if arch == "arm64" {
			return
		}
	}
}

// published says whether the kernel has types, without decoding them (20 to 40
// ms): where it has them, it shows them in sysfs (since 5.4).
func (t *typeSource) published() error {
	if _, err := os.Stat(filepath.Join(t.dir, "vmlinux")); err != nil {
		return t.missing(err)
	}
	return nil
}

// missing says why the kernel's types are not there: in a bare chroot it is not the
// kernel that lacks them.
func (t *typeSource) missing(err error) error {
	if _, none := os.Stat(filepath.Dir(t.dir)); t.running && errors.Is(none, fs.ErrNotExist) {
		return notFound("sysfs, where the kernel shows its types, is not mounted on /sys")
	}
	return notFound("BTF of this kernel (it needs CONFIG_DEBUG_INFO_BTF): %v", err)
}

// FindFunc implements facts.Facts.
func (h *Host) FindFunc(name string) (*btf.Func, string, error) {
	var fn *btf.Func
	module, err := h.types.find(name, func(spec *btf.Spec) (err error) {
		fn, err = facts.FuncByName(spec, name)
		return err
	})
	return fn, module, err
}

// FuncIn implements facts.Facts.
func (h *Host) FuncIn(name, module string) (*btf.Func, error) {
	spec, err := h.BTF()
	if err == nil && module != "" {
		if spec, err = h.types.module(module); err != nil {
			// Before 5.11 modules have none.
			err = notFound("BTF of module %s: %v", module, err)
		}
	}
	if err != nil {
		return nil, err
	}
	return facts.FuncByName(spec, name)
}

// RawTracepoint implements facts.Facts.
func (h *Host) RawTracepoint(name string) (*btf.FuncProto, string, error) {
	var proto *btf.FuncProto
	module, err := h.types.find(facts.RawTracepointTypedef+name, func(spec *btf.Spec) (err error) {
		proto, err = facts.RawTracepointProto(spec, name)
		return err
	})
	return proto, module, err
}

// find looks in vmlinux and then in every module for what look finds. mark is
// a name that a module's strings contain if look can succeed there.
func (t *typeSource) find(mark string, look func(*btf.Spec) error) (module string, err error) {
	spec, err := t.spec()
	if err != nil {
		return "", err
	}
	missing := look(spec)
	if missing == nil || !errors.Is(missing, facts.ErrNotFound) {
		return "", missing
	}
	modules, err := t.moduleNames()
	if err != nil || len(modules) == 0 {
		return "", missing
	}
	// Split BTF has a string only if vmlinux has not.
	inBase := true
	if t.running {
		inBase = fileHasString(filepath.Join(t.dir, "vmlinux"), mark)
	}
	for _, module := range modules {
		if !inBase && !fileHasString(filepath.Join(t.dir, module), mark) {
			continue
		}
		spec, err := t.module(module)
		if err != nil {
			continue // unloaded meanwhile, or damaged: as if it were not there
		}
		if err := look(spec); err == nil || !errors.Is(err, facts.ErrNotFound) {
			return module, err
		}
	}
	return "", missing
}

// module loads the BTF of one module.
func (t *typeSource) module(name string) (*btf.Spec, error) {
	if r, ok := t.modules[name]; ok {
		return r.value, r.err
	}
	var r result[*btf.Spec]
	var base *btf.Spec
	if t.running {
		r.value, r.err = t.cache.Module(name)
	} else if base, r.err = t.spec(); r.err == nil {
		var raw []byte
		if raw, r.err = readCapped(filepath.Join(t.dir, name), maxBTF); r.err == nil {
			r.value, r.err = btf.LoadSplitSpecFromReader(bytes.NewReader(raw), base)
		}
	}
	if t.modules == nil {
		t.modules = map[string]result[*btf.Spec]{}
	}
	t.modules[name] = r
	return r.value, r.err
}

// moduleNames are the loaded modules that have BTF, sorted.
func (t *typeSource) moduleNames() ([]string, error) {
	return t.names.get(func() ([]string, error) {
		entries, err := os.ReadDir(t.dir)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		var names []string
		for _, e := range entries {
			if e.Name() != "vmlinux" {
				names = append(names, e.Name())
			}
		}
		return names, err
	})
}

// RawTracepoints implements facts.Facts. The names stand in the string tables
// of BTF, as those of typedefs btf_trace_NAME (5.5): no type is decoded, no
// symbol read. Without BTF they are the tracefs events that are tracepoints.
func (h *Host) RawTracepoints() ([]string, error) {
	return h.rawNames.get(func() ([]string, error) {
		modules, err := h.types.moduleNames()
		if err != nil {
			return nil, fmt.Errorf("raw tracepoints: %w", err)
		}
		var names []string
		for _, file := range append([]string{"vmlinux"}, modules...) {
			text, err := btfStrings(filepath.Join(h.types.dir, file))
			if err != nil {
				continue // no BTF, or a module unloaded meanwhile
			}
			names = appendRawNames(names, text)
		}
		if len(names) == 0 {
			return h.eventsAsRawNames()
		}
		slices.Sort(names)
		return slices.Compact(names), nil
	})
}

// appendRawNames finds the names of raw tracepoints in a BTF string table.
func appendRawNames(names []string, text []byte) []string {
	mark := []byte("\x00" + facts.RawTracepointTypedef)
	for {
		i := bytes.Index(text, mark)
		if i < 0 {
			return names
		}
		text = text[i+len(mark):]
		end := bytes.IndexByte(text, 0)
		if end < 0 {
			return names
		}
		if end > 0 {
			names = append(names, string(text[:end]))
		}
	}
}

// notTracepoints are categories of tracefs events that no static tracepoint
// stands behind, or (syscalls) that share the two of raw_syscalls.
var notTracepoints = []string{"ftrace", "syscalls", "kprobes", "uprobes", "eprobes", "synthetic", "user_events", "fprobes"}

// eventsAsRawNames lists the events of tracefs by name alone.
func (h *Host) eventsAsRawNames() ([]string, error) {
	events, err := h.Tracepoints()
	if err != nil {
		return nil, fmt.Errorf("raw tracepoints: no BTF of the kernel is to be had, and %w", err)
	}
	var names []string
	for _, e := range events {
		if category, event, ok := strings.Cut(e, ":"); ok && !slices.Contains(notTracepoints, category) {
			names = append(names, event)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// btfHeader is struct btf_header of include/uapi/linux/btf.h.
type btfHeader struct {
	Magic                            uint16
	Version, Flags                   uint8
	HdrLen                           uint32
	TypeOff, TypeLen, StrOff, StrLen uint32
}

const (
	btfMagic     = 0xeb9f
	btfHeaderLen = 24
)

// btfStrings reads only the string table of a raw BTF file.
func btfStrings(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	off, n, err := stringTable(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return readRange(f, off, n)
}

// stringsOfBTF is the string table of raw BTF.
func stringsOfBTF(raw []byte) ([]byte, error) {
	off, n, err := stringTable(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	if off > int64(len(raw)) || n > int64(len(raw))-off {
		return nil, io.ErrUnexpectedEOF
	}
	return raw[off : off+n], nil
}

// stringTable finds the string table of raw BTF by its header.
func stringTable(r io.ReaderAt) (off, n int64, err error) {
	var h btfHeader
	if err := binary.Read(io.NewSectionReader(r, 0, btfHeaderLen), binary.LittleEndian, &h); err != nil {
		return 0, 0, fmt.Errorf("BTF header: %w", err)
	}
	if h.Magic != btfMagic || h.StrLen > maxBTF {
		return 0, 0, errors.New("no raw BTF")
	}
	return int64(h.HdrLen) + int64(h.StrOff), int64(h.StrLen), nil
}

// fileHasString says whether a BTF file's string table has s as a whole string;
// true if the file cannot be read, so that the reader of types decides. The
// strings of a module's BTF go on where those of the kernel end: no NUL precedes
// the first of them.
func fileHasString(path, s string) bool {
	text, err := btfStrings(path)
	return err != nil || bytes.HasPrefix(text, []byte(s+"\x00")) || bytes.Contains(text, []byte("\x00"+s+"\x00"))
}

// readRange reads n bytes at off; the memory taken is bounded by what is there.
func readRange(r io.ReaderAt, off, n int64) ([]byte, error) {
	var buf bytes.Buffer
	got, err := io.Copy(&buf, io.NewSectionReader(r, off, n))
	if err != nil {
		return nil, err
	}
	if got != n {
		return nil, io.ErrUnexpectedEOF
	}
	return buf.Bytes(), nil
}

// readCapped reads a whole file of at most limit bytes.
func readCapped(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > limit {
		return nil, fmt.Errorf("%s is larger than %d MiB", path, limit>>20)
	}
	return raw, nil
}
