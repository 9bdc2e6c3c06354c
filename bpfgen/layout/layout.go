// Package layout is the bytes of what programs and tracer exchange: stream
// records, table keys and table values.
//
// In: the plan's columns and tables. Out: offsets and sizes, used by lower to
// write and by internal/stream to read, so that they cannot disagree. It must
// not know instructions or maps.
//
// All integers are little-endian, as both supported architectures are.
package layout

import (
	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// Field is one piece of a record or key. A column of a plain type is one
// field; a Text column is one field for each of its parts.
//
// Encodings, by Type.Kind:
//   - scalars: Type.Size bytes (1, 2, 4, 8), naturally aligned; in keys perhaps
//     extended to 8 (Size)
//   - String: Type.Size+2 bytes: up to Size+1 bytes of content, ended by NUL if
//     shorter; more than Size bytes of content means it was cut. With
//     Type.Fixed, Type.Size+1 bytes that cannot have been cut (comm, char
//     arrays).
//   - Bytes: u32 wanted length, then Type.Size bytes, the first min(wanted,
//     Size) of them valid; with Type.Fixed just Type.Size bytes
//   - List: u32 count, u32 used bytes, then the strings one after another, each
//     ended by NUL, each with up to Elem.Size+1 bytes of content as above;
//     count has CountMore set if the array went on
//   - Array of scalars: Len elements
//
// Tail fields (only in records) have their u32 lengths in place (String: used
// bytes with NUL; List: count and used bytes), and their bytes follow one
// another after the fixed part, in field order.
type Field struct {
	Column  int // index of its column; one above the last: a record's process id
	Part    int // index in the column's Parts, -1: the whole column
	Type    types.Type
	Expr    *tree.Expr // what it holds; nil in tables' layouts
	Off     int        // bytes from the start of the record's or key's data
	Size    int        // bytes in place
	Null    int        // bit in the null bitmap, -1: never null
	Exact   bool
	Tail    bool
	TailMax int // bytes at most in the tail
}

// CountMore is set in a list's count when the array had more elements.
const CountMore = 1 << 31

// RecordHeader is the size of a record's header: u32 record id, u32 null
// bitmap, u64 nanoseconds (CLOCK_MONOTONIC).
const RecordHeader = 16

// Record is the layout of one stream record.
type Record struct {
	ID      uint32
	Probe   *plan.Probe
	Columns []plan.Column
	Fields  []Field
	Size    int // bytes of header and fixed part, a multiple of 8
	TailMax int // bytes at most after it
}

// Key is the layout of a table's key. Size 0: the table has one row.
type Key struct {
	Fields  []Field
	Size    int  // bytes: 4 for a single number of 4, else a multiple of 8
	HasNull bool // the first 8 bytes are a null bitmap
}

// ValueField is one value column in a table's value.
type ValueField struct {
	Func AggFunc
	Off  int
	Size int
	// Slots is the number of u64 slots of a histogram, which follow the u64 sum.
	Slots int
}

// AggFunc is the plan's.
type AggFunc = plan.AggFunc

// Table is the layout of one table. Values are u64 words:
//   - count, sum: one word
//   - avg: sum, count
//   - min, max: the ordered image of the value (see Ordered), fed (0 or 1)
//   - last: nanoseconds, value
//   - hist, linear: sum, then one count for each slot; linear has one slot
//     below Min first and one from Max on last
type Table struct {
	Table     *plan.Table
	Key       Key
	Values    []ValueField
	ValueSize int // bytes, a multiple of 8
}

// OtherSize is the size of the value of a table's (other) row: the columns, and
// a word that what fed the row sets where the columns alone would not show it
// (a sum may be zero).
func (t *Table) OtherSize() int { return t.ValueSize + 8 }

// Ordered maps a 64-bit value to an unsigned image in which a greater image
// is a greater value, for max; its complement serves min, so that zeroed
// memory is below every image. Unordered is its inverse.
func Ordered(v uint64, signed, min bool) uint64 {
	if signed {
		v ^= 1 << 63
	}
	if min {
		v = ^v
	}
	return v
}

// Unordered is the inverse of Ordered.
func Unordered(v uint64, signed, min bool) uint64 {
	if min {
		v = ^v
	}
	if signed {
		v ^= 1 << 63
	}
	return v
}

// Counters are the u64 words of one probe's counters, in the per-CPU array
// map "counters", indexed by plan.Probe.Index. Events are Taken + Skipped.
const (
	CountTaken = iota
	CountSkipped
	CountLost
	CountFailedReads
	CountRejectedKeys
	CountUnmatched
	CountTruncated
	CountWords
)
