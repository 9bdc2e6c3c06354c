package bpfcall

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"tracer/interpreter/abi"
)

func noTypes() (*btf.Spec, error) { return nil, errors.New("no types") }

// types is a kernel with one function.
func types(t *testing.T) func() (*btf.Spec, error) {
	t.Helper()
	fn := &btf.Func{Name: abi.SessionIsReturn, Type: &btf.FuncProto{Return: &btf.Int{Name: "bool", Size: 1, Encoding: btf.Bool}}, Linkage: btf.StaticFunc}
	b, err := btf.NewBuilder([]btf.Type{fn}, nil)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	return func() (*btf.Spec, error) { return spec, nil }
}

func TestCallsOfTheKernelsFunctionsGetTheirNumber(t *testing.T) {
	list := asm.Instructions{asm.Mov.Imm(asm.R0, 0), Kfunc(abi.SessionIsReturn), asm.Return()}
	got, err := Number(list, types(t))
	if err != nil || got[1].Constant == 0 || got[1].Src != asm.PseudoKfuncCall || got[1].Reference() != "" {
		t.Errorf("%v, %v", got, err)
	}
	if list[1].Constant != 0 || list[1].Reference() != abi.SessionIsReturn {
		t.Errorf("the list was changed: %v", list)
	}
	if _, err := Number(asm.Instructions{Kfunc("bpf_nosuch")}, types(t)); !errors.Is(err, btf.ErrNotFound) || !strings.Contains(err.Error(), "bpf_nosuch") {
		t.Errorf("a function that does not exist: %v", err)
	}
}

func TestProgramsWithoutSuchCallsNeedNoTypes(t *testing.T) {
	list := asm.Instructions{asm.FnKtimeGetNs.Call(), asm.Return()}
	if got, err := Number(list, noTypes); err != nil || &got[0] != &list[0] {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := Number(asm.Instructions{Kfunc(abi.SessionCookie)}, noTypes); err == nil {
		t.Error("numbered without types")
	}
}

// The kernel's own errors come back: a session wants a file.
func TestALinkThatTheKernelRefuses(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: loads a program")
	}
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.Kprobe, AttachType: abi.TraceUprobeSession, License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	if err != nil {
		t.Skipf("this kernel cannot: %v", err)
	}
	defer prog.Close()
	fd, err := UprobeSession(prog.FD(), Uprobes{Path: "/", Offsets: []uint64{0}})
	if !errors.Is(err, unix.EBADF) && !errors.Is(err, unix.EINVAL) {
		t.Errorf("a link to a folder: %d, %v", fd, err)
	}
}

// What the kernel is given an address of stays where it is, though it would fit on the
// stack, which moves when it grows.
func TestAddressesStay(t *testing.T) {
	var pins runtime.Pinner
	defer pins.Unpin()
	text := os.Args[0][:4]
	name := append([]byte(text), 0)
	at := Address(&pins, name)
	if n := grow(1 << 16); n != 1<<16 {
		t.Fatal(n)
	}
	if now := uint64(uintptr(unsafe.Pointer(&name[0]))); now != at {
		t.Errorf("it was at %#x and is at %#x", at, now)
	}
	if at := Address[uint64](&pins, nil); at != 0 {
		t.Errorf("nothing is at %#x", at)
	}
}

// grow has n frames on the stack.
func grow(n int) int {
	if n == 0 {
		return 0
	}
	return 1 + grow(n-1)
}
