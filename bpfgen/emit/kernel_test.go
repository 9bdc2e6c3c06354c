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
	out  *ebpf.Map
	zero []byte
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
	return &kernel{out: out, zero: make([]byte, irtest.OutSize)}
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

func helpers(m *irtest.Machine, _ ir.Op, number int64, args []uint64) (uint64, error) {
	switch number {
	case irtest.HelperMapLookup:
		return m.MapValue(m.MapName(args[0])), nil
	case irtest.HelperPidTgid:
		return uint64(os.Getpid())<<32 | uint64(syscall.Gettid()), nil
	case irtest.HelperUIDGID:
		return uint64(os.Getgid())<<32 | uint64(os.Getuid()), nil
	default:
		return 0, fmt.Errorf("no helper %d", number)
	}
}

// lockThread makes the thread of the test that of the helpers.
func lockThread(t *testing.T) {
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
}
