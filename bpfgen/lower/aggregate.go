package lower

import (
	"tracer/bpfgen/ir"
	"tracer/bpfgen/layout"
	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
)

// bpfNoExist is BPF_NOEXIST: an insertion that another program was faster with
// fails, and its row is used.
const bpfNoExist = 1

// feed adds the event to one table.
func (l *lowerer) feed(f *plan.Feed) {
	done := l.newBlock("fed")
	l.prepareFeed(f)
	l.enter()
	l.conditions(f.Where, func() *ir.Block { return done })
	args := make([]*ir.Value, len(f.Values))
	for i, v := range f.Values {
		if v.Arg != nil {
			args[i] = l.scalar(v.Arg)
		}
	}
	t := l.in.Tables[f.Table]
	row := l.row(t, f, done)
	for i, v := range f.Values {
		l.pos = v.Range
		l.update(row, t, f.Table.Values[v.Column], t.Values[v.Column], args[i], v.Arg)
	}
	l.b.Jump(done)
	l.leave()
	l.at(done)
}

// prepareFeed claims scratch memory, if anything of a feed needs some.
func (l *lowerer) prepareFeed(f *plan.Feed) {
	if l.in.Scratch && l.in.Tables[f.Table].Key.Size > largeKey {
		l.claim()
	}
	for _, w := range f.Where {
		l.prepare(w)
	}
	for _, b := range f.By {
		l.prepare(b.Expr)
	}
	for _, v := range f.Values {
		if v.Arg != nil {
			l.prepare(v.Arg)
		}
	}
}

// row finds or makes the row of the event's key; a full table gives its
// (other) row.
func (l *lowerer) row(t *Table, f *plan.Feed, done *ir.Block) *ir.Value {
	l.pos = f.Range
	if t.Key.Size == 0 {
		row := l.call(fnMapLookup, l.tableMap(t, t.Map, done), l.indexKey(0))
		l.nonNull(row, done)
		return row
	}
	key := l.tableKey(t, f)
	m := l.tableMap(t, t.Map, done)
	row := l.call(fnMapLookup, m, key)
	miss, hit := l.newBlock("miss"), l.newBlock("row")
	miss.Cold = true
	l.b.If(ir.OpNe, row, l.konst(0), hit, miss, l.pos)
	l.at(miss)
	l.call(fnMapUpdate, m, key, l.zeroValue(t.ValueSize), l.konst(bpfNoExist))
	again := l.call(fnMapLookup, m, key)
	full := l.newBlock("full")
	full.Cold = true
	l.b.If(ir.OpNe, again, l.konst(0), hit, full, l.pos)
	l.at(full)
	l.addNow(layout.CountRejectedKeys)
	l.b.Cold = true
	other := l.call(fnMapLookup, l.tableMap(t, t.Other, done), l.indexKey(0))
	if onlySums(f) {
		l.nonNull(other, done)
		l.b.Cold = true
		l.storeImm(other, t.ValueSize, 1, 8)
		l.b.Jump(hit)
	} else {
		l.b.If(ir.OpNe, other, l.konst(0), hit, done, l.pos)
	}
	l.at(hit)
	return l.phi(row, again, other)
}

// onlySums says that a feed may leave all words of a row zero: every other
// function counts or notes its values.
func onlySums(f *plan.Feed) bool {
	for _, v := range f.Values {
		if f.Table.Values[v.Column].Func != plan.Sum {
			return false
		}
	}
	return true
}

// tableMap is the map that holds a table's rows now: of one that printing
// clears, the inner map in the only slot of its outer one.
func (l *lowerer) tableMap(t *Table, name string, done *ir.Block) *ir.Value {
	if !t.Table.Table.Swapped() {
		return l.mapRef(name)
	}
	inner := l.call(fnMapLookup, l.mapRef(name), l.indexKey(0))
	l.nonNull(inner, done)
	return inner
}

// zeroValue is the address of a zeroed value to insert.
func (l *lowerer) zeroValue(size int) *ir.Value {
	if size <= 16 {
		v := l.slot(size, "zero")
		l.zero(v, 0, size)
		return v
	}
	l.zeroBytes = max(l.zeroBytes, size)
	return l.value(ir.Value{Op: ir.OpMapValue, Sym: l.in.Maps.Zeros})
}

// largeKey is the key size, in bytes, from which a key is put together in
// scratch memory.
const largeKey = 128

// tableKey puts the key together: on the stack, or in scratch memory.
func (l *lowerer) tableKey(t *Table, f *plan.Feed) *ir.Value {
	of := func(fl *layout.Field) *tree.Expr {
		e := f.By[fl.Column].Expr
		if fl.Part >= 0 {
			return e.Parts[fl.Part].Expr
		}
		return e
	}
	for i := range t.Key.Fields {
		if e := of(&t.Key.Fields[i]); e.Type.IsScalar() && !e.Nullable {
			l.scalar(e)
		}
	}
	base, off := (*ir.Value)(nil), 0
	if l.in.Scratch && t.Key.Size > largeKey {
		base, off = l.scratchArea(t.Key.Size)
	} else {
		base = l.slot((t.Key.Size+7)&^7, "key")
	}
	zeroed := !l.filled(t, of)
	if zeroed {
		l.zero(base, off, t.Key.Size)
	}
	nulls := l.fill(base, off, t.Key.Fields, of, nil, zeroed)
	if t.Key.HasNull {
		l.store(base, off, nulls, 8)
	}
	return l.offset(base, off)
}

// filled says that the fields of a key write each of its bytes. Strings do
// not: on some kernels (6.1) bpf_get_current_comm leaves what follows the NUL.
func (l *lowerer) filled(t *Table, of func(*layout.Field) *tree.Expr) bool {
	end := 0
	if t.Key.HasNull {
		end = 8
	}
	for i := range t.Key.Fields {
		f := &t.Key.Fields[i]
		e := of(f)
		whole := e.Type.IsScalar() || l.isCommOfTask(e)
		if !whole || f.Off != end || e.Nullable {
			return false
		}
		end = f.Off + f.Size
	}
	return end == t.Key.Size
}

// update adds a value to one column of a row.
func (l *lowerer) update(row *ir.Value, t *Table, c plan.ValueColumn, f layout.ValueField, v *ir.Value, arg *tree.Expr) {
	switch c.Func {
	case plan.Count:
		l.addTo(row, f.Off, l.konst(1), t.Atomic)
	case plan.Sum:
		l.addTo(row, f.Off, v, t.Atomic)
	case plan.Avg:
		l.addTo(row, f.Off, v, t.Atomic)
		l.addTo(row, f.Off+8, l.konst(1), t.Atomic)
	case plan.Min, plan.Max:
		l.extremeUpdate(row, f, v, c, t.Atomic)
	case plan.Last:
		l.store(row, f.Off, l.now(), 8)
		l.store(row, f.Off+8, v, 8)
	case plan.Hist:
		signed := int64(boolBit(c.Type.Signed))
		slot := l.intrinsic(ir.HistSlot, []int64{int64(c.Bits), signed}, v)
		l.addSlot(row, f, slot, v, t.Atomic)
	case plan.Linear:
		l.addSlot(row, f, l.linearSlot(v, c, f.Slots), v, t.Atomic)
	}
}

func (l *lowerer) addSlot(row *ir.Value, f layout.ValueField, slot, v *ir.Value, atomic bool) {
	l.addTo(row, f.Off, v, atomic)
	at := l.op2(ir.OpAdd, row, l.op2(ir.OpShl, slot, l.konst(3)))
	l.addTo(at, f.Off+8, l.konst(1), atomic)
}

// linearSlot is 0 below Min, slots-1 from Max on, and the step between.
func (l *lowerer) linearSlot(v *ir.Value, c plan.ValueColumn, slots int) *ir.Value {
	inside, steps, bounded, join := l.newBlock("from min"), l.newBlock("below max"), l.newBlock("step"), l.newBlock("slot")
	below, above := l.konst(0), l.konst(int64(slots-1))
	lt, ge := ir.OpSlt, ir.OpSge
	if !c.Type.Signed {
		lt, ge = ir.OpUlt, ir.OpUge
	}
	lo, hi := c.Min, c.Max
	if !c.Type.Signed { // negative bounds of unsigned values are zero
		lo, hi = max(lo, 0), max(hi, 0)
	}
	l.b.If(lt, v, l.konst(lo), join, inside, l.pos)
	l.at(inside)
	l.b.If(ge, v, l.konst(hi), join, steps, l.pos)
	l.at(steps)
	n := l.op2(ir.OpUDiv, l.op2(ir.OpSub, v, l.konst(c.Min)), l.konst(c.Step))
	slot := l.op2(ir.OpAdd, n, l.konst(1))
	l.b.If(ir.OpUle, slot, above, bounded, join, l.pos)
	l.at(bounded)
	l.b.Jump(join)
	l.at(join)
	return l.phi(below, above, above, slot)
}

// extremeTries is how often a minimum or maximum is tried to be stored: each
// further try means that another program changed the word on this CPU in
// between.
const extremeTries = 4

// extremeUpdate keeps the greatest ordered image (layout.Ordered) and notes
// that there is one.
func (l *lowerer) extremeUpdate(row *ir.Value, f layout.ValueField, v *ir.Value, c plan.ValueColumn, atomic bool) {
	image := v
	if c.Type.Signed {
		image = l.op2(ir.OpXor, image, l.konst(-1<<63))
	}
	if c.Func == plan.Min {
		image = l.op2(ir.OpXor, image, l.konst(-1))
	}
	l.storeImm(row, f.Off+8, 1, 8)
	done := l.newBlock("extreme kept")
	seen := l.load(row, f.Off, 8, false)
	if !atomic || l.lacks(facts.AtomicFetch) {
		keep := l.newBlock("keep")
		l.b.If(ir.OpUgt, image, seen, keep, done, l.pos)
		l.at(keep)
		l.store(row, f.Off, image, 8)
		l.b.Jump(done)
		l.at(done)
		return
	}
	for range extremeTries {
		try, lost := l.newBlock("try"), l.newBlock("changed")
		l.b.If(ir.OpUgt, image, seen, try, done, l.pos)
		l.at(try)
		base := l.offset(row, 0)
		was := l.value(ir.Value{Op: ir.OpCmpXchg, Args: []*ir.Value{base, seen, image}, Imm: int64(f.Off), Size: 8})
		l.b.If(ir.OpEq, was, seen, done, lost, l.pos)
		lost.Cold = true
		l.at(lost)
		seen = was
	}
	l.b.Jump(done)
	l.at(done)
}
