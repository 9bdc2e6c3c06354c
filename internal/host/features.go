package host

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
	"golang.org/x/sys/unix"

	"tracer/interpreter/facts"
)

// featureProbe is how one feature is tried, and what to say if it is missing.
type featureProbe struct {
	feature facts.Feature
	what    string // what it is, in words
	since   string // the kernel version that brought it
	config  string // build option it needs, "" for none of its own
	try     func(h *Host) error
	anyone  bool // the try tells something without privileges, too
}

// featureProbes are all features, each tried at most once. A try returns nil,
// an error that wraps ebpf.ErrNotSupported, or why it could not be tried.
func featureProbes() []featureProbe {
	return []featureProbe{
		{facts.TPBTF, "BTF raw tracepoints (tp_btf)", "5.5", "CONFIG_DEBUG_INFO_BTF", tryTPBTF, false},
		{facts.Kprobe, "kernel probes (kprobe)", "4.17", "CONFIG_KPROBES", tryKprobe, true},
		{facts.KprobeNotrace, "kernel probes on functions that ftrace does not trace", "4.20", "CONFIG_KPROBE_EVENTS_ON_NOTRACE", tryKprobeNotrace, false},
		{facts.KprobeMulti, "kprobe.multi links", "5.18", "CONFIG_FPROBE", tryKprobeMulti, false},
		{facts.KprobeSession, "kprobe.session links", "6.10", "CONFIG_FPROBE", tryKprobeSession, false},
		{facts.UprobeEvent, "user probes by perf events", "4.17", "CONFIG_UPROBE_EVENTS", tryUprobeEvent, false},
		{facts.UprobeMulti, "uprobe.multi links", "6.6", "CONFIG_UPROBES", func(*Host) error { return features.HaveBPFLinkUprobeMulti() }, false},
		{facts.UprobeSession, "uprobe.session links", "6.13", "CONFIG_UPROBES", tryUprobeSession, false},
		{facts.Fentry, "fentry and fexit programs", "5.5", "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS", tryFentry, false},
		{facts.RingBuffer, "BPF ring buffers", "5.8", "", func(*Host) error { return features.HaveMapType(ebpf.RingBuf) }, false},
		{facts.TaskStorage, "task storage in tracing programs", "5.11", "CONFIG_DEBUG_INFO_BTF", tryTaskStorage, false},
		{facts.AtomicFetch, "atomic instructions that fetch", "5.12", "", tryAtomicFetch, false},
		{facts.AttachCookie, "helper bpf_get_attach_cookie", "5.15", "", haveHelper(ebpf.Kprobe, asm.FnGetAttachCookie), false},
		{facts.TaskBTF, "helper bpf_get_current_task_btf", "5.11", "CONFIG_DEBUG_INFO_BTF", haveHelper(ebpf.TracePoint, asm.FnGetCurrentTaskBtf), false},
		{facts.AncestorCgroup, "helper bpf_get_current_ancestor_cgroup_id in tracing programs", "5.14", "CONFIG_CGROUPS", haveHelper(ebpf.TracePoint, asm.FnGetCurrentAncestorCgroupId), false},
		{facts.RawGuard, "guard of raw tracepoints' programs against themselves", "6.1", "", knowsName("bpf_prog_inc_misses_counter"), true},
		{facts.FaultableTracepoints, "programs on system calls' tracepoints that can be preempted", "7.2", "", knowsName("trace_call_bpf_faultable"), true},
		{facts.MissesCounted, "count of events that find another program running", "6.7", "", inTypes(countsMisses), true},
		{facts.LongKeys, "table keys above 512 bytes", "5.11", "", tryLongKeys, false},
		{facts.PerfEventProbe, "perf event programs", "4.9", "CONFIG_PERF_EVENTS", tryPerfEvent, false},
	}
}

// Feature implements facts.Facts: the first time the kernel is asked to do it.
// The error says since which kernel the feature exists and wraps
// ebpf.ErrNotSupported; or that a security policy refuses it, and wraps
// fs.ErrPermission; or which privilege this process lacks to try it, and wraps
// fs.ErrPermission and facts.ErrUnknown.
func (h *Host) Feature(f facts.Feature) error {
	if err, done := h.features[f]; done {
		return err
	}
	if h.opts.Root != "" {
		return fmt.Errorf("feature %s: it can only be tried on the running kernel: %w", f, facts.ErrUnknown)
	}
	for _, p := range featureProbes() {
		if p.feature == f {
			err := h.tryFeature(p)
			h.features[f] = err
			return err
		}
	}
	return fmt.Errorf("feature %q: %w", f, facts.ErrUnknown)
}

// tryFeature asks the kernel, if this process may ask at all.
func (h *Host) tryFeature(p featureProbe) error {
	capable := h.Privileges().Capable()
	if !capable && !p.anyone {
		return h.notTried(p)
	}
	err := p.try(h)
	if !capable && errors.Is(err, fs.ErrPermission) {
		return h.notTried(p)
	}
	return h.explain(p, err)
}

// notTried says which privileges it would take to try.
func (h *Host) notTried(p featureProbe) error {
	return fmt.Errorf("%s: not tried, this process lacks %s: %w, %w",
		p.what, strings.Join(h.Privileges().Missing(), ", and "), fs.ErrPermission, facts.ErrUnknown)
}

// explain makes a message for users of what a try met.
func (h *Host) explain(p featureProbe, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, ebpf.ErrNotSupported) {
		need := "Linux " + p.since + " or later"
		if p.config != "" {
			need += " with " + p.config
		}
		return fmt.Errorf("this kernel (%s) has no %s, which needs %s: %w", h.kernel.Release, p.what, need, err)
	}
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s: refused by this kernel's security policy (lockdown, or a security module): %w", p.what, err)
	}
	return fmt.Errorf("%s: %w", p.what, err)
}

// haveHelper tries whether programs of a type may call a helper.
func haveHelper(kind ebpf.ProgramType, helper asm.BuiltinFunc) func(*Host) error {
	return func(*Host) error { return features.HaveProgramHelper(kind, helper) }
}

// returnZero is the smallest program.
func returnZero() asm.Instructions {
	return asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}
}

// tryLongKeys makes a hash of keys above MAX_BPF_STACK (htab_map_alloc_check).
func tryLongKeys(*Host) error {
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Hash, KeySize: 520, ValueSize: 8, MaxEntries: 1})
	if err == nil {
		err = m.Close()
	}
	return unsupported(err, unix.E2BIG)
}

// load loads one program with the types that are loaded already, and hands it
// to use (may be nil) before closing it.
func (h *Host) load(spec *ebpf.ProgramSpec, maps map[string]*ebpf.MapSpec, use func(*ebpf.Program) error) error {
	const name = "probe"
	spec.Name, spec.License = name, "GPL"
	coll, err := ebpf.NewCollectionWithOptions(
		&ebpf.CollectionSpec{Programs: map[string]*ebpf.ProgramSpec{name: spec}, Maps: maps},
		ebpf.CollectionOptions{Programs: ebpf.ProgramOptions{LogDisabled: true}, Cache: h.types.cache},
	)
	if err != nil {
		return err
	}
	defer coll.Close()
	if use == nil {
		return nil
	}
	return use(coll.Programs[name])
}

// unsupported turns errors by which old kernels refuse what they do not know
// into ebpf.ErrNotSupported.
func unsupported(err error, refusals ...error) error {
	if err == nil || errors.Is(err, ebpf.ErrNotSupported) {
		return err
	}
	for _, r := range refusals {
		if errors.Is(err, r) {
			return fmt.Errorf("%w (%w)", ebpf.ErrNotSupported, err)
		}
	}
	return err
}

// tryTPBTF loads a program for a tracepoint that every kernel has. It is not
// attached: that waits for all CPUs, and is the same as for raw tracepoints.
func tryTPBTF(h *Host) error {
	if _, err := h.BTF(); err != nil {
		return unsupported(err, facts.ErrNotFound)
	}
	err := h.load(&ebpf.ProgramSpec{
		Type: ebpf.Tracing, AttachType: ebpf.AttachTraceRawTp, AttachTo: "sched_process_exit", Instructions: returnZero(),
	}, nil, nil)
	return unsupported(err, unix.EINVAL, unix.E2BIG)
}

// PlainArgument implements facts.Facts. Numbers may be multiplied, pointers may not.
func (h *Host) PlainArgument(tracepoint string, arg int) bool {
	if h.opts.Root != "" || !h.Privileges().Capable() {
		return false
	}
	at := fmt.Sprintf("%s/%d", tracepoint, arg)
	plain, known := h.plain[at]
	if !known {
		plain = h.load(&ebpf.ProgramSpec{
			Type: ebpf.Tracing, AttachType: ebpf.AttachTraceRawTp, AttachTo: tracepoint,
			Instructions: asm.Instructions{
				asm.LoadMem(asm.R0, asm.R1, int16(8*arg), asm.DWord), asm.Mul.Imm(asm.R0, 2), asm.Mov.Imm(asm.R0, 0), asm.Return(),
			},
		}, nil, nil) == nil
		h.plain[at] = plain
	}
	return plain
}

// tryTaskStorage loads a tracepoint program that gets the current task's entry.
func tryTaskStorage(h *Host) error {
	if err := h.types.published(); err != nil {
		return unsupported(err, facts.ErrNotFound)
	}
	const storage = "storage"
	insns := asm.Instructions{
		asm.FnGetCurrentTaskBtf.Call(),
		asm.Mov.Reg(asm.R2, asm.R0),
		asm.LoadMapPtr(asm.R1, 0).WithReference(storage),
		asm.Mov.Imm(asm.R3, 0),
		asm.Mov.Imm(asm.R4, 1), // BPF_LOCAL_STORAGE_GET_F_CREATE
		asm.FnTaskStorageGet.Call(),
		asm.Mov.Imm(asm.R0, 0),
		asm.Return(),
	}
	maps := map[string]*ebpf.MapSpec{storage: taskStorageSpec()}
	err := h.load(&ebpf.ProgramSpec{Type: ebpf.TracePoint, Instructions: insns}, maps, nil)
	return unsupported(err, unix.EINVAL, unix.E2BIG)
}

// fetchAndAdd is a program that fetches and adds on its stack. The library
// encodes the instruction without its operation (BPF_ADD | BPF_FETCH), which
// would be an addition that every kernel has.
func fetchAndAdd() asm.Instructions {
	fetch := asm.FetchAdd.Mem(asm.RFP, asm.R0, asm.DWord, -8)
	fetch.Constant = 1
	return asm.Instructions{
		asm.Mov.Imm(asm.R0, 0),
		asm.StoreMem(asm.RFP, -8, asm.R0, asm.DWord),
		fetch,
		asm.Mov.Imm(asm.R0, 0),
		asm.Return(),
	}
}

// tryAtomicFetch loads a program that fetches and adds.
func tryAtomicFetch(h *Host) error {
	err := h.load(&ebpf.ProgramSpec{Type: ebpf.TracePoint, Instructions: fetchAndAdd()}, nil, nil)
	return unsupported(err, unix.EINVAL)
}
