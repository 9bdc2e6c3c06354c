package check

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"tracer/interpreter/tree"
)

// trial is what one attempt met: what it would have reported, and the names
// that look like those it did not find.
type trial struct {
	diags hcl.Diagnostics
	near  []string
}

// tryArgument is what all targets and elements of for_each made of one
// argument of a try.
type tryArgument struct {
	rng    hcl.Range
	fits   bool
	detail string   // of the first problem
	near   []string // names that exist and look like the missing one
}

// fnTry gives the first argument that type-checks for this target. The names
// of all arguments must exist all the same.
func (s *scope) fnTry(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	if !s.nameCheck(e) {
		return nil
	}
	var out *tree.Expr
	for i, arg := range e.Args {
		if out == nil && i == len(e.Args)-1 {
			out = s.expr(arg)
			if out != nil {
				s.c.tried(e, i, &trial{}, true)
			}
			break
		}
		x, t := s.attempt(arg, out == nil)
		s.c.tried(e, i, t, x != nil)
		if out == nil {
			out = x
		}
	}
	return out
}

// attempt checks an expression without reporting; with keep, an expression
// that is right is as if it had been checked by s itself.
func (s *scope) attempt(e hclsyntax.Expression, keep bool) (*tree.Expr, *trial) {
	t := *s
	t.trial, t.failed = &trial{}, false
	t.captured, t.locals, t.busy, t.planned = copyMap(s.captured), copyMap(s.locals), copyMap(s.busy), copyMap(s.planned)
	x := t.expr(e)
	if x == nil || t.failed {
		return nil, t.trial
	}
	if keep {
		s.captured, s.locals, s.busy, s.planned, s.usedReturn = t.captured, t.locals, t.busy, t.planned, t.usedReturn
		for _, d := range t.trial.diags {
			s.report(d)
		}
	}
	return x, t.trial
}

// copyMap is a copy that can be written to.
func copyMap[V any](m map[string]V) map[string]V {
	out := make(map[string]V, len(m))
	maps.Copy(out, m)
	return out
}

// tried notes what became of argument i of a try. A near name that another
// argument asks for is no misspelling but what other kernels call it.
func (c *checker) tried(e *hclsyntax.FunctionCallExpr, i int, t *trial, fits bool) {
	arg := e.Args[i]
	key := arg.Range().String()
	a := c.tries[key]
	if a == nil {
		a = &tryArgument{rng: arg.Range()}
		c.tries[key] = a
	}
	a.fits = a.fits || fits
	if fits || a.detail != "" || len(t.near) == 0 || len(t.diags) == 0 {
		return
	}
	others := map[string]bool{}
	for j, other := range e.Args {
		if j != i {
			stepNames(other, others)
		}
	}
	if slices.ContainsFunc(t.near, func(n string) bool { return others[n] }) {
		return
	}
	a.detail, a.near = t.diags[0].Detail, t.near
}

// stepNames collects the names of all members that e mentions.
func stepNames(e hclsyntax.Expression, into map[string]bool) {
	add := func(t hcl.Traversal) {
		for i := range t {
			if name, ok := step(t, i); ok {
				into[name] = true
			}
		}
	}
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.ScopeTraversalExpr:
			add(n.Traversal[1:])
		case *hclsyntax.RelativeTraversalExpr:
			add(n.Traversal)
		}
		return nil
	})
}

// misspelledTries reports arguments of try that fit no target and look like a
// name that exists.
func (c *checker) misspelledTries() {
	for _, a := range c.tries {
		if !a.fits && len(a.near) > 0 {
			c.warnAt(a.rng, "Alternative that fits nothing", "No target of this probe has what this argument of try asks for, so it is never used. %s", a.detail)
		}
	}
}
