package differ

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/cilium/ebpf/btf"

	"tracer/interpreter/facts"
)

// The C types of the fixture: a kernel of its own, with two raw tracepoints
// whose arguments have every width and sign.
var (
	cU8   = &btf.Int{Name: "unsigned char", Size: 1}
	cS8   = &btf.Int{Name: "signed char", Size: 1, Encoding: btf.Signed}
	cChar = &btf.Int{Name: "char", Size: 1}
	cU16  = &btf.Int{Name: "unsigned short", Size: 2}
	cS16  = &btf.Int{Name: "short", Size: 2, Encoding: btf.Signed}
	cU32  = &btf.Int{Name: "unsigned int", Size: 4}
	cS32  = &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}
	cU64  = &btf.Int{Name: "unsigned long", Size: 8}
	cS64  = &btf.Int{Name: "long", Size: 8, Encoding: btf.Signed}
	cBool = &btf.Int{Name: "_Bool", Size: 1, Encoding: btf.Bool}
	cBE16 = &btf.Typedef{Name: "__be16", Type: cU16}
	cBE32 = &btf.Typedef{Name: "__be32", Type: cU32}
	cEnum = &btf.Enum{Name: "color", Size: 4, Values: []btf.EnumValue{{Name: "RED", Value: 0}, {Name: "GREEN", Value: 1}, {Name: "BLUE", Value: 7}}}
)

// The layout of struct box, in bytes; the generator's members are here.
const (
	boxSize  = 256
	boxText  = 64
	boxNext  = 72
	boxLinks = 80
	boxName  = 120
)

func member(name string, t btf.Type, off int) btf.Member {
	return btf.Member{Name: name, Type: t, Offset: btf.Bits(8 * off)}
}

func bitfieldOf(name string, t btf.Type, off, shift, size int) btf.Member {
	return btf.Member{Name: name, Type: t, Offset: btf.Bits(8*off + shift), BitfieldSize: btf.Bits(size)}
}

func array(t btf.Type, n uint32) *btf.Array { return &btf.Array{Index: cU32, Type: t, Nelems: n} }

func pointer(t btf.Type) *btf.Pointer { return &btf.Pointer{Target: t} }

// boxType is struct box: every kind of member.
func boxType() *btf.Struct {
	deep := &btf.Struct{Name: "deep", Size: 8, Members: []btf.Member{member("pad", cU32, 0), member("y", cS16, 4)}}
	inner := &btf.Struct{Name: "inner", Size: 24, Members: []btf.Member{
		member("x", cS32, 0), member("label", array(cChar, 8), 4), member("deep", deep, 12),
	}}
	either := &btf.Union{Size: 8, Members: []btf.Member{member("either32", cU32, 0), member("either16", cS16, 0)}}
	addr6 := &btf.Struct{Name: "in6_addr", Size: 16, Members: []btf.Member{member("bytes", array(cU8, 16), 0)}}
	box := &btf.Struct{Name: "box", Size: boxSize}
	box.Members = []btf.Member{
		member("u8", cU8, 0), member("s8", cS8, 1), member("u16", cU16, 2), member("u32", cU32, 4),
		member("u64", cU64, 8), member("s64", cS64, 16), member("s32", cS32, 24), member("s16", cS16, 28),
		member("port", cBE16, 30), member("addr", cBE32, 32), member("color", cEnum, 36), member("flag", cBool, 40),
		bitfieldOf("bits1", cU32, 44, 0, 1), bitfieldOf("bits7", cU32, 44, 1, 7), bitfieldOf("sbits5", cS32, 44, 8, 5), bitfieldOf("bits19", cU32, 44, 13, 19),
		bitfieldOf("wide", cU64, 48, 3, 45), bitfieldOf("swide", cS64, 48, 48, 16), member("", either, 56),
		member("text", pointer(cChar), boxText), member("next", pointer(box), boxNext), member("links", array(pointer(box), 2), boxLinks),
		member("array", array(cS32, 4), 96), member("inners", array(inner, 2), 136), member("name", array(cChar, 16), boxName),
		member("inner", inner, 192), member("addr6", addr6, 216),
	}
	return box
}

// events are the fixture's raw tracepoints.
func events() map[string][]btf.FuncParam {
	box := boxType()
	return map[string][]btf.FuncParam{
		"numbers": {
			{Name: "u8", Type: cU8},
			{Name: "s8", Type: cS8},
			{Name: "u16", Type: cU16},
			{Name: "s16", Type: cS16},
			{Name: "u32", Type: cU32},
			{Name: "s32", Type: cS32},
			{Name: "u64", Type: cU64},
			{Name: "s64", Type: cS64},
			{Name: "flag", Type: cBool},
			{Name: "e", Type: cEnum},
			{Name: "be16", Type: cBE16},
			{Name: "be32", Type: cBE32},
		},
		"memory": {
			{Name: "cp", Type: pointer(&btf.Const{Type: cChar})},
			{Name: "p", Type: pointer(box)},
			{Name: "kp", Type: pointer(cChar)},
			{Name: "argv", Type: pointer(pointer(cChar))},
			{Name: "n", Type: cS64},
			{Name: "len", Type: cU32},
			{Name: "i", Type: cS32},
			{Name: "u", Type: cU64},
			{Name: "flag", Type: cBool},
			{Name: "b", Type: cU8},
		},
	}
}

// fixture is the facts of the invented kernel.
func fixture(t testing.TB) *facts.Recorded {
	t.Helper()
	b, err := btf.NewBuilder(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"numbers", "memory"}
	all := events()
	for _, name := range names {
		proto := &btf.FuncProto{Return: cS32, Params: append([]btf.FuncParam{{Name: "__data", Type: pointer(&btf.Void{})}}, all[name]...)}
		if _, err := b.Add(&btf.Func{Name: facts.RawTracepointIterator + name, Type: proto, Linkage: btf.GlobalFunc}); err != nil {
			t.Fatalf("event %s: %v", name, err)
		}
	}
	raw, err := b.Marshal(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	types, err := btf.LoadSpecFromReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(fmt.Errorf("BTF of the fixture: %w", err))
	}
	return &facts.Recorded{
		System:   facts.Kernel{Release: "0.0.0-fixture", Arch: "x86_64", CPUs: 2},
		RawNames: names, Types: types, Formats: []facts.Format{}, KernelFunctions: []facts.Function{},
		Features: map[facts.Feature]string{facts.RingBuffer: "", facts.TPBTF: "not in this fixture", facts.AttachCookie: ""},
	}
}
