package diag

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// problem is a diagnostic about the first occurrence of a piece of src.
func problem(src, piece, summary, detail string) *hcl.Diagnostic {
	from := strings.Index(src, piece)
	pos := func(offset int) hcl.Pos {
		return hcl.Pos{Line: strings.Count(src[:offset], "\n") + 1, Column: offset - strings.LastIndex(src[:offset], "\n"), Byte: offset}
	}
	return &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: summary, Detail: detail,
		Subject: &hcl.Range{Filename: "a.hcl", Start: pos(from), End: pos(from + len(piece))},
	}
}

func filesOf(src string) map[string]*hcl.File {
	file, _ := hclsyntax.ParseConfig([]byte(src), "a.hcl", hcl.InitialPos)
	file.Bytes = []byte(src)
	return map[string]*hcl.File{"a.hcl": file}
}

func render(t *testing.T, src string, width int, color bool, diags ...*hcl.Diagnostic) string {
	t.Helper()
	var b bytes.Buffer
	if err := Text(&b, filesOf(src), diags, width, color); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const source = "probe \"kprobe\" \"connect\" {\n  target = \"x\"\n  capture {\n    port = args.sk.__sk_comon.skc_dport\n  }\n}\n"

func TestTextMarksTheRangeWithCarets(t *testing.T) {
	got := render(t, source, 60, false, problem(source, ".__sk_comon", "Unknown struct member", "struct sock has no member \"__sk_comon\". Did you mean \"__sk_common\"?"))
	want := `Error: Unknown struct member

  on a.hcl line 4, in probe "kprobe" "connect":
  4:     port = args.sk.__sk_comon.skc_dport
                       ^^^^^^^^^^^
  struct sock has no member "__sk_comon". Did you mean
  "__sk_common"?
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTextUnderlinesTheRangeInColor(t *testing.T) {
	got := render(t, source, 60, true, problem(source, "args", "S", "D"))
	if !strings.Contains(got, underline+"args"+reset) || strings.Contains(got, "^") || !strings.Contains(got, red) {
		t.Errorf("got %q", got)
	}
}

func TestTextOfHardSources(t *testing.T) {
	rows := []struct{ name, src, piece, want string }{
		{"tab", "\ta = b\n", "b", "  1:   a = b\n           ^\n"},
		{"tab inside", "a\t= bcd\n", "bcd", "  1: a  = bcd\n          ^^^\n"},
		{"wide", "a = \"日本\" + b\n", "b", "  1: a = \"日本\" + b\n                  ^\n"},
		{"wide mark", "a = 日本\n", "日本", "  1: a = 日本\n         ^^^^\n"},
		{"combining", "a = \"e\u0301\" + b\n", "b", "  1: a = \"e\u0301\" + b\n               ^\n"},
		{"control", "a = \x1b[31m b\n", "b", "  1: a = \\x1b[31m b\n                  ^\n"},
		{"C1 control", "a = \u009b b\n", "b", "  1: a = \\x9b b\n              ^\n"},
		{"bidi", "a = \u202e b\n", "b", "  1: a = \\u{202e} b\n                  ^\n"},
		{"invalid UTF-8", "a = \xff\xfe b\n", "b", "  1: a = \uFFFD\uFFFD b\n            ^\n"},
		{"CRLF", "a = b\r\nc = d\r\n", "b", "  1: a = b\n         ^\n"},
		{"no newline at the end", "a = b", "b", "  1: a = b\n         ^\n"},
		{"newline", "a = \nb\n", "\n", "  1: a =\n         ^\n"},
		{"several lines", "a = (\n  b\n)\n", "(\n  b\n)", "  1: a = (\n         ^\n  2:   b\n       ^\n  3: )\n     ^\n"},
		{"line numbers of two widths", strings.Repeat("\n", 8) + "a\nb\n", "a\nb", "   9: a\n      ^\n  10: b\n      ^\n"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got := render(t, row.src, 0, false, problem(row.src, row.piece, "S", "D"))
			_, shown, _ := strings.Cut(got, ":\n")
			shown = strings.TrimSuffix(shown, "  D\n")
			shown, want := strings.ReplaceAll(shown, " \n", "\n"), row.want
			if shown != want {
				t.Errorf("got\n%q\nwant\n%q", shown, want)
			}
		})
	}
}

func TestTextOfLongSourceIsShort(t *testing.T) {
	src := "a = " + strings.Repeat("x", 5000) + "Y" + strings.Repeat("z", 5000) + "\n" + strings.Repeat("b\n", 50)
	got := render(t, src, 80, false, problem(src, "Y", "S", "D"))
	if len(got) > 1000 || !strings.Contains(got, "…") || !strings.Contains(got, "Y") {
		t.Errorf("got %d bytes: %q", len(got), got[:min(len(got), 300)])
	}
	got = render(t, src, 80, false, problem(src, strings.Repeat("b\n", 50), "S", "D"))
	if !strings.Contains(got, "(44 more lines)") {
		t.Errorf("got %s", got)
	}
}

func TestTextWithoutPlaceOrSource(t *testing.T) {
	got := render(t, "", 80, false, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "No place", Detail: "Anywhere."})
	if got != "Warning: No place\n\n  Anywhere.\n" {
		t.Errorf("got %q", got)
	}
	d := problem("a", "a", "S", "D")
	for _, place := range []hcl.Range{
		{Filename: "other.hcl", Start: hcl.Pos{Line: 3, Column: 1, Byte: 9}, End: hcl.Pos{Line: 3, Column: 2, Byte: 10}},
		{Filename: "a.hcl", Start: hcl.Pos{Line: 3, Column: 1, Byte: 99}, End: hcl.Pos{Line: 3, Column: 1, Byte: 98}},
		{Filename: "a.hcl", Start: hcl.Pos{Line: 3, Column: 1, Byte: -1}, End: hcl.Pos{Line: 3, Column: 1, Byte: -5}},
	} {
		d.Subject = &place
		if got := render(t, "a", 80, false, d); !strings.Contains(got, "hcl line 3\n") {
			t.Errorf("%v: got %q", place, got)
		}
	}
}

func TestTextSortsDropsRepetitionsAndCountsTheRest(t *testing.T) {
	var diags hcl.Diagnostics
	for i := range 120 {
		src := strings.Repeat("x\n", 200)
		d := problem(src, "x", fmt.Sprintf("S%d", i), "D")
		d.Subject.Start = hcl.Pos{Line: 200 - i, Column: 1, Byte: 2 * (199 - i)}
		d.Subject.End = hcl.Pos{Line: 200 - i, Column: 2, Byte: 2*(199-i) + 1}
		diags = append(diags, d, d)
	}
	got := render(t, strings.Repeat("x\n", 200), 80, false, diags...)
	if n := strings.Count(got, "Error: "); n != Limit {
		t.Errorf("%d are shown, want %d", n, Limit)
	}
	if !strings.HasPrefix(got, "Error: S119\n") || !strings.Contains(got, "20 more are not shown (120 errors and 0 warnings in all).") {
		t.Errorf("begins %q, ends %q", got[:40], got[len(got)-80:])
	}
}

func TestJSONHasOpenTofusShape(t *testing.T) {
	warning := problem(source, "\"x\"", "W", "")
	warning.Severity = hcl.DiagWarning
	var b bytes.Buffer
	if err := JSON(&b, filesOf(source), hcl.Diagnostics{problem(source, "__sk_comon", "S", "D"), warning}); err != nil {
		t.Fatal(err)
	}
	var got struct {
		FormatVersion string `json:"format_version"`
		Valid         bool
		ErrorCount    int `json:"error_count"`
		WarningCount  int `json:"warning_count"`
		Diagnostics   []struct {
			Severity string
			Range    struct {
				Start struct{ Line, Column, Byte int }
			}
			Snippet struct {
				Context, Code string
				StartLine     int `json:"start_line"`
				From          int `json:"highlight_start_offset"`
				To            int `json:"highlight_end_offset"`
				Values        []any
			}
		}
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.FormatVersion != "1.0" || got.Valid || got.ErrorCount != 1 || got.WarningCount != 1 || len(got.Diagnostics) != 2 {
		t.Fatalf("got %+v", got)
	}
	d := got.Diagnostics[1]
	if s := d.Snippet; s.Code[s.From:s.To] != "__sk_comon" || s.StartLine != 4 || s.Context != `probe "kprobe" "connect"` || s.Values == nil {
		t.Errorf("snippet is %+v", s)
	}
	if got.Diagnostics[0].Severity != "warning" {
		t.Error("not sorted by position")
	}
}

func TestJSONOfNothingIsAValidReport(t *testing.T) {
	var b bytes.Buffer
	if err := JSON(&b, nil, nil); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); !strings.Contains(got, `"valid": true`) || !strings.Contains(got, `"diagnostics": []`) {
		t.Errorf("got %s", got)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken") }

func TestWriteErrorsAreReturned(t *testing.T) {
	diags := hcl.Diagnostics{problem("a", "a", "S", "D")}
	if Text(brokenWriter{}, nil, diags, 80, false) == nil || JSON(brokenWriter{}, nil, diags) == nil {
		t.Error("a write error is lost")
	}
}

func FuzzText(f *testing.F) {
	f.Add([]byte(source), 10, 20, "detail", 40, true)
	f.Add([]byte("\xff\x00\t\n\r日本"), 0, 99, "\x1b[2J", 3, false)
	f.Fuzz(func(t *testing.T, src []byte, from, to int, detail string, width int, color bool) {
		d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: detail, Detail: detail, Subject: &hcl.Range{
			Filename: "a.hcl", Start: hcl.Pos{Line: 1, Column: 1, Byte: from}, End: hcl.Pos{Line: 1, Column: 1, Byte: to},
		}}
		files := map[string]*hcl.File{"a.hcl": {Bytes: src, Body: hcl.EmptyBody()}}
		var b bytes.Buffer
		if err := Text(&b, files, hcl.Diagnostics{d}, min(width, 300), color); err != nil {
			t.Fatal(err)
		}
		out := b.String()
		for _, style := range []string{reset, bold, underline, red} {
			if color {
				out = strings.ReplaceAll(out, style, "")
			}
		}
		if !utf8.ValidString(out) || strings.ContainsFunc(out, func(r rune) bool { return r != '\n' && !plain(r) }) {
			t.Fatalf("unfit for a terminal: %q", out)
		}
	})
}
