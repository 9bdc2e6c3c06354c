package check

import (
	"fmt"
	"slices"
	"sort"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/spec"
	"tracer/templates"
)

// probe checks one probe block: each element of its for_each, each group of
// targets that share a layout.
func (c *checker) probe(p *spec.Probe) {
	root := &scope{c: c, probe: p, label: p.Address()}
	typ := c.types[p.Type]
	if typ == nil {
		root.each = anyEach(p)
		root.nameCheckProbe()
		if a := p.Attrs["enabled"]; a != nil && !root.on(a.Expr) {
			return
		}
		if known := spec.NewSchema().ProbeType(p.Type); known != nil { // spec reports others
			c.errorAt(p.TypeRange, "Not available yet", "This version of tracer does not have probes of type %q yet.", p.Type)
		}
		return
	}
	if a := p.Attrs["enabled"]; a != nil && !mentionsEach(a.Expr) && !root.on(a.Expr) {
		root.each = anyEach(p)
		root.nameCheckProbe()
		return
	}
	for _, element := range root.elements() {
		s := &scope{
			c: c, probe: p, typ: typ, each: element.each, label: p.Address() + element.suffix,
			captured: map[string]*tree.Expr{}, locals: map[string]*tree.Expr{}, busy: map[string]bool{}, uses: map[*tree.Expr]hcl.Range{},
		}
		s.checkInstance(p.Name + element.suffix)
	}
}

// on evaluates enabled; null is as if absent. It is false after an error too.
func (s *scope) on(e hclsyntax.Expression) bool {
	if s.isNull(e) {
		return true
	}
	v, ok := s.planArg(e, cty.Bool, "a condition (true or false)")
	return ok && v.True()
}

// mentionsEach says that e differs between the elements of for_each.
func mentionsEach(e hclsyntax.Expression) bool {
	for _, t := range e.Variables() {
		if root := t.RootName(); root == "each" || root == "local" {
			return true
		}
	}
	return false
}

// anyEach stands for each.* where for_each is not evaluated.
func anyEach(p *spec.Probe) cty.Value {
	if p.Attrs["for_each"] == nil {
		return cty.NilVal
	}
	return cty.ObjectVal(map[string]cty.Value{"key": cty.UnknownVal(cty.String), "value": cty.DynamicVal})
}

type element struct {
	each   cty.Value
	suffix string // `["key"]`
}

// elements are the instances a probe's for_each asks for; one without it.
func (s *scope) elements() []element {
	a := s.probe.Attrs["for_each"]
	if a == nil || s.isNull(a.Expr) {
		return []element{{each: cty.NilVal}}
	}
	v, ok := s.planArg(a.Expr, cty.DynamicPseudoType, "a set of strings, or a map")
	if !ok {
		s.each = anyEach(s.probe)
		s.nameCheckProbe()
		return nil
	}
	t := v.Type()
	isMap, isList := t.IsMapType() || t.IsObjectType(), t.IsSetType() || t.IsTupleType() || t.IsListType()
	if !isMap && !isList {
		s.errorAt(a.Expr.Range(), "Wrong type", "for_each takes a set of strings or a map, and this is %s.", friendly(t))
		return nil
	}
	var out []element
	seen := map[string]bool{}
	for it := v.ElementIterator(); it.Next(); {
		k, val := it.Element()
		if !isMap {
			k = val
		}
		if k.Type() != cty.String || k.IsNull() {
			s.errorAt(a.Expr.Range(), "Wrong type", "The elements of for_each must be strings.")
			return nil
		}
		if name := k.AsString(); !seen[name] {
			seen[name] = true
			out = append(out, element{
				each:   cty.ObjectVal(map[string]cty.Value{"key": k, "value": val}),
				suffix: fmt.Sprintf("[%q]", name),
			})
		}
	}
	return out
}

// nameCheckProbe looks only at the names of everything in the probe.
func (s *scope) nameCheckProbe() {
	for _, e := range s.expressions() {
		s.nameCheck(e)
	}
	for _, a := range reportAttrs(s.probe) {
		s.reportNames(a.Expr)
	}
}

// expressions are all expressions of the probe, in source order.
func (s *scope) expressions() []hclsyntax.Expression {
	p := s.probe
	var out []hclsyntax.Expression
	add := func(attrs map[string]*spec.Attr) {
		for _, a := range attrs {
			out = append(out, a.Expr)
		}
	}
	add(p.Attrs)
	for _, l := range p.Locals {
		if !s.c.reportLocals[l] {
			out = append(out, l.Expr)
		}
	}
	if p.Capture != nil {
		for _, col := range p.Capture.Columns {
			out = append(out, col.Expr)
		}
	}
	for _, b := range p.Aggregates {
		add(b.Attrs)
	}
	for _, b := range p.Saves {
		add(b.Attrs)
	}
	for _, b := range p.Matches {
		add(b.Attrs)
	}
	for _, b := range p.Updates {
		add(b.Attrs)
	}
	for _, a := range reportAttrs(p) {
		out = slices.DeleteFunc(out, func(e hclsyntax.Expression) bool { return e == a.Expr })
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Range().Start.Byte < out[j].Range().Start.Byte })
	return out
}

// checkInstance checks one instance and adds it to the plan.
func (s *scope) checkInstance(name string) {
	p := s.probe
	if a := p.Attrs["enabled"]; a != nil {
		if !s.on(a.Expr) {
			s.nameCheckProbe()
			return
		}
	}
	if s.unavailable() {
		s.nameCheckProbe()
		return
	}
	out := &plan.Probe{Index: len(s.c.plan.Probes), Type: p.Type, Name: name, Range: p.DefRange, Sample: 1}
	if a := p.Attrs["sample"]; a != nil && !s.isNull(a.Expr) {
		if n, ok := s.planInt(a.Expr, 1, maxU32, "how many events make one"); ok {
			out.Sample = uint64(n)
		}
	}
	groups, ok := s.resolve(out)
	if !ok {
		s.nameCheckProbe()
		return
	}
	if len(groups) == 0 {
		s.nameCheckProbe()
		if s.unknown {
			return // reported: these facts cannot tell
		}
		s.c.warnAt(p.DefRange, "Probe skipped", "Nothing of what %s names exists here, and it is optional.", out.Address())
		return
	}
	s.c.plan.Probes = append(s.c.plan.Probes, out)
	for _, g := range groups {
		s.all = append(s.all, g.names()...)
	}
	for _, g := range groups {
		s.checkGroup(out, g)
	}
	s.columnsAgree(out)
	s.localsChecked()
}

// localsChecked name-checks locals that nothing used.
func (s *scope) localsChecked() {
	for _, l := range sortedLocals(s.probe.Locals) {
		if _, used := s.locals[l.Name]; !used {
			s.localNameCheck(l)
		}
	}
}

// isNull says that an attribute's value is known to be null: as if absent.
func (s *scope) isNull(e hclsyntax.Expression) bool {
	if !s.isPlan(e) {
		return false
	}
	v, ok := s.value(e)
	return ok && v.IsNull()
}

// isPlanNull says that an attribute is written as null: no evaluation, which
// may have to ask the kernel, is needed to see it.
func (s *scope) isPlanNull(e hclsyntax.Expression) bool {
	lit, ok := s.resolveLocal(e).(*hclsyntax.LiteralValueExpr)
	return ok && lit.Val.IsNull()
}

// unavailable reports, once for each block, what this version cannot run.
func (s *scope) unavailable() bool {
	p := s.probe
	for _, b := range p.Matches {
		s.saved(b.Name, b.NameRange)
	}
	for _, b := range p.Updates {
		s.saved(b.Name, b.NameRange)
	}
	for _, b := range p.Saves {
		s.errLater(b.DefRange, "saved entries (save, update, match)")
	}
	for _, b := range p.Matches {
		s.errLater(b.DefRange, "saved entries (save, update, match)")
	}
	for _, b := range p.Updates {
		s.errLater(b.DefRange, "saved entries (save, update, match)")
	}
	return len(p.Saves)+len(p.Matches)+len(p.Updates) > 0
}

// saved checks that something saves what a block matches or updates.
func (s *scope) saved(name string, rng hcl.Range) {
	if names := s.c.saveNames(); !slices.Contains(names, name) {
		s.errNoSuch(rng, "save", name, names)
	}
}

// checkGroup checks the probe's expressions for one layout.
func (s *scope) checkGroup(out *plan.Probe, g group) {
	layout := *g.layout
	layout.Args = slices.Clone(g.layout.Args)
	v := &plan.Variant{Probe: out, Layout: &layout, Targets: g.targets}
	t := *s
	t.layout, t.targets = &layout, g.names()
	t.returns = s.typ.Returns || s.typ.MayReturn
	t.reset()
	t.body(v)
	if s.typ.MayReturn && !t.usedReturn {
		// Nothing of the return is used: the entry alone will do.
		t.reset()
		layout.Args = slices.Clone(g.layout.Args)
		t.returns = false
		*v = plan.Variant{Probe: out, Layout: &layout, Targets: g.targets}
		t.body(v)
	}
	s.failed = s.failed || t.failed
	for i := range v.Targets {
		v.Targets[i].ID = s.c.intern(v.Targets[i].Name)
		if !t.returns {
			v.Targets[i].ExitEvent = ""
		}
	}
	t.mechanisms(v)
	out.Variants = append(out.Variants, v)
}

// reset forgets what was checked for another layout.
func (s *scope) reset() {
	s.captured, s.locals, s.busy = map[string]*tree.Expr{}, map[string]*tree.Expr{}, map[string]bool{}
	s.usedReturn = false
}

// body checks everything in the probe that is evaluated at the event.
func (s *scope) body(v *plan.Variant) {
	p := s.probe
	if s.c.in.PID > 0 {
		v.Where = append(v.Where, s.pidIs(s.c.in.PID))
	}
	if pid := v.Targets[0].PID; pid > 0 && pid != s.c.in.PID {
		v.Where = append(v.Where, s.pidIs(pid))
	}
	if a := p.Attrs["where"]; a != nil {
		v.Where = append(v.Where, s.conditions(a.Expr)...)
	}
	if p.Capture != nil {
		s.captureColumns(v)
	}
	s.stream(v)
	for _, b := range p.Aggregates {
		s.aggregate(v, b)
	}
	if a := p.Attrs["derive"]; a != nil {
		v.Derive = s.derive(a)
	}
	s.split(v)
}

// maxNullable is how many columns of a row may be null: the bits of a record's
// null bitmap (bpfgen/layout.RecordHeader).
const maxNullable = 32

// captureColumns checks the columns of capture.
func (s *scope) captureColumns(v *plan.Variant) {
	nullable := 0
	for _, col := range s.probe.Capture.Columns {
		x, done := s.captured[col.Name]
		if !done {
			x = s.expr(col.Expr)
			s.captured[col.Name] = x
		}
		if x == nil || x.Type.Kind == types.Null {
			continue
		}
		if x = s.column(x); x == nil {
			continue
		}
		if nullable += nullBits(x); nullable > maxNullable {
			s.errorAt(col.NameRange, "Too many values may be null", "At most %d values of a row may be null.", maxNullable)
			return
		}
		v.Columns = append(v.Columns, plan.Column{Name: col.Name, Expr: x, Range: col.NameRange})
	}
}

// nullBits is how many bits of the null bitmap a column needs.
func nullBits(x *tree.Expr) int {
	n := 0
	if x.Nullable {
		n++
	}
	for _, p := range x.Parts {
		if p.Expr != nil && p.Expr.Nullable {
			n++
		}
	}
	return n
}

func (s *scope) pidIs(pid int) *tree.Expr {
	rng := s.probe.DefRange
	return tree.New(tree.Eq, types.TBool, rng, s.builtin("pid", types.U32, rng), constInt(int64(pid), types.U32, rng))
}

// column is an expression as something shown: it must be a value that can be.
func (s *scope) column(x *tree.Expr) *tree.Expr {
	if x.Type.Kind == types.String || x.Type.Kind == types.Bytes {
		if b := bounded(x.Type); b.Size != x.Type.Size {
			cut := *x
			cut.Type = b
			x = &cut
		}
	}
	switch x.Type.Kind {
	case types.Struct:
		s.errorAt(s.at(x), "Struct as a column", "%s cannot be shown as a whole: take its members.", x.Type.String())
		return nil
	case types.Array:
		if x.Type.Elem == nil || !x.Type.Elem.IsScalar() || x.Type.Size > maxStr {
			s.errorAt(s.at(x), "Array as a column", "%s cannot be shown as a whole: take one of its elements.", x.Type.String())
			return nil
		}
	}
	return s.shown(x)
}

// stream decides whether and when the probe shows rows.
func (s *scope) stream(v *plan.Variant) {
	p := s.probe
	v.Stream = p.Capture != nil && len(p.Aggregates) == 0
	if p.Capture == nil && len(p.Aggregates) == 0 && p.Attrs["stream"] == nil {
		v.Stream = true
		v.Columns = s.defaultColumns()
	}
	a := p.Attrs["stream"]
	if a == nil || s.isNull(a.Expr) {
		return
	}
	x := s.condition(a.Expr)
	if x == nil {
		return
	}
	if on, known := x.ConstBool(); known {
		v.Stream = on
	} else {
		v.Stream, v.StreamWhen = true, x
	}
	if v.Stream && len(v.Columns) == 0 {
		v.Columns = s.defaultColumns()
	}
}

// defaultColumns are what a probe without any block shows.
func (s *scope) defaultColumns() []plan.Column {
	rng := s.probe.DefRange
	return []plan.Column{
		{Name: "pid", Expr: s.builtin("pid", types.U32, rng), Range: rng},
		{Name: "comm", Expr: s.comm(rng), Range: rng},
		{Name: "probe", Expr: s.named("probe", rng), Range: rng},
	}
}

// mechanisms chooses how the variant is attached.
func (s *scope) mechanisms(v *plan.Variant) {
	need := templates.Need{
		Targets: len(v.Targets), Alone: v.Targets[0].Alone, Pairs: v.Pair != plan.PairNone,
		Target: v.Targets[0].Name, Args: usedArgs(v), Force: s.c.in.Mechanism,
	}
	m, err := templates.Choose(s.typ.Mechanisms, need, s.c.in.Facts)
	if m.Shared {
		if v.Selector = s.selector(v); v.Selector == nil {
			need.Own = true
			m, err = templates.Choose(s.typ.Mechanisms, need, s.c.in.Facts)
		}
	}
	if err != nil {
		s.errorAt(s.probe.DefRange, "Not possible on this kernel", "A %s cannot be attached here: %v.", s.typ.Name, err)
		return
	}
	v.Mechanism = m
	if m.Session && v.FitsCookie() {
		v.Pair = plan.PairCookie
	}
	s.c.needs(v)
	if v.Pair == plan.PairNone || m.Session {
		return
	}
	need.Force = s.entryForce()
	m, err = templates.Choose(s.typ.EntryMechanisms, need, s.c.in.Facts)
	if err != nil {
		s.errorAt(s.probe.DefRange, "Not possible on this kernel", "The entry of a %s cannot be attached here: %v.", s.typ.Name, err)
		return
	}
	v.EntryMechanism = m
}

// columnsAgree checks that all layouts of a probe give its columns one type.
func (s *scope) columnsAgree(p *plan.Probe) {
	first := map[string]plan.Column{}
	target := map[string]string{}
	for _, v := range p.Variants {
		for _, col := range v.Columns {
			f, seen := first[col.Name]
			switch {
			case !seen:
				first[col.Name], target[col.Name] = col, v.Targets[0].Name
			case !agree(f.Expr.Type, col.Expr.Type):
				s.errorAt(col.Range, "Column of two types", "Column %q is %s for %s, and %s for %s. Use cast(…) to make them one.", col.Name, article(col.Expr.Type), v.Targets[0].Name, article(f.Expr.Type), target[col.Name])
			}
		}
	}
}
