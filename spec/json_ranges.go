package spec

import (
	"bytes"
	"reflect"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// escapeMap moves ranges that count the bytes of a decoded JSON string to where
// those bytes stand in the source.
type escapeMap struct {
	start   hcl.Pos // of the text, after the quote
	offsets []int   // source offset of each decoded byte and of the end, from start
	columns []int   // the same in characters
}

// newEscapeMap returns false if the string at rng has no escapes.
func newEscapeMap(src []byte, rng hcl.Range, start hcl.Pos) (*escapeMap, bool) {
	if rng.Start.Byte < 0 || rng.End.Byte > len(src) || rng.End.Byte-rng.Start.Byte < 2 {
		return nil, false
	}
	raw := src[rng.Start.Byte+1 : rng.End.Byte-1]
	if !bytes.ContainsRune(raw, '\\') {
		return nil, false
	}
	m := &escapeMap{start: start}
	column := 0
	for at := 0; at < len(raw); {
		decoded, n := decodeUnit(raw[at:])
		for range decoded {
			m.offsets = append(m.offsets, at)
			m.columns = append(m.columns, column)
		}
		column += utf8.RuneCount(raw[at : at+n])
		at += n
	}
	m.offsets = append(m.offsets, len(raw))
	m.columns = append(m.columns, column)
	return m, true
}

// decodeUnit returns how many bytes the first character of a JSON string
// decodes to, and how many it takes.
func decodeUnit(raw []byte) (decoded, length int) {
	if raw[0] != '\\' || len(raw) < 2 {
		_, n := utf8.DecodeRune(raw)
		return n, n
	}
	if raw[1] != 'u' || len(raw) < 6 {
		return 1, 2
	}
	r := hexRune(raw[2:6])
	if utf16.IsSurrogate(r) && len(raw) >= 12 && raw[6] == '\\' && raw[7] == 'u' {
		return 4, 12
	}
	if n := utf8.RuneLen(r); n > 0 {
		return n, 6
	}
	return utf8.RuneLen(utf8.RuneError), 6 // half of a pair decodes to the replacement character
}

func hexRune(digits []byte) rune {
	var r rune
	for _, c := range digits {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return utf8.RuneError
		}
	}
	return r
}

func (m *escapeMap) pos(p hcl.Pos) hcl.Pos {
	i := min(max(p.Byte-m.start.Byte, 0), len(m.offsets)-1)
	return hcl.Pos{Line: m.start.Line, Column: m.start.Column + m.columns[i], Byte: m.start.Byte + m.offsets[i]}
}

func (m *escapeMap) rng(r hcl.Range) hcl.Range {
	return hcl.Range{Filename: r.Filename, Start: m.pos(r.Start), End: m.pos(r.End)}
}

func (m *escapeMap) diagnostics(diags hcl.Diagnostics) {
	for _, d := range diags {
		if d.Subject != nil {
			moved := m.rng(*d.Subject)
			d.Subject = &moved
		}
		if d.Context != nil {
			moved := m.rng(*d.Context)
			d.Context = &moved
		}
	}
}

// expression moves every range of the tree in place.
func (m *escapeMap) expression(expr hclsyntax.Expression) {
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		v := reflect.ValueOf(n)
		if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
			return nil
		}
		for i := range v.Elem().NumField() {
			field := v.Elem().Field(i)
			if !field.CanSet() {
				continue
			}
			switch value := field.Interface().(type) {
			case hcl.Range:
				field.Set(reflect.ValueOf(m.rng(value)))
			case hcl.Traversal:
				m.traversal(value)
			}
		}
		return nil
	})
}

func (m *escapeMap) traversal(t hcl.Traversal) {
	for i, step := range t {
		switch s := step.(type) {
		case hcl.TraverseRoot:
			s.SrcRange = m.rng(s.SrcRange)
			t[i] = s
		case hcl.TraverseAttr:
			s.SrcRange = m.rng(s.SrcRange)
			t[i] = s
		case hcl.TraverseIndex:
			s.SrcRange = m.rng(s.SrcRange)
			t[i] = s
		}
	}
}
