package check

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
	"tracer/interpreter/report"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/interpreter/unit"
	"tracer/interpreter/value"
	"tracer/spec"
)

// tableBuilder collects what all blocks of one name say about their table.
type tableBuilder struct {
	table    *plan.Table
	settings map[string]setting
	keyed    *plan.Feed // the first block that gave the key; nil: none yet
	fed      bool
	maxSet   bool
}

// setting is one attribute's value and where it was written first.
type setting struct {
	value cty.Value
	text  string // of expressions, which are compared as written
	rng   hcl.Range
}

func (c *checker) table(name string, rng hcl.Range) *tableBuilder {
	t := c.tables[name]
	if t == nil {
		t = &tableBuilder{table: &plan.Table{Name: name, Range: rng}, settings: map[string]setting{}}
		c.tables[name] = t
		c.order = append(c.order, name)
	}
	return t
}

// feedTable joins a block's columns to its table.
func (c *checker) feedTable(s *scope, v *plan.Variant, b *spec.Aggregate, feed *plan.Feed, values []feedColumn) {
	t := c.table(b.Name, b.DefRange)
	if !t.fed {
		t.fed = true
		for _, col := range feed.By {
			t.table.By = append(t.table.By, keyColumnOf(col))
		}
		t.keyed = feed
	} else if !c.keysAgree(s, t, feed) {
		return
	}
	if address := v.Probe.Address(); !slices.Contains(t.table.Probes, address) {
		t.table.Probes = append(t.table.Probes, address)
		slices.Sort(t.table.Probes)
	}
	for _, val := range values {
		at := slices.IndexFunc(t.table.Values, func(have plan.ValueColumn) bool { return have.Name == val.column.Name })
		switch {
		case at < 0:
			at = len(t.table.Values)
			t.table.Values = append(t.table.Values, val.column)
		case !sameValue(t.table.Values[at], val.column):
			if feed.Range == t.keyed.Range {
				s.errorAt(val.rng, "Column of two kinds", "Column %q is %s for one target of this block, and %s for another: they must be one type, as cast can make them.", val.column.Name, valueText(t.table.Values[at]), valueText(val.column))
				return
			}
			s.errorAt(val.rng, "Column of two kinds", "Another block of aggregate %q has a column %q that is %s, and this one is %s.", b.Name, val.column.Name, valueText(t.table.Values[at]), valueText(val.column))
			return
		}
		feed.Values = append(feed.Values, plan.FeedValue{Column: at, Arg: val.arg, Range: val.rng})
	}
	feed.Table = t.table
	v.Aggregates = append(v.Aggregates, feed)
}

func sameValue(a, b plan.ValueColumn) bool {
	return a.Func == b.Func && a.Bits == b.Bits && a.Min == b.Min && a.Max == b.Max && a.Step == b.Step && a.Type.Same(b.Type)
}

// valueText tells columns apart that differ in nothing but the sign, too.
// valueText says all in which two columns of one name may differ.
func valueText(v plan.ValueColumn) string {
	text := string(v.Func) + " of " + article(v.Type)
	if v.Type.Kind == types.Int {
		sign := "unsigned"
		if v.Type.Signed {
			sign = "signed"
		}
		text += fmt.Sprintf(", %s, of %d bits", sign, 8*v.Type.Size)
	}
	switch v.Func {
	case plan.Hist:
		text += fmt.Sprintf(", powers of two split by %d bits", v.Bits)
	case plan.Linear:
		text += fmt.Sprintf(", from %d to %d in steps of %d", v.Min, v.Max, v.Step)
	}
	return text
}

func keyColumnOf(col plan.Column) plan.KeyColumn {
	return plan.KeyColumn{Name: col.Name, Type: col.Expr.Type, Nullable: nullableKey(col.Expr), Parts: slices.Clone(col.Expr.Parts)}
}

// nullableKey says that a column of the key, or a part of its text, may be
// null: the key then needs null bits.
func nullableKey(e *tree.Expr) bool {
	return e.Nullable || slices.ContainsFunc(e.Parts, func(p tree.Part) bool { return p.Expr != nil && p.Expr.Nullable })
}

// keysAgree checks a further block's key against the table's, and widens the
// table's strings to hold both.
func (c *checker) keysAgree(s *scope, t *tableBuilder, feed *plan.Feed) bool {
	if len(feed.By) != len(t.table.By) {
		s.errorAt(feed.Range, "Keys do not agree", "Another block of aggregate %q has %s in by, and this one has %s.", t.table.Name, counted(len(t.table.By), "column"), counted(len(feed.By), "column"))
		return false
	}
	for i, col := range feed.By {
		have := &t.table.By[i]
		if have.Name != col.Name || !agree(have.Type, col.Expr.Type) || !partsAgree(have.Parts, col.Expr.Parts) {
			if feed.Range == t.keyed.Range {
				s.errTwoKinds(col, have)
				return false
			}
			s.errorAt(col.Range, "Keys do not agree", "Column %d of by is %q, %s, in another block of aggregate %q, and %q, %s, here.", i+1, have.Name, article(have.Type), t.table.Name, col.Name, article(col.Expr.Type))
			return false
		}
		have.Nullable = have.Nullable || nullableKey(col.Expr)
		have.Type = widen(have.Type, col.Expr.Type)
		for n := range have.Parts {
			if have.Parts[n].Expr != nil {
				wide := *have.Parts[n].Expr
				wide.Type = widen(wide.Type, col.Expr.Parts[n].Expr.Type)
				wide.Nullable = wide.Nullable || col.Expr.Parts[n].Expr.Nullable
				have.Parts[n].Expr = &wide
			}
		}
	}
	return true
}

// errTwoKinds is about a column of one block whose targets, or elements of
// for_each, make it of two kinds, though they may be called alike.
func (s *scope) errTwoKinds(col plan.Column, have *plan.KeyColumn) {
	a, b := article(have.Type), article(col.Expr.Type)
	switch {
	case a != b:
		s.errorAt(col.Range, "Keys do not agree", "Column %q is %s for one target of this block, and %s for another: they must be one type, as cast can make them.", col.Name, a, b)
	case have.Type.Kind == types.Text:
		s.errorAt(col.Range, "Keys do not agree", "Column %q is text that has other parts for one target of this block than for another: give what differs a column of its own.", col.Name)
	case have.Type.Table != nil:
		s.errorAt(col.Range, "Keys do not agree", "Column %q has other names of its numbers for one target of this block than for another: one table has one set of names.", col.Name)
	default:
		s.errorAt(col.Range, "Keys do not agree", "Column %q is %s for all targets of this block, but not of one sign or size: cast can make them one type.", col.Name, a)
	}
}

func partsAgree(a, b []tree.Part) bool {
	return slices.EqualFunc(a, b, func(x, y tree.Part) bool {
		if x.Lit != y.Lit || x.Verb != y.Verb || x.Join != y.Join || (x.Expr == nil) != (y.Expr == nil) {
			return false
		}
		return x.Expr == nil || agree(x.Expr.Type, y.Expr.Type)
	})
}

// widen is a type that holds the strings or integers of both.
func widen(a, b types.Type) types.Type {
	switch {
	case a.Kind == types.String && (a.Size != b.Size || a.Fixed != b.Fixed):
		a.Size, a.Fixed = max(a.Size, b.Size), false
	case a.Kind == types.Int && (a.Size != b.Size || a.Signed != b.Signed):
		a.Size, a.Signed, a.Name = 8, a.Signed || b.Signed, ""
	}
	return a
}

// planSettings are the attributes of an aggregate that are known at plan time.
var planSettings = []string{"sort", "top", "interval", "cumulative", "max_entries"}

// tableSettings takes the settings one block writes.
func (s *scope) tableSettings(b *spec.Aggregate) {
	t := s.c.table(b.Name, b.DefRange)
	for _, name := range planSettings {
		a := b.Attrs[name]
		if a == nil {
			continue
		}
		if !s.isPlan(a.Expr) {
			if t, ok := a.Expr.(*hclsyntax.ScopeTraversalExpr); ok && name == "sort" && len(t.Traversal) == 1 {
				s.errorAt(a.Expr.Range(), "Name without quotes", "sort takes the name of a column in quotes: %q.", t.Traversal.RootName())
				continue
			}
			if s.nameCheck(a.Expr) {
				s.errKnown(a.Expr.Range(), name)
			}
			continue
		}
		v, ok := s.value(a.Expr)
		if !ok {
			continue
		}
		v, _ = unmark(v)
		if v.IsNull() {
			continue
		}
		if have, dup := t.settings[name]; dup {
			if !have.value.RawEquals(v) {
				s.errTwoSettings(a, b.Name, have.rng)
			}
			continue
		}
		t.settings[name] = setting{value: v, rng: a.Expr.Range()}
		s.applySetting(t, name, v, a.Expr.Range())
	}
	s.reportSettings(t, b)
}

func (s *scope) reportSettings(t *tableBuilder, b *spec.Aggregate) {
	for _, name := range []string{"derive", "having"} {
		a := b.Attrs[name]
		if a == nil {
			continue
		}
		e := s.reportExpr(a.Expr)
		if !s.reportNames(a.Expr) || !s.reportNames(e) || s.isNull(e) {
			continue // null: as if absent
		}
		text := s.spelled(e, map[*spec.Local]bool{})
		if have, dup := t.settings[name]; dup {
			if have.text != text {
				s.errTwoSettings(a, b.Name, have.rng)
			}
			continue
		}
		t.settings[name] = setting{text: text, rng: a.Expr.Range()}
		if name == "derive" {
			t.table.Derive = s.derive(a)
		} else {
			t.table.Having = s.inline(e)
		}
	}
}

// spelled is an expression as the spec wrote it, with what the names in it mean
// that mean something only there: two that are spelled alike are the same.
func (s *scope) spelled(e hclsyntax.Expression, seen map[*spec.Local]bool) string {
	text := s.source(e)
	for _, t := range e.Variables() {
		switch t.RootName() {
		case "each":
			if s.each == cty.NilVal {
				continue // an error of its own
			}
			if v, diags := t.TraverseAbs(&hcl.EvalContext{Variables: map[string]cty.Value{"each": s.each}}); !diags.HasErrors() {
				text += fmt.Sprintf("\x00%#v", v)
			}
		case "local":
			if l := s.local(t); l != nil && !seen[l] {
				seen[l] = true
				text += "\x00" + l.Name + "=" + s.spelled(l.Expr, seen)
			}
		}
	}
	return text
}

// source is an expression as the spec wrote it.
func (s *scope) source(e hclsyntax.Expression) string {
	f := s.c.in.Spec.Files[e.Range().Filename]
	if f == nil || !e.Range().CanSliceBytes(f.Bytes) {
		return e.Range().String()
	}
	return string(e.Range().SliceBytes(f.Bytes))
}

// minInterval is the shortest time between two tables: clearing one waits for
// all CPUs, 7 to 46 ms as measured under load.
const minInterval = 100e6

func (s *scope) applySetting(t *tableBuilder, name string, v cty.Value, rng hcl.Range) {
	bad := func(want string) {
		s.errorAt(rng, "Wrong type", "%s must be %s, not %s.", name, want, known(v))
	}
	number := func(lo, hi int64, want string) (int, bool) {
		if v.Type() != cty.Number || !v.AsBigFloat().IsInt() {
			bad(want)
			return 0, false
		}
		n, _ := v.AsBigFloat().Int64()
		if n < lo || n > hi {
			bad(want)
			return 0, false
		}
		return int(n), true
	}
	switch name {
	case "sort":
		if v.Type() != cty.String {
			bad("the name of a column in quotes")
			return
		}
		t.table.Sort = v.AsString()
	case "top":
		if n, ok := number(1, math.MaxInt32, "the number of rows to show, 1 to 2147483647"); ok {
			t.table.Top = n
		}
	case "max_entries":
		if n, ok := number(1, 16<<20, "the number of rows the table can hold, 1 to 16777216"); ok {
			t.table.MaxEntries, t.maxSet = n, true
		}
	case "cumulative":
		if v.Type() != cty.Bool {
			bad("true or false")
			return
		}
		t.table.Cumulative = v.True()
	case "interval":
		t.table.IntervalNS = s.interval(v, rng)
	}
}

func (s *scope) interval(v cty.Value, rng hcl.Range) int64 {
	c := s.constant(v, rng)
	c = s.readLiteral(c, types.NS)
	if c == nil {
		return 0
	}
	if v.Type() != cty.String && v.Type() != cty.Number || int64(c.Int) < minInterval {
		s.errorAt(rng, "Interval not possible", `interval must be a duration of at least 100ms, such as "5s".`)
		return 0
	}
	return int64(c.Int)
}

// finishTables completes the tables once all blocks are known.
func (c *checker) finishTables() {
	for _, name := range c.order {
		t := c.tables[name]
		if !t.fed {
			continue
		}
		c.size(t)
		t.table.EvalContext = c.baseContext(nil)
		rs := TableReport(t.table, c.in.Env)
		if at, ok := t.settings["sort"]; ok {
			rs.SortRange = at.rng
		}
		for _, d := range report.Check(rs) {
			c.report(t.naming(withoutContext(d)))
		}
		if at, ok := t.settings["cumulative"]; ok && t.table.IntervalNS == 0 && t.table.Cumulative {
			c.warnAt(at.rng, "cumulative without interval", "cumulative means something only with interval: this table is printed once.")
		}
		c.plan.Tables = append(c.plan.Tables, t.table)
	}
	for _, p := range c.plan.Probes {
		for _, v := range p.Variants {
			if v.Derive != nil {
				for _, d := range report.Check(StreamReport(v.Columns, v.Derive, c.in.Env)) {
					c.report(withoutContext(d))
				}
			}
		}
	}
}

// naming adds which table a diagnostic of report time is about, if its place, in a
// local, does not tell.
func (t *tableBuilder) naming(d *hcl.Diagnostic) *hcl.Diagnostic {
	for _, at := range t.settings {
		if d.Subject.Filename == at.rng.Filename && at.rng.ContainsPos(d.Subject.Start) {
			return d
		}
	}
	d.Detail += fmt.Sprintf(" The rows are those of aggregate %q, line %d.", t.table.Name, t.table.Range.Start.Line)
	return d
}

// withoutContext keeps the values of locals and variables out of a diagnostic:
// they are many, and may be sensitive.
func withoutContext(d *hcl.Diagnostic) *hcl.Diagnostic {
	out := *d
	out.EvalContext, out.Expression = nil, nil
	return &out
}

// maxRowBytes is the most that one value of a per-CPU map may have (the
// kernel's PCPU_MIN_UNIT_SIZE; kernels of larger pages allow more).
const maxRowBytes = 32 << 10

// size sets max_entries: the spec's, or the default within the memory budget.
func (c *checker) size(t *tableBuilder) {
	if n := t.table.ValueBytes(); n > maxRowBytes {
		largest := slices.MaxFunc(t.table.Values, func(a, b plan.ValueColumn) int { return cmp.Compare(a.Words(), b.Words()) })
		c.errorAt(t.table.Range, "Row too large", "The values of one row of aggregate %q are %d bytes, and the kernel keeps %d at most. "+
			"%s alone, %s, is %d: split its powers of two by fewer bits, take larger steps, or give it an aggregate of its own.",
			t.table.Name, n, maxRowBytes, largest.Name, largest.Func, 8*largest.Words())
	}
	if len(t.table.By) == 0 {
		t.table.MaxEntries = 1
		return
	}
	if t.table.KeyBytes() > 256 {
		c.lacks(facts.LongKeys)
	}
	if t.maxSet {
		return
	}
	t.table.MaxEntries = DefaultMaxEntries
	budget := cmp.Or(c.in.MemoryBudget, DefaultBudget)
	if fit := budget / t.table.RowBytes(max(1, c.plan.CPUs)); fit < DefaultMaxEntries {
		t.table.Reduced = DefaultMaxEntries
		t.table.MaxEntries = max(1, fit)
	}
}

// TableReport is what report time needs of a table.
func TableReport(t *plan.Table, env *unit.Env) report.Spec {
	out := report.Spec{
		Derive: derived(t.Derive), Sort: t.Sort, SortRange: t.Range, Top: t.Top, Context: t.EvalContext, Env: env,
	}
	for _, k := range t.By {
		out.By = append(out.By, value.Column{Name: k.Name, Type: k.Type})
	}
	for i := range t.Values {
		out.Values = append(out.Values, t.Values[i].Result())
	}
	if t.Having != nil {
		out.Having = t.Having
	}
	return out
}

// StreamReport is what report time needs of a stream with derived columns.
func StreamReport(columns []plan.Column, derive *plan.Derive, env *unit.Env) report.Spec {
	out := report.Spec{Env: env, Derive: derived(derive)}
	if derive != nil {
		out.Context = derive.Context
	}
	for _, col := range columns {
		column := value.Column{Name: col.Name, Type: types.TNull}
		if col.Expr != nil {
			column.Type = col.Expr.Type
		}
		out.Values = append(out.Values, column)
	}
	return out
}

func derived(d *plan.Derive) []report.Derived {
	if d == nil {
		return nil
	}
	out := make([]report.Derived, len(d.Names))
	for i := range d.Names {
		out[i] = report.Derived{Name: d.Names[i], Range: d.Ranges[i], Expr: d.Exprs[i]}
	}
	return out
}
