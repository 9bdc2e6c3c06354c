package eval

import (
	"math/bits"

	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

// arithmetic is the operations on two numbers: 64 bits that wrap. signed is
// the sign of the result's type; only those that need it look at it.
var arithmetic = map[tree.Op]func(a, b uint64, signed bool) uint64{
	tree.Add:    func(a, b uint64, _ bool) uint64 { return a + b },
	tree.Sub:    func(a, b uint64, _ bool) uint64 { return a - b },
	tree.Mul:    func(a, b uint64, _ bool) uint64 { return a * b },
	tree.Div:    divide,
	tree.Mod:    remainder,
	tree.BitAnd: func(a, b uint64, _ bool) uint64 { return a & b },
	tree.BitOr:  func(a, b uint64, _ bool) uint64 { return a | b },
	tree.BitXor: func(a, b uint64, _ bool) uint64 { return a ^ b },
	tree.Shl:    func(a, b uint64, _ bool) uint64 { return a << (b & 63) },
	tree.Shr:    shiftRight,
}

// unary is the operations on one number; e gives sizes and types.
var unary = map[tree.Op]func(a uint64, e *tree.Expr) uint64{
	tree.Neg:    func(a uint64, _ *tree.Expr) uint64 { return -a },
	tree.BitNot: func(a uint64, _ *tree.Expr) uint64 { return ^a },
	tree.Not:    func(a uint64, _ *tree.Expr) uint64 { return choose(a == 0, 1, 0) },
	tree.Bswap:  func(a uint64, e *tree.Expr) uint64 { return swapBytes(a, int(e.Int)) },
	tree.Conv:   convert,
}

// divide truncates towards zero. x/0 is 0; the smallest integer divided by -1
// wraps to itself.
func divide(a, b uint64, signed bool) uint64 {
	switch {
	case b == 0:
		return 0
	case !signed:
		return a / b
	case int64(b) == -1:
		return -a
	}
	return uint64(int64(a) / int64(b))
}

// remainder has the sign of the dividend; x%0 is x.
func remainder(a, b uint64, signed bool) uint64 {
	switch {
	case b == 0:
		return a
	case !signed:
		return a % b
	case int64(b) == -1:
		return 0
	}
	return uint64(int64(a) % int64(b))
}

func shiftRight(a, b uint64, signed bool) uint64 {
	if signed {
		return uint64(int64(a) >> (b & 63))
	}
	return a >> (b & 63)
}

// extremes pick the first of two numbers if their order makes it true: the
// mathematically smaller or larger, whatever the signs.
var extremes = map[tree.Op]func(order int) bool{
	tree.Min: func(order int) bool { return order <= 0 },
	tree.Max: func(order int) bool { return order >= 0 },
}

func choose(first bool, a, b uint64) uint64 {
	if first {
		return a
	}
	return b
}

// swapBytes is the low size bytes of v in reverse order, zero-extended.
func swapBytes(v uint64, size int) uint64 {
	return bits.ReverseBytes64(v) >> (64 - 8*uint(size))
}

// extend is the low size bytes of v, sign- or zero-extended.
func extend(v uint64, size int, signed bool) uint64 {
	shift := 64 - 8*uint(size)
	if signed {
		return uint64(int64(v<<shift) >> shift)
	}
	return v << shift >> shift
}

// convert is a cast: to Bool all 64 bits count, to anything else the low bytes.
func convert(a uint64, e *tree.Expr) uint64 {
	if e.Type.Kind == types.Bool {
		return choose(a != 0, 1, 0)
	}
	return extend(a, e.Type.Size, e.Type.Signed)
}

// comparisons say which orders of two operands (-1, 0, 1) make them true.
var comparisons = map[tree.Op]func(order int) bool{
	tree.Eq: func(order int) bool { return order == 0 },
	tree.Ne: func(order int) bool { return order != 0 },
	tree.Lt: func(order int) bool { return order < 0 },
	tree.Le: func(order int) bool { return order <= 0 },
	tree.Gt: func(order int) bool { return order > 0 },
	tree.Ge: func(order int) bool { return order >= 0 },
}

// compare orders two numbers by their mathematical values, whatever their
// signs: -1, 0 or 1.
func compare(a, b value.Value) int {
	aNegative := a.Type.Signed && int64(a.Int) < 0
	bNegative := b.Type.Signed && int64(b.Int) < 0
	switch {
	case aNegative && !bNegative:
		return -1
	case bNegative && !aNegative:
		return 1
	case a.Int < b.Int: // of one sign, two's complement orders like unsigned
		return -1
	case a.Int > b.Int:
		return 1
	}
	return 0
}
