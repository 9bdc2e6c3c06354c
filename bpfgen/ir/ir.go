// Package ir is the typed SSA form of one BPF program: what to compute, in
// which order, with early exits; not in which register or stack slot.
//
// In: package lower builds a Func. Out: package opt rewrites it, package emit
// turns it into instructions. It must not know HCL, hosts, or registers. It is
// the only seam between meaning and machine.
//
// A probe program is mostly a straight line with early exits, so branches go
// forward only: blocks are in an order in which every edge goes from a block
// to a later one, and there are no loops (what needs one is an intrinsic).
package ir

import (
	"fmt"

	"tracer/interpreter/histogram"
)

// Pos is where in a spec a value comes from: opaque here, printed in dumps and
// handed back in the instruction table. An hcl.Range is one.
type Pos interface{ String() string }

// Op is what a value computes.
type Op uint8

// The operations. All arithmetic is 64-bit and wraps. "Imm" and "Sym" are the
// fields of Value.
const (
	OpInvalid Op = iota

	OpConst    // Imm
	OpCtx      // the program's context pointer, R1 at entry
	OpSlot     // address of Imm fresh bytes of stack, 8-aligned, not initialised; Sym names it in dumps
	OpMap      // the map Sym, as helpers take it
	OpMapValue // address of byte Imm in the only value of array map Sym
	OpPhi      // one of Args, by predecessor: Args[i] belongs to Block.Preds[i]

	OpLoad      // Size bytes at Args[0]+Imm, zero- or sign-extended (Signed)
	OpStore     // low Size bytes of Args[1] to Args[0]+Imm; no result
	OpAtomicAdd // 8 or 4 bytes at Args[0]+Imm += Args[1], no result
	OpXchg      // 8 bytes at Args[0]+Imm = Args[1]; the old value (5.12)
	OpCmpXchg   // if 8 bytes at Args[0]+Imm == Args[1] then = Args[2]; the old value (5.12)

	OpAdd
	OpSub
	OpMul
	OpUDiv // x/0 = 0
	OpUMod // x%0 = x
	OpAnd
	OpOr
	OpXor
	OpShl // the count is taken modulo 64
	OpLshr
	OpAshr
	OpNeg
	OpExt   // the low Size bytes of Args[0], zero- or sign-extended (Signed)
	OpBswap // the low Size bytes of Args[0] in reverse order, zero-extended
	// OpNumber is Args[0] itself, of which nothing is known from here on. Where
	// that was a pointer that the verifier knows by its type, it is a number:
	// numbers alone may be computed with.
	OpNumber

	OpEq // comparisons give 0 or 1
	OpNe
	OpUlt
	OpUle
	OpUgt
	OpUge
	OpSlt
	OpSle
	OpSgt
	OpSge

	OpCall      // helper Imm (asm.BuiltinFunc) of up to five Args; R0
	OpKfunc     // the kernel's function Sym of up to five Args; R0
	OpIntrinsic // a hand-made instruction sequence, by name Sym; see Intrinsic
)

// Value is one computed 64-bit value (or an effect: OpStore, OpAtomicAdd).
type Value struct {
	ID     int
	Op     Op
	Args   []*Value
	Imm    int64
	Sym    string
	Size   int // bytes, for OpLoad, OpStore, OpExt, OpBswap, atomics
	Signed bool
	Data   []byte  // intrinsics: constant bytes (a string to look for)
	Imms   []int64 // intrinsics: constant parameters
	Pos    Pos     // nil: made by tracer, no place in the spec
	Block  *Block
}

// Block is a straight line of values and one terminator.
type Block struct {
	ID     int
	Name   string // for dumps
	Values []*Value
	Preds  []*Block
	Term   Term
	// Cold blocks (errors, insertions) are laid out after the others.
	Cold bool
}

// Term ends a block.
type Term struct {
	Kind TermKind
	// If: compares A with B (Cmp is one of OpEq … OpSge) and goes to Then or
	// Else. Jump: to Then. Exit: returns A.
	Cmp        Op
	A, B       *Value
	Then, Else *Block
	Pos        Pos
}

// TermKind is how a block ends.
type TermKind uint8

// The terminators.
const (
	TermNone TermKind = iota
	TermJump
	TermIf
	TermExit
)

// Func is one program.
type Func struct {
	Name   string
	Blocks []*Block // Blocks[0] is the entry; edges go forward in this order
	nextID int
}

// NewFunc makes an empty program with its entry block.
func NewFunc(name string) *Func {
	f := &Func{Name: name}
	f.NewBlock("entry")
	return f
}

// NewBlock appends a block.
func (f *Func) NewBlock(name string) *Block {
	b := &Block{ID: len(f.Blocks), Name: name}
	f.Blocks = append(f.Blocks, b)
	return b
}

// NewValue appends v to b and gives it an ID.
func (f *Func) NewValue(b *Block, v Value) *Value {
	v.ID, v.Block = f.nextID, b
	f.nextID++
	p := &v
	b.Values = append(b.Values, p)
	return p
}

// Size is how many values and blocks have been made.
func (f *Func) Size() int { return f.nextID + len(f.Blocks) }

// Jump ends b.
func (b *Block) Jump(to *Block) {
	b.Term = Term{Kind: TermJump, Then: to}
	to.Preds = append(to.Preds, b)
}

// If ends b with a comparison.
func (b *Block) If(cmp Op, x, y *Value, then, els *Block, pos Pos) {
	b.Term = Term{Kind: TermIf, Cmp: cmp, A: x, B: y, Then: then, Else: els, Pos: pos}
	then.Preds = append(then.Preds, b)
	els.Preds = append(els.Preds, b)
}

// Exit ends b and the program.
func (b *Block) Exit(v *Value) { b.Term = Term{Kind: TermExit, A: v} }

// Intrinsic describes a hand-made instruction sequence. Like a helper call it
// takes its arguments in R1 to R5, gives its result in R0 and clobbers R0 to
// R5; unlike one it may jump inside itself.
type Intrinsic struct {
	Name string
	Args int
	Doc  string
}

// The intrinsics.
const (
	// hist.slot(x) Imms{bits, signed}: the slot of x in a histogram of powers
	// of two, each split in 2^bits. Slot 0: x < 0 (only if signed); slots 1 to
	// 2^bits: the exact values 0 to 2^bits-1; then 2^bits slots for each power
	// from 2^bits on. The result is below HistSlots(bits), and the verifier
	// must be able to see that.
	HistSlot = "hist.slot"

	// read.failed(r, p, counter) : if r is negative (a read helper's error)
	// and p is not null, adds 1 to the u64 at counter (a stack slot). No
	// result.
	ReadFailed = "read.failed"

	// str.contains(addr) Imms{n} Data: 1 if the n bytes at addr, up to the
	// first NUL, contain Data. All n bytes must be readable.
	StrContains = "str.contains"

	// str.equal(a, b) Imms{n, m}: 1 if the strings at a (n readable bytes) and
	// b (m readable bytes), each up to its first NUL or its end, are equal.
	StrEqual = "str.equal"

	// pair.push(stack, sp, id) Imms{depth, stride}: enters a call on the
	// sp-pruned stack at address stack and gives the address of its slot, or
	// 0 if the stack is deeper than depth. Layout of the stack: u64 count,
	// then depth slots of stride bytes, each {u64 sp, u64 id, saved values}.
	// Slots with a smaller sp, and those with the same sp and id, are dropped
	// first (calls that never returned).
	PairPush = "pair.push"

	// pair.pop(stack, sp, id) Imms{depth, stride}: leaves the call made with
	// stack pointer sp: drops slots with a smaller sp; if the top is {sp, id}
	// gives its address (it stays valid until the next push) and removes it,
	// else 0.
	PairPop = "pair.pop"
)

// HistSlots is the number of slots of a histogram with 2^bits slots to a
// power of two: one for negative values, 2^bits exact ones, and 2^bits for each
// power from bits to 63.
func HistSlots(bits int) int { return histogram.Slots(bits) }

// HistBounds is the range [lo, hi] of the values counted in a slot above 0.
func HistBounds(slot, bits int) (lo, hi uint64) { return histogram.Bounds(slot, bits) }

// IsCompare says that op gives 0 or 1 by comparing.
func (op Op) IsCompare() bool { return op >= OpEq && op <= OpSge }

// String gives the op's name in dumps.
func (op Op) String() string {
	if int(op) < len(opNames) {
		return opNames[op]
	}
	return fmt.Sprintf("op%d", op)
}

var opNames = [...]string{
	OpInvalid: "invalid", OpConst: "const", OpCtx: "ctx", OpSlot: "slot", OpMap: "map", OpMapValue: "mapvalue", OpPhi: "phi",
	OpLoad: "load", OpStore: "store", OpAtomicAdd: "atomic_add", OpXchg: "xchg", OpCmpXchg: "cmpxchg",
	OpAdd: "add", OpSub: "sub", OpMul: "mul", OpUDiv: "udiv", OpUMod: "umod", OpAnd: "and", OpOr: "or", OpXor: "xor",
	OpShl: "shl", OpLshr: "lshr", OpAshr: "ashr", OpNeg: "neg", OpExt: "ext", OpBswap: "bswap", OpNumber: "number",
	OpEq: "eq", OpNe: "ne", OpUlt: "ult", OpUle: "ule", OpUgt: "ugt", OpUge: "uge", OpSlt: "slt", OpSle: "sle", OpSgt: "sgt", OpSge: "sge",
	OpCall: "call", OpKfunc: "kfunc", OpIntrinsic: "intrinsic",
}
