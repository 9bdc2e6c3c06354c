package ir

import (
	"errors"
	"fmt"
)

// Check says what is wrong with the structure of f: edges that go back,
// predecessors that do not agree with terminators, values used where they are
// not defined, operands missing. It returns all that it finds.
func Check(f *Func) error {
	c := &checker{f: f, index: f.blockIndex(), defined: map[*Value]bool{}, ids: map[int]bool{}}
	if len(f.Blocks) == 0 {
		return errors.New("no blocks")
	}
	c.edges()
	if len(c.errs) > 0 {
		return errors.Join(c.errs...)
	}
	c.dominators()
	for _, b := range f.Blocks {
		c.block(b)
	}
	return errors.Join(c.errs...)
}

type checker struct {
	f       *Func
	index   map[*Block]int
	idom    []int
	defined map[*Value]bool // the values seen so far, in block order
	ids     map[int]bool
	errs    []error
}

func (c *checker) fail(b *Block, format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("b%d: %w", c.index[b], fmt.Errorf(format, args...)))
}

func (c *checker) edges() {
	type edge struct{ from, to *Block }
	counts := map[edge]int{}
	for _, b := range c.f.Blocks {
		for _, to := range b.Succs() {
			counts[edge{b, to}]++
			if i, ok := c.index[to]; !ok || i <= c.index[b] {
				c.fail(b, "an edge goes back, or to a block that is not in the function")
			}
		}
	}
	for i, b := range c.f.Blocks {
		if i > 0 && len(b.Preds) == 0 {
			c.fail(b, "no predecessor")
		}
		for _, from := range b.Preds {
			counts[edge{from, b}]--
		}
	}
	for e, n := range counts {
		if n != 0 {
			c.fail(e.to, "predecessors and terminators disagree")
		}
	}
	if len(c.f.Blocks[0].Preds) > 0 {
		c.fail(c.f.Blocks[0], "the entry has a predecessor")
	}
}

// Succs are the blocks that b may go on to: none, one, or Then and Else.
func (b *Block) Succs() []*Block {
	switch b.Term.Kind {
	case TermJump:
		return []*Block{b.Term.Then}
	case TermIf:
		return []*Block{b.Term.Then, b.Term.Else}
	default:
		return nil
	}
}

// Dominators gives, for each block of f by its place in f.Blocks, the place of
// its immediate dominator; 0 for the entry and for unreachable blocks.
func (f *Func) Dominators() []int {
	index := f.blockIndex()
	idom := make([]int, len(f.Blocks))
	for i, b := range f.Blocks {
		if i == 0 {
			continue
		}
		cur := -1
		for _, p := range b.Preds {
			cur = meet(idom, cur, index[p])
		}
		idom[i] = max(cur, 0)
	}
	return idom
}

func meet(idom []int, a, b int) int {
	if a < 0 {
		return b
	}
	for a != b {
		if a > b {
			a = idom[a]
		} else {
			b = idom[b]
		}
	}
	return a
}

func (c *checker) dominators() { c.idom = c.f.Dominators() }

func (c *checker) dominates(a, b *Block) bool {
	i, want := c.index[b], c.index[a]
	for i > want {
		i = c.idom[i]
	}
	return i == want
}

func (c *checker) block(b *Block) {
	phisOver := false
	for _, v := range b.Values {
		if v.Block != b {
			c.fail(b, "v%d does not know its block", v.ID)
		}
		if c.ids[v.ID] {
			c.fail(b, "two values have the ID %d", v.ID)
		}
		c.ids[v.ID] = true
		if v.Op == OpPhi && phisOver {
			c.fail(b, "v%d: a phi after other values", v.ID)
		}
		phisOver = phisOver || v.Op != OpPhi
		c.value(b, v)
		c.defined[v] = true
	}
	c.term(b)
}

func (c *checker) value(b *Block, v *Value) {
	if int(v.Op) >= len(argCounts) || v.Op == OpInvalid {
		c.fail(b, "v%d: unknown operation", v.ID)
		return
	}
	if want := argCounts[v.Op]; want >= 0 && len(v.Args) != want {
		c.fail(b, "v%d: %s has %d operands, want %d", v.ID, v.Op, len(v.Args), want)
		return
	}
	if err := checkFields(v); err != nil {
		c.fail(b, "v%d: %w", v.ID, err)
	}
	if v.Op == OpPhi {
		c.phi(b, v)
		return
	}
	for i, a := range v.Args {
		c.use(b, a, fmt.Sprintf("v%d", v.ID))
		if i > 0 && shapes[v.Op] == shapeMem && inSlot(a) {
			c.fail(b, "v%d: the address of a slot is stored; what is done to the slot by it would not be seen", v.ID)
		}
	}
}

// inSlot says that a is an address in a slot.
func inSlot(a *Value) bool {
	if a == nil {
		return false
	}
	for (a.Op == OpAdd || a.Op == OpSub) && len(a.Args) > 0 && a.Args[0] != nil {
		a = a.Args[0]
	}
	return a.Op == OpSlot
}

// checkFields checks what an operation needs besides its operands.
func checkFields(v *Value) error {
	switch {
	case (shapes[v.Op] == shapeMem || shapes[v.Op] == shapeSized) && v.Size != 1 && v.Size != 2 && v.Size != 4 && v.Size != 8:
		return fmt.Errorf("%s of %d bytes", v.Op, v.Size)
	case v.Op == OpAtomicAdd && v.Size < 4, (v.Op == OpXchg || v.Op == OpCmpXchg) && v.Size != 8:
		return fmt.Errorf("%s of %d bytes", v.Op, v.Size)
	case (v.Op == OpCall || v.Op == OpKfunc || v.Op == OpIntrinsic) && len(v.Args) > 5:
		return fmt.Errorf("%s with %d operands", v.Op, len(v.Args))
	case v.Op == OpSlot && v.Imm <= 0:
		return fmt.Errorf("slot of %d bytes", v.Imm)
	case (v.Op == OpMap || v.Op == OpMapValue || v.Op == OpKfunc || v.Op == OpIntrinsic) && v.Sym == "":
		return fmt.Errorf("%s without a name", v.Op)
	}
	return nil
}

func (c *checker) phi(b *Block, v *Value) {
	if len(v.Args) != len(b.Preds) {
		c.fail(b, "v%d: phi of %d values, and %d predecessors", v.ID, len(v.Args), len(b.Preds))
		return
	}
	for i, a := range v.Args {
		c.use(b.Preds[i], a, fmt.Sprintf("v%d", v.ID))
	}
}

// use checks that a is defined whenever the end of what is known of b is
// reached: its block dominates b and came before.
func (c *checker) use(b *Block, a *Value, user string) {
	switch {
	case a == nil:
		c.fail(b, "%s: an operand is missing", user)
	case !a.HasResult():
		c.fail(b, "%s: %s gives no value", user, a.Op)
	case !c.defined[a]:
		c.fail(b, "%s: v%d is not defined before", user, a.ID)
	case !c.dominates(a.Block, b):
		c.fail(b, "%s: v%d is not defined on every way", user, a.ID)
	}
}

func (c *checker) term(b *Block) {
	switch b.Term.Kind {
	case TermJump:
	case TermExit:
		c.use(b, b.Term.A, "exit")
	case TermIf:
		if !b.Term.Cmp.IsCompare() {
			c.fail(b, "if with %s", b.Term.Cmp)
		}
		c.use(b, b.Term.A, "if")
		c.use(b, b.Term.B, "if")
	default:
		c.fail(b, "no terminator")
	}
}
