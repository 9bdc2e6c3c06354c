package types

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf/btf"
)

var (
	tInt  = &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}
	tChar = &btf.Int{Name: "char", Size: 1, Encoding: btf.Char}
	tU8   = &btf.Int{Name: "unsigned char", Size: 1}
	tU64  = &btf.Int{Name: "unsigned long", Size: 8}
)

func TestTypesFromBTF(t *testing.T) {
	sock := &btf.Struct{Name: "sock", Size: 8}
	rows := []struct {
		name string
		in   btf.Type
		want string
		kind Kind
		size int
	}{
		{"int", tInt, "int", Int, 4},
		{"const int", &btf.Const{Type: tInt}, "int", Int, 4},
		{"typedef", &btf.Typedef{Name: "pid_t", Type: &btf.Typedef{Name: "__pid_t", Type: tInt}}, "pid_t", Int, 4},
		{"bool", &btf.Int{Name: "_Bool", Size: 1, Encoding: btf.Bool}, "bool", Bool, 1},
		{"typedef bool", &btf.Typedef{Name: "bool", Type: tU8}, "bool", Bool, 1},
		{"__be16", &btf.Typedef{Name: "__be16", Type: &btf.Int{Name: "short", Size: 2}}, "__be16", Int, 2},
		{"dev_t", &btf.Typedef{Name: "dev_t", Type: &btf.Int{Name: "unsigned int", Size: 4}}, "dev_t", Int, 4},
		{"enum", &btf.Enum{Name: "e", Size: 4}, "enum e", Enum, 4},
		{"char array", &btf.Array{Type: tChar, Nelems: 16}, "string", String, 16},
		{"array", &btf.Array{Type: tInt, Nelems: 3}, "int[3]", Array, 12},
		{"flexible array", &btf.Array{Type: tInt}, "int[0]", Array, 0},
		{"pointer", &btf.Pointer{Target: sock}, "struct sock *", Pointer, 8},
		{"void pointer", &btf.Pointer{Target: (*btf.Void)(nil)}, "void *", Pointer, 8},
		{"function pointer", &btf.Pointer{Target: &btf.FuncProto{}}, "function *", Pointer, 8},
		{"struct", sock, "struct sock", Struct, 8},
		{"anonymous union", &btf.Union{Size: 8}, "anonymous struct", Struct, 8},
		{"forward declaration", &btf.Fwd{Name: "gone"}, "struct gone", Invalid, 0},
		{"float", &btf.Float{Name: "double", Size: 8}, "double", Invalid, 0},
		{"void", (*btf.Void)(nil), "invalid", Invalid, 0},
		{"__int128", &btf.Int{Name: "__int128", Size: 16}, "u8[16]", Array, 16},
		{"int of three bytes", &btf.Int{Name: "odd", Size: 3}, "u8[3]", Array, 3},
		{"enum of three bytes", &btf.Enum{Name: "odd", Size: 3}, "invalid", Invalid, 0},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got := FromBTF(row.in, Kernel)
			if got.String() != row.want || got.Kind != row.kind || got.Size != row.size {
				t.Errorf("got %s, kind %d, %d bytes", got, got.Kind, got.Size)
			}
		})
	}
}

func TestPointersIntoUserMemoryAreMarked(t *testing.T) {
	user := func(target btf.Type) *btf.Pointer {
		return &btf.Pointer{Target: &btf.TypeTag{Value: "user", Type: target}}
	}
	for _, in := range []btf.Type{user(tChar), user((*btf.Void)(nil))} {
		if got := FromBTF(in, Trusted); got.Space != User {
			t.Errorf("%s points to %s memory", got, got.Space)
		}
	}
	if got := FromBTF(&btf.Pointer{Target: tChar}, Trusted); got.Space != Trusted {
		t.Errorf("%s is not trusted", got)
	}
}

func member(name string, t btf.Type, bits, size btf.Bits) btf.Member {
	return btf.Member{Name: name, Type: t, Offset: bits, BitfieldSize: size}
}

func TestMembersAreFoundThroughAnonymousOnes(t *testing.T) {
	inner := &btf.Union{Size: 8, Members: []btf.Member{member("low", tInt, 0, 0), member("all", tU64, 0, 0)}}
	s := &btf.Struct{Name: "s", Size: 32, Members: []btf.Member{
		member("first", tU64, 0, 0), member("", inner, 64, 0), member("bit", tInt, 131, 5), member("wide", tU64, 130, 62), member("packed", tU64, 131, 64),
	}}
	rows := []struct {
		name             string
		off, shift, size int
		kind             Kind
	}{
		{"first", 0, 0, 0, Int}, {"low", 8, 0, 0, Int}, {"all", 8, 0, 0, Int}, {"bit", 16, 3, 5, Int}, {"wide", 16, 2, 62, Int}, {"packed", 16, 0, 0, Invalid},
	}
	for _, row := range rows {
		m, ok := FindMember(s, row.name, Kernel)
		if !ok || m.Off != row.off || m.BitShift != row.shift || m.BitSize != row.size || m.Type.Kind != row.kind {
			t.Errorf("%s: %+v, %t", row.name, m, ok)
		}
	}
	for _, name := range []string{"", "gone"} {
		if m, ok := FindMember(s, name, Kernel); ok {
			t.Errorf("%q: %+v", name, m)
		}
	}
	if got := MemberNames(s); !slices.Equal(got, []string{"first", "low", "all", "bit", "wide", "packed"}) {
		t.Error(got)
	}
	if _, ok := FindMember(tInt, "x", Kernel); ok {
		t.Error("an int has a member")
	}
}

func TestHostileBTFEndsInTime(t *testing.T) {
	self := &btf.Struct{Name: "self", Size: 8}
	self.Members = []btf.Member{member("", self, 0, 0), member("", self, 0, 0), member("x", tInt, 0, 0)}
	var deep btf.Type = tInt
	for i := range 100 {
		deep = &btf.Struct{Name: fmt.Sprint("s", i), Members: []btf.Member{member("", deep, 0, 0), member("", deep, 0, 0)}}
	}
	loop := &btf.Pointer{}
	loop.Target = loop
	alias := &btf.Typedef{Name: "alias"}
	alias.Type = alias
	big := &btf.Array{Nelems: 1 << 31, Type: &btf.Array{Nelems: 1 << 31, Type: &btf.Array{Nelems: 1 << 31, Type: tU64}}}
	nested := &btf.Array{Nelems: 2}
	nested.Type = nested
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, ok := FindMember(self, "x", Kernel); !ok {
			t.Error("x is not found")
		}
		_, _ = FindMember(self, "y", Kernel)
		_, _ = FindMember(deep, "nope", Kernel)
		_ = MemberNames(deep)
		_ = MemberNames(self)
		for _, in := range []btf.Type{loop, alias, big, nested, self, nil} {
			got := FromBTF(in, Kernel)
			if got.Size < 0 || got.Size > 1<<31 {
				t.Errorf("%T has %d bytes", in, got.Size)
			}
			_ = got.String()
		}
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("still busy after 10 s")
	}
}

func TestSameTypesFitOneColumn(t *testing.T) {
	named := U32
	named.Name = "uid_t"
	rows := []struct {
		name string
		a, b Type
		want bool
	}{
		{"equal", U32, U32, true},
		{"other name", U32, named, true},
		{"other size", U32, U64, false},
		{"other sign", U32, S32, false},
		{"other unit", U64, NS, false},
		{"strings of one length", Str(8), Str(8), true},
		{"strings of two lengths", Str(8), Str(9), false},
		{"enums of one name", Type{Kind: Enum, Size: 4, Name: "enum a"}, Type{Kind: Enum, Size: 4, Name: "enum a"}, true},
		{"enums of two names", Type{Kind: Enum, Size: 4, Name: "enum a"}, Type{Kind: Enum, Size: 4, Name: "enum b"}, false},
		{"arrays", Type{Kind: Array, Len: 2, Size: 8, Elem: &U32}, Type{Kind: Array, Len: 2, Size: 8, Elem: &S32}, false},
	}
	for _, row := range rows {
		if got := row.a.Same(row.b); got != row.want {
			t.Errorf("%s: %t", row.name, got)
		}
	}
}
