// Package lower says what a variant of a plan computes, in IR: conditions as
// early exits, columns where they will live, aggregates as one map look-up
// and atomic additions.
//
// In: a plan.Variant and the layouts of what it fills. Out: ir.Func for each
// side of a call. It must not know registers, the stack's size or HCL's syntax.
//
// Exactness is by construction: counts are additions to per-CPU words, atomic
// wherever a program can be interrupted or preempted by another that adds to
// the same word; a row is inserted with NOEXIST and looked up again, and what
// finds no room goes to the (other) row.
package lower

import (
	"fmt"

	"tracer/bpfgen/ir"
	"tracer/bpfgen/layout"
	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
	"tracer/templates"
)

// Maps are the names of the maps that programs refer to.
type Maps struct {
	Events, Counters string
	Scratch          string // per-CPU array of ScratchSlots values; "" if unused
	Zeros            string // array of one zeroed value
	Calls            string // task storage of this variant's calls
	// Targets is an array by number of call, of shared mechanisms: 1 + its ID
	// for each target of the variant, 0 for others.
	Targets string
}

// Table is what lowering needs of one aggregate's maps.
type Table struct {
	*layout.Table
	Map, Other string
	// Atomic: additions to its rows must be atomic, see Concurrent.
	Atomic bool
}

// Concurrent says that of programs, all of which add to one per-CPU word, one may
// run amid another on the same CPU.
func Concurrent(programs []plan.Mechanism) bool {
	alone, others := 0, 0
	for _, m := range programs {
		switch m.Guard {
		case plan.GuardNone:
			return true
		case plan.GuardSelf:
			alone++
		default:
			others++
		}
	}
	return alone > 1 || alone == 1 && others > 0
}

// Input is one variant to lower.
type Input struct {
	Plan    *plan.Plan
	Variant *plan.Variant
	Record  *layout.Record // nil if it does not stream
	Tables  map[*plan.Table]*Table
	Maps    Maps
	// Atomic: additions to the probe's counters must be atomic.
	Atomic bool
	// Counted: a table counts what is taken, so that no counter has to.
	Counted bool
	// Scratch: what does not fit the stack goes to scratch memory.
	Scratch bool
}

// Output is the variant's programs.
type Output struct {
	Main  *ir.Func // the only one, or the return side
	Entry *ir.Func // nil if nothing is paired, or Main is both sides
	// CallBytes is the size of the task storage value; ScratchBytes that of one
	// scratch slot (0: none); ZeroBytes that of the zeroed value.
	CallBytes, ScratchBytes, ZeroBytes int
}

// ScratchSlots is how many scratch areas a CPU has: a program that interrupts
// or preempts another takes the next one.
const ScratchSlots = 4

// Depth is how many nested calls of one thread are paired at most; deeper ones
// are counted as unmatched.
const Depth = 32

// maxCallBytes bounds the task storage value (65,528 bytes are refused).
const maxCallBytes = 60000

// Variant lowers a variant.
func Variant(in Input) (*Output, error) {
	out := &Output{}
	saved := savedOf(in.Variant)
	paired, session := in.Variant.Pair != plan.PairNone, in.Variant.Mechanism.Session
	if paired {
		out.CallBytes = saved.bytes
	}
	if paired && !session {
		e := newLowerer(in, in.Variant.Probe.Address()+" entry")
		e.saved, e.saving = saved, true
		e.entrySide()
		out.Entry = e.finish()
		if e.err != nil {
			return nil, e.err
		}
		out.merge(e)
	}
	m := newLowerer(in, in.Variant.Probe.Address())
	m.saved, m.returnSide = saved, paired
	if session {
		m.callSide()
	}
	m.main()
	out.Main = m.finish()
	out.merge(m)
	if m.err != nil {
		return nil, m.err
	}
	return out, nil
}

func (o *Output) merge(l *lowerer) {
	o.ScratchBytes = max(o.ScratchBytes, l.scratchBytes)
	o.ZeroBytes = max(o.ZeroBytes, l.zeroBytes)
}

// savedCalls is how a variant's calls are kept between entry and return.
type savedCalls struct {
	*layout.Saved
	exprs  []*tree.Expr // what is saved, by field
	fields map[string]*layout.Field
	keys   *tree.Keys // of fields
	head   int        // bytes before the fields in a slot
	depth  int
	bytes  int // of the whole value in storage; 0: the kernel keeps them
}

func savedOf(v *plan.Variant) *savedCalls {
	s := &savedCalls{fields: map[string]*layout.Field{}, keys: tree.NewKeys(), exprs: v.Saved(), head: savedHeads[v.Pair], depth: 1}
	s.Saved = layout.NewSaved(s.head, s.exprs)
	for i := range s.Fields {
		s.fields[s.keys.Key(s.exprs[s.Fields[i].Column])] = &s.Fields[i]
	}
	switch v.Pair {
	case plan.PairTask:
		s.bytes = s.Size
	case plan.PairStack:
		s.depth = min(Depth, max(1, (maxCallBytes-8)/s.Size))
		s.bytes = 8 + s.depth*s.Size
	}
	return s
}

// savedHeads are the bytes before the saved values of a call: whether there is
// one; the stack pointer and the function.
var savedHeads = map[plan.Pair]int{plan.PairTask: 8, plan.PairStack: 16}

// entrySide saves what the return needs.
func (l *lowerer) entrySide() {
	unwanted, unpaired := l.quiet, l.quiet
	if l.declines { // there will be no return to count it
		unwanted, unpaired = l.skipped, l.unmatched
	}
	l.selectTarget()
	l.conditions(l.in.Variant.EntryWhere, unwanted)
	values := make([]*ir.Value, len(l.saved.Fields))
	for i := range l.saved.Fields {
		l.prepare(l.saved.Fields[i].Expr)
	}
	for i := range l.saved.Fields {
		if e := l.saved.Fields[i].Expr; e.Type.IsScalar() {
			values[i] = l.scalar(e)
		}
	}
	slot := l.enterCall(unpaired)
	for i := range l.saved.Fields {
		f := &l.saved.Fields[i]
		if values[i] != nil {
			l.store(slot, f.Off, values[i], 8)
			continue
		}
		l.into(f.Expr, place{base: slot, off: f.Off, field: f})
	}
	if l.in.Variant.Pair == plan.PairTask {
		l.store(slot, 0, l.callState(), 8)
	}
	l.b.Jump(l.quiet())
}

// enterCall gives where the values of a call that begins are saved.
func (l *lowerer) enterCall(unpaired func() *ir.Block) *ir.Value {
	switch l.in.Variant.Pair {
	case plan.PairCookie:
		return l.sessionCookie()
	case plan.PairTask:
		return l.calls(true, unpaired())
	}
	storage := l.calls(true, unpaired())
	sp := l.loadCtx(templates.StackPointer(l.in.Plan.Arch), 8, false)
	slot := l.intrinsic(ir.PairPush, []int64{int64(l.saved.depth), int64(l.saved.Size)}, storage, sp, l.callID())
	l.nonNull(slot, unpaired())
	return slot
}

// callID tells the targets of one program apart.
func (l *lowerer) callID() *ir.Value {
	if len(l.in.Variant.Targets) == 1 {
		return l.konst(int64(l.in.Variant.Targets[0].ID))
	}
	return l.builtin(&tree.Expr{Name: "func"})
}

// callState is what a system call's slot says while it is under way: which of the
// targets it is. A return without an entry (of a call that seccomp refused) so
// finds no other call, one that never returned (rt_sigreturn).
func (l *lowerer) callState() *ir.Value {
	v := l.in.Variant
	number := v.Layout.Call
	if v.Selector != nil {
		number = v.Selector.Number
	}
	if len(v.Targets) == 1 || number == nil {
		return l.konst(1)
	}
	return l.op2(ir.OpAdd, l.location(number), l.konst(1))
}

// findCall finds the saved entry of the call that returns.
func (l *lowerer) findCall() {
	if l.in.Variant.Pair == plan.PairCookie {
		l.callSlot = l.sessionCookie()
		return
	}
	missing := l.unmatched()
	if len(l.in.Variant.EntryWhere) > 0 && !l.in.Variant.Mechanism.Session {
		missing = l.skipped() // most likely the entry decided that
	}
	storage := l.calls(false, missing)
	if l.in.Variant.Pair == plan.PairTask {
		state := l.load(storage, 0, 8, false)
		l.check(ir.OpEq, state, l.callState(), missing)
		l.storeImm(storage, 0, 0, 8)
		l.callSlot = storage
		return
	}
	sp := l.loadCtx(templates.StackPointer(l.in.Plan.Arch), 8, false)
	if adjust := templates.StackAdjust(l.in.Plan.Arch); adjust != 0 {
		sp = l.op2(ir.OpSub, sp, l.konst(int64(adjust)))
	}
	slot := l.intrinsic(ir.PairPop, []int64{int64(l.saved.depth), int64(l.saved.Size)}, storage, sp, l.callID())
	l.nonNull(slot, missing)
	l.callSlot = slot
}

// main is the program that filters, aggregates and streams.
func (l *lowerer) main() {
	v := l.in.Variant
	l.selectTarget()
	if !v.Mechanism.Session {
		l.sample()
	}
	early, late := l.beforeCall(v.Where)
	l.conditions(early, l.skipped)
	if l.returnSide {
		l.findCall()
	}
	l.conditions(late, l.skipped)
	for _, feed := range v.Aggregates {
		l.feed(feed)
	}
	if v.Stream {
		l.stream()
	}
	l.b.Jump(l.exit(exitTaken))
}

// selectTarget ends the program, uncounted, unless the event is one of the
// variant's targets.
func (l *lowerer) selectTarget() {
	selector := l.in.Variant.Selector
	if selector == nil {
		return
	}
	key := l.slot(4, "number")
	l.store(key, 0, l.location(selector.Number), 4)
	p := l.call(fnMapLookup, l.mapRef(l.in.Maps.Targets), key)
	l.nonNull(p, l.quiet())
	id := l.load(p, 0, 8, false)
	l.check(ir.OpNe, id, l.konst(0), l.quiet())
	l.once("cookie", func() *ir.Value { return l.op2(ir.OpSub, id, l.konst(1)) })
	l.conditions(selector.Where, l.quiet)
}

// sample goes on with one event in so many.
func (l *lowerer) sample() {
	if n := l.in.Variant.Probe.Sample; n > 1 {
		r := l.op2(ir.OpUMod, l.call(fnGetPrandom), l.konst(int64(n)))
		l.check(ir.OpEq, r, l.konst(0), l.skipped())
	}
}

// beforeCall splits conditions in those that need no saved entry, which are
// tested before it is looked for, and the others. An entry that is not looked
// for stays: only system calls, whose one slot the next entry overwrites, may
// leave it.
func (l *lowerer) beforeCall(where []*tree.Expr) (early, late []*tree.Expr) {
	if !l.returnSide {
		return where, nil
	}
	if len(l.in.Variant.EntryWhere) > 0 {
		return nil, where // an entry left over could pass for one that was filtered
	}
	for _, w := range where {
		uses := false
		tree.Walk(w, func(x *tree.Expr) bool {
			uses = uses || x.Op == tree.Entry
			return !uses
		})
		if uses || l.in.Variant.Pair != plan.PairTask {
			late = append(late, w)
		} else {
			early = append(early, w)
		}
	}
	return early, late
}

// conditions tests each part of a where. Which way out is taken is asked after
// each claim of scratch memory, which the way out gives back.
func (l *lowerer) conditions(where []*tree.Expr, fail func() *ir.Block) {
	for _, w := range where {
		l.prepare(w)
		next := l.newBlock("where")
		l.branch(w, next, fail())
		l.at(next)
		l.known(w)
	}
}

// known notes that a condition holds from here on: it is not tested again where
// it is mentioned once more.
func (l *lowerer) known(w *tree.Expr) {
	if w.Op == tree.Not {
		l.remember(l.key(w.Args[0]), l.konst(0))
	}
	l.remember(l.key(w), l.konst(1))
}

// stream fills one record.
func (l *lowerer) stream() {
	v := l.in.Variant
	done := l.newBlock("streamed")
	if !l.in.Record.InPlace() {
		l.claim()
	}
	for i := range l.in.Record.Fields {
		l.prepare(l.in.Record.Fields[i].Expr)
	}
	if v.StreamWhen != nil {
		l.prepare(v.StreamWhen)
		next, not := l.newBlock("stream"), done
		if len(v.Aggregates) == 0 {
			not = l.exit(exitSkipped)
		}
		l.branch(v.StreamWhen, next, not)
		l.at(next)
	}
	l.enter()
	if l.in.Record.InPlace() {
		l.reserveRecord(done)
	} else {
		l.outputRecord(done)
	}
	l.leave()
	l.at(done)
}

func bug(format string, args ...any) error { return fmt.Errorf("tracer: "+format, args...) }
