package spectest

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
)

// badWords reports every line that has the word "bad".
func badWords(name string, src []byte) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for i, line := range strings.Split(string(src), "\n") {
		if strings.HasPrefix(line, "bad") {
			diags = append(diags, &hcl.Diagnostic{
				Summary: "Bad word", Detail: "It is bad.",
				Subject: &hcl.Range{Filename: name, Start: hcl.Pos{Line: i + 1}},
			})
		}
	}
	return diags
}

func TestCompareReportsMissingAndUnexpected(t *testing.T) {
	rows := []struct {
		name, src string
		problems  int
	}{
		{"met", "bad # want \"Bad word: It is bad\"\n", 0},
		{"met by a line below", "# want@+1 `It is`\nbad\n", 0},
		{"met by a line above", "bad\n# want@-1 `It is`\n", 0},
		{"missing", "good # want \"Bad\"\n", 1},
		{"unexpected", "bad\n", 1},
		{"other text", "bad # want \"Good\"\n", 2},
		{"one diagnostic meets one want", "bad # want \"Bad\" \"Bad\"\n", 1},
		{"malformed want", "good # want Bad\n", 1},
		{"malformed regexp", "good # want \"(\"\n", 1},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if got := Compare("x.hcl", []byte(row.src), badWords); len(got) != row.problems {
				t.Errorf("got %d problems, want %d: %q", len(got), row.problems, got)
			}
		})
	}
}

func TestChunksKeepLineNumbers(t *testing.T) {
	src := []byte("one\ntwo\n---\nfour\n---\n---\nseven\n")
	lines := strings.Split(string(src), "\n")
	chunks := Chunks(src)
	if len(chunks) != 3 {
		t.Fatalf("got %d chunks, want 3: %v", len(chunks), chunks)
	}
	for _, c := range chunks {
		got := bytes.Split(c.Source, []byte("\n"))[c.Line-1]
		if string(got) != lines[c.Line-1] {
			t.Errorf("line %d is %q, want %q", c.Line, got, lines[c.Line-1])
		}
	}
}
