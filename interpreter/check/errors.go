package check

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/templates"
)

// report adds a diagnostic unless the same was reported already (another
// target or element of for_each), or the scope is a quiet one.
func (c *checker) report(d *hcl.Diagnostic) {
	key := d.Summary + "\x00" + d.Detail
	if d.Subject != nil {
		key += "\x00" + d.Subject.String()
	}
	if c.seen[key] {
		return
	}
	c.seen[key] = true
	c.diags = append(c.diags, d)
}

func (c *checker) errorAt(rng hcl.Range, summary, format string, args ...any) {
	c.report(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: rng.Ptr()})
}

func (c *checker) warnAt(rng hcl.Range, summary, format string, args ...any) {
	c.report(&hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: rng.Ptr()})
}

func (s *scope) report(d *hcl.Diagnostic) {
	if d.Severity == hcl.DiagError {
		s.failed = true
	}
	if !s.quiet {
		s.c.report(d)
	}
}

func (s *scope) errorAt(rng hcl.Range, summary, format string, args ...any) {
	s.report(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: rng.Ptr()})
}

func (s *scope) warnAt(rng hcl.Range, summary, format string, args ...any) {
	s.report(&hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: rng.Ptr()})
}

// The messages. One method for each thing that can be wrong.

func (s *scope) errUnknownName(t hcl.Traversal) {
	near := templates.DidYouMean(templates.Near(t.RootName(), rootNames()))
	hint := ""
	if s.probe != nil && s.layout != nil {
		for _, a := range s.layout.Args {
			if a.Name == t.RootName() {
				near, hint = "", fmt.Sprintf(" The argument is args.%s.", a.Name)
			}
		}
	}
	if near == "" && hint == "" {
		for _, v := range s.variableNames() {
			if v == t.RootName() {
				hint = fmt.Sprintf(" The variable is var.%s.", v)
			}
		}
	}
	if strings.Contains(t.RootName(), "-") {
		return // spec has said what to write
	}
	s.errorAt(t.SourceRange(), "Unknown name", "There is no %q.%s%s", t.RootName(), near, hint)
}

func (s *scope) errUnknownFunction(call *hclsyntax.FunctionCallExpr) {
	s.errorAt(call.NameRange, "Unknown function", "There is no function %q.%s", call.Name, templates.DidYouMean(templates.Near(call.Name, functionNames())))
}

func (s *scope) errEachOutside(rng hcl.Range) {
	s.errorAt(rng, "each without for_each", "each.key and each.value exist only in a probe that has for_each.")
}

func (s *scope) errNoSuch(rng hcl.Range, what, name string, names []string) {
	near := templates.DidYouMean(templates.Near(name, names))
	if near == "" && len(names) > 0 && len(names) <= 12 {
		near = " There is " + strings.Join(names, ", ") + "."
	}
	s.errorAt(rng, "Unknown "+what, "There is no %s %q.%s", what, name, near)
}

func (s *scope) errWant(e *tree.Expr, want, fix string) {
	if fix != "" {
		fix = " " + fix
	}
	s.errorAt(e.Range, "Wrong type", "This is %s, and %s is needed here.%s", article(e.Type), want, fix)
}

func (s *scope) errMismatch(rng hcl.Range, l, r *tree.Expr, fix string) {
	if fix != "" {
		fix = " " + fix
	}
	s.errorAt(rng, "Comparison of different types", "The left side is %s, the right side %s: they can never be equal.%s", article(l.Type), article(r.Type), fix)
}

func (s *scope) errFraction(rng hcl.Range, text string) {
	s.errorAt(rng, "Number with a fraction", "This was computed before attaching and is %s, but at event time numbers are whole. Use floor(…) or ceil(…), or compute with whole numbers.", text)
}

func (s *scope) errBetween(rng hcl.Range) {
	s.errorAt(rng, "Comparison of a comparison", "A comparison gives true or false, which has no order. Write a < x && x < b to test a range.")
}

func (s *scope) errUntyped(e *tree.Expr) {
	s.errorAt(e.Range, "Order of an untyped value", "Without a signature this is an unsigned 64-bit number, where -1 is the largest. Declare it with signature = \"int fn(…)\", or write cast(\"int\", …).")
}

func (s *scope) errLater(rng hcl.Range, what string) {
	s.errorAt(rng, "Not available yet", "This version of tracer does not have %s yet.", what)
}

// article is a type with its article, as sentences need it.
func article(t types.Type) string {
	switch t.Kind {
	case types.Bool:
		return "true or false (bool)"
	case types.String:
		return "a string"
	case types.Bytes:
		return "bytes"
	case types.Null:
		return "null"
	case types.List:
		return "a list of strings"
	case types.Text:
		return "text that is put together when printed"
	case types.Pointer:
		return "a pointer (" + t.String() + ")"
	case types.Struct:
		return t.String()
	case types.Array:
		return "an array (" + t.String() + ")"
	case types.Enum:
		return "an enumerator (" + t.String() + ")"
	case types.Int:
		if t.Unit != "" {
			return "a number (" + t.Unit + ")"
		}
		return "a number (" + t.String() + ")"
	}
	return t.String()
}
