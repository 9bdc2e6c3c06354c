// Package plan is what tracer would do, as plain data: every probe with its
// resolved targets, mechanism and reason, what it computes, and the tables it
// feeds. Building one reads facts and changes nothing; apply decides nothing
// that the plan did not show.
//
// In: a checked spec and facts. Out: Plan, which prints, serialises and
// compares, and which bpfgen/lower turns into programs. It must not know
// registers, instructions or how anything is attached.
package plan

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

// Plan is everything apply will do.
type Plan struct {
	Probes []*Probe
	Tables []*Table
	// Names are the interned strings that func and probe print: the value of
	// such a column is an index into it.
	Names *types.NameTable
	// PID restricts events to one process (apply -p); 0: all.
	PID int
	// CPUs is how many copies a per-CPU value has.
	CPUs int
	// Arch is the kernel's architecture ("x86_64", "arm64"): registers differ.
	Arch string
	// RingBytes is the size of the ring buffer, a power of two.
	RingBytes int
	// CommOffset is where the current task has its comm, in bytes, if programs
	// may read it there; 0: they ask the kernel's helper.
	CommOffset int
	// Features are what the plan asked of the kernel and the answers it built
	// on: key is a facts.Feature.
	Features map[string]bool
}

// Probe is one probe block (one element of its for_each), ready to be lowered.
type Probe struct {
	Index    int    // position in Plan.Probes: the index of its counters
	Type     string // "tracepoint"
	Name     string // "open", with for_each "open[\"x\"]"
	Range    hcl.Range
	Variants []*Variant
	Sample   uint64 // handle one event in so many; 0 and 1: all
	// Left are targets left out by optional, with the reason: shown, not lost.
	Left []LeftOut
}

// Address is the probe's name in messages and results: "tracepoint.open".
func (p *Probe) Address() string { return p.Type + "." + p.Name }

// LeftOut is a target that will not be attached, and why.
type LeftOut struct{ Target, Reason string }

// Variant is the part of a probe whose targets share one layout of arguments,
// and so one program (or one pair of entry and return programs).
type Variant struct {
	Probe     *Probe
	Layout    *tree.Layout
	Targets   []Target
	Mechanism Mechanism
	// EntryMechanism is how the entry side is attached, if the variant pairs and
	// Mechanism is no session.
	EntryMechanism Mechanism
	Selector       *Selector // nil: its events are its own
	Pair           Pair

	// EntryWhere are the conditions that the entry side can decide.
	EntryWhere []*tree.Expr
	// Early are the conditions tested before, Late those tested after capture,
	// in the order of the spec.
	Where []*tree.Expr

	Columns    []Column // capture, in source order; what a stream shows
	Stream     bool
	StreamWhen *tree.Expr // stream = condition; nil: always
	Derive     *Derive    // beside capture
	Aggregates []*Feed
}

// Target is one place to attach to.
type Target struct {
	Name string // as target would name it: "vfs_read", "sched:sched_switch"
	ID   uint64 // index in Plan.Names; the attach cookie where several share a program
	// Where it is: by the probe type's kind.
	Category, Event string // tracepoints; syscalls name their enter event here
	ExitEvent       string // syscall: the exit event, if the return is used
	EventID         uint64 // tracepoints: the event's number; 0: not known
	Symbol          string // kernel function
	Module          string
	Address         uint64 // of the kernel function where the name is not enough
	Path            string // user probes: the file
	File            string // which file that was, as facts.Binary.File says it
	Offset          uint64 // user probes: in the file; kernel: from the symbol
	Semaphore       uint64 // usdt: file offset of the semaphore
	PID             int    // user probes: only this process; 0: all
	Alone           bool   // only a link of its own serves it
	Number          int64  // syscall: among all, where Layout.Number says so
}

// Mechanism is how a program is entered: one row of the templates' table.
type Mechanism struct {
	Name   string // "perf tracepoint", "tp_btf", "uprobe.multi", "uprobe perf link", …
	Reason string // why this and not a better one
	Caps   []string
	// More are capabilities beside Caps, each with its reason.
	More []Capability
	// Shared: its event is that of other targets, too, and programs pick their
	// own by Variant.Selector.
	Shared bool
	// Session: one program runs at both ends of a call.
	Session bool
	Guard   Guard
	// Faultable: its programs may be those of system calls' tracepoints, so that
	// Guard is less where facts.FaultableTracepoints.
	Faultable bool
}

// Capability is a capability of processes that some mechanisms ask for, and why, as
// it follows upon its name in a sentence.
type Capability struct{ Name, Why string }

// Guard is what the kernel does not run amid a program on its CPU, be it by an
// interrupt or by preemption. It counts that as missed.
type Guard uint8

// The guards, each of which includes those before.
const (
	GuardNone Guard = iota // all may run (user probes)
	GuardSelf              // the program itself (prog->active in __bpf_trace_run, 6.1)
	GuardAll               // all that have GuardAll (bpf_prog_active in trace_call_bpf and kprobe_multi_link_prog_run)
)

// Selector is how a program knows its own targets where the mechanism's event
// is shared. Events of others are no events of the probe.
type Selector struct {
	Number *tree.ArgLoc // of the call, which is Target.Number
	Where  []*tree.Expr // what must hold besides
}

// Pair says how a return finds its entry.
type Pair uint8

// The ways to pair. PairTask: one slot per task (system calls do not nest).
// PairStack: the sp-pruned stack in task storage. PairCookie: the eight bytes
// that the kernel keeps for each call of a session.
const (
	PairNone Pair = iota
	PairTask
	PairStack
	PairCookie
)

// Column is a named expression.
type Column struct {
	Name  string
	Expr  *tree.Expr
	Range hcl.Range
}

// Feed is one aggregate block of one variant: what it puts into its table.
type Feed struct {
	Table  *Table
	Where  []*tree.Expr
	By     []Column
	Values []FeedValue // for columns of the table that this block feeds
	Range  hcl.Range
}

// FeedValue is one aggregate function's argument.
type FeedValue struct {
	Column int        // index in Table.Values
	Arg    *tree.Expr // nil for count()
	Range  hcl.Range
}

// Table is one aggregate, fed by one or several probes.
type Table struct {
	Name       string
	Probes     []string // addresses, sorted
	By         []KeyColumn
	Values     []ValueColumn
	MaxEntries int
	// Reduced is what max_entries was before the memory budget lowered it, 0
	// if it did not.
	Reduced    int
	IntervalNS int64 // 0: once, at the end
	Cumulative bool
	Derive     *Derive
	Having     hclsyntax.Expression
	Sort       string
	Top        int // 0: all
	Range      hcl.Range
	// EvalContext has var, kernel and the functions for Derive and Having, in
	// which local and each stand no more.
	EvalContext *hcl.EvalContext
}

// Swapped says that printing clears the table: its maps are exchanged.
func (t *Table) Swapped() bool { return t.IntervalNS > 0 && !t.Cumulative }

// Derive are the columns computed at report time.
type Derive struct {
	Names   []string
	Exprs   []hclsyntax.Expression
	Ranges  []hcl.Range
	Context *hcl.EvalContext // as EvalContext of a table
}

// KeyColumn is one column of a table's key.
type KeyColumn struct {
	Name     string
	Type     types.Type
	Nullable bool
	// Parts are set if the column is a Text: its pieces are the key.
	Parts []tree.Part
}

// AggFunc is an aggregate function.
type AggFunc string

// The aggregate functions.
const (
	Count    AggFunc = "count"
	Sum      AggFunc = "sum"
	Avg      AggFunc = "avg"
	Min      AggFunc = "min"
	Max      AggFunc = "max"
	Last     AggFunc = "last"
	Hist     AggFunc = "hist"
	Linear   AggFunc = "linear"
	Distinct AggFunc = "distinct"
)

// ValueColumn is one value column of a table.
type ValueColumn struct {
	Name string
	Func AggFunc
	Type types.Type // of what is aggregated; count: u64
	Bits int        // hist
	// linear: [Min, Max) in steps of Step, two's complement
	Min, Max, Step int64
}

// Result is the column of the finished values: sums are 64 bits wide.
func (c *ValueColumn) Result() value.Column {
	out := value.Column{Name: c.Name, Type: c.Type}
	switch c.Func {
	case Count:
		out.Type = types.U64
	case Sum, Avg:
		out.Type = types.Type{Kind: types.Int, Size: 8, Signed: c.Type.Signed, Unit: c.Type.Unit, Table: c.Type.Table}
	case Hist, Linear:
		out.Hist = true
	}
	return out
}
