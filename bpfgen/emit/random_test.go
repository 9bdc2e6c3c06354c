package emit_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/cilium/ebpf/asm"

	"tracer/bpfgen/emit"
	"tracer/bpfgen/ir"
	"tracer/bpfgen/ir/irtest"
	"tracer/bpfgen/opt"
)

var configs = []irtest.Config{
	{Blocks: 3, Values: 6},
	{Blocks: 6, Values: 10},
	{Blocks: 2, Values: 5, Pressure: 25},
	{Blocks: 10, Values: 4, Pressure: 8},
}

var (
	errRefused  = errors.New("refused")
	errDiffers  = errors.New("differs")
	errMisshape = errors.New("not well formed")
)

// sameKind says that two failures are alike enough for shrinking.
func sameKind(a, b error) bool {
	for _, kind := range []error{errRefused, errDiffers, errMisshape} {
		if errors.Is(a, kind) {
			return errors.Is(b, kind)
		}
	}
	return b != nil
}

// variant is f as it is run: as generated, or rewritten.
type variant struct {
	name string
	make func(*ir.Func)
}

var variants = []variant{
	{"plain", func(*ir.Func) {}},
	{"rewritten", opt.Run},
}

func clone(f *ir.Func) *ir.Func {
	c, err := ir.ParseText(f.String())
	if err != nil {
		panic(fmt.Sprintf("%v\n%s", err, f))
	}
	return c
}

// compare runs f by the interpreter and by the kernel; an error is a
// difference, a refusal, or a program that is not well formed.
func (k *kernel) compare(f *ir.Func, runs [][]uint64) error {
	for _, v := range variants {
		g := clone(f)
		v.make(g)
		if err := ir.Check(g); err != nil {
			return fmt.Errorf("%s: %w: %w\n%s", v.name, errMisshape, err, g)
		}
		o, err := emit.Program(g)
		if errors.As(err, &emit.StackError{}) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
		if err := wellMade(o); err != nil {
			return fmt.Errorf("%s: %w: %w\n%s", v.name, errMisshape, err, o)
		}
		if err := k.compareOne(v.name, f, g, o, runs); err != nil {
			return err
		}
	}
	return nil
}

// wellMade checks what needs no run.
func wellMade(o *emit.Object) error {
	if len(o.Pos) != len(o.Instructions) {
		return fmt.Errorf("%d positions for %d instructions", len(o.Pos), len(o.Instructions))
	}
	for i, in := range o.Instructions {
		jump := in.OpCode.Class().IsJump() && in.OpCode.JumpOp() != asm.Call && in.OpCode.JumpOp() != asm.Exit
		if jump && in.Offset == 0 {
			return fmt.Errorf("instruction %d jumps to the next one", i)
		}
		if in.OpCode == asm.Mov.Op(asm.RegSource) && in.Dst == in.Src {
			return fmt.Errorf("instruction %d copies a register to itself", i)
		}
		if (in.Dst == asm.RFP || in.Src == asm.RFP) && in.OpCode.Class() != asm.ALU64Class && int(in.Offset) < -o.StackBytes {
			return fmt.Errorf("instruction %d is outside %d bytes of stack", i, o.StackBytes)
		}
	}
	return nil
}

func (k *kernel) compareOne(name string, f, g *ir.Func, o *emit.Object, runs [][]uint64) error {
	p, err := k.load(o)
	if err != nil {
		return fmt.Errorf("%s: %w: %w: %s\n%s\n%s", name, errRefused, err, verifierTail(err), g, o)
	}
	defer p.Close()
	for _, inputs := range runs {
		before := memory(inputs)
		want, err := interpret(f, before, inputs)
		if err != nil {
			return fmt.Errorf("%s: interpreter: %w", name, err)
		}
		again, err := interpret(g, before, inputs)
		if err != nil {
			return fmt.Errorf("%s: interpreter of the rewritten: %w\n%s", name, err, g)
		}
		if !want.equal(again) {
			return fmt.Errorf("%s: interpretation %w: inputs %#x: %s\n%s", name, errDiffers, inputs, diff(want, again), g)
		}
		got, err := k.run(p, before, inputs)
		if err != nil {
			return fmt.Errorf("%s: run: %w", name, err)
		}
		if !want.equal(got) {
			return fmt.Errorf("%s: kernel %w: inputs %#x: %s\n%s\n%s", name, errDiffers, inputs, diff(want, got), g, o)
		}
	}
	return nil
}

func diff(want, got result) string {
	for i := range want.out {
		if want.out[i] != got.out[i] {
			at := i &^ 7
			return fmt.Sprintf("differs at %d: want %#x, got %#x", at, binary.LittleEndian.Uint64(want.out[at:]), binary.LittleEndian.Uint64(got.out[at:]))
		}
	}
	return fmt.Sprintf("returns %d, want %d", got.ret, want.ret)
}

// memory is what the map holds before a run.
func memory(inputs []uint64) []byte {
	out := make([]byte, irtest.OutSize)
	for i := 0; i < irtest.OutSize; i += 8 {
		binary.LittleEndian.PutUint64(out[i:], inputs[i/8%len(inputs)]*uint64(i/8+1))
	}
	return out
}

func randomInputs(rng *rand.Rand) []uint64 {
	in := make([]uint64, irtest.Inputs)
	for i := range in {
		in[i] = rng.Uint64() >> rng.IntN(64)
		if rng.IntN(4) == 0 {
			in[i] = -in[i]
		}
	}
	return in
}

// TestRandomProgramsMeanTheSameInTheKernel runs each program twice, as
// generated and rewritten: 20,000 programs in all.
func TestRandomProgramsMeanTheSameInTheKernel(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 1000
	}
	if s := os.Getenv("TRACER_RANDOM_PROGRAMS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	for part := range 2 {
		t.Run(strconv.Itoa(part), func(t *testing.T) {
			t.Parallel()
			lockThread(t)
			k := newKernel(t)
			for seed := part; seed < n; seed += 2 {
				tryRandom(t, k, uint64(seed))
			}
		})
	}
}

func tryRandom(t *testing.T, k *kernel, seed uint64) {
	f, runs := randomCase(seed, !k.exchange)
	if err := k.compare(f, runs); err != nil {
		small := irtest.Shrink(f, func(g *ir.Func) bool { return sameKind(err, k.compare(g, runs)) })
		t.Fatalf("seed %d, shrunk: %v\nfrom\n%s", seed, k.compare(small, runs), small)
	}
}

func randomCase(seed uint64, noExchange bool) (*ir.Func, [][]uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	c := configs[int(seed)%len(configs)]
	c.NoExchange = noExchange
	f := irtest.Generate(rng, c)
	return f, [][]uint64{randomInputs(rng), randomInputs(rng)}
}
