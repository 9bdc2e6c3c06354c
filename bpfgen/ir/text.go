package ir

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// posColumn is where the comment with a value's position starts.
const posColumn = 46

// String is the stable text form of f, one value a line. ParseText reads it
// back.
func (f *Func) String() string {
	var sb strings.Builder
	fmt.Fprintf(&sb, "func %q\n", f.Name)
	index := f.blockIndex()
	for i, b := range f.Blocks {
		fmt.Fprintf(&sb, "\nb%d %q%s:\n", i, b.Name, coldMark(b.Cold))
		for _, v := range b.Values {
			writeLine(&sb, v.text(index), v.Pos)
		}
		writeLine(&sb, b.Term.text(index), b.Term.Pos)
	}
	return sb.String()
}

func coldMark(cold bool) string {
	if cold {
		return " cold"
	}
	return ""
}

func writeLine(sb *strings.Builder, text string, pos Pos) {
	if pos == nil {
		fmt.Fprintf(sb, "  %s\n", text)
		return
	}
	place := strings.ReplaceAll(pos.String(), "\n", " ")
	fmt.Fprintf(sb, "  %-*s ; %s\n", posColumn, text, place)
}

func (f *Func) blockIndex() map[*Block]int {
	index := make(map[*Block]int, len(f.Blocks))
	for i, b := range f.Blocks {
		index[b] = i
	}
	return index
}

// String is the line of v in dumps.
func (v *Value) String() string {
	if v.Op == OpPhi {
		return fmt.Sprintf("%s = phi %s", name(v), names(v.Args))
	}
	return v.text(nil)
}

// HasResult says that v gives a value that others can use.
func (v *Value) HasResult() bool { return v.Op != OpStore && v.Op != OpAtomicAdd }

func name(v *Value) string {
	if v == nil {
		return "nil"
	}
	return "v" + strconv.Itoa(v.ID)
}

func names(vs []*Value) string {
	parts := make([]string, len(vs))
	for i, v := range vs {
		parts[i] = name(v)
	}
	return strings.Join(parts, ", ")
}

func (v *Value) text(index map[*Block]int) string {
	rhs := v.rightSide(index)
	if !v.HasResult() {
		return rhs
	}
	return name(v) + " = " + rhs
}

func (v *Value) rightSide(index map[*Block]int) string {
	switch shapes[v.Op] {
	case shapeImm:
		return fmt.Sprintf("%s %d", v.Op, v.Imm)
	case shapeSlot:
		return fmt.Sprintf("%s %d %q", v.Op, v.Imm, v.Sym)
	case shapeSym:
		return fmt.Sprintf("%s %q", v.Op, v.Sym)
	case shapeSymImm:
		return fmt.Sprintf("%s %q %d", v.Op, v.Sym, v.Imm)
	case shapePhi:
		return fmt.Sprintf("%s %s", v.Op, v.phiArgs(index))
	case shapeMem:
		return fmt.Sprintf("%s%s %s%s", v.Op, v.sizeMark(), v.address(), rest(v.Args, 1))
	case shapeSized:
		return fmt.Sprintf("%s%s %s", v.Op, v.sizeMark(), names(v.Args))
	case shapeCall:
		return fmt.Sprintf("%s %d(%s)", v.Op, v.Imm, names(v.Args))
	case shapeIntrinsic:
		return v.intrinsicText()
	default:
		return strings.TrimSuffix(fmt.Sprintf("%s %s", v.Op, names(v.Args)), " ")
	}
}

func (v *Value) address() string {
	if len(v.Args) == 0 {
		return "[?]"
	}
	return fmt.Sprintf("[%s%+d]", name(v.Args[0]), v.Imm)
}

func rest(vs []*Value, from int) string {
	if len(vs) <= from {
		return ""
	}
	return ", " + names(vs[from:])
}

func (v *Value) sizeMark() string {
	if v.Signed {
		return fmt.Sprintf(".%ds", v.Size)
	}
	return fmt.Sprintf(".%d", v.Size)
}

// phiArgs are sorted by the place of the predecessor, so that the text does
// not depend on the order in which edges were made.
func (v *Value) phiArgs(index map[*Block]int) string {
	if v.Block == nil || len(v.Args) != len(v.Block.Preds) {
		return names(v.Args)
	}
	type arg struct {
		pred int
		text string
	}
	args := make([]arg, len(v.Args))
	for i, a := range v.Args {
		pred := index[v.Block.Preds[i]]
		args[i] = arg{pred, fmt.Sprintf("b%d:%s", pred, name(a))}
	}
	slices.SortStableFunc(args, func(a, b arg) int { return a.pred - b.pred })
	parts := make([]string, len(args))
	for i, a := range args {
		parts[i] = a.text
	}
	return strings.Join(parts, ", ")
}

func (v *Value) intrinsicText() string {
	text := fmt.Sprintf("%s %s(%s)", v.Op, v.Sym, names(v.Args))
	if len(v.Imms) > 0 {
		parts := make([]string, len(v.Imms))
		for i, n := range v.Imms {
			parts[i] = strconv.FormatInt(n, 10)
		}
		text += fmt.Sprintf(" imms(%s)", strings.Join(parts, ", "))
	}
	if v.Data != nil {
		text += fmt.Sprintf(" data(%q)", v.Data)
	}
	return text
}

func (t *Term) text(index map[*Block]int) string {
	switch t.Kind {
	case TermJump:
		return fmt.Sprintf("jump b%d", index[t.Then])
	case TermIf:
		return fmt.Sprintf("if %s %s, %s then b%d else b%d", t.Cmp, name(t.A), name(t.B), index[t.Then], index[t.Else])
	case TermExit:
		return "exit " + name(t.A)
	default:
		return "no terminator"
	}
}

// shape is how the operands of an op are written and how many there are.
type shape uint8

const (
	shapePlain     shape = iota // op v1, v2
	shapeImm                    // op 1
	shapeSlot                   // op 8 "name"
	shapeSym                    // op "name"
	shapeSymImm                 // op "name" 8
	shapePhi                    // op b1:v1, b2:v2
	shapeMem                    // op.8 [v1+8], v2
	shapeSized                  // op.4s v1
	shapeCall                   // op 14(v1, v2)
	shapeIntrinsic              // op name(v1) imms(1) data("a")
)

var shapes = [...]shape{
	OpConst: shapeImm, OpSlot: shapeSlot, OpMap: shapeSym, OpMapValue: shapeSymImm, OpPhi: shapePhi,
	OpLoad: shapeMem, OpStore: shapeMem, OpAtomicAdd: shapeMem, OpXchg: shapeMem, OpCmpXchg: shapeMem,
	OpExt: shapeSized, OpBswap: shapeSized,
	OpCall: shapeCall, OpKfunc: shapeIntrinsic, OpIntrinsic: shapeIntrinsic,
}

// argCounts is the number of operands of each op; -1: any.
var argCounts = [...]int{
	OpInvalid: -1, OpConst: 0, OpCtx: 0, OpSlot: 0, OpMap: 0, OpMapValue: 0, OpPhi: -1,
	OpLoad: 1, OpStore: 2, OpAtomicAdd: 2, OpXchg: 2, OpCmpXchg: 3,
	OpAdd: 2, OpSub: 2, OpMul: 2, OpUDiv: 2, OpUMod: 2, OpAnd: 2, OpOr: 2, OpXor: 2,
	OpShl: 2, OpLshr: 2, OpAshr: 2, OpNeg: 1, OpExt: 1, OpBswap: 1, OpNumber: 1,
	OpEq: 2, OpNe: 2, OpUlt: 2, OpUle: 2, OpUgt: 2, OpUge: 2, OpSlt: 2, OpSle: 2, OpSgt: 2, OpSge: 2,
	OpCall: -1, OpKfunc: -1, OpIntrinsic: -1,
}
