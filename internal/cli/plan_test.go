package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"

	"tracer/bpfgen"
	"tracer/bpfgen/emit"
	"tracer/bpfgen/layout"
	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
	"tracer/interpreter/types"
)

// examplePlan is a paired probe that feeds a table, and one that streams.
func examplePlan() (*plan.Plan, *bpfgen.Object) {
	caps := []string{"CAP_BPF", "CAP_PERFMON"}
	reads := &plan.Probe{Index: 0, Type: "kretprobe", Name: "read", Range: hcl.Range{Filename: "spec.hcl", Start: hcl.Pos{Line: 3}}, Sample: 100}
	var targets []plan.Target
	for _, n := range strings.Fields("vfs_read vfs_readv vfs_a vfs_b vfs_c vfs_d vfs_e vfs_f vfs_g vfs_h") {
		targets = append(targets, plan.Target{Name: n, Symbol: n})
	}
	v := &plan.Variant{
		Probe: reads, Targets: targets, Pair: plan.PairStack,
		Mechanism:      plan.Mechanism{Name: "kretprobe.multi", Reason: "one link attaches all functions", Caps: caps},
		EntryMechanism: plan.Mechanism{Name: "kprobe.multi", Reason: "one link attaches all functions", Caps: caps},
	}
	reads.Variants, reads.Left = []*plan.Variant{v}, []plan.LeftOut{{Target: "vfs_x", Reason: "no such function"}}
	opens := &plan.Probe{Index: 1, Type: "usdt", Name: "gc", Range: hcl.Range{Filename: "spec.hcl", Start: hcl.Pos{Line: 20}}}
	u := &plan.Variant{
		Probe: opens, Stream: true, Mechanism: plan.Mechanism{Name: "uprobe perf link", Reason: "a perf event for each place", Caps: caps, More: []plan.Capability{{Name: "CAP_MORE", Why: "for a reason"}}},
		Targets: []plan.Target{{Name: "python:gc", Path: "/usr/lib/libpython3.so", Offset: 0x1c0}},
	}
	opens.Variants = []*plan.Variant{u}
	names := &types.NameTable{}
	call := types.U32
	call.Unit, call.Table = "lookup", names
	table := &plan.Table{
		Name: "reads", Probes: []string{"kretprobe.read"}, By: []plan.KeyColumn{{Name: "comm", Type: types.Comm}, {Name: "call", Type: call}},
		Values:     []plan.ValueColumn{{Name: "calls", Func: plan.Count, Type: types.U64}, {Name: "bytes", Func: plan.Sum, Type: types.S64}},
		MaxEntries: 1024, Reduced: 16384, IntervalNS: 5e9, Top: 10, Derive: &plan.Derive{Names: []string{"mean"}},
	}
	rows := &ebpf.MapSpec{Type: ebpf.PerCPUHash, KeySize: 16, ValueSize: 16, MaxEntries: 1024}
	program := &emit.Object{Instructions: asm.Instructions{asm.LoadImm(asm.R0, 0, asm.DWord), asm.Return()}, StackBytes: 40}
	return &plan.Plan{Names: names, Probes: []*plan.Probe{reads, opens}, Tables: []*plan.Table{table}, Features: map[string]bool{"kprobe_multi": true}}, &bpfgen.Object{
		Programs: []*bpfgen.Program{
			{Name: "read_e", Variant: v, Side: bpfgen.Entry, Object: program},
			{Name: "read_r", Variant: v, Side: bpfgen.Return, Object: program},
			{Name: "gc", Variant: u, Object: program},
		},
		Maps: map[string]*ebpf.MapSpec{
			bpfgen.MapEvents:   {Type: ebpf.RingBuf, MaxEntries: 8 << 20},
			bpfgen.MapCounters: {Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 56, MaxEntries: 2},
			"t0":               {Type: ebpf.ArrayOfMaps, MaxEntries: 1, InnerMap: rows},
		},
		Tables: []*bpfgen.Table{{Map: "t0", Table: &layout.Table{Table: table, Key: layout.Key{Size: 16}, ValueSize: 16}}},
	}
}

const wantPlan = `kretprobe.read (spec.hcl:3)
  on        10 targets: vfs_a, vfs_b, vfs_c, vfs_d, vfs_e, vfs_f, vfs_g, vfs_h and 2 more (-v names them)
  by        kretprobe.multi: one link attaches all functions
  entry by  kprobe.multi: one link attaches all functions
  pairs by  a stack for each task
  program   read_e (entry): 3 instructions, 40 bytes of stack
  program   read_r (return): 3 instructions, 40 bytes of stack
  sample    one event in 100
  left out  vfs_x: no such function

usdt.gc (spec.hcl:20)
  on        python:gc (libpython3.so+0x1c0)
  by        uprobe perf link: a perf event for each place
  program   gc (event): 3 instructions, 40 bytes of stack
  shows     a row for each event

table reads, from kretprobe.read
  by        comm string, call name
  values    calls = count(), bytes = sum(s64)
  derived   mean
  rows      at most 1024, the rest as (other); lowered from 16384 to bound the memory, set max_entries to decide it
  memory    276KiB: keys of 16 bytes, values of 16 bytes for each of 2 CPUs
  printed   every 5s and at the end, starting again each time, the first 10 rows

Kernel memory: 8.27MiB (tables 276KiB, ring buffer 8MiB, counters and scratch 224B).
Privileges: CAP_BPF, CAP_PERFMON, which this process has.
  CAP_MORE too, for a reason.
Plan: 2 probes on 11 targets, 3 programs. "tracer apply" attaches them.
`

func TestAPlanReadsAloud(t *testing.T) {
	p, o := examplePlan()
	view := newPlanView(p, o, facts.Kernel{Release: "6.18", Arch: "x86_64", CPUs: 2})
	var out bytes.Buffer
	(&planText{w: &out}).write(view)
	if diff := cmp.Diff(wantPlan, out.String()); diff != "" {
		t.Error(diff)
	}
	out.Reset()
	view.Features = map[string]bool{string(facts.MissesCounted): false}
	(&planText{w: &out}).write(view)
	if !strings.Contains(out.String(), "Misses: events within other programs") {
		t.Errorf("no word about misses in\n%s", out.String())
	}
	out.Reset()
	(&planText{w: &out, width: 60}).write(view)
	for _, want := range []string{
		"  on        10 targets: vfs_a, vfs_b, vfs_c, vfs_d, vfs_e,\n            vfs_f, vfs_g, vfs_h and 2 more (-v names them)\n",
		"  by        kretprobe.multi: one link attaches all functions\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("60 columns: no %q in\n%s", want, out.String())
		}
	}
	out.Reset()
	view.Missing = []string{"CAP_BPF to load programs"}
	(&planText{w: &out, all: true}).write(view)
	for _, want := range []string{"vfs_read, vfs_readv", "this process lacks CAP_BPF to load programs"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestAPlanOfNothingSaysSo(t *testing.T) {
	var out bytes.Buffer
	(&planText{w: &out}).write(newPlanView(&plan.Plan{}, &bpfgen.Object{}, facts.Kernel{}))
	if out.String() != "Plan: nothing to attach.\n" {
		t.Errorf("got %q", out.String())
	}
}

func TestThePlansJSONHasNoNulls(t *testing.T) {
	for _, empty := range []bool{false, true} {
		p, o := examplePlan()
		if empty {
			p, o = &plan.Plan{Features: map[string]bool{}}, &bpfgen.Object{}
		}
		text, err := json.Marshal(newPlanView(p, o, facts.Kernel{CPUs: 2}))
		if err != nil || strings.Contains(string(text), "null") {
			t.Errorf("%s, %v", text, err)
		}
	}
}

func TestAPlanOfASessionHasNoEntrySide(t *testing.T) {
	p, o := examplePlan()
	v := p.Probes[0].Variants[0]
	v.Mechanism = plan.Mechanism{Name: "kprobe.session", Reason: "one program and one link serve entries and returns", Session: true}
	v.EntryMechanism = plan.Mechanism{}
	o.Programs = []*bpfgen.Program{{Name: "read_b", Variant: v, Side: bpfgen.Both, Object: o.Programs[0].Object}}
	for pair, want := range map[plan.Pair]string{
		plan.PairCookie: "8 bytes that the kernel keeps for each call",
		plan.PairStack:  "a stack for each task: more is saved than the 8 bytes that the kernel keeps for each call",
	} {
		v.Pair = pair
		var out bytes.Buffer
		(&planText{w: &out}).write(newPlanView(p, o, facts.Kernel{CPUs: 2}))
		want = "  by        kprobe.session: one program and one link serve entries and returns\n  pairs by  " + want +
			"\n  program   read_b (entry and return): 3 instructions, 40 bytes of stack\n"
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
