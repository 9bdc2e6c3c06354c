package eval_test

import (
	"math"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"tracer/interpreter/eval"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

const (
	minInt = uint64(1) << 63
	maxInt = uint64(math.MaxInt64)
	maxU64 = uint64(math.MaxUint64)
)

// neg is the two's complement of -n.
func neg(n uint64) uint64 { return -n }

func konst(n uint64, t types.Type) *tree.Expr {
	e := tree.New(tree.Const, t, hcl.Range{})
	e.Int = n
	return e
}

func text(s string, t types.Type) *tree.Expr {
	e := tree.New(tree.Const, t, hcl.Range{})
	e.Str = s
	return e
}

func op(o tree.Op, t types.Type, args ...*tree.Expr) *tree.Expr {
	return tree.New(o, t, hcl.Range{}, args...)
}

func TestArithmeticWrapsAndDivisionTruncates(t *testing.T) {
	s, u := types.S64, types.U64
	for _, c := range []struct {
		name string
		op   tree.Op
		typ  types.Type
		a, b uint64
		want uint64
	}{
		{"unsigned addition wraps", tree.Add, u, maxU64, 1, 0},
		{"signed addition wraps", tree.Add, s, maxInt, 1, minInt},
		{"subtraction below zero", tree.Sub, u, 0, 1, maxU64},
		{"multiplication keeps the low bits", tree.Mul, u, 1 << 33, 1 << 33, 0},
		{"product of negatives", tree.Mul, s, neg(3), neg(5), 15},
		{"division truncates towards zero", tree.Div, s, neg(7), 2, neg(3)},
		{"division by a negative", tree.Div, s, 7, neg(2), neg(3)},
		{"unsigned division", tree.Div, u, neg(7), 2, neg(7) / 2},
		{"division by zero is zero", tree.Div, s, neg(7), 0, 0},
		{"unsigned division by zero is zero", tree.Div, u, 7, 0, 0},
		{"smallest by -1 is itself", tree.Div, s, minInt, maxU64, minInt},
		{"unsigned by the largest", tree.Div, u, minInt, maxU64, 0},
		{"remainder has the dividend's sign", tree.Mod, s, neg(7), 3, neg(1)},
		{"remainder ignores the divisor's sign", tree.Mod, s, 7, neg(3), 1},
		{"remainder by zero is the dividend", tree.Mod, s, neg(7), 0, neg(7)},
		{"unsigned remainder by zero", tree.Mod, u, 7, 0, 7},
		{"smallest modulo -1 is zero", tree.Mod, s, minInt, maxU64, 0},
		{"unsigned remainder", tree.Mod, u, maxU64, 10, 5},
		{"and", tree.BitAnd, u, 0xf0f0, 0xff00, 0xf000},
		{"or", tree.BitOr, u, 0xf0, 0x0f, 0xff},
		{"xor", tree.BitXor, u, 0xff, 0x0f, 0xf0},
		{"shift by 64 is by none", tree.Shl, u, 5, 64, 5},
		{"shift by 65 is by one", tree.Shl, u, 5, 65, 10},
		{"shift by -1 is by 63", tree.Shl, u, 1, maxU64, minInt},
		{"right shift of a negative keeps the sign", tree.Shr, s, neg(8), 1, neg(4)},
		{"right shift of unsigned fills zeros", tree.Shr, u, neg(8), 60, 15},
		{"right shift by 64 is by none", tree.Shr, s, neg(8), 64, neg(8)},
		{"smaller of signed", tree.Min, s, neg(1), 1, neg(1)},
		{"smaller of unsigned", tree.Min, u, maxU64, 1, 1},
		{"larger of signed", tree.Max, s, neg(1), 1, 1},
		{"larger of unsigned", tree.Max, u, maxU64, 1, maxU64},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := eval.Expr(op(c.op, c.typ, konst(c.a, c.typ), konst(c.b, c.typ)), &eval.Record{})
			if got.Int != c.want || !got.Type.Same(c.typ) {
				t.Errorf("%s %d %d = %d (%s), want %d", c.op, int64(c.a), int64(c.b), int64(got.Int), got.Type, int64(c.want))
			}
		})
	}
}

func TestComparisonsAreMathematicallyRight(t *testing.T) {
	s, u := types.S64, types.U64
	for _, c := range []struct {
		name   string
		a      uint64
		at     types.Type
		b      uint64
		bt     types.Type
		before bool // a < b
		equal  bool
	}{
		{"-1 is below every unsigned", maxU64, s, 0, u, true, false},
		{"-1 is not the largest unsigned", maxU64, s, maxU64, u, true, false},
		{"the largest unsigned is above -1", maxU64, u, maxU64, s, false, false},
		{"signed order", neg(2), s, neg(1), s, true, false},
		{"unsigned order", maxInt, u, minInt, u, true, false},
		{"large unsigned above large signed", maxInt, s, minInt, u, true, false},
		{"equal across signs", 5, s, 5, u, false, true},
		{"equal negatives", neg(5), s, neg(5), s, false, true},
		{"a pointer is unsigned", neg(1), s, maxU64, types.AnyPtr, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := map[tree.Op]bool{
				tree.Eq: c.equal, tree.Ne: !c.equal, tree.Lt: c.before, tree.Le: c.before || c.equal,
				tree.Gt: !c.before && !c.equal, tree.Ge: !c.before,
			}
			for o, w := range want {
				got := eval.Expr(op(o, types.TBool, konst(c.a, c.at), konst(c.b, c.bt)), &eval.Record{})
				if (got.Int != 0) != w {
					t.Errorf("%s is %d, want %v", o, got.Int, w)
				}
			}
		})
	}
}

func TestExtremesCompareLikeComparisons(t *testing.T) {
	e := op(tree.Min, types.S64, konst(maxU64, types.U64), konst(neg(3), types.S64))
	if got := eval.Expr(e, &eval.Record{}); int64(got.Int) != -3 {
		t.Errorf("min(u64 max, -3) = %d, want -3", int64(got.Int))
	}
}

func TestUnaryOperations(t *testing.T) {
	sized := func(size int, signed bool) types.Type { return types.Type{Kind: types.Int, Size: size, Signed: signed} }
	swap := func(n int) func(*tree.Expr) { return func(e *tree.Expr) { e.Int = uint64(n) } }
	for _, c := range []struct {
		name string
		op   tree.Op
		typ  types.Type
		a    uint64
		with func(*tree.Expr)
		want uint64
	}{
		{"negation", tree.Neg, types.S64, 5, nil, neg(5)},
		{"negation of the smallest", tree.Neg, types.S64, minInt, nil, minInt},
		{"complement", tree.BitNot, types.U64, 0, nil, maxU64},
		{"not of true", tree.Not, types.TBool, 1, nil, 0},
		{"not of false", tree.Not, types.TBool, 0, nil, 1},
		{"two bytes swapped", tree.Bswap, types.U16, 0x11223344, swap(2), 0x4433},
		{"four bytes swapped", tree.Bswap, types.U32, 0xaabbccdd11223344, swap(4), 0x44332211},
		{"eight bytes swapped", tree.Bswap, types.U64, 0x1122334455667788, swap(8), 0x8877665544332211},
		{"to a signed byte", tree.Conv, sized(1, true), 0x1ff, nil, maxU64},
		{"to an unsigned byte", tree.Conv, sized(1, false), 0x1ff, nil, 0xff},
		{"to s32", tree.Conv, types.S32, 0x80000000, nil, 0xffffffff80000000},
		{"to u32", tree.Conv, types.U32, maxU64, nil, math.MaxUint32},
		{"to bool looks at all bits", tree.Conv, types.TBool, 1 << 40, nil, 1},
		{"zero to bool", tree.Conv, types.TBool, 0, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := op(c.op, c.typ, konst(c.a, types.U64))
			if c.with != nil {
				c.with(e)
			}
			if got := eval.Expr(e, &eval.Record{}); got.Int != c.want {
				t.Errorf("got %#x, want %#x", got.Int, c.want)
			}
		})
	}
}

// layout has one argument of each width and sign, eight bytes apart.
func layout() *tree.Layout {
	l := &tree.Layout{Ret: &tree.ArgLoc{Type: types.S32, Loc: tree.Loc{Off: 0, Size: 8}}}
	for i, t := range []types.Type{types.U8, types.S8, types.U16, types.S16, types.U32, types.S32, types.U64, types.S64, types.TBool} {
		l.Args = append(l.Args, tree.ArgLoc{Type: t, Loc: tree.Loc{Off: 8 * i, Size: 8}})
	}
	return l
}

func argument(l *tree.Layout, i int) *tree.Expr {
	e := op(tree.Arg, l.Args[i].Type)
	e.Int = uint64(i)
	return e
}

func TestArgumentsAreWidenedByTheirOwnSign(t *testing.T) {
	l := layout()
	context := make([]byte, 72)
	for i := range context {
		context[i] = 0x80 + byte(i%8)
	}
	want := []uint64{0x80, neg(0x80), 0x8180, neg(0x7e80), 0x83828180, 0xffffffff83828180, 0x8786858483828180, 0x8786858483828180, 1}
	for i, w := range want {
		if got := eval.Expr(argument(l, i), &eval.Record{Layout: l, Context: context}); got.Int != w {
			t.Errorf("%s: got %#x, want %#x", l.Args[i].Type, got.Int, w)
		}
	}
	if got := eval.Expr(op(tree.Ret, types.S32), &eval.Record{Layout: l, Context: context}); got.Int != 0xffffffff83828180 {
		t.Errorf("retval: got %#x", got.Int)
	}
}

func TestEntryIsTheEventAtTheEntry(t *testing.T) {
	l := layout()
	entry := &eval.Record{Layout: l, Context: append([]byte{7}, make([]byte, 71)...), Builtins: map[string]value.Value{"nsecs": {Int: 100}}}
	now := &eval.Record{Layout: l, Context: append([]byte{9}, make([]byte, 71)...), Builtins: map[string]value.Value{"nsecs": {Int: 250}}, AtEntry: entry}
	nsecs := op(tree.Builtin, types.U64)
	nsecs.Name = "nsecs"
	latency := op(tree.Sub, types.NS, nsecs, op(tree.Entry, types.U64, nsecs))
	if got := eval.Expr(latency, now); got.Int != 150 {
		t.Errorf("latency: got %d, want 150", got.Int)
	}
	if got := eval.Expr(op(tree.Entry, types.U8, argument(l, 0)), now); got.Int != 7 {
		t.Errorf("argument at entry: got %d, want 7", got.Int)
	}
	if got := eval.Expr(op(tree.Entry, types.U8, argument(l, 0)), entry); !got.Null {
		t.Errorf("entry without an entry: got %d, want no value", got.Int)
	}
}

// fails reads memory that is not there.
func fails() *tree.Expr {
	p := types.AnyPtr
	elem := types.U32
	p.Elem = &elem
	return op(tree.Member, types.U32, konst(0x1000, p))
}

func TestConditionsShortCircuit(t *testing.T) {
	yes, no := konst(1, types.TBool), konst(0, types.TBool)
	reads := op(tree.Ne, types.TBool, fails(), konst(0, types.S64))
	for _, c := range []struct {
		name string
		e    *tree.Expr
		want uint64
		read int
	}{
		{"false && skips", op(tree.And, types.TBool, no, reads), 0, 0},
		{"true && looks", op(tree.And, types.TBool, yes, reads), 0, 1},
		{"true || skips", op(tree.Or, types.TBool, yes, reads), 1, 0},
		{"false || looks", op(tree.Or, types.TBool, no, reads), 0, 1},
		{"only the arm taken", op(tree.Cond, types.U32, yes, konst(5, types.U32), fails()), 5, 0},
		{"the other arm", op(tree.Cond, types.U32, no, konst(5, types.U32), fails()), 0, 1},
		{"two users compute once", op(tree.And, types.TBool, op(tree.Not, types.TBool, reads), op(tree.Not, types.TBool, reads)), 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := eval.Expr(c.e, &eval.Record{})
			if got.Int != c.want || got.FailedReads != c.read {
				t.Errorf("got %d with %d failed reads, want %d with %d", got.Int, got.FailedReads, c.want, c.read)
			}
		})
	}
}

func TestNullIsNoValue(t *testing.T) {
	null := konst(0, types.TNull)
	for _, taken := range []uint64{0, 1} {
		e := op(tree.Cond, types.U32, konst(taken, types.TBool), konst(5, types.U32), null)
		e.Nullable = true
		got := eval.Expr(e, &eval.Record{})
		if got.Null != (taken == 0) || got.Type.Kind != types.Int {
			t.Errorf("condition %d: null is %v, type %s", taken, got.Null, got.Type)
		}
		if is := eval.Expr(op(tree.IsNull, types.TBool, e), &eval.Record{}); (is.Int == 1) != (taken == 0) {
			t.Errorf("condition %d: isnull is %d", taken, is.Int)
		}
	}
}

func TestInComparesMathematically(t *testing.T) {
	list := []*tree.Expr{konst(maxU64, types.U64), konst(3, types.S64)}
	for _, c := range []struct {
		x    *tree.Expr
		want uint64
	}{
		{konst(maxU64, types.S64), 0},
		{konst(maxU64, types.U64), 1},
		{konst(3, types.U8), 1},
		{konst(4, types.U8), 0},
	} {
		e := op(tree.In, types.TBool, append([]*tree.Expr{c.x}, list...)...)
		if got := eval.Expr(e, &eval.Record{}); got.Int != c.want {
			t.Errorf("%s in [u64 max, 3]: got %d, want %d", c.x, got.Int, c.want)
		}
	}
}
