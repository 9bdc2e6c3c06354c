package lower

import (
	"math/bits"

	"tracer/bpfgen/ir"
	"tracer/bpfgen/layout"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// savedField is where an entry expression's value is in a saved call; nil
// after a bug.
func (l *lowerer) savedField(e *tree.Expr) *layout.Field {
	f := l.saved.fields[l.saved.keys.Key(e.Args[0])]
	if f == nil {
		l.err = bug("nothing saved for %s", e)
	}
	return f
}

// savedScalar is a number as it was at the entry.
func (l *lowerer) savedScalar(e *tree.Expr) *ir.Value {
	f := l.savedField(e)
	if f == nil || l.callSlot == nil {
		l.err = bug("entry value outside a return: %s", e)
		return l.konst(0)
	}
	return l.load(l.callSlot, f.Off, 8, false)
}

// savedInto copies a string, bytes or list saved at the entry.
func (l *lowerer) savedInto(e *tree.Expr, p place) *ir.Value {
	f := l.savedField(e)
	if f == nil || l.callSlot == nil {
		l.err = bug("entry value outside a return: %s", e)
		return nil
	}
	src := l.offset(l.callSlot, f.Off)
	switch e.Type.Kind {
	case types.String:
		return l.readStringAt(p, f.Size, l.konst(1), src, types.Kernel)
	case types.List:
		return l.savedList(f, p)
	}
	l.copyWords(l.callSlot, f.Off, p, f.Size)
	return nil
}

// copyWords copies bytes whose number is known.
func (l *lowerer) copyWords(base *ir.Value, off int, p place, n int) {
	if n > wordCopy*2 {
		r := l.call(fnReadKernel, p.addr(l), l.konst(int64(n)), l.offset(base, off))
		l.failed(r, l.konst(1), true)
		return
	}
	for i := 0; i < n; {
		c := chunk(n - i)
		for (off+i)%c != 0 || (p.off+i)%c != 0 {
			c /= 2
		}
		l.store(p.base, p.off+i, l.load(base, off+i, c, false), c)
		i += c
	}
}

// blur is v, of which the verifier is to know no more than that it is at most
// about limit: states that differ in their lower bounds only are then alike,
// and what follows is verified once and not for each way that led here.
func (l *lowerer) blur(v *ir.Value, limit int) *ir.Value {
	return l.op2(ir.OpAnd, v, l.konst(int64(1)<<bits.Len(uint(limit))-1))
}

// savedList copies {count, used} and the used bytes.
func (l *lowerer) savedList(f *layout.Field, p place) *ir.Value {
	count, used := l.load(l.callSlot, f.Off, 4, false), l.load(l.callSlot, f.Off+4, 4, false)
	used = l.clamp(l.number(used), int64(f.Type.Size))
	l.store(p.base, p.off, count, 4)
	l.store(p.base, p.off+4, used, 4)
	dst := p.content(l)
	r := l.call(fnReadKernel, dst, used, l.offset(l.callSlot, f.Off+8))
	l.failed(r, l.konst(1), true)
	return used
}

// content is where a list's strings go: behind its two words, or in the tail.
func (p place) content(l *lowerer) *ir.Value {
	if p.tail != nil {
		return p.tail
	}
	return l.offset(p.base, p.off+8)
}

// listInto reads the strings of a null-ended array of pointers one after
// another, each after the last one's NUL. It gives the bytes used.
func (l *lowerer) listInto(e *tree.Expr, p place) *ir.Value {
	ptr, root := l.scalar(e.Args[0]), l.root(e.Args[0])
	space := e.Args[0].Type.Space
	each := e.Type.Elem.Size + 2
	dst := p.content(l)
	done := l.newBlock("list")
	var counts, useds []*ir.Value
	used := l.konst(0)
	end := func(n int) {
		counts, useds = append(counts, l.konst(int64(n))), append(useds, used)
	}
	for i := range int(e.Int) {
		item := l.readFrom(root, l.offset(ptr, 8*i), 8, false, space, false)
		next := l.newBlock("item")
		end(i)
		l.b.If(ir.OpEq, item, l.konst(0), done, next, l.pos)
		l.at(next)
		at := l.op2(ir.OpAdd, dst, used)
		fn := fnReadKernelStr
		if space == types.User {
			fn = fnReadUserStr
		}
		r := l.call(fn, at, l.konst(int64(each)), item)
		l.failed(r, item, false)
		n := l.stringLength(memory{cap: each, raw: r})
		used = l.op2(ir.OpAdd, used, n)
	}
	more := l.readFrom(root, l.offset(ptr, 8*int(e.Int)), 8, false, space, false)
	some := l.newBlock("more")
	end(int(e.Int))
	l.b.If(ir.OpEq, more, l.konst(0), done, some, l.pos)
	l.at(some)
	counts, useds = append(counts, l.konst(int64(e.Int)|layout.CountMore)), append(useds, used)
	l.b.Jump(done)
	l.at(done)
	count, total := l.phi(counts...), l.phi(useds...)
	total = l.blur(total, each*int(e.Int))
	l.store(p.base, p.off, count, 4)
	l.store(p.base, p.off+4, total, 4)
	return total
}
