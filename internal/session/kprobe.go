package session

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"tracer/internal/bpfcall"
	"tracer/interpreter/plan"
)

// kprobeSource is the kernel's event source of kprobes (4.17), as sysfs
// describes it. It is looked up once: reading sysfs may fire probes.
type kprobeSource struct {
	kind     uint32
	retprobe uint64 // attr.config of probes at returns
}

func findKprobes() (*kprobeSource, error) {
	const dir = "/sys/bus/event_source/devices/kprobe/"
	kind, err := sysfsNumber(dir+"type", "")
	if err != nil {
		return nil, err
	}
	bit, err := sysfsNumber(dir+"format/retprobe", "config:")
	if err != nil {
		return nil, err
	}
	return &kprobeSource{kind: uint32(kind), retprobe: 1 << bit}, nil
}

// kernelProbe attaches by a perf event of its own, by address where several
// functions have the name, else by name.
func kernelProbe(atReturn bool) func(*side, plan.Target) (link.Link, error) {
	return func(s *side, t plan.Target) (link.Link, error) {
		source, err := s.kprobes()
		if err != nil {
			return nil, err
		}
		event, err := source.open(t, atReturn)
		if err != nil {
			return nil, explainKprobe(t, err)
		}
		l, err := linkEvent(s.prog.FD(), event, s.cookie(t))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("link to the perf event of %s: %w", t.Name, err), event.Close())
		}
		return l, nil
	}
}

// open opens the perf event of a kernel probe: config1 is the function's
// name and config2 the offset in it, or config1 is 0 and config2 an address
// (kernel/events/core.c, perf_kprobe_event_init).
func (k *kprobeSource) open(t plan.Target, atReturn bool) (*os.File, error) {
	attr := unix.PerfEventAttr{Type: k.kind, Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{}))}
	if atReturn {
		attr.Config = k.retprobe
	}
	var pins runtime.Pinner
	defer pins.Unpin()
	name := append([]byte(t.Symbol), 0)
	if t.Module != "" {
		name = append([]byte(t.Module+":"+t.Symbol), 0)
	}
	attr.Ext2 = t.Offset
	if t.Address != 0 {
		attr.Ext2 = t.Address + t.Offset
	} else {
		attr.Ext1 = bpfcall.Address(&pins, name)
	}
	fd, err := unix.PerfEventOpen(&attr, -1, 0, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "perf event"), nil
}

// sysfsNumber reads a number after prefix.
func sysfsNumber(path, prefix string) (uint64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("kprobes of this kernel: %w", err)
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(string(bytes.TrimSpace(text)), prefix), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return n, nil
}

// kprobeErrors are what the kernel means by an error of a kernel probe
// (kernel/kprobes.c, kernel/trace/trace_kprobe.c).
var kprobeErrors = []struct {
	err  unix.Errno
	text string
}{
	{unix.EILSEQ, "no instruction begins there"},
	{unix.ENOENT, "the kernel does not find it"},
	{unix.EADDRNOTAVAIL, "several functions have that name"},
	{unix.EINVAL, "the kernel takes no probe there (it is marked notrace, or is not what ftrace expects)"},
	{unix.ERANGE, "the offset is outside of the function"},
}

// kprobeError is an error whose number says little, in words.
type kprobeError struct {
	text string
	err  error
}

func (e *kprobeError) Error() string { return e.text }
func (e *kprobeError) Unwrap() error { return e.err }

func explainKprobe(t plan.Target, err error) error {
	for _, e := range kprobeErrors {
		if errors.Is(err, e.err) {
			return &kprobeError{fmt.Sprintf("%s cannot be probed: %s", t.Name, e.text), err}
		}
	}
	return fmt.Errorf("%s: %w", t.Name, err)
}

// linkCreatePerfEvent is union bpf_attr for BPF_LINK_CREATE with the part for
// perf events (5.15), of include/uapi/linux/bpf.h.
type linkCreatePerfEvent struct {
	progFD, targetFD, attachType, flags uint32
	cookie                              uint64
}

// bpfPerfEvent is BPF_PERF_EVENT (5.15) of include/uapi/linux/bpf.h.
const bpfPerfEvent = 41

// eventLink is a program on a perf event that the session opened itself.
type eventLink struct {
	link.Link          // nil before 5.15: closing the event takes the program away
	event     *os.File // nil once it is handed out
}

// linkEvent puts a program on a perf event, and turns the event on.
func linkEvent(prog int, event *os.File, cookie uint64) (link.Link, error) {
	attr := linkCreatePerfEvent{progFD: uint32(prog), targetFD: uint32(event.Fd()), attachType: bpfPerfEvent, cookie: cookie}
	fd, _, errno := unix.Syscall(unix.SYS_BPF, bpfcall.LinkCreate, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	if errno == 0 {
		l, err := link.NewFromFD(int(fd))
		if err != nil {
			return nil, errors.Join(err, unix.Close(int(fd)))
		}
		return &eventLink{Link: l, event: event}, nil
	}
	if cookie != 0 || errno != unix.EINVAL && errno != unix.E2BIG {
		return nil, errno
	}
	// Before 5.15 programs are put on events by ioctl.
	if err := unix.IoctlSetInt(int(event.Fd()), unix.PERF_EVENT_IOC_SET_BPF, prog); err != nil {
		return nil, err
	}
	if err := unix.IoctlSetInt(int(event.Fd()), unix.PERF_EVENT_IOC_ENABLE, 0); err != nil {
		return nil, err
	}
	return &eventLink{event: event}, nil
}

// Close takes the program away.
func (l *eventLink) Close() error {
	var errs []error
	if l.Link != nil {
		errs = append(errs, l.Link.Close())
	}
	if l.event != nil {
		errs = append(errs, l.event.Close())
		l.event = nil
	}
	return errors.Join(errs...)
}

// Info is what the kernel says about the link, since 5.15.
func (l *eventLink) Info() (*link.Info, error) {
	if l.Link == nil {
		return nil, link.ErrNotSupported
	}
	return l.Link.Info()
}

// PerfEvent hands out the event, which Close then leaves open.
func (l *eventLink) PerfEvent() (*os.File, error) {
	if l.Link == nil || l.event == nil {
		return nil, link.ErrNotSupported
	}
	event := l.event
	l.event = nil
	return event, nil
}
