package report

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"tracer/interpreter/unit"
)

func errUnknownColumn(name string, columns []string, subject hcl.Range) *hcl.Diagnostic {
	detail := fmt.Sprintf("There is no column %q in the finished rows.", name)
	if near := unit.Nearest(name, columns); near != "" {
		detail += fmt.Sprintf(" Did you mean %q?", near)
	}
	if len(columns) > 0 {
		detail += fmt.Sprintf(" The columns are %s.", strings.Join(columns, ", "))
	}
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Unknown column", Detail: detail, Subject: &subject}
}

func errDuplicate(d Derived) *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: "Duplicate derived column",
		Detail:  fmt.Sprintf("A column %q is already derived. Give one of the two another name.", d.Name),
		Subject: d.Range.Ptr(),
	}
}

func errCycle(path []string, subject hcl.Range) *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: "Cycle of derived columns",
		Detail:  fmt.Sprintf("Each of these columns is computed from the next: %s. One of them must be computed from other columns only.", strings.Join(path, ", ")),
		Subject: &subject,
	}
}

func errNotScalar(name string, got cty.Type, subject hcl.Range) *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: "Unsuitable derived column",
		Detail:  fmt.Sprintf("The column %q must be a number, a string or true or false, not %s.", name, got.FriendlyName()) + ofHistogram,
		Subject: &subject,
	}
}

const ofHistogram = " Of a histogram, use .count or .sum."

// errHistogram is what HCL says of an expression that mentions a histogram.
func errHistogram(d *hcl.Diagnostic) *hcl.Diagnostic {
	out := *d
	out.Detail += ofHistogram
	return &out
}

// errDifferent is about == of sides that can never be equal.
func errDifferent(left, right cty.Type, subject hcl.Range) *hcl.Diagnostic {
	detail := fmt.Sprintf("In a finished row the left side is a %s, the right side a %s: they can never be equal.", left.FriendlyName(), right.FriendlyName())
	if left == cty.String || right == cty.String {
		detail += " What prints as a name is compared with that name, as in error == \"ENOENT\"."
	}
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Comparison of different types", Detail: detail, Subject: &subject}
}

func errNotCondition(got cty.Type, subject hcl.Range) *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: "Unsuitable condition",
		Detail:  fmt.Sprintf("The attribute having decides which rows are shown, so it must be true or false, not %s.", got.FriendlyName()),
		Subject: &subject,
	}
}

// errNotTruth is about what stands before ?.
func errNotTruth(got cty.Type, subject hcl.Range) *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: "Unsuitable condition",
		Detail:  fmt.Sprintf("What stands before ? must be true or false, not %s: compare it with something.", got.FriendlyName()),
		Subject: &subject,
	}
}

func errLiteral(literal string, err error, unit string, subject hcl.Range) *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: "Unsuitable " + unit,
		Detail:  fmt.Sprintf("The other side is a %s, so %q %s.", unit, literal, err),
		Subject: &subject,
	}
}
