package spec

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// MapChildren is e with f of each expression in it; e is not changed. What a for
// expression or a splat does with each element stays.
func MapChildren(e hclsyntax.Expression, f func(hclsyntax.Expression) hclsyntax.Expression) hclsyntax.Expression {
	changed, children := copied(e)
	for _, child := range children {
		*child = f(*child)
	}
	return changed
}

// copied is a copy of e, and where in it the expressions in it are.
func copied(e hclsyntax.Expression) (hclsyntax.Expression, []*hclsyntax.Expression) {
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		c := *e
		return &c, []*hclsyntax.Expression{&c.Expression}
	case *hclsyntax.UnaryOpExpr:
		c := *e
		return &c, []*hclsyntax.Expression{&c.Val}
	case *hclsyntax.BinaryOpExpr:
		c := *e
		return &c, []*hclsyntax.Expression{&c.LHS, &c.RHS}
	case *hclsyntax.ConditionalExpr:
		c := *e
		return &c, []*hclsyntax.Expression{&c.Condition, &c.TrueResult, &c.FalseResult}
	case *hclsyntax.IndexExpr:
		c := *e
		return &c, []*hclsyntax.Expression{&c.Collection, &c.Key}
	case *hclsyntax.RelativeTraversalExpr:
		c := *e
		return &c, []*hclsyntax.Expression{&c.Source}
	case *hclsyntax.SplatExpr:
		c := *e
		return &c, []*hclsyntax.Expression{&c.Source}
	case *hclsyntax.ObjectConsKeyExpr:
		c := *e
		return &c, []*hclsyntax.Expression{&c.Wrapped}
	case *hclsyntax.TemplateWrapExpr:
		c := *e
		return &c, []*hclsyntax.Expression{&c.Wrapped}
	case *hclsyntax.TemplateJoinExpr:
		c := *e
		return &c, []*hclsyntax.Expression{&c.Tuple}
	case *hclsyntax.FunctionCallExpr:
		c := *e
		c.Args = slices.Clone(e.Args)
		return &c, places(c.Args)
	case *hclsyntax.TupleConsExpr:
		c := *e
		c.Exprs = slices.Clone(e.Exprs)
		return &c, places(c.Exprs)
	case *hclsyntax.TemplateExpr:
		c := *e
		c.Parts = slices.Clone(e.Parts)
		return &c, places(c.Parts)
	case *hclsyntax.ObjectConsExpr:
		c := *e
		c.Items = slices.Clone(e.Items)
		var at []*hclsyntax.Expression
		for i := range c.Items {
			at = append(at, &c.Items[i].KeyExpr, &c.Items[i].ValueExpr)
		}
		return &c, at
	}
	return e, nil
}

func places(list []hclsyntax.Expression) []*hclsyntax.Expression {
	out := make([]*hclsyntax.Expression, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}
