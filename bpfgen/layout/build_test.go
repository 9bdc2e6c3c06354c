package layout

import (
	"slices"
	"testing"

	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

func column(name string, t types.Type) plan.Column {
	return plan.Column{Name: name, Expr: &tree.Expr{Op: tree.Arg, Type: t}}
}

func builtin(name string) plan.Column {
	return plan.Column{Name: name, Expr: &tree.Expr{Op: tree.Builtin, Name: name, Type: types.U32}}
}

func record(columns ...plan.Column) *Record {
	return NewRecord(0, &plan.Variant{Columns: columns})
}

func TestFieldsAreAlignedAndDoNotOverlap(t *testing.T) {
	r := record(column("a", types.U8), column("b", types.U64), column("c", types.Str(10)), column("d", types.U16), column("e", types.Buf(7)), column("f", types.Comm))
	end := RecordHeader
	for _, f := range r.Fields {
		if f.Off < end {
			t.Errorf("field %d begins at %d, before %d where the last one ends", f.Column, f.Off, end)
		}
		if f.Type.IsScalar() && f.Off%f.Type.Size != 0 || f.Type.Kind == types.String && f.Off%8 != 0 {
			t.Errorf("field %d of %s is at %d", f.Column, f.Type, f.Off)
		}
		end = f.Off + f.Size
	}
	if r.Size < end || r.Size%8 != 0 {
		t.Errorf("the record has %d bytes, its fields end at %d", r.Size, end)
	}
}

func TestLongStringsGoToTheTailOfLargeRecords(t *testing.T) {
	small := record(column("a", types.Str(128)))
	if !small.InPlace() || small.Fields[0].Tail {
		t.Error("a record of one short string is not filled in place")
	}
	large := record(column("a", types.Str(4096)), column("b", types.U64), column("c", types.Str(8)))
	if large.InPlace() || !large.Fields[0].Tail || large.Fields[2].Tail || large.TailMax != 4098 {
		t.Errorf("in place %v, tail %v and %v of %d bytes", large.InPlace(), large.Fields[0].Tail, large.Fields[2].Tail, large.TailMax)
	}
}

func TestUserAddressesBringTheirProcess(t *testing.T) {
	usym := types.U64.WithUnit("usym")
	for _, row := range []struct {
		name    string
		columns []plan.Column
		extra   bool
	}{
		{"no address", []plan.Column{column("a", types.U64)}, false},
		{"an address", []plan.Column{column("a", usym)}, true},
		{"an address beside the process", []plan.Column{column("a", usym), builtin("pid")}, false},
		{"an address in a text", []plan.Column{{Name: "a", Expr: &tree.Expr{Op: tree.Text, Type: types.Type{Kind: types.Text}, Parts: []tree.Part{{Expr: &tree.Expr{Op: tree.Arg, Type: usym}}}}}}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := record(row.columns...)
			last := r.Fields[len(r.Fields)-1]
			if got := last.Column == len(row.columns); got != row.extra {
				t.Errorf("a field for the process: %v, want %v", got, row.extra)
			}
		})
	}
}

func TestOrderedImagesOrderLikeTheirValues(t *testing.T) {
	signed := []int64{-1 << 63, -5, -1, 0, 1, 7, 1<<63 - 1}
	for i := 1; i < len(signed); i++ {
		a, b := uint64(signed[i-1]), uint64(signed[i])
		if Ordered(a, true, false) >= Ordered(b, true, false) || Ordered(a, true, true) <= Ordered(b, true, true) {
			t.Errorf("%d and %d", signed[i-1], signed[i])
		}
	}
	for _, v := range []uint64{0, 1, 1 << 63, 1<<64 - 1} {
		for _, s := range []bool{false, true} {
			for _, m := range []bool{false, true} {
				if got := Unordered(Ordered(v, s, m), s, m); got != v {
					t.Errorf("%d came back as %d", v, got)
				}
			}
		}
	}
}

// Keys are as short as the kernel compares them: a number of four bytes alone is
// one, anything else whole words, whose padding the number before it fills.
func TestKeysHaveNoGaps(t *testing.T) {
	by := func(all ...types.Type) *plan.Table {
		p := &plan.Table{}
		for _, typ := range all {
			p.By = append(p.By, plan.KeyColumn{Name: "k", Type: typ})
		}
		return p
	}
	for _, row := range []struct {
		name  string
		table *plan.Table
		size  int
		sizes []int // of the fields
	}{
		{"a number of four bytes", by(types.U32), 4, []int{4}},
		{"a number of two", by(types.S16), 8, []int{8}},
		{"two numbers of four", by(types.U32, types.S32), 8, []int{4, 4}},
		{"a number before a name", by(types.U32, types.Comm), 24, []int{8, 16}},
		{"a name before a number", by(types.Comm, types.U32), 24, []int{16, 8}},
		{"nothing", by(), 0, nil},
	} {
		key := NewTable(row.table).Key
		var sizes []int
		for _, f := range key.Fields {
			sizes = append(sizes, f.Size)
		}
		if key.Size != row.size || !slices.Equal(sizes, row.sizes) {
			t.Errorf("%s: %d bytes, fields of %v; want %d, %v", row.name, key.Size, sizes, row.size, row.sizes)
		}
	}
}
