package check_test

import (
	"os"
	"testing"

	"tracer/internal/host"
	"tracer/interpreter/check"
	"tracer/spec"
	"tracer/spec/diag"
)

func TestDev(t *testing.T) {
	name := os.Getenv("SPEC")
	src, _ := os.ReadFile(name)
	sp, diags := spec.Parse([]spec.Source{{Name: name, Bytes: src}})
	h := host.Open(host.Options{})
	vars, d2 := sp.Resolve(spec.Inputs{}, check.PlanFunctions(h, nil))
	diags = append(diags, d2...)
	p, d3 := check.Spec(check.Input{Spec: sp, Vars: vars, Facts: h})
	diags = append(diags, d3...)
	diag.Text(os.Stdout, sp.Files, diags, 100, false)
	for _, pr := range p.Probes {
		for _, v := range pr.Variants {
			t.Log(pr.Address(), v.Mechanism.Name, v.Pair, len(v.Targets))
			for _, w := range v.Where {
				t.Log("where", w)
			}
			for _, w := range v.EntryWhere {
				t.Log("entry where", w)
			}
			for _, c := range v.Columns {
				t.Log(c.Name, c.Expr)
			}
			for _, a := range v.Aggregates {
				for _, c := range a.By {
					t.Log("by", c.Name, c.Expr)
				}
			}
		}
	}
}
