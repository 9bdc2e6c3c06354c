package emit

import (
	"fmt"
	"slices"

	"github.com/cilium/ebpf/asm"

	"tracer/bpfgen/ir"
)

// verifierBudget is how many steps the strings of a program that are compared or
// looked through may cost the verifier, which walks a loop group by group; its limit
// for a whole program is a million (BPF_COMPLEXITY_LIMIT_INSNS, 5.2).
const verifierBudget = 800_000

// SearchError says that a program looks through more text than the verifier has
// patience for: how many steps it would take up to the search at Pos.
type SearchError struct {
	Steps int64
	Pos   ir.Pos
}

func (e SearchError) Error() string {
	return fmt.Sprintf("the verifier would take some %d steps for the strings that the program compares and looks through, and gives up at a million", e.Steps)
}

// maxText is the longest text that can be looked through in bytes.
const maxText = 1 << 16

// A text is looked at in groups of eight bytes, without a branch in them: the
// verifier walks both ways of a branch it cannot decide, and at most 8192 of them
// may be undecided at once (BPF_COMPLEXITY_LIMIT_JMP_SEQ), while texts have up to
// 4098 bytes and programs several. What a group found is in sign bits that stay.
const group = 8

// inGroups makes the loop over n bytes: body for each, at an offset from the
// pointers, which move on by a group; asked after each whole group.
func inGroups(q *sequence, n int64, left asm.Register, body func(off int16), ask func(), pointers ...asm.Register) {
	if groups := n / group; groups > 0 {
		q.add(asm.Mov.Imm(left, int32(groups)))
		q.label("group")
		start := len(q.list)
		for i := range int16(group) {
			body(i)
		}
		ask()
		for _, p := range pointers {
			q.add(asm.Add.Imm(p, group))
		}
		q.add(asm.Add.Imm(left, -1))
		q.jumpImm(asm.JNE, left, 0, "group")
		q.steps = groups * int64(len(q.list)-start)
	}
	for i := range int16(n % group) {
		body(i)
	}
}

// search looks for a needle: it shifts the text through a window of eight bytes,
// or of two for needles above eight, which hold the needle where they equal it;
// of a needle above sixteen the rest is compared at every place.
type search struct {
	q                                         *sequence
	text, left, window, older, c, diff, found asm.Register
	head, next, tail                          []byte
}

// strContains takes the bytes behind a text's NUL for no part of it: a needle of
// less than eight bytes asks at each byte whether the text is alive, of longer ones
// the NUL in a window keeps it from equalling, until the end of the group.
func strContains(v *ir.Value, q *sequence) error {
	n, needle := v.Imms[0], v.Data
	if n < 0 || n > maxText {
		return fmt.Errorf("a text of %d bytes, at most %d can be looked through", n, maxText)
	}
	for _, c := range needle {
		if c == 0 {
			return fmt.Errorf("the string to look for has a NUL inside")
		}
	}
	s := &search{q: q, text: asm.R1, left: asm.R2, window: asm.R3, older: asm.R4, c: asm.R5, diff: asm.R0, found: asm.R6}
	s.head = needle[:min(8, len(needle))]
	s.next = needle[len(s.head):min(16, len(needle))]
	s.tail = needle[len(s.head)+len(s.next):]
	if len(s.next) == 0 {
		s.found = asm.R4 // there is no older window
	}
	switch {
	case len(needle) == 0:
		q.add(asm.Mov.Imm(asm.R0, 1))
		return nil
	case int64(len(needle)) > n:
		q.add(asm.Mov.Imm(asm.R0, 0))
		return nil
	}
	q.add(asm.Mov.Imm(s.window, 0), asm.Mov.Imm(s.found, 0))
	at, ask := s.equal, s.askWindow
	switch {
	case len(needle) < 8:
		at, ask = s.equalShort, s.askAlive
		q.add(asm.Mov.Imm(s.diff, -1))
	case len(s.next) > 0:
		q.add(asm.Mov.Imm(s.older, 0))
	}
	inGroups(q, n-int64(len(s.tail)), s.left, at, ask, s.text)
	q.label("out")
	if q.steps > 0 {
		q.checkpoint()
	}
	q.add(asm.Mov.Reg(asm.R0, s.found), asm.RSh.Imm(asm.R0, 63))
	return nil
}

// equalShort takes the byte at off into the window. The sign of diff, which is -1
// at first, is set as long as no byte was NUL, and that of found from where the
// window held the needle.
func (s *search) equalShort(off int16) {
	s.q.add(asm.LoadMem(s.c, s.text, off, asm.Byte), asm.LSh.Imm(s.window, 8), asm.Or.Reg(s.window, s.c))
	s.q.add(asm.Neg.Imm(s.c, 0), asm.And.Reg(s.diff, s.c))
	s.keep(s.window, len(s.head))
	s.q.add(constant(s.c, s.head), asm.Xor.Reg(s.c, s.window))
	s.q.add(asm.Add.Imm(s.c, -1), asm.And.Reg(s.c, s.diff), asm.Or.Reg(s.found, s.c))
}

// askAlive goes out if the text has ended, or held the needle.
func (s *search) askAlive() {
	s.q.add(asm.Mov.Reg(s.c, s.diff), asm.Xor.Imm(s.c, -1), asm.Or.Reg(s.c, s.found))
	s.q.jumpImm(asm.JSLT, s.c, 0, "out")
}

// equal is equalShort for needles of eight bytes and more.
func (s *search) equal(off int16) {
	q := s.q
	if len(s.next) > 0 {
		q.add(asm.LSh.Imm(s.older, 8), asm.Mov.Reg(s.diff, s.window), asm.RSh.Imm(s.diff, 56), asm.Or.Reg(s.older, s.diff))
		s.keep(s.older, len(s.next))
	}
	q.add(asm.LoadMem(s.c, s.text, off, asm.Byte), asm.LSh.Imm(s.window, 8), asm.Or.Reg(s.window, s.c))
	whole := append(slices.Clone(s.head), s.next...)
	q.add(constant(s.diff, whole[len(s.next):]), asm.Xor.Reg(s.diff, s.window))
	if len(s.next) > 0 {
		q.add(constant(s.c, whole[:len(s.next)]), asm.Xor.Reg(s.c, s.older), asm.Or.Reg(s.diff, s.c))
	}
	for i, b := range s.tail {
		q.add(asm.LoadMem(s.c, s.text, off+1+int16(i), asm.Byte), asm.Xor.Imm(s.c, int32(b)), asm.Or.Reg(s.diff, s.c))
	}
	// Taking one from it sets a sign that was not set only if it was zero.
	q.add(asm.Mov.Reg(s.c, s.diff), asm.Add.Imm(s.diff, -1), asm.Xor.Imm(s.c, -1), asm.And.Reg(s.c, s.diff), asm.Or.Reg(s.found, s.c))
}

// askWindow goes out if one of the eight bytes of the window is NUL (the top bit of
// a byte that is set by taking one, and was not set before), or held the needle.
func (s *search) askWindow() {
	s.q.add(asm.Mov.Reg(s.diff, s.window), asm.LoadImm(s.c, 0x0101010101010101, asm.DWord), asm.Sub.Reg(s.diff, s.c))
	s.q.add(asm.Mov.Reg(s.c, s.window), asm.Xor.Imm(s.c, -1), asm.And.Reg(s.diff, s.c))
	s.q.add(asm.LoadImm(s.c, -0x7f7f7f7f7f7f7f80, asm.DWord), asm.And.Reg(s.diff, s.c))
	s.q.add(asm.Mov.Reg(s.c, s.found), asm.RSh.Imm(s.c, 63), asm.Or.Reg(s.diff, s.c))
	s.q.jumpImm(asm.JNE, s.diff, 0, "out")
}

// keep drops all but the last n bytes of a window.
func (s *search) keep(window asm.Register, n int) {
	switch {
	case n == 8:
	case n == 4:
		s.q.add(asm.Mov.Reg32(window, window))
	case n < 4:
		s.q.add(asm.And.Imm(window, 1<<(8*n)-1))
	default:
		s.q.add(asm.LSh.Imm(window, int32(64-8*n)), asm.RSh.Imm(window, int32(64-8*n)))
	}
}

// constant loads up to eight bytes as a window holds them.
func constant(r asm.Register, b []byte) asm.Instruction {
	n := int64(0)
	for _, c := range b {
		n = n<<8 | int64(c)
	}
	if len(b) < 4 {
		return asm.Mov.Imm(r, int32(n))
	}
	return asm.LoadImm(r, n, asm.DWord)
}

// strEqual walks both strings as far as both are readable; what is left of the
// longer one must begin with its end.
func strEqual(v *ir.Value, q *sequence) error {
	n, m := v.Imms[0], v.Imms[1]
	if n < 0 || m < 0 || min(n, m) > maxText {
		return fmt.Errorf("strings of %d and %d bytes, at most %d can be compared", n, m, maxText)
	}
	// alive has all bits set up to the first NUL, diff those that differed until then.
	a, b, left, c, alive, diff, other := asm.R1, asm.R2, asm.R3, asm.R4, asm.R5, asm.R0, asm.R6
	q.add(asm.Mov.Imm(alive, -1), asm.Mov.Imm(diff, 0))
	inGroups(q, min(n, m), left, func(off int16) {
		q.add(asm.LoadMem(c, a, off, asm.Byte), asm.LoadMem(other, b, off, asm.Byte))
		q.add(asm.Xor.Reg(other, c), asm.And.Reg(other, alive), asm.Or.Reg(diff, other))
		q.add(asm.Neg.Imm(c, 0), asm.ArSh.Imm(c, 63), asm.And.Reg(alive, c))
	}, func() {
		q.add(asm.Mov.Reg(c, alive), asm.Xor.Imm(c, -1), asm.Or.Reg(c, diff))
		q.jumpImm(asm.JNE, c, 0, "out")
	}, a, b)
	if n != m {
		longer := a
		if m > n {
			longer = b
		}
		q.add(asm.LoadMem(c, longer, int16(min(n, m)%group), asm.Byte), asm.And.Reg(c, alive), asm.Or.Reg(diff, c))
	}
	q.label("out")
	if q.steps > 0 {
		q.checkpoint()
	}
	q.add(asm.Mov.Reg(c, diff), asm.Mov.Imm(asm.R0, 1))
	q.jumpImm(asm.JEq, c, 0, "done")
	q.add(asm.Mov.Imm(asm.R0, 0))
	q.label("done")
	return nil
}
