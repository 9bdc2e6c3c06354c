package plan

import "tracer/interpreter/tree"

// EachExpr calls f for every expression that the variant evaluates at its own
// moment (the return, of a pair): conditions, what is streamed, what tables are
// fed with.
func (v *Variant) EachExpr(f func(*tree.Expr)) {
	for _, w := range v.Where {
		f(w)
	}
	if v.StreamWhen != nil {
		f(v.StreamWhen)
	}
	if v.Stream {
		for _, c := range v.Columns {
			f(c.Expr)
		}
	}
	for _, a := range v.Aggregates {
		for _, w := range a.Where {
			f(w)
		}
		for _, b := range a.By {
			f(b.Expr)
		}
		for _, val := range a.Values {
			if val.Arg != nil {
				f(val.Arg)
			}
		}
	}
}

// Saved are the expressions whose values the entry of a call saves for its
// return, each once.
func (v *Variant) Saved() []*tree.Expr {
	var out []*tree.Expr
	seen, keys := map[string]bool{}, tree.NewKeys()
	v.EachExpr(func(e *tree.Expr) {
		tree.Walk(e, func(x *tree.Expr) bool {
			if x.Op != tree.Entry {
				return true
			}
			if k := keys.Key(x.Args[0]); !seen[k] {
				seen[k] = true
				out = append(out, x.Args[0])
			}
			return false
		})
	})
	return out
}

// FitsCookie says that eight bytes hold what the entry saves for the return.
func (v *Variant) FitsCookie() bool {
	saved := v.Saved()
	return len(saved) == 0 || len(saved) == 1 && saved[0].Type.IsScalar()
}
