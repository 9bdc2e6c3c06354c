package report

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

// program is a compiled expression.
type program struct {
	expr    hcl.Expression
	reads   []string // columns it mentions, in source order
	divides bool     // it divides, so that it may fail for some rows
}

// compiler compiles a spec. Types of columns become known in order of
// evaluation.
type compiler struct {
	spec    Spec
	columns []value.Column
	index   map[string]int // final columns by name
	// original has the columns of a name before anything replaced them.
	original map[string]bool
	context  *hcl.EvalContext // plan-time names, and the columns of a row
	units    map[hcl.Expression]string
	ordered  []*derived
	diags    hcl.Diagnostics
}

func newCompiler(spec Spec) *compiler {
	c := &compiler{
		spec:     spec,
		columns:  slices.Concat(spec.By, spec.Values),
		index:    make(map[string]int),
		original: make(map[string]bool),
	}
	for i, column := range c.columns {
		c.index[column.Name] = i
		c.original[column.Name] = true
	}
	parent := spec.Context
	if parent == nil {
		parent = &hcl.EvalContext{}
	}
	c.context = parent.NewChild()
	c.context.Variables = make(map[string]cty.Value)
	c.context.Functions = map[string]function.Function{
		"duration": quantityFunction("duration"),
		"size":     quantityFunction("size"),
	}
	for _, column := range c.columns {
		c.context.Variables[column.Name] = unknown(column)
	}
	return c
}

func (c *compiler) add(diag *hcl.Diagnostic) { c.diags = append(c.diags, diag) }

// derive compiles the derived columns in an order in which each comes after
// those it refers to.
func (c *compiler) derive() {
	byName := make(map[string]*derived)
	var all []*derived
	for _, d := range c.spec.Derive {
		if byName[d.Name] != nil {
			c.add(errDuplicate(d))
			continue
		}
		compiled := &derived{column: c.place(d.Name)}
		compiled.expr = d.Expr
		byName[d.Name] = compiled
		all = append(all, compiled)
	}
	if c.diags.HasErrors() {
		return
	}
	for _, d := range all {
		d.program = c.names(d.expr)
		name := c.columns[d.column].Name
		d.self = slices.Contains(d.reads, name) && c.original[name]
	}
	if c.diags.HasErrors() {
		return
	}
	visit := visitor{compiler: c, byName: byName, state: make(map[*derived]int)}
	for _, d := range all {
		visit.derived(d)
	}
}

// place is the final column of a name: the one it replaces, or a new one.
func (c *compiler) place(name string) int {
	i, ok := c.index[name]
	if !ok {
		i = len(c.columns)
		c.columns = append(c.columns, value.Column{Name: name})
		c.index[name] = i
	}
	return i
}

// visitor orders derived columns by what they refer to.
type visitor struct {
	*compiler
	byName map[string]*derived
	state  map[*derived]int
	path   []string
}

const (
	visiting = 1
	visited  = 2
)

func (v *visitor) derived(d *derived) {
	name := v.columns[d.column].Name
	switch v.state[d] {
	case visited:
		return
	case visiting:
		start := slices.Index(v.path, name)
		v.add(errCycle(append(slices.Clone(v.path[start:]), name), d.expr.Range()))
		return
	}
	v.state[d] = visiting
	v.path = append(v.path, name)
	for _, read := range d.reads {
		next := v.byName[read]
		if next == nil || next == d && d.self {
			continue
		}
		v.derived(next)
	}
	v.path = v.path[:len(v.path)-1]
	v.state[d] = visited
	if v.diags.HasErrors() {
		return
	}
	v.typed(d)
	v.ordered = append(v.ordered, d)
}

// typed finds the type of a derived column by evaluating its expression over
// columns of unknown values.
func (c *compiler) typed(d *derived) {
	column := &c.columns[d.column]
	c.units = map[hcl.Expression]string{} // types of columns have become known
	printed := c.printedAs(d.expr)
	d.expr = c.prepare(d.expr)
	if c.diags.HasErrors() {
		return
	}
	result, ok := c.sample(d.program)
	if !ok {
		return
	}
	switch {
	case result.Type() == cty.Number:
		*column = value.Column{Name: column.Name, Type: types.S64.WithUnit(printed)}
	case result.Type() == cty.Bool:
		*column = value.Column{Name: column.Name, Type: types.TBool}
	case result.Type() == cty.String:
		*column = value.Column{Name: column.Name, Type: types.Type{Kind: types.Text}}
	case result.Type() == cty.DynamicPseudoType:
		*column = value.Column{Name: column.Name, Type: types.S64.WithUnit(printed)}
	default:
		c.add(errNotScalar(column.Name, result.Type(), d.expr.Range()))
		return
	}
	if c.context.Variables[column.Name] = cty.UnknownVal(result.Type()); column.Type.Unit != "" {
		c.context.Variables[column.Name] = unknown(*column)
	}
}

// sample evaluates an expression over columns of unknown values; not ok if it
// fits no row.
func (c *compiler) sample(p program) (result cty.Value, ok bool) {
	result, diags := p.expr.Value(c.context)
	for _, d := range diags {
		if slices.ContainsFunc(p.reads, func(name string) bool { return c.columns[c.index[name]].Hist }) {
			d = errHistogram(d)
		}
		c.add(d)
	}
	return result, !diags.HasErrors()
}

// having compiles the condition; nil if there is none.
func (c *compiler) having() *program {
	if c.spec.Having == nil || c.diags.HasErrors() {
		return nil
	}
	p := c.names(c.spec.Having)
	if c.diags.HasErrors() {
		return nil
	}
	c.units = map[hcl.Expression]string{}
	p.expr = c.prepare(p.expr)
	if c.diags.HasErrors() {
		return nil
	}
	result, ok := c.sample(p)
	if !ok {
		return nil
	}
	if t := result.Type(); t != cty.Bool && t != cty.DynamicPseudoType {
		c.add(errNotCondition(t, p.expr.Range()))
		return nil
	}
	return &p
}

// sort is the column to sort by: the named one, else the first value; -1 if
// there is none.
func (c *compiler) sort() int {
	if c.spec.Sort == "" {
		if len(c.columns) > len(c.spec.By) {
			return len(c.spec.By)
		}
		return len(c.columns) - 1
	}
	i, ok := c.index[c.spec.Sort]
	if !ok {
		c.add(errUnknownColumn(c.spec.Sort, c.columnNames(), c.spec.SortRange))
	}
	return i
}

// inputs are the columns that any expression reads.
func (c *compiler) inputs(having *program) []int {
	read := make([]bool, len(c.columns))
	for _, d := range c.ordered {
		for _, name := range d.reads {
			read[c.index[name]] = true
		}
	}
	if having != nil {
		for _, name := range having.reads {
			read[c.index[name]] = true
		}
	}
	var inputs []int
	for i := range read {
		if read[i] {
			inputs = append(inputs, i)
		}
	}
	return inputs
}

func (c *compiler) columnNames() []string {
	names := make([]string, len(c.columns))
	for i := range c.columns {
		names[i] = c.columns[i].Name
	}
	return names
}

// names checks every name an expression mentions.
func (c *compiler) names(expr hcl.Expression) program {
	p := program{expr: expr, divides: divides(expr)}
	for _, traversal := range expr.Variables() {
		name := traversal.RootName()
		switch {
		case c.hasColumn(name):
			if !slices.Contains(p.reads, name) {
				p.reads = append(p.reads, name)
			}
		case !isPlanTime(c.spec.Context, name):
			c.add(errUnknownColumn(name, c.columnNames(), traversal.SourceRange()))
		}
	}
	return p
}

func (c *compiler) hasColumn(name string) bool {
	_, ok := c.index[name]
	return ok
}

// isPlanTime says that a name is known before attaching.
func isPlanTime(context *hcl.EvalContext, name string) bool {
	for ; context != nil; context = context.Parent() {
		if _, ok := context.Variables[name]; ok {
			return true
		}
	}
	return false
}

// divides says that an expression divides somewhere. Expressions of the JSON
// syntax cannot be looked into, and may.
func divides(expr hcl.Expression) bool {
	node, ok := expr.(hclsyntax.Node)
	if !ok {
		return true
	}
	found := false
	// The walk itself reports nothing.
	_ = hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		if b, ok := n.(*hclsyntax.BinaryOpExpr); ok && (b.Op == hclsyntax.OpDivide || b.Op == hclsyntax.OpModulo) {
			found = true
		}
		return nil
	})
	return found
}
