package cli

import (
	"maps"
	"slices"
	"strconv"

	"tracer/bpfgen"
	"tracer/internal/session"
	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
	"tracer/interpreter/types"
)

// planFormat is the version of the JSON document of "tracer plan -json". Its
// first number changes when something that was there changes or goes.
const planFormat = "1.1"

// planView is that document; the text is made from it as well.
type planView struct {
	Format        string          `json:"format_version"`
	Tracer        string          `json:"tracer_version"`
	Kernel        kernelView      `json:"kernel"`
	Probes        []probeView     `json:"probes"`
	Tables        []tableView     `json:"tables"`
	Maps          []mapView       `json:"maps"`
	MemoryBytes   int             `json:"memory_bytes"`
	MemoryRefused string          `json:"memory_refused,omitempty"` // why there is not that much
	Capabilities  []string        `json:"capabilities"`
	More          []capView       `json:"more_capabilities,omitempty"`
	Missing       []string        `json:"missing_privileges"`
	Features      map[string]bool `json:"features"`
}

// capView is a capability that some mechanisms want besides, and when.
type capView struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

type kernelView struct {
	Release string `json:"release"`
	Arch    string `json:"arch"`
	CPUs    int    `json:"cpus"`
}

type probeView struct {
	Address  string        `json:"address"`
	Type     string        `json:"type"`
	Place    string        `json:"place"` // file:line
	Sample   uint64        `json:"sample,omitempty"`
	PID      int           `json:"pid,omitempty"`
	Streams  bool          `json:"streams"`
	Variants []variantView `json:"variants"`
	LeftOut  []leftView    `json:"left_out"`
}

type variantView struct {
	Mechanism      string        `json:"mechanism"`
	Reason         string        `json:"reason"`
	EntryMechanism string        `json:"entry_mechanism,omitempty"`
	EntryReason    string        `json:"entry_reason,omitempty"`
	Pair           string        `json:"pair,omitempty"`
	Targets        []targetView  `json:"targets"`
	Programs       []programView `json:"programs"`
}

type targetView struct {
	Name   string `json:"name"`
	Path   string `json:"path,omitempty"`
	Offset string `json:"offset,omitempty"` // hexadecimal
	Module string `json:"module,omitempty"`
	PID    int    `json:"pid,omitempty"`
}

type programView struct {
	Name         string `json:"name"`
	Side         string `json:"side"`
	Instructions int    `json:"instructions"`
	StackBytes   int    `json:"stack_bytes"`
}

type leftView struct {
	Target string `json:"target"`
	Reason string `json:"reason"`
}

type tableView struct {
	Name       string       `json:"name"`
	Probes     []string     `json:"probes"`
	By         []columnView `json:"by"`
	Values     []columnView `json:"values"`
	Derived    []string     `json:"derived,omitempty"`
	MaxEntries int          `json:"max_entries"`
	Reduced    int          `json:"max_entries_before,omitempty"`
	IntervalNS int64        `json:"interval_ns,omitempty"`
	Cumulative bool         `json:"cumulative,omitempty"`
	Top        int          `json:"top,omitempty"`
	KeyBytes   int          `json:"key_bytes"`
	ValueBytes int          `json:"value_bytes"` // of one CPU
	Bytes      int          `json:"memory_bytes"`
}

type columnView struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Function string `json:"function,omitempty"`
}

type mapView struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Bytes int    `json:"memory_bytes"`
}

// pairNames are the ways a return finds its entry.
var pairNames = map[plan.Pair]string{
	plan.PairNone: "", plan.PairTask: "one slot for each task", plan.PairStack: "a stack for each task",
	plan.PairCookie: "8 bytes that the kernel keeps for each call",
}

func sideName(s bpfgen.Side) string {
	return [...]string{"event", "entry", "return", "entry and return"}[s]
}

// newPlanView makes the document.
func newPlanView(p *plan.Plan, o *bpfgen.Object, k facts.Kernel) *planView {
	v := &planView{
		Format: planFormat, Kernel: kernelView{k.Release, k.Arch, k.CPUs},
		Probes: []probeView{}, Tables: []tableView{}, Maps: []mapView{}, Missing: []string{}, Features: p.Features,
	}
	for _, probe := range p.Probes {
		pv := probeView{
			Address: probe.Address(), Type: probe.Type, PID: p.PID, Variants: []variantView{}, LeftOut: []leftView{},
			Place: probe.Range.Filename + ":" + strconv.Itoa(probe.Range.Start.Line),
		}
		if probe.Sample > 1 {
			pv.Sample = probe.Sample
		}
		for _, variant := range probe.Variants {
			pv.Variants = append(pv.Variants, newVariantView(variant, o))
			pv.Streams = pv.Streams || variant.Stream
		}
		for _, l := range probe.Left {
			pv.LeftOut = append(pv.LeftOut, leftView(l))
		}
		v.Probes = append(v.Probes, pv)
	}
	v.Capabilities, v.More = capabilities(p)
	for _, name := range slices.Sorted(maps.Keys(o.Maps)) {
		m := mapView{name, o.Maps[name].Type.String(), session.MapBytes(o.Maps[name], k.CPUs)}
		v.Maps = append(v.Maps, m)
		v.MemoryBytes += m.Bytes
	}
	for _, t := range o.Tables {
		v.Tables = append(v.Tables, newTableView(t, o, p.Names, k.CPUs))
	}
	return v
}

func newVariantView(v *plan.Variant, o *bpfgen.Object) variantView {
	view := variantView{
		Mechanism: v.Mechanism.Name, Reason: v.Mechanism.Reason, Pair: pairNames[v.Pair],
		Targets: []targetView{}, Programs: []programView{},
	}
	if v.Mechanism.Session && v.Pair == plan.PairStack {
		view.Pair += ": more is saved than the 8 bytes that the kernel keeps for each call"
	}
	if v.Pair != plan.PairNone && !v.Mechanism.Session {
		view.EntryMechanism, view.EntryReason = v.EntryMechanism.Name, v.EntryMechanism.Reason
	}
	for _, t := range v.Targets {
		tv := targetView{Name: t.Name, Path: t.Path, Module: t.Module, PID: t.PID}
		if t.Offset != 0 {
			tv.Offset = "0x" + strconv.FormatUint(t.Offset, 16)
		}
		view.Targets = append(view.Targets, tv)
	}
	for _, p := range o.Programs {
		if p.Variant == v {
			view.Programs = append(view.Programs, programView{p.Name, sideName(p.Side), instructions(p), p.Object.StackBytes})
		}
	}
	return view
}

// instructions counts as the kernel does: a 64-bit constant takes two.
func instructions(p *bpfgen.Program) int {
	n := 0
	for i := range p.Object.Instructions {
		n += int(p.Object.Instructions[i].Width())
	}
	return n
}

func newTableView(t *bpfgen.Table, o *bpfgen.Object, names *types.NameTable, cpus int) tableView {
	p := t.Table.Table
	v := tableView{
		Name: p.Name, Probes: p.Probes, By: []columnView{}, Values: []columnView{}, MaxEntries: p.MaxEntries, Reduced: p.Reduced,
		IntervalNS: p.IntervalNS, Cumulative: p.Cumulative, Top: p.Top, KeyBytes: t.Key.Size, ValueBytes: t.ValueSize,
	}
	if t.Key.Size == 0 {
		v.MaxEntries = 1
	}
	for _, k := range p.By {
		v.By = append(v.By, columnView{Name: k.Name, Type: typeText(k.Type, names)})
	}
	for _, c := range p.Values {
		v.Values = append(v.Values, columnView{Name: c.Name, Type: typeText(c.Type, names), Function: string(c.Func)})
	}
	if p.Derive != nil {
		v.Derived = p.Derive.Names
	}
	for _, name := range []string{t.Map, t.Other} {
		if m := o.Maps[name]; m != nil {
			v.Bytes += session.MapBytes(m, cpus)
		}
	}
	return v
}

// typeText is a column's type. func and probe, which are numbers in the kernel,
// are shown as what they print.
func typeText(t types.Type, names *types.NameTable) string {
	if t.Table != nil && t.Table == names {
		return "name"
	}
	return t.String()
}

// capabilities are those that all mechanisms of a plan want, and those that some
// want besides.
func capabilities(p *plan.Plan) (all []string, more []capView) {
	caps, why := map[string]bool{}, map[string]string{}
	for _, probe := range p.Probes {
		for _, v := range probe.Variants {
			for _, m := range []plan.Mechanism{v.Mechanism, v.EntryMechanism} {
				for _, c := range m.Caps {
					caps[c] = true
				}
				for _, c := range m.More {
					why[c.Name] = c.Why
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(why)) {
		more = append(more, capView{name, why[name]})
	}
	return append([]string{}, slices.Sorted(maps.Keys(caps))...), more
}
