package check

import (
	"math"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/interpreter/unit"
	"tracer/spec"
)

// maxColumns bounds the columns of a table.
const maxColumns = 63

// aggregate checks one aggregate block for one layout and adds what it feeds.
func (s *scope) aggregate(v *plan.Variant, b *spec.Aggregate) {
	feed := &plan.Feed{Range: b.DefRange}
	if a := b.Attrs["where"]; a != nil {
		feed.Where = s.conditions(a.Expr)
	}
	before := s.failed
	s.failed = false
	if a := b.Attrs["by"]; a != nil {
		feed.By = s.alike(s.by(a.Expr))
	}
	values := s.values(b)
	ok := !s.failed
	s.failed = s.failed || before
	if !ok || len(values) == 0 {
		s.tableSettings(b)
		return
	}
	taken := map[string]hcl.Range{}
	for _, col := range feed.By {
		taken[col.Name] = col.Range
	}
	for _, val := range values {
		if at, dup := taken[val.column.Name]; dup {
			s.errorAt(val.rng, "Two columns of one name", "by has a column %q already, at line %d: by and values share their names.", val.column.Name, at.Start.Line)
			return
		}
	}
	if len(feed.By)+len(values) > maxColumns {
		s.errorAt(b.DefRange, "Too many columns", "A table has at most %d columns.", maxColumns)
		return
	}
	s.c.feedTable(s, v, b, feed, values)
	s.tableSettings(b)
}

// by checks the key: a list of named values or an object of them.
func (s *scope) by(e hclsyntax.Expression) []plan.Column {
	e = s.resolveLocal(e)
	switch e := e.(type) {
	case *hclsyntax.TupleConsExpr:
		return s.byList(e)
	case *hclsyntax.ObjectConsExpr:
		return s.byObject(e)
	case *hclsyntax.ConditionalExpr:
		if cond := s.condition(e.Condition); cond != nil {
			if on, known := cond.ConstBool(); known {
				if on {
					return s.by(e.TrueResult)
				}
				return s.by(e.FalseResult)
			}
		}
	}
	if s.isPlan(e) {
		v, ok := s.value(e)
		if ok && (v.IsNull() || v.CanIterateElements() && v.LengthInt() == 0) {
			return nil
		}
	} else {
		s.nameCheck(e)
	}
	s.errorAt(e.Range(), "by is no list", "Write by = [comm, pid], or by = { name = expression } to name the columns.")
	return nil
}

func (s *scope) byList(e *hclsyntax.TupleConsExpr) []plan.Column {
	var out []plan.Column
	for _, item := range e.Exprs {
		name, named := s.columnName(item)
		x := s.keyColumn(item)
		if x == nil {
			continue
		}
		if !named {
			s.errorAt(item.Range(), "Column without a name", "Only a plain name, such as comm or args.dev, names its column. Write by = { name = … } here.")
			continue
		}
		out = s.addColumn(out, plan.Column{Name: name, Expr: x, Range: item.Range()})
	}
	return out
}

func (s *scope) byObject(e *hclsyntax.ObjectConsExpr) []plan.Column {
	var out []plan.Column
	for _, item := range e.Items {
		name, ok := s.key(item)
		x := s.keyColumn(item.ValueExpr)
		if !ok || x == nil {
			continue
		}
		out = s.addColumn(out, plan.Column{Name: name, Expr: x, Range: item.KeyExpr.Range()})
	}
	return out
}

func (s *scope) addColumn(cols []plan.Column, c plan.Column) []plan.Column {
	for _, have := range cols {
		if have.Name == c.Name {
			s.errorAt(c.Range, "Two columns of one name", "There is a column %q already, at line %d.", c.Name, have.Range.Start.Line)
			return cols
		}
	}
	return append(cols, c)
}

// keyColumn checks one column of by; nil without an error if its value is
// known to be null.
func (s *scope) keyColumn(e hclsyntax.Expression) *tree.Expr {
	x := s.expr(e)
	if x == nil || x.Type.Kind == types.Null {
		return nil
	}
	if x.Type.Kind == types.List {
		s.errorAt(s.at(x), "List as a key", "A list cannot be a column of by.")
		return nil
	}
	if x.Type.Kind == types.Text {
		for _, p := range x.Parts {
			if p.Expr != nil && p.Expr.Type.Kind == types.List {
				s.errorAt(p.Expr.Range, "List as a key", "A list cannot be part of a column of by.")
				return nil
			}
		}
	}
	return s.column(x)
}

// key is an object item's name.
func (s *scope) key(item hclsyntax.ObjectConsItem) (string, bool) {
	v, diags := item.KeyExpr.Value(s.evalContext(item.KeyExpr))
	if diags.HasErrors() || v.IsNull() || !v.IsKnown() || v.Type() != cty.String {
		s.errorAt(item.KeyExpr.Range(), "Column name not known", "The name of a column is a plain name.")
		return "", false
	}
	v, _ = v.Unmark()
	if !hclsyntax.ValidIdentifier(v.AsString()) {
		s.errorAt(item.KeyExpr.Range(), "No name for a column", "%q is no name: use letters, digits and _.", v.AsString())
		return "", false
	}
	return v.AsString(), true
}

// columnName is the name a value gives its column: the last step of a plain
// path, also inside one printable type.
func (s *scope) columnName(e hclsyntax.Expression) (string, bool) {
	e = unwrap(e)
	switch e := e.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		t := e.Traversal
		if len(t) == 1 {
			return t.RootName(), true
		}
		return step(t, len(t)-1)
	case *hclsyntax.RelativeTraversalExpr:
		return step(e.Traversal, len(e.Traversal)-1)
	case *hclsyntax.FunctionCallExpr:
		f := s.c.events[e.Name]
		if f == nil || len(e.Args) == 0 {
			return "", false
		}
		if isUnitFunction(e.Name) {
			return s.columnName(e.Args[0])
		}
		if (e.Name == "lookup" || e.Name == "flags") && len(e.Args) > 1 {
			return s.columnName(e.Args[tabledArg[e.Name]])
		}
	}
	return "", false
}

// tabledArg is which argument of lookup and flags is the number.
var tabledArg = map[string]int{"lookup": 1, "flags": 0}

func isUnitFunction(name string) bool {
	u := unit.ByName(name)
	return u != nil && !u.Implicit && !u.Table
}

// feedColumn is one value column and what this block feeds it with.
type feedColumn struct {
	column plan.ValueColumn
	arg    *tree.Expr
	rng    hcl.Range
}

// values checks { name = aggregate(x) }.
func (s *scope) values(b *spec.Aggregate) []feedColumn {
	a := b.Attrs["values"]
	if a == nil {
		s.errorAt(b.DefRange, "Values missing", "An aggregate needs values, as in values = { calls = count() }.")
		return nil
	}
	e := s.resolveLocal(a.Expr)
	obj, ok := e.(*hclsyntax.ObjectConsExpr)
	if !ok {
		s.nameCheck(e)
		s.errorAt(a.Expr.Range(), "Values are no object", "Write values = { name = aggregate(…) }, as in values = { calls = count() }.")
		return nil
	}
	var out []feedColumn
	for _, item := range obj.Items {
		name, ok := s.key(item)
		call := s.aggregateCall(item.ValueExpr)
		if !ok || call == nil {
			continue
		}
		col, ok := s.valueColumn(name, call)
		if !ok {
			continue
		}
		col.rng = item.KeyExpr.Range()
		for _, have := range out {
			if have.column.Name == name {
				s.errorAt(col.rng, "Two columns of one name", "There is a column %q already, at line %d.", name, have.rng.Start.Line)
			}
		}
		out = append(out, col)
	}
	if len(obj.Items) == 0 {
		s.errorAt(a.Expr.Range(), "Values missing", "An aggregate needs values, as in values = { calls = count() }.")
	}
	return out
}

// aggregateCall is the outermost call of a value; a condition known at plan
// time chooses between two, and null leaves the column out.
func (s *scope) aggregateCall(e hclsyntax.Expression) *hclsyntax.FunctionCallExpr {
	e = s.resolveLocal(e)
	if cond, ok := e.(*hclsyntax.ConditionalExpr); ok && s.isPlan(cond.Condition) {
		x := s.condition(cond.Condition)
		if x == nil {
			return nil
		}
		taken, other := cond.TrueResult, cond.FalseResult
		if x.Int == 0 {
			taken, other = other, taken
		}
		s.nameCheck(other)
		return s.aggregateCall(taken)
	}
	if s.isPlan(e) && !isAggregate(e) {
		if v, ok := s.value(e); ok && v.IsNull() {
			return nil
		}
	}
	call, ok := e.(*hclsyntax.FunctionCallExpr)
	if !ok || !isAggregate(e) {
		if s.nameCheck(e) {
			s.errorAt(e.Range(), "No aggregate function", "A value is an aggregate function of something: count(), sum(x), avg(x), min(x), max(x), last(x), hist(x) or linear(x, min, max, step).")
		}
		return nil
	}
	return call
}

// aggregates are the aggregate functions, with the arguments each takes.
var aggregates = map[string]struct {
	least, most int
	usage       string
}{
	"count": {0, 0, "count()"}, "sum": {1, 1, "sum(x)"}, "avg": {1, 1, "avg(x)"}, "min": {1, 1, "min(x)"}, "max": {1, 1, "max(x)"},
	"last": {1, 1, "last(x)"}, "hist": {1, 2, "hist(x[, bits])"}, "linear": {4, 4, "linear(x, min, max, step)"}, "distinct": {1, 1, "distinct(x)"},
}

func isAggregate(e hclsyntax.Expression) bool {
	call, ok := e.(*hclsyntax.FunctionCallExpr)
	if !ok {
		return false
	}
	_, is := aggregates[call.Name]
	return is
}

func (s *scope) valueColumn(name string, call *hclsyntax.FunctionCallExpr) (feedColumn, bool) {
	a := aggregates[call.Name]
	if call.Name == "distinct" {
		s.nameCheck(call)
		s.errLater(call.NameRange, "distinct()")
		return feedColumn{}, false
	}
	if len(call.Args) < a.least || len(call.Args) > a.most || call.ExpandFinal {
		s.nameCheck(call)
		s.errAggregateArgs(call, a.usage)
		return feedColumn{}, false
	}
	col := feedColumn{column: plan.ValueColumn{Name: name, Func: plan.AggFunc(call.Name), Type: types.U64}}
	if call.Name == "count" {
		return col, true
	}
	x := s.expr(call.Args[0])
	if x == nil {
		for _, rest := range call.Args[1:] {
			s.nameCheck(rest)
		}
		return col, false
	}
	if call.Name == "last" && (x.Type.Kind == types.Bool || x.Type.Kind == types.Pointer) && !x.Nullable {
		col.arg, col.column.Type = x, x.Type
		return col, true
	}
	if x.Type.Kind == types.Bool && !x.Nullable {
		s.errWant(x, "a number", "To count events, use count() with a where, or write condition ? 1 : 0.")
		return col, false
	}
	if x.Type.Kind == types.String {
		s.errWant(x, "a number", "What is aggregated has no room for text: put it into by.")
		return col, false
	}
	if x = s.number(x, "a number"); x == nil {
		return col, false
	}
	if call.Name != "last" && (x.Type.Kind == types.Enum || x.Type.Unit != "" && quantity(x) == "") {
		plain := *x
		plain.Type = types.Type{Kind: types.Int, Size: x.Type.Size, Signed: x.Type.Signed}
		x = &plain
	}
	x = s.shown(x)
	col.arg, col.column.Type = x, valueType(call.Name, x.Type)
	switch call.Name {
	case "hist":
		return col, s.histBits(&col.column, call)
	case "linear":
		return col, s.linearSteps(&col.column, x, call)
	}
	return col, true
}

// valueType is the type of an aggregate: 64 bits by the sign of what it
// aggregates, with its unit; last keeps the type itself.
func valueType(fn string, t types.Type) types.Type {
	if fn == "last" {
		return t
	}
	out := types.U64
	if t.Signed {
		out = types.S64
	}
	out.Unit = t.Unit
	return out
}

// maxHistBits bounds a histogram to 2^5 slots for each power of two: 16 KiB.
const maxHistBits = 5

func (s *scope) histBits(col *plan.ValueColumn, call *hclsyntax.FunctionCallExpr) bool {
	if len(call.Args) < 2 {
		return true
	}
	n, ok := s.planInt(call.Args[1], 0, maxHistBits, "the bits each power of two is split by")
	col.Bits = int(n)
	return ok
}

// maxLinearSlots bounds a linear histogram to what one per-CPU value can hold
// (32 KiB).
const maxLinearSlots = 4000

func (s *scope) linearSteps(col *plan.ValueColumn, x *tree.Expr, call *hclsyntax.FunctionCallExpr) bool {
	bound := [3]int64{}
	for i, what := range []string{"the smallest value", "the value to end at", "the step"} {
		c := s.expr(call.Args[i+1])
		c = s.readLiteral(c, x.Type)
		if c == nil {
			return false
		}
		switch {
		case c.Op == tree.Const && c.Type.Kind == types.String:
			s.errWant(c, "a number", "Give x its unit, as in linear(duration(x), 0, \"1ms\", \"100us\").")
			return false
		case c.Op != tree.Const || !c.Type.IsNumber():
			s.errKnown(call.Args[i+1].Range(), what)
			return false
		case !c.Type.Signed && c.Int > math.MaxInt64:
			s.errorAt(call.Args[i+1].Range(), "Steps not possible", "linear() takes numbers below 2^63, not %d.", c.Int)
			return false
		}
		bound[i] = int64(c.Int)
	}
	lo, hi, step := bound[0], bound[1], bound[2]
	rng := hcl.RangeBetween(call.Args[1].Range(), call.Args[3].Range())
	switch {
	case step <= 0 || hi <= lo:
		s.errorAt(rng, "Steps not possible", "linear(x, min, max, step) needs min < max and step > 0.")
		return false
	case uint64(step) > uint64(hi)-uint64(lo):
		s.errorAt(rng, "Steps not possible", "The step is larger than the whole range from min to max.")
		return false
	case uint64(hi)-uint64(lo) > 1<<62:
		s.errorAt(rng, "Steps not possible", "From %d to %d is too far: max - min is 2^62 at most.", lo, hi)
		return false
	case (hi-lo+step-1)/step > maxLinearSlots:
		s.errorAt(rng, "Too many steps", "From %d to %d in steps of %d are more than %d steps.", lo, hi, step, maxLinearSlots)
		return false
	}
	col.Min, col.Max, col.Step = lo, hi, step
	return true
}
