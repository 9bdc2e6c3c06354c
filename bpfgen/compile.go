package bpfgen

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/hashicorp/hcl/v2"

	"tracer/bpfgen/emit"
	"tracer/bpfgen/ir"
	"tracer/bpfgen/layout"
	"tracer/bpfgen/lower"
	"tracer/bpfgen/opt"
	"tracer/interpreter/abi"
	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
)

// Compile makes the programs and maps of a plan. It decides nothing that the
// plan does not say. Diagnostics are programs that cannot be made: too large
// for the stack or for a jump.
func Compile(p *plan.Plan) (*Object, hcl.Diagnostics) {
	c := &compiler{plan: p, out: &Object{Maps: map[string]*ebpf.MapSpec{}}, tables: map[*plan.Table]*lower.Table{}}
	for i, t := range p.Tables {
		c.table(i, t)
	}
	n := 0
	for _, probe := range p.Probes {
		table, counts := c.counts(probe)
		if counts != nil {
			c.out.Tables[slices.Index(p.Tables, table)].Counts = counts
		}
		for _, v := range probe.Variants {
			c.variant(n, v, counts != nil)
			n++
		}
	}
	c.commonMaps()
	return c.out, c.diags
}

type compiler struct {
	plan    *plan.Plan
	out     *Object
	tables  map[*plan.Table]*lower.Table
	scratch int
	zeros   int
	diags   hcl.Diagnostics
}

// Names of the maps that are no one else's business.
const (
	mapScratch = "scratch"
	mapZeros   = "zeros"
)

// shortKey is the longest key before facts.LongKeys, in bytes.
const shortKey = 512

func (c *compiler) table(i int, t *plan.Table) {
	lay := layout.NewTable(t)
	if have, asked := c.plan.Features[string(facts.LongKeys)]; asked && !have && lay.Key.Size > shortKey {
		c.diags = append(c.diags, &hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: "Key too long", Subject: &t.Range,
			Detail: fmt.Sprintf("The keys of table %q are of %d bytes, and this kernel takes %d at most (Linux 5.11 and later take more). Make their strings shorter, as in str(args.filename, 64), or leave one out.", t.Name, lay.Key.Size, shortKey),
		})
	}
	out := &Table{Table: lay, Map: fmt.Sprintf("table%d", i)}
	if lay.Key.Size > 0 {
		out.Other = out.Map + "_other"
		c.tableMap(t, out.Map, &ebpf.MapSpec{Type: ebpf.PerCPUHash, KeySize: uint32(lay.Key.Size), ValueSize: uint32(lay.ValueSize), MaxEntries: uint32(t.MaxEntries)})
		c.tableMap(t, out.Other, row(lay.OtherSize()))
	} else {
		c.tableMap(t, out.Map, row(lay.ValueSize))
	}
	c.out.Tables = append(c.out.Tables, out)
	c.tables[t] = &lower.Table{Table: lay, Map: out.Map, Other: out.Other, Atomic: lower.Concurrent(c.feeders(t))}
}

// feeders are the mechanisms of the programs that feed a table, one each.
func (c *compiler) feeders(t *plan.Table) []plan.Mechanism {
	var out []plan.Mechanism
	for _, p := range c.plan.Probes {
		for _, v := range p.Variants {
			for _, f := range v.Aggregates {
				if f.Table == t {
					out = append(out, v.Mechanism)
				}
			}
		}
	}
	return out
}

// counting are the mechanisms of the programs that add to a probe's counters.
func counting(p *plan.Probe) []plan.Mechanism {
	var out []plan.Mechanism
	for _, v := range p.Variants {
		out = append(out, v.Mechanism)
		if v.Pair != plan.PairNone && !v.Mechanism.Session {
			out = append(out, v.EntryMechanism)
		}
	}
	return out
}

// row is a per-CPU array of one value.
func row(size int) *ebpf.MapSpec {
	return &ebpf.MapSpec{Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: uint32(size), MaxEntries: 1}
}

func (c *compiler) tableMap(t *plan.Table, name string, spec *ebpf.MapSpec) {
	spec.Name = name
	if t.Swapped() {
		inner := spec
		inner.Name = name + "_i"
		spec = &ebpf.MapSpec{Name: name, Type: ebpf.ArrayOfMaps, KeySize: 4, ValueSize: 4, MaxEntries: 1, InnerMap: inner}
	}
	c.out.Maps[name] = spec
}

func (c *compiler) variant(n int, v *plan.Variant, counted bool) {
	in := lower.Input{
		Plan: c.plan, Variant: v, Tables: c.tables, Atomic: lower.Concurrent(counting(v.Probe)), Counted: counted,
		Maps: lower.Maps{Events: MapEvents, Counters: MapCounters, Scratch: mapScratch, Zeros: mapZeros, Calls: fmt.Sprintf("calls%d", n), Targets: fmt.Sprintf("targets%d", n)},
	}
	if v.Stream {
		in.Record = layout.NewRecord(uint32(len(c.out.Records)), v)
		c.out.Records = append(c.out.Records, in.Record)
	}
	programs, made, err := c.programs(n, in)
	var stack emit.StackError
	if errors.As(err, &stack) {
		in.Scratch = true
		programs, made, err = c.programs(n, in)
	}
	var search emit.SearchError
	if errors.As(err, &search) {
		rng := v.Probe.Range
		if at, ok := search.Pos.(hcl.Range); ok {
			rng = at
		}
		c.diags = append(c.diags, &hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: "Too much text to look through", Subject: &rng,
			Detail: fmt.Sprintf("%s: %v. Make the strings shorter, as in str(args.filename, 256), or use several probes.", v.Probe.Address(), search),
		})
		return
	}
	if err != nil {
		rng := v.Probe.Range
		c.diags = append(c.diags, &hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: "Program cannot be made", Subject: &rng,
			Detail: fmt.Sprintf("%s: %v. Make the probe smaller: fewer or shorter strings, or several probes.", v.Probe.Address(), err),
		})
		return
	}
	c.out.Programs = append(c.out.Programs, programs...)
	c.scratch, c.zeros = max(c.scratch, made.ScratchBytes), max(c.zeros, made.ZeroBytes)
	if made.CallBytes > 0 {
		c.out.Maps[in.Maps.Calls] = c.calls(in.Maps.Calls, made.CallBytes)
	}
	if v.Selector != nil {
		c.out.Maps[in.Maps.Targets] = targetsByNumber(in.Maps.Targets, v.Targets)
	}
}

// programs lowers, optimises and emits the sides of a variant.
func (c *compiler) programs(n int, in lower.Input) ([]*Program, *lower.Output, error) {
	low, err := lower.Variant(in)
	if err != nil {
		return nil, nil, err
	}
	var out []*Program
	for _, side := range []struct {
		f    *ir.Func
		side Side
		mech plan.Mechanism
	}{{low.Entry, Entry, in.Variant.EntryMechanism}, {low.Main, Only, in.Variant.Mechanism}} {
		if side.f == nil {
			continue
		}
		switch {
		case side.side == Only && side.mech.Session:
			side.side = Both
		case side.side == Only && low.Entry != nil:
			side.side = Return
		}
		p := &Program{Name: progName(n, in.Variant.Probe.Name, side.side), Variant: in.Variant, Side: side.side}
		p.Type, p.Attach, p.AttachTo = programType(in.Variant, side.mech)
		p.Raw = side.f.String()
		opt.Run(side.f)
		p.IR = side.f.String()
		if p.Object, err = emit.Program(side.f); err != nil {
			return nil, nil, err
		}
		out = append(out, p)
	}
	return out, low, nil
}

// mechanismTypes are the program and attach types by mechanism; a perf link
// needs none.
var mechanismTypes = map[string]struct {
	prog   ebpf.ProgramType
	attach ebpf.AttachType
}{
	"perf tracepoint":     {ebpf.TracePoint, ebpf.AttachNone},
	"raw_syscalls":        {ebpf.TracePoint, ebpf.AttachNone},
	"tp_btf":              {ebpf.Tracing, ebpf.AttachTraceRawTp},
	"raw tracepoint":      {ebpf.RawTracepoint, ebpf.AttachNone},
	"kprobe perf link":    {ebpf.Kprobe, ebpf.AttachNone},
	"kretprobe perf link": {ebpf.Kprobe, ebpf.AttachNone},
	"kprobe.multi":        {ebpf.Kprobe, ebpf.AttachTraceKprobeMulti},
	"kretprobe.multi":     {ebpf.Kprobe, ebpf.AttachTraceKprobeMulti},
	"kprobe.session":      {ebpf.Kprobe, ebpf.AttachTraceKprobeSession},
	"uprobe perf link":    {ebpf.Kprobe, ebpf.AttachNone},
	"uretprobe perf link": {ebpf.Kprobe, ebpf.AttachNone},
	"uprobe.multi":        {ebpf.Kprobe, ebpf.AttachTraceUprobeMulti},
	"uretprobe.multi":     {ebpf.Kprobe, ebpf.AttachTraceUprobeMulti},
	"uprobe.session":      {ebpf.Kprobe, abi.TraceUprobeSession},
}

func programType(v *plan.Variant, m plan.Mechanism) (ebpf.ProgramType, ebpf.AttachType, string) {
	t := mechanismTypes[m.Name]
	to := ""
	if m.Name == "tp_btf" {
		to = v.Targets[0].Event
	}
	return t.prog, t.attach, to
}

// progName is a BPF object name: at most 15 bytes of [A-Za-z0-9_].
func progName(n int, probe string, side Side) string {
	suffix := fmt.Sprintf("%d%s", n, [...]string{"", "e", "r", "b"}[side])
	clean := strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, probe)
	return clean[:min(len(clean), 15-len(suffix)-1)] + "_" + suffix
}

// calls is where the calls of threads are kept: task storage or, where the plan
// found that missing, a hash of threads.
func (c *compiler) calls(name string, size int) *ebpf.MapSpec {
	if have, asked := c.plan.Features[string(facts.TaskStorage)]; asked && !have {
		const memory = 16 << 20
		entries := max(256, min(16384, memory/size))
		return &ebpf.MapSpec{Name: name, Type: ebpf.LRUHash, KeySize: 4, ValueSize: uint32(size), MaxEntries: uint32(entries)}
	}
	return taskStorage(name, size)
}

// targetsByNumber is the array that shared mechanisms pick their targets by.
func targetsByNumber(name string, targets []plan.Target) *ebpf.MapSpec {
	spec := &ebpf.MapSpec{Name: name, Type: ebpf.Array, KeySize: 4, ValueSize: 8}
	for _, t := range targets {
		spec.MaxEntries = max(spec.MaxEntries, uint32(t.Number)+1)
		spec.Contents = append(spec.Contents, ebpf.MapKV{Key: uint32(t.Number), Value: t.ID + 1})
	}
	return spec
}

// taskStorage is a map of one value for each task; the kernel wants BTF for it.
func taskStorage(name string, size int) *ebpf.MapSpec {
	word := &btf.Int{Name: "unsigned long long", Size: 8}
	return &ebpf.MapSpec{
		Name: name, Type: ebpf.TaskStorage, KeySize: 4, ValueSize: uint32(size), Flags: bpfNoPrealloc,
		Key:   &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed},
		Value: &btf.Array{Index: &btf.Int{Name: "unsigned int", Size: 4}, Type: word, Nelems: uint32(size / 8)},
	}
}

// bpfNoPrealloc is BPF_F_NO_PREALLOC, which task storage demands.
const bpfNoPrealloc = 1

func (c *compiler) commonMaps() {
	c.out.Maps[MapCounters] = &ebpf.MapSpec{Name: MapCounters, Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 8 * layout.CountWords, MaxEntries: uint32(max(1, len(c.plan.Probes)))}
	if len(c.out.Records) > 0 {
		c.out.Maps[MapEvents] = &ebpf.MapSpec{Name: MapEvents, Type: ebpf.RingBuf, MaxEntries: uint32(c.plan.RingBytes)}
	}
	if c.scratch > 0 {
		c.out.Maps[mapScratch] = &ebpf.MapSpec{Name: mapScratch, Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: uint32((c.scratch + 7) &^ 7), MaxEntries: lower.ScratchSlots}
	}
	if c.zeros > 0 {
		c.out.Maps[mapZeros] = &ebpf.MapSpec{Name: mapZeros, Type: ebpf.Array, KeySize: 4, ValueSize: uint32(c.zeros), MaxEntries: 1}
	}
}
