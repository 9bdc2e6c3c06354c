package emit_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cilium/ebpf"

	"tracer/bpfgen/emit"
	"tracer/bpfgen/ir"
	"tracer/bpfgen/ir/irtest"
)

// build makes a program by hand.
type build struct {
	f *ir.Func
	b *ir.Block
}

func newBuild(name string) *build {
	f := ir.NewFunc(name)
	return &build{f, f.Blocks[0]}
}

func (p *build) v(v ir.Value, args ...*ir.Value) *ir.Value {
	v.Args = args
	return p.f.NewValue(p.b, v)
}

func (p *build) num(n int64) *ir.Value { return p.v(ir.Value{Op: ir.OpConst, Imm: n}) }

func (p *build) input(ctx *ir.Value, i int) *ir.Value {
	return p.v(ir.Value{Op: ir.OpLoad, Size: 8, Imm: int64(8 * i)}, ctx)
}

func (p *build) out(off int64) *ir.Value {
	return p.v(ir.Value{Op: ir.OpMapValue, Sym: irtest.OutMap, Imm: off})
}

func (p *build) store(at *ir.Value, off int64, v *ir.Value) {
	p.v(ir.Value{Op: ir.OpStore, Size: 8, Imm: off}, at, v)
}

func (k *kernel) mustLoad(t *testing.T, f *ir.Func) *ebpf.Program {
	t.Helper()
	if err := ir.Check(f); err != nil {
		t.Fatalf("%v\n%s", err, f)
	}
	o, err := emit.Program(f)
	if err != nil {
		t.Fatal(err)
	}
	p, err := k.load(o)
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, verifierTail(err), o)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// edges are all powers of two and their neighbours, and their negatives.
func edges() []uint64 {
	out := []uint64{0}
	for i := range 64 {
		p := uint64(1) << i
		out = append(out, p-1, p, p+1, -p, -p-1, -p+1, p+p/2, p+p/2-1, p+p/4)
	}
	return out
}

func TestHistSlotCountsEveryBorderWhereItBelongs(t *testing.T) {
	k := newKernel(t)
	for bits := range 6 {
		for _, signed := range []int64{0, 1} {
			t.Run(fmt.Sprintf("bits %d signed %d", bits, signed), func(t *testing.T) {
				p := newBuild("hist")
				ctx := p.v(ir.Value{Op: ir.OpCtx})
				slot := p.v(ir.Value{Op: ir.OpIntrinsic, Sym: ir.HistSlot, Imms: []int64{int64(bits), signed}}, p.input(ctx, 0))
				p.b.Exit(slot)
				prog := k.mustLoad(t, p.f)
				for _, x := range edges() {
					got, err := k.run(prog, k.zero, []uint64{x, 0})
					if err != nil {
						t.Fatal(err)
					}
					if want := uint32(irtest.HistSlot(x, bits, signed != 0)); got.ret != want {
						t.Fatalf("slot of %#x is %d, want %d", x, got.ret, want)
					}
					if got.ret > 0 {
						if lo, hi := ir.HistBounds(int(got.ret), bits); x < lo || x > hi {
							t.Fatalf("%#x is in slot %d from %#x to %#x", x, got.ret, lo, hi)
						}
					}
				}
			})
		}
	}
}

// The slot indexes a row that has exactly as many slots as there are.
func TestHistSlotBoundIsSeenByTheVerifier(t *testing.T) {
	k := newKernel(t)
	for bits := range 4 {
		p := newBuild("hist")
		ctx := p.v(ir.Value{Op: ir.OpCtx})
		sum := p.num(0)
		for i := range 8 { // many in one program must stay cheap
			slot := p.v(ir.Value{Op: ir.OpIntrinsic, Sym: ir.HistSlot, Imms: []int64{int64(bits), 1}}, p.input(ctx, i))
			off := p.v(ir.Value{Op: ir.OpShl}, slot, p.num(3))
			row := p.v(ir.Value{Op: ir.OpAdd}, p.out(int64(irtest.OutSize-8*ir.HistSlots(bits))), off)
			p.v(ir.Value{Op: ir.OpAtomicAdd, Size: 8}, row, p.num(1))
			sum = p.v(ir.Value{Op: ir.OpAdd}, sum, slot)
		}
		p.b.Exit(sum)
		k.mustLoad(t, p.f)
	}
}

func TestPairsAgreeWithTheModel(t *testing.T) {
	k := newKernel(t)
	for _, depth := range []int{1, 4, 8, 16, 32, 64} {
		for _, stride := range []int{16, 24, 56} {
			t.Run(fmt.Sprintf("depth %d stride %d", depth, stride), func(t *testing.T) {
				push, pop := k.mustLoad(t, pairProgram(ir.PairPush, depth, stride)), k.mustLoad(t, pairProgram(ir.PairPop, depth, stride))
				rng := rand.New(rand.NewPCG(uint64(depth), uint64(stride)))
				model, kern := make([]byte, irtest.OutSize), make([]byte, irtest.OutSize)
				for i, e := range calls(rng, 300) {
					prog, off := pop, 0
					if e.push {
						prog, off = push, irtest.PairPush(model, e.sp, e.id, depth, stride)
					} else {
						off = irtest.PairPop(model, e.sp, e.id, depth, stride)
					}
					got, err := k.run(prog, kern, []uint64{e.sp, e.id})
					if err != nil {
						t.Fatal(err)
					}
					kern = got.out
					if int(got.ret) != off || !bytes.Equal(kern, model) {
						t.Fatalf("step %d %+v: slot at %d, want %d; count %d, want %d", i, e, got.ret, off, binary.LittleEndian.Uint64(kern), binary.LittleEndian.Uint64(model))
					}
				}
			})
		}
	}
}

// pairProgram returns the offset of the slot, or 0.
func pairProgram(name string, depth, stride int) *ir.Func {
	p := newBuild(name)
	ctx := p.v(ir.Value{Op: ir.OpCtx})
	stack := p.out(0)
	slot := p.v(ir.Value{Op: ir.OpIntrinsic, Sym: name, Imms: []int64{int64(depth), int64(stride)}}, stack, p.input(ctx, 0), p.input(ctx, 1))
	found, none := p.f.NewBlock("found"), p.f.NewBlock("none")
	p.b.If(ir.OpNe, slot, p.num(0), found, none, nil)
	p.b = found
	if stride > 16 { // what is saved beside the pair must be reachable
		p.v(ir.Value{Op: ir.OpLoad, Size: 8, Imm: int64(stride - 8)}, slot)
	}
	p.b.Exit(p.v(ir.Value{Op: ir.OpSub}, slot, stack))
	p.b = none
	p.b.Exit(p.num(0))
	return p.f
}

type callEvent struct {
	push   bool
	sp, id uint64
}

// calls are events of one thread: nested calls, recursion, longjmp over some
// frames, tail calls (another function at the same sp), returns that were not
// seen, and returns of calls that were not seen.
func calls(rng *rand.Rand, n int) []callEvent {
	type frame struct{ sp, id uint64 }
	var stack []frame
	var out []callEvent
	const top = 0x7fffffff0000
	for len(out) < n {
		sp := uint64(top)
		if len(stack) > 0 {
			sp = stack[len(stack)-1].sp
		}
		switch rng.IntN(8) {
		case 0, 1, 2, 3:
			f := frame{sp - 16 - 16*uint64(rng.IntN(3)), uint64(rng.IntN(3))}
			stack = append(stack, f)
			out = append(out, callEvent{true, f.sp, f.id})
		case 4: // tail call
			f := frame{sp, uint64(rng.IntN(3))}
			stack = append(stack, f)
			out = append(out, callEvent{true, f.sp, f.id})
		case 5: // longjmp or returns not seen
			stack = stack[:rng.IntN(len(stack)+1)]
		case 6: // a return without a call
			out = append(out, callEvent{false, sp + 8*uint64(rng.IntN(5)), uint64(rng.IntN(3))})
		default:
			if len(stack) > 0 {
				f := stack[len(stack)-1]
				stack = stack[:len(stack)-1]
				out = append(out, callEvent{false, f.sp, f.id})
			}
		}
	}
	return out
}

func TestStringsContainLikeGo(t *testing.T) {
	k := newKernel(t)
	rows := []struct {
		name   string
		n      int
		needle string
		texts  []string
	}{
		{"empty needle", 16, "", []string{"", "a", "abc"}},
		{"one byte", 16, "x", []string{"", "x", "abcx", "xabc", "abc", "abcdefghijklmnox", "abcdefghijklmnopx"}},
		{"three bytes", 16, "abc", []string{"ab", "abc", "aabc", "ababc", "ab\x00abc", "abcabcabcabcabcab", "xxxxxxxxxxxxxabc", "xxxxxxxxxxxxxxabc"}},
		{"four bytes with high bits", 16, "\xff\xfe\x80\x81", []string{"\xff\xfe\x80\x81", "a\xff\xff\xfe\x80\x81", "\xff\xfe\x80"}},
		{"seven bytes", 32, "passwor", []string{"passwor", "/etc/password", "passwo", "passpasswor"}},
		{"eight bytes", 32, "12345678", []string{"12345678", "1234567812345678", "1234567", "01234567"}},
		{"nine bytes", 32, "123456789", []string{"123456789", "12345678123456789", "12345678", "1234567812345678"}},
		{"long", 64, "/usr/lib/x86_64-linux-gnu/", []string{"/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/usr/lib/x86_64-linux-gnu/", "/usr/lib/x86_64-linux-gn"}},
		{"as long as the text", 8, "abcdefgh", []string{"abcdefgh", "abcdefg"}},
		{"a text that ends", 64, "abcd", []string{"abc\x00abcd", "abc\x00dabcd", "\x00abcd", "1234567\x00abcd", "12345678\x00abcd", strings.Repeat("x", 30) + "\x00abcd"}},
		{"a text that ends, nine bytes", 64, "123456789", []string{"1234\x0056789123456789", "\x00123456789", "1234567\x00123456789", "12345678\x00123456789", "123456789\x00", strings.Repeat("x", 31) + "\x00123456789", strings.Repeat("x", 24) + "\x00" + strings.Repeat("y", 12) + "123456789"}},
		{"a text that ends, eight bytes", 64, "12345678", []string{"1234\x005678", "1234567\x0012345678", "12345678\x00", "\x0012345678", strings.Repeat("x", 31) + "12345678\x00", strings.Repeat("x", 31) + "\x0012345678"}},
		{"in the rest of the text", 13, "abc", []string{"0123456789abc", "0123456789ab", "01234567\x00abc", "01234567abc", "012345\x0089abc"}},
		{"the rest of a long text", 4094, "needle", []string{strings.Repeat("n", 4088) + "needle", strings.Repeat("n", 4089) + "needle"}},
		{"longer than the text", 8, "abcdefghi", []string{"abcdefghi", "abcdefgh"}},
		{"4096 bytes", irtest.OutSize, "needle", []string{strings.Repeat("needl", 799) + "needle", strings.Repeat("n", 4090) + "needle", strings.Repeat("n", 4091) + "needle"}},
		{"4096 bytes, a long needle", irtest.OutSize, "longneedle", []string{strings.Repeat("longneedl", 400) + "longneedle", strings.Repeat("n", 4086) + "longneedle", strings.Repeat("n", 4087) + "longneedle"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			p := newBuild("contains")
			p.b.Exit(p.v(ir.Value{Op: ir.OpIntrinsic, Sym: ir.StrContains, Imms: []int64{int64(row.n)}, Data: []byte(row.needle)}, p.out(0)))
			prog := k.mustLoad(t, p.f)
			for _, text := range row.texts {
				mem := make([]byte, irtest.OutSize)
				copy(mem, text)
				got, err := k.run(prog, mem, []uint64{0, 0})
				if err != nil {
					t.Fatal(err)
				}
				seen, _, _ := strings.Cut(text[:min(len(text), row.n)], "\x00")
				if want := strings.Contains(seen, row.needle); (got.ret == 1) != want {
					t.Errorf("%.40q contains %q: %d, want %v", text, row.needle, got.ret, want)
				}
			}
		})
	}
}

func TestStringsAreEqualLikeGo(t *testing.T) {
	k := newKernel(t)
	texts := []string{"", "a", "b", "ab", "abc", "abcd", "abcdefgh", "abcdefgi", "abcdefghi", "ab\x00cd", "ab\x00ce"}
	for _, size := range [][2]int{{8, 8}, {4, 8}, {8, 4}, {16, 16}, {1, 4}, {0, 4}, {3, 0}, {0, 0}, {1500, 2000}, {2048, 2048}, {2047, 2048}} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			p := newBuild("equal")
			p.b.Exit(p.v(ir.Value{Op: ir.OpIntrinsic, Sym: ir.StrEqual, Imms: []int64{int64(size[0]), int64(size[1])}}, p.out(0), p.out(2048)))
			prog := k.mustLoad(t, p.f)
			for _, a := range texts {
				for _, b := range texts {
					mem := make([]byte, irtest.OutSize)
					copy(mem, a)
					copy(mem[2048:], b)
					got, err := k.run(prog, mem, []uint64{0, 0})
					if err != nil {
						t.Fatal(err)
					}
					x, _, _ := strings.Cut(a[:min(len(a), size[0])], "\x00")
					y, _, _ := strings.Cut(b[:min(len(b), size[1])], "\x00")
					if (got.ret == 1) != (x == y) {
						t.Errorf("%q and %q: %d", a, b, got.ret)
					}
				}
			}
		})
	}
}

// Strings on the stack are read with fixed offsets only.
func TestStringsOnTheStack(t *testing.T) {
	k := newKernel(t)
	p := newBuild("stack")
	ctx := p.v(ir.Value{Op: ir.OpCtx})
	slot := p.v(ir.Value{Op: ir.OpSlot, Imm: 16, Sym: "comm"})
	p.store(slot, 0, p.input(ctx, 0))
	p.store(slot, 8, p.input(ctx, 1))
	contains := p.v(ir.Value{Op: ir.OpIntrinsic, Sym: ir.StrContains, Imms: []int64{16}, Data: []byte("bash")}, slot)
	equal := p.v(ir.Value{Op: ir.OpIntrinsic, Sym: ir.StrEqual, Imms: []int64{16, 16}}, slot, p.out(0))
	p.b.Exit(p.v(ir.Value{Op: ir.OpOr}, contains, p.v(ir.Value{Op: ir.OpShl}, equal, p.num(1))))
	prog := k.mustLoad(t, p.f)
	for text, want := range map[string]uint32{"-bash": 3, "bas": 2, "": 2} {
		mem := make([]byte, irtest.OutSize)
		copy(mem, text)
		got, err := k.run(prog, mem, []uint64{binary.LittleEndian.Uint64(mem), binary.LittleEndian.Uint64(mem[8:])})
		if err != nil {
			t.Fatal(err)
		}
		if got.ret != want {
			t.Errorf("%q: %b, want %b", text, got.ret, want)
		}
	}
}

func TestWhatCannotBeMadeIsAnError(t *testing.T) {
	rows := []struct {
		name string
		v    ir.Value
		args int
		want string
	}{
		{"unknown intrinsic", ir.Value{Op: ir.OpIntrinsic, Sym: "no.such"}, 0, `no intrinsic "no.such"`},
		{"operands of an intrinsic", ir.Value{Op: ir.OpIntrinsic, Sym: ir.HistSlot}, 1, "with 1 operands and 0 constants"},
		{"bits of a histogram", ir.Value{Op: ir.OpIntrinsic, Sym: ir.HistSlot, Imms: []int64{9, 0}}, 1, "9 bits, want 0 to 8"},
		{"depth of pairs", ir.Value{Op: ir.OpIntrinsic, Sym: ir.PairPop, Imms: []int64{0, 16}}, 3, "depth 0"},
		{"stride of pairs", ir.Value{Op: ir.OpIntrinsic, Sym: ir.PairPush, Imms: []int64{8, 20}}, 3, "stride 20"},
		{"too much to look through", ir.Value{Op: ir.OpIntrinsic, Sym: ir.StrContains, Imms: []int64{4097}, Data: []byte(strings.Repeat("x", 200))}, 1, "gives up at a million"},
		{"NUL in a needle", ir.Value{Op: ir.OpIntrinsic, Sym: ir.StrContains, Imms: []int64{16}, Data: []byte("a\x00b")}, 1, "NUL"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			p := newBuild("wrong")
			var args []*ir.Value
			for range row.args {
				args = append(args, p.num(1))
			}
			p.b.Exit(p.v(row.v, args...))
			if _, err := emit.Program(p.f); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want %q", err, row.want)
			}
		})
	}
}

// A program may look at a string several times: what the verifier has not decided
// adds up, and its limit is 8192 branches.
func TestManySearchesAreOneProgram(t *testing.T) {
	k := newKernel(t)
	p := newBuild("searches")
	sum := p.num(0)
	for i, needle := range []string{"a", "seven b", "eight by", "nine byte", "bcd", "last"} {
		found := p.v(ir.Value{Op: ir.OpIntrinsic, Sym: ir.StrContains, Imms: []int64{irtest.OutSize}, Data: []byte(needle)}, p.out(0))
		sum = p.v(ir.Value{Op: ir.OpOr}, sum, p.v(ir.Value{Op: ir.OpShl}, found, p.num(int64(i))))
	}
	same := p.v(ir.Value{Op: ir.OpIntrinsic, Sym: ir.StrEqual, Imms: []int64{2048, 2048}}, p.out(0), p.out(2048))
	p.b.Exit(p.v(ir.Value{Op: ir.OpOr}, sum, p.v(ir.Value{Op: ir.OpShl}, same, p.num(6))))
	prog := k.mustLoad(t, p.f)
	half := strings.Repeat("nine byte, bcd, ", 128)
	for text, want := range map[string]uint32{half + half: 0b1011000, strings.Repeat(".", 4092) + "last": 0b0100001, "": 0b1000000} {
		mem := make([]byte, irtest.OutSize)
		copy(mem, text)
		got, err := k.run(prog, mem, []uint64{0, 0})
		if err != nil {
			t.Fatal(err)
		}
		if got.ret != want {
			t.Errorf("%.20q: %b, want %b", text, got.ret, want)
		}
	}
}
