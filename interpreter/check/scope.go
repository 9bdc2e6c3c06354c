package check

import (
	"maps"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"tracer/interpreter/tree"
	"tracer/spec"
	"tracer/templates"
)

// scope is what expressions of one probe see: one element of its for_each and,
// once targets are resolved, one layout of arguments.
type scope struct {
	c     *checker
	probe *spec.Probe // nil: the file's own scope
	typ   *templates.Type
	each  cty.Value // object with key and value; NilVal outside for_each
	label string    // "open", "open[\"x\"]"

	layout *tree.Layout
	// targets are the names that share the layout, for messages.
	targets []string
	// all are the names of all targets of this element.
	all []string
	// unknown: these facts cannot tell whether the targets exist.
	unknown bool
	// returns: the expressions are evaluated at the return of a call.
	returns bool
	// entry: inside entry(), evaluated at its entry.
	entry bool
	// usedReturn notes that something only a return has was really used.
	usedReturn bool
	// noCapture: outside of blocks where capture.* means something.
	captured map[string]*tree.Expr
	locals   map[string]*tree.Expr
	busy     map[string]bool // captures and locals being checked, for cycles
	// functions that mean more in some attributes (first_of).
	extra map[string]function.Function
	plans map[hclsyntax.Expression]bool // see isPlan
	// uses is where a column or local was mentioned last, for messages.
	uses map[*tree.Expr]hcl.Range
	// trial takes what would be reported, inside try; nil elsewhere.
	trial   *trial
	failed  bool
	planned map[string]planLocal
	written map[string]hcl.Range // see patternRange
}

// planLocal is a local's value at plan time.
type planLocal struct {
	value cty.Value
	ok    bool
}

// planRoots are the names that are known before attaching.
var planRoots = map[string]bool{"var": true, "local": true, "each": true, "kernel": true}

// isPlan says that e is known before attaching: it mentions nothing of the
// event, directly or through locals. Every node is looked at once.
func (s *scope) isPlan(e hclsyntax.Expression) bool {
	if plan, known := s.plans[e]; known {
		return plan
	}
	if s.plans == nil {
		s.plans = map[hclsyntax.Expression]bool{}
	}
	w := &planWalk{s: s}
	_ = hclsyntax.Walk(e, w)
	return s.plans[e]
}

// planWalk marks every expression below a node, children first.
type planWalk struct {
	s     *scope
	open  []bool // for each open node: nothing of the event so far
	bound []map[string]struct{}
}

// Enter implements hclsyntax.Walker.
func (w *planWalk) Enter(n hclsyntax.Node) hcl.Diagnostics {
	plan := true
	switch n := n.(type) {
	case hclsyntax.ChildScope:
		w.bound = append(w.bound, n.LocalNames)
	case *hclsyntax.ScopeTraversalExpr:
		plan = w.traversal(n.Traversal)
	case *hclsyntax.FunctionCallExpr:
		_, plan = w.s.c.funcs[n.Name]
	}
	w.open = append(w.open, plan)
	return nil
}

// Exit implements hclsyntax.Walker.
func (w *planWalk) Exit(n hclsyntax.Node) hcl.Diagnostics {
	last := len(w.open) - 1
	plan := w.open[last]
	w.open = w.open[:last]
	if last > 0 {
		w.open[last-1] = w.open[last-1] && plan
	}
	if _, ok := n.(hclsyntax.ChildScope); ok {
		w.bound = w.bound[:len(w.bound)-1]
		return nil
	}
	if e, ok := n.(hclsyntax.Expression); ok {
		w.s.plans[e] = plan
	}
	return nil
}

func (w *planWalk) traversal(t hcl.Traversal) bool {
	root := t.RootName()
	for _, names := range w.bound {
		if _, is := names[root]; is {
			return true
		}
	}
	if root != "local" {
		return planRoots[root]
	}
	l := w.s.local(t)
	if l == nil {
		return true
	}
	if _, known := w.s.plans[l.Expr]; !known {
		w.s.plans[l.Expr] = true // a cycle, which spec reports, ends here
		_ = hclsyntax.Walk(l.Expr, &planWalk{s: w.s})
	}
	return w.s.plans[l.Expr]
}

// maxLocals bounds chains of locals.
const maxLocals = 200

// local is the local that a traversal local.NAME means; nil if there is none.
func (s *scope) local(t hcl.Traversal) *spec.Local {
	name, ok := step(t, 1)
	if !ok {
		return nil
	}
	return s.c.in.Spec.LocalIn(s.probe, name)
}

// step is the name of a traversal's i-th step.
func step(t hcl.Traversal, i int) (string, bool) {
	if i >= len(t) {
		return "", false
	}
	switch st := t[i].(type) {
	case hcl.TraverseAttr:
		return st.Name, true
	case hcl.TraverseIndex:
		if st.Key.Type() == cty.String && st.Key.IsKnown() && !st.Key.IsNull() {
			return st.Key.AsString(), true
		}
	}
	return "", false
}

// value evaluates an expression that isPlan; ok is false after an error, or if
// a variable without a value is in it.
func (s *scope) value(e hclsyntax.Expression) (v cty.Value, ok bool) {
	if !s.nameCheck(e) || !s.planTypes(e) {
		s.failed = true
		return cty.NilVal, false
	}
	v, diags := e.Value(s.evalContext(e))
	for _, d := range diags {
		s.report(withoutContext(d))
	}
	if diags.HasErrors() || !v.IsWhollyKnown() {
		s.failed = true
		return cty.NilVal, false
	}
	return s.withUnit(e, v)
}

// evalContext has the plan-time names that e mentions.
func (s *scope) evalContext(e hclsyntax.Expression) *hcl.EvalContext {
	locals := map[string]cty.Value{}
	for _, t := range e.Variables() {
		if t.RootName() != "local" {
			continue
		}
		if l := s.local(t); l != nil {
			if v, ok := s.localValue(l); ok {
				locals[l.Name] = v
			} else {
				locals[l.Name] = cty.DynamicVal
			}
		}
	}
	ctx := s.c.baseContext(s.extra)
	ctx.Variables["local"] = cty.ObjectVal(locals)
	if s.each != cty.NilVal {
		ctx.Variables["each"] = s.each
	}
	return ctx
}

// baseContext has variables, kernel facts and functions.
func (c *checker) baseContext(extra map[string]function.Function) *hcl.EvalContext {
	if c.base == nil {
		k := c.in.Facts.Kernel()
		c.base = map[string]cty.Value{
			"var":    cty.ObjectVal(c.in.Vars),
			"kernel": cty.ObjectVal(map[string]cty.Value{"release": cty.StringVal(k.Release), "arch": cty.StringVal(k.Arch)}),
		}
	}
	functions := c.funcs
	if len(extra) > 0 {
		functions = make(map[string]function.Function, len(c.funcs)+len(extra))
		for n, f := range c.funcs {
			functions[n] = f
		}
		for n, f := range extra {
			functions[n] = f
		}
	}
	return &hcl.EvalContext{
		Variables: maps.Clone(c.base),
		Functions: functions,
	}
}

// localValue evaluates a local that is known at plan time, once.
func (s *scope) localValue(l *spec.Local) (cty.Value, bool) {
	if p, done := s.planned[l.Name]; done {
		return p.value, p.ok
	}
	if s.planned == nil {
		s.planned = map[string]planLocal{}
	}
	s.planned[l.Name] = planLocal{} // a cycle finds it without a value
	v, ok := s.value(l.Expr)
	if ok && weight(v, maxWeight) >= maxWeight {
		s.errTooLarge(l)
		ok = false
	}
	s.planned[l.Name] = planLocal{v, ok}
	return v, ok
}

// maxWeight bounds the value of a local, in bytes of text and elements of
// lists: locals that mention each other twice grow exponentially.
const maxWeight = 1 << 20

// weight is the size of a value, or more than limit.
func weight(v cty.Value, limit int) int {
	v, _ = v.Unmark()
	switch {
	case v.IsNull() || !v.IsKnown():
		return 1
	case v.Type() == cty.String:
		return 1 + len(v.AsString())
	case !v.CanIterateElements():
		return 1
	}
	sum := 1
	for it := v.ElementIterator(); it.Next() && sum < limit; {
		_, e := it.Element()
		sum += weight(e, limit-sum)
	}
	return sum
}

// unwrap takes parentheses and "${x}" off an expression.
func unwrap(e hclsyntax.Expression) hclsyntax.Expression {
	for {
		switch w := e.(type) {
		case *hclsyntax.ParenthesesExpr:
			e = w.Expression
		case *hclsyntax.TemplateWrapExpr:
			e = w.Wrapped
		default:
			return e
		}
	}
}

// resolveLocal follows local.NAME (without further steps) to the expression it
// names, through any number of locals.
func (s *scope) resolveLocal(e hclsyntax.Expression) hclsyntax.Expression {
	for range maxLocals {
		e = unwrap(e)
		t, ok := e.(*hclsyntax.ScopeTraversalExpr)
		if !ok || t.Traversal.RootName() != "local" || len(t.Traversal) != 2 {
			return e
		}
		l := s.local(t.Traversal)
		if l == nil {
			return e
		}
		e = l.Expr
	}
	return e
}
