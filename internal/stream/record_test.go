package stream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"tracer/bpfgen/layout"
	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// plain prints numbers and text without units.
func plain(dst []byte, v *value.Value) []byte {
	if v.Type.IsScalar() {
		return fmt.Append(dst, v.Int)
	}
	return append(dst, v.Bytes...)
}

var testProbe = &plan.Probe{Type: "tracepoint", Name: "open"}

// recordOf is a record of one column, of one field that follows the header.
func recordOf(t types.Type, f layout.Field) *layout.Record {
	f.Type, f.Off, f.Part = t, layout.RecordHeader, -1
	return &layout.Record{
		Probe: testProbe, Fields: []layout.Field{f}, Size: layout.RecordHeader + f.Size,
		Columns: []plan.Column{{Name: "x", Expr: &tree.Expr{Op: tree.Arg, Type: t}}},
	}
}

// header is a record's header with null bitmap null.
func header(null uint32) []byte {
	b := make([]byte, layout.RecordHeader)
	binary.LittleEndian.PutUint32(b[4:], null)
	binary.LittleEndian.PutUint64(b[8:], 12345)
	return b
}

func u32(n uint32) string { return string(binary.LittleEndian.AppendUint32(nil, n)) }

func list(elem types.Type) types.Type { return types.Type{Kind: types.List, Elem: &elem} }

func strOf(s string) value.Value { return value.Value{Type: new(types.Str(3)), Bytes: []byte(s)} }

func TestEveryKindDecodes(t *testing.T) {
	fixed, fixedStr := types.Buf(4), types.Str(5)
	fixed.Fixed, fixedStr.Fixed = true, true
	strs := list(types.Str(3))
	array := types.Type{Kind: types.Array, Len: 2, Elem: &types.S16}
	cut := strOf("abc")
	cut.Truncated = true
	for _, row := range []struct {
		name  string
		typ   types.Type
		field layout.Field
		data  string
		want  value.Value
	}{
		{"signed bytes are sign-extended", types.S8, layout.Field{Size: 1, Null: -1}, "\xfe", value.Value{Int: ^uint64(1)}},
		{"signed words are sign-extended", types.S32, layout.Field{Size: 4, Null: -1}, "\xff\xff\xff\xff", value.Value{Int: ^uint64(0)}},
		{"unsigned words are not", types.U32, layout.Field{Size: 4, Null: -1}, "\xff\xff\xff\xff", value.Value{Int: 1<<32 - 1}},
		{"u16", types.U16, layout.Field{Size: 2, Null: -1}, "\x01\x02", value.Value{Int: 0x201}},
		{"s16", types.S16, layout.Field{Size: 2, Null: -1}, "\x00\x80", value.Value{Int: ^uint64(0x7fff)}},
		{"u64", types.U64, layout.Field{Size: 8, Null: -1}, "\x01\x00\x00\x00\x00\x00\x00\x80", value.Value{Int: 1<<63 + 1}},
		{"a null bit makes null", types.U8, layout.Field{Size: 1, Null: 0}, "\x07", value.Value{Null: true}},
		{"a short string ends at its NUL", types.Str(5), layout.Field{Size: 7, Null: -1}, "ab\x00xxxx", value.Value{Bytes: []byte("ab")}},
		{"a string that just fits is whole", types.Str(5), layout.Field{Size: 7, Null: -1}, "abcde\x00x", value.Value{Bytes: []byte("abcde")}},
		{"a longer string is marked as cut", types.Str(5), layout.Field{Size: 7, Null: -1}, "abcdef\x00", value.Value{Bytes: []byte("abcde"), Truncated: true}},
		{"a string without NUL is marked as cut", types.Str(5), layout.Field{Size: 7, Null: -1}, "abcdefg", value.Value{Bytes: []byte("abcde"), Truncated: true}},
		{"a fixed string is never cut", fixedStr, layout.Field{Size: 6, Null: -1}, "abcdef", value.Value{Bytes: []byte("abcde")}},
		{"bytes have a length", types.Buf(4), layout.Field{Size: 8, Null: -1}, u32(2) + "\x00\x01xx", value.Value{Bytes: []byte{0, 1}}},
		{"more bytes wanted than fit are cut", types.Buf(4), layout.Field{Size: 8, Null: -1}, u32(5) + "abcd", value.Value{Bytes: []byte("abcd"), Truncated: true}},
		{"fixed bytes have none", fixed, layout.Field{Size: 4, Null: -1}, "ab\x00d", value.Value{Bytes: []byte("ab\x00d")}},
		{"lists", strs, layout.Field{Size: 16, Null: -1}, u32(2) + u32(5) + "ab\x00c\x00xxx", value.Value{Parts: &value.Parts{List: []value.Value{strOf("ab"), strOf("c")}}}},
		{"a list that goes on is cut", strs, layout.Field{Size: 16, Null: -1}, u32(1|layout.CountMore) + u32(2) + "c\x00xxxxxx", value.Value{Truncated: true, Parts: &value.Parts{List: []value.Value{strOf("c")}}}},
		{"an element too long is cut", strs, layout.Field{Size: 16, Null: -1}, u32(1) + u32(5) + "abcd\x00xxx", value.Value{Parts: &value.Parts{List: []value.Value{cut}}}},
		{"arrays of scalars", array, layout.Field{Size: 4, Null: -1}, "\x01\x00\xff\xff", value.Value{Parts: &value.Parts{List: []value.Value{{Type: &types.S16, Int: 1}, {Type: &types.S16, Int: ^uint64(0)}}}}},
		{"a string in the tail", types.Str(5), layout.Field{Size: 4, Null: -1, Tail: true, TailMax: 7}, u32(3) + "ab\x00", value.Value{Bytes: []byte("ab")}},
		{"a cut string in the tail", types.Str(5), layout.Field{Size: 4, Null: -1, Tail: true, TailMax: 7}, u32(7) + "abcdef\x00", value.Value{Bytes: []byte("abcde"), Truncated: true}},
		{"an empty string in the tail", types.Str(5), layout.Field{Size: 4, Null: -1, Tail: true, TailMax: 7}, u32(0), value.Value{}},
		{"bytes in the tail", types.Buf(4), layout.Field{Size: 8, Null: -1, Tail: true, TailMax: 4}, u32(9) + u32(4) + "abcd", value.Value{Bytes: []byte("abcd"), Truncated: true}},
		{"a list in the tail", strs, layout.Field{Size: 8, Null: -1, Tail: true, TailMax: 40}, u32(2) + u32(4) + "a\x00b\x00", value.Value{Parts: &value.Parts{List: []value.Value{strOf("a"), strOf("b")}}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			d, err := NewDecoder([]*layout.Record{recordOf(row.typ, row.field)}, plain)
			if err != nil {
				t.Fatal(err)
			}
			e, err := d.Event(append(header(1), row.data...))
			if err != nil {
				t.Fatal(err)
			}
			if e.Probe != "tracepoint.open" || e.Time != 12345 || e.Columns[0].Name != "x" {
				t.Errorf("event %+v", e)
			}
			cut := row.want.Truncated || slices.ContainsFunc(row.want.List(), isTruncated)
			if got := d.Truncated(e.Probe); (got == 1) != cut || got > 1 {
				t.Errorf("%d truncations counted", got)
			}
			row.want.Type = &row.typ
			if diff := cmp.Diff(row.want, e.Values[0], emptyIsNil()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func emptyIsNil() cmp.Option {
	return cmp.FilterValues(func(a, b []byte) bool { return len(a) == 0 && len(b) == 0 }, cmp.Ignore())
}

func TestTailFieldsFollowOneAnother(t *testing.T) {
	r := &layout.Record{Probe: testProbe, Size: 32, Fields: []layout.Field{
		{Column: 0, Part: -1, Type: types.Str(5), Off: 16, Size: 4, Null: -1, Tail: true},
		{Column: 1, Part: -1, Type: types.S32, Off: 20, Size: 4, Null: -1},
		{Column: 2, Part: -1, Type: types.Str(5), Off: 24, Size: 4, Null: -1, Tail: true},
	}}
	for i, f := range r.Fields {
		r.Columns = append(r.Columns, plan.Column{Name: fmt.Sprint("c", i), Expr: &tree.Expr{Type: f.Type}})
	}
	d, err := NewDecoder([]*layout.Record{r}, plain)
	if err != nil {
		t.Fatal(err)
	}
	e, err := d.Event(append(header(0), u32(3)+u32(7)+u32(2)+u32(0)+"ab\x00c\x00"...))
	if err != nil {
		t.Fatal(err)
	}
	if string(e.Values[0].Bytes) != "ab" || e.Values[1].Int != 7 || string(e.Values[2].Bytes) != "c" {
		t.Errorf("values %+v", e.Values)
	}
}

func TestTextsArePutTogether(t *testing.T) {
	big := types.U16
	big.BigEndian = true
	duration := types.NS
	strs := list(types.Str(3))
	arg := func(t types.Type) *tree.Expr { return &tree.Expr{Op: tree.Arg, Type: t} }
	for _, row := range []struct {
		name  string
		parts []tree.Part
		types []types.Type
		data  string
		want  string
		cut   bool
	}{
		{"parts between literals", []tree.Part{{Lit: "<", Expr: arg(types.Str(3))}, {Lit: "/", Expr: arg(types.U8)}, {Lit: ">"}}, []types.Type{types.Str(3), types.U8}, "sh\x00xx\x05", "<sh/5>", false},
		{"numbers in a verb's form", []tree.Part{{Expr: arg(types.S8), Verb: "%03d"}}, []types.Type{types.S8}, "\xfb", "-05", false},
		{"hexadecimal", []tree.Part{{Lit: "0x", Expr: arg(types.U16), Verb: "%04x"}}, []types.Type{types.U16}, "\xbe\x00", "0x00be", false},
		{"network order", []tree.Part{{Expr: arg(big), Verb: "%d"}}, []types.Type{big}, "\x01\x02", "258", false},
		{"own form", []tree.Part{{Expr: arg(duration), Verb: "%5s"}}, []types.Type{duration}, "\x07\x00\x00\x00\x00\x00\x00\x00", "    7", false},
		{"bool", []tree.Part{{Expr: arg(types.TBool), Verb: "%t"}}, []types.Type{types.TBool}, "\x01", "true", false},
		{"lists with a separator", []tree.Part{{Expr: arg(strs), Join: ", ", Verb: tree.JoinVerb}}, []types.Type{strs}, u32(2) + u32(4) + "a\x00b\x00xxxx", "a, b", false},
		{"lists without a separator", []tree.Part{{Expr: arg(strs), Verb: tree.JoinVerb}}, []types.Type{strs}, u32(2) + u32(4) + "a\x00b\x00xxxx", "ab", false},
		{"lists by themselves", []tree.Part{{Expr: arg(strs)}}, []types.Type{strs}, u32(2) + u32(4) + "a\x00b\x00xxxx", "a b", false},
		{"a constant part", []tree.Part{{Lit: "a", Expr: &tree.Expr{Op: tree.Const, Type: types.Str(3), Str: "xyz"}}}, nil, "", "axyz", false},
		{"a part that was cut", []tree.Part{{Expr: arg(types.Str(3))}, {Lit: "!"}}, []types.Type{types.Str(3)}, "abcd\x00", "abc…!", false},
		{"a cut part with a width", []tree.Part{{Expr: arg(types.Str(3)), Verb: "%-6s"}, {Lit: "!"}}, []types.Type{types.Str(3)}, "abcd\x00", "abc…  !", false},
		{"a list that goes on", []tree.Part{{Expr: arg(strs), Join: ", ", Verb: tree.JoinVerb}, {Lit: "!"}}, []types.Type{strs}, u32(1|layout.CountMore) + u32(5) + "abcd\x00xxx", "abc…, …!", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := &layout.Record{Probe: testProbe, Columns: []plan.Column{{Name: "x", Expr: &tree.Expr{Op: tree.Text, Type: types.Type{Kind: types.Text}, Parts: row.parts}}}}
			r.Size = layout.RecordHeader
			for i, typ := range row.types {
				size := map[types.Kind]int{types.String: typ.Size + 2, types.List: 16}[typ.Kind]
				if size == 0 {
					size = typ.Size
				}
				r.Fields = append(r.Fields, layout.Field{Part: i, Type: typ, Off: r.Size, Size: size, Null: -1})
				r.Size += size
			}
			d, err := NewDecoder([]*layout.Record{r}, plain)
			if err != nil {
				t.Fatal(err)
			}
			e, err := d.Event(append(header(0), row.data...))
			if err != nil {
				t.Fatal(err)
			}
			if got := string(e.Values[0].Bytes); got != row.want || e.Values[0].Truncated != row.cut {
				t.Errorf("got %q, cut %v; want %q, %v", got, e.Values[0].Truncated, row.want, row.cut)
			}
		})
	}
}

func TestATextMayBeNullAsAWholeOrInPart(t *testing.T) {
	arg := func(nullable bool) *tree.Expr { return &tree.Expr{Op: tree.Arg, Type: types.U8, Nullable: nullable} }
	v := &plan.Variant{Probe: testProbe, Columns: []plan.Column{
		{Name: "n", Expr: arg(true)},
		{Name: "t", Expr: &tree.Expr{Op: tree.Text, Type: types.Type{Kind: types.Text}, Nullable: true, Parts: []tree.Part{{Lit: "<", Expr: arg(false)}, {Lit: "/", Expr: arg(true)}, {Lit: ">"}}}},
	}}
	r := layout.NewRecord(0, v)
	d, err := NewDecoder([]*layout.Record{r}, plain)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		null uint32
		want string
		none bool
	}{{0, "<2/3>", false}, {1, "<2/3>", false}, {2, "", true}, {4, "<2/>", false}, {6, "", true}} {
		e, err := d.Event(append(header(row.null), 1, 2, 3, 0, 0, 0, 0, 0))
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Values[1]; string(got.Bytes) != row.want || got.Null != row.none || e.Values[0].Null != (row.null&1 != 0) {
			t.Errorf("null bits %b: got %q, %v", row.null, got.Bytes, got.Null)
		}
	}
}

func TestBytesThatDoNotFitAreAnError(t *testing.T) {
	strs := list(types.Str(3))
	for _, row := range []struct {
		name  string
		typ   types.Type
		field layout.Field
		raw   []byte
		short bool
	}{
		{"no header", types.U8, layout.Field{Size: 1, Null: -1}, []byte{0, 0, 0}, true},
		{"no record of that id", types.U8, layout.Field{Size: 1, Null: -1}, append([]byte{1}, make([]byte, 20)...), false},
		{"fixed part cut", types.U64, layout.Field{Size: 8, Null: -1}, append(header(0), 1), true},
		{"tail cut", types.Str(5), layout.Field{Size: 4, Null: -1, Tail: true}, append(header(0), u32(3)+"a"...), true},
		{"tail longer than it can be", types.Str(5), layout.Field{Size: 4, Null: -1, Tail: true, TailMax: 7}, append(header(0), u32(8)+"abcdefgh"...), false},
		{"fewer bytes in the tail than were read", types.Buf(4), layout.Field{Size: 8, Null: -1, Tail: true, TailMax: 4}, append(header(0), u32(3)+u32(1)+"abc"...), false},
		{"list longer than its place", strs, layout.Field{Size: 12, Null: -1}, append(header(0), u32(1)+u32(5)+"abc\x00"...), false},
		{"list of more strings than bytes", strs, layout.Field{Size: 12, Null: -1}, append(header(0), u32(5)+u32(4)+"abc\x00"...), false},
		{"list without an end", strs, layout.Field{Size: 12, Null: -1}, append(header(0), u32(1)+u32(4)+"abcd"...), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			d, err := NewDecoder([]*layout.Record{recordOf(row.typ, row.field)}, plain)
			if err != nil {
				t.Fatal(err)
			}
			_, err = d.Event(row.raw)
			if err == nil || errors.Is(err, ErrShort) != row.short {
				t.Errorf("error %v, want one with short=%v", err, row.short)
			}
		})
	}
}

func TestBrokenLayoutsAreRefused(t *testing.T) {
	for _, row := range []struct {
		name  string
		typ   types.Type
		field layout.Field
		want  string
	}{
		{"scalar of three bytes", types.Type{Kind: types.Int, Size: 3}, layout.Field{Size: 4}, "scalar of 3 bytes"},
		{"scalar without place", types.U64, layout.Field{Size: 4}, "4 bytes in place where 8 are needed"},
		{"struct", types.Type{Kind: types.Struct, Size: 8}, layout.Field{Size: 8}, "cannot stand in a record"},
		{"list of nothing", types.Type{Kind: types.List}, layout.Field{Size: 8}, "without an element type"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, err := NewDecoder([]*layout.Record{recordOf(row.typ, row.field)}, plain); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want %q", err, row.want)
			}
		})
	}
}

// mixedRecord is a record as a spec that follows opens would have: pid, comm,
// flags and a path in the tail.
func mixedRecord() (*layout.Record, []byte) {
	kinds := []types.Type{types.U32, types.Comm, types.S32, types.Str(128)}
	r := &layout.Record{Probe: testProbe, Size: 48, TailMax: 130, Fields: []layout.Field{
		{Column: 0, Part: -1, Type: kinds[0], Off: 16, Size: 4, Null: -1},
		{Column: 1, Part: -1, Type: kinds[1], Off: 20, Size: 16, Null: -1},
		{Column: 2, Part: -1, Type: kinds[2], Off: 36, Size: 4, Null: 0},
		{Column: 3, Part: -1, Type: kinds[3], Off: 40, Size: 4, Null: -1, Tail: true, TailMax: 130},
	}}
	for i, k := range kinds {
		r.Columns = append(r.Columns, plan.Column{Name: fmt.Sprint("c", i), Expr: &tree.Expr{Op: tree.Arg, Type: k}})
	}
	raw := append(header(0), u32(4711)+"postgres\x00\x00\x00\x00\x00\x00\x00\x00"+u32(0)+u32(21)+u32(0)+"/var/lib/postgres/pg\x00"...)
	return r, raw
}

func BenchmarkEvent(b *testing.B) {
	r, raw := mixedRecord()
	d, err := NewDecoder([]*layout.Record{r}, plain)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Event(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzEvent(f *testing.F) {
	r, raw := mixedRecord()
	strs := list(types.Str(3))
	second := recordOf(strs, layout.Field{Size: 8, Tail: true, TailMax: 64, Null: 3})
	second.ID = 1
	third := recordOf(types.Buf(40), layout.Field{Size: 44})
	third.ID = 2
	f.Add(raw)
	f.Add(append([]byte{1}, raw[1:]...))
	f.Add(append([]byte{2}, raw[1:]...))
	d, err := NewDecoder([]*layout.Record{r, second, third}, plain)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := d.Event(raw)
		if (e == nil) == (err == nil) {
			t.Errorf("event %v with error %v", e, err)
		}
		if e != nil && len(e.Values) != len(e.Columns) {
			t.Errorf("%d values in %d columns", len(e.Values), len(e.Columns))
		}
	})
}
