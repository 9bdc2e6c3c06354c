package opt

import (
	"math/bits"

	"tracer/bpfgen/ir"
)

// maxDepth bounds how far what is known of a value is looked for.
const maxDepth = 6

// width is a number of bits that v surely fits in as an unsigned number.
func width(v *ir.Value) int { return widthAt(v, maxDepth, false) }

// provenWidth is the same, of which the verifier is as sure. A test that may
// keep a program within memory goes only if the verifier does not need it.
func provenWidth(v *ir.Value) int { return widthAt(v, maxDepth, true) }

func widthAt(v *ir.Value, depth int, proven bool) int {
	if depth == 0 || proven && unproven(v) {
		return 64
	}
	arg := func(i int) int { return widthAt(v.Args[i], depth-1, proven) }
	switch {
	case v.Op == ir.OpConst:
		return bits.Len64(uint64(v.Imm))
	case v.Op.IsCompare():
		return 1
	}
	switch v.Op {
	case ir.OpLoad, ir.OpBswap, ir.OpExt:
		return sizedWidth(v, depth, proven)
	case ir.OpAnd:
		return min(arg(0), arg(1))
	case ir.OpOr, ir.OpXor:
		return max(arg(0), arg(1))
	case ir.OpAdd:
		return min(64, max(arg(0), arg(1))+1)
	case ir.OpMul:
		return min(64, arg(0)+arg(1))
	case ir.OpUDiv, ir.OpUMod:
		return arg(0)
	case ir.OpShl, ir.OpLshr:
		return shiftWidth(v, arg(0))
	case ir.OpPhi:
		n := 0
		for i := range v.Args {
			n = max(n, arg(i))
		}
		return n
	}
	return 64
}

// unproven says that the verifier knows nothing of what v computes.
func unproven(v *ir.Value) bool {
	switch v.Op {
	case ir.OpUDiv, ir.OpUMod, ir.OpBswap:
		return true
	case ir.OpMul: // it gives up on factors of more than 32 bits
		return width(v.Args[0]) > 32 || width(v.Args[1]) > 32
	}
	return false
}

func sizedWidth(v *ir.Value, depth int, proven bool) int {
	n := 8 * v.Size
	if v.Op == ir.OpExt {
		have := widthAt(v.Args[0], depth-1, proven)
		if v.Signed && have >= n {
			return 64
		}
		return min(n, have)
	}
	if v.Signed && n < 64 {
		return 64
	}
	return n
}

func shiftWidth(v *ir.Value, have int) int {
	by := v.Args[1]
	if by.Op != ir.OpConst {
		if v.Op == ir.OpLshr {
			return have
		}
		return 64
	}
	n := int(by.Imm & 63)
	if v.Op == ir.OpLshr {
		return max(0, have-n)
	}
	return min(64, have+n)
}

// signedBytes is a number of bytes of which v is surely the sign extension.
func signedBytes(v *ir.Value) int {
	switch {
	case (v.Op == ir.OpLoad || v.Op == ir.OpExt) && v.Signed:
		return v.Size
	case v.Op == ir.OpConst:
		for size := 1; size < 8; size *= 2 {
			if extend(v.Imm, size, true) == v.Imm {
				return size
			}
		}
	}
	for size := 1; size < 8; size *= 2 {
		if width(v) < 8*size {
			return size
		}
	}
	return 8
}
