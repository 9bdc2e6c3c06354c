package report

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

func cellRow(key, number value.Value) value.Row {
	return value.Row{By: []value.Value{key}, Values: []value.Value{number}}
}

// Tables of plain numbers are sorted by their numbers alone; the order must be
// the one that comparing whole cells gives.
func TestPlainNumbersSortAsCellsDo(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	signed := func() value.Value {
		return value.Value{Type: &types.S64, Int: uint64(random.Int64()) >> random.UintN(64) * uint64(1-2*random.Int64N(2))}
	}
	small := func() value.Value { return value.Value{Type: &types.U32, Int: uint64(random.UintN(50))} }
	huge := func() value.Value {
		return value.Value{Type: &types.U64, Int: math.MaxInt64 - 1 + uint64(random.UintN(4))}
	}
	text := func() value.Value {
		return value.Value{Type: &types.Comm, Bytes: []byte{byte('a' + random.UintN(26))}}
	}
	empty := func() value.Value { return value.Value{Type: &types.S64, Null: random.UintN(2) == 0, Int: 7} }
	fraction := func() value.Value { return value.Value{Type: &types.S64, IsFloat: true, Float: random.Float64()} }
	for _, test := range []struct {
		name                  string
		key, number           func() value.Value
		plainNumber, plainKey bool
	}{
		{"signed numbers under equal keys", small, signed, true, true},
		{"equal numbers under signed keys", signed, small, true, true},
		{"numbers under texts", text, small, true, false},
		{"numbers that only unsigned words hold", huge, huge, false, false},
		{"empty cells", small, empty, false, true},
		{"fractions", small, fraction, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var rows []value.Row
			for range 500 {
				rows = append(rows, cellRow(test.key(), test.number()))
			}
			r := &Report{sort: 1, by: []value.Column{{Name: "k"}}, values: []value.Column{{Name: "n", Type: types.S64}}}
			numbers, keys := r.images(rows, nil)
			if (numbers != nil) != test.plainNumber || (keys != nil) != test.plainKey {
				t.Errorf("plain numbers %v, plain keys %v; want %v, %v", numbers != nil, keys != nil, test.plainNumber, test.plainKey)
			}
			want := slices.Clone(rows)
			slices.SortStableFunc(want, func(a, b value.Row) int {
				if c := compareDescending(&a.Values[0], &b.Values[0]); c != 0 {
					return c
				}
				return compareKeys(a.By, b.By)
			})
			r.order(rows)
			for i := range rows {
				if &rows[i].By[0] != &want[i].By[0] {
					t.Fatalf("row %d differs", i)
				}
			}
		})
	}
}
