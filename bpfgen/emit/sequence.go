package emit

import (
	"fmt"

	"github.com/cilium/ebpf/asm"
)

// sequence builds instructions with jumps inside.
type sequence struct {
	list   asm.Instructions
	labels map[string]int
	refs   map[int]string
	steps  int64 // of the verifier in loops
}

func newSequence() *sequence { return &sequence{labels: map[string]int{}, refs: map[int]string{}} }

func (q *sequence) add(list ...asm.Instruction) { q.list = append(q.list, list...) }

func (q *sequence) label(name string) { q.labels[name] = len(q.list) }

func (q *sequence) jump(to string) {
	q.refs[len(q.list)] = to
	q.add(asm.Instruction{OpCode: asm.OpCode(asm.JumpClass).SetJumpOp(asm.Ja)})
}

func (q *sequence) jumpImm(op asm.JumpOp, r asm.Register, imm int32, to string) {
	q.refs[len(q.list)] = to
	q.add(asm.Instruction{OpCode: op.Op(asm.ImmSource), Dst: r, Constant: int64(imm)})
}

func (q *sequence) jumpReg(op asm.JumpOp, a, b asm.Register, to string) {
	q.refs[len(q.list)] = to
	q.add(asm.Instruction{OpCode: op.Op(asm.RegSource), Dst: a, Src: b})
}

// finish sets the offsets of the jumps.
func (q *sequence) finish() (asm.Instructions, error) {
	raw := rawOffsets(q.list)
	for at, to := range q.refs {
		target, ok := q.labels[to]
		if !ok {
			return nil, fmt.Errorf("no label %q", to)
		}
		q.list[at].Offset = int16(raw[target] - raw[at+1])
	}
	return q.list, nil
}

// checkpoint makes the verifier note its state here: ways that join, as those out
// of a loop do, then go on as one, where otherwise each may walk all that follows,
// the loops there as well. It notes a state eight instructions and two jumps after
// the last one at the earliest (is_state_visited), and drops those of loops. Jumps
// to what is next it removes from the program (opt_remove_nops, 5.1).
func (q *sequence) checkpoint() {
	for range 8 {
		q.add(asm.Instruction{OpCode: asm.OpCode(asm.JumpClass).SetJumpOp(asm.Ja)})
	}
}
