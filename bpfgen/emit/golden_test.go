package emit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/google/go-cmp/cmp"

	"tracer/bpfgen/emit"
	"tracer/bpfgen/ir"
	"tracer/bpfgen/opt"
)

// Each testdata/NAME.txt is a program; NAME.asm is what becomes of it after
// package opt. UPDATE=1 writes the latter.
func TestListings(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			f, err := ir.ParseText(string(text))
			if err != nil {
				t.Fatal(err)
			}
			if err := ir.Check(f); err != nil {
				t.Fatal(err)
			}
			opt.Run(f)
			if err := ir.Check(f); err != nil {
				t.Fatalf("%v\n%s", err, f)
			}
			o, err := emit.Program(f)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, ".txt")+".asm", o.String())
		})
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", file, d)
	}
}

// The verifier counts 64-bit immediates twice.
func TestRawPosFollowsWideImmediates(t *testing.T) {
	text := `func "wide"

b0 "entry":
  v0 = const 81985529216486895 ; a
  v1 = map "m" ; b
  v2 = call 3(v1, v0) ; c
  exit v2 ; d
`
	f, err := ir.ParseText(text)
	if err != nil {
		t.Fatal(err)
	}
	o, err := emit.Program(f)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"c", "c", "c", "c", "c", "d"}
	for raw, place := range want {
		if got := o.RawPos(raw); got == nil || got.String() != place {
			t.Errorf("raw instruction %d comes from %v, want %s\n%s", raw, got, place, o)
		}
	}
	if got := o.RawPos(len(want)); got != nil {
		t.Errorf("raw instruction %d does not exist, but comes from %v", len(want), got)
	}
	if len(o.Pos) != len(o.Instructions) {
		t.Errorf("%d positions for %d instructions", len(o.Pos), len(o.Instructions))
	}
}

func TestMapsAreReferencedByName(t *testing.T) {
	f, err := ir.ParseText("func \"maps\"\n\nb0 \"entry\":\n  v0 = map \"a\"\n  v1 = mapvalue \"b\" 24\n  v2 = load.8 [v1+8]\n  v3 = call 1(v0, v1)\n  exit v2\n")
	if err != nil {
		t.Fatal(err)
	}
	o, err := emit.Program(f)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]asm.Register{}
	for _, in := range o.Instructions {
		if in.IsLoadFromMap() {
			found[in.Reference()] = in.Src
		}
	}
	if found["a"] != asm.PseudoMapFD || found["b"] != asm.PseudoMapValue {
		t.Errorf("references %v\n%s", found, o)
	}
}

// A collection finds the maps by the names in the instructions.
func TestCollectionResolvesMaps(t *testing.T) {
	newKernel(t)
	f, err := ir.ParseText("func \"maps\"\n\nb0 \"entry\":\n  v0 = mapvalue \"vars\" 8\n  v1 = const 42\n  store.8 [v0+0], v1\n  exit v1\n")
	if err != nil {
		t.Fatal(err)
	}
	o, err := emit.Program(f)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ebpf.NewCollection(&ebpf.CollectionSpec{
		Maps:     map[string]*ebpf.MapSpec{"vars": {Type: ebpf.Array, KeySize: 4, ValueSize: 16, MaxEntries: 1}},
		Programs: map[string]*ebpf.ProgramSpec{"p": {Type: ebpf.RawTracepoint, License: "GPL", Instructions: o.Instructions}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Programs["p"].Run(&ebpf.RunOptions{Context: []uint64{0, 0}}); err != nil {
		t.Fatal(err)
	}
	got, err := c.Maps["vars"].LookupBytes(uint32(0))
	if err != nil || got[8] != 42 {
		t.Errorf("the map holds %v, error %v", got, err)
	}
}

func TestTooMuchStackIsAStackError(t *testing.T) {
	f, err := ir.ParseText("func \"deep\"\n\nb0 \"entry\":\n  v0 = slot 600 \"big\"\n  v1 = const 1\n  store.8 [v0+0], v1\n  exit v1\n")
	if err != nil {
		t.Fatal(err)
	}
	_, err = emit.Program(f)
	if want := (emit.StackError{Need: 600}); err != want {
		t.Errorf("error %v, want %v", err, want)
	}
}

// A jump has 16 bits.
func TestAJumpThatIsTooFarIsAnError(t *testing.T) {
	p := newBuild("far")
	out, work, end := p.out(0), p.f.NewBlock("work"), p.f.NewBlock("end")
	ctx := p.v(ir.Value{Op: ir.OpCtx})
	x := p.input(ctx, 0)
	p.b.If(ir.OpEq, x, p.num(0), end, work, nil)
	p.b = work
	for i := range 1 << 15 {
		p.store(out, int64(8*(i%100)), x)
	}
	p.b.Jump(end)
	p.b = end
	p.b.Exit(p.num(0))
	_, err := emit.Program(p.f)
	if err == nil || !strings.Contains(err.Error(), "too far") {
		t.Errorf("error %v", err)
	}
}

func BenchmarkLargeProgram(b *testing.B) {
	for b.Loop() {
		p := newBuild("large")
		ctx := p.v(ir.Value{Op: ir.OpCtx})
		sum := p.input(ctx, 0)
		for i := range 1000 {
			x := p.v(ir.Value{Op: ir.OpAdd}, sum, p.input(ctx, i%8))
			more, next := p.f.NewBlock("more"), p.f.NewBlock("next")
			p.b.If(ir.OpUlt, x, p.num(int64(i)), more, next, nil)
			from := p.b
			p.b = more
			y := p.v(ir.Value{Op: ir.OpCall, Imm: 14})
			p.b.Jump(next)
			p.b = next
			sum = p.v(ir.Value{Op: ir.OpPhi}, x, y)
			if from.Term.Then == next {
				b.Fatal("the phi is the wrong way round")
			}
		}
		p.b.Exit(sum)
		opt.Run(p.f)
		if _, err := emit.Program(p.f); err != nil {
			b.Fatal(err)
		}
	}
}
