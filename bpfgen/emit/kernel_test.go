package emit_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/rlimit"

	"tracer/bpfgen/emit"
	"tracer/bpfgen/ir"
	"tracer/bpfgen/ir/irtest"
)

// kernel runs programs by BPF_PROG_TEST_RUN as raw tracepoints.
type kernel struct {
	out      *ebpf.Map
	zero     []byte
	exchange bool // atomic exchanges exist (5.12)
}

func newKernel(t testing.TB) *kernel {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: runs programs in the kernel")
	}
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Fatal(err)
	}
	out, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: irtest.OutSize, MaxEntries: 1})
	if err != nil {
		if errors.Is(err, ebpf.ErrNotSupported) || errors.Is(err, syscall.EPERM) {
			t.Skipf("maps cannot be made here: %v", err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	k := &kernel{out: out, zero: make([]byte, irtest.OutSize)}
	if k.exchange, err = k.hasExchange(); err != nil {
		t.Fatal(err)
	}
	return k
}

// hasExchange loads a program with an atomic exchange on the stack.
func (k *kernel) hasExchange() (bool, error) {
	f, err := ir.ParseText("func \"xchg\"\n\nb0 \"entry\":\n  v0 = slot 8 \"s\"\n  v1 = const 1\n  store.8 [v0+0], v1\n  v2 = xchg.8 [v0+0], v1\n  exit v2\n")
	if err != nil {
		return false, err
	}
	o, err := emit.Program(f)
	if err != nil {
		return false, err
	}
	p, err := k.load(o)
	if err != nil {
		return false, nil // refused: that is the answer
	}
	return true, p.Close()
}

// result is what a program returned (32 bits) and wrote.
type result struct {
	ret uint32
	out []byte
}

func (r result) equal(o result) bool { return r.ret == o.ret && bytes.Equal(r.out, o.out) }

func (k *kernel) load(o *emit.Object) (*ebpf.Program, error) {
	list := append(asm.Instructions(nil), o.Instructions...)
	if err := list.AssociateMap(irtest.OutMap, k.out); err != nil && !errors.Is(err, asm.ErrUnreferencedSymbol) {
		return nil, err
	}
	return ebpf.NewProgram(&ebpf.ProgramSpec{Name: "test", Type: ebpf.RawTracepoint, License: "GPL", Instructions: list})
}

func (k *kernel) run(p *ebpf.Program, before []byte, inputs []uint64) (result, error) {
	if err := k.out.Put(uint32(0), before); err != nil {
		return result{}, err
	}
	ret, err := p.Run(&ebpf.RunOptions{Context: inputs})
	if err != nil {
		return result{}, err
	}
	out, err := k.out.LookupBytes(uint32(0))
	return result{ret, out}, err
}

func verifierTail(err error) string {
	var ve *ebpf.VerifierError
	if !errors.As(err, &ve) {
		return ""
	}
	log := ve.Log
	return fmt.Sprintf("%q", log[max(0, len(log)-12):])
}

// interpret is the oracle.
func interpret(f *ir.Func, before []byte, inputs []uint64) (result, error) {
	ctx := make([]byte, 0, 8*len(inputs))
	for _, n := range inputs {
		ctx = binary.LittleEndian.AppendUint64(ctx, n)
	}
	out := bytes.Clone(before)
	m := &irtest.Machine{Context: ctx, Maps: map[string][]byte{irtest.OutMap: out}, Call: helpers}
	ret, err := m.Run(f)
	return result{uint32(ret), out}, err
}

func helpers(m *irtest.Machine, number int64, args []uint64) (uint64, error) {
	switch number {
	case irtest.HelperMapLookup:
		return m.MapValue(m.MapName(args[0])), nil
	case irtest.HelperPidTgid:
		return uint64(os.Getpid())<<32 | uint64(syscall.Gettid()), nil
	case irtest.HelperUIDGID:
		return uint64(os.Getgid())<<32 | uint64(os.Getuid()), nil
	case irtest.HelperRead:
		return readKernel(m, args[0], args[1], args[2])
	default:
		return 0, fmt.Errorf("no helper %d", number)
	}
}

// readKernel zeroes what it cannot read.
func readKernel(m *irtest.Machine, dst, size, src uint64) (uint64, error) {
	to, err := m.Bytes(dst)
	if err != nil {
		return 0, err
	}
	from, err := m.Bytes(src)
	if err != nil {
		clear(to[:size])
		return ^uint64(0), nil
	}
	copy(to[:size], from)
	return 0, nil
}

// lockThread makes the thread of the test that of the helpers.
func lockThread(t *testing.T) {
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
}
