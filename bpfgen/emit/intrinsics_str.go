package emit

import (
	"fmt"

	"github.com/cilium/ebpf/asm"

	"tracer/bpfgen/ir"
)

// verifierBudget is how many instructions one string operation may cost the
// verifier, which walks a loop byte by byte; its limit for a whole program is
// a million (BPF_COMPLEXITY_LIMIT_INSNS, 5.2).
const verifierBudget = 600_000

// maxText is the longest text that can be looked through in bytes.
const maxText = 1 << 16

// strContains shifts the text through a window of eight bytes, of two for
// needles above eight, which hold the needle where they equal it; of a needle
// above sixteen the rest is compared at every place. Whether the text has ended
// is asked every eight bytes only: each branch that the verifier cannot decide is
// one of at most 8192 on its way (BPF_COMPLEXITY_LIMIT_JMP_SEQ), and texts have up
// to 4098 bytes. Until then a NUL in the window keeps the needle from equalling
// it; a window shorter than that remembers it.
func strContains(v *ir.Value, q *sequence) error {
	n, needle := v.Imms[0], v.Data
	if n < 0 || n > maxText {
		return fmt.Errorf("a text of %d bytes, at most %d can be looked through", n, maxText)
	}
	head := needle[:min(8, len(needle))]
	next := needle[len(head):min(16, len(needle))]
	tail := needle[len(head)+len(next):]
	if cost := n * int64(17+min(8, 8*len(next))+3*len(tail)); cost > verifierBudget {
		return fmt.Errorf("looking for %d bytes in %d costs the verifier some %d steps, at most %d are allowed", len(needle), n, cost, verifierBudget)
	}
	for _, c := range needle {
		if c == 0 {
			return fmt.Errorf("the string to look for has a NUL inside")
		}
	}
	switch {
	case len(needle) == 0:
		q.add(asm.Mov.Imm(asm.R0, 1))
		return nil
	case int64(len(needle)) > n:
		q.add(asm.Mov.Imm(asm.R0, 0))
		return nil
	}
	text, left, window, older, c, diff := asm.R1, asm.R2, asm.R3, asm.R4, asm.R5, asm.R0
	q.add(asm.Mov.Imm(left, int32(n)-int32(len(tail))), asm.Mov.Imm(window, 0), asm.Mov.Imm(older, 0))
	if len(next) == 0 {
		q.add(asm.LoadImm(older, int64(bigEndian(head)), asm.DWord))
	}
	ended := asm.R0
	if len(next) == 0 {
		q.add(asm.Mov.Imm(ended, 0))
	}
	q.label("next")
	q.add(asm.LoadMem(c, text, 0, asm.Byte))
	if len(next) == 0 {
		shortNeedle(q, len(head))
		q.jumpImm(asm.JEq, c, 0, "yes")
	} else {
		longNeedle(q, needle[:len(head)+len(next)], tail)
		q.jumpImm(asm.JEq, diff, 0, "yes")
	}
	// Which byte this is the verifier knows: it sees no branch here.
	q.add(asm.Add.Imm(left, -1), asm.Mov.Reg(c, left), asm.Add.Imm(c, -(int32(n)-int32(len(tail)))), asm.And.Imm(c, 7))
	q.jumpImm(asm.JNE, c, 0, "more")
	if len(next) > 0 {
		zeroByte(q)
	}
	q.jumpImm(asm.JNE, ended, 0, "no")
	q.label("more")
	q.jumpImm(asm.JNE, left, 0, "next")
	q.label("no")
	q.add(asm.Mov.Imm(asm.R0, 0))
	q.jump("done")
	q.label("yes")
	q.add(asm.Mov.Imm(asm.R0, 1))
	q.label("done")
	return nil
}

// shortNeedle moves the byte in R5 into the window R3 and leaves in R5 its
// difference from the needle in R4, which is not zero once the text has ended;
// whether it has is kept in R0.
func shortNeedle(q *sequence, n int) {
	ended, text, window, needle, c := asm.R0, asm.R1, asm.R3, asm.R4, asm.R5
	q.add(asm.LSh.Imm(window, 8), asm.Or.Reg(window, c))
	dropOld(q, window, n)
	q.add(asm.Add.Imm(text, 1))
	q.add(asm.Add.Imm(c, -1), asm.RSh.Imm(c, 63), asm.Or.Reg(ended, c))
	q.add(asm.Mov.Reg(c, window), asm.Xor.Reg(c, needle), asm.Or.Reg(c, ended))
}

// zeroByte leaves in R0 whether one of the eight bytes of the window R3 is zero:
// a bit that is set by taking one from each byte, and was not set before.
func zeroByte(q *sequence) {
	found, window, c := asm.R0, asm.R3, asm.R5
	q.add(asm.Mov.Reg(found, window), asm.LoadImm(c, 0x0101010101010101, asm.DWord), asm.Sub.Reg(found, c))
	q.add(asm.Mov.Reg(c, window), asm.Xor.Imm(c, -1), asm.And.Reg(found, c))
	q.add(asm.LoadImm(c, -0x7f7f7f7f7f7f7f80, asm.DWord), asm.And.Reg(found, c))
}

// longNeedle leaves in R0 the difference of a needle above eight bytes and the
// text up to and with the byte in R5, which it moves into the windows R3 and,
// older, R4; R1 then points behind it. One branch for each place, on a
// difference: a branch on the windows would teach the verifier what is in
// them, and each way on would be a state of its own.
func longNeedle(q *sequence, whole, tail []byte) {
	text, window, older, c, diff := asm.R1, asm.R3, asm.R4, asm.R5, asm.R0
	next := whole[8:]
	q.add(asm.LSh.Imm(older, 8), asm.Mov.Reg(diff, window), asm.RSh.Imm(diff, 56), asm.Or.Reg(older, diff))
	dropOld(q, older, len(next))
	q.add(asm.LSh.Imm(window, 8), asm.Or.Reg(window, c), asm.Add.Imm(text, 1))
	q.add(asm.LoadImm(diff, int64(bigEndian(whole[len(next):])), asm.DWord), asm.Xor.Reg(diff, window))
	q.add(asm.LoadImm(c, int64(bigEndian(whole[:len(next)])), asm.DWord), asm.Xor.Reg(c, older), asm.Or.Reg(diff, c))
	for i, b := range tail {
		q.add(asm.LoadMem(c, text, int16(i), asm.Byte), asm.Xor.Imm(c, int32(b)), asm.Or.Reg(diff, c))
	}
}

func bigEndian(b []byte) uint64 {
	n := uint64(0)
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}

// dropOld keeps the last n bytes of the window.
func dropOld(q *sequence, window asm.Register, n int) {
	switch {
	case n == 8:
	case n == 4:
		q.add(asm.Mov.Reg32(window, window))
	case n < 4:
		q.add(asm.And.Imm(window, 1<<(8*n)-1))
	default:
		q.add(asm.LSh.Imm(window, int32(64-8*n)), asm.RSh.Imm(window, int32(64-8*n)))
	}
}

// strEqual walks both strings as far as both are readable; what is left of the
// longer one must begin with its end.
func strEqual(v *ir.Value, q *sequence) error {
	n, m := v.Imms[0], v.Imms[1]
	if n < 0 || m < 0 || min(n, m) > maxText {
		return fmt.Errorf("strings of %d and %d bytes, at most %d can be compared", n, m, maxText)
	}
	if n == 0 && m == 0 {
		q.add(asm.Mov.Imm(asm.R0, 1))
		return nil
	}
	a, b, left, c := asm.R1, asm.R2, asm.R3, asm.R4
	if short := min(n, m); short > 0 {
		q.add(asm.Mov.Imm(left, int32(short)))
		q.label("next")
		q.add(asm.LoadMem(c, a, 0, asm.Byte), asm.LoadMem(asm.R5, b, 0, asm.Byte))
		q.jumpReg(asm.JNE, c, asm.R5, "no")
		q.jumpImm(asm.JEq, c, 0, "yes")
		q.add(asm.Add.Imm(a, 1), asm.Add.Imm(b, 1), asm.Add.Imm(left, -1))
		q.jumpImm(asm.JNE, left, 0, "next")
	}
	if n != m {
		longer := a
		if m > n {
			longer = b
		}
		q.add(asm.LoadMem(c, longer, 0, asm.Byte))
		q.jumpImm(asm.JNE, c, 0, "no")
	}
	q.label("yes")
	q.add(asm.Mov.Imm(asm.R0, 1))
	q.jump("done")
	q.label("no")
	q.add(asm.Mov.Imm(asm.R0, 0))
	q.label("done")
	return nil
}
