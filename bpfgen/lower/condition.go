package lower

import (
	"cmp"
	"slices"

	"tracer/bpfgen/ir"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// signedOps and unsignedOps are the comparisons by how both sides are read.
var (
	signedOps = map[tree.Op]ir.Op{
		tree.Eq: ir.OpEq, tree.Ne: ir.OpNe, tree.Lt: ir.OpSlt, tree.Le: ir.OpSle, tree.Gt: ir.OpSgt, tree.Ge: ir.OpSge,
	}
	unsignedOps = map[tree.Op]ir.Op{
		tree.Eq: ir.OpEq, tree.Ne: ir.OpNe, tree.Lt: ir.OpUlt, tree.Le: ir.OpUle, tree.Gt: ir.OpUgt, tree.Ge: ir.OpUge,
	}
	mirrored = map[tree.Op]tree.Op{
		tree.Eq: tree.Eq, tree.Ne: tree.Ne, tree.Lt: tree.Gt, tree.Le: tree.Ge, tree.Gt: tree.Lt, tree.Ge: tree.Le,
	}
)

// wide says that a value of e may be above the largest signed 64-bit number.
func wide(e *tree.Expr) bool {
	if e.Op == tree.Const {
		return !e.Type.Signed && int64(e.Int) < 0
	}
	return e.Type.Kind == types.Pointer || !e.Type.Signed && e.Type.Size == 8
}

// below says that a value of e may be negative.
func below(e *tree.Expr) bool {
	if e.Op == tree.Const {
		return e.Type.Signed && int64(e.Int) < 0
	}
	return e.Type.Signed
}

// comparison picks the instruction for a comparison; mixed says that none is
// right alone: a may be negative and b above the signed range.
func comparison(op tree.Op, a, b *tree.Expr) (irop ir.Op, mixed bool) {
	switch {
	case !wide(a) && !wide(b):
		return signedOps[op], false
	case !below(a) && !below(b):
		return unsignedOps[op], false
	}
	return unsignedOps[op], true
}

// compareValue is a mathematically right comparison as 0 or 1.
func (l *lowerer) compareValue(op tree.Op, ea, eb *tree.Expr) *ir.Value {
	if below(eb) && wide(ea) {
		ea, eb, op = eb, ea, mirrored[op]
	}
	a, b := l.scalar(ea), l.scalar(eb)
	irop, mixed := comparison(op, ea, eb)
	v := l.op2(irop, a, b)
	if !mixed {
		return v
	}
	// a may be negative: then it is below every b.
	zero := l.konst(0)
	if op == tree.Lt || op == tree.Le || op == tree.Ne {
		return l.op2(ir.OpOr, l.op2(ir.OpSlt, a, zero), v)
	}
	return l.op2(ir.OpAnd, l.op2(ir.OpSge, a, zero), v)
}

// branch goes to yes or no by a condition, and short-circuits.
func (l *lowerer) branch(e *tree.Expr, yes, no *ir.Block) {
	if v := l.remembered(l.key(e)); v != nil {
		l.b.If(ir.OpNe, v, l.konst(0), yes, no, e.Range)
		return
	}
	if l.tooLong() {
		l.b.Jump(no)
		return
	}
	pos := l.pos
	l.pos = e.Range
	defer func() { l.pos = pos }()
	switch e.Op {
	case tree.And, tree.Or:
		next := l.newBlock("next")
		if e.Op == tree.And {
			l.branch(e.Args[0], next, no)
		} else {
			l.branch(e.Args[0], yes, next)
		}
		l.at(next)
		l.enter()
		l.branch(e.Args[1], yes, no)
		l.leave()
	case tree.Not:
		l.branch(e.Args[0], no, yes)
	case tree.Eq, tree.Ne, tree.Lt, tree.Le, tree.Gt, tree.Ge:
		l.branchCompare(e, yes, no)
	case tree.In:
		l.branchIn(e, yes, no)
	case tree.StrEq, tree.StartsWith, tree.EndsWith, tree.StrContains, tree.InNet:
		l.branchBytes(e, yes, no)
	case tree.IsNull:
		l.branchNull(e.Args[0], yes, no)
	default:
		l.b.If(ir.OpNe, l.scalar(e), l.konst(0), yes, no, e.Range)
	}
}

func (l *lowerer) branchCompare(e *tree.Expr, yes, no *ir.Block) {
	a, b := e.Args[0], e.Args[1]
	if irop, mixed := comparison(e.Op, a, b); !mixed {
		x, y := l.scalar(a), l.scalar(b)
		l.b.If(irop, x, y, yes, no, e.Range)
		return
	}
	l.b.If(ir.OpNe, l.compareValue(e.Op, a, b), l.konst(0), yes, no, e.Range)
}

// linearSearch is how many constants are compared one by one: the verifier's
// work grows with the square of equal tests on one register.
const linearSearch = 8

func (l *lowerer) branchIn(e *tree.Expr, yes, no *ir.Block) {
	x := l.scalar(e.Args[0])
	unsigned := wide(e.Args[0])
	values := make([]int64, 0, len(e.Args)-1)
	for _, c := range e.Args[1:] {
		values = append(values, int64(c.Int))
	}
	slices.SortFunc(values, func(a, b int64) int {
		if unsigned {
			return cmp.Compare(uint64(a), uint64(b))
		}
		return cmp.Compare(a, b)
	})
	l.search(x, slices.Compact(values), unsigned, yes, no, e)
}

func (l *lowerer) search(x *ir.Value, values []int64, unsigned bool, yes, no *ir.Block, e *tree.Expr) {
	if len(values) > linearSearch {
		mid := len(values) / 2
		low, high := l.newBlock("low"), l.newBlock("high")
		op := ir.OpSlt
		if unsigned {
			op = ir.OpUlt
		}
		l.b.If(op, x, l.konst(values[mid]), low, high, e.Range)
		l.at(low)
		l.search(x, values[:mid], unsigned, yes, no, e)
		l.at(high)
		l.search(x, values[mid:], unsigned, yes, no, e)
		return
	}
	for i, v := range values {
		next := no
		if i < len(values)-1 {
			next = l.newBlock("in")
		}
		l.b.If(ir.OpEq, x, l.konst(v), yes, next, e.Range)
		l.at(next)
	}
}
