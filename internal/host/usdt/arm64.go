package usdt

import (
	"fmt"
	"strconv"
	"strings"

	"tracer/interpreter/facts"
)

// armNames are registers that are not called by a number.
var armNames = map[string]string{
	"sp": "sp", "wsp": "sp", "fp": "x29", "lr": "x30", "ip0": "x16", "ip1": "x17", "pc": "pc",
}

// armVectors are the letters of registers that pt_regs lacks.
const armVectors = "vqdshbzp"

// armOperand parses an operand of arm64: register, number or memory.
func armOperand(arg *facts.USDTArg, text string, place Place) error {
	if inner, ok := strings.CutPrefix(text, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		if !ok {
			return fmt.Errorf("something follows the ]")
		}
		return armMemory(arg, inner)
	}
	if n, ok := number(strings.TrimPrefix(text, "#")); ok {
		arg.Kind, arg.Const = facts.USDTConst, n
		return nil
	}
	reg, width, ok := armRegister(text)
	switch {
	case ok && reg == "":
		arg.Kind, arg.Const = facts.USDTConst, 0 // xzr, wzr
		return nil
	case ok:
		arg.Kind, arg.Reg = facts.USDTReg, reg
		arg.Size = min(arg.Size, width)
		return nil
	case isArmVector(text):
		arg.Float = true
		return refusal(refusedFloat)
	}
	if _, symbol, isTerms := terms(text); isTerms && symbol != "" {
		return armSymbol(arg, text, place)
	}
	return fmt.Errorf("not an operand of arm64")
}

// armSymbol is memory at a symbol's address.
func armSymbol(arg *facts.USDTArg, text string, place Place) error {
	disp, symbol, _ := terms(text)
	arg.Kind, arg.Reg, arg.Disp = facts.USDTMem, "pc", disp
	return place.addSymbol(arg, symbol)
}

// armRegister is a general register: its name in pt_regs ("" for the zero
// register) and its width in bytes.
func armRegister(text string) (reg string, width int, ok bool) {
	if name, named := armNames[text]; named {
		if text == "wsp" {
			return name, 4, true
		}
		return name, 8, true
	}
	switch text {
	case "xzr":
		return "", 8, true
	case "wzr":
		return "", 4, true
	}
	if len(text) < 2 || (text[0] != 'x' && text[0] != 'w') {
		return "", 0, false
	}
	n, err := strconv.ParseUint(text[1:], 10, 8)
	if err != nil || n > 30 || strconv.FormatUint(n, 10) != text[1:] {
		return "", 0, false
	}
	if text[0] == 'w' {
		return "x" + text[1:], 4, true
	}
	return text, 8, true
}

// isArmVector says whether text names a vector register, "d0", "v1.d[0]".
func isArmVector(text string) bool {
	if len(text) < 2 || strings.IndexByte(armVectors, text[0]) < 0 {
		return false
	}
	digits, _, _ := strings.Cut(text[1:], ".")
	n, err := strconv.ParseUint(digits, 10, 8)
	return err == nil && n < 32
}

// armMemory parses what stands in the brackets: "BASE", "BASE, DISP",
// "BASE, INDEX", "BASE, INDEX, lsl N".
func armMemory(arg *facts.USDTArg, inner string) error {
	parts := strings.Split(inner, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	base, width, ok := armRegister(parts[0])
	if !ok || base == "" || width != 8 {
		return fmt.Errorf("%q is no base register of arm64", parts[0])
	}
	arg.Kind, arg.Reg = facts.USDTMem, base
	if len(parts) == 1 {
		return nil
	}
	if n, isNumber := number(strings.TrimPrefix(parts[1], "#")); isNumber {
		if len(parts) > 2 {
			return fmt.Errorf("something follows the offset")
		}
		arg.Disp = n
		return nil
	}
	if strings.HasPrefix(strings.TrimPrefix(parts[1], "#"), ":") {
		return refusal("at an offset that the linker fills in (" + parts[1] + ")")
	}
	return armIndex(arg, parts[1:])
}

// armIndex parses "INDEX" or "INDEX", "lsl N".
func armIndex(arg *facts.USDTArg, parts []string) error {
	index, width, ok := armRegister(parts[0])
	if !ok || len(parts) > 2 {
		return fmt.Errorf("%q is no index register of arm64", strings.Join(parts, ", "))
	}
	shift := 0
	if len(parts) == 2 {
		op, count, _ := strings.Cut(parts[1], " ")
		n, isNumber := number(strings.TrimPrefix(strings.TrimSpace(count), "#"))
		if count == "" {
			n, isNumber = 0, true
		}
		switch {
		case op == "uxtw" || op == "sxtw" || op == "sxtx":
			return refusal("an address with an index of 32 bits (" + parts[1] + ")")
		case op != "lsl" || !isNumber || n < 0 || n > 3:
			return fmt.Errorf("%q is no shift of an index", parts[1])
		}
		shift = int(n)
	}
	if width != 8 {
		return fmt.Errorf("the index %q has 32 bits and no extension", parts[0])
	}
	if index == "" {
		return nil // the zero register adds nothing
	}
	arg.Index, arg.Scale = index, 1<<shift
	return nil
}
