package session

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"tracer/internal/bpfcall"
	"tracer/interpreter/plan"
)

// attachFunc attaches a program to targets. It gives the links it made even
// with an error, and the targets that the kernel refuses; an error is one that
// would meet every target.
type attachFunc func(*side, []plan.Target) ([]link.Link, []refusal, error)

// mechanisms are the ways to attach, by plan.Mechanism.Name.
var mechanisms = map[string]attachFunc{
	"perf tracepoint":     oneByOne(tracepoint),
	"raw_syscalls":        allSyscalls,
	"tp_btf":              typed,
	"raw tracepoint":      oneByOne(rawTracepoint),
	"uprobe perf link":    oneByOne(userProbe((*link.Executable).Uprobe)),
	"uretprobe perf link": oneByOne(userProbe((*link.Executable).Uretprobe)),
	"uprobe.multi":        grouped(byFile, userMulti((*link.Executable).UprobeMulti)),
	"uretprobe.multi":     grouped(byFile, userMulti((*link.Executable).UretprobeMulti)),
	"kprobe perf link":    oneByOne(kernelProbe(false)),
	"kretprobe perf link": oneByOne(kernelProbe(true)),
	"uprobe.session":      grouped(byFile, userSession),
	"kprobe.multi":        grouped(byAddressing, kernelMulti(link.KprobeMulti, false)),
	"kretprobe.multi":     grouped(byAddressing, kernelMulti(link.KretprobeMulti, false)),
	"kprobe.session":      grouped(byAddressing, kernelMulti(link.KprobeMulti, true)),
}

func tracepoint(s *side, t plan.Target) (link.Link, error) {
	l, err := link.Tracepoint(t.Category, eventOf(t, s.what.Side), s.prog, &link.TracepointOptions{Cookie: s.cookie(t)})
	if t.EventID == 0 || !errors.Is(err, unix.EPERM) {
		return l, err
	}
	if l, ok := unsampled(s, t); ok {
		return l, nil
	}
	return nil, err
}

// unsampled attaches by a perf event that takes no samples: irq_work_exit allows
// no other, as a sample would end in another irq_work.
func unsampled(s *side, t plan.Target) (link.Link, bool) {
	attr := unix.PerfEventAttr{Type: unix.PERF_TYPE_TRACEPOINT, Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{})), Config: t.EventID}
	fd, err := unix.PerfEventOpen(&attr, -1, 0, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return nil, false
	}
	event := os.NewFile(uintptr(fd), "perf event")
	l, err := linkEvent(s.prog.FD(), event, s.cookie(t))
	if err != nil {
		_ = event.Close()
		return nil, false
	}
	return l, true
}

// allSyscalls attaches to the event of all system calls: the program picks its
// targets.
func allSyscalls(s *side, targets []plan.Target) ([]link.Link, []refusal, error) {
	event, _, _ := strings.Cut(strings.TrimPrefix(eventOf(targets[0], s.what.Side), "sys_"), "_")
	l, err := link.Tracepoint("raw_syscalls", "sys_"+event, s.prog, nil)
	if err != nil {
		return nil, nil, err
	}
	return []link.Link{l}, nil, nil
}

// typed attaches a program whose target was chosen when it was loaded.
func typed(s *side, targets []plan.Target) ([]link.Link, []refusal, error) {
	l, err := link.AttachTracing(link.TracingOptions{Program: s.prog, AttachType: s.what.Attach})
	if err != nil {
		return nil, nil, err
	}
	return []link.Link{l}, nil, nil
}

func rawTracepoint(s *side, t plan.Target) (link.Link, error) {
	return link.AttachRawTracepoint(link.RawTracepointOptions{Name: eventOf(t, s.what.Side), Program: s.prog})
}

// userProbe attaches by a perf event. A perf event can be restricted to a
// thread, not to a process: a target's PID is left to the program, which
// compares the thread group.
func userProbe(attach func(*link.Executable, string, *ebpf.Program, *link.UprobeOptions) (link.Link, error)) func(*side, plan.Target) (link.Link, error) {
	return func(s *side, t plan.Target) (link.Link, error) {
		ex, err := s.executable(t.Path)
		if err != nil {
			return nil, err
		}
		return attach(ex, t.Symbol, s.prog, &link.UprobeOptions{Address: t.Offset, Cookie: s.cookie(t), RefCtrOffset: t.Semaphore})
	}
}

// byFile groups what one uprobe.multi link can serve: one file, one process,
// and semaphores for all or none.
func byFile(t plan.Target) string {
	return t.Path + "\x00" + strconv.Itoa(t.PID) + "\x00" + strconv.FormatBool(t.Semaphore != 0)
}

// userMulti attaches all places of one file by one link.
func userMulti(attach func(*link.Executable, []string, *ebpf.Program, *link.UprobeMultiOptions) (link.Link, error)) func(*side, []plan.Target) (link.Link, error) {
	return func(s *side, targets []plan.Target) (link.Link, error) {
		ex, err := s.executable(targets[0].Path)
		if err != nil {
			return nil, err
		}
		opts := &link.UprobeMultiOptions{PID: uint32(targets[0].PID)}
		for _, t := range targets {
			opts.Addresses = append(opts.Addresses, t.Offset)
			opts.Cookies = append(opts.Cookies, t.ID)
			if t.Semaphore != 0 {
				opts.RefCtrOffsets = append(opts.RefCtrOffsets, t.Semaphore)
			}
		}
		return attach(ex, nil, s.prog, opts)
	}
}

// userSession attaches both ends of all functions of one file by one link.
func userSession(s *side, targets []plan.Target) (link.Link, error) {
	u := bpfcall.Uprobes{Path: targets[0].Path, PID: targets[0].PID}
	for _, t := range targets {
		u.Offsets = append(u.Offsets, t.Offset)
		u.Cookies = append(u.Cookies, t.ID)
	}
	fd, err := bpfcall.UprobeSession(s.prog.FD(), u)
	if err != nil {
		return nil, fmt.Errorf("uprobe.session link: %w", err)
	}
	l, err := link.NewFromFD(fd)
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return l, nil
}

// byAddressing groups what one kprobe.multi link can serve: all by name or all
// by address.
func byAddressing(t plan.Target) string { return strconv.FormatBool(t.Address != 0) }

// kernelMulti attaches all functions by one link, a session to both ends.
func kernelMulti(attach func(*ebpf.Program, link.KprobeMultiOptions) (link.Link, error), session bool) func(*side, []plan.Target) (link.Link, error) {
	return func(s *side, targets []plan.Target) (link.Link, error) {
		opts := link.KprobeMultiOptions{Session: session}
		for _, t := range targets {
			if t.Address != 0 {
				opts.Addresses = append(opts.Addresses, uintptr(t.Address))
			} else {
				opts.Symbols = append(opts.Symbols, t.Symbol)
			}
			opts.Cookies = append(opts.Cookies, t.ID)
		}
		return attach(s.prog, opts)
	}
}
