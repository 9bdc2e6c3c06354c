package session

import (
	"debug/elf"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/hashicorp/hcl/v2"
	"golang.org/x/sys/unix"

	"tracer/bpfgen"
	"tracer/bpfgen/layout"
	"tracer/internal/host"
	"tracer/interpreter/abi"
	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
)

// counter is a program that only counts its events, in probe's counters.
func counter(probe int) asm.Instructions {
	return asm.Instructions{
		asm.StoreImm(asm.RFP, -4, int64(probe), asm.Word),
		asm.LoadMapPtr(asm.R1, 0).WithReference(bpfgen.MapCounters),
		asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "exit"),
		asm.Mov.Imm(asm.R1, 1),
		asm.StoreXAdd(asm.R0, asm.R1, asm.DWord),
		asm.Mov.Imm(asm.R0, 0).WithSymbol("exit"),
		asm.Return(),
	}
}

// counted is one probe of one counting program, by the given mechanism.
func counted(mechanism string, program bpfgen.Program, targets ...plan.Target) (*bpfgen.Object, *plan.Plan) {
	probe := &plan.Probe{Type: "test", Name: "p", Range: specRange}
	v := &plan.Variant{Probe: probe, Targets: targets, Mechanism: plan.Mechanism{Name: mechanism}}
	probe.Variants = []*plan.Variant{v}
	program.Name, program.Variant, program.Object = "p", v, object(counter(0))
	obj := &bpfgen.Object{
		Programs: []*bpfgen.Program{&program},
		Maps: map[string]*ebpf.MapSpec{
			bpfgen.MapCounters: {Name: bpfgen.MapCounters, Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 8 * layout.CountWords, MaxEntries: 1},
		},
	}
	return obj, &plan.Plan{Probes: []*plan.Probe{probe}}
}

// events is how often the only probe fired.
func events(t *testing.T, s *Session) uint64 {
	t.Helper()
	if err := s.Detach(); err != nil {
		t.Fatal(err)
	}
	summary, err := s.Summary()
	if err != nil {
		t.Fatal(err)
	}
	return summary.Probes[0].Events
}

// linkFeatures are what links of an attach type need.
var linkFeatures = map[ebpf.AttachType]facts.Feature{
	ebpf.AttachTraceUprobeMulti: facts.UprobeMulti, abi.TraceUprobeSession: facts.UprobeSession,
	ebpf.AttachTraceKprobeMulti: facts.KprobeMulti, ebpf.AttachTraceKprobeSession: facts.KprobeSession,
}

// attachOrSkip opens a session; a kernel without the mechanism is named.
func attachOrSkip(t *testing.T, obj *bpfgen.Object, p *plan.Plan) (*Session, hcl.Diagnostics) {
	t.Helper()
	if f := linkFeatures[obj.Programs[0].Attach]; f != "" {
		if err := host.Open(host.Options{}).Feature(f); err != nil {
			t.Skipf("this kernel cannot: %v", err)
		}
	}
	s, diags := open(t, obj, p)
	for _, d := range diags {
		if err, ok := d.Extra.(error); ok && errors.Is(err, ebpf.ErrNotSupported) {
			t.Skipf("this kernel cannot: %v", err)
		}
	}
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return s, diags
}

// libcFunction is where a function of the C library is: file and offset in it.
func libcFunction(t *testing.T, name string) (path string, offset uint64) {
	t.Helper()
	out, err := exec.Command("ldd", "/bin/sh").Output()
	if err != nil {
		t.Skipf("no way to find the C library: %v", err)
	}
	for _, field := range strings.Fields(string(out)) {
		if strings.HasPrefix(field, "/") && strings.Contains(field, "libc.") {
			path = field
		}
	}
	f, err := elf.Open(path)
	if err != nil {
		t.Skipf("no C library: %v", err)
	}
	defer f.Close()
	symbols, err := f.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if s.Name != name {
			continue
		}
		for _, p := range f.Progs {
			if p.Type == elf.PT_LOAD && s.Value >= p.Vaddr && s.Value < p.Vaddr+p.Memsz {
				return path, s.Value - p.Vaddr + p.Off
			}
		}
	}
	t.Skipf("%s has no %s", path, name)
	return "", 0
}

// shell runs a program that calls the C library's getpid or getppid.
func shell(t *testing.T) {
	t.Helper()
	if err := exec.Command("/bin/sh", "-c", "echo $PPID").Run(); err != nil {
		t.Fatal(err)
	}
}

func TestKernelEventsFire(t *testing.T) {
	for _, row := range []struct {
		mechanism string
		program   bpfgen.Program
		target    plan.Target
	}{
		{"perf tracepoint", bpfgen.Program{Type: ebpf.TracePoint}, plan.Target{Name: "x", Category: "raw_syscalls", Event: "sys_enter"}},
		{"perf tracepoint", bpfgen.Program{Type: ebpf.TracePoint, Side: bpfgen.Return}, plan.Target{Name: "x", Category: "syscalls", Event: "sys_enter_nosuch", ExitEvent: "sys_exit_getppid"}},
		{"perf tracepoint", bpfgen.Program{Type: ebpf.TracePoint}, plan.Target{Name: "x", Category: "syscalls", Event: "sys_enter_none", ExitEvent: "sys_exit_getppid"}},
		{"raw tracepoint", bpfgen.Program{Type: ebpf.RawTracepoint}, plan.Target{Name: "x", Event: "sys_enter"}},
		{"tp_btf", bpfgen.Program{Type: ebpf.Tracing, Attach: ebpf.AttachTraceRawTp, AttachTo: "sys_enter"}, plan.Target{Name: "x", Event: "sys_enter"}},
		{"kprobe perf link", bpfgen.Program{Type: ebpf.Kprobe}, plan.Target{Name: "x", Symbol: "vfs_statfs"}},
		{"kprobe.multi", bpfgen.Program{Type: ebpf.Kprobe, Attach: ebpf.AttachTraceKprobeMulti}, plan.Target{Name: "x", Symbol: "vfs_statfs"}},
		{"kprobe.session", bpfgen.Program{Type: ebpf.Kprobe, Attach: ebpf.AttachTraceKprobeSession, Side: bpfgen.Both}, plan.Target{Name: "x", Symbol: "vfs_statfs"}},
	} {
		t.Run(row.mechanism+" "+row.target.Event+row.target.Symbol, func(t *testing.T) {
			if _, err := os.Stat("/sys/bus/event_source/devices/kprobe"); err != nil && row.program.Type == ebpf.Kprobe {
				t.Skipf("this kernel has no kprobes: %v", err)
			}
			obj, p := counted(row.mechanism, row.program, row.target)
			s, _ := attachOrSkip(t, obj, p)
			unix.Getppid()
			var stat unix.Statfs_t
			if err := unix.Statfs("/", &stat); err != nil {
				t.Fatal(err)
			}
			if n := events(t, s); n == 0 {
				t.Error("the probe did not fire")
			}
		})
	}
}

func TestUserFunctionsFire(t *testing.T) {
	path, offset := libcFunction(t, "getppid")
	target := plan.Target{Name: "getppid", Path: path, Offset: offset}
	for _, row := range []struct {
		mechanism string
		attach    ebpf.AttachType
	}{
		{"uprobe perf link", ebpf.AttachNone},
		{"uretprobe perf link", ebpf.AttachNone},
		{"uprobe.multi", ebpf.AttachTraceUprobeMulti},
		{"uretprobe.multi", ebpf.AttachTraceUprobeMulti},
		{"uprobe.session", abi.TraceUprobeSession},
	} {
		t.Run(row.mechanism, func(t *testing.T) {
			obj, p := counted(row.mechanism, bpfgen.Program{Type: ebpf.Kprobe, Attach: row.attach}, target)
			s, _ := attachOrSkip(t, obj, p)
			shell(t)
			if n := events(t, s); n == 0 {
				t.Error("the probe did not fire")
			}
		})
	}
}

func TestAMultiLinkLeavesOutWhatTheKernelRefuses(t *testing.T) {
	path, offset := libcFunction(t, "getppid")
	_, other := libcFunction(t, "getpid")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	targets := []plan.Target{
		{Name: "getpid", Path: path, Offset: other, ID: 1},
		{Name: "beyond", Path: path, Offset: uint64(info.Size()) + 1<<20, ID: 2},
		{Name: "getppid", Path: path, Offset: offset, ID: 3},
	}
	for mechanism, attach := range map[string]ebpf.AttachType{"uprobe.multi": ebpf.AttachTraceUprobeMulti, "uprobe.session": abi.TraceUprobeSession} {
		t.Run(mechanism, func(t *testing.T) {
			obj, p := counted(mechanism, bpfgen.Program{Type: ebpf.Kprobe, Attach: attach}, targets...)
			s, diags := attachOrSkip(t, obj, p)
			if len(diags) != 1 || !strings.Contains(diags[0].Detail, "beyond") || strings.Contains(diags[0].Detail, "getppid") || s.Attached().Targets != 2 {
				t.Errorf("diagnostics %v, attached %+v", diags, s.Attached())
			}
			shell(t)
			if n := events(t, s); n == 0 {
				t.Error("what remained did not fire")
			}
		})
	}
}

func TestAMultiLinkOfOnlyRefusedTargetsIsAnError(t *testing.T) {
	path, _ := libcFunction(t, "getppid")
	obj, p := counted("uprobe.multi", bpfgen.Program{Type: ebpf.Kprobe, Attach: ebpf.AttachTraceUprobeMulti},
		plan.Target{Name: "a", Path: path, Offset: 1 << 40, ID: 1}, plan.Target{Name: "b", Path: path, Offset: 1 << 41, ID: 2})
	s, diags := open(t, obj, p)
	if s != nil || !diags.HasErrors() {
		t.Errorf("session %v, diagnostics %v", s, diags)
	}
}

func TestEntrySidesAreAttachedFirstAndDetachedLast(t *testing.T) {
	probe := &plan.Probe{Type: "syscall", Name: "p", Range: specRange}
	v := &plan.Variant{
		Probe: probe, Targets: []plan.Target{{Name: "getppid", Category: "syscalls", Event: "sys_enter_getppid", ExitEvent: "sys_exit_getppid"}}, Pair: plan.PairTask,
		Mechanism: plan.Mechanism{Name: "perf tracepoint"}, EntryMechanism: plan.Mechanism{Name: "perf tracepoint"},
	}
	probe.Variants = []*plan.Variant{v}
	entry := &plan.Probe{Index: 1, Type: "syscall", Name: "entry", Range: specRange}
	obj := &bpfgen.Object{
		// The return side stands first in the object.
		Programs: []*bpfgen.Program{
			{Name: "r", Type: ebpf.TracePoint, Variant: v, Side: bpfgen.Return, Object: object(counter(0))},
			{Name: "e", Type: ebpf.TracePoint, Variant: v, Side: bpfgen.Entry, Object: object(counter(1))},
		},
		Maps: map[string]*ebpf.MapSpec{
			bpfgen.MapCounters: {Name: bpfgen.MapCounters, Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 8 * layout.CountWords, MaxEntries: 2},
		},
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				unix.Getppid()
			}
		}
	}()
	s, diags := open(t, obj, &plan.Plan{Probes: []*plan.Probe{probe, entry}})
	if diags.HasErrors() {
		close(stop)
		<-done
		t.Fatal(diags)
	}
	err := s.Detach()
	close(stop)
	<-done
	if err != nil {
		t.Fatal(err)
	}
	summary, err := s.Summary()
	if err != nil {
		t.Fatal(err)
	}
	// One call may have been entered before the entry side was attached.
	if returns, entries := summary.Probes[0].Events, summary.Probes[1].Events; entries == 0 || returns > entries+1 {
		t.Errorf("%d returns, %d entries", returns, entries)
	}
	if a := s.Attached(); a.Targets != 1 || a.Programs != 2 {
		t.Errorf("attached %+v", a)
	}
}
