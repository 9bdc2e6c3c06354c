// Package value holds finished values: what one column of one row is, once it
// has been read from the kernel or computed by the reference evaluator.
//
// In: bytes of records and map values (by internal/stream), or results of
// interpreter/eval. Out: what render prints and report computes with. It must
// not know BPF, HCL or output.
package value

import "tracer/interpreter/types"

// Cut marks text of which there was more.
const Cut = "…"

// Value is one value of a column. Tables and streams have very many: it is 64
// bytes, and what few values have is behind a pointer.
type Value struct {
	// Type is shared by the values of a column and never changed; nil in the
	// evaluator's intermediate values, which have none.
	Type *types.Type
	// Int is the value of a scalar (Bool, Int, Enum, Pointer): the 64-bit
	// register, sign-extended if Type.Signed.
	Int uint64
	// Float is the value of a derived or avg column when IsFloat.
	Float float64
	// Bytes is the content of String and Bytes (and of Text, put together):
	// raw, from a traced process, never escaped yet.
	Bytes []byte
	// Parts is what a List, Array, Stack or histogram consists of, else nil.
	Parts *Parts
	// PID is the process (thread group) whose memory a user address or stack
	// belongs to; 0 where it does not matter or is not known.
	PID     uint32
	IsFloat bool
	// Null is no value: an empty cell, JSON null.
	Null bool
	// Truncated says that the content was longer than the column can hold. A
	// Text has the marks of its parts in its content, where they were cut.
	Truncated bool
}

// Parts is what a composite value consists of.
type Parts struct {
	// List is the elements of a List or Array.
	List []Value
	// Addrs is the instruction addresses of a Stack, innermost first; whether
	// they are the kernel's or a process's is Type.Space.
	Addrs []uint64
	// Hist is the histogram of hist() and linear() columns.
	Hist *Hist
}

// List is the elements of a List or Array, nil if it is none.
func (v *Value) List() []Value {
	if v.Parts == nil {
		return nil
	}
	return v.Parts.List
}

// Addrs is the addresses of a Stack, nil if it is none.
func (v *Value) Addrs() []uint64 {
	if v.Parts == nil {
		return nil
	}
	return v.Parts.Addrs
}

// Hist is the value's histogram, nil if it is none.
func (v *Value) Hist() *Hist {
	if v.Parts == nil {
		return nil
	}
	return v.Parts.Hist
}

// Hist is a histogram. The unit of its bounds is Value.Type.Unit.
type Hist struct {
	Count uint64
	Sum   uint64 // two's complement if Value.Type.Signed
	// Step is how wide the buckets of linear() are, of which the last before
	// infinity may be narrower; 0: powers of two.
	Step uint64
	// Buckets are the non-empty ones, ascending.
	Buckets []Bucket
}

// Bucket counts the values in [Ge, Lt). For unsigned histograms the bounds are
// u64, for signed ones two's complement. NoGe: from minus infinity; NoLt: to
// infinity (also the last power of two, whose bound 2^64 does not fit).
type Bucket struct {
	Ge, Lt     uint64
	NoGe, NoLt bool
	Count      uint64
}

// Column is a named, typed column of a stream or table.
type Column struct {
	Name string
	Type types.Type
	Hist bool // its values are histograms of Type
}

// Event is one streamed row.
type Event struct {
	Probe   string // "tracepoint.open"
	Time    uint64 // ns, CLOCK_MONOTONIC
	Columns []Column
	Values  []Value
}

// Table is one aggregate's table at one moment.
type Table struct {
	Aggregate string
	Probes    []string // addresses of the probes that feed it
	Time      uint64   // ns, CLOCK_MONOTONIC
	By        []Column
	Values    []Column
	Rows      []Row
	// Other holds the events of keys that found the table full; nil if none.
	Other *Row
	// LeftOut is how many rows top left out.
	LeftOut int
}

// Row is one row of a table.
type Row struct {
	By     []Value
	Values []Value
}

// Counters are the counters of one probe, as language.md's summary names them.
type Counters struct {
	Events       uint64 `json:"events"`
	Skipped      uint64 `json:"skipped"`
	Lost         uint64 `json:"lost"`
	FailedReads  uint64 `json:"failed_reads"`
	RejectedKeys uint64 `json:"rejected_keys"`
	Missed       uint64 `json:"missed"`
	Evicted      uint64 `json:"evicted"`
	Unmatched    uint64 `json:"unmatched"`
	Truncated    uint64 `json:"truncated"`
}

// Summary is the end of a run.
type Summary struct {
	Time   uint64 // ns, CLOCK_MONOTONIC
	Probes []ProbeCounters
}

// ProbeCounters are one probe's counters.
type ProbeCounters struct {
	Probe string
	Counters
}
