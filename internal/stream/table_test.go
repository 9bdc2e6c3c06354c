package stream

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tracer/bpfgen/layout"
	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

func words(w ...uint64) []byte {
	var b []byte
	for _, x := range w {
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	return b
}

// tableOf has one value column at the start of its value, and no key.
func tableOf(c plan.ValueColumn, n int) *layout.Table {
	c.Name = "v"
	return &layout.Table{
		Table:     &plan.Table{Name: "t", Values: []plan.ValueColumn{c}, Probes: []string{"kprobe.a"}},
		Values:    []layout.ValueField{{Func: c.Func, Slots: c.Slots()}},
		ValueSize: 8 * n,
	}
}

func negative(n int64) uint64 { return uint64(-n) }

func TestCPUsAreMerged(t *testing.T) {
	ordered := func(v uint64, signed, isMin bool) uint64 { return layout.Ordered(v, signed, isMin) }
	float := func(f float64) value.Value { return value.Value{IsFloat: true, Float: f} }
	for _, row := range []struct {
		name       string
		column     plan.ValueColumn
		cpu0, cpu1 []uint64
		want       value.Value
	}{
		{"counts add up", plan.ValueColumn{Func: plan.Count, Type: types.U64}, []uint64{3}, []uint64{4}, value.Value{Int: 7}},
		{"sums add up", plan.ValueColumn{Func: plan.Sum, Type: types.S32}, []uint64{negative(3)}, []uint64{1}, value.Value{Int: negative(2)}},
		{"averages weigh", plan.ValueColumn{Func: plan.Avg, Type: types.U32}, []uint64{10, 1}, []uint64{2, 3}, float(3)},
		{"signed averages", plan.ValueColumn{Func: plan.Avg, Type: types.S32}, []uint64{negative(10), 3}, []uint64{2, 1}, float(-2)},
		{"averages of more bits than a double", plan.ValueColumn{Func: plan.Avg, Type: types.U64}, []uint64{9007199254740999, 4}, []uint64{0, 2}, float(1501199875790166.5)},
		{"signed averages of as many", plan.ValueColumn{Func: plan.Avg, Type: types.S64}, []uint64{negative(9007199254740999), 4}, []uint64{0, 2}, float(-1501199875790166.5)},
		{"an average of nothing is 0", plan.ValueColumn{Func: plan.Avg, Type: types.S32}, []uint64{0, 0}, []uint64{0, 0}, float(0)},
		{"min of unsigned", plan.ValueColumn{Func: plan.Min, Type: types.U64}, []uint64{ordered(9, false, true), 1}, []uint64{ordered(7, false, true), 1}, value.Value{Int: 7}},
		{"min passes over a CPU that saw nothing", plan.ValueColumn{Func: plan.Min, Type: types.U64}, []uint64{ordered(9, false, true), 1}, []uint64{math.MaxUint64, 0}, value.Value{Int: 9}},
		{"min of signed", plan.ValueColumn{Func: plan.Min, Type: types.S64}, []uint64{ordered(negative(9), true, true), 1}, []uint64{ordered(7, true, true), 1}, value.Value{Int: negative(9)}},
		{"max of signed", plan.ValueColumn{Func: plan.Max, Type: types.S64}, []uint64{ordered(negative(9), true, false), 1}, []uint64{ordered(negative(7), true, false), 1}, value.Value{Int: negative(7)}},
		{"max of unsigned", plan.ValueColumn{Func: plan.Max, Type: types.U64}, []uint64{ordered(math.MaxUint64, false, false), 1}, []uint64{ordered(7, false, false), 1}, value.Value{Int: math.MaxUint64}},
		{"a max that nothing fed is 0", plan.ValueColumn{Func: plan.Max, Type: types.S64}, []uint64{0, 0}, []uint64{0, 0}, value.Value{}},
		{"last is the newest", plan.ValueColumn{Func: plan.Last, Type: types.U64}, []uint64{200, 5}, []uint64{100, 9}, value.Value{Int: 5}},
	} {
		t.Run(row.name, func(t *testing.T) {
			d, err := NewTable(tableOf(row.column, len(row.cpu0)), plain)
			if err != nil {
				t.Fatal(err)
			}
			got, err := d.Decode(&Snapshot{CPUs: 2, Values: append(words(row.cpu0...), words(row.cpu1...)...)})
			if err != nil {
				t.Fatal(err)
			}
			row.want.Type = new(d.values[0].Type)
			if diff := cmp.Diff(row.want, got.Rows[0].Values[0]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHistogramSlotsBecomeBuckets(t *testing.T) {
	for _, row := range []struct {
		name   string
		column plan.ValueColumn
		slots  []int
		want   []value.Bucket
	}{
		{"powers of two", plan.ValueColumn{Func: plan.Hist, Type: types.U64}, []int{1, 2, 3, 65}, []value.Bucket{
			{Ge: 0, Lt: 1, Count: 1}, {Ge: 1, Lt: 2, Count: 1}, {Ge: 2, Lt: 4, Count: 1}, {Ge: 1 << 63, NoLt: true, Count: 1},
		}},
		{"signed", plan.ValueColumn{Func: plan.Hist, Type: types.S64}, []int{0, 64}, []value.Bucket{
			{NoGe: true, Count: 1}, {Ge: 1 << 62, NoLt: true, Count: 1},
		}},
		{"split powers", plan.ValueColumn{Func: plan.Hist, Type: types.U64, Bits: 1}, []int{1, 2, 3, 4, 5}, []value.Bucket{
			{Ge: 0, Lt: 1, Count: 1}, {Ge: 1, Lt: 2, Count: 1}, {Ge: 2, Lt: 3, Count: 1}, {Ge: 3, Lt: 4, Count: 1}, {Ge: 4, Lt: 6, Count: 1},
		}},
		{"linear", plan.ValueColumn{Func: plan.Linear, Type: types.S64, Min: -10, Max: 15, Step: 10}, []int{0, 1, 3, 4}, []value.Bucket{
			{NoGe: true, Lt: negative(10), Count: 1}, {Ge: negative(10), Lt: 0, Count: 1}, {Ge: 10, Lt: 15, Count: 1}, {Ge: 15, NoLt: true, Count: 1},
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			n := 1 + row.column.Slots()
			d, err := NewTable(tableOf(row.column, n), plain)
			if err != nil {
				t.Fatal(err)
			}
			raw := make([]uint64, n)
			raw[0] = 99
			for _, s := range row.slots {
				raw[1+s] = 1
			}
			got, err := d.Decode(&Snapshot{CPUs: 1, Values: words(raw...)})
			if err != nil {
				t.Fatal(err)
			}
			want := &value.Hist{Count: uint64(len(row.slots)), Sum: 99, Step: uint64(row.column.Step), Buckets: row.want}
			if diff := cmp.Diff(want, got.Rows[0].Values[0].Hist()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func keyedTable() *layout.Table {
	t := tableOf(plan.ValueColumn{Func: plan.Count, Type: types.U64}, 1)
	t.Table.By = []plan.KeyColumn{
		{Name: "n", Type: types.U32, Nullable: true},
		{Name: "s", Type: types.Type{Kind: types.Text}, Parts: []tree.Part{{Lit: "<", Expr: &tree.Expr{Op: tree.Arg, Type: types.Str(1)}}, {Lit: ">"}}},
	}
	t.Key = layout.Key{Size: 16, HasNull: true, Fields: []layout.Field{
		{Column: 0, Part: -1, Type: types.U32, Off: 8, Size: 4, Null: 0},
		{Column: 1, Part: 0, Type: types.Str(1), Off: 12, Size: 3, Null: -1},
	}}
	return t
}

func TestKeysAreDecoded(t *testing.T) {
	d, err := NewTable(keyedTable(), plain)
	if err != nil {
		t.Fatal(err)
	}
	keys := "\x00\x00\x00\x00\x00\x00\x00\x00" + u32(5) + "a\x00\x00\x00" + "\x01\x00\x00\x00\x00\x00\x00\x00" + u32(0) + "b\x00\x00\x00"
	got, err := d.Decode(&Snapshot{CPUs: 1, Keys: []byte(keys), Values: words(1, 2), Other: words(3, 0), Time: 7})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Rows) != 2 || got.Rows[0].By[0].Int != 5 || string(got.Rows[0].By[1].Bytes) != "<a>" {
		t.Errorf("first row %+v", got.Rows)
	}
	if !got.Rows[1].By[0].Null || string(got.Rows[1].By[1].Bytes) != "<b>" || got.Rows[1].Values[0].Int != 2 {
		t.Errorf("second row %+v", got.Rows[1])
	}
	if got.Other == nil || got.Other.Values[0].Int != 3 || got.Time != 7 || got.Aggregate != "t" || got.Probes[0] != "kprobe.a" {
		t.Errorf("table %+v", got)
	}
}

func TestAnEmptyOtherRowIsNotShown(t *testing.T) {
	d, err := NewTable(keyedTable(), plain)
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Decode(&Snapshot{CPUs: 2, Other: words(0, 0, 0, 0)})
	if err != nil || got.Other != nil || len(got.Rows) != 0 {
		t.Errorf("table %+v, error %v", got, err)
	}
}

func TestAnOtherRowOfZeroSumsIsShown(t *testing.T) {
	d, err := NewTable(keyedTable(), plain)
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Decode(&Snapshot{CPUs: 2, Other: words(0, 0, 0, 1)})
	if err != nil || got.Other == nil || got.Other.Values[0].Int != 0 {
		t.Errorf("table %+v, error %v", got, err)
	}
}

func TestSnapshotsThatDoNotFitAreAnError(t *testing.T) {
	d, err := NewTable(keyedTable(), plain)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name string
		snap Snapshot
	}{
		{"half a value", Snapshot{CPUs: 1, Keys: make([]byte, 16), Values: make([]byte, 12)}},
		{"more keys than values", Snapshot{CPUs: 1, Keys: make([]byte, 32), Values: make([]byte, 8)}},
		{"half a key", Snapshot{CPUs: 1, Keys: make([]byte, 8), Values: make([]byte, 8)}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, err := d.Decode(&row.snap); !errors.Is(err, ErrShort) {
				t.Errorf("error %v", err)
			}
		})
	}
	if _, err := d.Decode(&Snapshot{}); err == nil {
		t.Error("no CPUs are no error")
	}
}

func TestTableLayoutsThatContradictTheirPlanAreRefused(t *testing.T) {
	hist := tableOf(plan.ValueColumn{Func: plan.Hist, Type: types.U64}, 4)
	slots := tableOf(plan.ValueColumn{Func: plan.Hist, Type: types.U64}, 400)
	slots.Values[0].Slots = 3
	for _, row := range []struct {
		name  string
		table *layout.Table
		want  string
	}{
		{"histogram without place", hist, "lies outside"},
		{"wrong slots", slots, "slots where"},
		{"unknown function", tableOf(plan.ValueColumn{Func: "median"}, 1), "median"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, err := NewTable(row.table, plain); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want %q", err, row.want)
			}
		})
	}
}

func FuzzTable(f *testing.F) {
	d, err := NewTable(keyedTable(), plain)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(1, make([]byte, 16), make([]byte, 8), make([]byte, 16))
	f.Add(2, []byte("\x01\x00\x00\x00\x00\x00\x00\x00abcdefgh"), make([]byte, 16), []byte{1})
	f.Fuzz(func(t *testing.T, cpus int, keys, values, other []byte) {
		got, err := d.Decode(&Snapshot{CPUs: cpus % 8, Keys: keys, Values: values, Other: other})
		if (got == nil) == (err == nil) {
			t.Errorf("table %v with error %v", got, err)
		}
	})
}
