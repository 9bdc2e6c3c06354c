package check

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"tracer/interpreter/plan"
	"tracer/spec"
)

// derive checks { name = expression }; its names are columns, so that only
// the form is looked at here.
func (s *scope) derive(a *spec.Attr) *plan.Derive {
	e := s.reportExpr(a.Expr)
	if !s.reportNames(a.Expr) || !s.reportNames(e) {
		return nil
	}
	obj, ok := e.(*hclsyntax.ObjectConsExpr)
	if !ok {
		if s.isPlan(e) {
			if v, ok := s.value(e); ok && v.IsNull() {
				return nil
			}
		}
		s.errorAt(e.Range(), "derive is no object", "Write derive = { name = expression }.")
		return nil
	}
	out := &plan.Derive{Context: s.reportContext(a)}
	for _, item := range obj.Items {
		name, ok := s.key(item)
		if !ok {
			continue
		}
		out.Names = append(out.Names, name)
		out.Exprs = append(out.Exprs, item.ValueExpr)
		out.Ranges = append(out.Ranges, item.KeyExpr.Range())
	}
	return out
}

// reportExpr is what derive or having stands for: behind locals, the arm that a
// condition known at plan time takes.
func (s *scope) reportExpr(e hclsyntax.Expression) hclsyntax.Expression {
	for range maxLocals {
		e = s.resolveLocal(e)
		cond, ok := e.(*hclsyntax.ConditionalExpr)
		if !ok || !s.isPlan(cond.Condition) {
			break
		}
		x := s.condition(cond.Condition)
		if x == nil {
			break
		}
		e = cond.FalseResult
		if x.Int != 0 {
			e = cond.TrueResult
		}
	}
	return e
}

// reportNames checks the plan-time names that an expression of report time
// mentions; all others are columns.
func (s *scope) reportNames(e hclsyntax.Expression) bool {
	ok := true
	for _, t := range e.Variables() {
		if planRoots[t.RootName()] && !s.checkTraversal(t) {
			ok = false
		}
	}
	return ok
}

// reportContext has the plan-time names that the given attributes mention.
func (s *scope) reportContext(attrs ...*spec.Attr) *hcl.EvalContext {
	ctx := s.c.baseContext(nil)
	locals := map[string]cty.Value{}
	for _, a := range attrs {
		if a == nil {
			continue
		}
		for _, t := range s.reportExpr(a.Expr).Variables() {
			if t.RootName() != "local" {
				continue
			}
			l := s.local(t)
			if l == nil {
				continue // reportNames says so
			}
			locals[l.Name] = cty.DynamicVal
			if !s.isPlan(l.Expr) {
				s.errEventLocal(t.SourceRange(), l.Name)
			} else if v, ok := s.localValue(l); ok {
				locals[l.Name] = v
			}
		}
	}
	ctx.Variables["local"] = cty.ObjectVal(locals)
	if s.each != cty.NilVal {
		ctx.Variables["each"] = s.each
	}
	return ctx
}
