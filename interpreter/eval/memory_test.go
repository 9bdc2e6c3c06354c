package eval_test

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"tracer/interpreter/eval"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

// ram is two pages of user memory from 0x10000 on.
type ram []byte

const ramBase = 0x10000

func (m ram) read(space types.Space, addr uint64, n int) ([]byte, error) {
	if space != types.User || addr < ramBase || n < 0 || addr+uint64(n) > ramBase+uint64(len(m)) {
		return nil, errors.New("not there")
	}
	return m[addr-ramBase:][:n], nil
}

func newRAM() ram {
	m := make(ram, 8192)
	copy(m[16:], "hello, world\x00")
	for i := range 8 {
		m[64+i] = byte(0x81 + i)
	}
	for i, p := range []uint64{ramBase + 16, ramBase + 23, 0x500, ramBase + 16, 0} {
		binary.LittleEndian.PutUint64(m[128+8*i:], p)
	}
	copy(m[len(m)-4:], "tail")
	return m
}

func record() *eval.Record { return &eval.Record{Memory: newRAM().read} }

func userPointer(addr uint64, elem *types.Type) *tree.Expr {
	return konst(addr, types.Type{Kind: types.Pointer, Size: 8, Space: types.User, Elem: elem})
}

func at(off int, t types.Type, base *tree.Expr) *tree.Expr {
	e := op(tree.Member, t, base)
	e.Off = off
	return e
}

func bits(shift, size int, e *tree.Expr) *tree.Expr {
	e.Bits = &tree.Bits{Shift: shift, Size: size}
	return e
}

func TestMembersAreLoadedFromMemory(t *testing.T) {
	p, null, bad := userPointer(ramBase, nil), userPointer(0, nil), userPointer(0x500, nil)
	step := func(base *tree.Expr, n, size uint64) *tree.Expr {
		e := op(tree.PtrAdd, base.Type, base, konst(n, types.S64))
		e.Int = size
		return e
	}
	next := types.Type{Kind: types.Pointer, Size: 8, Space: types.User}
	inner := types.Type{Kind: types.Struct, Size: 64, Space: types.User}
	for _, c := range []struct {
		name   string
		e      *tree.Expr
		want   uint64
		failed int
	}{
		{"u8", at(64, types.U8, p), 0x81, 0},
		{"s8 keeps its sign", at(64, types.S8, p), 0xffffffffffffff81, 0},
		{"u32", at(64, types.U32, p), 0x84838281, 0},
		{"s64", at(64, types.S64, p), 0x8887868584838281, 0},
		{"bool is 0 or 1", at(64, types.TBool, p), 1, 0},
		{"bitfield", bits(4, 8, at(64, types.U32, p)), 0x28, 0},
		{"signed bitfield", bits(0, 8, at(64, types.S32, p)), 0xffffffffffffff81, 0},
		{"bitfield of a word", bits(0, 64, at(64, types.U64, p)), 0x8887868584838281, 0},
		{"behind null is zero", at(64, types.U32, null), 0, 0},
		{"chain through null is zero", at(8, types.U32, at(16, next, null)), 0, 0},
		{"member of a struct behind null is zero", at(8, types.U32, at(16, inner, null)), 0, 0},
		{"element behind null is zero", at(0, types.U32, step(null, 5, 4)), 0, 0},
		{"element behind a cast null is zero", at(0, types.U32, op(tree.Conv, null.Type, step(null, 5, 4))), 0, 0},
		{"element behind one of two is zero", at(0, types.U32, step(op(tree.Cond, null.Type, konst(1, types.TBool), null, p), 5, 4)), 0, 0},
		{"address of an element of null is that of C", step(null, 5, 4), 20, 0},
		{"memory that is not there is counted", at(64, types.U32, bad), 0, 1},
		{"chain through missing memory", at(8, types.U32, at(16, next, bad)), 0, 1},
		{"element", at(0, types.U8, step(p, 33, 2)), 0x83, 0},
		{"element below", at(0, types.U8, step(userPointer(ramBase+66, nil), neg(1), 2)), 0x81, 0},
		{"member of a struct", at(4, types.U16, at(60, inner, p)), 0x8281, 0},
		{"kernel address space is another", at(64, types.U8, konst(ramBase, types.AnyPtr)), 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := eval.Expr(c.e, record())
			if got.Int != c.want || got.FailedReads != c.failed {
				t.Errorf("got %#x with %d failed reads, want %#x with %d", got.Int, got.FailedReads, c.want, c.failed)
			}
		})
	}
}

func TestTrustedLoadsFailSilently(t *testing.T) {
	elem := types.Type{Kind: types.Struct, Size: 8, Space: types.Trusted}
	p := konst(0x500, types.Type{Kind: types.Pointer, Size: 8, Space: types.Trusted, Elem: &elem})
	if got := eval.Expr(at(0, types.U32, p), record()); got.Int != 0 || got.FailedReads != 0 {
		t.Errorf("got %d with %d failed reads, want 0 with none", got.Int, got.FailedReads)
	}
}

func TestStringsEndAtNULAndAreCut(t *testing.T) {
	str := func(addr uint64, size int) *tree.Expr { return op(tree.Str, types.Str(size), userPointer(addr, nil)) }
	fixed := func(size int) types.Type { return types.Type{Kind: types.String, Size: size, Fixed: true} }
	for _, c := range []struct {
		name   string
		e      *tree.Expr
		want   string
		cut    bool
		failed int
	}{
		{"short enough", str(ramBase+16, 32), "hello, world", false, 0},
		{"exactly", str(ramBase+16, 12), "hello, world", false, 0},
		{"one too long", str(ramBase+16, 11), "hello, worl", true, 0},
		{"empty", str(ramBase, 8), "", false, 0},
		{"null", str(0, 8), "", false, 0},
		{"not there", str(0x500, 8), "", false, 1},
		{"runs into what is not there", str(ramBase+8192-4, 8), "", false, 1},
		{"over the end of a page", str(ramBase+4090, 8), "", false, 0},
		{"char array", at(16, fixed(5), userPointer(ramBase, nil)), "hello", false, 0},
		{"char array with a NUL", at(16, fixed(16), userPointer(ramBase, nil)), "hello, world", false, 0},
		{"char array that is not there", at(0, fixed(16), userPointer(0x500, nil)), "", false, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := eval.Expr(c.e, record())
			if string(got.Bytes) != c.want || got.Truncated != c.cut || got.FailedReads != c.failed {
				t.Errorf("got %q cut %v with %d failed reads, want %q cut %v with %d", got.Bytes, got.Truncated, got.FailedReads, c.want, c.cut, c.failed)
			}
			if (got.Cut != 0) != c.cut {
				t.Errorf("counted %d cuts", got.Cut)
			}
		})
	}
}

func TestBuffersHaveTheirLength(t *testing.T) {
	buf := func(addr, n uint64, nt types.Type, t types.Type) *tree.Expr {
		return op(tree.Buf, t, userPointer(addr, nil), konst(n, nt))
	}
	exact := types.Type{Kind: types.Bytes, Size: 5, Fixed: true}
	for _, c := range []struct {
		name   string
		e      *tree.Expr
		want   string
		cut    bool
		failed int
	}{
		{"as long as asked", buf(ramBase+16, 5, types.U32, types.Buf(8)), "hello", false, 0},
		{"at most the size", buf(ramBase+16, 9, types.U32, types.Buf(8)), "hello, w", true, 0},
		{"none", buf(ramBase+16, 0, types.U32, types.Buf(8)), "", false, 0},
		{"negative", buf(ramBase+16, neg(1), types.S64, types.Buf(8)), "", false, 0},
		{"large unsigned", buf(ramBase+16, neg(1), types.U64, types.Buf(8)), "hello, w", true, 0},
		{"exactly so many", buf(ramBase+16, 5, types.S64, exact), "hello", false, 0},
		{"exactly so many, not there", buf(0x500, 5, types.S64, exact), "\x00\x00\x00\x00\x00", false, 1},
		{"not there", buf(0x500, 5, types.S64, types.Buf(8)), "\x00\x00\x00\x00\x00", false, 1},
		{"null", buf(0, 5, types.S64, types.Buf(8)), "\x00\x00\x00\x00\x00", false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := eval.Expr(c.e, record())
			if string(got.Bytes) != c.want || got.Truncated != c.cut || got.FailedReads != c.failed {
				t.Errorf("got %q cut %v with %d failed reads, want %q cut %v with %d", got.Bytes, got.Truncated, got.FailedReads, c.want, c.cut, c.failed)
			}
		})
	}
}

func TestListsEndAtNull(t *testing.T) {
	list := func(addr uint64, count, size int) *tree.Expr {
		elem := types.Str(size)
		e := op(tree.Strs, types.Type{Kind: types.List, Elem: &elem, Len: count}, userPointer(addr, nil))
		e.Int = uint64(count)
		return e
	}
	for _, c := range []struct {
		name   string
		e      *tree.Expr
		want   []string
		more   bool
		failed int
	}{
		{"all", list(ramBase+128, 8, 12), []string{"hello, world", "world", "", "hello, world"}, false, 1},
		{"the first two", list(ramBase+128, 2, 12), []string{"hello, world", "world"}, true, 0},
		{"elements are cut", list(ramBase+128, 2, 5), []string{"hello", "world"}, true, 0},
		{"exactly as many", list(ramBase+144, 2, 12), []string{"", "hello, world"}, false, 1},
		{"null", list(0, 2, 12), []string{}, false, 0},
		{"not there", list(0x500, 2, 12), []string{}, false, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := eval.Expr(c.e, record())
			texts := []string{}
			for _, v := range got.List() {
				texts = append(texts, string(v.Bytes))
			}
			if !slices.Equal(texts, c.want) || got.Truncated != c.more || got.FailedReads != c.failed {
				t.Errorf("got %q more %v with %d failed reads, want %q more %v with %d", texts, got.Truncated, got.FailedReads, c.want, c.more, c.failed)
			}
		})
	}
}

func TestArraysShowTheirElements(t *testing.T) {
	elem := types.S16
	e := at(64, types.Type{Kind: types.Array, Elem: &elem, Len: 3, Size: 6, Space: types.User}, userPointer(ramBase, nil))
	got := eval.Expr(e, record())
	if len(got.List()) != 3 || got.List()[1].Int != 0xffffffffffff8483 {
		t.Errorf("got %v", got.List())
	}
	first := at(2, elem, e)
	if n := eval.Expr(first, record()); n.Int != 0xffffffffffff8483 {
		t.Errorf("an element by way of the array: got %#x", n.Int)
	}
}

func TestTextTests(t *testing.T) {
	for _, c := range []struct {
		op      tree.Op
		s, part string
		want    uint64
	}{
		{tree.StrEq, "abc", "abc", 1},
		{tree.StrEq, "abc", "ab", 0},
		{tree.StartsWith, "abc", "ab", 1},
		{tree.StartsWith, "ab", "abc", 0},
		{tree.EndsWith, "abc", "bc", 1},
		{tree.EndsWith, "abcx", "bc", 0},
		{tree.StrContains, "aab", "ab", 1},
		{tree.StrContains, "ab", "abc", 0},
		{tree.StrContains, "ab", "", 1},
	} {
		e := op(c.op, types.TBool, text(c.s, types.Str(16)), text(c.part, types.Str(16)))
		if got := eval.Expr(e, &eval.Record{}); got.Int != c.want {
			t.Errorf("%s %q %q: got %d, want %d", c.op, c.s, c.part, got.Int, c.want)
		}
	}
}

func TestCutStringsAreNotTakenForWholeOnes(t *testing.T) {
	str := func(size int) *tree.Expr { return op(tree.Str, types.Str(size), userPointer(ramBase+16, nil)) }
	cond := func(x *tree.Expr) *tree.Expr {
		return op(tree.Cond, types.Str(32), konst(1, types.TBool), x, text("", types.Str(0)))
	}
	entry := &eval.Record{Memory: newRAM().read}
	now := &eval.Record{Memory: newRAM().read, AtEntry: entry}
	for _, c := range []struct {
		name string
		op   tree.Op
		x, y *tree.Expr
		want uint64
	}{
		{"equal to its beginning", tree.StrEq, str(5), text("hello", types.Str(5)), 0},
		{"ends where it was cut", tree.EndsWith, str(5), text("lo", types.Str(2)), 0},
		{"begins with all that is shown", tree.StartsWith, str(5), text("hello", types.Str(5)), 1},
		{"contains what is shown", tree.StrContains, str(5), text("ell", types.Str(3)), 1},
		{"cut alike", tree.StrEq, str(5), str(5), 1},
		{"cut otherwise", tree.StrEq, str(5), str(6), 0},
		{"by way of a choice", tree.EndsWith, cond(str(5)), text("lo", types.Str(2)), 0},
		{"at the entry", tree.StrEq, op(tree.Entry, types.Str(5), str(5)), text("hello", types.Str(5)), 0},
		{"whole", tree.EndsWith, str(12), text("world", types.Str(5)), 1},
	} {
		if got := eval.Expr(op(c.op, types.TBool, c.x, c.y), now); got.Int != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got.Int, c.want)
		}
	}
}

func TestNetworks(t *testing.T) {
	in := func(addr, network string, n int) uint64 {
		e := op(tree.InNet, types.TBool, text(addr, types.Buf(len(addr))))
		e.Str, e.Int = network, uint64(n)
		return eval.Expr(e, &eval.Record{}).Int
	}
	if in("\x0a\x01\x02\x03", "\x0a\x00\x00\x00", 8) != 1 || in("\x0b\x01\x02\x03", "\x0a\x00\x00\x00", 8) != 0 {
		t.Error("10.0.0.0/8")
	}
	if in("\x0a\x80\x02\x03", "\x0a\x00\x00\x00", 9) != 0 || in("\x0a\x7f\x02\x03", "\x0a\x00\x00\x00", 9) != 1 {
		t.Error("10.0.0.0/9: a part of a byte counts")
	}
	if in("\xff\xff\xff\xff", "\x00\x00\x00\x00", 0) != 1 {
		t.Error("0.0.0.0/0 has every address")
	}
	mapped := eval.Expr(op(tree.V4Mapped, types.Buf(16), konst(0x0100000a, types.U32)), &eval.Record{})
	if string(mapped.Bytes) != "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x0a\x00\x00\x01" {
		t.Errorf("::ffff:10.0.0.1 is %x", mapped.Bytes)
	}
}

func TestTextIsPutTogether(t *testing.T) {
	e := op(tree.Text, types.Type{Kind: types.Text})
	e.Parts = []tree.Part{
		{Lit: "<", Expr: konst(neg(5), types.S32), Verb: "%04d"},
		{Lit: "|", Expr: konst(0, types.TNull)},
		{Expr: text("ab", types.Str(2))},
		{Lit: "|", Expr: op(tree.Str, types.Str(3), userPointer(ramBase+16, nil)), Verb: "%5s"},
		{Lit: ">"},
	}
	got := eval.Expr(e, record())
	if string(got.Bytes) != "<-005|ab| hel…>" {
		t.Errorf("got %q", got.Bytes)
	}
}

func TestRecordsKnowEveryPlace(t *testing.T) {
	context := make([]byte, 64)
	binary.LittleEndian.PutUint32(context[8:], 6<<16|40) // at 40, 6 bytes
	binary.LittleEndian.PutUint32(context[12:], 3<<16|24)
	copy(context[40:], "abc\x00xy")
	binary.LittleEndian.PutUint64(context[16:], ramBase)
	binary.LittleEndian.PutUint64(context[24:], 8)
	elem := types.U16
	l := &tree.Layout{Args: []tree.ArgLoc{
		{Type: types.Str(256), Loc: tree.Loc{Kind: tree.LocDataLoc, Off: 8, Size: 4}},
		{Type: types.Buf(256), Loc: tree.Loc{Kind: tree.LocRelLoc, Off: 12, Size: 4}},
		{Type: types.S8, Loc: tree.Loc{Kind: tree.LocConst, Const: 0x1fe}},
		{Type: types.S16, Loc: tree.Loc{Kind: tree.LocUser, Base: 16, Index: 24, Scale: 8, Off: 1, Size: 2, Signed: true}},
		{Type: types.U8, Loc: tree.Loc{Off: 40, Size: 8, Shift: 8}},
		{Type: types.Type{Kind: types.Array, Elem: &elem, Len: 2, Size: 4}, Loc: tree.Loc{Off: 40, Size: 4}},
		{Type: types.Type{Kind: types.String, Size: 2, Fixed: true}, Loc: tree.Loc{Off: 40, Size: 2}},
	}}
	r := &eval.Record{Layout: l, Context: context, Memory: newRAM().read}
	want := []value.Value{
		{Bytes: []byte("abc")},
		{Bytes: []byte("abc")},
		{Int: neg(2)},
		{Int: 0xffffffffffff8382},
		{Int: 'b'},
		{Parts: &value.Parts{List: []value.Value{{Int: 'a' | 'b'<<8}, {Int: 'c'}}}},
		{Bytes: []byte("ab")},
	}
	for i, w := range want {
		got := eval.Expr(argument(l, i), r)
		if got.Int != w.Int || string(got.Bytes) != string(w.Bytes) || len(got.List()) != len(w.List()) || got.Truncated {
			t.Errorf("argument %d: got %+v, want %+v", i, got.Value, w)
		}
		for k := range w.List() {
			if got.List()[k].Int != w.List()[k].Int {
				t.Errorf("argument %d, element %d: got %#x, want %#x", i, k, got.List()[k].Int, w.List()[k].Int)
			}
		}
	}
}
