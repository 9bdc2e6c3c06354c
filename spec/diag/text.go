package diag

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/mattn/go-runewidth"
)

// ANSI sequences, from ECMA-48 "select graphic rendition".
const (
	reset     = "\x1b[0m"
	bold      = "\x1b[1m"
	underline = "\x1b[4m"
	red       = "\x1b[31m"
	yellow    = "\x1b[33m"
)

// maxLines is how many source lines of one range are shown.
const maxLines = 6

// Text writes diagnostics for people: severity, place, source lines with the
// range marked, and the detail wrapped to width columns (0: not wrapped). With
// color the range is underlined, without it carets stand below it.
func Text(w io.Writer, files map[string]*hcl.File, diags hcl.Diagnostics, width int, color bool) error {
	b := bufio.NewWriter(w)
	t := &textWriter{w: b, width: width, color: color}
	report := NewReport(files, diags)
	for i, d := range report.Diagnostics {
		if i > 0 {
			t.line("")
		}
		t.diagnostic(d)
	}
	if report.LeftOut > 0 {
		t.line("")
		t.line(fmt.Sprintf("%d more are not shown (%d errors and %d warnings in all).", report.LeftOut, report.ErrorCount, report.WarningCount))
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write diagnostics: %w", err)
	}
	return nil
}

type textWriter struct {
	w     *bufio.Writer
	width int
	color bool
}

// line writes a line. Errors stay in the buffer until Flush.
func (t *textWriter) line(s string) {
	_, _ = t.w.WriteString(s)
	_ = t.w.WriteByte('\n')
}

func (t *textWriter) paint(s string, styles ...string) string {
	if !t.color || s == "" {
		return s
	}
	return strings.Join(styles, "") + s + reset
}

func (t *textWriter) diagnostic(d Diagnostic) {
	label, style := "Error: ", red
	if d.Severity == "warning" {
		label, style = "Warning: ", yellow
	}
	t.line(t.paint(label, bold, style) + t.paint(Printable(d.Summary), bold))
	if d.Range != nil {
		t.line("")
		t.place(d)
	}
	if d.Detail == "" {
		return
	}
	indent := "  "
	if d.Range == nil {
		t.line("")
	}
	for _, line := range Wrap(d.Detail, t.width-len(indent)) {
		t.line(strings.TrimRight(indent+line, " "))
	}
}

// place writes where the diagnostic points to, with the source if it is known.
func (t *textWriter) place(d Diagnostic) {
	s := d.Snippet
	in := ""
	if s != nil && s.Context != nil {
		in = ", in " + Printable(*s.Context)
	}
	end := ":"
	if s == nil || s.Code == "" {
		end = ""
	}
	if strings.HasPrefix(d.Range.Filename, "-var ") || strings.HasPrefix(d.Range.Filename, "TRACER_VAR_") {
		t.line("  on " + Printable(d.Range.Filename) + end)
	} else {
		t.line(fmt.Sprintf("  on %s line %d%s%s", Printable(d.Range.Filename), d.Range.Start.Line, in, end))
	}
	if end != "" {
		t.snippet(s)
	}
}

func (t *textWriter) snippet(s *Snippet) {
	lines := strings.Split(s.Code, "\n")
	digits := len(strconv.Itoa(s.StartLine + min(len(lines), maxLines) - 1))
	offset := 0
	for i, line := range lines {
		if i == maxLines {
			t.line(fmt.Sprintf("  %*s  (%d more lines)", digits, "", len(lines)-maxLines))
			return
		}
		from := min(max(s.HighlightStartOffset-offset, 0), len(line))
		to := min(max(s.HighlightEndOffset-offset, 0), len(line))
		offset += len(line) + 1
		if i > 0 {
			// Leading space of further lines is not worth a mark.
			from = min(max(from, len(line)-len(strings.TrimLeft(line, " \t"))), len(line))
		}
		t.sourceLine(fmt.Sprintf("  %*d: ", digits, s.StartLine+i), strings.TrimSuffix(line, "\r"), from, to, i == 0)
	}
}

// sourceLine writes a line with the bytes from..to marked.
func (t *textWriter) sourceLine(lead, line string, from, to int, first bool) {
	from, to = min(from, len(line)), min(max(to, from), len(line))
	before, marked, after := display(line[:from]), display(line[from:to]), display(line[to:])
	before, marked, after = clip(before, marked, after, t.width-len(lead))
	if t.color {
		t.line(strings.TrimRight(lead+before+t.paint(marked, underline)+after, " "))
		return
	}
	t.line(strings.TrimRight(lead+before+marked+after, " "))
	carets := cells(strings.TrimRight(marked, " "))
	if carets == 0 && !first {
		return
	}
	t.line(strings.Repeat(" ", len(lead)+cells(before)) + strings.Repeat("^", max(carets, 1)))
}

// clip shortens a line that is much too long, keeping the mark in sight.
func clip(before, marked, after string, width int) (string, string, string) {
	const least = 200 // lines up to this width are left to the terminal
	width = max(width, least)
	if cells(before)+cells(marked)+cells(after) <= width {
		return before, marked, after
	}
	if cells(before) > width/3 {
		before = "…" + measure().TruncateLeft(before, cells(before)-width/3, "")
	}
	marked = measure().Truncate(marked, width/3, "…")
	after = measure().Truncate(after, max(width-cells(before)-cells(marked), 1), "…")
	return before, marked, after
}

// cells is the width of printable text in terminal columns.
func cells(s string) int { return measure().StringWidth(s) }

// measure does not depend on the locale, so that output is the same everywhere.
func measure() *runewidth.Condition { return &runewidth.Condition{StrictEmojiNeutral: true} }

// display makes a piece of a source line fit for a terminal: tabs become two
// spaces, what could steer the terminal becomes a visible escape.
func display(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\t':
			b.WriteString("  ")
		case plain(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u{%x}`, r)
		}
	}
	return b.String()
}

// plain runes have a width and do nothing else: neither control characters nor
// the invisible ones that reorder text.
func plain(r rune) bool {
	return r == ' ' || unicode.IsGraphic(r) && !unicode.Is(unicode.Zl, r) && !unicode.Is(unicode.Zp, r)
}

// Printable makes one line of text that may quote a source, or name what others
// have named, fit for a terminal.
func Printable(s string) string { return display(s) }

// Wrap breaks text into lines of at most width columns; newlines in it stay.
// Lines that begin with a space are left as they are.
func Wrap(text string, width int) []string {
	var out []string
	for _, paragraph := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if width <= 0 || strings.HasPrefix(paragraph, " ") || cells(Printable(paragraph)) <= width {
			out = append(out, Printable(paragraph))
			continue
		}
		line := ""
		for _, w := range strings.Fields(paragraph) {
			w = Printable(w)
			if line != "" && cells(line)+1+cells(w) > width {
				out = append(out, line)
				line = ""
			}
			if line != "" {
				line += " "
			}
			line += w
		}
		out = append(out, line)
	}
	return out
}
