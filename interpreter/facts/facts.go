// Package facts is what a plan may know about a kernel and its programs: the
// questions a checker or planner asks, and plain data as answers.
//
// In: nothing. Out: the interface Facts, which internal/host answers from the
// running machine and Recorded answers from a file, so that a plan for another
// kernel can be made anywhere. It must not know HCL, BPF programs or how a
// fact is found.
package facts

import (
	"errors"

	"github.com/cilium/ebpf/btf"
)

// ErrNotFound says that the thing asked for does not exist here.
var ErrNotFound = errors.New("not found")

// ErrUnknown says that these facts cannot tell: for example kallsyms when only
// a BTF file is given. Callers then neither reject nor rely on it.
var ErrUnknown = errors.New("not known here")

// Facts answers questions about one kernel and the programs on its machine.
// Answers are cached by the implementation; nothing is read before it is asked
// for, so that a spec which names no kernel struct never loads BTF.
// Implementations are not safe for concurrent use.
type Facts interface {
	// Kernel says which kernel this is.
	Kernel() Kernel

	// BTF is the kernel's type information. Errors: ErrNotFound (kernel
	// without CONFIG_DEBUG_INFO_BTF), ErrUnknown.
	BTF() (*btf.Spec, error)

	// CommOffset is where struct task_struct has the name of the thread (comm):
	// bytes. ErrNotFound if the kernel's BTF does not say.
	CommOffset() (int, error)

	// PlainArgument says that a tp_btf program gets argument arg of a raw tracepoint,
	// a pointer to a structure by its type, as a number that it may not load through.
	// So do newer kernels (6.12.y of 2026) where the pointer may be an error. False
	// where that is not known.
	PlainArgument(tracepoint string, arg int) bool

	// Modules' BTF that declare name, to find functions and raw tracepoints
	// of modules: the split spec and the module's name. ErrNotFound if none.
	FindFunc(name string) (fn *btf.Func, module string, err error)
	// FuncIn is the function of that name of one module, "" the kernel itself,
	// whose others may have another of that name. ErrNotFound if there is none.
	FuncIn(name, module string) (*btf.Func, error)

	// Tracepoints lists all "category:event" names, sorted. The error says
	// what to do when tracefs cannot be read.
	Tracepoints() ([]string, error)
	// Tracepoint is the format of one event. ErrNotFound if there is none.
	Tracepoint(category, event string) (*Format, error)

	// RawTracepoints lists the names that raw tracepoints can attach to.
	RawTracepoints() ([]string, error)
	// RawTracepoint is the prototype of a raw tracepoint's arguments, without
	// the leading void *__data. ErrNotFound if there is none.
	RawTracepoint(name string) (*btf.FuncProto, string, error)

	// Functions lists kernel functions that kprobes may be put on, and those
	// that ftrace does not trace (NoTrace), sorted by name, as far as this
	// machine lets them be known. A name that exists twice is listed once for
	// each address.
	Functions() ([]Function, error)
	// Function is every kernel function of one name, by address: also those
	// that no list has, such as aliases, and those that cannot be probed.
	// ErrNotFound if there is none; the error then says what else has that
	// name, if anything.
	Function(name string) ([]Function, error)
	// Symbol is the address of a kernel symbol (function or, with
	// CONFIG_KALLSYMS_ALL, variable).
	Symbol(name string) (addr uint64, err error)

	// Cgroup is the id and the depth below the root of a control group of the
	// unified hierarchy (v2). ErrNotFound if there is none.
	Cgroup(path string) (id uint64, level int, err error)

	// Binary finds and reads a program or library: a path, or a library name
	// looked up as the loader would ("libc"); pid > 0: in that process's mount
	// namespace. The result is cached by path and pid.
	Binary(name string, pid int) (*Binary, error)

	// Feature probes one feature of the running kernel: nil if it has it,
	// else an error that says what is missing. Names are the constants below.
	Feature(f Feature) error
}

// Kernel is the identity of a kernel.
type Kernel struct {
	Release string // uname -r
	Arch    string // "x86_64", "arm64"
	CPUs    int    // possible CPUs: the number of copies of a per-CPU value
}

// Feature is something a kernel can or cannot do, found by trying.
type Feature string

// The features a plan asks about. The comment names the kernel version that
// brought each; only the probe decides.
const (
	TPBTF          Feature = "tp_btf"          // BPF_TRACE_RAW_TP programs (5.5)
	Kprobe         Feature = "kprobe"          // CONFIG_KPROBES and perf kprobe links
	KprobeNotrace  Feature = "kprobe_notrace"  // kprobes where ftrace does not trace (CONFIG_KPROBE_EVENTS_ON_NOTRACE)
	KprobeMulti    Feature = "kprobe_multi"    // BPF_TRACE_KPROBE_MULTI (5.18, CONFIG_FPROBE)
	KprobeSession  Feature = "kprobe_session"  // BPF_TRACE_KPROBE_SESSION (6.10)
	UprobeEvent    Feature = "uprobe_event"    // user probes by perf events (4.17), for this process (newer kernels want CAP_SYS_ADMIN)
	UprobeMulti    Feature = "uprobe_multi"    // BPF_TRACE_UPROBE_MULTI (6.6)
	UprobeSession  Feature = "uprobe_session"  // BPF_TRACE_UPROBE_SESSION (6.13)
	Fentry         Feature = "fentry"          // BPF_TRACE_FENTRY (5.5)
	RingBuffer     Feature = "ringbuf"         // BPF_MAP_TYPE_RINGBUF (5.8)
	TaskStorage    Feature = "task_storage"    // task storage in tracing programs (5.11)
	AtomicFetch    Feature = "atomic_fetch"    // fetching atomics, xchg, cmpxchg (5.12)
	AttachCookie   Feature = "attach_cookie"   // bpf_get_attach_cookie (5.15)
	TaskBTF        Feature = "task_btf"        // bpf_get_current_task_btf (5.11)
	AncestorCgroup Feature = "ancestor_cgroup" // bpf_get_current_ancestor_cgroup_id in tracing programs (5.14)
	PerfEventProbe Feature = "perf_event"      // perf event programs
	LongKeys       Feature = "long_keys"       // hash keys above 512 bytes (5.11)
	MissesCounted  Feature = "misses_counted"  // programs refused amid others are counted (6.7)

	// RawGuard: the kernel does not run a program of a raw tracepoint amid itself (6.1).
	RawGuard Feature = "raw_tracepoint_guard"
	// FaultableTracepoints: programs on system calls' tracepoints run where they can
	// be preempted, by any program but themselves (trace_call_bpf_faultable, 7.2).
	FaultableTracepoints Feature = "faultable_tracepoints"
)

// Function is a kernel function.
type Function struct {
	Name   string
	Addr   uint64 // 0 if the machine hides addresses
	Module string // "" for vmlinux
	Size   uint64 // bytes up to the next function; 0: not known
	// Refused is why the kernel takes no probe there; "" if it does.
	Refused string
	// NoTrace: ftrace is known not to trace it (notrace), so that links for many
	// functions cannot have it, and kprobes may not (KprobeNotrace).
	NoTrace bool
}

// Format is a tracepoint's layout, as tracefs prints it.
type Format struct {
	Category, Event string
	ID              uint64
	Size            int // bytes of the fixed part
	Fields          []Field
	Print           string // the "print fmt" line, for symbolic names
}

// Field is one field of a tracepoint's format.
type Field struct {
	Name   string
	Type   string // C declaration without the name: "const char *", "char[16]", "__data_loc char[]", "unsigned int"
	Offset int    // bytes from the start of the record
	Size   int    // bytes
	Signed bool
	Common bool // common_* fields

	// What Type says, parsed:
	Elem    string // element type of an array or __data_loc ("char", "u8", "int"), pointed-to type of a pointer
	Len     int    // elements of a fixed array, 0 if none
	DataLoc bool   // u32: offset in low 16 bits, length in high 16 bits
	RelLoc  bool   // the same, offset counted from the end of this field
	Pointer bool
}

// Binary is what user probes need to know about an ELF file.
type Binary struct {
	Name string // as the spec wrote it
	Path string // absolute, as seen from tracer (through /proc/PID/root for another namespace)
	File string // which file it is, whatever its path; "" if that is not known
	Arch string // "x86_64", "arm64"
	// Functions, sorted by name; versions and aliases are separate entries.
	Functions []UserFunction
	USDT      []USDT
	// GoVersion is the release that a Go program was compiled with ("go1.22.1"),
	// "" of other programs, or if the file does not say.
	GoVersion string
}

// UserFunction is a function of a binary.
type UserFunction struct {
	Name   string
	Offset uint64 // in the file
	Addr   uint64 // virtual address in the file
	Size   uint64 // bytes; 0 if the symbol table does not say
	// Refused says why its first instruction cannot be probed, "" if it can.
	Refused string
	// Indirect: an IFUNC. The symbol names the resolver, which the loader runs
	// once, and not what calls of Name reach. Refused says so.
	Indirect bool
	// Go: compiled from Go, so its arguments are where Go puts them, and its
	// stack may move while it runs.
	Go bool
}

// USDT is one location of a user statically defined tracepoint.
type USDT struct {
	Provider, Name string
	Offset         uint64 // of the probe's nop, in the file
	SemaphoreOff   uint64 // file offset of its semaphore (a u16), 0 if none
	Args           []USDTArg
	ArgText        string // the note's own text
	// Refused says why this location cannot be probed, "" if it can.
	Refused string
}

// USDTArg is where one argument of a USDT location is found.
// Value = constant | register >> shift | *(base + index*scale + disp), of which
// the low Size bytes count, sign-extended if Signed. In USDTMem an empty Reg or
// Index counts as zero. A Reg of "ip" is the address of the probe itself.
type USDTArg struct {
	Text   string // as in the note
	Size   int    // bytes: 1, 2, 4, 8
	Signed bool
	Float  bool // an SSE or x87/NEON operand: refused by name
	Kind   USDTArgKind
	Const  int64
	// Registers are named as in struct pt_regs of the binary's architecture
	// ("di", "r8", "ip"; arm64 "x0".."x30", "sp", "pc").
	Reg, Index string
	Scale      int   // multiplies Index: 1, 2, 4, 8; 0 without an index
	Shift      int   // bits to shift Reg right first: 8 for %ah and its like
	Disp       int64 // bytes
	// Refused says why this argument cannot be read, "" if it can. The fields
	// above, but Text, then mean nothing. Float arguments are refused as well.
	Refused string
}

// USDTArgKind says how a USDT argument is found.
type USDTArgKind uint8

// The kinds of USDT operands.
const (
	USDTConst USDTArgKind = iota
	USDTReg
	USDTMem
)
