package render

import (
	"bytes"
	"math/bits"
	"slices"
	"strconv"

	"tracer/interpreter/types"
	"tracer/interpreter/unit"
	"tracer/interpreter/value"
)

func appendCount(dst []byte, n uint64) []byte { return strconv.AppendUint(dst, n, 10) }

// histograms appends a table with histograms: for each row its key and other
// values on a line, then its histograms below.
func (r *Renderer) histograms(t *value.Table) {
	for i := range t.Rows {
		if i > 0 && len(t.By) > 0 {
			r.buf = append(r.buf, '\n')
		}
		r.histogramRow(t, t.Rows[i].By, t.Rows[i].Values, false)
	}
	if t.Other != nil {
		if len(t.Rows) > 0 {
			r.buf = append(r.buf, '\n')
		}
		r.histogramRow(t, nil, t.Other.Values, true)
	}
}

func (r *Renderer) histogramRow(t *value.Table, by, values []value.Value, other bool) {
	start := len(r.buf)
	if other {
		r.buf = append(append(r.buf, otherKey...), "  "...)
	}
	r.pairs(t.By, by)
	r.pairs(t.Values, values)
	if len(r.buf) > start {
		r.buf = append(r.buf[:len(r.buf)-gap], '\n')
	}
	for i := range min(len(t.By), len(by)) {
		if by[i].Type.Kind == types.Stack {
			r.frames(&by[i], belowIndent)
		}
	}
	for i := range min(len(t.Values), len(values)) {
		if values[i].Hist() != nil {
			r.histogram(t.Values[i].Name, &values[i])
		}
	}
}

// pairs appends "name=value" and two spaces for each value that is no histogram.
func (r *Renderer) pairs(columns []value.Column, values []value.Value) {
	for i := range min(len(columns), len(values)) {
		v := &values[i]
		if v.Hist() != nil || v.Null || v.Type.Kind == types.Stack {
			continue
		}
		r.style(dim)
		r.buf, _ = appendEscaped(r.buf, []byte(columns[i].Name))
		r.buf = append(r.buf, '=')
		r.style(normal)
		r.buf, _ = r.appendValue(r.buf, v)
		r.buf = append(r.buf, "  "...)
	}
}

// histogramIndent is how far a histogram is indented under its key.
const histogramIndent = 2

// The widths of a bar in character cells.
const (
	minBar = 8
	maxBar = 60
)

// bar is one line of a histogram: a bucket, or the gap between two.
type bar struct {
	value.Bucket
	skipped bool // stands for several empty buckets
}

// histogram appends one histogram: a line with its name, number of values and
// mean, then one line a bucket. The longest bar is the fullest bucket's.
func (r *Renderer) histogram(name string, v *value.Value) {
	h := v.Hist()
	r.buf = appendSpaces(r.buf, histogramIndent)
	r.style(bold)
	r.buf, _ = appendEscaped(r.buf, []byte(name))
	r.style(normal)
	r.buf = appendCount(append(r.buf, "  "...), h.Count)
	r.buf = append(r.buf, [...]string{" values", " value"}[b2i(h.Count == 1)]...)
	if h.Count > 0 {
		r.buf = append(r.buf, ", mean "...)
		t := *v.Type
		t.BigEndian = false
		mean := value.Value{Type: &t, IsFloat: true, Float: meanOf(h, v.Type.Signed)}
		r.buf = r.appendMean(r.buf, &mean)
	}
	r.buf = append(r.buf, '\n')
	r.bars(bars(h, v.Type.Signed), *v.Type)
}

// appendMean appends a mean in the unit of its histogram if that is a quantity,
// else as a number.
func (r *Renderer) appendMean(dst []byte, mean *value.Value) []byte {
	if !unit.For(*mean.Type).Quantity {
		mean.Type = &types.S64
	}
	return unit.Append(dst, r.env, mean)
}

func meanOf(h *value.Hist, signed bool) float64 {
	if signed {
		return float64(int64(h.Sum)) / float64(h.Count)
	}
	return float64(h.Sum) / float64(h.Count)
}

// bars appends the lines of a histogram.
func (r *Renderer) bars(lines []bar, t types.Type) {
	geWidth, ltWidth, rounded := r.addBounds(lines, t, false)
	if rounded {
		geWidth, ltWidth, _ = r.addBounds(lines, t, true)
	}
	countWidth, most := 0, uint64(0)
	for i := range lines {
		countWidth = max(countWidth, len(strconv.FormatUint(lines[i].Count, 10)))
		most = max(most, lines[i].Count)
	}
	// "  [ge, lt)  count |bar|"
	room := r.opt.Width - histogramIndent - geWidth - ltWidth - countWidth - len("[, )   ||")
	room = min(max(room, minBar), maxBar)
	for i := range lines {
		r.buf = appendSpaces(r.buf, histogramIndent)
		if lines[i].skipped {
			r.buf = append(r.buf, "...\n"...)
			continue
		}
		r.buf = append(r.buf, "[("[b2i(lines[i].NoGe)])
		r.buf = r.bound(2*i, geWidth)
		r.buf = append(r.buf, ", "...)
		r.buf = r.bound(2*i+1, ltWidth)
		r.buf = append(r.buf, ")  "...)
		digits := strconv.FormatUint(lines[i].Count, 10)
		r.buf = append(appendSpaces(r.buf, countWidth-len(digits)), digits...)
		r.buf = append(r.buf, " |"...)
		length := barLength(lines[i].Count, most, room)
		for range length {
			r.buf = append(r.buf, '@')
		}
		r.buf = append(appendSpaces(r.buf, room-length), "|\n"...)
	}
}

// barLength is count's share of room; what is not nothing shows.
func barLength(count, most uint64, room int) int {
	if count == 0 {
		return 0
	}
	hi, lo := bits.Mul64(count, uint64(room))
	length, _ := bits.Div64(hi, lo, most) // count <= most, so hi < most
	return max(1, int(length))
}

// addBounds collects the texts of all bounds and returns their widths. rounded
// says that a bucket is so narrow that both its bounds are shown alike.
func (r *Renderer) addBounds(lines []bar, t types.Type, exact bool) (geWidth, ltWidth int, rounded bool) {
	r.cells.reset()
	for i := range lines {
		b := &lines[i]
		geWidth = max(geWidth, r.addBound(t, b.Ge, b.NoGe, exact))
		ltWidth = max(ltWidth, r.addBound(t, b.Lt, b.NoLt, exact))
		if !b.skipped && !b.NoGe && !b.NoLt {
			rounded = rounded || bytes.Equal(withoutZeros(r.cells.bytes(2*i)), withoutZeros(r.cells.bytes(2*i+1)))
		}
	}
	return geWidth, ltWidth, rounded
}

// withoutZeros is a quantity without the zeros that end its fraction: 1.00MiB and
// 1MiB are alike.
func withoutZeros(text []byte) []byte {
	dot := bytes.LastIndexByte(text, '.')
	if dot < 0 {
		return text
	}
	end := dot + 1
	for end < len(text) && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	fraction := bytes.TrimRight(text[dot:end], "0")
	if len(fraction) == 1 {
		fraction = nil
	}
	return slices.Concat(text[:dot], fraction, text[end:])
}

// addBound collects the text of a bound and returns its width.
func (r *Renderer) addBound(t types.Type, n uint64, infinite, exact bool) int {
	switch {
	case infinite:
		r.scratch = append(r.scratch[:0], "..."...)
	case exact:
		r.scratch = unit.For(t).AppendExactBound(r.scratch[:0], t, n)
	default:
		r.scratch = unit.For(t).AppendBound(r.scratch[:0], r.env, t, n)
	}
	r.cells.add(string(r.scratch))
	return len(r.scratch)
}

func (r *Renderer) bound(i, width int) []byte {
	r.buf = appendSpaces(r.buf, width-r.cells.list[i].width)
	return append(r.buf, r.cells.bytes(i)...)
}

// maxEmpty is how many empty buckets between two are shown; more are one line
// of dots.
const maxEmpty = 12

// bars is a histogram's buckets with the empty ones between them.
func bars(h *value.Hist, signed bool) []bar {
	lines := make([]bar, 0, len(h.Buckets))
	next := nextBound(h, signed)
	for i, b := range h.Buckets {
		if i > 0 {
			lines = appendEmpty(lines, h.Buckets[i-1].Lt, b.Ge, next)
		}
		lines = append(lines, bar{Bucket: b})
	}
	return lines
}

// appendEmpty appends the empty buckets of [from, to), or one line for them if
// they are many or cannot be told.
func appendEmpty(lines []bar, from, to uint64, next func(at, to uint64) uint64) []bar {
	before := len(lines)
	for at := from; at != to; {
		end := next(at, to)
		if len(lines)-before == maxEmpty || end-at > to-at || end == at {
			return append(lines[:before], bar{skipped: true})
		}
		lines = append(lines, bar{Bucket: value.Bucket{Ge: at, Lt: end}})
		at = end
	}
	return lines
}

// nextBound is the function from the lower bound of an empty bucket to its upper
// one; to is where the gap ends. A linear histogram's buckets have one width, but
// for the last, which may end earlier. Else they are powers of two, each split
// into 2^k parts, where k is seen from the buckets; negative values mirror
// positive ones.
func nextBound(h *value.Hist, signed bool) func(at, to uint64) uint64 {
	if h.Step > 0 {
		return func(at, to uint64) uint64 { return at + min(h.Step, to-at) }
	}
	split := 0
	for _, b := range h.Buckets {
		if low, high, ok := magnitudes(b, signed); ok && low > 0 && high > low {
			split = max(split, bits.Len64(low)-bits.Len64(high-low))
		}
	}
	return func(at, _ uint64) uint64 {
		if signed && int64(at) < 0 {
			m := -at
			// The bucket that ends above m is the one that m-1 lies in.
			return -(m - partWidth(m-1, split))
		}
		return at + partWidth(at, split)
	}
}

// partWidth is the width of the bucket that holds n.
func partWidth(n uint64, split int) uint64 {
	return 1 << max(0, bits.Len64(n)-1-split)
}

// magnitudes are the bounds of a bucket without their sign, the smaller first.
func magnitudes(b value.Bucket, signed bool) (low, high uint64, ok bool) {
	if b.NoGe || b.NoLt {
		return 0, 0, false
	}
	if signed && int64(b.Ge) < 0 {
		return -b.Lt, -b.Ge, true
	}
	return b.Ge, b.Lt, true
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
