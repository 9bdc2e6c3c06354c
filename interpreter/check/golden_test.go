package check_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
)

var update = flag.Bool("update", false, "write what the golden tests got")

// The golden files hold inputs and what became of them: a line that begins
// with "# " names a probe's type and target, the lines after it are inputs, and
// lines that begin with a tab are the result.
func golden(t *testing.T, name string, result func(header, input string) string) {
	t.Helper()
	old, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	header, rows := "", 0
	for line := range strings.Lines(string(old)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "\t"):
			continue
		case strings.HasPrefix(line, "# "):
			header = line[2:]
		}
		fmt.Fprintln(&out, line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		rows++
		for got := range strings.Lines(result(header, line)) {
			fmt.Fprintf(&out, "\t%s\n", strings.TrimSuffix(got, "\n"))
		}
	}
	if rows == 0 {
		t.Error("no rows")
	}
	if *update {
		if err := os.WriteFile(name, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(old), out.String()); diff != "" {
		t.Errorf("run with -update and look at the difference:\n%s", diff)
	}
}

// one is the plan of a spec that must be right; warnings are part of the text.
func one(t *testing.T, f facts.Facts, src string) (*plan.Plan, string) {
	t.Helper()
	p, diags := planOf(f, "golden.hcl", []byte(src))
	var text strings.Builder
	for _, d := range diags {
		fmt.Fprintf(&text, "%s: %s\n", d.Summary, d.Detail)
	}
	if diags.HasErrors() {
		t.Errorf("%s\n%s", src, text.String())
		return nil, text.String()
	}
	return p, text.String()
}

// block is the beginning of a probe block: "kprobe vfs_read" or, with further
// attributes, `uprobe malloc; binary = "libc"`.
func block(header string) string {
	head, attrs, _ := strings.Cut(header, ";")
	typ, target, _ := strings.Cut(head, " ")
	return fmt.Sprintf("probe %q \"x\" {\n target = split(\" \", %q)\n%s\n", typ, target, strings.ReplaceAll(attrs, ";", "\n"))
}

func TestTreesOfExpressions(t *testing.T) {
	f := machine(t)
	golden(t, "testdata/trees.txt", func(header, input string) string {
		p, text := one(t, f, block(header)+" capture {\n x = "+input+"\n}\n}\n")
		if p == nil {
			return text
		}
		for _, pr := range p.Probes {
			for _, v := range pr.Variants {
				if len(v.Columns) == 0 {
					text += "no column\n"
				}
				for _, c := range v.Columns {
					text += c.Expr.String() + "\n"
				}
			}
		}
		return text
	})
}

func TestPlansOfProbes(t *testing.T) {
	f := machine(t)
	golden(t, "testdata/plans.txt", func(header, input string) string {
		p, text := one(t, f, block(header)+strings.ReplaceAll(input, "; ", "\n")+"\n}\n")
		if p == nil {
			return text
		}
		return text + planText(p)
	})
}

// planText is a plan as the golden tests show it.
func planText(p *plan.Plan) string {
	var b strings.Builder
	list := func(what string, exprs []*tree.Expr) {
		for _, e := range exprs {
			fmt.Fprintf(&b, "  %s %s\n", what, e)
		}
	}
	for _, pr := range p.Probes {
		for _, v := range pr.Variants {
			fmt.Fprintf(&b, "%s by %s", pr.Address(), v.Mechanism.Name)
			if v.Pair != plan.PairNone {
				fmt.Fprintf(&b, ", pair %d", v.Pair)
			}
			if v.EntryMechanism.Name != "" {
				fmt.Fprintf(&b, ", entry by %s", v.EntryMechanism.Name)
			}
			for _, target := range v.Targets {
				fmt.Fprintf(&b, " %s", target.Name)
				if target.ExitEvent != "" {
					b.WriteString("(with return)")
				}
			}
			b.WriteString("\n")
			list("at entry where", v.EntryWhere)
			list("where", v.Where)
			for _, c := range v.Columns {
				fmt.Fprintf(&b, "  %s = %s\n", c.Name, c.Expr)
			}
			if v.Stream {
				fmt.Fprintf(&b, "  stream")
				if v.StreamWhen != nil {
					fmt.Fprintf(&b, " when %s", v.StreamWhen)
				}
				b.WriteString("\n")
			}
			for _, a := range v.Aggregates {
				fmt.Fprintf(&b, "  feeds %s\n", a.Table.Name)
				list("  where", a.Where)
				for _, c := range a.By {
					fmt.Fprintf(&b, "    by %s = %s\n", c.Name, c.Expr)
				}
				for _, val := range a.Values {
					fmt.Fprintf(&b, "    %s = %s(%v)\n", a.Table.Values[val.Column].Name, a.Table.Values[val.Column].Func, val.Arg)
				}
			}
		}
	}
	for _, t := range p.Tables {
		fmt.Fprintf(&b, "table %s: max %d, every %d ns, sort %q, top %d\n", t.Name, t.MaxEntries, t.IntervalNS, t.Sort, t.Top)
		for _, k := range t.By {
			fmt.Fprintf(&b, "  by %s %s size %d nullable %t\n", k.Name, k.Type, k.Type.Size, k.Nullable)
		}
		for _, v := range t.Values {
			fmt.Fprintf(&b, "  %s %s %s bits %d from %d to %d by %d\n", v.Name, v.Func, v.Type, v.Bits, v.Min, v.Max, v.Step)
		}
	}
	return b.String()
}
