package emit

import (
	"fmt"

	"github.com/cilium/ebpf/asm"

	"tracer/bpfgen/ir"
)

// selector makes machine instructions of values, block by block.
type selector struct {
	m       *machine
	f       *ir.Func
	cur     *mblock
	pos     ir.Pos
	blocks  map[*ir.Block]*mblock
	regs    map[*ir.Value]reg
	slots   map[*ir.Value]int // offset of each OpSlot from the frame pointer
	lastUse map[*ir.Value]int // order of the last value or terminator that uses it
	order   int               // of the value being selected
	folded  map[*ir.Value]bool
	// wide are the 64-bit immediates that a register holds, in this block
	// since the last call.
	wide  map[wideKey]reg
	steps int64 // of the verifier in the loops so far
}

type wideKey struct {
	op  ir.Op
	sym string
	imm int64
}

func selectCode(f *ir.Func) (*machine, error) {
	s := &selector{
		m: &machine{numRegs: firstVirtual, noSpill: map[reg]bool{}}, f: f,
		blocks: map[*ir.Block]*mblock{}, regs: map[*ir.Value]reg{}, slots: map[*ir.Value]int{},
		lastUse: map[*ir.Value]int{}, folded: map[*ir.Value]bool{},
	}
	s.countUses()
	s.frameSlots()
	for _, b := range f.Blocks {
		s.blocks[b] = &mblock{name: b.Name, cold: b.Cold}
	}
	for _, b := range f.Blocks {
		if err := s.block(b); err != nil {
			return nil, err
		}
	}
	return s.m, nil
}

// start makes b the block that instructions go to.
func (s *selector) start(b *mblock) {
	b.index = len(s.m.blocks)
	s.m.blocks = append(s.m.blocks, b)
	s.cur = b
	s.wide = map[wideKey]reg{}
}

// countUses finds the last use of each value and the additions that are only
// part of addresses.
func (s *selector) countUses() {
	other := map[*ir.Value]bool{}
	address := map[*ir.Value]bool{}
	order := 0
	for _, b := range s.f.Blocks {
		for _, v := range b.Values {
			for i, a := range v.Args {
				s.use(a, order)
				if i == 0 && isMemory(v.Op) && fitsOffset(a, v.Imm) {
					address[a] = true
				} else {
					other[a] = true
				}
			}
			order++
		}
		for _, a := range []*ir.Value{b.Term.A, b.Term.B} {
			if a != nil {
				s.use(a, order)
				other[a] = true
			}
		}
		order++
	}
	for a := range address {
		if !other[a] {
			s.folded[a] = true
		}
	}
}

func (s *selector) use(v *ir.Value, order int) { s.lastUse[v] = max(s.lastUse[v], order+1) }

func isMemory(op ir.Op) bool { return op >= ir.OpLoad && op <= ir.OpCmpXchg }

// fitsOffset says that a is base + constant and can be part of an address with
// the offset imm.
func fitsOffset(a *ir.Value, imm int64) bool {
	if a.Op != ir.OpAdd || a.Args[1].Op != ir.OpConst || a.Args[0].Op == ir.OpConst {
		return false
	}
	sum := a.Args[1].Imm + imm
	return isInt32(a.Args[1].Imm) && isInt16(imm) && isInt16(sum)
}

func isInt16(n int64) bool { return n == int64(int16(n)) }
func isInt32(n int64) bool { return n == int64(int32(n)) }

func (s *selector) add(in inst) {
	in.pos = s.pos
	s.cur.insts = append(s.cur.insts, in)
}

func (s *selector) move(dst, src reg) { s.add(inst{kind: kindMove, op: moveOp, dst: dst, src: src}) }

func (s *selector) block(b *ir.Block) error {
	s.start(s.blocks[b])
	if b == s.f.Blocks[0] {
		s.entry(b)
	}
	for _, v := range b.Values {
		s.order++
		s.pos = v.Pos
		if err := s.value(v); err != nil {
			return fmt.Errorf("v%d: %w", v.ID, err)
		}
	}
	s.order++
	s.pos = b.Term.Pos
	s.terminator(b)
	return nil
}

// entry saves the context, which all values of the program share.
func (s *selector) entry(b *ir.Block) {
	ctx := s.m.newReg()
	used := false
	for _, blk := range s.f.Blocks {
		for _, v := range blk.Values {
			if v.Op == ir.OpCtx {
				s.regs[v] = ctx
				used = used || s.lastUse[v] > 0
			}
		}
	}
	if used {
		s.move(ctx, 1)
	}
}

func (s *selector) terminator(b *ir.Block) {
	t := b.Term
	s.cur.term.pos = t.Pos
	switch t.Kind {
	case ir.TermExit:
		s.into(0, t.A)
	case ir.TermJump:
		from := s.cur
		s.copies(b, t.Then, 0)
		from.term.then = s.blocks[t.Then]
	case ir.TermIf:
		s.branch(b)
	}
}

func (s *selector) branch(b *ir.Block) {
	t, from := b.Term, s.cur
	cmp, x, y := t.Cmp, t.A, t.B
	if x.Op == ir.OpConst && y.Op != ir.OpConst {
		cmp, x, y = swapped[cmp], y, x
	}
	from.term.cmp, from.term.b = cmp, noReg
	from.term.a = s.get(x)
	if y.Op == ir.OpConst && isInt32(y.Imm) {
		from.term.imm = y.Imm
	} else {
		from.term.b = s.get(y)
	}
	from.term.then = s.edge(b, t.Then, 0)
	occurrence := 0
	if t.Then == t.Else {
		occurrence = 1
	}
	from.term.els = s.edge(b, t.Else, occurrence)
}

// edge gives the block to go to from a branch: a block of its own if the phis
// of the target want copies.
func (s *selector) edge(from, to *ir.Block, occurrence int) *mblock {
	if len(to.Values) == 0 || to.Values[0].Op != ir.OpPhi {
		return s.blocks[to]
	}
	split := &mblock{name: to.Name + "'", cold: from.Cold || to.Cold}
	split.term.pos = from.Term.Pos
	s.start(split)
	s.copies(from, to, occurrence)
	split.term.then = s.blocks[to]
	return split
}

// copies gives the phis of to their values. Edges go forward only, so no phi
// of a block is an operand of another one there, and the order is free.
func (s *selector) copies(from, to *ir.Block, occurrence int) {
	i := predIndex(from, to, occurrence)
	for _, phi := range to.Values {
		if phi.Op != ir.OpPhi {
			return
		}
		if s.lastUse[phi] > 0 {
			s.into(s.result(phi), phi.Args[i])
		}
	}
}

func predIndex(from, to *ir.Block, occurrence int) int {
	for i, p := range to.Preds {
		if p == from {
			if occurrence == 0 {
				return i
			}
			occurrence--
		}
	}
	panic("emit: an edge without predecessor")
}

// result is the register that holds v.
func (s *selector) result(v *ir.Value) reg {
	r, ok := s.regs[v]
	if !ok {
		r = s.m.newReg()
		s.regs[v] = r
	}
	return r
}

// frameOffset is the place in the stack frame that v is the address of.
func (s *selector) frameOffset(v *ir.Value) (int64, bool) {
	if v.Op == ir.OpSlot {
		return int64(s.slots[v]), true
	}
	if v.Op == ir.OpAdd && v.Args[1].Op == ir.OpConst && isInt16(v.Args[1].Imm) {
		off, ok := s.frameOffset(v.Args[0])
		return off + v.Args[1].Imm, ok && isInt16(off+v.Args[1].Imm)
	}
	return 0, false
}

// isRemade says that v is made anew at each use.
func (s *selector) isRemade(v *ir.Value) bool {
	switch v.Op {
	case ir.OpConst, ir.OpMap, ir.OpMapValue:
		return true
	}
	_, ok := s.frameOffset(v)
	return ok
}

// into puts v in r.
func (s *selector) into(r reg, v *ir.Value) {
	if off, ok := s.frameOffset(v); ok {
		s.move(r, framePointer)
		s.add(inst{kind: kindALU, op: asm.Add.Op(asm.ImmSource), dst: r, src: noReg, imm: off})
		return
	}
	if !s.isRemade(v) {
		s.move(r, s.result(v))
		return
	}
	if held, ok := s.wide[keyOf(v)]; ok {
		s.move(r, held)
		return
	}
	s.add(immediate(r, v))
}

func keyOf(v *ir.Value) wideKey { return wideKey{v.Op, v.Sym, v.Imm} }

func immediate(r reg, v *ir.Value) inst {
	in := inst{kind: kindImm, op: asm.LoadImmOp(asm.DWord), dst: r, src: noReg, imm: v.Imm, sym: v.Sym}
	if v.Op == ir.OpConst {
		in.sym = ""
		if isInt32(v.Imm) {
			in.op = asm.Mov.Op(asm.ImmSource)
		} else if v.Imm == int64(uint32(v.Imm)) {
			in.op, in.imm = asm.Mov.Op32(asm.ImmSource), int64(int32(v.Imm))
		}
	}
	if v.Op == ir.OpMap {
		in.imm = noOffset
	}
	return in
}

// noOffset marks an immediate that is a map and not one of its values.
const noOffset = -1

// get gives a register that holds v. What is remade must not be written.
func (s *selector) get(v *ir.Value) reg {
	if !s.isRemade(v) {
		return s.result(v)
	}
	if held, ok := s.wide[keyOf(v)]; ok {
		return held
	}
	r := s.m.newReg()
	s.into(r, v)
	if in := s.cur.insts[len(s.cur.insts)-1]; in.op == asm.LoadImmOp(asm.DWord) {
		s.wide[keyOf(v)] = r
	}
	return r
}

// address gives base and offset of a memory operand.
func (s *selector) address(v *ir.Value) (reg, int16) {
	base, off := v.Args[0], v.Imm
	if frame, ok := s.frameOffset(base); ok && isInt16(off) && isInt16(frame+off) {
		return framePointer, int16(frame + off)
	}
	if s.folded[base] {
		off += base.Args[1].Imm
		base = base.Args[0]
	}
	r := s.get(base)
	if isInt16(off) {
		return r, int16(off)
	}
	far := s.m.newReg()
	s.move(far, r)
	s.arith(asm.Add, far, &ir.Value{Op: ir.OpConst, Imm: off})
	return far, 0
}
