// Package check gives a spec its meaning on one kernel: HCL trees in, a plan of
// typed trees out.
//
// In: a parsed spec, the values of its variables and facts about the kernel.
// Out: plan.Plan, or every problem found, each with its place. What is known
// before attaching is folded here, by HCL itself; what mentions the event
// becomes tree.Expr. It must not know registers, instructions, output, or how
// facts are found.
package check

import (
	"cmp"
	"errors"
	"slices"

	"github.com/cilium/ebpf/btf"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/interpreter/unit"
	"tracer/spec"
	"tracer/templates"
)

// Input is what a plan is made of.
type Input struct {
	Spec  *spec.Spec
	Vars  map[string]cty.Value // as spec.Resolve gives them
	Facts facts.Facts
	Env   *unit.Env // names and symbols for literals; nil: none
	// PID restricts events to one process; 0: all.
	PID int
	// RingBytes is the ring buffer's size; 0: DefaultRing.
	RingBytes int
	// Mechanism forces one for every probe; "": the best.
	Mechanism string
	// MemoryBudget bounds the bytes of one table whose max_entries the spec
	// does not set; 0: DefaultBudget.
	MemoryBudget int
}

// DefaultRing is the size of the ring buffer in bytes: what an unfiltered
// stream needs between two reads at a million events a second.
const DefaultRing = 8 << 20

// DefaultBudget is the memory one table may take, in bytes, before the default
// max_entries is lowered.
const DefaultBudget = 64 << 20

// DefaultMaxEntries is the number of rows of a table, unless the spec says.
const DefaultMaxEntries = 16384

// checker is one run.
type checker struct {
	in     Input
	types  map[string]*templates.Type
	diags  hcl.Diagnostics
	seen   map[string]bool // diagnostics reported, so that none comes twice
	plan   *plan.Plan
	names  map[string]uint64            // interned names of functions and probes
	funcs  map[string]function.Function // plan time
	events map[string]*Function         // event time
	// blocks are the aggregate blocks seen, by table name.
	tables map[string]*tableBuilder
	order  []string
	base   map[string]cty.Value    // var and kernel, once made
	ctypes map[string]btf.Type     // kernel types by name, once looked up
	tries  map[string]*tryArgument // arguments of try, by place
	// reportLocals are the locals that derive and having mention: their names are columns.
	reportLocals map[*spec.Local]bool
}

// Spec checks a spec and makes its plan. The plan is usable only if the
// diagnostics have no errors.
func Spec(in Input) (*plan.Plan, hcl.Diagnostics) {
	c := &checker{
		in: in, types: templates.All(), seen: map[string]bool{}, names: map[string]uint64{},
		tables: map[string]*tableBuilder{}, ctypes: map[string]btf.Type{}, tries: map[string]*tryArgument{},
		plan: &plan.Plan{
			Names: &types.NameTable{}, PID: in.PID, Arch: in.Facts.Kernel().Arch, CPUs: in.Facts.Kernel().CPUs,
			RingBytes: cmp.Or(in.RingBytes, DefaultRing), Features: map[string]bool{},
		},
	}
	c.funcs, c.events = PlanFunctions(in.Facts, in.Env), eventTable()
	for _, m := range in.Spec.Modules {
		(&scope{c: c}).errLater(m.DefRange, "modules")
		for _, a := range m.Attrs {
			(&scope{c: c}).nameCheck(a.Expr)
		}
	}
	c.findReportLocals()
	for _, p := range in.Spec.Probes {
		c.probe(p)
	}
	c.unusedLocals()
	c.misspelledTries()
	c.finishTables()
	c.guards()
	slices.SortStableFunc(c.diags, func(a, b *hcl.Diagnostic) int {
		if a.Subject == nil || b.Subject == nil {
			return 0
		}
		return compareRanges(*a.Subject, *b.Subject)
	})
	return c.plan, c.diags
}

func compareRanges(a, b hcl.Range) int {
	return cmp.Or(cmp.Compare(a.Filename, b.Filename), cmp.Compare(a.Start.Byte, b.Start.Byte), cmp.Compare(a.End.Byte, b.End.Byte))
}

// intern gives a name of a function or probe its number.
func (c *checker) intern(name string) uint64 {
	if id, ok := c.names[name]; ok {
		return id
	}
	id := uint64(len(c.names))
	c.names[name] = id
	c.plan.Names.Names = append(c.plan.Names.Names, types.NamedNumber{Number: int64(id), Name: name})
	return id
}

// feature asks for a feature and notes the answer in the plan.
func (c *checker) feature(f facts.Feature) bool {
	if have, asked := c.plan.Features[string(f)]; asked {
		return have
	}
	have := c.in.Facts.Feature(f) == nil
	c.plan.Features[string(f)] = have
	return have
}

// lacks says that the kernel is known not to have a feature, and notes that in
// the plan.
func (c *checker) lacks(f facts.Feature) bool {
	if have, asked := c.plan.Features[string(f)]; asked {
		return !have
	}
	if err := c.in.Facts.Feature(f); err == nil || errors.Is(err, facts.ErrUnknown) {
		return false
	}
	c.plan.Features[string(f)] = false
	return true
}

// needs asks for what a variant's programs use that older kernels lack; they
// are made differently there. Simple programs need nothing.
func (c *checker) needs(v *plan.Variant) {
	if v.Pair == plan.PairTask || v.Pair == plan.PairStack {
		c.lacks(facts.TaskStorage)
	}
	fetch := false // for scratch memory, and the least or most of several programs
	v.EachExpr(func(e *tree.Expr) {
		tree.Walk(e, func(x *tree.Expr) bool {
			fetch = fetch || x.Op != tree.Const && long(x.Type)
			return !fetch
		})
	})
	for _, feed := range v.Aggregates {
		fetch = fetch || len(feed.By) > 16 // a key that the stack may not hold
		for _, value := range feed.Table.Values {
			fetch = fetch || value.Func == plan.Min || value.Func == plan.Max
		}
	}
	if fetch {
		c.lacks(facts.AtomicFetch)
	}
}

// guards asks what the kernel keeps apart, where it is not always the same.
func (c *checker) guards() {
	var programs []*plan.Mechanism
	for _, p := range c.plan.Probes {
		for _, v := range p.Variants {
			for _, m := range []*plan.Mechanism{&v.Mechanism, &v.EntryMechanism} {
				if m.Name != "" {
					programs = append(programs, m)
				}
			}
		}
	}
	for _, m := range programs {
		switch {
		case m.Guard == plan.GuardSelf && c.lacks(facts.RawGuard):
			m.Guard = plan.GuardNone
		case m.Faultable && len(programs) > 1 && c.feature(facts.FaultableTracepoints):
			m.Guard = plan.GuardSelf
		}
	}
}

// long says that values of a type may have to lie in scratch memory: names of
// threads do not.
func long(t types.Type) bool {
	switch t.Kind {
	case types.String, types.Bytes, types.List:
		return t.Size > types.Comm.Size+1
	}
	return false
}

// unusedLocals name-checks the file's locals, used or not.
func (c *checker) unusedLocals() {
	s := &scope{c: c, probe: nil}
	for _, l := range sortedLocals(c.in.Spec.Locals) {
		s.localNameCheck(l)
	}
}

// localNameCheck looks at the names of a local where it stands: those of one
// that derive or having mentions are columns.
func (s *scope) localNameCheck(l *spec.Local) {
	if s.c.reportLocals[l] {
		s.reportNames(l.Expr)
		return
	}
	s.nameCheck(l.Expr)
}

// reportAttrs are the attributes of a probe that are evaluated over finished
// rows: the names in them are columns.
func reportAttrs(p *spec.Probe) []*spec.Attr {
	all := []*spec.Attr{p.Attrs["derive"]}
	for _, b := range p.Aggregates {
		all = append(all, b.Attrs["derive"], b.Attrs["having"])
	}
	return slices.DeleteFunc(all, func(a *spec.Attr) bool { return a == nil })
}

// findReportLocals notes the locals that derive and having mention, directly or
// through others, and that are not known before attaching.
func (c *checker) findReportLocals() {
	c.reportLocals = map[*spec.Local]bool{}
	for _, p := range c.in.Spec.Probes {
		s := &scope{c: c, probe: p}
		for _, a := range reportAttrs(p) {
			s.noteReportLocals(a.Expr)
		}
	}
}

func (s *scope) noteReportLocals(e hclsyntax.Expression) {
	for _, t := range e.Variables() {
		if t.RootName() != "local" {
			continue
		}
		if l := s.local(t); l != nil && !s.c.reportLocals[l] && !s.isPlan(l.Expr) {
			s.c.reportLocals[l] = true
			s.noteReportLocals(l.Expr)
		}
	}
}

func sortedLocals(m map[string]*spec.Local) []*spec.Local {
	out := make([]*spec.Local, 0, len(m))
	for _, l := range m {
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b *spec.Local) int { return compareRanges(a.NameRange, b.NameRange) })
	return out
}
