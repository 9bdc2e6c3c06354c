package types

import (
	"cmp"
	"slices"
)

// NameTable gives numbers names: the table of a lookup() or flags() type. It is
// made once by NewNameTable and not changed after.
type NameTable struct {
	// Names is sorted by number, one entry a number.
	Names []NamedNumber
	// Default is what a number without a name prints as; "" prints the number.
	Default string
}

// NamedNumber is one row of a NameTable.
type NamedNumber struct {
	Number int64 // two's complement for numbers above the largest int64
	Name   string
}

// NewNameTable is the table of names; other is what every other number prints
// as, "" for the number itself.
func NewNameTable(names map[int64]string, other string) *NameTable {
	table := &NameTable{Names: make([]NamedNumber, 0, len(names)), Default: other}
	for number, name := range names {
		table.Names = append(table.Names, NamedNumber{Number: number, Name: name})
	}
	slices.SortFunc(table.Names, func(a, b NamedNumber) int { return cmp.Compare(a.Number, b.Number) })
	return table
}

// Rows are the table's names, sorted by number; none of a nil table.
func (t *NameTable) Rows() []NamedNumber {
	if t == nil {
		return nil
	}
	return t.Names
}

// Name is the name of number, and whether the table has one.
func (t *NameTable) Name(number int64) (string, bool) {
	if t == nil {
		return "", false
	}
	i, found := slices.BinarySearchFunc(t.Names, number, func(n NamedNumber, number int64) int {
		return cmp.Compare(n.Number, number)
	})
	if !found {
		return "", false
	}
	return t.Names[i].Name, true
}

// Number is the smallest number called name, and whether there is one.
func (t *NameTable) Number(name string) (int64, bool) {
	if t == nil {
		return 0, false
	}
	for _, n := range t.Names {
		if n.Name == name {
			return n.Number, true
		}
	}
	return 0, false
}

// Numbers are all the numbers called name, in order.
func (t *NameTable) Numbers(name string) []int64 {
	var out []int64
	for _, n := range t.Rows() {
		if n.Name == name {
			out = append(out, n.Number)
		}
	}
	return out
}

// Equal says that two tables print every number alike.
func (t *NameTable) Equal(u *NameTable) bool {
	if t == u {
		return true
	}
	return t != nil && u != nil && t.Default == u.Default && slices.Equal(t.Names, u.Names)
}
