package spec

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// LocalIn returns the local that local.NAME means in a probe: its own, else
// that of the file; nil if there is none. The probe may be nil.
func (s *Spec) LocalIn(p *Probe, name string) *Local {
	if p != nil && p.Locals[name] != nil {
		return p.Locals[name]
	}
	return s.Locals[name]
}

// CheckLocals reports locals that mention themselves, directly or through
// others, and locals of a probe that hide one of the file. Parse calls it.
func (s *Spec) CheckLocals() hcl.Diagnostics {
	diags := s.localCycles(nil, s.Locals)
	for _, p := range s.Probes {
		for _, local := range sortedLocals(p.Locals) {
			if file := s.Locals[local.Name]; file != nil {
				diags = append(diags, errorAt(local.NameRange, "Second local of one name",
					"A local named %q exists already in the file, and a probe cannot replace it. The first is at %s.", local.Name, position(file.NameRange)))
			}
		}
		diags = append(diags, s.localCycles(p, p.Locals)...)
	}
	return diags
}

// localCycles searches from the locals of one scope.
func (s *Spec) localCycles(p *Probe, from map[string]*Local) hcl.Diagnostics {
	search := &cycleSearch{spec: s, probe: p, state: map[*Local]visit{}}
	for _, local := range sortedLocals(from) {
		search.from(local)
	}
	return search.diags
}

type visit uint8

const (
	unvisited visit = iota
	open
	done
)

// cycleSearch is a depth-first search without recursion: chains of locals may
// be as long as a file.
type cycleSearch struct {
	spec  *Spec
	probe *Probe
	state map[*Local]visit
	diags hcl.Diagnostics
}

type step struct {
	local *Local
	needs []need // not yet followed
}

// need is one mention of a local.
type need struct {
	local *Local
	rng   hcl.Range
}

func (c *cycleSearch) from(start *Local) {
	if c.state[start] != unvisited {
		return
	}
	c.state[start] = open
	path := []step{{start, c.needs(start)}}
	for len(path) > 0 {
		last := &path[len(path)-1]
		if len(last.needs) == 0 {
			c.state[last.local] = done
			path = path[:len(path)-1]
			continue
		}
		n := last.needs[0]
		last.needs = last.needs[1:]
		switch c.state[n.local] {
		case open:
			c.cycle(path, n)
		case unvisited:
			c.state[n.local] = open
			path = append(path, step{n.local, c.needs(n.local)})
		}
	}
}

func (c *cycleSearch) needs(local *Local) []need {
	var out []need
	for _, t := range local.Expr.Variables() {
		if t.RootName() != "local" || len(t) < 2 {
			continue
		}
		if attr, ok := t[1].(hcl.TraverseAttr); ok {
			if target := c.spec.LocalIn(c.probe, attr.Name); target != nil {
				out = append(out, need{target, t.SourceRange()})
			}
		}
	}
	return out
}

func (c *cycleSearch) cycle(path []step, back need) {
	begin := slices.IndexFunc(path, func(s step) bool { return s.local == back.local })
	var names []string
	for _, s := range path[begin:] {
		names = append(names, "local."+s.local.Name)
	}
	names = append(names, "local."+back.local.Name)
	if len(names) > 12 {
		names = append(append(names[:6:6], "…"), names[len(names)-5:]...)
	}
	detail := "local." + back.local.Name + " mentions itself."
	if len(path)-begin > 1 {
		detail = "These locals mention each other in a circle: " + strings.Join(names, " → ") + ". One of them must be defined without the others."
	}
	c.diags = append(c.diags, errorAt(back.rng, "Cycle of locals", "%s", detail))
}

func sortedLocals(locals map[string]*Local) []*Local {
	out := slices.Collect(maps.Values(locals))
	slices.SortFunc(out, func(a, b *Local) int {
		if c := strings.Compare(a.NameRange.Filename, b.NameRange.Filename); c != 0 {
			return c
		}
		return a.NameRange.Start.Byte - b.NameRange.Start.Byte
	})
	return out
}
