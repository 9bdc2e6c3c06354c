package spec

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"tracer/tests/effort"
)

const sample = `
tracer {
  required_version = ">= 0.1"
  summary          = "Reads"
  tags             = ["files", "latency"]
}

variable "min" {
  type    = string
  default = "1ms"
}

locals {
  slow = latency > var.min
}

probe "kretprobe" "read" {
  target = ["vfs_read", "vfs_write"]
  where  = local.slow && retval > 0
  locals {
    f = args.file
  }
  match "open" { key = [tid] }
  capture {
    b    = retval
    path = path(local.f)
    a    = capture.b
  }
  aggregate "reads" {
    by     = [comm]
    values = { calls = count() }
  }
  update "open" {
    key    = [tid]
    values = { n = 1 }
  }
  save "open" {
    key = [tid]
  }
}
`

func mustParse(t *testing.T, name, src string) *Spec {
	t.Helper()
	s, diags := Parse([]Source{{Name: name, Bytes: []byte(src)}})
	if len(diags) > 0 {
		t.Fatalf("unexpected diagnostics: %v", diags)
	}
	return s
}

func TestParseKeepsEverythingUnevaluated(t *testing.T) {
	s := mustParse(t, "a.hcl", sample)
	if s.Settings.RequiredVersion != ">= 0.1" || s.Settings.Summary != "Reads" || len(s.Settings.Tags) != 2 {
		t.Errorf("settings are %+v", s.Settings)
	}
	if s.Variable("min") == nil || s.Variable("max") != nil || s.Locals["slow"] == nil {
		t.Error("variables or locals are wrong")
	}
	p := s.Probes[0]
	if p.Address() != "kretprobe.read" || p.Attrs["target"] == nil || p.Attrs["where"] == nil || p.Locals["f"] == nil {
		t.Errorf("probe is %+v", p)
	}
	if len(p.Matches) != 1 || len(p.Aggregates) != 1 || len(p.Updates) != 1 || len(p.Saves) != 1 {
		t.Errorf("parts of the probe are missing: %+v", p)
	}
	var order []string
	for _, c := range p.Capture.Columns {
		order = append(order, c.Name)
	}
	if got := strings.Join(order, " "); got != "b path a" {
		t.Errorf("columns are in the order %q", got)
	}
	if got := s.LocalIn(p, "slow"); got != s.Locals["slow"] {
		t.Error("a probe does not see the locals of the file")
	}
	where := p.Attrs["where"]
	src := s.Files["a.hcl"].Bytes
	if got := string(where.Range.SliceBytes(src)); got != "where  = local.slow && retval > 0" {
		t.Errorf("the range of the attribute covers %q", got)
	}
}

const sampleJSON = `{
  "//": "a comment",
  "variable": {"names": {"type": "list(string)", "default": ["a"]}},
  "probe": {"kprobe": {"open": {
    "target": ["vfs_open", "vfs_*"],
    "where": "${comm == \"a\\u00e9\" && args.size > 3}",
    "capture": {"z": "${retval}", "text": "plain", "n": 18446744073709551615, "a": "pid ${pid}", "no": null},
    "aggregate": {"t": {"by": ["${comm}"], "values": {"calls": "${count()}", "${pid}": true}}},
    "save": [{"io": {"key": ["${tid}"]}}, {"io2": {"key": ["${tid}"]}}]
  }}}
}`

func TestJSONGivesTheSameTreesAsNative(t *testing.T) {
	s := mustParse(t, "a.hcl.json", sampleJSON)
	if !s.Variables[0].Type.Equals(cty.List(cty.String)) {
		t.Errorf("type is %#v", s.Variables[0].Type)
	}
	p := s.Probes[0]
	where, ok := p.Attrs["where"].Expr.(*hclsyntax.BinaryOpExpr)
	if !ok {
		t.Fatalf("where is %T", p.Attrs["where"].Expr)
	}
	src := s.Files["a.hcl.json"].Bytes
	slices := []struct {
		expr hclsyntax.Expression
		want string
	}{
		{where, `comm == \"a\\u00e9\" && args.size > 3`},
		{where.RHS, "args.size > 3"},
		{where.RHS.(*hclsyntax.BinaryOpExpr).LHS, "args.size"},
		{p.Capture.Columns[0].Expr, "retval"},
		{p.Attrs["target"].Expr, `["vfs_open", "vfs_*"]`},
	}
	for _, row := range slices {
		if got := string(row.expr.Range().SliceBytes(src)); got != row.want {
			t.Errorf("range covers %q, want %q", got, row.want)
		}
	}
	types := map[string]string{"z": "*hclsyntax.ScopeTraversalExpr", "text": "*hclsyntax.TemplateExpr", "n": "*hclsyntax.LiteralValueExpr", "a": "*hclsyntax.TemplateExpr", "no": "*hclsyntax.LiteralValueExpr"}
	for _, c := range p.Capture.Columns {
		if got := fmt.Sprintf("%T", c.Expr); got != types[c.Name] {
			t.Errorf("column %s is %s, want %s", c.Name, got, types[c.Name])
		}
	}
	n, _ := p.Capture.Columns[2].Expr.Value(nil)
	if n.AsBigFloat().Text('f', 0) != "18446744073709551615" {
		t.Errorf("number is %v", n)
	}
	by, ok := p.Aggregates[0].Attrs["by"].Expr.(*hclsyntax.TupleConsExpr)
	if !ok || hcl.ExprAsKeyword(by.Exprs[0]) != "comm" {
		t.Errorf("by is %T", p.Aggregates[0].Attrs["by"].Expr)
	}
	values, ok := p.Aggregates[0].Attrs["values"].Expr.(*hclsyntax.ObjectConsExpr)
	if !ok || len(values.Items) != 2 || len(p.Saves) != 2 {
		t.Error("values or saves are wrong")
	}
}

// What a block of JSON lacks is told at its name, not at that of the object which
// holds it and its neighbours.
func TestJSONBlocksStandWhereTheirNameIs(t *testing.T) {
	src := `{
  "probe": {
    "syscall": {
      "a": {"target": "read", "aggregate": {
        "t": {"values": {"n": "${count()}"}},
        "u": {"by": "${[comm]}"}
      }},
      "b": {"capture": {"x": "${pid}"}}
    }
  },
  "variable": {
    "v": {"type": "string"}
  }
}`
	_, diags := Parse([]Source{{Name: "a.hcl.json", Bytes: []byte(src)}})
	var lines []int
	for _, d := range diags {
		if d.Summary != "Missing attribute" || d.Subject.Start.Line != d.Subject.End.Line {
			t.Errorf("%s at %s", d.Summary, d.Subject)
		}
		lines = append(lines, d.Subject.Start.Line)
	}
	slices.Sort(lines)
	if !slices.Equal(lines, []int{6, 8}) {
		t.Errorf("the diagnostics are at lines %v, want 6 and 8", lines)
	}
}

func TestJSONMistakesAreReported(t *testing.T) {
	rows := []struct{ name, src, want string }{
		{"no JSON", `{"probe": `, "Missing value"},
		{"unknown attribute", `{"probe":{"kprobe":{"a":{"target":"x","whre":true}}}}`, `Did you mean "where"`},
		{"unknown block", `{"prob":{}}`, `Did you mean "probe"`},
		{"broken template", `{"locals":{"a":"${1 +}"}}`, "Invalid expression"},
		{"hint in a template", `{"locals":{"a":"${0x10}"}}`, "parseint"},
		{"arrow", `{"locals":{"a":"${args.sk->len}"}}`, "Arrow operator"},
		{"duplicate key", `{"locals":{"a":{"x":1,"x":2}}}`, "Key given twice"},
		{"duplicate probe", `{"probe":{"kprobe":{"a":[{"target":"x"},{"target":"y"}]}}}`, "Second probe"},
		{"type", `{"variable":{"a":{"type":"strin("}}}`, "Invalid type"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, diags := Parse([]Source{{Name: "a.hcl.json", Bytes: []byte(row.src)}})
			found := false
			for _, d := range diags {
				found = found || strings.Contains(d.Summary+": "+d.Detail, row.want)
				if d.Subject == nil {
					t.Errorf("no place: %v", d)
				}
			}
			if !found || len(diags) != 1 {
				t.Errorf("want one diagnostic with %q, got %v", row.want, diags)
			}
		})
	}
}

func TestSeveralFilesAreOneSpec(t *testing.T) {
	s, diags := Parse([]Source{
		{Name: "b.hcl", Bytes: []byte("probe \"kprobe\" \"a\" {\n  target = \"x\"\n}\nlocals { a = local.b }\n")},
		{Name: "a.hcl", Bytes: []byte("probe \"kprobe\" \"a\" {\n  target = \"x\"\n}\nlocals { b = 1 }\n")},
	})
	if len(s.Probes) != 1 || len(s.Locals) != 2 || len(s.Files) != 2 {
		t.Errorf("spec is %+v", s)
	}
	if len(diags) != 1 || diags[0].Subject.Filename != "a.hcl" || !strings.Contains(diags[0].Detail, "b.hcl:1,16") {
		t.Errorf("diagnostics are %v", diags)
	}
}

// Each of these has overflowed a stack or taken very long in some HCL tool.
func TestHugeExpressionsAreRefusedOrParsedInBoundedTime(t *testing.T) {
	const n = 10_000
	rows := []struct {
		name, expr string
		refused    bool
	}{
		{"parentheses", strings.Repeat("(", n) + "1" + strings.Repeat(")", n), true},
		{"open parentheses", strings.Repeat("(", n), true},
		{"lists", strings.Repeat("[", n), true},
		{"objects", strings.Repeat("{a=", n), true},
		{"calls", strings.Repeat("f(", n), true},
		{"templates", strings.Repeat("\"${", n), true},
		{"directives", "\"" + strings.Repeat("%{if a}", n) + "\"", true},
		{"not", strings.Repeat("!", n) + "a", true},
		{"minus", strings.Repeat("- ", n) + "1", true},
		{"plus", strings.Repeat("1+", n) + "1", true},
		{"conditionals", strings.Repeat("a?b:", n) + "c", true},
		{"members", "a" + strings.Repeat(".b", n), true},
		{"indexes", "a" + strings.Repeat("[x]", n), true},
		{"splats", "a" + strings.Repeat("[*]", n), true},
		{"long list", "[" + strings.Repeat("a.b + 1,", n) + "]", false},
		{"long text", "\"" + strings.Repeat("x", n) + "\"", false},
		{"long template", "\"" + strings.Repeat("${x}", n/100) + "\"", false},
		{"long chain within bounds", strings.Repeat("a == 1 || ", 500) + "b", false},
		{"broken lines", strings.Repeat("1\n&& x\n", n/10), true},
		{"bad tokens", strings.Repeat("a & ", n), true},
		{"commas", "1" + strings.Repeat(", a = 1", n/10), true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var diags hcl.Diagnostics
			effort.Bounded(t, func() {
				_, diags = Parse([]Source{{Name: "a.hcl", Bytes: []byte("locals {\n  a = " + row.expr + "\n}\n")}})
			})
			if diags.HasErrors() != row.refused {
				t.Errorf("refused is %t, want %t", diags.HasErrors(), row.refused)
			}
		})
	}
}

func TestHugeFilesAreRefused(t *testing.T) {
	big := []byte("locals {\n" + strings.Repeat("  # comment\n", 1_000_000) + "}\n")
	for _, name := range []string{"a.hcl", "a.hcl.json"} {
		_, diags := Parse([]Source{{Name: name, Bytes: big}})
		if len(diags) != 1 || diags[0].Summary != "File too large" {
			t.Errorf("%s: %v", name, diags)
		}
	}
	deep := []byte(`{"locals":{"a":` + strings.Repeat("[", 100_000) + `}}`)
	if _, diags := Parse([]Source{{Name: "a.hcl.json", Bytes: deep}}); len(diags) != 1 || diags[0].Summary != "Nesting too deep" {
		t.Errorf("deep JSON: %v", diags)
	}
	inner := []byte(`{"locals":{"a":"${` + strings.Repeat("(", 10_000) + `}"}}`)
	if _, diags := Parse([]Source{{Name: "a.hcl.json", Bytes: inner}}); !diags.HasErrors() {
		t.Error("a deep template in JSON is accepted")
	}
}

func TestManyLocalsInAChainAreNoCycle(t *testing.T) {
	var b strings.Builder
	b.WriteString("locals {\n")
	for i := range 4_000 {
		fmt.Fprintf(&b, "  l%d = local.l%d\n", i, i+1)
	}
	b.WriteString("  l4000 = 1\n}\n")
	mustParse(t, "a.hcl", b.String())
}

func TestFileNames(t *testing.T) {
	rows := []struct {
		name          string
		isSpec, isVar bool
	}{
		{"reads.hcl", true, false},
		{"reads.hcl.json", true, false},
		{"dir.test.hcl/reads.hcl", true, false},
		{"reads.test.hcl", false, false},
		{"reads.test.hcl.json", false, false},
		{"tracer.vars.hcl", false, true},
		{"x/tracer.vars.hcl", false, true},
		{"prod.auto.vars.hcl", false, true},
		{"prod.auto.vars.hcl.json", false, true},
		{"prod.vars.hcl", false, false},
		{".hidden.hcl", false, false},
		{"reads.txt", false, false},
		{"reads.json", false, false},
		{"vars.hcl", true, false},
	}
	for _, row := range rows {
		if IsSpecFile(row.name) != row.isSpec || IsAutoVarsFile(row.name) != row.isVar {
			t.Errorf("%s: spec %t, vars %t", row.name, IsSpecFile(row.name), IsAutoVarsFile(row.name))
		}
	}
}

func TestCheckVersion(t *testing.T) {
	rows := []struct {
		constraint, version string
		ok                  bool
	}{
		{">= 0.1", "0.1.0", true},
		{">= 0.1", "0.2.0-dev", true},
		{">= 1.0", "0.9.0", false},
		{"~> 1.2", "1.9.0", true},
		{"~> 1.2", "2.0.0", false},
		{">= 1.0", "unknown", true},
	}
	for _, row := range rows {
		s := mustParse(t, "a.hcl", fmt.Sprintf("tracer {\n  required_version = %q\n}\n", row.constraint))
		diags := s.CheckVersion(row.version)
		if diags.HasErrors() == row.ok {
			t.Errorf("%s against %s: %v", row.constraint, row.version, diags)
		}
	}
	if diags := (&Spec{}).CheckVersion("1.0"); diags != nil {
		t.Errorf("no tracer block: %v", diags)
	}
}

func TestNearest(t *testing.T) {
	words := []string{"where", "target", "max_entries"}
	for name, want := range map[string]string{"whre": "where", "Target": "target", "max_entry": "max_entries", "zzz": "", "wherever": "", "x": ""} {
		if got := Nearest(name, words); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestSchemaIsComplete(t *testing.T) {
	s := NewSchema()
	var walk func(b *BlockSchema)
	walk = func(b *BlockSchema) {
		if b.Doc == "" || !strings.HasSuffix(b.Doc, ".") {
			t.Errorf("block %s has the doc line %q", b.Name, b.Doc)
		}
		for _, a := range b.Attributes {
			if a.Doc == "" || !strings.HasSuffix(a.Doc, ".") || a.Type == "" || a.Phase == "" {
				t.Errorf("attribute %s of %s is not fully declared: %+v", a.Name, b.Name, a)
			}
		}
		for _, inner := range b.Blocks {
			walk(inner)
		}
	}
	for _, b := range s.Blocks {
		walk(b)
	}
	for _, p := range s.ProbeTypes {
		if p.Doc == "" || p.Values == "" || p.Types == "" {
			t.Errorf("probe type %s is not fully declared", p.Name)
		}
		for _, name := range p.Accepts {
			if s.Block("probe").Attribute(name) == nil {
				t.Errorf("probe type %s accepts %q, which does not exist", p.Name, name)
			}
		}
		for _, need := range p.Required {
			for _, name := range strings.Split(need, "|") {
				if !strings.Contains(strings.Join(p.Accepts, " ")+" ", name+" ") && !strings.HasSuffix(strings.Join(p.Accepts, " "), name) {
					t.Errorf("probe type %s needs %q, which it does not accept", p.Name, name)
				}
			}
		}
	}
	own := s.ProbeAttributes(s.ProbeType("usdt"))
	if own[0].Name != "target" || len(own) != 3+7 {
		t.Errorf("a usdt probe has %d attributes, the first %s", len(own), own[0].Name)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{sample, "locals {\n  a = 0x1 & b\n", "a = <<b\n", "probe \"x\" {", "locals { a = \"${b", "locals {\n a = b ?\n c\n && d\n}", "a{b{c{}}}", "\ufefflocals {}"} {
		f.Add(seed, false)
	}
	f.Add(sampleJSON, true)
	f.Add(`{"locals":{"a":"\\\"${x[\"\ud83d\ude00\"]}"}}`, true)
	f.Fuzz(func(t *testing.T, src string, json bool) {
		name := "a.hcl"
		if json {
			name += ".json"
		}
		s, diags := Parse([]Source{{Name: name, Bytes: []byte(src)}})
		if s == nil {
			t.Fatal("no spec")
		}
		for i, d := range diags {
			if d.Subject == nil || d.Summary == "" || d.Detail == "" {
				t.Fatalf("incomplete diagnostic: %+v", d)
			}
			if i > 0 && d.Subject.Start.Byte < diags[i-1].Subject.Start.Byte {
				t.Fatalf("not sorted: %v", diags)
			}
		}
		s.Resolve(Inputs{}, nil)
		s.CheckVersion("1.0")
	})
}
