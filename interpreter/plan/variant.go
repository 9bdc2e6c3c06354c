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
