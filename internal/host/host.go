// Package host answers facts.Facts from the running machine.
//
// In: the machine's files (tracefs, BTF, kallsyms, ELF files, the loader's
// cache) and tiny BPF programs that probe what the kernel can do. Out: plain
// data, read when it is first asked for and then kept. It must not know specs,
// plans or output, and changes nothing on the machine but, if asked to, that
// tracefs is mounted.
package host

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"tracer/interpreter/facts"
)

// Options say how a Host looks at the machine. The zero value looks at this
// machine and changes nothing on it.
type Options struct {
	// Root is put before every path that is read, for tests and for images of
	// other machines; "" is this machine. With a Root, kernel features are
	// ErrUnknown: they can only be probed here.
	Root string
	// MountTracefs: if tracefs is not mounted, mount it on
	// /sys/kernel/tracing. It stays mounted, and Notices says so.
	MountTracefs bool
	// Getenv reads the environment; nil means os.Getenv. PATH and
	// LD_LIBRARY_PATH are asked for.
	Getenv func(string) string
}

// Host is this machine as facts.Facts. It is not safe for concurrent use and
// needs no closing: it holds no file open.
type Host struct {
	opts    Options
	kernel  facts.Kernel
	notices []string

	types    typeSource
	tracing  once[string]
	events   once[[]string]
	formats  map[string]result[*facts.Format]
	rawNames once[[]string]
	symbols  once[string]
	lines    once[map[string][]int] // of symbols, by name
	end      once[uint64]           // of the kernel's functions
	asked    int                    // how many names were looked for among them
	refused  once[refusals]
	fns      once[[]facts.Function]
	ftrace   once[*ftraceList]
	binaries map[binaryKey]result[*facts.Binary]
	caches   map[string]result[[]libraryEntry]
	features map[facts.Feature]error
	plain    map[string]bool // PlainArgument, by "name/arg"
}

var _ facts.Facts = (*Host)(nil)

// result is an answer that is kept, be it an error.
type result[T any] struct {
	value T
	err   error
}

// once is a value computed when first asked for.
type once[T any] struct {
	done bool
	result[T]
}

// get computes the value the first time.
func (o *once[T]) get(compute func() (T, error)) (T, error) {
	if !o.done {
		o.value, o.err = compute()
		o.done = true
	}
	return o.value, o.err
}

// Open looks at the machine. It reads nothing but the kernel's name, and so
// takes microseconds and cannot be refused.
func Open(opts Options) *Host {
	if opts.Getenv == nil {
		opts.Getenv = os.Getenv
	}
	h := &Host{
		opts:     opts,
		kernel:   kernelIdentity(),
		formats:  map[string]result[*facts.Format]{},
		binaries: map[binaryKey]result[*facts.Binary]{},
		caches:   map[string]result[[]libraryEntry]{},
		features: map[facts.Feature]error{},
		plain:    map[string]bool{},
	}
	h.types.dir = h.path("/sys/kernel/btf")
	h.types.cache = btf.NewCache()
	h.types.running = opts.Root == ""
	return h
}

// Kernel implements facts.Facts.
func (h *Host) Kernel() facts.Kernel { return h.kernel }

// Notices says what was changed on the machine, in sentences for the user.
func (h *Host) Notices() []string { return h.notices }

// path is a path of the machine, below Root.
func (h *Host) path(p string) string {
	if h.opts.Root == "" {
		return p
	}
	return filepath.Join(h.opts.Root, p)
}

// architectures are Go's names of what the kernel calls otherwise.
var architectures = map[string]string{"amd64": "x86_64", "arm64": "arm64"}

// kernelIdentity reads uname and the number of possible CPUs.
func kernelIdentity() facts.Kernel {
	k := facts.Kernel{Arch: architectures[runtime.GOARCH], CPUs: runtime.NumCPU()}
	if k.Arch == "" {
		k.Arch = runtime.GOARCH
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err == nil {
		k.Release = string(bytes.TrimRight(u.Release[:], "\x00"))
	}
	if n, err := ebpf.PossibleCPU(); err == nil {
		k.CPUs = n
	}
	return k
}

// notFound is an error of this package's callers' kind.
func notFound(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, facts.ErrNotFound)...)
}
