package opt

import (
	"math/bits"

	"tracer/bpfgen/ir"
)

// simplify applies identities (x+0, x*1, …) and replaces operations by cheaper
// ones (x*8, x/8, x%8, extensions of what is already extended).
func simplify(f *ir.Func) bool {
	s := &simplifier{f: f, alias: aliases{}}
	for _, b := range f.Blocks {
		for _, v := range append([]*ir.Value(nil), b.Values...) {
			for i, a := range v.Args {
				v.Args[i] = s.alias.find(a)
			}
			s.value(v)
		}
	}
	return s.alias.apply(f) || s.changed
}

type simplifier struct {
	f       *ir.Func
	alias   aliases
	changed bool
}

func (s *simplifier) constant(v *ir.Value, n int64) { setConst(v, n); s.changed = true }

func (s *simplifier) same(v, as *ir.Value) { s.alias[v] = as }

// become makes v the operation op of x and the constant n.
func (s *simplifier) become(v *ir.Value, op ir.Op, x *ir.Value, n int64) {
	set(v, op, x, constant(s.f, v, n))
	s.changed = true
}

func (s *simplifier) extension(v, x *ir.Value, size int, signed bool) {
	set(v, ir.OpExt, x)
	v.Size, v.Signed = size, signed
	s.changed = true
}

func (s *simplifier) value(v *ir.Value) {
	if v.Op.IsCompare() {
		s.compare(v)
		return
	}
	switch v.Op {
	case ir.OpNeg:
		if x := v.Args[0]; x.Op == ir.OpNeg {
			s.same(v, x.Args[0])
		}
		return
	case ir.OpExt:
		s.ext(v)
		return
	}
	if v.Op < ir.OpAdd || v.Op > ir.OpAshr {
		return
	}
	if commutes(v.Op) && v.Args[0].Op == ir.OpConst && v.Args[1].Op != ir.OpConst {
		v.Args[0], v.Args[1] = v.Args[1], v.Args[0]
		s.changed = true
	}
	if v.Args[0] == v.Args[1] && s.twice(v) {
		return
	}
	if v.Args[1].Op == ir.OpConst && v.Args[0].Op != ir.OpConst {
		rules[v.Op](s, v, v.Args[0], v.Args[1].Imm)
	}
}

func commutes(op ir.Op) bool {
	switch op {
	case ir.OpAdd, ir.OpMul, ir.OpAnd, ir.OpOr, ir.OpXor:
		return true
	}
	return false
}

// twice handles operations of a value with itself.
func (s *simplifier) twice(v *ir.Value) bool {
	switch v.Op {
	case ir.OpSub, ir.OpXor:
		s.constant(v, 0)
	case ir.OpAnd, ir.OpOr:
		s.same(v, v.Args[0])
	default:
		return false
	}
	return true
}

// rules are what operations of x with the constant n become.
var rules = map[ir.Op]func(s *simplifier, v, x *ir.Value, n int64){
	ir.OpAdd: (*simplifier).add, ir.OpSub: (*simplifier).sub, ir.OpMul: (*simplifier).mul,
	ir.OpUDiv: (*simplifier).div, ir.OpUMod: (*simplifier).mod,
	ir.OpAnd: (*simplifier).and, ir.OpOr: (*simplifier).or, ir.OpXor: (*simplifier).xor,
	ir.OpShl: (*simplifier).shift, ir.OpLshr: (*simplifier).shift, ir.OpAshr: (*simplifier).shift,
}

func (s *simplifier) add(v, x *ir.Value, n int64) {
	switch {
	case n == 0:
		s.same(v, x)
	case x.Op == ir.OpAdd && x.Args[1].Op == ir.OpConst:
		s.become(v, ir.OpAdd, x.Args[0], n+x.Args[1].Imm)
	case x.Op == ir.OpMapValue && n > 0 && x.Imm+n < 1<<29:
		sym, imm := x.Sym, x.Imm+n
		set(v, ir.OpMapValue)
		v.Sym, v.Imm = sym, imm
		s.changed = true
	}
}

// sub becomes an addition, so that sums of constants are found; the result
// wraps alike.
func (s *simplifier) sub(v, x *ir.Value, n int64) { s.become(v, ir.OpAdd, x, -n) }

// power is k if n is 2^k.
func power(n int64) (int64, bool) {
	return int64(bits.TrailingZeros64(uint64(n))), bits.OnesCount64(uint64(n)) == 1
}

func (s *simplifier) mul(v, x *ir.Value, n int64) {
	k, ok := power(n)
	switch {
	case n == 0:
		s.constant(v, 0)
	case n == 1:
		s.same(v, x)
	case ok:
		s.become(v, ir.OpShl, x, k)
	}
}

func (s *simplifier) div(v, x *ir.Value, n int64) {
	k, ok := power(n)
	switch {
	case n == 0:
		s.constant(v, 0)
	case n == 1:
		s.same(v, x)
	case ok:
		s.become(v, ir.OpLshr, x, k)
	}
}

func (s *simplifier) mod(v, x *ir.Value, n int64) {
	_, ok := power(n)
	switch {
	case n == 0:
		s.same(v, x)
	case n == 1:
		s.constant(v, 0)
	case ok:
		s.become(v, ir.OpAnd, x, n-1)
	}
}

func (s *simplifier) and(v, x *ir.Value, n int64) {
	full := uint64(1)<<provenWidth(x) - 1
	switch {
	case uint64(n)&full == 0:
		s.constant(v, 0)
	case uint64(n)&full == full:
		s.same(v, x)
	case x.Op == ir.OpAnd && x.Args[1].Op == ir.OpConst:
		s.become(v, ir.OpAnd, x.Args[0], n&x.Args[1].Imm)
	}
}

func (s *simplifier) or(v, x *ir.Value, n int64) {
	switch n {
	case 0:
		s.same(v, x)
	case -1:
		s.constant(v, -1)
	}
}

func (s *simplifier) xor(v, x *ir.Value, n int64) {
	switch {
	case n == 0:
		s.same(v, x)
	case n == 1 && x.Op.IsCompare():
		set(v, inverted[x.Op], x.Args...)
		s.changed = true
	case x.Op == ir.OpXor && x.Args[1].Op == ir.OpConst:
		s.become(v, ir.OpXor, x.Args[0], n^x.Args[1].Imm)
	}
}

func (s *simplifier) shift(v, x *ir.Value, n int64) {
	by := n & 63
	switch {
	case by == 0:
		s.same(v, x)
	case n != by:
		s.become(v, v.Op, x, by)
	case v.Op == ir.OpLshr && width(x) <= int(by):
		s.constant(v, 0)
	case v.Op == ir.OpAshr && width(x) < 64:
		s.become(v, ir.OpLshr, x, by)
	case v.Op != ir.OpShl && x.Op == ir.OpShl && isConst(x.Args[1], by) && by >= 32 && by%8 == 0 && by != 40:
		s.extension(v, x.Args[0], int(64-by)/8, v.Op == ir.OpAshr)
	case x.Op == v.Op && x.Args[1].Op == ir.OpConst && x.Args[1].Imm >= 0 && x.Args[1].Imm+by < 64:
		s.become(v, v.Op, x.Args[0], x.Args[1].Imm+by)
	}
}

// ext drops extensions of what is extended already, and skips what they cut
// off.
func (s *simplifier) ext(v *ir.Value) {
	x, n := v.Args[0], 8*v.Size
	switch {
	case v.Size == 8, !v.Signed && width(x) <= n, v.Signed && signedBytes(x) <= v.Size:
		s.same(v, x)
	case x.Op == ir.OpExt && x.Size >= v.Size,
		x.Op == ir.OpAnd && x.Args[1].Op == ir.OpConst && extend(x.Args[1].Imm, v.Size, true) == -1:
		v.Args[0] = x.Args[0]
		s.changed = true
	}
}
