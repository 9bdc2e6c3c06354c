package emit

import (
	"github.com/cilium/ebpf/asm"

	"tracer/bpfgen/ir"
)

// reg is a machine register (0 to 10) or, from firstVirtual on, a virtual one.
type reg int32

const (
	noReg        reg = -1
	framePointer reg = 10
	allocatable  reg = 10 // registers below this one are ours to give
	firstVirtual reg = 16
)

// kind says which operands of an inst are read and written.
type kind uint8

const (
	kindALU      kind = iota // dst op= src or imm
	kindMove                 // dst = src (64 or 32 bits)
	kindImm                  // dst = imm, map or map value
	kindLoad                 // dst = [src+off]
	kindStore                // [dst+off] = src
	kindStoreImm             // [dst+off] = imm
	kindAtomic               // [dst+off] op= src, nothing fetched
	kindXchg                 // src, [dst+off] = [dst+off], src
	kindCmpXchg              // r0 = [dst+off]; if it was r0 then [dst+off] = src
	kindCall                 // r0 = call(r1 … rn), r1 … r5 are lost
	kindSeq                  // the same with instructions of our own
	kindSetCC                // dst = dst2 cmp src (or imm); dst is written before the others are read
	kindReload               // dst = spill slot
	kindSpill                // spill slot = src
	kindSpillImm             // spill slot = imm
)

// access is how a kind uses the fields dst and src.
type access struct{ useDst, defDst, useSrc, defSrc bool }

var accesses = [...]access{
	kindALU:      {useDst: true, defDst: true, useSrc: true},
	kindMove:     {defDst: true, useSrc: true},
	kindImm:      {defDst: true},
	kindLoad:     {defDst: true, useSrc: true},
	kindStore:    {useDst: true, useSrc: true},
	kindStoreImm: {useDst: true},
	kindAtomic:   {useDst: true, useSrc: true},
	kindXchg:     {useDst: true, useSrc: true, defSrc: true},
	kindCmpXchg:  {useDst: true, useSrc: true},
	kindCall:     {},
	kindSeq:      {},
	kindSetCC:    {defDst: true, useSrc: true},
	kindReload:   {defDst: true},
	kindSpill:    {useSrc: true},
	kindSpillImm: {},
}

// inst is one machine instruction before registers are known.
type inst struct {
	kind     kind
	op       asm.OpCode
	dst, src reg
	lhs      reg // kindSetCC: what is compared with src or imm
	off      int16
	imm      int64
	cmp      ir.Op  // kindSetCC
	sym      string // kindImm: a map; kindCall: a function of the kernel
	args     int    // kindCall, kindSeq
	clobbers uint16 // kindCall, kindSeq: a bit for each register
	seq      asm.Instructions
	slot     int // kindReload, kindSpill
	pos      ir.Pos
}

// terminator ends an mblock: exit (then == nil), jump (els == nil) or branch.
type terminator struct {
	cmp       ir.Op
	a, b      reg // b == noReg: imm
	imm       int64
	then, els *mblock
	pos       ir.Pos
}

// mblock is a straight line of machine instructions.
type mblock struct {
	index int // in machine.blocks
	name  string
	insts []inst
	term  terminator
	cold  bool
}

// machine is a program between selection and layout. Edges go forward in the
// order of blocks.
type machine struct {
	blocks  []*mblock
	numRegs reg // one above the last virtual register
	frame   int // bytes of stack in use
	spills  int // number of spill slots
	// slotOffs are the offsets of the spill slots, once layoutFrame has run.
	slotOffs []int16
	noSpill  map[reg]bool // made for one spilled operand
}

func (m *machine) newReg() reg {
	r := m.numRegs
	m.numRegs++
	return r
}

func (t *terminator) isIf() bool { return t.els != nil }

func (t *terminator) succs() []*mblock {
	switch {
	case t.then == nil:
		return nil
	case t.els == nil:
		return []*mblock{t.then}
	default:
		return []*mblock{t.then, t.els}
	}
}

// eachUse calls f with a pointer to every register that in reads explicitly.
func (in *inst) eachUse(f func(*reg)) {
	a := accesses[in.kind]
	if a.useDst && in.dst != noReg {
		f(&in.dst)
	}
	if a.useSrc && in.src != noReg {
		f(&in.src)
	}
	if in.kind == kindSetCC {
		f(&in.lhs)
	}
}

// eachDef calls f with a pointer to every register that in writes explicitly.
func (in *inst) eachDef(f func(*reg)) {
	a := accesses[in.kind]
	if a.defDst {
		f(&in.dst)
	}
	if a.defSrc {
		f(&in.src)
	}
}

// fixedUses are the machine registers that in reads by convention.
func (in *inst) fixedUses() uint16 {
	switch in.kind {
	case kindCall, kindSeq:
		return (1<<in.args - 1) << 1
	case kindCmpXchg:
		return 1
	default:
		return 0
	}
}

// fixedDefs are the machine registers that in writes by convention.
func (in *inst) fixedDefs() uint16 {
	switch in.kind {
	case kindCall, kindSeq:
		return in.clobbers
	case kindCmpXchg:
		return 1
	default:
		return 0
	}
}

// isCopy says that in only copies a register.
func (in *inst) isCopy() bool { return in.kind == kindMove && in.op == moveOp }

var (
	moveOp   = asm.Mov.Op(asm.RegSource)
	move32Op = asm.Mov.Op32(asm.RegSource)
)
