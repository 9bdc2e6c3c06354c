package check_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"tracer/interpreter/check"
)

func TestFunctionsAreDocumented(t *testing.T) {
	seen := map[string]bool{}
	column := regexp.MustCompile(`^\w+ = (.*)$`)
	for _, f := range check.Functions() {
		if seen[f.Name] {
			t.Errorf("%s is listed twice", f.Name)
		}
		seen[f.Name] = true
		if !strings.HasPrefix(f.Usage, f.Name+"(") || !strings.HasSuffix(f.Doc, ".") || f.Phase == "" {
			t.Errorf("%s: usage %q, text %q, phase %q", f.Name, f.Usage, f.Doc, f.Phase)
		}
		example := f.Example
		if m := column.FindStringSubmatch(example); m != nil && f.Phase == check.Aggregate {
			example = m[1]
		}
		if example == "" {
			continue
		}
		e, diags := hclsyntax.ParseExpression([]byte(example), "example.hcl", hcl.InitialPos)
		if diags.HasErrors() {
			t.Errorf("%s: example %q: %v", f.Name, example, diags)
			continue
		}
		if used := strings.Contains(example, f.Name+"("); e != nil && !used {
			t.Errorf("%s: example %q does not use it", f.Name, example)
		}
	}
	for _, name := range []string{"str", "count", "first_of", "enumerator", "ip", "parseint", "lookup", "age"} {
		if !seen[name] {
			t.Errorf("%s is not listed", name)
		}
	}
}

func TestBuiltinsAreDocumentedAndUsable(t *testing.T) {
	m := machine(t)
	for _, b := range check.Builtins() {
		if b.Doc == "" {
			t.Errorf("%s has no text", b.Name)
		}
		x := map[string]string{"args": "args.count", "capture": "capture.y", "saved": "1", "kstack": "1", "ustack": "1"}[b.Name]
		if x == "" {
			x = b.Name
		}
		_, diags := planOf(m, "x.hcl", []byte("probe \"kretprobe\" \"x\" {\n target = \"vfs_read\"\n capture {\n x = "+x+"\n y = 1\n}\n}\n"))
		if diags.HasErrors() {
			t.Errorf("%s: %v", b.Name, diags)
		}
	}
}
