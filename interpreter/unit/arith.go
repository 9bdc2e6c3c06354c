package unit

// Op is an arithmetic operator.
type Op byte

// The operators.
const (
	Add       Op = '+'
	Subtract  Op = '-'
	Multiply  Op = '*'
	Divide    Op = '/'
	Remainder Op = '%'
)

// Arithmetic is the unit of "left op right", given the units of both sides ("" for
// plain numbers). ok is false where the operation makes no sense, such as adding
// a size to a duration.
//
//	quantity ± same quantity = quantity
//	quantity ± number        = quantity
//	quantity × or ÷ number   = quantity
//	quantity ÷ same quantity = number
//	quantity % anything      = quantity
//
// Quotients of different quantities are rates and plain numbers. Other units
// (hex, errno, …) do not survive arithmetic.
func Arithmetic(op Op, left, right string) (unit string, ok bool) {
	left, right = quantityOf(left), quantityOf(right)
	switch op {
	case Add, Subtract, Remainder:
		if left != "" && right != "" && left != right {
			return "", false
		}
		if op == Remainder || left != "" {
			return left, true
		}
		return right, true
	case Multiply:
		if left != "" && right != "" {
			return "", false
		}
		return left + right, true
	case Divide:
		if right == "" {
			return left, true
		}
		return "", true
	}
	return "", false
}

// quantityOf is the unit's name if arithmetic keeps it, else "".
func quantityOf(name string) string {
	if u := byName[name]; u != nil && u.Quantity {
		return name
	}
	return ""
}
