package check

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"

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
	out := &plan.Derive{Context: s.c.baseContext(nil)}
	for _, item := range obj.Items {
		name, ok := s.key(item)
		if !ok {
			continue
		}
		out.Names = append(out.Names, name)
		out.Exprs = append(out.Exprs, s.inline(item.ValueExpr))
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
