// Package bpfgen turns a plan into BPF: programs, maps and the layouts to read
// them back.
//
// In: a plan.Plan. Out: Object, plain data that internal/session loads. The
// stages are lower (plan to IR), opt (IR to IR) and emit (IR to instructions).
// It must not know HCL's syntax, nor touch the kernel.
package bpfgen

import (
	"github.com/cilium/ebpf"

	"tracer/bpfgen/emit"
	"tracer/bpfgen/layout"
	"tracer/interpreter/plan"
)

// Object is everything to load for one plan.
type Object struct {
	Programs []*Program
	// Maps by name, as the programs' instructions refer to them. The names
	// with a meaning are below.
	Maps    map[string]*ebpf.MapSpec
	Records []*layout.Record // by Record.ID
	Tables  []*Table
}

// The maps every reader knows.
const (
	MapEvents   = "events"   // ring buffer; absent if nothing streams
	MapCounters = "counters" // per-CPU array of layout.CountWords u64 for each probe
)

// Table is one aggregate's maps. A swapped table (plan.Table.Swapped) has
// ArrayOfMaps outer maps of one slot each, whose InnerMap spec says what the two
// inner maps of each look like; the session makes them and swaps them in turn.
type Table struct {
	*layout.Table
	Map string // per-CPU hash, or per-CPU array of one entry if the key is empty
	// Other is the per-CPU array of one entry that takes the events of keys
	// the full table could not add; "" for tables without a key.
	Other string
	// Counts is set where the table's own count is its probe's: what was taken is
	// in no counter.
	Counts *Counts
}

// Counts are the words of each row that together count the events that one
// probe took.
type Counts struct {
	Probe  int // plan.Probe.Index
	Off, N int // byte offset in the value, number of u64 words
}

// Side says which end of a call a program sits on.
type Side uint8

// The sides.
const (
	Only  Side = iota // not a pair
	Entry             // saves what the return needs
	Return
	Both // of a session
)

// Program is one BPF program and the targets it is attached to.
type Program struct {
	Name   string // BPF object name: at most 15 bytes of [A-Za-z0-9_]
	Type   ebpf.ProgramType
	Attach ebpf.AttachType // expected attach type
	// AttachTo is the BTF attach target of tp_btf programs.
	AttachTo string
	Variant  *plan.Variant
	Side     Side
	Object   *emit.Object
	IR       string // after optimisation, for plan -show=ir
	Raw      string // before optimisation
}
