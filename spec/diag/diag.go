// Package diag renders diagnostics: hcl.Diagnostics and the sources they point
// into come in, text for people or JSON for programs goes out.
//
// Both forms are made from one structure, so they always agree. The package
// must not know what a spec means, nor whether it writes to a terminal: colour
// and width are given to it.
package diag

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Limit is the most diagnostics that are shown.
const Limit = 100

// Report is the JSON form of a run's diagnostics. Its shape is OpenTofu's
// "validate -json".
type Report struct {
	FormatVersion string       `json:"format_version"`
	Valid         bool         `json:"valid"`
	ErrorCount    int          `json:"error_count"`
	WarningCount  int          `json:"warning_count"`
	Diagnostics   []Diagnostic `json:"diagnostics"`
	// LeftOut is how many diagnostics beyond Limit are counted, but not listed.
	LeftOut int `json:"left_out,omitempty"`
}

// Diagnostic is one message with the place it is about.
type Diagnostic struct {
	Severity string   `json:"severity"`
	Summary  string   `json:"summary"`
	Detail   string   `json:"detail"`
	Range    *Range   `json:"range,omitempty"`
	Snippet  *Snippet `json:"snippet,omitempty"`
}

// Range is a piece of a file; End is exclusive.
type Range struct {
	Filename string `json:"filename"`
	Start    Pos    `json:"start"`
	End      Pos    `json:"end"`
}

// Pos is a position: line and column count from 1, byte from 0.
type Pos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

// Snippet is the source around a range.
type Snippet struct {
	// Context is the head of the block, such as `probe "kprobe" "open"`; null if
	// the place is in no block.
	Context *string `json:"context"`
	// Code holds the source lines of the range, without the last newline.
	Code string `json:"code"`
	// StartLine is the number of the first line of Code.
	StartLine int `json:"start_line"`
	// The highlight is given in bytes of Code.
	HighlightStartOffset int `json:"highlight_start_offset"`
	HighlightEndOffset   int `json:"highlight_end_offset"`
	// Values is always empty: tracer shows no values of expressions.
	Values []Value `json:"values"`
}

// Value is what a part of an expression was.
type Value struct {
	Traversal string `json:"traversal"`
	Statement string `json:"statement"`
}

// NewReport sorts by file and position, drops repetitions, counts, and keeps
// the first Limit. Diagnostics without a place come first.
func NewReport(files map[string]*hcl.File, diags hcl.Diagnostics) Report {
	sorted := distinct(diags)
	r := Report{FormatVersion: "1.0", Diagnostics: []Diagnostic{}}
	for i, d := range sorted {
		if d.Severity == hcl.DiagError {
			r.ErrorCount++
		} else {
			r.WarningCount++
		}
		if i < Limit {
			r.Diagnostics = append(r.Diagnostics, newDiagnostic(files, d))
		} else {
			r.LeftOut++
		}
	}
	r.Valid = r.ErrorCount == 0
	return r
}

// JSON writes a Report, indented, with a newline at the end.
func JSON(w io.Writer, files map[string]*hcl.File, diags hcl.Diagnostics) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(NewReport(files, diags)); err != nil {
		return fmt.Errorf("write diagnostics: %w", err)
	}
	return nil
}

func subject(d *hcl.Diagnostic) hcl.Range {
	if d.Subject == nil {
		return hcl.Range{}
	}
	return *d.Subject
}

func distinct(diags hcl.Diagnostics) hcl.Diagnostics {
	sorted := slices.DeleteFunc(slices.Clone(diags), func(d *hcl.Diagnostic) bool { return d == nil })
	slices.SortStableFunc(sorted, func(a, b *hcl.Diagnostic) int {
		x, y := subject(a), subject(b)
		return cmp.Or(cmp.Compare(x.Filename, y.Filename), cmp.Compare(x.Start.Byte, y.Start.Byte), cmp.Compare(x.End.Byte, y.End.Byte))
	})
	type identity struct {
		severity        hcl.DiagnosticSeverity
		rng             hcl.Range
		summary, detail string
	}
	seen := make(map[identity]bool, len(sorted))
	return slices.DeleteFunc(sorted, func(d *hcl.Diagnostic) bool {
		id := identity{d.Severity, subject(d), d.Summary, d.Detail}
		was := seen[id]
		seen[id] = true
		return was
	})
}

func newDiagnostic(files map[string]*hcl.File, d *hcl.Diagnostic) Diagnostic {
	out := Diagnostic{Severity: "error", Summary: strings.ToValidUTF8(d.Summary, "\uFFFD"), Detail: strings.ToValidUTF8(d.Detail, "\uFFFD")}
	if d.Severity == hcl.DiagWarning {
		out.Severity = "warning"
	}
	if d.Subject == nil {
		return out
	}
	rng := *d.Subject
	out.Range = &Range{Filename: rng.Filename, Start: Pos(rng.Start), End: Pos(rng.End)}
	if file := files[rng.Filename]; file != nil {
		out.Snippet = newSnippet(file, rng)
	}
	return out
}

// newSnippet cuts the lines of a range out of a file; nil if the range is not
// in the file.
func newSnippet(file *hcl.File, rng hcl.Range) *Snippet {
	src := file.Bytes
	start, end := rng.Start.Byte, max(rng.Start.Byte, rng.End.Byte)
	if start < 0 || start > len(src) || len(src) == 0 {
		return nil
	}
	end = min(end, len(src))
	// An empty file end belongs to the last line.
	lineStart := bytes.LastIndexByte(src[:start], '\n') + 1
	lineEnd := len(src)
	last := max(start, end-1) // a range that ends with a newline ends on its line
	if i := bytes.IndexByte(src[last:], '\n'); i >= 0 {
		lineEnd = last + i
	}
	// A range never cuts a character.
	for start > lineStart && start < len(src) && !utf8.RuneStart(src[start]) {
		start--
	}
	for end < lineEnd && !utf8.RuneStart(src[end]) {
		end++
	}
	code, offsets := validText(src[lineStart:lineEnd])
	s := &Snippet{
		Context:              context(file, rng),
		Code:                 code,
		StartLine:            rng.Start.Line,
		HighlightStartOffset: offsets(min(start, lineEnd) - lineStart),
		HighlightEndOffset:   offsets(min(end, lineEnd) - lineStart),
		Values:               []Value{},
	}
	return s
}

// validText replaces what is not UTF-8, and returns where offsets have moved.
func validText(src []byte) (string, func(int) int) {
	if utf8.Valid(src) {
		return string(src), func(i int) int { return i }
	}
	var b strings.Builder
	moved := make([]int, len(src)+1)
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		for j := range n {
			moved[i+j] = b.Len()
		}
		b.WriteRune(r)
		i += n
	}
	moved[len(src)] = b.Len()
	return b.String(), func(i int) int { return moved[i] }
}

// context returns the head of the outermost block around a range.
func context(file *hcl.File, rng hcl.Range) *string {
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return nil
	}
	for _, block := range body.Blocks {
		whole := hcl.RangeBetween(block.TypeRange, block.CloseBraceRange)
		if rng.Start.Byte < whole.Start.Byte || rng.Start.Byte >= whole.End.Byte {
			continue
		}
		head := block.Type
		for _, label := range block.Labels {
			head += fmt.Sprintf(" %q", label)
		}
		return &head
	}
	return nil
}
