// Package report does the work of report time: derived columns, having, sort and
// top over the finished rows of a table, and derived columns of streamed rows.
//
// In: columns, the expressions of a spec and finished values. Out: the same
// table or row with its final columns, order and length, or diagnostics that
// point into the spec. Expressions are evaluated by HCL itself, numbers are
// exact. The package must not know BPF, output or where rows come from.
//
// To an expression a column is a number if it prints as one (integers,
// durations in nanoseconds, sizes in bytes), else its text (addresses, error
// names, enumerators), true or false, or null; a histogram is an object with
// the numbers count and sum, as in JSON output. Where a duration or size is
// compared or computed with a string known at plan time, the string is read as
// one: having = mean > "10ms".
package report

import (
	"cmp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"tracer/interpreter/types"
	"tracer/interpreter/unit"
	"tracer/interpreter/value"
)

// Spec is what report time needs to know of an aggregate or a capture.
type Spec struct {
	By     []value.Column
	Values []value.Column // of a capture: all its columns
	Derive []Derived      // in source order
	Having hcl.Expression // nil: every row is shown
	// Sort names the column to sort by; "": the first value.
	Sort      string
	SortRange hcl.Range
	Top       int // rows to show; 0: all
	// Context has the names known at plan time and the functions; may be nil.
	Context *hcl.EvalContext
	// Env prints columns that expressions see as text; may be nil.
	Env *unit.Env
}

// Derived is one derived column.
type Derived struct {
	Name  string
	Range hcl.Range // of the name
	Expr  hcl.Expression
}

// Report finishes tables or rows of one spec. It is not safe for concurrent use.
type Report struct {
	spec    Spec
	by      []value.Column // final
	values  []value.Column // final
	derived []*derived     // in order of evaluation
	having  *program
	inputs  []int // final columns that an expression reads
	sort    int   // final column, counted over by and values; -1 without any
	context *hcl.EvalContext
	told    map[*program]bool // programs whose failure was reported
	row     []value.Value     // scratch
}

// derived is a compiled derived column.
type derived struct {
	program
	column int  // final column, counted over by and values
	self   bool // it refers to the column that it replaces
}

// Check reports what is wrong with a spec's report-time parts: unknown names
// (with near ones), cycles, types that do not fit.
func Check(spec Spec) hcl.Diagnostics {
	_, diags := New(spec)
	return diags
}

// New compiles a spec. The Report is nil if there are errors.
func New(spec Spec) (*Report, hcl.Diagnostics) {
	c := newCompiler(spec)
	c.derive()
	having := c.having()
	sort := c.sort()
	if c.diags.HasErrors() {
		return nil, c.diags
	}
	n := len(spec.By)
	return &Report{
		spec: spec, by: c.columns[:n:n], values: c.columns[n:],
		derived: c.ordered, having: having, inputs: c.inputs(having), sort: sort,
		context: c.context, told: make(map[*program]bool),
	}, c.diags
}

// Columns are the final columns: replaced ones in place, new ones after the
// values.
func (r *Report) Columns() (by, values []value.Column) { return r.by, r.values }

// Finish derives, filters, sorts and cuts a table's rows in place. The (other)
// row gets derived columns, and is neither filtered, sorted nor cut. A division
// by zero, and any computation with a cell that is null, gives null (% by zero
// the dividend, as at event time); a row for which having is null is not shown. The diagnostics are warnings about
// expressions that could not be evaluated, each once for a Report.
func (r *Report) Finish(t *value.Table) hcl.Diagnostics {
	var diags hcl.Diagnostics
	shown := t.Rows[:0]
	for i := range t.Rows {
		row := &t.Rows[i]
		diags = append(diags, r.deriveRow(row)...)
		keep, havingDiags := r.keeps()
		diags = append(diags, havingDiags...)
		if keep {
			shown = append(shown, *row)
		}
	}
	clear(t.Rows[len(shown):])
	t.Rows = shown
	if t.Other != nil {
		if len(t.Other.By) < len(r.by) {
			t.Other.By = nullKey(r.by)
		}
		diags = append(diags, r.deriveRow(t.Other)...)
	}
	t.By, t.Values = r.by, r.values
	r.order(t.Rows)
	if top := r.spec.Top; top > 0 && len(t.Rows) > top {
		t.LeftOut += len(t.Rows) - top
		clear(t.Rows[top:])
		t.Rows = t.Rows[:top]
	}
	return diags
}

// Event derives the columns of a streamed row in place.
func (r *Report) Event(e *value.Event) hcl.Diagnostics {
	if len(r.derived) == 0 {
		return nil
	}
	r.row = append(r.row[:0], e.Values...)
	diags := r.compute()
	e.Columns = r.values
	e.Values = append(e.Values[:0], r.row...)
	return diags
}

func nullKey(by []value.Column) []value.Value {
	key := make([]value.Value, len(by))
	for i := range key {
		key[i] = value.Value{Type: &by[i].Type, Null: true}
	}
	return key
}

// deriveRow sets a row's final cells, which stay in r.row for having.
func (r *Report) deriveRow(row *value.Row) hcl.Diagnostics {
	r.row = append(append(r.row[:0], row.By...), row.Values...)
	if len(r.derived) == 0 && r.having == nil {
		return nil
	}
	diags := r.compute()
	if len(r.derived) > 0 {
		n := len(row.By)
		copy(row.By, r.row[:n])
		row.Values = append(row.Values[:0:0], r.row[n:]...)
	}
	return diags
}

// compute evaluates the derived columns over r.row, which it extends to the
// final columns.
func (r *Report) compute() hcl.Diagnostics {
	var diags hcl.Diagnostics
	total := len(r.by) + len(r.values)
	for len(r.row) < total {
		r.row = append(r.row, value.Value{Null: true, Type: &types.TNull})
	}
	names := r.context.Variables
	for _, i := range r.inputs {
		names[r.column(i).Name] = r.cell(&r.row[i])
	}
	for _, d := range r.derived {
		result, evalDiags := r.eval(&d.program)
		diags = append(diags, evalDiags...)
		column := r.column(d.column)
		r.row[d.column] = toValue(result, &column.Type)
		names[column.Name] = r.cell(&r.row[d.column])
	}
	return diags
}

func (r *Report) column(i int) *value.Column {
	if i < len(r.by) {
		return &r.by[i]
	}
	return &r.values[i-len(r.by)]
}

func (r *Report) cell(v *value.Value) cty.Value { return toCty(v, r.spec.Env) }

// keeps says whether having shows the row that was computed last.
func (r *Report) keeps() (bool, hcl.Diagnostics) {
	if r.having == nil {
		return true, nil
	}
	result, diags := r.eval(r.having)
	return result.IsKnown() && !result.IsNull() && result.Type() == cty.Bool && result.True(), diags
}

// eval evaluates an expression over the names set for the row. What cannot be
// computed is null; it is reported once unless a null cell or a division by
// zero is the reason.
func (r *Report) eval(p *program) (cty.Value, hcl.Diagnostics) {
	result, diags := p.expr.Value(r.context)
	if !diags.HasErrors() {
		result, _ = result.UnmarkDeep() // units, and variables that are sensitive
		return result, nil
	}
	null := cty.NullVal(cty.DynamicPseudoType)
	if r.told[p] || p.divides || r.readsNull(p) {
		return null, nil
	}
	r.told[p] = true
	return null, hcl.Diagnostics{{
		Severity: hcl.DiagWarning,
		Summary:  "Column not computed",
		Detail:   "For at least one row this could not be computed, and is empty there: " + reason(diags),
		Subject:  p.expr.Range().Ptr(),
	}}
}

// reason is what the first error says, without its place.
func reason(diags hcl.Diagnostics) string {
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			return strings.TrimSuffix(cmp.Or(d.Detail, d.Summary), ".") + "."
		}
	}
	return ""
}

func (r *Report) readsNull(p *program) bool {
	for _, name := range p.reads {
		if v, ok := r.context.Variables[name]; ok && v.IsNull() {
			return true
		}
	}
	return false
}
