// Package usdt reads the notes of user statically defined tracepoints
// (.note.stapsdt) and the operands in them, which are assembler text.
//
// In: notes as bytes, or their argument text. Out: facts.USDTArg. It must not
// know files or processes, and touches none. The format is that of SystemTap's
// sys/sdt.h (version 3), the operands are what GCC and Clang print for
// x86_64 (AT&T syntax) and arm64.
package usdt

import (
	"fmt"
	"strconv"
	"strings"

	"tracer/interpreter/facts"
)

// maxArgs bounds one note: sys/sdt.h has macros for at most 12 arguments.
const maxArgs = 64

// syntax is what differs between architectures.
type syntax struct {
	// operand parses the text behind the size.
	operand func(arg *facts.USDTArg, text string, place Place) error
	// joins says whether a blank before or after this byte belongs to the
	// operand even outside brackets.
	open, close string
}

// syntaxes are the architectures by the kernel's names.
var syntaxes = map[string]syntax{
	"x86_64": {operand: x86Operand, open: "(", close: ")"},
	"arm64":  {operand: armOperand, open: "[", close: "]"},
}

// Place is what operands that name symbols are resolved by. The zero value knows
// no symbol.
type Place struct {
	// PC is the probe's address in the file.
	PC uint64
	// Fixed says that the loader moves nothing (a program that is not PIE):
	// only then is an absolute address worth something.
	Fixed bool
	// Symbol is the address of a symbol in the file; ok is false for one that
	// is not in the file's tables. nil knows none.
	Symbol func(name string) (addr uint64, ok bool)
}

// find looks a symbol up; the error is a refusal.
func (p Place) find(symbol string) (uint64, error) {
	name, modifier, modified := strings.Cut(symbol, "@")
	if modified {
		return 0, refusal("reached through the linker's @" + modifier + ", which is not looked up")
	}
	if p.Symbol != nil {
		if addr, ok := p.Symbol(name); ok {
			return addr, nil
		}
	}
	return 0, refusal("relative to the symbol " + name + ", which is not in the file's symbol tables (is it stripped?)")
}

// addSymbol makes an operand at a symbol one relative to the probe's address.
func (p Place) addSymbol(arg *facts.USDTArg, symbol string) error {
	addr, err := p.find(symbol)
	if err != nil {
		return err
	}
	arg.Disp += int64(addr - p.PC)
	return nil
}

// refusal is an operand that is understood, and cannot be read.
type refusal string

func (r refusal) Error() string { return string(r) }

// ParseArgs parses the argument text of a note for a program of arch ("x86_64",
// "arm64"). What is understood and cannot be read has Refused set; the error is
// for text that is no argument list at all, and comes with as many arguments as
// were understood before it.
func ParseArgs(arch, text string) ([]facts.USDTArg, error) {
	return Resolve(arch, text, Place{})
}

// Resolve is ParseArgs for operands that name symbols.
func Resolve(arch, text string, place Place) ([]facts.USDTArg, error) {
	syn, ok := syntaxes[arch]
	if !ok {
		return nil, fmt.Errorf("USDT arguments of %q programs are not known", arch)
	}
	words, err := split(text, syn)
	if err != nil {
		return nil, err
	}
	var args []facts.USDTArg
	for _, word := range words {
		if len(args) == maxArgs {
			return args, fmt.Errorf("more than %d USDT arguments", maxArgs)
		}
		arg, err := parseArg(syn, word, place)
		if err != nil {
			return args, fmt.Errorf("USDT argument %d, %q: %w", len(args), word, err)
		}
		args = append(args, arg)
	}
	return args, nil
}

// split cuts the text at blanks that do not stand in brackets.
func split(text string, syn syntax) ([]string, error) {
	var words []string
	depth, start := 0, -1
	for i := range len(text) {
		c := text[i]
		blank := c == ' ' || c == '\t' || c == '\n'
		switch {
		case c == 0 || c >= 0x7f || (c < ' ' && !blank):
			return nil, fmt.Errorf("USDT arguments %q contain a byte that no operand has", text)
		case strings.IndexByte(syn.open, c) >= 0:
			depth++
		case strings.IndexByte(syn.close, c) >= 0:
			depth--
		}
		if depth < 0 || depth > 1 {
			return nil, fmt.Errorf("USDT arguments %q have brackets that do not match", text)
		}
		switch {
		case blank && depth == 0 && start >= 0:
			words = append(words, text[start:i])
			start = -1
		case !blank && start < 0:
			start = i
		}
	}
	if depth != 0 {
		return nil, fmt.Errorf("USDT arguments %q have brackets that do not match", text)
	}
	if start >= 0 {
		words = append(words, text[start:])
	}
	return words, nil
}

// sizes are the N of "N@operand": bytes, and for 8 and below whole powers.
var sizes = map[string]facts.USDTArg{
	"1": {Size: 1}, "2": {Size: 2}, "4": {Size: 4}, "8": {Size: 8},
	"-1": {Size: 1, Signed: true}, "-2": {Size: 2, Signed: true}, "-4": {Size: 4, Signed: true}, "-8": {Size: 8, Signed: true},
	"4f": {Size: 4, Float: true}, "8f": {Size: 8, Float: true}, "10f": {Size: 10, Float: true}, "12f": {Size: 12, Float: true}, "16f": {Size: 16, Float: true},
	"-4f": {Size: 4, Float: true}, "-8f": {Size: 8, Float: true}, "-16f": {Size: 16, Float: true},
}

const refusedFloat = "a floating-point value: these registers are not saved where the kernel can read them"

// parseArg parses "N@operand", or an operand without a size, which then is 8.
func parseArg(syn syntax, text string, place Place) (facts.USDTArg, error) {
	size, operand, ok := strings.Cut(text, "@")
	if !ok || strings.ContainsAny(size, "([%$") {
		size, operand = "8", text
	}
	arg, known := sizes[size]
	if !known {
		if n, err := strconv.ParseInt(strings.TrimSuffix(size, "f"), 10, 16); err != nil || n == 0 {
			return arg, fmt.Errorf("its size %q is no number", size)
		}
		return facts.USDTArg{Text: text, Refused: "a value of " + strings.TrimLeft(size, "-") + " bytes: at most 8 are read"}, nil
	}
	if operand == "" {
		return arg, fmt.Errorf("nothing follows the @")
	}
	arg.Text = text
	err := syn.operand(&arg, operand, place)
	if why, refused := err.(refusal); refused {
		return facts.USDTArg{Text: text, Size: arg.Size, Signed: arg.Signed, Float: arg.Float, Refused: string(why)}, nil
	}
	if err != nil {
		return arg, err
	}
	if arg.Float {
		arg.Refused = refusedFloat
	}
	return arg, nil
}

// number parses a signed integer of C (decimal, 0x, 0 octal) that fits in 64
// bits, signed or not.
func number(s string) (int64, bool) {
	s = strings.TrimSpace(s)
	if n, err := strconv.ParseInt(strings.TrimPrefix(s, "+"), 0, 64); err == nil && !strings.Contains(s, "_") && !strings.HasPrefix(s, "+-") {
		return n, true
	}
	n, err := strconv.ParseUint(s, 0, 64)
	return int64(n), err == nil && !strings.Contains(s, "_")
}

// terms adds up "sym+8", "-4+sym", "8", "sym-4+2": the numbers, and the one
// symbol if there is one. ok is false for anything else.
func terms(s string) (sum int64, symbol string, ok bool) {
	s = strings.ReplaceAll(s, " ", "")
	if n, isNumber := number(s); isNumber {
		return n, "", true
	}
	for s != "" {
		sign := int64(1)
		switch s[0] {
		case '-':
			sign, s = -1, s[1:]
		case '+':
			s = s[1:]
		}
		end := strings.IndexAny(s, "+-")
		if end < 0 {
			end = len(s)
		}
		term := s[:end]
		s = s[end:]
		n, isNumber := number(term)
		switch {
		case isNumber:
			sum += sign * n
		case symbol == "" && sign == 1 && isSymbol(term):
			symbol = term
		default:
			return 0, "", false
		}
	}
	return sum, symbol, true
}

// isSymbol says whether s may be an assembler's symbol.
func isSymbol(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || c == '.' || c == '$' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || (c != '@' && (c < '0' || c > '9'))) {
			return false
		}
	}
	return s != ""
}
