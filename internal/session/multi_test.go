package session

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/cilium/ebpf/link"

	"tracer/interpreter/plan"
)

// fakeLink stands for an attached link.
type fakeLink struct{ link.Link }

// attachUnless refuses every group that has a target named bad.
func attachUnless(attempts *int, err error) func(*side, []plan.Target) (link.Link, error) {
	return func(_ *side, targets []plan.Target) (link.Link, error) {
		*attempts++
		for _, t := range targets {
			if strings.HasPrefix(t.Name, "bad") {
				return nil, err
			}
		}
		return fakeLink{}, nil
	}
}

func named(names ...string) []plan.Target {
	var out []plan.Target
	for _, n := range names {
		out = append(out, plan.Target{Name: n})
	}
	return out
}

func TestBisectionFindsWhatARefusedLinkRefuses(t *testing.T) {
	refuses := errors.New("refused")
	many := strings.Fields(strings.Repeat("bad ", maxCulprits+1))
	for _, row := range []struct {
		name     string
		targets  []string
		err      error
		refused  string
		links    int
		attempts int
		fails    bool
	}{
		{"all good: one link", []string{"a", "b", "c"}, refuses, "", 1, 1, false},
		{"one bad", []string{"a", "b", "bad1", "c"}, refuses, "bad1", 2, 5, false},
		{"all bad", []string{"bad1", "bad2"}, refuses, "bad1 bad2", 0, 3, false},
		{"a missing privilege is not searched", []string{"a", "bad1"}, fs.ErrPermission, "", 0, 1, true},
		{"too many", many, refuses, strings.Join(many, " "), 0, 0, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			attempts := 0
			attach := grouped(func(plan.Target) string { return "" }, attachUnless(&attempts, row.err))
			links, refusals, err := attach(&side{ctx: context.Background()}, named(row.targets...))
			var names []string
			for _, r := range refusals {
				names = append(names, r.target.Name)
			}
			if strings.Join(names, " ") != row.refused || len(links) != row.links || (err != nil) != row.fails {
				t.Errorf("refused %v, %d links, error %v", names, len(links), err)
			}
			if row.attempts != 0 && attempts != row.attempts {
				t.Errorf("%d attempts, want %d", attempts, row.attempts)
			}
		})
	}
}

func TestTargetsAreGroupedByWhatOneLinkServes(t *testing.T) {
	got := groups([]plan.Target{{Path: "/a"}, {Path: "/b"}, {Path: "/a", Offset: 1}, {Path: "/a", Semaphore: 2}, {Path: "/a", PID: 3}}, byFile)
	if len(got) != 4 || len(got[0]) != 2 || got[1][0].Path != "/b" {
		t.Errorf("groups %v", got)
	}
}
