package usdt

import (
	"fmt"
	"strings"

	"tracer/interpreter/facts"
)

// x86Reg is a register by its name in AT&T syntax.
type x86Reg struct {
	name  string // in struct pt_regs
	width int    // bytes
	shift int    // bits
}

// x86Registers are the general registers in all their widths.
var x86Registers = map[string]x86Reg{
	"rax": {"ax", 8, 0}, "eax": {"ax", 4, 0}, "ax": {"ax", 2, 0}, "al": {"ax", 1, 0}, "ah": {"ax", 1, 8},
	"rbx": {"bx", 8, 0}, "ebx": {"bx", 4, 0}, "bx": {"bx", 2, 0}, "bl": {"bx", 1, 0}, "bh": {"bx", 1, 8},
	"rcx": {"cx", 8, 0}, "ecx": {"cx", 4, 0}, "cx": {"cx", 2, 0}, "cl": {"cx", 1, 0}, "ch": {"cx", 1, 8},
	"rdx": {"dx", 8, 0}, "edx": {"dx", 4, 0}, "dx": {"dx", 2, 0}, "dl": {"dx", 1, 0}, "dh": {"dx", 1, 8},
	"rsi": {"si", 8, 0}, "esi": {"si", 4, 0}, "si": {"si", 2, 0}, "sil": {"si", 1, 0},
	"rdi": {"di", 8, 0}, "edi": {"di", 4, 0}, "di": {"di", 2, 0}, "dil": {"di", 1, 0},
	"rbp": {"bp", 8, 0}, "ebp": {"bp", 4, 0}, "bp": {"bp", 2, 0}, "bpl": {"bp", 1, 0},
	"rsp": {"sp", 8, 0}, "esp": {"sp", 4, 0}, "sp": {"sp", 2, 0}, "spl": {"sp", 1, 0},
	"r8": {"r8", 8, 0}, "r8d": {"r8", 4, 0}, "r8w": {"r8", 2, 0}, "r8b": {"r8", 1, 0},
	"r9": {"r9", 8, 0}, "r9d": {"r9", 4, 0}, "r9w": {"r9", 2, 0}, "r9b": {"r9", 1, 0},
	"r10": {"r10", 8, 0}, "r10d": {"r10", 4, 0}, "r10w": {"r10", 2, 0}, "r10b": {"r10", 1, 0},
	"r11": {"r11", 8, 0}, "r11d": {"r11", 4, 0}, "r11w": {"r11", 2, 0}, "r11b": {"r11", 1, 0},
	"r12": {"r12", 8, 0}, "r12d": {"r12", 4, 0}, "r12w": {"r12", 2, 0}, "r12b": {"r12", 1, 0},
	"r13": {"r13", 8, 0}, "r13d": {"r13", 4, 0}, "r13w": {"r13", 2, 0}, "r13b": {"r13", 1, 0},
	"r14": {"r14", 8, 0}, "r14d": {"r14", 4, 0}, "r14w": {"r14", 2, 0}, "r14b": {"r14", 1, 0},
	"r15": {"r15", 8, 0}, "r15d": {"r15", 4, 0}, "r15w": {"r15", 2, 0}, "r15b": {"r15", 1, 0},
	"rip": {"ip", 8, 0},
}

// x86Vectors are the beginnings of names of registers that pt_regs lacks.
var x86Vectors = []string{"xmm", "ymm", "zmm", "mm", "st", "k"}

// x86Segments are refused: their bases are not in pt_regs.
var x86Segments = []string{"fs", "gs", "cs", "ds", "es", "ss"}

// x86Scales are the factors an index may have.
var x86Scales = map[string]int{"": 1, "1": 1, "2": 2, "4": 4, "8": 8}

const (
	refusedSegment  = "relative to a segment register (thread-local storage), whose base a probe cannot see"
	refusedAbsolute = "at an absolute address, which the loader may move"
	refusedRIP      = "relative to %rip by a bare number: the note does not say from which instruction"
)

// x86Operand parses an operand in AT&T syntax.
func x86Operand(arg *facts.USDTArg, text string, place Place) error {
	switch {
	case strings.HasPrefix(text, "$"):
		return x86Immediate(arg, text[1:], place)
	case strings.HasPrefix(text, "%"):
		name, rest, segmented := strings.Cut(text[1:], ":")
		if segmented {
			return x86Segment(name, rest)
		}
		return x86Register(arg, name)
	case strings.HasSuffix(text, ")"):
		return x86Memory(arg, text, place)
	}
	if _, _, ok := terms(text); ok {
		return x86Absolute(arg, text, place)
	}
	return fmt.Errorf("not an operand of x86_64")
}

// x86Immediate parses what follows the $.
func x86Immediate(arg *facts.USDTArg, text string, place Place) error {
	n, symbol, ok := terms(text)
	if !ok || text == "" {
		return fmt.Errorf("not a number")
	}
	if symbol != "" {
		if !place.Fixed {
			return refusal("the address of the symbol " + symbol + ", which the loader may move")
		}
		addr, err := place.find(symbol)
		if err != nil {
			return err
		}
		n += int64(addr)
	}
	arg.Kind, arg.Const = facts.USDTConst, n
	return nil
}

// x86Segment refuses a segment prefix, if it is one.
func x86Segment(name, rest string) error {
	for _, s := range x86Segments {
		if name == s && rest != "" {
			return refusal(refusedSegment)
		}
	}
	return fmt.Errorf("%%%s is no segment register", name)
}

// x86Register parses a register's name without the %.
func x86Register(arg *facts.USDTArg, name string) error {
	reg, ok := x86Registers[name]
	if ok {
		arg.Kind, arg.Reg, arg.Shift = facts.USDTReg, reg.name, reg.shift
		arg.Size = min(arg.Size, reg.width)
		return nil
	}
	for _, prefix := range x86Vectors {
		if digits, found := strings.CutPrefix(name, prefix); found && strings.Trim(digits, "()0123456789") == "" {
			arg.Float = true
			return refusal(refusedFloat)
		}
	}
	return fmt.Errorf("%%%s is no register of x86_64", name)
}

// x86Memory parses "DISP(BASE,INDEX,SCALE)".
func x86Memory(arg *facts.USDTArg, text string, place Place) error {
	disp, inner, ok := strings.Cut(strings.TrimSuffix(text, ")"), "(")
	if !ok || strings.ContainsAny(inner, "()") {
		return fmt.Errorf("brackets that do not match")
	}
	var symbol string
	if strings.HasPrefix(disp, "%") {
		name, rest, _ := strings.Cut(disp[1:], ":")
		return x86Segment(name, rest+"("+inner)
	}
	if arg.Disp, symbol, ok = terms(disp); !ok {
		return fmt.Errorf("its offset %q is no number", disp)
	}
	parts := strings.Split(inner, ",")
	if len(parts) > 3 {
		return fmt.Errorf("more than base, index and scale in the brackets")
	}
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	if err := x86Address(arg, parts); err != nil {
		return err
	}
	arg.Kind = facts.USDTMem
	switch {
	case arg.Reg == "ip" && symbol == "":
		return refusal(refusedRIP)
	case arg.Reg == "ip":
		return place.addSymbol(arg, symbol)
	case symbol != "":
		return x86Fixed(arg, symbol, place)
	case arg.Reg == "" && arg.Index == "" && !place.Fixed:
		return refusal(refusedAbsolute)
	}
	return nil
}

// x86Fixed adds the absolute address of a symbol to registers.
func x86Fixed(arg *facts.USDTArg, symbol string, place Place) error {
	if !place.Fixed {
		return refusal("relative to the address of the symbol " + symbol + " and to registers, which holds only where the loader moves nothing")
	}
	addr, err := place.find(symbol)
	if err != nil {
		return err
	}
	arg.Disp += int64(addr)
	return nil
}

// x86Address fills in base, index and scale.
func x86Address(arg *facts.USDTArg, parts []string) (err error) {
	if arg.Reg, err = x86AddressReg(parts[0]); err != nil {
		return err
	}
	if len(parts) == 1 {
		return nil
	}
	if arg.Index, err = x86AddressReg(parts[1]); err != nil {
		return err
	}
	scale := ""
	if len(parts) == 3 {
		scale = parts[2]
	}
	n, ok := x86Scales[scale]
	switch {
	case !ok:
		return fmt.Errorf("the scale %q is none of 1, 2, 4, 8", scale)
	case arg.Index == "sp" || arg.Index == "ip" || (arg.Index != "" && arg.Reg == "ip"):
		return fmt.Errorf("this register cannot be an index")
	case arg.Index != "":
		arg.Scale = n
	}
	return nil
}

// x86AddressReg is a 64-bit register of an address, "" for none.
func x86AddressReg(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	name, ok := strings.CutPrefix(text, "%")
	reg, known := x86Registers[name]
	if !ok || !known || reg.width < 4 {
		return "", fmt.Errorf("%s is no address register of x86_64", text)
	}
	if reg.width == 4 {
		return "", refusal("at an address of 32 bits (" + text + ")")
	}
	return reg.name, nil
}

// x86Absolute is memory at a symbol, or at a number.
func x86Absolute(arg *facts.USDTArg, text string, place Place) error {
	disp, symbol, _ := terms(text)
	arg.Kind, arg.Disp = facts.USDTMem, disp
	switch {
	case symbol != "":
		// An absolute reference and one relative to %rip name the same place.
		arg.Reg = "ip"
		return place.addSymbol(arg, symbol)
	case !place.Fixed:
		return refusal(refusedAbsolute)
	}
	return nil
}
