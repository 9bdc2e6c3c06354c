package lower

import (
	"tracer/bpfgen/ir"
	"tracer/bpfgen/layout"
)

// exitKind is how an event ends: which counters it adds to.
type exitKind uint8

const (
	exitTaken exitKind = iota
	exitSkipped
	exitLost      // taken, but the row found no room
	exitUnmatched // a return whose entry was not seen
	exitQuiet     // the entry side: its events are counted at the return
)

// exitCounters are the words each kind of exit adds one to.
var exitCounters = map[exitKind][]int{
	exitTaken:     {layout.CountTaken},
	exitSkipped:   {layout.CountSkipped},
	exitLost:      {layout.CountTaken, layout.CountLost},
	exitUnmatched: {layout.CountSkipped, layout.CountUnmatched},
	exitQuiet:     nil,
}

type exitKey struct {
	kind    exitKind
	claimed bool
}

// exit is the block that ends the program in a way; what was claimed is given
// back there.
func (l *lowerer) exit(kind exitKind) *ir.Block {
	k := exitKey{kind, l.scratch != nil}
	b := l.exits[k]
	if b == nil {
		b = l.newBlock([...]string{"taken", "skipped", "lost", "unmatched", "quiet"}[kind])
		l.exits[k] = b
	}
	return b
}

func (l *lowerer) quiet() *ir.Block     { return l.exit(exitQuiet) }
func (l *lowerer) skipped() *ir.Block   { return l.exit(exitSkipped) }
func (l *lowerer) unmatched() *ir.Block { return l.exit(exitUnmatched) }

// finishExits fills the exit blocks, in an order that does not vary.
func (l *lowerer) finishExits() {
	claimed := l.scratch
	for kind := exitTaken; kind <= exitQuiet; kind++ {
		for _, c := range []bool{false, true} {
			b := l.exits[exitKey{kind, c}]
			if b == nil || len(b.Preds) == 0 {
				continue
			}
			l.at(b)
			l.pos = nil
			if c {
				l.scratch = claimed
				l.storeImm(claimed, 0, 0, 8)
			}
			l.countExit(kind)
		}
	}
}

func (l *lowerer) countExit(kind exitKind) {
	end := l.newBlock("end")
	words := exitCounters[kind]
	if kind == exitTaken && l.in.Counted {
		words = nil
	}
	if len(words) == 0 {
		l.ifCounted(end)
	}
	if l.b != end {
		p := l.call(fnMapLookup, l.mapRef(l.in.Maps.Counters), l.indexKey(int64(l.in.Variant.Probe.Index)))
		l.nonNull(p, end)
		for _, w := range words {
			l.addTo(p, 8*w, l.konst(1), l.in.Atomic)
		}
		l.addCounted(p, layout.CountFailedReads, l.fails)
		l.addCounted(p, layout.CountTruncated, l.cuts)
		l.b.Jump(end)
	}
	l.at(end)
	result := int64(0)
	if l.declines && kind != exitQuiet {
		result = declined
	}
	end.Exit(l.konst(result))
}

// ifCounted goes to end if the stack slots that count have counted nothing.
func (l *lowerer) ifCounted(end *ir.Block) {
	some := l.newBlock("counts")
	some.Cold = true
	var counted *ir.Value
	for _, slot := range []*ir.Value{l.fails, l.cuts} {
		switch {
		case slot == nil:
		case counted == nil:
			counted = l.load(slot, 0, 8, false)
		default:
			counted = l.op2(ir.OpOr, counted, l.load(slot, 0, 8, false))
		}
	}
	if counted == nil {
		l.b.Jump(end)
		l.b = end
		return
	}
	l.b.If(ir.OpNe, counted, l.konst(0), some, end, nil)
	l.at(some)
}

// addCounted adds what a stack slot counted, if anything.
func (l *lowerer) addCounted(counters *ir.Value, word int, slot *ir.Value) {
	if slot == nil {
		return
	}
	some, done := l.newBlock("count"), l.newBlock("counted")
	some.Cold = true
	n := l.load(slot, 0, 8, false)
	l.b.If(ir.OpNe, n, l.konst(0), some, done, nil)
	l.at(some)
	l.addTo(counters, 8*word, n, l.in.Atomic)
	l.b.Jump(done)
	l.at(done)
}

// addNow adds one to a counter in the middle of a program (rare events only).
func (l *lowerer) addNow(word int) {
	next := l.newBlock("counted")
	p := l.call(fnMapLookup, l.mapRef(l.in.Maps.Counters), l.indexKey(int64(l.in.Variant.Probe.Index)))
	l.nonNull(p, next)
	l.addTo(p, 8*word, l.konst(1), l.in.Atomic)
	l.b.Jump(next)
	l.at(next)
}

// counter is a stack slot that counts from zero, made at the program's start.
// The zero is one that the verifier does not know: what follows a failure and
// what follows none is then alike, and verified once.
func (l *lowerer) counter(at **ir.Value, name string) *ir.Value {
	if *at == nil {
		*at = l.inEntry(ir.Value{Op: ir.OpSlot, Imm: 8, Sym: name})
		l.zeroBytes = max(l.zeroBytes, 8)
		zeros := l.inEntry(ir.Value{Op: ir.OpMapValue, Sym: l.in.Maps.Zeros})
		zero := l.inEntry(ir.Value{Op: ir.OpLoad, Args: []*ir.Value{zeros}, Size: 8})
		l.inEntry(ir.Value{Op: ir.OpStore, Args: []*ir.Value{*at, zero}, Size: 8})
	}
	return *at
}
