package check

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// Different numbers may be shown alike: those that are no errors by errno, and
// those of one name by lookup. Who groups by what is shown, or compares with it,
// means all of them.

// alike are columns of by with one number for all that are shown alike.
func (s *scope) alike(columns []plan.Column) []plan.Column {
	for i := range columns {
		columns[i].Expr = s.shownAlike(columns[i].Expr)
	}
	return columns
}

func (s *scope) shownAlike(x *tree.Expr) *tree.Expr {
	switch {
	case x.Op == tree.Const || x.Type.Kind == types.Null:
		return x
	case x.Type.Kind == types.Text:
		out := *x
		out.Parts = slices.Clone(x.Parts)
		for i, p := range out.Parts {
			if p.Expr != nil && (p.Verb == "" || p.Verb == "%s") {
				out.Parts[i].Expr = s.shownAlike(p.Expr)
			}
		}
		return &out
	case x.Op == tree.Cond && x.Nullable:
		out := *x
		out.Args = slices.Clone(x.Args)
		for i, arm := range x.Args[1:] {
			if arm.Type.Kind == types.Null && x.Type.Unit == "errno" {
				arm = constInt(0, x.Type, arm.Range) // is shown as null is
			}
			out.Args[i+1] = s.shownAlike(arm)
		}
		out.Nullable = x.Type.Unit != "errno"
		return &out
	case x.Type.Unit == "errno":
		return tree.New(tree.Min, x.Type, x.Range, x, constInt(0, x.Type, x.Range))
	case x.Type.Unit == nameUnit && x.Type.Table != s.c.plan.Names:
		return oneOfEachName(x)
	}
	return x
}

// oneOfEachName is x with the first number of those of one name in its table in
// place of the others, and one for all that the table does not have, if those are
// shown by the default.
func oneOfEachName(x *tree.Expr) *tree.Expr {
	out, table := x, x.Type.Table
	number := func(n int64) *tree.Expr { return constInt(n, x.Type, x.Range) }
	in := func(numbers []int64) *tree.Expr {
		e := tree.New(tree.In, types.TBool, x.Range, x)
		for _, n := range numbers {
			e.Args = append(e.Args, number(n))
		}
		return e
	}
	choose := func(cond, yes, no *tree.Expr) { out = tree.New(tree.Cond, x.Type, x.Range, cond, yes, no) }
	var all []int64
	seen := map[string]bool{}
	for _, row := range table.Rows() {
		all = append(all, row.Number)
		numbers := slices.DeleteFunc(table.Numbers(row.Name), func(n int64) bool { return !inRange(x.Type, n) })
		if !seen[row.Name] && len(numbers) > 1 {
			choose(in(numbers[1:]), number(numbers[0]), out)
		}
		seen[row.Name] = true
	}
	if other, ok := unnamed(x.Type); ok && table.Default != "" && len(all) > 0 {
		choose(in(all), out, number(other))
	}
	return out
}

// unnamed is a number that is shown as the table's default.
func unnamed(t types.Type) (int64, bool) {
	if n, ok := t.Table.Number(t.Table.Default); ok && inRange(t, n) {
		return n, true
	}
	n := int64(0)
	for ; inRange(t, n); n++ {
		if _, named := t.Table.Name(n); !named {
			return n, true
		}
	}
	return 0, false
}

// inRange says that a type has a number, of 64 bits whatever their sign.
func inRange(t types.Type, n int64) bool {
	return t.Size == 8 || fits(constInt(n, types.S64, hcl.Range{}), t)
}

// compareName compares with a name that several numbers of the table have; nil
// if that is not so.
func (s *scope) compareName(op tree.Op, l, r *tree.Expr, rng hcl.Range) *tree.Expr {
	x, name := l, r
	if l.Op == tree.Const {
		x, name = r, l
	}
	if name.Op != tree.Const || name.Type.Kind != types.String || x.Type.Unit != nameUnit || x.Type.Table == s.c.plan.Names || op != tree.Eq && op != tree.Ne {
		return nil
	}
	numbers := x.Type.Table.Numbers(name.Str)
	if len(numbers) < 2 {
		return nil
	}
	out := tree.New(tree.In, types.TBool, rng, x)
	for _, n := range numbers {
		out.Args = append(out.Args, constInt(n, x.Type, rng))
	}
	if op == tree.Ne {
		return tree.New(tree.Not, types.TBool, rng, out)
	}
	return out
}
