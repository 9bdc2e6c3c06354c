package types

import "testing"

func TestNameTableFindsBothWays(t *testing.T) {
	table := NewNameTable(map[int64]string{2: "two", -1: "minus", 7: "two"}, "other")
	if name, ok := table.Name(-1); name != "minus" || !ok {
		t.Errorf("-1 is %q, %t", name, ok)
	}
	if _, ok := table.Name(3); ok {
		t.Error("3 has a name")
	}
	if n, ok := table.Number("two"); n != 2 || !ok {
		t.Errorf("two is %d, %t: want the smallest", n, ok)
	}
	if !table.Equal(NewNameTable(map[int64]string{7: "two", 2: "two", -1: "minus"}, "other")) {
		t.Error("equal tables differ")
	}
	if table.Equal(nil) || table.Equal(NewNameTable(map[int64]string{2: "two", -1: "minus", 7: "two"}, "")) {
		t.Error("different tables are equal")
	}
}

func TestNilNameTableIsEmpty(t *testing.T) {
	var table *NameTable
	if _, ok := table.Name(1); ok || table.Rows() != nil {
		t.Error("a nil table has names")
	}
	if _, ok := table.Number("a"); ok || !table.Equal(nil) {
		t.Error("a nil table has numbers, or differs from itself")
	}
}
