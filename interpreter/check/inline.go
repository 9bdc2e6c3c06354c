package check

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"tracer/spec"
)

// maxInlined bounds an expression of report time, in nodes: locals that mention
// another twice, which mentions another twice, grow exponentially.
const maxInlined = 4000

// inline is an expression of report time without local.* and each.*, which mean
// something only where it is written: what is known before attaching is put in as
// a value, a local of columns as the expression that it names.
func (s *scope) inline(e hclsyntax.Expression) hclsyntax.Expression {
	if !slices.ContainsFunc(e.Variables(), isScoped) {
		return e
	}
	in := &inliner{scope: s, done: map[*spec.Local]inlined{}}
	return in.expr(e)
}

func isScoped(t hcl.Traversal) bool { return t.RootName() == "local" || t.RootName() == "each" }

type inliner struct {
	*scope
	done  map[*spec.Local]inlined
	open  []*spec.Local // in which it is
	bound []string      // names of the for expressions in which it is
	nodes int
	full  bool
}

// inlined is a local's expression, and how many nodes it has.
type inlined struct {
	expr  hclsyntax.Expression
	nodes int
}

func (in *inliner) expr(e hclsyntax.Expression) hclsyntax.Expression {
	in.nodes++
	switch e := e.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		return in.traversal(e)
	case *hclsyntax.ForExpr:
		changed := *e
		changed.CollExpr = in.expr(e.CollExpr)
		outer := in.bound
		in.bound = append(slices.Clone(outer), e.KeyVar, e.ValVar)
		for _, part := range []*hclsyntax.Expression{&changed.KeyExpr, &changed.ValExpr, &changed.CondExpr} {
			if *part != nil {
				*part = in.expr(*part)
			}
		}
		in.bound = outer
		return &changed
	}
	return spec.MapChildren(e, in.expr)
}

func (in *inliner) traversal(e *hclsyntax.ScopeTraversalExpr) hclsyntax.Expression {
	t := e.Traversal
	if !isScoped(t) || len(t) == 1 || slices.Contains(in.bound, t.RootName()) {
		return e // len 1: a key of an object
	}
	if in.isPlan(e) {
		v, ok := in.value(e)
		if !ok {
			v = cty.DynamicVal
		}
		return &hclsyntax.LiteralValueExpr{Val: v, SrcRange: e.Range()}
	}
	l := in.local(t)
	if l == nil || slices.Contains(in.open, l) {
		return e // both are errors of their own
	}
	named := in.named(l)
	for _, v := range named.Variables() {
		if root := v.RootName(); root == "args" || slices.Contains(in.bound, root) {
			in.errEventLocal(e.Range(), l.Name, root)
			return &hclsyntax.LiteralValueExpr{Val: cty.DynamicVal, SrcRange: e.Range()}
		}
	}
	rest := t[2:]
	if len(rest) == 0 {
		return named
	}
	if whole, ok := named.(*hclsyntax.ScopeTraversalExpr); ok {
		return &hclsyntax.ScopeTraversalExpr{Traversal: slices.Concat(whole.Traversal, rest), SrcRange: e.Range()}
	}
	return &hclsyntax.RelativeTraversalExpr{Source: named, Traversal: rest, SrcRange: e.Range()}
}

// named is what a local of columns names.
func (in *inliner) named(l *spec.Local) hclsyntax.Expression {
	x, known := in.done[l]
	if !known {
		before, bound := in.nodes, in.bound
		in.open, in.bound = append(in.open, l), nil
		x.expr = in.expr(l.Expr)
		in.open, in.bound = in.open[:len(in.open)-1], bound
		x.nodes, in.nodes = in.nodes-before, before
	}
	if in.nodes += x.nodes; in.nodes > maxInlined {
		if !in.full {
			in.errorAt(l.Expr.Range(), "Value too large", "With local.%s, an expression of derive or having has more than %d parts.", l.Name, maxInlined)
		}
		in.full = true
		x.expr = &hclsyntax.LiteralValueExpr{Val: cty.DynamicVal, SrcRange: l.Expr.Range()}
	}
	in.done[l] = x
	return x.expr
}
