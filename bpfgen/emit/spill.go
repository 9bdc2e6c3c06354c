package emit

import "tracer/bpfgen/ir"

// spiller rewrites a machine so that some registers live in memory.
type spiller struct {
	m     *machine
	slots map[reg]int  // by group
	made  map[reg]inst // what is loaded anew
	group map[reg]reg
	out   []inst
}

// insertSpills puts each group of registers in a stack slot of its own, with a
// load before each use and a store after each definition.
func (m *machine) insertSpills(group map[reg]reg) {
	s := &spiller{m: m, slots: map[reg]int{}, made: m.remakes(), group: group}
	size := map[reg]int{}
	for _, g := range group {
		size[g]++
	}
	for r := range s.made {
		if g, ok := group[r]; !ok || size[g] > 1 {
			delete(s.made, r)
		}
	}
	for _, b := range m.blocks {
		s.out = make([]inst, 0, len(b.insts)+8)
		for i := range b.insts {
			s.inst(b.insts[i])
		}
		if b.term.isIf() {
			s.reload(&b.term.a, b.term.pos)
			if b.term.b != noReg {
				s.reload(&b.term.b, b.term.pos)
			}
		}
		b.insts = s.out
	}
}

func (s *spiller) slot(r reg) int {
	g := s.group[r]
	n, ok := s.slots[g]
	if !ok {
		n = s.m.spills
		s.m.spills++
		s.slots[g] = n
	}
	return n
}

func (s *spiller) isSpilled(r reg) bool { _, ok := s.group[r]; return ok }

func (s *spiller) inst(in inst) {
	if s.short(in) {
		return
	}
	temps := map[reg]reg{}
	temp := func(r reg) reg {
		t, ok := temps[r]
		if !ok {
			t = s.m.newReg()
			s.m.noSpill[t] = true
			temps[r] = t
		}
		return t
	}
	// A register may be read and written by one instruction: same temporary.
	in.eachUse(func(r *reg) {
		if s.isSpilled(*r) {
			if _, ok := temps[*r]; !ok {
				s.out = append(s.out, s.loadInto(temp(*r), *r, in))
			}
		}
	})
	var stores []inst
	in.eachDef(func(r *reg) {
		if s.isSpilled(*r) {
			stores = append(stores, inst{kind: kindSpill, dst: noReg, src: temp(*r), slot: s.slot(*r), pos: in.pos})
		}
	})
	rename := func(r *reg) {
		if t, ok := temps[*r]; ok { // temporaries are not spilled: a second visit changes nothing
			*r = t
		}
	}
	in.eachUse(rename)
	in.eachDef(rename)
	s.out = append(append(s.out, in), stores...)
}

// short handles what needs no temporary: copies, constants, and definitions
// that are made anew at each use.
func (s *spiller) short(in inst) bool {
	switch {
	case in.kind == kindImm && s.isSpilled(in.dst):
		if _, ok := s.made[in.dst]; ok {
			return true
		}
		if !isTinyImmediate(&in) {
			return false
		}
		s.out = append(s.out, inst{kind: kindSpillImm, dst: noReg, src: noReg, slot: s.slot(in.dst), imm: in.imm, pos: in.pos})
	case !in.isCopy():
		return false
	case s.isSpilled(in.dst) && s.isSpilled(in.src):
		return s.group[in.dst] == s.group[in.src]
	case s.isSpilled(in.dst):
		s.out = append(s.out, inst{kind: kindSpill, dst: noReg, src: in.src, slot: s.slot(in.dst), pos: in.pos})
	case s.isSpilled(in.src):
		s.out = append(s.out, s.loadInto(in.dst, in.src, in))
	default:
		return false
	}
	return true
}

// loadInto brings the spilled register r to dst.
func (s *spiller) loadInto(dst, r reg, at inst) inst {
	if in, ok := s.made[r]; ok {
		in.dst, in.pos = dst, at.pos
		return in
	}
	return inst{kind: kindReload, dst: dst, src: noReg, slot: s.slot(r), pos: at.pos}
}

func (s *spiller) reload(r *reg, pos ir.Pos) {
	if !s.isSpilled(*r) {
		return
	}
	t := s.m.newReg()
	s.m.noSpill[t] = true
	in := s.loadInto(t, *r, inst{pos: pos})
	s.out = append(s.out, in)
	*r = t
}

// layoutFrame puts the spill slots below the slots of the program. Slots that
// are never in use together share their place.
func (m *machine) layoutFrame() {
	if m.spills == 0 {
		return
	}
	lives := liveSpans(m, m.spills, slotOperands)
	var places []spans
	m.slotOffs = make([]int16, m.spills)
	for slot, life := range lives {
		at := 0
		for at < len(places) && places[at].overlaps(life) {
			at++
		}
		if at == len(places) {
			places = append(places, nil)
		}
		places[at] = union(places[at], life)
		m.slotOffs[slot] = int16(-(m.frame + 8*(at+1)))
	}
	m.frame += 8 * len(places)
}
