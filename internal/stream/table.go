package stream

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"

	"tracer/bpfgen/ir"
	"tracer/bpfgen/layout"
	"tracer/interpreter/plan"
	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

// Snapshot is what a table's maps held at one moment.
type Snapshot struct {
	Time uint64 // ns, CLOCK_MONOTONIC
	CPUs int    // copies of each value
	// Keys and Values are the entries one after another: Key.Size bytes each,
	// and CPUs x ValueSize bytes each. A table without a key has one entry.
	Keys, Values []byte
	// Other is the CPUs x OtherSize bytes of the row for keys that found the
	// table full; nil if the table has none.
	Other []byte
}

// Table decodes snapshots of one table.
type Table struct {
	layout *layout.Table
	keys   *columns
	by     []value.Column
	values []value.Column
	merge  []merger
}

// NewTable prepares decoding of a table. An error means a broken layout.
func NewTable(t *layout.Table, print Print) (*Table, error) {
	p := t.Table
	what := "key of " + p.Name
	specs := make([]columnSpec, len(p.By))
	for i, k := range p.By {
		specs[i] = columnSpec{name: k.Name, typ: k.Type, parts: k.Parts, nullable: k.Nullable}
	}
	keys, err := newColumns(what, specs, t.Key.Fields, print, false)
	if err != nil {
		return nil, err
	}
	d := &Table{layout: t, keys: keys, by: keys.header}
	if len(t.Values) != len(p.Values) || t.ValueSize <= 0 || t.ValueSize%8 != 0 {
		return nil, fmt.Errorf("value of %s: its layout does not fit its columns", p.Name)
	}
	for i := range p.Values {
		m, err := newMerger(&p.Values[i], &t.Values[i], t.ValueSize)
		if err != nil {
			return nil, fmt.Errorf("value %s.%s: %w", p.Name, p.Values[i].Name, err)
		}
		d.merge = append(d.merge, m)
		d.values = append(d.values, p.Values[i].Result())
	}
	return d, nil
}

// Plan is the table's plan.
func (t *Table) Plan() *plan.Table { return t.layout.Table }

// Decode merges the CPUs' copies of each row. The rows are in the snapshot's
// order, and keep parts of its memory.
func (t *Table) Decode(s *Snapshot) (*value.Table, error) {
	p := t.layout.Table
	out := &value.Table{Aggregate: p.Name, Probes: p.Probes, Time: s.Time, By: t.by, Values: t.values}
	stride := s.CPUs * t.layout.ValueSize
	if stride <= 0 {
		return nil, fmt.Errorf("table %s: values of %d CPUs", p.Name, s.CPUs)
	}
	n := len(s.Values) / stride
	if len(s.Values)%stride != 0 || len(s.Keys) != n*t.layout.Key.Size || (t.layout.Key.Size == 0 && n > 1) {
		return nil, fmt.Errorf("table %s: %d bytes of keys, %d of values: %w", p.Name, len(s.Keys), len(s.Values), ErrShort)
	}
	out.Rows = make([]value.Row, 0, n)
	// One piece of memory for all cells: a table may have very many rows.
	nBy, nAll := len(t.by), len(t.by)+len(t.merge)
	cells := make([]value.Value, n*nAll)
	for i := range n {
		rest := cells[i*nAll : (i+1)*nAll : (i+1)*nAll]
		row := value.Row{By: rest[:nBy:nBy], Values: rest[nBy:]}
		if err := t.key(s.Keys[i*t.layout.Key.Size:(i+1)*t.layout.Key.Size], row.By); err != nil {
			return nil, err
		}
		t.mergeRow(s.Values[i*stride:(i+1)*stride], s.CPUs, t.layout.ValueSize, row.Values)
		out.Rows = append(out.Rows, row)
	}
	if other := t.layout.OtherSize(); len(s.Other) == s.CPUs*other && !allZero(s.Other) {
		out.Other = &value.Row{Values: make([]value.Value, len(t.merge))}
		t.mergeRow(s.Other, s.CPUs, other, out.Other.Values)
	}
	return out, nil
}

// key decodes one key.
func (t *Table) key(raw []byte, out []value.Value) error {
	var null uint64
	if t.layout.Key.HasNull {
		if len(raw) < 8 {
			return fmt.Errorf("key of %s: %w", t.layout.Table.Name, ErrShort)
		}
		null = binary.LittleEndian.Uint64(raw)
	}
	return t.keys.row(raw, t.layout.Key.Size, null, out)
}

// mergeRow merges the values of one row into out. The copies of the CPUs are
// stride bytes apart.
func (t *Table) mergeRow(raw []byte, cpus, stride int, out []value.Value) {
	for i := range t.merge {
		m := &t.merge[i]
		out[i] = m.merge(m, raw[m.field.Off:], cpus, stride)
	}
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// merger merges one value column's words over the CPUs. raw starts at the
// column's words of the first CPU; those of the next are stride bytes further.
type merger struct {
	column *plan.ValueColumn
	field  *layout.ValueField
	result types.Type
	merge  func(m *merger, raw []byte, cpus, stride int) value.Value
}

// aggregates is how each aggregate function merges and how many words it has;
// words 0: a sum and its slots.
var aggregates = map[plan.AggFunc]struct {
	words int
	merge func(m *merger, raw []byte, cpus, stride int) value.Value
}{
	plan.Count:  {1, mergeSum},
	plan.Sum:    {1, mergeSum},
	plan.Avg:    {2, mergeAvg},
	plan.Min:    {2, mergeExtreme},
	plan.Max:    {2, mergeExtreme},
	plan.Last:   {2, mergeLast},
	plan.Hist:   {0, mergeSlots},
	plan.Linear: {0, mergeSlots},
}

func newMerger(c *plan.ValueColumn, f *layout.ValueField, valueSize int) (merger, error) {
	a, ok := aggregates[c.Func]
	if !ok {
		return merger{}, fmt.Errorf("no layout for aggregate function %q", c.Func)
	}
	words := a.words
	if words == 0 {
		words = 1 + f.Slots
		if f.Slots != c.Slots() {
			return merger{}, fmt.Errorf("%d slots where %d are needed", f.Slots, c.Slots())
		}
	}
	if f.Off < 0 || f.Off+8*words > valueSize {
		return merger{}, fmt.Errorf("lies outside of the %d bytes of its value", valueSize)
	}
	return merger{column: c, field: f, result: c.Result().Type, merge: a.merge}, nil
}

func word(raw []byte, cpu, stride, n int) uint64 {
	return binary.LittleEndian.Uint64(raw[cpu*stride+8*n:])
}

func mergeSum(m *merger, raw []byte, cpus, stride int) value.Value {
	v := value.Value{Type: &m.result}
	for cpu := range cpus {
		v.Int += word(raw, cpu, stride, 0)
	}
	return v
}

func mergeAvg(m *merger, raw []byte, cpus, stride int) value.Value {
	var sum, count uint64
	for cpu := range cpus {
		sum += word(raw, cpu, stride, 0)
		count += word(raw, cpu, stride, 1)
	}
	v := value.Value{Type: &m.result, IsFloat: true}
	if count == 0 {
		return v
	}
	v.Float = mean(sum, count, m.column.Type.Signed)
	return v
}

// mean is the double that is nearest, also of sums that no double holds.
func mean(sum, count uint64, signed bool) float64 {
	exact, double := new(big.Int).SetUint64(sum), float64(sum)
	if signed {
		exact.SetInt64(int64(sum))
		double = float64(int64(sum))
	}
	if math.Abs(double) < 1<<53 {
		return double / float64(count)
	}
	f, _ := new(big.Rat).SetFrac(exact, new(big.Int).SetUint64(count)).Float64()
	return f
}

func mergeExtreme(m *merger, raw []byte, cpus, stride int) value.Value {
	var best, fed uint64
	for cpu := range cpus {
		if word(raw, cpu, stride, 1) != 0 {
			fed = 1
			best = max(best, word(raw, cpu, stride, 0))
		}
	}
	v := value.Value{Type: &m.result}
	if fed != 0 {
		v.Int = layout.Unordered(best, m.column.Type.Signed, m.column.Func == plan.Min)
	}
	return v
}

func mergeLast(m *merger, raw []byte, cpus, stride int) value.Value {
	v := value.Value{Type: &m.result}
	var newest uint64
	for cpu := range cpus {
		if ns := word(raw, cpu, stride, 0); ns > newest {
			newest, v.Int = ns, word(raw, cpu, stride, 1)
		}
	}
	return v
}

func mergeSlots(m *merger, raw []byte, cpus, stride int) value.Value {
	h := &value.Hist{}
	if m.column.Func == plan.Linear {
		h.Step = uint64(m.column.Step)
	}
	for cpu := range cpus {
		h.Sum += word(raw, cpu, stride, 0)
	}
	for slot := range m.field.Slots {
		var n uint64
		for cpu := range cpus {
			n += word(raw, cpu, stride, 1+slot)
		}
		if n != 0 {
			b := bounds(m.column, slot, m.field.Slots)
			b.Count = n
			h.Count += n
			h.Buckets = append(h.Buckets, b)
		}
	}
	return value.Value{Type: &m.result, Parts: &value.Parts{Hist: h}}
}

// bounds is the bucket of a slot.
func bounds(c *plan.ValueColumn, slot, slots int) value.Bucket {
	if c.Func == plan.Linear {
		return linearBounds(c, slot, slots)
	}
	if slot == 0 {
		return value.Bucket{NoGe: true}
	}
	lo, hi := ir.HistBounds(slot, c.Bits)
	b := value.Bucket{Ge: lo, Lt: hi + 1}
	if hi == math.MaxUint64 || (c.Type.Signed && hi >= math.MaxInt64) {
		b.Lt, b.NoLt = 0, true
	}
	return b
}

func linearBounds(c *plan.ValueColumn, slot, slots int) value.Bucket {
	switch slot {
	case 0:
		return value.Bucket{NoGe: true, Lt: uint64(c.Min)}
	case slots - 1:
		return value.Bucket{Ge: uint64(c.Max), NoLt: true}
	}
	b := value.Bucket{Ge: uint64(c.Min) + uint64(slot-1)*uint64(c.Step)}
	b.Lt = b.Ge + uint64(c.Step)
	if slot == slots-2 {
		b.Lt = uint64(c.Max)
	}
	return b
}
