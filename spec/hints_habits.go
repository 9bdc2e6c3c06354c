package spec

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// What hands write that know C, JavaScript or bpftrace.

// strictEqual finds === and !==.
func strictEqual(w []word, i int) (int, string) {
	is := w[i].Type == hclsyntax.TokenEqualOp || w[i].Type == hclsyntax.TokenNotEqual
	if !w[i].inExpr || !is || !joined(w, i) || w[i+1].Type != hclsyntax.TokenEqual {
		return 0, ""
	}
	op := string(w[i].Bytes)
	return 2, fmt.Sprintf("There is no operator %s=. Write %s: both sides must be of one type anyway.", op, op)
}

// change finds a++ and a += b.
func change(w []word, i int) (int, string) {
	if !w[i].inExpr || !joined(w, i) || !endsValue(at(w, i-1)) {
		return 0, ""
	}
	switch w[i].Type {
	case hclsyntax.TokenPlus, hclsyntax.TokenMinus, hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPercent:
		if next := w[i+1].Type; next == hclsyntax.TokenEqual || next == hclsyntax.TokenPlus && w[i].Type == next {
			return 2, fmt.Sprintf("There is no operator %s%s: an expression changes nothing. To count or add up, write values = { n = count(), s = sum(x) } in an aggregate block.", w[i].Bytes, w[i+1].Bytes)
		}
	}
	return 0, ""
}

// bareType finds a C type without quotes as an argument: sizeof(struct sock).
func bareType(w []word, i int) (int, string) {
	prev := at(w, i-1).Type
	if !w[i].inExpr || w[i].Type != hclsyntax.TokenIdent || at(w, i+1).Type != hclsyntax.TokenIdent || prev != hclsyntax.TokenOParen && prev != hclsyntax.TokenComma {
		return 0, ""
	}
	switch string(w[i].Bytes) {
	case "struct", "union", "enum", "unsigned", "signed", "const", "long", "short":
	default:
		return 0, ""
	}
	n := 2
	text := string(w[i].Bytes) + " " + string(w[i+1].Bytes)
	for at(w, i+n).Type == hclsyntax.TokenIdent {
		text += " " + string(w[i+n].Bytes)
		n++
	}
	if at(w, i+n).Type == hclsyntax.TokenStar {
		stars := 0
		for at(w, i+n).Type == hclsyntax.TokenStar {
			stars++
			n++
		}
		text += " " + strings.Repeat("*", stars)
	}
	return n, fmt.Sprintf("A C type is written as text: %q.", text)
}

// method finds comm.startswith("x").
func method(w []word, i int) (int, string) {
	if !w[i].inExpr || w[i].Type != hclsyntax.TokenDot || !endsValue(at(w, i-1)) || at(w, i+1).Type != hclsyntax.TokenIdent || !joined(w, i+1) || w[i+2].Type != hclsyntax.TokenOParen {
		return 0, ""
	}
	return 2, fmt.Sprintf("Values have no methods. What a function works on is its first argument: %s(x, …).", w[i+1].Bytes)
}
