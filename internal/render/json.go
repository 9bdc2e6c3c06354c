package render

import (
	"math"
	"strconv"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"tracer/interpreter/types"
	"tracer/interpreter/unit"
	"tracer/interpreter/value"
)

// jsonEvent appends {"type":"event",…} and a newline.
func (r *Renderer) jsonEvent(dst []byte, e *value.Event) []byte {
	dst = append(dst, `{"type":"event","probe":`...)
	dst = appendJSONString(dst, []byte(e.Probe))
	dst = r.jsonTime(dst, e.Time)
	dst = append(dst, `,"fields":`...)
	dst = r.jsonFields(dst, e.Columns, e.Values)
	return append(dst, '}', '\n')
}

// jsonTable appends {"type":"table",…} and a newline.
func (r *Renderer) jsonTable(dst []byte, t *value.Table) []byte {
	dst = append(dst, `{"type":"table","aggregate":`...)
	dst = appendJSONString(dst, []byte(t.Aggregate))
	dst = append(dst, `,"probes":[`...)
	for i, probe := range t.Probes {
		dst = separate(dst, i)
		dst = appendJSONString(dst, []byte(probe))
	}
	dst = append(dst, ']')
	dst = r.jsonTime(dst, t.Time)
	dst = append(dst, `,"rows":[`...)
	for i := range t.Rows {
		dst = separate(dst, i)
		dst = append(dst, `{"by":`...)
		dst = r.jsonFields(dst, t.By, t.Rows[i].By)
		dst = append(dst, `,"values":`...)
		dst = r.jsonFields(dst, t.Values, t.Rows[i].Values)
		dst = append(dst, '}')
	}
	dst = append(dst, ']')
	if t.Other != nil {
		dst = append(dst, `,"other":`...)
		dst = r.jsonFields(dst, t.Values, t.Other.Values)
	}
	if t.LeftOut > 0 {
		dst = append(dst, `,"left_out":`...)
		dst = strconv.AppendInt(dst, int64(t.LeftOut), 10)
	}
	return append(dst, '}', '\n')
}

// jsonSummary appends {"type":"summary",…} and a newline.
func (r *Renderer) jsonSummary(dst []byte, s *value.Summary) []byte {
	dst = append(dst, `{"type":"summary"`...)
	dst = r.jsonTime(dst, s.Time)
	dst = append(dst, `,"probes":{`...)
	for i := range s.Probes {
		dst = separate(dst, i)
		dst = appendJSONString(dst, []byte(s.Probes[i].Probe))
		dst = append(dst, ':', '{')
		for j, c := range counters {
			dst = separate(dst, j)
			dst = append(dst, '"')
			dst = append(dst, c.name...)
			dst = append(dst, '"', ':')
			dst = appendJSONUint(dst, *c.of(&s.Probes[i].Counters))
		}
		dst = append(dst, '}')
	}
	return append(dst, '}', '}', '\n')
}

func (r *Renderer) jsonTime(dst []byte, monotonic uint64) []byte {
	dst = append(dst, `,"time":"`...)
	return append(r.clock.appendRFC3339(dst, monotonic), '"')
}

// jsonFields appends an object of columns. A value that is missing is null.
func (r *Renderer) jsonFields(dst []byte, columns []value.Column, values []value.Value) []byte {
	dst = append(dst, '{')
	for i := range columns {
		dst = separate(dst, i)
		dst = appendJSONString(dst, []byte(columns[i].Name))
		dst = append(dst, ':')
		if i < len(values) {
			dst = r.jsonValue(dst, &values[i])
		} else {
			dst = append(dst, "null"...)
		}
	}
	return append(dst, '}')
}

// jsonValue appends one value.
func (r *Renderer) jsonValue(dst []byte, v *value.Value) []byte {
	if v.Null {
		return append(dst, "null"...)
	}
	u := unit.For(*v.Type)
	switch {
	case v.Hist() != nil:
		return appendJSONHist(dst, v)
	case v.Type.Kind == types.Stack:
		return r.jsonStack(dst, v)
	case v.List() != nil || v.Type.Kind == types.List:
		return r.jsonList(dst, v)
	case v.IsFloat && (u.JSON == unit.Number || u.Implicit):
		return appendJSONFloat(dst, v.Float, u.Quantity)
	case u.JSON == unit.Logical:
		return strconv.AppendBool(dst, v.Int != 0)
	case u.JSON == unit.Number:
		return appendJSONInteger(dst, unit.Integer(v), v.Type.Signed)
	case u.JSON == unit.Time:
		return append(r.clock.appendRFC3339(append(dst, '"'), unit.Integer(v)), '"')
	case isContent(*v.Type) && v.Type.Unit == "":
		return r.jsonText(dst, v.Bytes, v.Truncated)
	}
	r.scratch = u.Append(r.scratch[:0], r.env, v)
	if len(r.scratch) == 0 && v.Type.IsScalar() {
		return append(dst, "null"...)
	}
	return r.jsonText(dst, r.scratch, v.Truncated)
}

// isContent says that a value's text is its bytes.
func isContent(t types.Type) bool {
	switch t.Kind {
	case types.String, types.Bytes, types.Text, types.Struct, types.Array:
		return true
	}
	return false
}

func (r *Renderer) jsonText(dst, text []byte, truncated bool) []byte {
	dst = appendJSONString(dst, text)
	if truncated {
		dst = append(append(dst[:len(dst)-1], value.Cut...), '"')
	}
	return dst
}

func (r *Renderer) jsonList(dst []byte, v *value.Value) []byte {
	dst = append(dst, '[')
	for i := range v.List() {
		dst = separate(dst, i)
		dst = r.jsonValue(dst, &v.List()[i])
	}
	if v.Truncated {
		dst = separate(dst, len(v.List()))
		dst = append(append(append(dst, '"'), value.Cut...), '"')
	}
	return append(dst, ']')
}

func (r *Renderer) jsonStack(dst []byte, v *value.Value) []byte {
	dst = append(dst, '[')
	for i, addr := range v.Addrs() {
		dst = separate(dst, i)
		r.scratch = unit.AppendFrame(r.scratch[:0], r.env, v, addr)
		dst = appendJSONString(dst, r.scratch)
	}
	return append(dst, ']')
}

// appendJSONHist appends a histogram; a bound at infinity is null.
func appendJSONHist(dst []byte, v *value.Value) []byte {
	h, signed := v.Hist(), v.Type.Signed
	dst = append(dst, `{"count":`...)
	dst = appendJSONUint(dst, h.Count)
	dst = append(dst, `,"sum":`...)
	dst = appendJSONInteger(dst, h.Sum, signed)
	dst = append(dst, `,"buckets":[`...)
	for i := range h.Buckets {
		b := &h.Buckets[i]
		dst = separate(dst, i)
		dst = append(dst, `{"ge":`...)
		dst = appendJSONBound(dst, b.Ge, b.NoGe, signed)
		dst = append(dst, `,"lt":`...)
		dst = appendJSONBound(dst, b.Lt, b.NoLt, signed)
		dst = append(dst, `,"count":`...)
		dst = append(appendJSONUint(dst, b.Count), '}')
	}
	return append(dst, ']', '}')
}

func appendJSONBound(dst []byte, n uint64, infinite, signed bool) []byte {
	if infinite {
		return append(dst, "null"...)
	}
	return appendJSONInteger(dst, n, signed)
}

// maxExact is the largest number up to which a double holds every integer.
const maxExact = 1 << 53

func appendJSONInteger(dst []byte, n uint64, signed bool) []byte {
	if i := int64(n); signed && i < 0 {
		if i < -maxExact {
			return append(strconv.AppendInt(append(dst, '"'), i, 10), '"')
		}
		return strconv.AppendInt(dst, i, 10)
	}
	return appendJSONUint(dst, n)
}

func appendJSONUint(dst []byte, n uint64) []byte {
	if n > maxExact {
		return append(strconv.AppendUint(append(dst, '"'), n, 10), '"')
	}
	return strconv.AppendUint(dst, n, 10)
}

// appendJSONFloat appends a computed number; quantities (ns, bytes) are
// integers, and what is no number is null.
func appendJSONFloat(dst []byte, f float64, quantity bool) []byte {
	if quantity {
		f = math.Round(f)
	}
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return append(dst, "null"...)
	case quantity && math.Abs(f) < 1<<63:
		return appendJSONInteger(dst, uint64(int64(f)), true)
	case f == 0 || math.Abs(f) >= 1e-6 && math.Abs(f) < 1e21:
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	return strconv.AppendFloat(dst, f, 'e', -1, 64)
}

func separate(dst []byte, i int) []byte {
	if i > 0 {
		return append(dst, ',')
	}
	return dst
}

// asIs are the bytes that stand for themselves in a JSON string.
var asIs = func() (set [256]bool) {
	for c := ' '; c <= '~'; c++ {
		set[c] = c != '"' && c != '\\'
	}
	return set
}()

// appendJSONString appends s as a JSON string of printable characters; the
// package comment says how bytes that are not UTF-8 are written.
func appendJSONString(dst, s []byte) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if asIs[c] {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		if c == '\\' {
			run := 1
			for i+run < len(s) && s[i+run] == '\\' {
				run++
			}
			dst = appendBackslashes(dst, run, looksEscaped(s[i+run:]))
			i += run
		} else {
			size := 0
			dst, size = appendJSONRune(dst, s[i:])
			i += size
		}
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// appendBackslashes appends a run of backslashes, twice if they stand before
// something that a reader would take for an escaped byte. JSON itself doubles
// each once more.
func appendBackslashes(dst []byte, run int, doubled bool) []byte {
	if doubled {
		run *= 2
	}
	for range run {
		dst = append(dst, '\\', '\\')
	}
	return dst
}

// looksEscaped says that s starts with a byte that is not UTF-8, or with the
// rest of the escape of one: x80 to xff.
func looksEscaped(s []byte) bool {
	if len(s) >= 3 && s[0] == 'x' {
		return isHighDigit(s[1]) && isHexDigit(s[2])
	}
	char, size := utf8.DecodeRune(s)
	return char == utf8.RuneError && size == 1
}

func isHighDigit(c byte) bool { return c == '8' || c == '9' || c >= 'a' && c <= 'f' }

func isHexDigit(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }

// appendJSONRune appends the character at the start of s, which is not plain
// ASCII, and returns how many bytes of s it took.
func appendJSONRune(dst, s []byte) ([]byte, int) {
	char, size := utf8.DecodeRune(s)
	switch {
	case char == utf8.RuneError && size == 1:
		return appendByteEscape(append(dst, '\\'), s[0]), 1
	case char == '"':
		return append(dst, '\\', '"'), 1
	case char == '\n':
		return append(dst, '\\', 'n'), 1
	case char == '\t':
		return append(dst, '\\', 't'), 1
	case char == '\r':
		return append(dst, '\\', 'r'), 1
	case unicode.IsPrint(char):
		return append(dst, s[:size]...), size
	case char > 0xffff:
		high, low := utf16.EncodeRune(char)
		dst = appendHexDigits(append(dst, `\u`...), high, 4)
		return appendHexDigits(append(dst, `\u`...), low, 4), size
	}
	return appendHexDigits(append(dst, `\u`...), char, 4), size
}
