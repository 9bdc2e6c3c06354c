package cli

import (
	"tracer/bpfgen"
	"tracer/internal/stream"
	"tracer/interpreter/plan"
	"tracer/interpreter/report"
	"tracer/interpreter/types"
	"tracer/interpreter/unit"
	"tracer/interpreter/value"
)

// columnsOf are the columns that a capture streams.
func columnsOf(columns []plan.Column) []value.Column {
	out := make([]value.Column, len(columns))
	for i, c := range columns {
		out[i] = value.Column{Name: c.Name, Type: types.TNull}
		if c.Expr != nil {
			out[i].Type = c.Expr.Type
		}
	}
	return out
}

// deriveOf are the derived columns beside a probe's capture, nil if it has none.
// All variants of a probe have the same.
func deriveOf(p *plan.Probe) *plan.Derive {
	for _, v := range p.Variants {
		if v.Derive != nil {
			return v.Derive
		}
	}
	return nil
}

// derivedOf is the same for package report.
func derivedOf(d *plan.Derive) []report.Derived {
	if d == nil {
		return nil
	}
	out := make([]report.Derived, len(d.Names))
	for i := range d.Names {
		out[i] = report.Derived{Name: d.Names[i], Expr: d.Exprs[i], Range: d.Ranges[i]}
	}
	return out
}

// tableReport is what report time does to a table.
func tableReport(t *bpfgen.Table, env *unit.Env) report.Spec {
	p := t.Table.Table
	s := report.Spec{
		Derive: derivedOf(p.Derive), Sort: p.Sort, SortRange: p.Range, Top: p.Top, Context: p.EvalContext, Env: env,
	}
	if p.Having != nil {
		s.Having = p.Having
	}
	for _, k := range p.By {
		s.By = append(s.By, value.Column{Name: k.Name, Type: k.Type})
	}
	for i := range p.Values {
		s.Values = append(s.Values, value.Column{Name: p.Values[i].Name, Type: stream.ResultType(&p.Values[i])})
	}
	return s
}
