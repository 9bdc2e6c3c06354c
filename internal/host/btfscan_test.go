package host

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/cilium/ebpf/btf"

	"tracer/interpreter/facts"
)

// rawTypes is raw BTF of some types.
func rawTypes(t testing.TB, types ...btf.Type) []byte {
	t.Helper()
	b, err := btf.NewBuilder(types, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := b.Marshal(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestMembersAreFoundInRawBTF(t *testing.T) {
	number := &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}
	bits := &btf.Struct{Name: "bits", Size: 24, Members: []btf.Member{
		{Name: "low", Type: number, BitfieldSize: 3}, {Name: "high", Type: number, Offset: 3, BitfieldSize: 5}, {Name: "name", Type: number, Offset: 64},
	}}
	raw := rawTypes(t,
		&btf.Fwd{Name: "wanted"}, &btf.Union{Name: "wanted", Size: 4, Members: []btf.Member{{Name: "name", Type: number}}},
		&btf.Enum{Name: "wanted", Size: 4, Values: []btf.EnumValue{{Name: "name", Value: 1}}},
		&btf.Var{Name: "name", Type: number}, &btf.Datasec{Name: ".data", Size: 4, Vars: []btf.VarSecinfo{{Type: &btf.Var{Name: "x", Type: number}, Size: 4}}},
		&btf.Array{Index: number, Type: number, Nelems: 3}, bits,
		&btf.Struct{Name: "wanted", Size: 16, Members: []btf.Member{{Name: "names", Type: number}, {Name: "name", Type: number, Offset: 96}}},
	)
	for _, row := range []struct {
		structure, member string
		want              int // -1: there is none
	}{
		{"wanted", "name", 12}, {"wanted", "names", 0}, {"bits", "name", 8}, {"wanted", "nam", -1}, {"want", "name", -1}, {"wanted", "", -1},
	} {
		got, err := memberOffset(raw, row.structure, row.member)
		if row.want < 0 && !errors.Is(err, facts.ErrNotFound) || row.want >= 0 && (err != nil || got != row.want) {
			t.Errorf("%s.%s: %d, %v; want %d", row.structure, row.member, got, err, row.want)
		}
	}
	for n := range raw {
		_, _ = memberOffset(raw[:n], "wanted", "name") // what is missing is no panic
	}
	binary.LittleEndian.PutUint32(raw[12:], 1<<31)
	if _, err := memberOffset(raw, "wanted", "name"); err == nil {
		t.Error("types that go on behind the file are accepted")
	}
}

// TestCommIsWhereTheKernelsTypesSay compares with the reader that decodes them.
func TestCommIsWhereTheKernelsTypesSay(t *testing.T) {
	h := Open(Options{})
	var task *btf.Struct
	spec, err := h.BTF()
	if err != nil {
		t.Fatal(err) // all kernels of the matrix have types
	}
	if err := spec.TypeByName("task_struct", &task); err != nil {
		t.Fatal(err)
	}
	got, err := h.CommOffset()
	for _, m := range task.Members {
		if m.Name == "comm" && (err != nil || got != int(m.Offset.Bytes())) {
			t.Errorf("comm at %d, %v; want %d", got, err, m.Offset.Bytes())
		}
	}
}
