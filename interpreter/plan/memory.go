package plan

import (
	"tracer/interpreter/histogram"
	"tracer/interpreter/types"
)

// Slots is the number of u64 slots of a histogram column; 0 for the others.
func (v ValueColumn) Slots() int {
	switch v.Func {
	case Hist:
		return histogram.Slots(v.Bits)
	case Linear:
		return int((v.Max-v.Min+v.Step-1)/v.Step) + 2
	}
	return 0
}

// Words is the number of u64 words a value column takes, see
// bpfgen/layout.Table.
func (v ValueColumn) Words() int {
	switch v.Func {
	case Count, Sum:
		return 1
	case Avg, Min, Max, Last:
		return 2
	case Hist, Linear:
		return 1 + v.Slots()
	}
	return 0
}

// ValueBytes is the size of one row's value on one CPU.
func (t *Table) ValueBytes() int {
	n := 0
	for _, v := range t.Values {
		n += 8 * v.Words()
	}
	return n
}

// KeyBytes is about the size of a row's key, as layout packs it.
func (t *Table) KeyBytes() int {
	n := 0
	for _, k := range t.By {
		if k.Type.Kind == types.Text {
			for _, p := range k.Parts {
				if p.Expr != nil {
					n += typeBytes(p.Expr.Type)
				}
			}
			continue
		}
		n += typeBytes(k.Type)
	}
	return (n + 7) &^ 7
}

func typeBytes(t types.Type) int {
	switch t.Kind {
	case types.String:
		if t.Fixed {
			return t.Size
		}
		return t.Size + 2
	case types.Bytes:
		return t.Size + 4
	}
	return t.Size
}

// rowOverhead is what the kernel keeps for each entry of a hash besides key
// and value, in bytes (measured on 6.18: about 90).
const rowOverhead = 90

// RowBytes is the memory one row takes on all CPUs; a table that printing
// clears exists twice.
func (t *Table) RowBytes(cpus int) int {
	n := cpus*t.ValueBytes() + t.KeyBytes() + rowOverhead
	if t.Swapped() {
		n *= 2
	}
	return n
}

// Bytes is the memory the table takes.
func (t *Table) Bytes(cpus int) int { return t.RowBytes(cpus) * max(1, t.MaxEntries) }
