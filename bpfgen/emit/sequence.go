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
