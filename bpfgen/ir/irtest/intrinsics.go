package irtest

import (
	"bytes"
	"fmt"
	"math/bits"

	"tracer/bpfgen/ir"
)

func (m *Machine) intrinsic(v *ir.Value, args []uint64) (uint64, error) {
	switch v.Sym {
	case ir.HistSlot:
		return HistSlot(args[0], int(v.Imms[0]), v.Imms[1] != 0), nil
	case ir.ReadFailed:
		return 0, m.readFailed(args)
	case ir.StrContains:
		text, err := m.text(args[0], v.Imms[0])
		return truth(bytes.Contains(text, v.Data)), err
	case ir.StrEqual:
		a, err := m.text(args[0], v.Imms[0])
		if err != nil {
			return 0, err
		}
		b, err := m.text(args[1], v.Imms[1])
		return truth(bytes.Equal(a, b)), err
	case ir.PairPush, ir.PairPop:
		stack, err := m.Bytes(args[0])
		if err != nil {
			return 0, err
		}
		pair := PairPop
		if v.Sym == ir.PairPush {
			pair = PairPush
		}
		off := pair(stack, args[1], args[2], int(v.Imms[0]), int(v.Imms[1]))
		if off == 0 {
			return 0, nil
		}
		return args[0] + uint64(off), nil
	}
	return 0, fmt.Errorf("no intrinsic %q", v.Sym)
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func (m *Machine) readFailed(args []uint64) error {
	if int64(args[0]) >= 0 || args[1] == 0 {
		return nil
	}
	mem, err := m.Bytes(args[2])
	if err == nil {
		write(mem, 8, read(mem, 8)+1)
	}
	return err
}

func (m *Machine) text(addr uint64, n int64) ([]byte, error) {
	mem, err := m.Bytes(addr)
	if err != nil {
		return nil, err
	}
	if int64(len(mem)) < n {
		return nil, fmt.Errorf("%d bytes to read, %d are left", n, len(mem))
	}
	text, _, _ := bytes.Cut(mem[:n], []byte{0})
	return text, nil
}

// HistSlot is the slot of x by the definition of ir.HistSlot.
func HistSlot(x uint64, subBits int, signed bool) uint64 {
	if signed && int64(x) < 0 {
		return 0
	}
	n := uint64(1) << subBits
	if x < n {
		return 1 + x
	}
	power := bits.Len64(x) - 1
	sub := x>>(power-subBits) - n
	return 1 + n + uint64(power-subBits)*n + sub
}

// PairPush is ir.PairPush on the bytes of a stack: the offset of the slot, or 0.
func PairPush(stack []byte, sp, id uint64, depth, stride int) int {
	n := int(read(stack, 8))
	for n > 0 {
		slot := stack[8+(n-1)*stride:]
		top := read(slot, 8)
		if top > sp || top == sp && read(slot[8:], 8) != id {
			break
		}
		n--
	}
	if n >= depth {
		return 0
	}
	off := 8 + n*stride
	write(stack[off:], 8, sp)
	write(stack[off+8:], 8, id)
	write(stack, 8, uint64(n+1))
	return off
}

// PairPop is ir.PairPop on the bytes of a stack: the offset of the slot, or 0.
func PairPop(stack []byte, sp, id uint64, _, stride int) int {
	n := int(read(stack, 8))
	for n > 0 && read(stack[8+(n-1)*stride:], 8) < sp {
		n--
	}
	off := 8 + (n-1)*stride
	if n == 0 || read(stack[off:], 8) != sp || read(stack[off+8:], 8) != id {
		write(stack, 8, uint64(n))
		return 0
	}
	write(stack, 8, uint64(n-1))
	return off
}
