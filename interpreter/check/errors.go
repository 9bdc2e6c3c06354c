package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/interpreter/unit"
	"tracer/spec"
	"tracer/templates"
)

// report adds a diagnostic unless the same was reported already.
func (c *checker) report(d *hcl.Diagnostic) { c.reportOnce(d, d.Detail) }

// reportOnce adds a diagnostic unless one of the same summary, place and
// distinction was, or one without any.
func (c *checker) reportOnce(d *hcl.Diagnostic, distinction string) {
	key := d.Summary + "\x00"
	if d.Subject != nil {
		key += d.Subject.String() + "\x00"
	}
	if c.seen[key] || c.seen[key+distinction] {
		return
	}
	c.seen[key+distinction] = true
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
	switch {
	case s.trial != nil:
		s.trial.diags = append(s.trial.diags, d)
	case s.layout != nil:
		// The same mistake in another layout or element differs in words only.
		s.c.reportOnce(d, "")
	default:
		s.c.report(d)
	}
}

func (s *scope) errorAt(rng hcl.Range, summary, format string, args ...any) {
	s.report(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: rng.Ptr()})
}

func (s *scope) warnAt(rng hcl.Range, summary, format string, args ...any) {
	s.report(&hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: rng.Ptr()})
}

// near is a sentence with the names that look like a wrong one, or "".
func (s *scope) near(name string, names []string) string {
	near := templates.Near(name, names)
	if s.trial != nil {
		s.trial.near = append(s.trial.near, near...)
	}
	return templates.DidYouMean(near)
}

// The messages. One method for each thing that can be wrong.

func (s *scope) errIncomplete(t hcl.Traversal, next string) {
	s.errorAt(t.SourceRange(), "Name incomplete", "Write %s.%s: %s alone is no value.", t.RootName(), next, t.RootName())
}

func (s *scope) errNoCapture(t hcl.Traversal) {
	s.errorAt(t.SourceRange(), "No capture block", "The probe has no capture block, so there is no %s.", traversalText(t))
}

func (s *scope) errTooLarge(l *spec.Local) {
	s.errorAt(l.Expr.Range(), "Value too large", "The value of local.%s is larger than 1 MiB.", l.Name)
}

func (s *scope) errListHere(e hclsyntax.Expression) {
	s.errorAt(e.Range(), "List or object here", "A list or object of event values has no meaning here: only by, key, values and contains take one.")
}

func (s *scope) errLoop(e hclsyntax.Expression) {
	s.errorAt(e.Range(), "Loop over event values", "for and [*] work only on what is known before attaching; this mentions the event.")
}

func (s *scope) errNullable(e *tree.Expr) {
	s.errorAt(s.at(e), "Value may be null", "This has no value where its condition says null, so it can only be shown or compared with null. Give it a value there instead of null.")
}

func (s *scope) errNullCondition(e *tree.Expr) {
	s.errorAt(s.at(e), "Condition is null", "This is null, and a condition is true or false. Write x == null to test whether something is set.")
}

func (s *scope) errTwoSettings(a *spec.Attr, table string, have hcl.Range) {
	detail := fmt.Sprintf("Another block of aggregate %q sets %s otherwise, at %s:%d.", table, a.Name, have.Filename, have.Start.Line)
	if have == a.Expr.Range() {
		detail = fmt.Sprintf("The elements of for_each set %s differently, and aggregate %q is one table.", a.Name, table)
	}
	s.errorAt(a.Range, "Setting of two values", "%s", detail)
}

func (s *scope) errNullNumber(e *tree.Expr) {
	s.errorAt(s.at(e), "Value is null", "This is null (not set), and a number is needed here.")
}

func (s *scope) errUnknownName(t hcl.Traversal) {
	name := t.RootName()
	if strings.Contains(name, "-") {
		return // spec has said what to write
	}
	hint := s.otherwise(name)
	if hint == "" {
		hint = s.near(name, rootNames())
	}
	s.errorAt(t.SourceRange(), "Unknown name", "There is no %q.%s", name, hint)
}

// otherwise is a sentence with a leading space that says how to write what a name
// means that is not one, or "": an argument, a variable, a name of another tool.
func (s *scope) otherwise(name string) string {
	if s.probe != nil && s.layout != nil &&
		slices.ContainsFunc(s.layout.Args, func(a tree.ArgLoc) bool { return a.Name == name }) {
		return fmt.Sprintf(" The argument is args.%s.", name)
	}
	if slices.Contains(s.variableNames(), name) {
		return fmt.Sprintf(" The variable is var.%s.", name)
	}
	return elsewhere(namesElsewhere, name)
}

func (s *scope) errUnknownFunction(call *hclsyntax.FunctionCallExpr) {
	hint := elsewhere(functionsElsewhere, call.Name)
	if hint == "" {
		hint = s.near(call.Name, functionNames())
	}
	s.errorAt(call.NameRange, "Unknown function", "There is no function %q.%s", call.Name, hint)
}

func (s *scope) errEachOutside(rng hcl.Range) {
	s.errorAt(rng, "each without for_each", "each.key and each.value exist only in a probe that has for_each.")
}

func (s *scope) errNoSuch(rng hcl.Range, what, name string, names []string) {
	near := s.near(name, names)
	switch {
	case near != "":
	case len(names) == 0:
		near = " There is none at all."
	case len(names) <= 12:
		near = " There is " + strings.Join(names, ", ") + "."
	}
	s.errorAt(rng, "Unknown "+what, "There is no %s %q.%s", what, name, near)
}

func (s *scope) errWant(e *tree.Expr, want, fix string) {
	if fix != "" {
		fix = " " + fix
	}
	s.errorAt(s.at(e), "Wrong type", "This is %s, and %s is needed here.%s", article(e.Type), want, fix)
}

func (s *scope) errMismatch(rng hcl.Range, l, r *tree.Expr, fix string) {
	if fix != "" {
		fix = " " + fix
	}
	s.errorAt(rng, "Comparison of different types", "The left side is %s, the right side %s: they can never be equal.%s", article(l.Type), article(r.Type), fix)
}

func (s *scope) errFraction(rng hcl.Range, text string) {
	if strings.HasSuffix(text, "Inf") {
		s.errorAt(rng, "Division by zero", "This was computed before attaching, and divides by zero.")
		return
	}
	s.errorAt(rng, "Number with a fraction", "This was computed before attaching and is %s, but at event time numbers are whole. Use floor(…) or ceil(…), or compute with whole numbers.", text)
}

func (s *scope) errBetween(rng hcl.Range) {
	s.errorAt(rng, "Comparison of a comparison", "A comparison gives true or false, which has no order. Write a < x && x < b to test a range.")
}

func (s *scope) errUntyped(e *tree.Expr) {
	s.errorAt(s.at(e), "Order of an untyped value", "Without a signature this is an unsigned 64-bit number, where -1 is the largest. Declare it with signature = \"int fn(…)\", or write cast(\"int\", …).")
}

func (s *scope) errLater(rng hcl.Range, what string) {
	s.errorAt(rng, "Not available yet", "This version of tracer does not have %s yet.", what)
}

func (s *scope) warnNoName(e *tree.Expr, names []string) {
	if s.probe.Attrs["for_each"] != nil {
		return // it may be a target of another element
	}
	s.warnAt(s.at(e), "Name of no target", "No target of this probe is called %q, nor is the probe (%s), so it is never equal.%s", e.Str, s.label, s.near(e.Str, names))
}

func (s *scope) errCastTo(rng hcl.Range, name string) {
	s.errorAt(rng, "Cast to no plain value", `%s is no integer, enum or pointer. To look into memory, cast to a pointer: cast("%s *", …).`, name, name)
}

func (s *scope) errAggregateArgs(call *hclsyntax.FunctionCallExpr, usage string) {
	hint := ""
	if (call.Name == "min" || call.Name == "max") && len(call.Args) > 1 {
		hint = fmt.Sprintf(" The %s of several numbers stands inside: %s(%s(a, b)).", call.Name, call.Name, call.Name)
	}
	if call.Name == "count" {
		hint = " To count where something holds, write sum(… ? 1 : 0)."
	}
	s.errorAt(call.Range(), "Wrong number of arguments", "Outermost in values this is an aggregate function: write %s.%s", usage, hint)
}

func (s *scope) errTooManyParts(text *tree.Expr) {
	s.errorAt(s.at(text), "Text of too many parts", "A text can have at most %d values in it.", maxParts)
}

func (s *scope) errOrderOfStrings(rng hcl.Range) {
	s.errorAt(rng, "Order of strings", "Strings have no order here: compare with ==, !=, startswith, endswith or strcontains.")
}

func (s *scope) errKnown(rng hcl.Range, what string) {
	s.errorAt(rng, "Known value needed", "This must be known before attaching: %s.", what)
}

func (s *scope) errEventLocal(rng hcl.Range, name, root string) {
	s.errorAt(rng, "Event value in a finished row", "local.%s mentions %s, and derive and having see only the finished row: its columns, and what is known before attaching.", name, root)
}

func (s *scope) errUnits(rng hcl.Range, left, right string, op unit.Op) {
	s.errorAt(rng, "Units do not match", "A %s and a %s cannot be combined with %c.", left, right, rune(op))
}

func (s *scope) errTextArm(e *tree.Expr) {
	fix := `Put the condition inside the text, as in "${a ? b : c}".`
	if e.Type.Kind == types.List {
		fix = "Capture it in a column of its own."
	}
	s.errorAt(s.at(e), "Text in a conditional", "This is %s, which cannot be an arm of a conditional. %s", article(e.Type), fix)
}

// warnAlways says that a constant outside the values of x decides a comparison.
func (s *scope) warnAlways(rng hcl.Range, x, constant *tree.Expr, result bool) {
	lo, hi := bounds(x.Type)
	fix := ""
	if negative(constant) || constant.Int == 0 {
		fix = ` If it can be negative, write cast("int", …).`
	}
	s.warnAt(rng, fmt.Sprintf("Comparison always %t", result), "This is %s, from %s to %s, so the comparison is %t for every event.%s", article(x.Type), lo, hi, result, fix)
}

// warnSignOfError is about errno(x) beside an error number that is positive.
func (s *scope) warnSignOfError(rng hcl.Range, c *tree.Expr) {
	as := strconv.FormatInt(-int64(c.Int), 10)
	s.warnAt(rng, "Sign of an error", "errno() is negative where there is an error, as in the kernel. Compare it with a name, as in errno(x) == \"ENOENT\", or with %s.", as)
}

func (s *scope) warnNeverNull(rng hcl.Range, x *tree.Expr) {
	s.warnAt(rng, "Never null", "This is %s, which always has a value: only pointers, and columns that may be null, compare with null.", article(x.Type))
}

func (s *scope) warnTooLong(text *tree.Expr, limit int) {
	s.warnAt(s.at(text), "Comparison always false", "The string has at most %d bytes, and this text has %d.", limit, len(text.Str))
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
