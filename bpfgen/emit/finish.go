package emit

import (
	"fmt"

	"github.com/cilium/ebpf/asm"

	"tracer/bpfgen/ir"
)

// finisher turns machine blocks with known registers into the final list.
type finisher struct {
	m     *machine
	regs  []reg
	code  []asm.Instructions // by block
	pos   [][]ir.Pos
	goes  []*mblock // where a jump to the block ends up
	order []*mblock
	out   *Object
	start map[*mblock]int // first instruction
	jumps []pendingJump
}

type pendingJump struct {
	at int
	to *mblock
}

func (m *machine) finish(regs []reg) (*Object, error) {
	n := len(m.blocks)
	f := &finisher{
		m: m, regs: regs, code: make([]asm.Instructions, n), pos: make([][]ir.Pos, n), goes: make([]*mblock, n),
		out: &Object{StackBytes: m.frame, labels: map[int]string{}}, start: map[*mblock]int{},
	}
	for i, b := range m.blocks {
		if err := f.encode(i, b); err != nil {
			return nil, err
		}
	}
	f.thread()
	f.place()
	for i, b := range f.order {
		var next *mblock
		if i+1 < len(f.order) {
			next = f.order[i+1]
		}
		f.append(b, next)
	}
	return f.out, f.resolve()
}

func (f *finisher) reg(r reg) asm.Register {
	if r == noReg {
		return 0
	}
	return asm.Register(f.regs[r])
}

// encode makes the instructions of b without its terminator.
func (f *finisher) encode(i int, b *mblock) error {
	for j := range b.insts {
		in := &b.insts[j]
		if in.isCopy() && f.reg(in.dst) == f.reg(in.src) {
			continue
		}
		list := f.instructions(in)
		for k := range list {
			f.code[i] = append(f.code[i], list[k])
			f.pos[i] = append(f.pos[i], in.pos)
		}
	}
	f.code[i], f.pos[i] = peephole(f.code[i], f.pos[i])
	if t := &b.term; t.isIf() && jumps[t.cmp] == 0 {
		return fmt.Errorf("no jump for %s", t.cmp)
	}
	return nil
}

func (f *finisher) instructions(in *inst) asm.Instructions {
	a := asm.Instruction{OpCode: in.op, Dst: f.reg(in.dst), Src: f.reg(in.src), Offset: in.off, Constant: in.imm}
	switch in.kind {
	case kindSeq:
		return in.seq
	case kindCall:
		a.Dst, a.Src = 0, asm.Register(in.src)
		if in.sym != "" {
			a = a.WithReference(in.sym)
		}
	case kindImm:
		a = f.immediate(in)
	case kindSetCC:
		return f.setCC(in)
	case kindReload:
		a = asm.LoadMem(a.Dst, asm.RFP, f.m.slotOffs[in.slot], asm.DWord)
	case kindSpill:
		a = asm.StoreMem(asm.RFP, f.m.slotOffs[in.slot], a.Src, asm.DWord)
	case kindSpillImm:
		op := asm.OpCode(asm.StClass).SetMode(asm.MemMode).SetSize(asm.DWord)
		a = asm.Instruction{OpCode: op, Dst: asm.RFP, Offset: f.m.slotOffs[in.slot], Constant: in.imm}
	}
	return asm.Instructions{a}
}

func (f *finisher) immediate(in *inst) asm.Instruction {
	dst := f.reg(in.dst)
	switch {
	case in.sym == "":
		return asm.Instruction{OpCode: in.op, Dst: dst, Constant: in.imm}
	case in.imm == noOffset:
		return asm.LoadMapPtr(dst, 0).WithReference(in.sym)
	default:
		return asm.LoadMapValue(dst, 0, uint32(in.imm)).WithReference(in.sym)
	}
}

// setCC is dst = 1; if lhs cmp rhs skip; dst = 0.
func (f *finisher) setCC(in *inst) asm.Instructions {
	dst := f.reg(in.dst)
	jump := jumpIf(in.cmp, f.reg(in.lhs), in.src != noReg, f.reg(in.src), in.imm)
	jump.Offset = 1
	return asm.Instructions{asm.Mov.Imm(dst, 1), jump, asm.Mov.Imm(dst, 0)}
}

// jumpIf compares lhs with a register or a constant.
func jumpIf(cmp ir.Op, lhs asm.Register, byReg bool, rhs asm.Register, imm int64) asm.Instruction {
	if byReg {
		return asm.Instruction{OpCode: jumps[cmp].Op(asm.RegSource), Dst: lhs, Src: rhs}
	}
	return asm.Instruction{OpCode: jumps[cmp].Op(asm.ImmSource), Dst: lhs, Constant: imm}
}
