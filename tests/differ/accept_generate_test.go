package differ

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"tracer/interpreter/facts"
)

// author writes one document.
type author struct {
	a *acceptance
	r *rand.Rand
	// shared is the beginning of a table that several probes feed: what it is
	// grouped by and what all of them put in. Nil: none.
	shared *tableBlock
}

// write writes a spec whose first probe is of a type; nil if the targets that
// were chosen cannot be probed.
func (a *acceptance) write(r *rand.Rand, kind string) *document {
	w := &author{a: a, r: r}
	d := &document{}
	probes := []int{1, 1, 1, 1, 2, 2, 3}[r.IntN(7)]
	if probes > 1 && r.IntN(2) == 0 {
		w.shared = w.sharedTable()
	}
	for i := range probes {
		if i > 0 && r.IntN(2) == 0 {
			kind = probeTypes[r.IntN(len(probeTypes))]
		}
		p := w.probe(kind, fmt.Sprintf("p%d", i))
		if p == nil && i == 0 {
			return nil
		}
		if p != nil {
			d.blocks = append(d.blocks, p)
		}
	}
	switch r.IntN(8) {
	case 0:
		d.pid = os.Getpid()
	case 1, 2:
		d.without = slices.DeleteFunc(slices.Clone(older), func(facts.Feature) bool { return r.IntN(2) == 0 })
	case 3:
		d.force = w.mechanism(d)
	}
	return d
}

// older are features that tracer does without where a kernel lacks them.
var older = []facts.Feature{facts.TaskStorage, facts.AtomicFetch, facts.AttachCookie, facts.TPBTF, facts.TaskBTF, facts.KprobeMulti, facts.UprobeMulti, facts.KprobeSession, facts.UprobeSession}

// mechanism is one to force, if it serves all probes.
func (w *author) mechanism(d *document) string {
	kind := d.blocks[0].kind
	if slices.ContainsFunc(d.blocks, func(p *block) bool { return p.kind != kind }) {
		return ""
	}
	all := w.a.types[kind].Mechanisms
	m := all[w.r.IntN(len(all))]
	if m.Feature != "" && w.a.facts.Feature(m.Feature) != nil {
		return ""
	}
	return m.Name
}

func (w *author) probe(kind, name string) *block {
	typ := w.a.types[kind]
	var at *place
	for try := 0; at == nil && try < 20; try++ {
		at = w.a.place(w.r, typ)
	}
	if at == nil {
		return nil
	}
	p := &block{kind: kind, name: name, where: at.lines}
	g := newGenerator(w.r, "any", slices.Concat(w.a.leaves(w.r, typ, at.layout), specForms)...)
	if at.forEach {
		g.add(form{sort: sColumn, text: "probe", weight: 4}, form{sort: sCondition, text: `(each.key == "x")`, weight: 2}, form{sort: sCondition, text: "startswith($, each.key)", parts: on(sText)})
	}
	w.body(p, g)
	return p
}

// body writes what a probe does.
func (w *author) body(p *block, g *generator) {
	some := func(s sort) *node { return g.make(s, 1+w.r.IntN(4)) }
	p.options = w.options()
	for i := range w.r.IntN(3) {
		s := []sort{sNumber, sText, sCondition, sDuration}[w.r.IntN(4)]
		name := fmt.Sprintf("l%d", i)
		p.locals = append(p.locals, named{name, some(s)})
		g.add(form{sort: s, text: "local." + name, weight: 3})
	}
	if w.r.IntN(2) == 0 {
		p.filter = some(sCondition)
	}
	tables := w.r.IntN(3)
	if tables == 0 && w.shared == nil || w.r.IntN(2) == 0 {
		w.capture(p, g)
		if tables > 0 && w.r.IntN(2) == 0 {
			p.stream = some(sCondition)
		}
	}
	for i := range tables {
		p.tables = append(p.tables, w.table(fmt.Sprintf("%s_t%d", p.name, i), g))
	}
	if w.shared != nil {
		t := *w.shared
		t.values = append(slices.Clone(t.values), w.value("v_"+p.name, g))
		p.tables = append(p.tables, &t)
	}
}

func (w *author) options() []string {
	var out []string
	if w.r.IntN(10) == 0 {
		out = append(out, "sample = 10")
	}
	if w.r.IntN(20) == 0 {
		out = append(out, "enabled = var.n > 3")
	}
	return out
}

// capture writes columns, which what follows may mention.
func (w *author) capture(p *block, g *generator) {
	for i := range 1 + w.r.IntN(6) {
		s := []sort{sColumn, sColumn, sColumn, sNumber, sText, sDuration}[w.r.IntN(6)]
		name := fmt.Sprintf("c%d", i)
		p.columns = append(p.columns, named{name, g.make(s, 1+w.r.IntN(4))})
		if s != sColumn {
			g.add(form{sort: s, text: "capture." + name, weight: 3})
		}
	}
	if w.r.IntN(10) == 0 {
		p.options = append(p.options, "derive = { d = 1 }")
	}
}

// settings are lines that a table may have.
var settings = []string{"interval = \"5s\"", "interval = \"5s\"\n    cumulative = true", "max_entries = 100", "top = 5", "sort = \"n\"", "having = n > 2", "derive = { twice = n * 2 }"}

func (w *author) table(name string, g *generator) *tableBlock {
	t := &tableBlock{name: name}
	if w.r.IntN(3) == 0 {
		t.filter = g.make(sCondition, 1+w.r.IntN(4))
	}
	for i := range w.r.IntN(4) {
		t.by = append(t.by, named{fmt.Sprintf("k%d", i), key(g, 1+w.r.IntN(3))})
	}
	t.values = []named{{"n", &node{sort: sAggregate, text: "count()"}}}
	for i := range w.r.IntN(4) {
		t.values = append(t.values, w.value(fmt.Sprintf("v%d", i), g))
	}
	for range w.r.IntN(3) {
		if s := settings[w.r.IntN(len(settings))]; !slices.ContainsFunc(t.settings, func(have string) bool { return strings.Fields(have)[0] == strings.Fields(s)[0] }) {
			t.settings = append(t.settings, s)
		}
	}
	return t
}

// key makes a column of a key, which no list may be.
func key(g *generator, depth int) *node {
	for {
		if n := g.make(sColumn, depth); !strings.Contains(n.String(), "strs(") {
			return n
		}
	}
}

// aggregates are the aggregate functions, by the sort of their argument.
var aggregates = []form{
	{text: "count()"},
	{text: "sum($)", parts: on(sNumber)},
	{text: "sum($)", parts: on(sDuration)},
	{text: "sum($)", parts: on(sSize)},
	{text: "avg($)", parts: on(sNumber)},
	{text: "avg($)", parts: on(sDuration)},
	{text: "min($)", parts: on(sNumber)},
	{text: "min($)", parts: on(sDuration)},
	{text: "max($)", parts: on(sNumber)},
	{text: "max($)", parts: on(sSize)},
	{text: "max(max($, $))", parts: on(sNumber, sOperand)},
	{text: "last($)", parts: on(sNumber)},
	{text: "last($)", parts: on(sDuration)},
	{text: "hist($)", parts: on(sNumber)},
	{text: "hist($)", parts: on(sDuration)},
	{text: "hist($, 0)", parts: on(sDuration)},
	{text: "hist($, 3)", parts: on(sNumber)},
	{text: "hist($, 5)", parts: on(sSize)},
	{text: "linear($, -100, 1000, 100)", parts: on(sNumber)},
	{text: "linear($, 0, 7, 2)", parts: on(sNumber)},
	{text: `linear($, 0, "1ms", "10us")`, parts: on(sDuration)},
	{text: "linear($, 9223372036854775000, 9223372036854775807, 10)", parts: on(sNumber)},
}

func (w *author) value(name string, g *generator) named {
	f := aggregates[w.r.IntN(len(aggregates))]
	n := &node{sort: sAggregate, text: f.text}
	for _, s := range f.parts {
		n.parts = append(n.parts, g.make(s, 1+w.r.IntN(4)))
	}
	return named{name, n}
}

// sharedTable is a table of several probes, of what every probe has.
func (w *author) sharedTable() *tableBlock {
	g := newGenerator(w.r, "any", specForms...)
	t := &tableBlock{name: "shared"}
	for i := range 1 + w.r.IntN(2) {
		t.by = append(t.by, named{fmt.Sprintf("k%d", i), g.make([]sort{sNumber, sText, sCondition}[w.r.IntN(3)], w.r.IntN(3))})
	}
	t.values = []named{{"n", &node{sort: sAggregate, text: "count()"}}, w.value("all", g)}
	return t
}
