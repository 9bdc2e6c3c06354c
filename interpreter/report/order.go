package report

import (
	"bytes"
	"cmp"
	"math"
	"math/big"
	"slices"

	"tracer/interpreter/types"
	"tracer/interpreter/unit"
	"tracer/interpreter/value"
)

// order sorts finished rows: numbers descending, text ascending, empty cells
// last; rows that are equal there by their key, ascending, so that the order is
// the same in every run.
func (r *Report) order(rows []value.Row) {
	if r.sort < 0 {
		return
	}
	index := make([]int, len(rows))
	for i := range index {
		index[i] = i
	}
	slices.SortStableFunc(index, r.comparison(rows))
	permute(rows, index)
}

// permute puts row index[i] at i, in place, one cycle after the other; index is
// used up.
func permute(rows []value.Row, index []int) {
	for start := range index {
		first := rows[start]
		at := start
		for index[at] != start {
			from := index[at]
			rows[at], index[at] = rows[from], at
			at = from
		}
		rows[at], index[at] = first, at
	}
}

// comparison compares two rows, by their numbers in the list.
func (r *Report) comparison(rows []value.Row) func(a, b int) int {
	texts := r.sortTexts(rows)
	numbers, keys := r.images(rows, texts)
	return func(a, b int) int {
		var c int
		switch {
		case numbers != nil:
			c = cmp.Compare(numbers[b], numbers[a])
		case texts != nil:
			c = compareTexts(texts[a], texts[b])
		default:
			c = compareDescending(r.sortCell(&rows[a]), r.sortCell(&rows[b]))
		}
		switch {
		case c != 0:
			return c
		case keys != nil:
			return cmp.Compare(keys[a], keys[b])
		}
		return compareKeys(rows[a].By, rows[b].By)
	}
}

// images are the sort cells of the rows, and their keys, as plain numbers: what
// nearly all tables consist of, and what compares fast. Each is nil if one of
// its cells is more than a number, or there is not exactly one cell in a key.
func (r *Report) images(rows []value.Row, texts [][]byte) (numbers, keys []int64) {
	if texts == nil {
		numbers = imagesOf(rows, r.sortCell)
	}
	for i := range rows {
		if len(rows[i].By) != 1 {
			return numbers, nil
		}
	}
	return numbers, imagesOf(rows, func(row *value.Row) *value.Value { return &row.By[0] })
}

func imagesOf(rows []value.Row, cell func(*value.Row) *value.Value) []int64 {
	images := make([]int64, len(rows))
	for i := range rows {
		v := cell(&rows[i])
		if v.Null || v.IsFloat || v.Hist() != nil || v.Bytes != nil || v.List() != nil || v.Type.Kind != types.Int {
			return nil
		}
		n := unit.Integer(v)
		if n > math.MaxInt64 && !v.Type.Signed {
			return nil
		}
		images[i] = int64(n)
	}
	return images
}

var missing = value.Value{Null: true, Type: &types.TNull}

// sortCell is the cell of a row that decides its place.
func (r *Report) sortCell(row *value.Row) *value.Value {
	i := r.sort
	if i < len(row.By) {
		return &row.By[i]
	}
	if i -= len(row.By); i < len(row.Values) {
		return &row.Values[i]
	}
	return &missing
}

// sortTexts is the text of each row's sort cell if the column sorts as text, else
// nil. An empty cell's is nil.
func (r *Report) sortTexts(rows []value.Row) [][]byte {
	if isNumeric(*r.column(r.sort)) {
		return nil
	}
	texts := make([][]byte, len(rows))
	for i := range rows {
		cell := r.sortCell(&rows[i])
		if !cell.Null {
			texts[i] = unit.Append([]byte{}, r.spec.Env, cell)
		}
	}
	return texts
}

// isNumeric says that a column's values are ordered as numbers: what is aligned
// right is.
func isNumeric(column value.Column) bool {
	u := unit.For(column.Type)
	return column.Hist || u.Right || u.JSON == unit.Logical
}

func compareTexts(a, b []byte) int {
	if (a == nil) != (b == nil) {
		if a == nil {
			return 1
		}
		return -1
	}
	return bytes.Compare(a, b)
}

// compareDescending orders the larger number first, no number last.
func compareDescending(a, b *value.Value) int {
	if a.Null || b.Null {
		return cmp.Compare(b2i(a.Null), b2i(b.Null))
	}
	return -compareNumbers(a, b)
}

// compareNumbers compares two numbers exactly, whatever their signs and forms.
func compareNumbers(a, b *value.Value) int {
	if a.Hist() != nil && b.Hist() != nil {
		return cmp.Compare(a.Hist().Count, b.Hist().Count)
	}
	if a.IsFloat || b.IsFloat {
		return bigOf(a).Cmp(bigOf(b))
	}
	x, y := unit.Integer(a), unit.Integer(b)
	xNegative, yNegative := a.Type.Signed && int64(x) < 0, b.Type.Signed && int64(y) < 0
	if xNegative != yNegative {
		return b2i(yNegative) - b2i(xNegative)
	}
	return cmp.Compare(x, y)
}

func bigOf(v *value.Value) *big.Float {
	f := new(big.Float).SetPrec(64)
	switch n := unit.Integer(v); {
	case v.IsFloat && math.IsNaN(v.Float):
		return f.SetInf(true)
	case v.IsFloat:
		return f.SetFloat64(v.Float)
	case v.Type.Signed:
		return f.SetInt64(int64(n))
	default:
		return f.SetUint64(n)
	}
}

// compareKeys orders keys, or lists, by their first cells that differ.
func compareKeys(a, b []value.Value) int {
	for i := range min(len(a), len(b)) {
		if c := compareCells(&a[i], &b[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

// compareCells orders cells of a key ascending.
func compareCells(a, b *value.Value) int {
	switch {
	case a.Null || b.Null:
		return cmp.Compare(b2i(b.Null), b2i(a.Null))
	case a.Type.Kind == types.Stack:
		return slices.Compare(a.Addrs(), b.Addrs())
	case a.List() != nil || b.List() != nil:
		return compareKeys(a.List(), b.List())
	case a.Bytes != nil || b.Bytes != nil:
		return bytes.Compare(a.Bytes, b.Bytes)
	}
	return compareNumbers(a, b)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
