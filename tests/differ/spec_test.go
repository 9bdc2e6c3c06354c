package differ

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"tracer/interpreter/check"
	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
	"tracer/interpreter/unit"
	"tracer/spec"
)

// seed is the run's: TRACER_DIFFER_SEED, or always the same.
func seed(t testing.TB) uint64 {
	t.Helper()
	n := uint64(20240611)
	if text := os.Getenv("TRACER_DIFFER_SEED"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("TRACER_DIFFER_SEED: %v", err)
		}
	}
	t.Logf("TRACER_DIFFER_SEED=%d", n)
	return n
}

// specs is how many specs a test makes: TRACER_DIFFER_SPECS, or usual.
func specs(t testing.TB, usual int) int {
	t.Helper()
	text := os.Getenv("TRACER_DIFFER_SPECS")
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("TRACER_DIFFER_SPECS: %v", err)
	}
	return n
}

// probe is one generated probe of the fixture.
type probe struct {
	event   string
	where   *node // nil: none
	columns []*node
}

// text is the probe as a spec.
func (p *probe) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "probe \"raw_tracepoint\" \"p\" {\n  target = %q\n", p.event)
	if p.where != nil {
		fmt.Fprintf(&b, "  where = %s\n", p.where)
	}
	b.WriteString("  capture {\n")
	for i, c := range p.columns {
		fmt.Fprintf(&b, "    c%d = %s\n", i, c)
	}
	b.WriteString("  }\n}\n")
	return b.String()
}

// generateProbe makes a probe with n columns.
func generateProbe(r *rand.Rand, n int) *probe {
	p := &probe{event: []string{"numbers", "memory"}[r.IntN(2)]}
	g := newGenerator(r, p.event)
	if r.IntN(4) == 0 {
		p.where = g.make(sCondition, 1+r.IntN(4))
	}
	nullable, lists := 0, 0
	for len(p.columns) < n {
		c := g.make(sColumn, 1+r.IntN(5))
		if strings.Contains(c.text, "strs(") {
			if lists++; lists > 1 {
				continue
			}
		}
		if strings.Contains(c.text, "null") || len(c.parts) == 1 && c.parts[0].sort == sNullable {
			if nullable++; nullable > maxNullable {
				continue
			}
		}
		p.columns = append(p.columns, c)
	}
	return p
}

// maxNullable is the number of bits in a record's null bitmap.
const maxNullable = 32

// checked is the plan of a spec, or its errors.
func checked(text string, f facts.Facts) (*plan.Plan, hcl.Diagnostics) {
	return checkedAs(text, check.Input{Facts: f, Env: &unit.Env{Names: unit.ABI(f.Kernel().Arch)}})
}

// checkedAs is the plan of a spec under options.
func checkedAs(text string, in check.Input) (*plan.Plan, hcl.Diagnostics) {
	sp, diags := spec.Parse([]spec.Source{{Name: "random.hcl", Bytes: []byte(text)}})
	if diags.HasErrors() {
		return nil, diags
	}
	vars, more := sp.Resolve(spec.Inputs{}, check.PlanFunctions(in.Facts, in.Env))
	if diags = append(diags, more...); diags.HasErrors() {
		return nil, diags
	}
	in.Spec, in.Vars = sp, vars
	p, more := check.Spec(in)
	return p, append(diags, more...)
}

// firstError is the first error among diagnostics, with its place.
func firstError(diags hcl.Diagnostics) string {
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			return fmt.Sprintf("%s: %s: %s", d.Subject, d.Summary, d.Detail)
		}
	}
	return ""
}

func TestGeneratedExpressionsTypeCheck(t *testing.T) {
	f := fixture(t)
	r := rand.New(rand.NewPCG(seed(t), 1))
	for range specs(t, 200) {
		p := generateProbe(r, 20)
		if _, diags := checked(p.text(), f); diags.HasErrors() {
			t.Fatalf("%s\n%s", firstError(diags), p.text())
		}
	}
}

// TestFormsKnowEveryFunction keeps the table of forms complete: a function of
// the language that no expression uses is tested by nobody.
func TestFormsKnowEveryFunction(t *testing.T) {
	written := map[string]bool{}
	for _, f := range forms {
		for _, fn := range check.Functions() {
			if strings.HasPrefix(f.text, fn.Name+"(") || strings.Contains(f.text, " "+fn.Name+"(") || strings.Contains(f.text, "("+fn.Name+"(") {
				written[fn.Name] = true
			}
		}
	}
	for _, fn := range check.Functions() {
		atEvent := fn.Phase == check.EventTime || fn.Phase == check.Both
		_, excused := notGenerated[fn.Name]
		switch {
		case !atEvent || fn.Later != "":
			if excused {
				t.Errorf("%s is no function of the event, and still in notGenerated", fn.Name)
			}
		case !written[fn.Name] && !excused:
			t.Errorf("no form uses %s: add one to forms", fn.Name)
		case written[fn.Name] && excused:
			t.Errorf("a form uses %s, and notGenerated says that none does", fn.Name)
		}
	}
}
