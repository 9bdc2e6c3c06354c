package differ

import (
	"fmt"
	"slices"
	"strings"

	"tracer/interpreter/facts"
)

// document is a generated spec, and how it is compiled.
type document struct {
	blocks []*block
	pid    int    // restricts events (apply -p); 0: all
	force  string // mechanism, "": the best
	// without are features that this kernel is said not to have: the programs
	// for older kernels are tried too.
	without []facts.Feature
}

// block is one probe.
type block struct {
	kind, name string
	where      string   // target, binary, signature: what it is attached to
	options    []string // lines that can be left out
	locals     []named
	filter     *node // where; nil: none
	columns    []named
	stream     *node // nil: not written
	tables     []*tableBlock
}

// tableBlock is one aggregate.
type tableBlock struct {
	name     string
	filter   *node
	by       []named
	values   []named
	settings []string
}

// named is an attribute: a name and an expression.
type named struct {
	name  string
	value *node
}

// prelude is what every spec begins with: values known at plan time.
const prelude = `variable "n" {
  default = 7
}
variable "off" {
  default = null
}
variable "word" {
  default = "ab"
}
variable "words" {
  default = ["a", "tracer", "abcdefghij"]
}
locals {
  big = 1000000
}
`

// String is the spec in HCL.
func (d *document) String() string {
	var b strings.Builder
	b.WriteString(prelude)
	for _, p := range d.blocks {
		p.write(&b)
	}
	return b.String()
}

func (p *block) write(b *strings.Builder) {
	fmt.Fprintf(b, "probe %q %q {\n%s", p.kind, p.name, p.where)
	for _, o := range p.options {
		fmt.Fprintf(b, "  %s\n", o)
	}
	writeNode(b, "  where", p.filter)
	writeNode(b, "  stream", p.stream)
	writeNamed(b, "  ", "locals {", p.locals)
	writeNamed(b, "  ", "capture {", p.columns)
	for _, t := range p.tables {
		fmt.Fprintf(b, "  aggregate %q {\n", t.name)
		writeNode(b, "    where", t.filter)
		writeNamed(b, "    ", "by = {", t.by)
		writeNamed(b, "    ", "values = {", t.values)
		for _, s := range t.settings {
			fmt.Fprintf(b, "    %s\n", s)
		}
		b.WriteString("  }\n")
	}
	b.WriteString("}\n")
}

func writeNode(b *strings.Builder, name string, n *node) {
	if n != nil {
		fmt.Fprintf(b, "%s = %s\n", name, n)
	}
}

func writeNamed(b *strings.Builder, indent, head string, all []named) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(b, "%s%s\n", indent, head)
	for _, n := range all {
		fmt.Fprintf(b, "%s  %s = %s\n", indent, n.name, n.value)
	}
	fmt.Fprintf(b, "%s}\n", indent)
}

// clone copies all but the expressions, which are never changed in place.
func (d *document) clone() *document {
	out := *d
	out.blocks = nil
	for _, p := range d.blocks {
		q := *p
		q.options, q.locals, q.columns = slices.Clone(p.options), slices.Clone(p.locals), slices.Clone(p.columns)
		q.tables = nil
		for _, t := range p.tables {
			u := *t
			u.by, u.values, u.settings = slices.Clone(t.by), slices.Clone(t.values), slices.Clone(t.settings)
			q.tables = append(q.tables, &u)
		}
		out.blocks = append(out.blocks, &q)
	}
	return &out
}

// lists are the places of all lists of attributes, always in the same order.
func (d *document) lists() []*[]named {
	var out []*[]named
	for _, p := range d.blocks {
		out = append(out, &p.columns, &p.locals)
		for _, t := range p.tables {
			out = append(out, &t.by, &t.values)
		}
	}
	return out
}

// filters are the places of all expressions that may be left out.
func (d *document) filters() []**node {
	var out []**node
	for _, p := range d.blocks {
		out = append(out, &p.filter, &p.stream)
		for _, t := range p.tables {
			out = append(out, &t.filter)
		}
	}
	return out
}

// lines are the places of all lines that may be left out.
func (d *document) lines() []*[]string {
	var out []*[]string
	for _, p := range d.blocks {
		out = append(out, &p.options)
		for _, t := range p.tables {
			out = append(out, &t.settings)
		}
	}
	return out
}

// smallerDocuments are specs with something left out of d, the smallest first.
// Not all of them are specs: what is left out may be mentioned elsewhere.
func smallerDocuments(d *document) []*document {
	var out []*document
	edit := func(change func(*document)) {
		c := d.clone()
		change(c)
		out = append(out, c)
	}
	for i := range d.blocks {
		if len(d.blocks) > 1 {
			edit(func(c *document) { c.blocks = slices.Delete(c.blocks, i, i+1) })
		}
		for k := range d.blocks[i].tables {
			edit(func(c *document) { c.blocks[i].tables = slices.Delete(c.blocks[i].tables, k, k+1) })
		}
	}
	if d.pid != 0 || d.force != "" || len(d.without) > 0 {
		edit(func(c *document) { c.pid, c.force, c.without = 0, "", nil })
	}
	for i, l := range d.lists() {
		if len(*l) > 2 {
			edit(func(c *document) { l := c.lists()[i]; *l = (*l)[:len(*l)/2] })
			edit(func(c *document) { l := c.lists()[i]; *l = (*l)[len(*l)/2:] })
		}
		for k := range *l {
			edit(func(c *document) { l := c.lists()[i]; *l = slices.Delete(*l, k, k+1) })
		}
	}
	for i, f := range d.filters() {
		if *f != nil {
			edit(func(c *document) { *c.filters()[i] = nil })
		}
	}
	for i, l := range d.lines() {
		for k := range *l {
			edit(func(c *document) { l := c.lines()[i]; *l = slices.Delete(*l, k, k+1) })
		}
	}
	return append(out, simplerDocuments(d)...)
}

// simplerDocuments are d with one expression made smaller.
func simplerDocuments(d *document) []*document {
	var out []*document
	for i, f := range d.filters() {
		if *f == nil {
			continue
		}
		for _, n := range smallerNodes(*f) {
			c := d.clone()
			*c.filters()[i] = n
			out = append(out, c)
		}
	}
	for i, l := range d.lists() {
		for k := range *l {
			for _, n := range smallerNodes((*l)[k].value) {
				c := d.clone()
				(*c.lists()[i])[k].value = n
				out = append(out, c)
			}
		}
	}
	return out
}
