package check

import (
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
	// functions that only some attributes have (first_of).
	extra map[string]function.Function
	// quiet: nothing is reported (try).
	quiet   bool
	failed  bool
	planned map[string]planLocal
}

// planLocal is a local's value at plan time.
type planLocal struct {
	value cty.Value
	ok    bool
}

// planRoots are the names that are known before attaching.
var planRoots = map[string]bool{"var": true, "local": true, "each": true, "kernel": true}

// isPlan says that e is known before attaching: it mentions nothing of the
// event, directly or through locals.
func (s *scope) isPlan(e hclsyntax.Expression) bool { return s.isPlanDepth(e, 0) }

// maxLocals bounds chains of locals; longer ones are cycles, which spec reports.
const maxLocals = 200

func (s *scope) isPlanDepth(e hclsyntax.Expression, depth int) bool {
	if depth > maxLocals {
		return true
	}
	plan := true
	for _, t := range e.Variables() {
		root := t.RootName()
		if !planRoots[root] {
			plan = false
			break
		}
		if root == "local" {
			if l := s.local(t); l != nil && !s.isPlanDepth(l.Expr, depth+1) {
				plan = false
				break
			}
		}
	}
	if plan {
		_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
			if call, ok := n.(*hclsyntax.FunctionCallExpr); ok && s.isEventCall(call) {
				plan = false
			}
			return nil
		})
	}
	return plan
}

// isEventCall says that a call means something only at event time.
func (s *scope) isEventCall(call *hclsyntax.FunctionCallExpr) bool {
	if _, ok := s.extra[call.Name]; ok {
		return false
	}
	_, plan := s.c.funcs[call.Name]
	return !plan
}

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
		return cty.NilVal, false
	}
	v, diags := e.Value(s.evalContext(e))
	for _, d := range diags {
		d := *d
		d.EvalContext, d.Expression = nil, nil
		s.report(&d)
	}
	if diags.HasErrors() || !v.IsWhollyKnown() {
		if !diags.HasErrors() {
			s.failed = true
		}
		return cty.NilVal, false
	}
	return v, true
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
	k := c.in.Facts.Kernel()
	vars := c.in.Vars
	if vars == nil {
		vars = map[string]cty.Value{}
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
		Variables: map[string]cty.Value{
			"var":    cty.ObjectVal(vars),
			"kernel": cty.ObjectVal(map[string]cty.Value{"release": cty.StringVal(k.Release), "arch": cty.StringVal(k.Arch)}),
		},
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
	s.planned[l.Name] = planLocal{v, ok}
	return v, ok
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
