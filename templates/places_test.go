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
		{Name: "plain", Addr: 0x6000},
		{Name: "plain_untraced", Addr: 0x7000, NoTrace: true},
		{Name: "either", Addr: 0x8000, NoTrace: true},
		{Name: "either", Addr: 0x9000},
	}
	const refuses, takes = "this kernel has no such probes", ""
	for _, row := range []struct {
		name, probe, pattern string
		want                 []plan.Target
		says                 string
		notrace              string // the feature of probes where ftrace does not trace
		left                 string // by a glob
	}{
		{"each of one name", "kprobe", "twice", []plan.Target{{Name: "twice", Symbol: "twice", Address: 0x1000}, {Name: "twice", Symbol: "twice", Address: 0x2000}}, "", takes, ""},
		{"a place in each", "kprobe", "twice+4", []plan.Target{
			{Name: "twice+4", Symbol: "twice", Address: 0x1000, Offset: 4, Alone: true}, {Name: "twice+4", Symbol: "twice", Address: 0x2000, Offset: 4, Alone: true},
		}, "", takes, ""},
		{"those that can be", "kprobe", "half", []plan.Target{{Name: "half", Symbol: "half"}}, "", takes, ""},
		{"outside", "kprobe", "twice+0x40", nil, "twice+0x40 is outside of twice, which is 0x40 bytes long.", takes, ""},
		{"refused", "kretprobe", "closed", nil, "closed cannot be probed: it is closed.", takes, ""},
		{"hidden addresses", "kprobe", "hidden", nil, "This kernel has 2 functions called hidden, and hides their addresses", takes, ""},
		{"return of a place", "kretprobe", "twice+4", nil, `write "twice"`, takes, ""},
		{"not traced, refused", "kprobe", "plain_untraced", nil, "plain_untraced cannot be probed: it is marked notrace", refuses, ""},
		{"a place in it", "kprobe", "plain_untraced+4", nil, "plain_untraced cannot be probed: it is marked notrace", refuses, ""},
		{"not traced, taken", "kprobe", "plain_untraced", []plan.Target{{Name: "plain_untraced", Symbol: "plain_untraced", Alone: true}}, "", takes, ""},
		{"one of two traced", "kretprobe", "either", []plan.Target{{Name: "either", Symbol: "either"}}, "", refuses, ""},
		{"a glob of nothing else", "kretprobe", "plain_*", nil, "plain_untraced matches, but is marked notrace", takes, ""},
		{"a glob", "kretprobe", "plain*", []plan.Target{{Name: "plain", Symbol: "plain"}}, "", takes, "plain_untraced: ftrace does not trace functions marked notrace"},
		{"a glob with one refused", "kprobe", "[cp]l*", []plan.Target{{Name: "plain", Symbol: "plain"}}, "", takes, "closed: it is closedplain_untraced: ftrace does not trace functions marked notrace"},
	} {
		t.Run(row.name, func(t *testing.T) {
			m.Features = map[facts.Feature]string{facts.Kprobe: "", facts.KprobeNotrace: row.notrace}
			left := ""
			found, err := All()[row.probe].Resolve(&Request{Facts: m, Pattern: row.pattern, Leave: func(names []string, why string) {
				left += strings.Join(names, ", ") + ": " + why
			}})
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
			if diff := cmp.Diff(row.want, got); diff != "" || err != nil || left != row.left {
				t.Error(diff, err, left)
			}
		})
	}
}
