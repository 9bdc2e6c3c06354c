package templates

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
)

// Functions of one name, refused functions and places in functions.
func TestPlacesOfKernelFunctions(t *testing.T) {
	m := machine(t)
	m.KernelFunctions = []facts.Function{
		{Name: "twice", Addr: 0x1000, Size: 64},
		{Name: "twice", Addr: 0x2000, Size: 64},
		{Name: "hidden"},
		{Name: "hidden"},
		{Name: "closed", Addr: 0x3000, Refused: "it is closed"},
		{Name: "half", Addr: 0x4000, Refused: "it is closed"},
		{Name: "half", Addr: 0x5000},
	}
	for _, row := range []struct {
		name, probe, pattern string
		want                 []plan.Target
		says                 string
	}{
		{"each of one name", "kprobe", "twice", []plan.Target{{Name: "twice", Symbol: "twice", Address: 0x1000}, {Name: "twice", Symbol: "twice", Address: 0x2000}}, ""},
		{"a place in each", "kprobe", "twice+4", []plan.Target{
			{Name: "twice+4", Symbol: "twice", Address: 0x1000, Offset: 4, Alone: true}, {Name: "twice+4", Symbol: "twice", Address: 0x2000, Offset: 4, Alone: true},
		}, ""},
		{"those that can be", "kprobe", "half", []plan.Target{{Name: "half", Symbol: "half"}}, ""},
		{"outside", "kprobe", "twice+0x40", nil, "twice+0x40 is outside of twice, which is 0x40 bytes long."},
		{"refused", "kretprobe", "closed", nil, "closed cannot be probed: it is closed."},
		{"hidden addresses", "kprobe", "hidden", nil, "This kernel has 2 functions called hidden, and hides their addresses"},
		{"return of a place", "kretprobe", "twice+4", nil, `write "twice"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			found, err := All()[row.probe].Resolve(&Request{Facts: m, Pattern: row.pattern})
			var targetError *TargetError
			if row.says != "" {
				if !errors.As(err, &targetError) || !strings.Contains(targetError.Detail, row.says) {
					t.Errorf("%v, want %q", err, row.says)
				}
				return
			}
			var got []plan.Target
			for _, f := range found {
				got = append(got, f.Target)
			}
			if diff := cmp.Diff(row.want, got); diff != "" || err != nil {
				t.Error(diff, err)
			}
		})
	}
}
