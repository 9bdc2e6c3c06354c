package host

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"tracer/internal/bpfcall"
	"tracer/interpreter/abi"
	"tracer/interpreter/facts"
)

// errNotSupp is the kernel's own ENOTSUPP (include/linux/errno.h), which leaks
// to user space where a kernel cannot do something.
const errNotSupp = syscall.Errno(524)

// fentryTargets are functions to try fentry on; the first is there to be
// traced, the second is in every kernel and called rarely.
var fentryTargets = []string{"bpf_fentry_test1", "do_coredump", "vprintk"}

// tryFentry loads and attaches an fentry program: lockdown may refuse either.
func tryFentry(h *Host) error {
	if _, err := h.BTF(); err != nil {
		return unsupported(err, facts.ErrNotFound)
	}
	target := ""
	for _, name := range fentryTargets {
		if _, module, err := h.FindFunc(name); err == nil && module == "" {
			target = name
			break
		}
	}
	if target == "" {
		return fmt.Errorf("no function to try it on is known to this kernel's BTF: %w", facts.ErrUnknown)
	}
	loaded := false
	err := h.load(&ebpf.ProgramSpec{
		Type: ebpf.Tracing, AttachType: ebpf.AttachTraceFEntry, AttachTo: target, Instructions: returnZero(),
	}, nil, func(prog *ebpf.Program) error {
		loaded = true
		l, err := link.AttachTracing(link.TracingOptions{Program: prog, AttachType: ebpf.AttachTraceFEntry})
		if err != nil {
			return err
		}
		return l.Close()
	})
	switch {
	case errors.Is(err, unix.EPERM) && loaded:
		return fmt.Errorf("a program for %s can be loaded, but attaching it is refused: %w", target, err)
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("loading a program for %s is refused: %w", target, err)
	}
	return unsupported(err, unix.EINVAL, unix.E2BIG, errNotSupp, unix.EOPNOTSUPP, unix.ENODEV)
}

// tryKprobe opens a kprobe on a function that does not exist: a kernel that has
// kprobes looks for it and says so, and nothing is ever armed.
func tryKprobe(h *Host) error {
	kind, err := kprobeSource()
	if err != nil {
		return err
	}
	err = openKprobe(kind, "tracer_asks_for_no_function")
	p := h.Privileges()
	switch {
	case errors.Is(err, fs.ErrPermission) && p.Capable() && !p.SysAdmin:
		return wantsSysAdmin(p) // Debian's kernels, and others
	case err != nil && !errors.Is(err, unix.ENOENT):
		return err
	}
	if text, err := os.ReadFile(h.path("/sys/kernel/debug/kprobes/enabled")); err == nil && strings.TrimSpace(string(text)) == "0" {
		return errors.New("they are switched off (/sys/kernel/debug/kprobes/enabled is 0)")
	}
	if h.kernel.Arch == "x86_64" { // entries of functions are left to ftrace
		return h.ftraceOff()
	}
	return nil
}

// wantsSysAdmin says that the other capabilities do not do for a perf event.
func wantsSysAdmin(p Privileges) error {
	why := ""
	if p.PerfEventParanoid > 2 {
		why = fmt.Sprintf(" (kernel.perf_event_paranoid is %d)", p.PerfEventParanoid)
	}
	return fmt.Errorf("this kernel wants CAP_SYS_ADMIN for them%s, and this process has none", why)
}

// ftraceOff says that nothing that ftrace serves would fire.
func (h *Host) ftraceOff() error {
	if h.sysctl("ftrace_enabled") == 0 {
		return errors.New("ftrace, which serves them, is switched off (kernel.ftrace_enabled is 0)")
	}
	return nil
}

// tryKprobeMulti asks for links of many functions.
func tryKprobeMulti(h *Host) error {
	if err := features.HaveBPFLinkKprobeMulti(); err != nil {
		return err
	}
	return h.ftraceOff()
}

// kprobeSource is the number of the kernel's event source of kprobes.
func kprobeSource() (uint32, error) {
	text, err := os.ReadFile("/sys/bus/event_source/devices/kprobe/type")
	if err != nil {
		return 0, fmt.Errorf("%w (no kprobe event source: %w)", ebpf.ErrNotSupported, err)
	}
	kind, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("type of the kprobe event source: %w", err)
	}
	return uint32(kind), nil
}

// openKprobe opens a kprobe, and closes it at once.
func openKprobe(kind uint32, function string) error {
	var pins runtime.Pinner
	defer pins.Unpin()
	attr := unix.PerfEventAttr{Type: kind, Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{}))}
	attr.Ext1 = bpfcall.Address(&pins, append([]byte(function), 0))
	fd, err := unix.PerfEventOpen(&attr, -1, 0, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// untraced are functions of ftrace itself, which it does not trace, and which
// are called rarely.
var untraced = []string{"tracing_off", "tracing_snapshot", "ring_buffer_record_off"}

// tryKprobeNotrace opens a kprobe on a function that ftrace does not trace:
// kernels without the option refuse it (within_notrace_func in
// kernel/trace/trace_kprobe.c).
func tryKprobeNotrace(h *Host) error {
	kind, err := kprobeSource()
	if err != nil {
		return err
	}
	for _, name := range untraced {
		fns, err := h.Function(name)
		if err != nil || len(fns) != 1 || !fns[0].NoTrace || fns[0].Refused != "" {
			continue
		}
		return unsupported(openKprobe(kind, name), unix.EINVAL)
	}
	return fmt.Errorf("no function to try it on is known: %w", facts.ErrUnknown)
}

// tryPerfEvent loads a program, and opens the clock it would be attached to.
func tryPerfEvent(*Host) error {
	if err := features.HaveProgramType(ebpf.PerfEvent); err != nil {
		return err
	}
	attr := unix.PerfEventAttr{
		Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_CPU_CLOCK,
		Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{})), Bits: unix.PerfBitDisabled,
	}
	fd, err := unix.PerfEventOpen(&attr, -1, 0, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if errors.Is(err, unix.ENOSYS) {
		return unsupported(err, unix.ENOSYS)
	}
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// session is a program that both kinds of session can have: it tells entry from
// return, and keeps something at the one for the other. 7.x wants the context
// before each call.
func (h *Host) session(attach ebpf.AttachType) (*ebpf.ProgramSpec, error) {
	list, err := bpfcall.Number(asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		bpfcall.Kfunc(abi.SessionCookie),
		asm.Mov.Reg(asm.R7, asm.R0),
		asm.Mov.Reg(asm.R1, asm.R6),
		bpfcall.Kfunc(abi.SessionIsReturn),
		asm.StoreMem(asm.R7, 0, asm.R0, asm.DWord),
		asm.Mov.Imm(asm.R0, 0),
		asm.Return(),
	}, h.BTF)
	if err != nil {
		return nil, unsupported(err, facts.ErrNotFound, btf.ErrNotFound)
	}
	return &ebpf.ProgramSpec{Type: ebpf.Kprobe, AttachType: attach, Instructions: list}, nil
}

// tryKprobeSession loads a program, and has the library try a link.
func tryKprobeSession(h *Host) error {
	spec, err := h.session(ebpf.AttachTraceKprobeSession)
	if err != nil {
		return err
	}
	if err := h.load(spec, nil, nil); err != nil {
		return noSession(err)
	}
	if err := features.HaveBPFLinkKprobeSession(); err != nil {
		return err
	}
	return h.ftraceOff()
}

// noSession is what the error of a session program or link means. EACCES is the
// verifier's: it takes the program for one of another kind, which may not call
// these functions. It is no lack of privileges.
func noSession(err error) error {
	if errors.Is(err, unix.EACCES) {
		return ebpf.ErrNotSupported
	}
	return unsupported(err, unix.EINVAL, unix.E2BIG)
}

// tryUprobeSession makes a link to a directory: a kernel that knows sessions
// gets as far as seeing that it is no file (EBADF), others refuse the attach
// type (EINVAL).
func tryUprobeSession(h *Host) error {
	spec, err := h.session(abi.TraceUprobeSession)
	if err != nil {
		return err
	}
	err = h.load(spec, nil, func(prog *ebpf.Program) error {
		fd, err := bpfcall.UprobeSession(prog.FD(), bpfcall.Uprobes{Path: "/", Offsets: []uint64{0}})
		if err == nil {
			return unix.Close(fd)
		}
		return err
	})
	if errors.Is(err, unix.EBADF) {
		return nil
	}
	return noSession(err)
}

// taskStorageSpec is a task storage map with an eight-byte value; the kernel
// demands BTF for key and value.
func taskStorageSpec() *ebpf.MapSpec {
	return &ebpf.MapSpec{
		Type: ebpf.TaskStorage, KeySize: 4, ValueSize: 8, Flags: unix.BPF_F_NO_PREALLOC,
		Key:   &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed},
		Value: &btf.Int{Name: "unsigned long long", Size: 8},
	}
}

// tryUprobeEvent asks whether this process may have perf events of user probes:
// newer kernels (seen on 6.18) want
// CAP_SYS_ADMIN, CAP_PERFMON does not do. The answer comes before anything is
// looked at, so the place is one that no program has.
func tryUprobeEvent(h *Host) error {
	if h.Privileges().SysAdmin {
		return nil
	}
	text, err := os.ReadFile(h.path("/sys/bus/event_source/devices/uprobe/type"))
	if err != nil {
		return fmt.Errorf("%w: %w", ebpf.ErrNotSupported, err)
	}
	kind, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 32)
	if err != nil {
		return fmt.Errorf("type of uprobe events: %w", err)
	}
	var pins runtime.Pinner
	defer pins.Unpin()
	attr := unix.PerfEventAttr{Type: uint32(kind), Size: unix.PERF_ATTR_SIZE_VER1, Ext1: bpfcall.Address(&pins, []byte("/dev/null\x00"))}
	fd, err := unix.PerfEventOpen(&attr, -1, 0, -1, unix.PERF_FLAG_FD_CLOEXEC)
	switch {
	case err == nil:
		return unix.Close(fd)
	case errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM):
		return wantsSysAdmin(h.Privileges())
	}
	return nil // it may, and there is no such place
}
