package opt

import (
	"math/bits"

	"tracer/bpfgen/ir"
)

// fold computes what has only constant operands, as BPF does: 64 bits, wrapping,
// shift counts modulo 64, x/0 = 0, x%0 = x.
func fold(f *ir.Func) bool {
	changed := false
	for _, b := range f.Blocks {
		for _, v := range b.Values {
			if n, ok := folded(v); ok {
				setConst(v, n)
				changed = true
			}
		}
	}
	return changed
}

func folded(v *ir.Value) (int64, bool) {
	if len(v.Args) == 0 {
		return 0, false
	}
	for _, a := range v.Args {
		if a.Op != ir.OpConst {
			return 0, false
		}
	}
	a := v.Args[0].Imm
	switch v.Op {
	case ir.OpNeg:
		return -a, true
	case ir.OpNumber:
		return a, true
	case ir.OpExt:
		return extend(a, v.Size, v.Signed), true
	case ir.OpBswap:
		return int64(bits.ReverseBytes64(uint64(a)) >> (64 - 8*v.Size)), true
	}
	if len(v.Args) != 2 {
		return 0, false
	}
	b := v.Args[1].Imm
	if v.Op.IsCompare() {
		return truth(holds(v.Op, a, b)), true
	}
	if compute, ok := arithmetic[v.Op]; ok {
		return compute(a, b), true
	}
	return 0, false
}

var arithmetic = map[ir.Op]func(a, b int64) int64{
	ir.OpAdd:  func(a, b int64) int64 { return a + b },
	ir.OpSub:  func(a, b int64) int64 { return a - b },
	ir.OpMul:  func(a, b int64) int64 { return a * b },
	ir.OpUDiv: divide,
	ir.OpUMod: modulo,
	ir.OpAnd:  func(a, b int64) int64 { return a & b },
	ir.OpOr:   func(a, b int64) int64 { return a | b },
	ir.OpXor:  func(a, b int64) int64 { return a ^ b },
	ir.OpShl:  func(a, b int64) int64 { return a << (b & 63) },
	ir.OpLshr: func(a, b int64) int64 { return int64(uint64(a) >> (b & 63)) },
	ir.OpAshr: func(a, b int64) int64 { return a >> (b & 63) },
}

func divide(a, b int64) int64 {
	if b == 0 {
		return 0
	}
	return int64(uint64(a) / uint64(b))
}

func modulo(a, b int64) int64 {
	if b == 0 {
		return a
	}
	return int64(uint64(a) % uint64(b))
}

func extend(a int64, size int, signed bool) int64 {
	n := 64 - 8*size
	if signed {
		return a << n >> n
	}
	return int64(uint64(a) << n >> n)
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// holds says whether the comparison op is true of a and b.
func holds(op ir.Op, a, b int64) bool {
	switch op {
	case ir.OpEq:
		return a == b
	case ir.OpNe:
		return a != b
	case ir.OpUlt:
		return uint64(a) < uint64(b)
	case ir.OpUle:
		return uint64(a) <= uint64(b)
	case ir.OpUgt:
		return uint64(a) > uint64(b)
	case ir.OpUge:
		return uint64(a) >= uint64(b)
	case ir.OpSlt:
		return a < b
	case ir.OpSle:
		return a <= b
	case ir.OpSgt:
		return a > b
	default:
		return a >= b
	}
}
