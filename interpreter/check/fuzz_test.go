package check_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"

	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
	"tracer/spec/spectest"
	"tracer/tests/effort"
)

// seeds are the chunks of the corpus and the golden inputs.
func seeds(f *testing.F) {
	files, err := filepath.Glob("testdata/*.hcl")
	if err != nil || len(files) == 0 {
		f.Fatal("no corpus", err)
	}
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, c := range spectest.Chunks(src) {
			f.Add(strings.TrimLeft(string(c.Source), "\n"))
		}
	}
	for _, name := range []string{"testdata/trees.txt", "testdata/plans.txt"} {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		header := ""
		for line := range strings.Lines(string(src)) {
			line = strings.TrimSuffix(line, "\n")
			switch {
			case strings.HasPrefix(line, "# "):
				header = line[2:]
			case line != "" && !strings.HasPrefix(line, "\t"):
				f.Add(block(header) + " capture {\n x = " + line + "\n}\n}\n")
			}
		}
	}
}

func FuzzCheck(f *testing.F) {
	seeds(f)
	for _, x := range []string{"args.p.all[3].text[1]", "args.p.next.empties", "cast(\"struct self *\", args[2]).odd == \"x\""} {
		f.Add("probe \"kretprobe\" \"x\" {\n target = \"odd\"\n capture {\n x = " + x + "\n}\n}\n")
	}
	var ordinary, odd facts.Facts = machine(f), hostile(f)
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 4096 {
			return
		}
		m := ordinary
		if strings.Contains(src, `"odd"`) {
			m = odd
		}
		var p *plan.Plan
		var diags hcl.Diagnostics
		if took := effort.Of(func() { p, diags = planOf(m, "fuzz.hcl", []byte(src)) }); took > 5*time.Second {
			t.Errorf("took %v of processor time", took)
		}
		for _, d := range diags {
			if d.Subject == nil {
				t.Errorf("no place: %s: %s", d.Summary, d.Detail)
			}
			if d.Summary == "" || d.Detail == "" {
				t.Errorf("no text: %q: %q", d.Summary, d.Detail)
			}
		}
		if p != nil && !diags.HasErrors() {
			_ = planText(p)
		}
	})
}
