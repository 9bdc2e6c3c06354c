// Package irtest helps to test what works on the IR: an interpreter that gives
// a program its exact meaning, slowly, a generator of random programs, and a
// shrinker.
//
// In: an ir.Func. Out: what it computes. It must not know how instructions are
// made.
package irtest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"tracer/bpfgen/ir"
)

// Machine is the world a program runs in. Addresses are made up: the high 32
// bits number a region.
type Machine struct {
	// Context is what OpCtx points to.
	Context []byte
	// Maps are the values of array maps of one entry, by name.
	Maps map[string][]byte
	// Call answers calls of helpers; nil: none exist. The arguments may be
	// addresses, for Bytes.
	Call func(m *Machine, number int64, args []uint64) (uint64, error)
	// Kfunc answers calls of the kernel's functions; nil: none exist.
	Kfunc func(m *Machine, name string, args []uint64) (uint64, error)

	regions [][]byte
	names   map[string]int
	maps    map[string]int
}

// Run executes f and gives what it returns. Errors are accesses out of bounds
// and operations that do not exist.
func (m *Machine) Run(f *ir.Func) (uint64, error) {
	m.regions, m.names, m.maps = [][]byte{nil, m.Context}, map[string]int{}, map[string]int{}
	env := map[*ir.Value]uint64{}
	var from *ir.Block
	cur, edge := f.Blocks[0], 0
	for {
		if err := m.block(env, from, cur, edge); err != nil {
			return 0, err
		}
		t := cur.Term
		from, edge = cur, 0
		switch t.Kind {
		case ir.TermExit:
			return env[t.A], nil
		case ir.TermJump:
			cur = t.Then
		case ir.TermIf:
			if Compare(t.Cmp, env[t.A], env[t.B]) {
				cur = t.Then
			} else {
				cur = t.Else
				if t.Then == t.Else {
					edge = 1
				}
			}
		default:
			return 0, errors.New("a block without terminator")
		}
	}
}

// Bytes is the memory from addr to the end of its region.
func (m *Machine) Bytes(addr uint64) ([]byte, error) {
	region, off := int(addr>>32), int(uint32(addr))
	if region <= 0 || region >= len(m.regions) || off > len(m.regions[region]) {
		return nil, fmt.Errorf("address %#x is nowhere", addr)
	}
	return m.regions[region][off:], nil
}

// MapValue is the address of the value of a map.
func (m *Machine) MapValue(name string) uint64 {
	i, ok := m.names[name]
	if !ok {
		i = m.region(m.Maps[name])
		m.names[name] = i
	}
	return uint64(i) << 32
}

func (m *Machine) region(mem []byte) int {
	m.regions = append(m.regions, mem)
	return len(m.regions) - 1
}

func (m *Machine) block(env map[*ir.Value]uint64, from, b *ir.Block, edge int) error {
	phis := map[*ir.Value]uint64{}
	for _, v := range b.Values {
		if v.Op == ir.OpPhi {
			phis[v] = env[v.Args[predIndex(b, from, edge)]]
			continue
		}
		for phi, x := range phis {
			env[phi] = x
		}
		clear(phis)
		x, err := m.value(env, v)
		if err != nil {
			return fmt.Errorf("v%d: %w", v.ID, err)
		}
		env[v] = x
	}
	for phi, x := range phis {
		env[phi] = x
	}
	return nil
}

func predIndex(b, from *ir.Block, occurrence int) int {
	for i, p := range b.Preds {
		if p == from {
			if occurrence == 0 {
				return i
			}
			occurrence--
		}
	}
	return -1
}

func (m *Machine) value(env map[*ir.Value]uint64, v *ir.Value) (uint64, error) {
	args := make([]uint64, len(v.Args))
	for i, a := range v.Args {
		args[i] = env[a]
	}
	switch v.Op {
	case ir.OpConst:
		return uint64(v.Imm), nil
	case ir.OpCtx:
		return 1 << 32, nil
	case ir.OpSlot:
		return uint64(m.region(make([]byte, v.Imm))) << 32, nil
	case ir.OpMap:
		return m.mapHandle(v.Sym), nil
	case ir.OpMapValue:
		return m.MapValue(v.Sym) + uint64(v.Imm), nil
	case ir.OpLoad, ir.OpStore, ir.OpAtomicAdd, ir.OpXchg, ir.OpCmpXchg:
		return m.memory(v, args)
	case ir.OpCall:
		if m.Call == nil {
			return 0, fmt.Errorf("no helper %d", v.Imm)
		}
		return m.Call(m, v.Imm, args)
	case ir.OpKfunc:
		if m.Kfunc == nil {
			return 0, fmt.Errorf("no kernel function %s", v.Sym)
		}
		return m.Kfunc(m, v.Sym, args)
	case ir.OpIntrinsic:
		return m.intrinsic(v, args)
	case ir.OpExt:
		return Extend(args[0], v.Size, v.Signed), nil
	case ir.OpBswap:
		return bits.ReverseBytes64(args[0]) >> (64 - 8*v.Size), nil
	case ir.OpNeg:
		return -args[0], nil
	case ir.OpNumber:
		return args[0], nil
	default:
		return Arith(v.Op, args[0], args[1])
	}
}

// mapHandle is a number that MapName turns back.
func (m *Machine) mapHandle(name string) uint64 {
	if _, ok := m.maps[name]; !ok {
		m.maps[name] = len(m.maps) + 1
	}
	return uint64(m.maps[name])
}

// MapName is the map that an OpMap argument stands for.
func (m *Machine) MapName(handle uint64) string {
	for name, h := range m.maps {
		if uint64(h) == handle {
			return name
		}
	}
	return ""
}

func (m *Machine) memory(v *ir.Value, args []uint64) (uint64, error) {
	mem, err := m.Bytes(args[0] + uint64(v.Imm))
	if err != nil {
		return 0, err
	}
	if len(mem) < v.Size {
		return 0, fmt.Errorf("%s of %d bytes, %d are left", v.Op, v.Size, len(mem))
	}
	old := read(mem, v.Size)
	switch v.Op {
	case ir.OpLoad:
		return Extend(old, v.Size, v.Signed), nil
	case ir.OpStore, ir.OpXchg:
		write(mem, v.Size, args[1])
	case ir.OpAtomicAdd:
		write(mem, v.Size, old+args[1])
	case ir.OpCmpXchg:
		if old == args[1] {
			write(mem, v.Size, args[2])
		}
	}
	return old, nil
}

func read(mem []byte, size int) uint64 {
	var full [8]byte
	copy(full[:], mem[:size])
	return binary.LittleEndian.Uint64(full[:])
}

func write(mem []byte, size int, x uint64) {
	full := binary.LittleEndian.AppendUint64(nil, x)
	copy(mem[:size], full)
}

// Extend is OpExt.
func Extend(x uint64, size int, signed bool) uint64 {
	n := 64 - 8*size
	if signed {
		return uint64(int64(x<<n) >> n)
	}
	return x << n >> n
}

// Compare is what the comparison op says of a and b.
func Compare(op ir.Op, a, b uint64) bool {
	switch op {
	case ir.OpEq:
		return a == b
	case ir.OpNe:
		return a != b
	case ir.OpUlt:
		return a < b
	case ir.OpUle:
		return a <= b
	case ir.OpUgt:
		return a > b
	case ir.OpUge:
		return a >= b
	case ir.OpSlt:
		return int64(a) < int64(b)
	case ir.OpSle:
		return int64(a) <= int64(b)
	case ir.OpSgt:
		return int64(a) > int64(b)
	default:
		return int64(a) >= int64(b)
	}
}

// Arith is what the operation op with two operands gives.
func Arith(op ir.Op, a, b uint64) (uint64, error) {
	switch op {
	case ir.OpAdd:
		return a + b, nil
	case ir.OpSub:
		return a - b, nil
	case ir.OpMul:
		return a * b, nil
	case ir.OpUDiv:
		if b == 0 {
			return 0, nil
		}
		return a / b, nil
	case ir.OpUMod:
		if b == 0 {
			return a, nil
		}
		return a % b, nil
	case ir.OpAnd:
		return a & b, nil
	case ir.OpOr:
		return a | b, nil
	case ir.OpXor:
		return a ^ b, nil
	case ir.OpShl:
		return a << (b & 63), nil
	case ir.OpLshr:
		return a >> (b & 63), nil
	case ir.OpAshr:
		return uint64(int64(a) >> (b & 63)), nil
	}
	if !op.IsCompare() {
		return 0, fmt.Errorf("no meaning of %s", op)
	}
	if Compare(op, a, b) {
		return 1, nil
	}
	return 0, nil
}
