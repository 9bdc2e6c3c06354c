package report

import (
	"math"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"tracer/interpreter/types"
	"tracer/interpreter/unit"
	"tracer/interpreter/value"
)

var size = types.S64.WithUnit("size")

func expr(t testing.TB, source string) hcl.Expression {
	t.Helper()
	e, diags := hclsyntax.ParseExpression([]byte(source), "spec.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return e
}

// readsSpec has by comm, and values calls, bytes, time, latency (a histogram).
func readsSpec(t testing.TB, derive ...string) Spec {
	spec := Spec{
		By: []value.Column{{Name: "comm", Type: types.Comm}},
		Values: []value.Column{
			{Name: "calls", Type: types.U64},
			{Name: "bytes", Type: size},
			{Name: "time", Type: types.NS},
			{Name: "latency", Type: types.NS, Hist: true},
		},
		Context: &hcl.EvalContext{
			Variables: map[string]cty.Value{"var": cty.ObjectVal(map[string]cty.Value{"slow": cty.StringVal("2us"), "factor": cty.NumberIntVal(3), "secret": cty.NumberIntVal(2).Mark("sensitive")})},
			Functions: map[string]function.Function{"max": stdlib.MaxFunc, "min": stdlib.MinFunc, "hex": marked("hex"), "errno": marked("errno")},
		},
	}
	for i := 0; i < len(derive); i += 2 {
		spec.Derive = append(spec.Derive, Derived{Name: derive[i], Expr: expr(t, derive[i+1])})
	}
	return spec
}

// marked is a unit's function as plan time has it: its result carries a mark.
func marked(name string) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "x", Type: cty.Number}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return args[0].Mark(name), nil
		},
	})
}

func row(comm string, calls uint64, bytes, ns int64) value.Row {
	return value.Row{
		By: []value.Value{{Type: &types.Comm, Bytes: []byte(comm)}},
		Values: []value.Value{
			{Type: &types.U64, Int: calls},
			{Type: &size, Int: uint64(bytes)},
			{Type: &types.NS, Int: uint64(ns)},
			{Type: &types.NS, Parts: &value.Parts{Hist: &value.Hist{Count: calls, Sum: uint64(ns)}}},
		},
	}
}

func readsTable(rows ...value.Row) *value.Table { return &value.Table{Aggregate: "reads", Rows: rows} }

func finish(t testing.TB, spec Spec, table *value.Table) hcl.Diagnostics {
	t.Helper()
	r, diags := New(spec)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return r.Finish(table)
}

// text is the rows of a table, cells separated by spaces, null as "-".
func text(table *value.Table, columns ...string) string {
	var lines []string
	for _, row := range table.Rows {
		var cells []string
		all := append(append([]value.Column{}, table.By...), table.Values...)
		values := append(append([]value.Value{}, row.By...), row.Values...)
		for i, c := range all {
			for _, name := range columns {
				if c.Name != name {
					continue
				}
				cell := "-"
				if !values[i].Null {
					cell = string(unit.Append(nil, nil, &values[i]))
				}
				cells = append(cells, cell)
			}
		}
		lines = append(lines, strings.Join(cells, " "))
	}
	return strings.Join(lines, "; ")
}

func TestDeriveComputesColumns(t *testing.T) {
	rows := []struct {
		name   string
		derive []string
		want   string // of the column x
	}{
		{"mean size keeps its unit", []string{"x", "bytes / calls"}, "1.67KiB"},
		{"mean duration", []string{"x", "time / calls"}, "1.001us"},
		{"quotient of two sizes is a number", []string{"x", "bytes / bytes"}, "1"},
		{"fraction", []string{"x", "calls / 2"}, "1.5"},
		{"integer", []string{"x", "calls * var.factor"}, "9"},
		{"any order", []string{"x", "y + 1", "y", "calls * 2"}, "7"},
		{"replace a column by itself", []string{"calls", "calls * 2", "x", "calls"}, "6"},
		{"others see the replaced one", []string{"x", "calls", "calls", "calls * 2"}, "6"},
		{"division by zero is empty", []string{"x", "calls / (calls - 3)"}, "-"},
		{"zero by zero is empty", []string{"x", "(calls - 3) / (calls - 3)"}, "-"},
		{"rest by zero is the dividend", []string{"x", "calls % (calls - 3)"}, "3"},
		{"what divides by a division by zero is empty", []string{"x", "1 / (1 / (calls - 3))"}, "-"},
		{"what is computed from an empty cell is empty", []string{"x", "y + 1", "y", "1 / (calls - 3)"}, "-"},
		{"null can be asked for", []string{"x", "y == null ? 5 : y", "y", "1 / (calls - 3)"}, "5"},
		{"histogram", []string{"x", "latency.sum / latency.count"}, "1.001us"},
		{"text", []string{"x", `"${comm}!"`}, "cat!"},
		{"logical", []string{"x", "calls > 2"}, "true"},
		{"max keeps the unit", []string{"x", "max(0, bytes - 1000)"}, "3.91KiB"},
		{"literal duration", []string{"x", `time - "1us"`}, "2.003us"},
		{"duration function", []string{"x", `time - duration("1us")`}, "2.003us"},
		{"outermost unit", []string{"x", "hex(calls + 28)"}, "0x1f"},
		{"unit of both arms", []string{"x", "calls > 2 ? hex(calls) : hex(0)"}, "0x3"},
		{"unit inside", []string{"x", "hex(calls) + 28"}, "31"},
		{"name of a derived column", []string{"x", `y == "0x3"`, "y", "hex(calls)"}, "true"},
		{"a text of nothing else is the value itself", []string{"x", `"${bytes / calls}"`}, "1.67KiB"},
		{"literal duration in a text", []string{"x", `"${time > "1us" ? "slow" : "fast"}!"`}, "slow!"},
		{"literal duration in a directive", []string{"x", `"%{ if time > "1ms" }slow%{ else }fast%{ endif }"`}, "fast"},
		{"literal duration in a list", []string{"x", `[time > "1ms", time > "1us"][1]`}, "true"},
		{"literal duration in an object", []string{"x", `{ a = time > "1us" }.a`}, "true"},
		{"quotient of zero in a text is empty", []string{"x", `"${calls / (calls - 3)} of all"`}, "-"},
		{"quotient by a literal duration is a number", []string{"x", `time / "1us"`}, "3.003"},
		{"quotient of a literal duration", []string{"x", `"1ms" / time`}, "333.000"},
		{"rest by a literal duration", []string{"x", `time % "1us"`}, "3ns"},
		{"literal in max", []string{"x", `max(time, "1ms")`}, "1ms"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			table := readsTable(row("cat", 3, 5000+128, 3003))
			if strings.Contains(r.want, "3.91") {
				table = readsTable(row("cat", 3, 5000, 3003))
			}
			if diags := finish(t, readsSpec(t, r.derive...), table); len(diags) > 0 {
				t.Fatal(diags)
			}
			if got := text(table, "x"); got != r.want {
				t.Errorf("got %s, want %s", got, r.want)
			}
		})
	}
}

func TestNumbersAreExact(t *testing.T) {
	table := readsTable(row("cat", math.MaxUint64, 1, 1))
	finish(t, readsSpec(t, "x", "calls - 1", "y", "calls * 2"), table)
	if got := text(table, "x"); got != "18446744073709551614" {
		t.Errorf("got %s", got)
	}
	if y := table.Rows[0].Values[5]; !y.IsFloat || y.Float != 2*float64(math.MaxUint64) {
		t.Errorf("beyond 64 bits: %+v", y)
	}
}

func TestHavingShowsRows(t *testing.T) {
	rows := []struct{ having, want string }{
		{"calls > 1", "b; c"},
		{`time > "1ms"`, "c"},
		{"time > var.slow", "b; c"},
		{`var.slow < time && calls == 3`, "c"},
		{`comm == "a"`, "a"},
		{"1 / (calls - 1) > 0", "b; c"},
		{`bytes >= "1KiB"`, "c"},
		{"null", ""},
		{"hex(calls) > 1", "b; c"},
		{"var.secret < calls", "c"},
	}
	for _, r := range rows {
		t.Run(r.having, func(t *testing.T) {
			table := readsTable(row("a", 1, 10, 1000), row("b", 2, 20, 10_000), row("c", 3, 2000, 10_000_000))
			spec := readsSpec(t)
			spec.Sort = "comm"
			spec.Having = expr(t, r.having)
			if diags := finish(t, spec, table); len(diags) > 0 {
				t.Fatal(diags)
			}
			if got := text(table, "comm"); got != r.want {
				t.Errorf("got %s, want %s", got, r.want)
			}
		})
	}
}

func TestSort(t *testing.T) {
	rows := []struct{ sort, want string }{
		{"", "c; b; a; d"},
		{"bytes", "a; b; c; d"},
		{"comm", "a; b; c; d"},
		{"latency", "c; b; a; d"},
		{"mean", "a; b; d; c"}, // b and d are equal
		{"signed", "a; b; c; d"},
	}
	table := func() *value.Table {
		return readsTable(row("d", 1, 10, 1), row("a", 1, 30, 1), row("b", 2, 20, 1), row("c", 3, 10, 1))
	}
	for _, r := range rows {
		t.Run(r.sort, func(t *testing.T) {
			table := table()
			spec := readsSpec(t, "mean", "bytes / calls", "signed", "bytes - 20")
			spec.Sort = r.sort
			finish(t, spec, table)
			if got := text(table, "comm"); got != r.want {
				t.Errorf("got %s, want %s", got, r.want)
			}
		})
	}
}

func TestEmptyCellsSortLast(t *testing.T) {
	table := readsTable(row("a", 1, 30, 1), row("b", 2, 30, 1), row("c", 3, 30, 1))
	spec := readsSpec(t, "x", "0 - 1 / (calls - 2)")
	spec.Sort = "x"
	finish(t, spec, table)
	if got := text(table, "comm", "x"); got != "a 1; c -1; b -" {
		t.Errorf("got %s", got)
	}
}

func TestTopLeavesOutRowsAndNotOther(t *testing.T) {
	table := readsTable(row("a", 1, 0, 0), row("b", 2, 0, 0), row("c", 3, 0, 0))
	table.Other = &value.Row{Values: row("", 100, 4096, 0).Values}
	spec := readsSpec(t, "mean", "bytes / calls")
	spec.Having = expr(t, "calls < 50")
	spec.Top = 2
	finish(t, spec, table)
	if got := text(table, "comm"); got != "c; b" || table.LeftOut != 1 {
		t.Errorf("got %s, %d left out", got, table.LeftOut)
	}
	if table.Other == nil || len(table.Other.Values) != 5 || !table.Other.Values[4].IsFloat {
		t.Errorf("other is %+v", table.Other)
	}
}

func TestColumnsAreFinal(t *testing.T) {
	r, diags := New(readsSpec(t, "bytes", "bytes / 2", "mean", "time / calls", "ratio", "calls / bytes", "big", "calls > 10", "label", `"${comm}"`))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	_, values := r.Columns()
	var got []string
	for _, c := range values {
		got = append(got, c.Name+":"+c.Type.String())
	}
	want := "calls:u64 bytes:size time:duration latency:duration mean:duration ratio:s64 big:bool label:text put together when printed"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
}

func TestEventDerivesBesideCapture(t *testing.T) {
	spec := Spec{Values: []value.Column{{Name: "raw", Type: types.U64}}, Derive: []Derived{{Name: "load", Expr: expr(t, "raw / 2048")}}}
	r, diags := New(spec)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for range 2 { // the second event has the columns it came with
		e := &value.Event{Columns: spec.Values, Values: []value.Value{{Type: &types.U64, Int: 3072}}}
		if diags := r.Event(e); len(diags) > 0 {
			t.Fatal(diags)
		}
		if len(e.Columns) != 2 || len(e.Values) != 2 || e.Values[1].Float != 1.5 {
			t.Errorf("got %+v", e)
		}
	}
}

func TestCheckSaysWhatIsWrong(t *testing.T) {
	rows := []struct {
		name   string
		change func(*Spec)
		want   string
	}{
		{"unknown name", func(s *Spec) { s.Having = expr(t, "cals > 1") }, `There is no column "cals" in the finished rows. Did you mean "calls"? The columns are comm, calls, bytes, time, latency.`},
		{"unknown name where && would not look", func(s *Spec) { s.Having = expr(t, "false && pid > 1") }, `There is no column "pid"`},
		{"unknown sort", func(s *Spec) { s.Sort = "byte" }, `Did you mean "bytes"?`},
		{"cycle", func(s *Spec) { s.Derive = readsSpec(t, "x", "y", "y", "x").Derive }, "Each of these columns is computed from the next: x, y, x."},
		{"itself", func(s *Spec) { s.Derive = readsSpec(t, "x", "x + 1").Derive }, "x, x"},
		{"twice", func(s *Spec) { s.Derive = readsSpec(t, "x", "1", "x", "2").Derive }, `A column "x" is already derived.`},
		{"object", func(s *Spec) { s.Derive = readsSpec(t, "x", "latency").Derive }, "Of a histogram, use .count or .sum."},
		{"no condition", func(s *Spec) { s.Having = expr(t, "calls") }, "must be true or false, not number"},
		{"number before ?", func(s *Spec) { s.Derive = readsSpec(t, "x", "calls ? 1 : 2").Derive }, "What stands before ? must be true or false, not number"},
		{"number before ? in a text", func(s *Spec) { s.Having = expr(t, `"${time ? "a" : "b"}!" == "a!"`) }, "What stands before ? must be true or false, not number"},
		{"text of different types", func(s *Spec) { s.Derive = readsSpec(t, "x", `"${calls == "a"}!"`).Derive }, "they can never be equal"},
		{"no duration", func(s *Spec) { s.Having = expr(t, `time > "fast"`) }, `The other side is a duration, so "fast" must be a duration such as "10ms".`},
		{"text is no number", func(s *Spec) { s.Derive = readsSpec(t, "x", `calls + "a"`).Derive }, "a number is required"},
		{"unknown function", func(s *Spec) { s.Derive = readsSpec(t, "x", `sqrt(calls)`).Derive }, "sqrt"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			spec := readsSpec(t)
			r.change(&spec)
			diags := Check(spec)
			if !diags.HasErrors() || !strings.Contains(diags[0].Detail, r.want) {
				t.Errorf("got %v", diags)
			}
			for _, d := range diags {
				if d.Subject == nil || len(strings.Fields(d.Summary)) > 6 {
					t.Errorf("diagnostic without a place or with a long summary: %v", d)
				}
			}
		})
	}
}

func TestFailureIsToldOnce(t *testing.T) {
	spec := readsSpec(t, "x", `calls > 1 ? tonumber(comm) : 0`)
	spec.Context.Functions["tonumber"] = stdlib.MakeToFunc(cty.Number)
	r, diags := New(spec)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	table := readsTable(row("a", 2, 0, 0), row("b", 3, 0, 0))
	diags = r.Finish(table)
	if len(diags) != 1 || diags[0].Severity != hcl.DiagWarning {
		t.Fatalf("got %v", diags)
	}
	if file := diags[0].Subject.Filename; strings.Contains(diags[0].Detail, file) || !strings.HasSuffix(diags[0].Detail, "of a number.") {
		t.Errorf("the place is told twice, or there is no reason: %s", diags[0].Detail)
	}
	if diags := r.Finish(readsTable(row("a", 2, 0, 0))); len(diags) != 0 {
		t.Errorf("told again: %v", diags)
	}
	if got := text(table, "x"); got != "-; -" {
		t.Errorf("got %s", got)
	}
}

func FuzzDeriveNeverPanics(f *testing.F) {
	for _, s := range []string{"bytes / calls", "max(0, time - bytes)", `time > "1ms" ? comm : null`, "latency.sum % calls", "[for x in [calls]: x][0]", "hex(calls) > var.secret ? errno(calls) : null", "calls / 0 * 0", "latency", "-(bytes)", `"${calls}"`} {
		f.Add(s, uint64(3))
	}
	f.Fuzz(func(t *testing.T, source string, n uint64) {
		e, diags := hclsyntax.ParseExpression([]byte(source), "spec.hcl", hcl.InitialPos)
		if diags.HasErrors() || len(source) > 200 {
			return
		}
		spec := readsSpec(t)
		spec.Derive = []Derived{{Name: "x", Expr: e}}
		spec.Having = e
		if Check(spec).HasErrors() {
			spec.Having = nil
		}
		r, diags := New(spec)
		if diags.HasErrors() {
			return
		}
		table := readsTable(row("a", n, int64(n), 1), row("b", 0, 0, 0))
		r.Finish(table)
		for _, row := range table.Rows {
			for i := range row.Values {
				unit.Append(nil, nil, &row.Values[i])
			}
		}
	})
}

func BenchmarkEvent(b *testing.B) {
	spec := Spec{Values: []value.Column{{Name: "raw", Type: types.U64}}, Derive: []Derived{{Name: "load", Expr: expr(b, "raw / 2048")}}}
	r, _ := New(spec)
	e := &value.Event{}
	for b.Loop() {
		e.Columns = spec.Values
		e.Values = append(e.Values[:0], value.Value{Type: &types.U64, Int: 3072})
		r.Event(e)
	}
}
