package check

import (
	"slices"

	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// split decides whether the variant needs the entry of its calls, moves the
// conditions that the entry can decide there, and puts cheap conditions before
// costly ones.
func (s *scope) split(v *plan.Variant) {
	if s.returns && s.usesEntry(v) {
		v.Pair = s.typ.Pair
		late := v.Where[:0:0]
		done := entryForms{}
		for _, w := range v.Where {
			if e, ok := done.atEntry(w); ok {
				v.EntryWhere = append(v.EntryWhere, e)
			} else {
				late = append(late, w)
			}
		}
		v.Where = late
	}
	byCost := func(a, b *tree.Expr) int { return cost(a) - cost(b) }
	slices.SortStableFunc(v.Where, byCost)
	slices.SortStableFunc(v.EntryWhere, byCost)
}

func (s *scope) usesEntry(v *plan.Variant) bool {
	uses := false
	v.EachExpr(func(e *tree.Expr) {
		tree.Walk(e, func(x *tree.Expr) bool {
			uses = uses || x.Op == tree.Entry
			return !uses
		})
	})
	return uses
}

// usedArgs are the arguments that the variant reads.
func usedArgs(v *plan.Variant) []*tree.ArgLoc {
	var out []*tree.ArgLoc
	v.EachExpr(func(e *tree.Expr) {
		tree.Walk(e, func(x *tree.Expr) bool {
			if x.Op == tree.Arg {
				out = append(out, &v.Layout.Args[x.Int])
			}
			return true
		})
	})
	return out
}

// entryForms are expressions as the entry evaluates them, nil if it cannot. What
// is used twice has one.
type entryForms map[*tree.Expr]*tree.Expr

// atEntry gives a condition as the entry evaluates it, if everything it
// mentions is the same there: values of the entry, and what a call does not
// change (pid, tid).
func (f entryForms) atEntry(e *tree.Expr) (*tree.Expr, bool) {
	x, done := f[e]
	if !done {
		x = f.make(e)
		f[e] = x
	}
	return x, x != nil
}

func (f entryForms) make(e *tree.Expr) *tree.Expr {
	switch e.Op {
	case tree.Const:
		return e
	case tree.Entry:
		return e.Args[0]
	case tree.Builtin:
		if e.Name != "pid" && e.Name != "tid" {
			return nil
		}
		return e
	case tree.Arg, tree.Ret, tree.Member, tree.Str, tree.Buf, tree.Strs, tree.Text:
		return nil // memory may have changed by the return
	}
	out := *e
	out.Args = make([]*tree.Expr, len(e.Args))
	for i, a := range e.Args {
		x, ok := f.atEntry(a)
		if !ok {
			return nil
		}
		out.Args[i] = x
	}
	return &out
}

// cost ranks what computing an expression costs: registers, helpers, memory,
// strings (performance of the helpers as measured: 10, 50, 40 to 130 ns).
func cost(e *tree.Expr) int {
	most := 0
	tree.Walk(e, func(x *tree.Expr) bool {
		most = max(most, opCost(x))
		return true
	})
	return most
}

func opCost(e *tree.Expr) int {
	switch e.Op {
	case tree.Str, tree.Buf, tree.Strs, tree.StrContains:
		return 4
	case tree.Member:
		return 3
	case tree.Builtin:
		switch e.Name {
		case "pid", "tid", "cpu", "func":
			return 1
		}
		return 2
	}
	return 0
}

// agree says that one column can hold values of both types; strings of
// different lengths agree.
func agree(a, b types.Type) bool {
	if a.Kind == types.String && b.Kind == types.String {
		return true
	}
	if a.Kind == types.Text || a.Kind == types.List {
		return a.Kind == b.Kind
	}
	if a.Kind == types.Int && b.Kind == types.Int && a.Unit == b.Unit {
		mixed := a.Unsigned64() && b.Signed || b.Unsigned64() && a.Signed
		return !mixed && a.Table.Equal(b.Table)
	}
	return a.Same(b) && a.Table.Equal(b.Table)
}

// entryForce is the forced mechanism's name on the entry side of a pair.
func (s *scope) entryForce() string {
	for _, m := range s.typ.Mechanisms {
		if m.Name == s.c.in.Mechanism {
			return m.Entry
		}
	}
	return ""
}
