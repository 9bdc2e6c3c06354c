package report

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"tracer/interpreter/types"
	"tracer/interpreter/unit"
	"tracer/spec"
)

// arithmetic gives HCL's operators their meaning for units.
var arithmetic = map[*hclsyntax.Operation]unit.Op{
	hclsyntax.OpAdd:      unit.Add,
	hclsyntax.OpSubtract: unit.Subtract,
	hclsyntax.OpMultiply: unit.Multiply,
	hclsyntax.OpDivide:   unit.Divide,
	hclsyntax.OpModulo:   unit.Remainder,
}

// alike are the operators both of whose sides have one unit, so that a string on
// one side is read as the unit of the other.
var alike = []*hclsyntax.Operation{
	hclsyntax.OpAdd, hclsyntax.OpSubtract, hclsyntax.OpDivide, hclsyntax.OpModulo,
	hclsyntax.OpEqual, hclsyntax.OpNotEqual,
	hclsyntax.OpLessThan, hclsyntax.OpLessThanOrEqual,
	hclsyntax.OpGreaterThan, hclsyntax.OpGreaterThanOrEqual,
}

// keepsUnit are the functions whose result has the unit of their arguments.
var keepsUnit = []string{"min", "max", "abs", "floor", "ceil", "coalesce", "try", "sum"}

// unitOf is the quantity ("duration", "size") that an expression computes, "" if
// it is a plain number or anything else. Each is looked at once.
func (c *compiler) unitOf(expr hcl.Expression) string {
	u, known := c.units[expr]
	if !known {
		u = c.findUnit(expr)
		c.units[expr] = u
	}
	return u
}

func (c *compiler) findUnit(expr hcl.Expression) string {
	switch e := expr.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		return c.unitOfTraversal(e.Traversal)
	case *hclsyntax.ParenthesesExpr:
		return c.unitOf(e.Expression)
	case *hclsyntax.TemplateWrapExpr:
		return c.unitOf(e.Wrapped)
	case *hclsyntax.UnaryOpExpr:
		return c.unitOf(e.Val)
	case *hclsyntax.ConditionalExpr:
		return common(c.unitOf(e.TrueResult), c.unitOf(e.FalseResult))
	case *hclsyntax.BinaryOpExpr:
		op, ok := arithmetic[e.Op]
		if !ok {
			return ""
		}
		left, right := c.unitOf(e.LHS), c.unitOf(e.RHS)
		if slices.Contains(alike, e.Op) {
			if _, text := c.knownText(e.LHS); text {
				left = right
			}
			if _, text := c.knownText(e.RHS); text {
				right = left
			}
		}
		result, _ := unit.Arithmetic(op, left, right)
		return result
	case *hclsyntax.FunctionCallExpr:
		return c.unitOfCall(e)
	}
	return ""
}

// printedAs is the unit in which the number of a derived column is shown: the
// one whose function is outermost, as in hex(flags), else the quantity computed.
func (c *compiler) printedAs(expr hcl.Expression) string {
	switch e := expr.(type) {
	case *hclsyntax.ParenthesesExpr:
		return c.printedAs(e.Expression)
	case *hclsyntax.TemplateWrapExpr:
		return c.printedAs(e.Wrapped)
	case *hclsyntax.ConditionalExpr:
		return common(c.printedAs(e.TrueResult), c.printedAs(e.FalseResult))
	case *hclsyntax.FunctionCallExpr:
		if u := unit.ByName(e.Name); u != nil && !u.Table && u.Accepts(types.S64) {
			return e.Name
		}
	}
	return c.unitOf(expr)
}

func (c *compiler) unitOfTraversal(traversal hcl.Traversal) string {
	i, ok := c.index[traversal.RootName()]
	if !ok {
		return ""
	}
	column := c.columns[i]
	if column.Hist && len(traversal) > 1 {
		if step, ok := traversal[1].(hcl.TraverseAttr); !ok || step.Name != histSum {
			return ""
		}
	}
	return quantity(column.Type)
}

func (c *compiler) unitOfCall(e *hclsyntax.FunctionCallExpr) string {
	if u := unit.ByName(e.Name); u != nil && u.Quantity {
		return e.Name
	}
	result := ""
	if slices.Contains(keepsUnit, e.Name) {
		for i, arg := range e.Args {
			if u := c.unitOf(arg); i == 0 || result == "" {
				result = u
			} else {
				result = common(result, u)
			}
		}
	}
	return result
}

// common is the unit of what may be either of two: a plain number takes the
// other's.
func common(a, b string) string {
	switch {
	case a == b || b == "":
		return a
	case a == "":
		return b
	}
	return ""
}

func quantity(t types.Type) string {
	if u := unit.For(t); u.Quantity {
		return u.Name
	}
	return ""
}

// prepare is expr with every string that is compared or computed with a duration
// or size read as one, and with divisions that give null for a zero divisor.
// Strings known at plan time count, such as variables. The tree that came in is
// not changed.
func (c *compiler) prepare(expr hcl.Expression) hcl.Expression {
	node, ok := expr.(hclsyntax.Expression)
	if !ok {
		return expr
	}
	return c.rewrite(node)
}

func (c *compiler) rewrite(expr hclsyntax.Expression) hclsyntax.Expression {
	switch e := expr.(type) {
	case *hclsyntax.ConditionalExpr:
		changed := *e
		changed.Condition = c.rewrite(e.Condition)
		c.conditional(changed.Condition)
		changed.TrueResult, changed.FalseResult = c.rewritePair(e.TrueResult, e.FalseResult, true)
		return &changed
	case *hclsyntax.BinaryOpExpr:
		changed := *e
		if e.Op == hclsyntax.OpDivide {
			changed.Op = divide
		}
		changed.LHS, changed.RHS = c.rewritePair(e.LHS, e.RHS, slices.Contains(alike, e.Op))
		if e.Op == hclsyntax.OpEqual || e.Op == hclsyntax.OpNotEqual {
			c.comparable(&changed)
		}
		return &changed
	case *hclsyntax.FunctionCallExpr:
		changed := *e
		changed.Args = make([]hclsyntax.Expression, len(e.Args))
		wanted := ""
		if slices.Contains(keepsUnit, e.Name) {
			wanted = c.unitOfCall(e)
		}
		for i, arg := range e.Args {
			changed.Args[i] = c.read(c.rewrite(arg), wanted)
		}
		return &changed
	}
	// Elements of a for expression stay as they are: their names may hide those of
	// columns.
	return spec.MapChildren(expr, c.rewrite)
}

// rewritePair rewrites two sides; alike sides lend each other their unit.
func (c *compiler) rewritePair(a, b hclsyntax.Expression, alike bool) (hclsyntax.Expression, hclsyntax.Expression) {
	newA, newB := c.rewrite(a), c.rewrite(b)
	if !alike {
		return newA, newB
	}
	return c.read(newA, c.unitOf(b)), c.read(newB, c.unitOf(a))
}

// comparable checks the sides of == and !=: of different types they are silently
// never equal to HCL. What cannot be evaluated is reported elsewhere.
func (c *compiler) comparable(e *hclsyntax.BinaryOpExpr) {
	left, leftDiags := e.LHS.Value(c.context)
	right, rightDiags := e.RHS.Value(c.context)
	if leftDiags.HasErrors() || rightDiags.HasErrors() || isUntyped(left) || isUntyped(right) {
		return
	}
	if l, r := left.Type(), right.Type(); !l.Equals(r) {
		c.add(errDifferent(l, r, e.Range()))
	}
}

// conditional checks the condition of a ? b : c, which HCL only looks at once it
// is known. What cannot be evaluated is reported elsewhere.
func (c *compiler) conditional(condition hclsyntax.Expression) {
	v, diags := condition.Value(c.context)
	if diags.HasErrors() || isUntyped(v) {
		return
	}
	if t := v.Type(); t != cty.Bool && convert.GetConversionUnsafe(t, cty.Bool) == nil {
		c.add(errNotTruth(t, condition.Range()))
	}
}

// isUntyped says that a value compares with any other: null, or not known until
// there is a row.
func isUntyped(v cty.Value) bool {
	v, _ = v.Unmark()
	return v.Type() == cty.DynamicPseudoType || v.IsKnown() && v.IsNull()
}

// read is expr as a number if it is a string known now that stands where a
// quantity is wanted.
func (c *compiler) read(expr hclsyntax.Expression, wanted string) hclsyntax.Expression {
	text, ok := c.knownText(expr)
	if wanted == "" || !ok {
		return expr
	}
	number, err := unit.ByName(wanted).Parse(c.spec.Env, types.Type{}, text)
	if err != nil {
		c.add(errLiteral(text, err, wanted, expr.Range()))
		return expr
	}
	return &hclsyntax.LiteralValueExpr{Val: cty.NumberIntVal(int64(number.Int)), SrcRange: expr.Range()}
}

// knownText is the string that an expression is at plan time, if it is one.
func (c *compiler) knownText(expr hcl.Expression) (string, bool) {
	for _, traversal := range expr.Variables() {
		if c.hasColumn(traversal.RootName()) {
			return "", false
		}
	}
	known, diags := expr.Value(c.context)
	if diags.HasErrors() || known.IsNull() || !known.IsKnown() || known.Type() != cty.String {
		return "", false
	}
	known, _ = known.Unmark()
	return known.AsString(), true
}

// divide is HCL's division, but a zero divisor gives null and not infinity, so
// that nothing computed from it looks like a number.
var divide = &hclsyntax.Operation{
	Type: cty.Number,
	Impl: function.New(&function.Spec{
		Params: []function.Parameter{{Name: "a", Type: cty.Number}, {Name: "b", Type: cty.Number}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if args[1].AsBigFloat().Sign() == 0 {
				return cty.NullVal(cty.Number), nil
			}
			return stdlib.Divide(args[0], args[1])
		},
	}),
}

// quantityFunction is duration() or size() at report time: of a number, the
// number; of a string, what it reads as.
func quantityFunction(name string) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			switch args[0].Type() {
			case cty.Number:
				return args[0], nil
			case cty.String:
				n, err := unit.ByName(name).Parse(nil, types.Type{}, args[0].AsString())
				if err != nil {
					return cty.NilVal, function.NewArgError(0, err)
				}
				return cty.NumberIntVal(int64(n.Int)), nil
			}
			return cty.NilVal, function.NewArgErrorf(0, "must be a number or %s", unit.ByName(name).Literal)
		},
	})
}
