package differ

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// explain makes a difference as small as it goes and prints all of it.
func (tr *trial) explain(d *difference) string {
	whole := d.probe
	small := &probe{event: whole.event, where: whole.where}
	if d.column >= 0 && d.column < len(whole.columns) {
		small.columns = []*node{whole.columns[d.column]}
		without := &probe{event: whole.event, columns: small.columns}
		if tr.differs(without, d.in) != nil {
			small = without
		}
	} else {
		small.columns = []*node{{sort: sNumber, text: "pid"}}
	}
	if tr.differs(small, d.in) == nil {
		return "only the whole spec differs\n" + tr.print(d)
	}
	small = shrink(small, smaller, func(p *probe) bool { return tr.differs(p, d.in) != nil })
	return tr.print(tr.differs(small, d.in))
}

// explainRefused makes a probe that is refused as small as it goes.
func (tr *trial) explainRefused(p *probe, err error) string {
	refused := func(q *probe) error {
		if _, diags := checked(q.text(), tr.facts); diags.HasErrors() && !strings.HasPrefix(err.Error(), "the checker refuses") {
			return nil
		}
		_, err := tr.try(q, nil)
		return err
	}
	small := shrink(p, smaller, func(q *probe) bool { return refused(q) != nil })
	text := refused(small).Error()
	if len(text) > 3000 {
		text = text[:1000] + "\n…\n" + text[len(text)-2000:]
	}
	return fmt.Sprintf("refused: %s\n%s\n%s", text, small.text(), tr.listing(small))
}

// differs gives the difference of a probe for one input, nil if there is none
// or the probe is no probe.
func (tr *trial) differs(p *probe, in *input) *difference {
	d, err := tr.try(p, []*input{in})
	if err != nil {
		return nil
	}
	return d
}

// shrinkSteps bounds how many smaller ones are tried.
const shrinkSteps = 1500

// shrinkTime bounds how long it takes: what the verifier refuses for its size
// takes seconds each time.
const shrinkTime = 30 * time.Second

// shrink looks for a smaller one that is still bad.
func shrink[T any](p T, smaller func(T) []T, bad func(T) bool) T {
	steps := 0
	end := time.Now().Add(shrinkTime)
	for again := true; again && steps < shrinkSteps; {
		again = false
		for _, q := range smaller(p) {
			if steps++; steps > shrinkSteps || time.Now().After(end) {
				break
			}
			if bad(q) {
				p, again = q, true
				break
			}
		}
	}
	return p
}

// smaller are probes with something left out of p, the smallest first.
func smaller(p *probe) []*probe {
	var out []*probe
	if n := len(p.columns); n > 1 {
		out = append(out,
			&probe{p.event, p.where, p.columns[:n/2]}, &probe{p.event, p.where, p.columns[n/2:]})
		for i := range n {
			rest := append(append([]*node{}, p.columns[:i]...), p.columns[i+1:]...)
			out = append(out, &probe{p.event, p.where, rest})
		}
	}
	if p.where != nil {
		out = append(out, &probe{p.event, nil, p.columns})
		for _, w := range smallerNodes(p.where) {
			out = append(out, &probe{p.event, w, p.columns})
		}
	}
	if len(p.columns) > 4 {
		return out
	}
	for i, c := range p.columns {
		for _, s := range smallerNodes(c) {
			columns := append([]*node{}, p.columns...)
			columns[i] = s
			out = append(out, &probe{p.event, p.where, columns})
		}
	}
	return out
}

// smallerNodes are expressions that may stand in n's place: what is below it,
// simple ones, and n with a smaller part.
func smallerNodes(n *node) []*node {
	var out []*node
	for _, s := range below(n) {
		if compatible(n.sort, s.sort) {
			out = append(out, s)
		}
	}
	for _, simple := range simplest(n.sort) {
		if n.size() > 1 {
			out = append(out, &node{sort: n.sort, text: simple})
		}
	}
	for i, part := range n.parts {
		for _, s := range smallerNodes(part) {
			parts := append([]*node{}, n.parts...)
			parts[i] = s
			out = append(out, &node{sort: n.sort, text: n.text, parts: parts})
		}
	}
	return out
}

// simplest are expressions of a sort without parts; what an event does not have
// is refused by the checker.
func simplest(s sort) []string {
	switch s {
	case sOperand:
		return []string{"1"}
	case sNumber:
		return []string{"pid"}
	case sCondition:
		return []string{"args.flag", "(uid == 0)"}
	case sText:
		return []string{"comm"}
	}
	return nil
}

func below(n *node) []*node {
	var out []*node
	for _, p := range n.parts {
		out = append(out, p)
		out = append(out, below(p)...)
	}
	return out
}

func compatible(place, s sort) bool {
	return place == s || place == sOperand && (s == sNumber || s == sLiteral) || place == sColumn || place == sTime && s == sDuration
}

// print shows a difference: spec, input, both values, tree, IR and program.
func (tr *trial) print(d *difference) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", d.probe.text())
	for i, a := range arguments[d.probe.event] {
		n := binary.LittleEndian.Uint64(d.in.context[8*i:])
		fmt.Fprintf(&b, "args.%s = %d (%#x)\n", a.name, int64(n), n)
	}
	fmt.Fprintf(&b, "comm = %q\ncolumn c%d\nevaluator: %s\nkernel:    %s\n", d.in.comm, d.column, d.want, d.got)
	b.WriteString(tr.listing(d.probe))
	return b.String()
}

func (tr *trial) listing(p *probe) string {
	v, o, err := tr.build(p)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, w := range v.Where {
		fmt.Fprintf(&b, "where %s\n", w)
	}
	for _, c := range v.Columns {
		fmt.Fprintf(&b, "%s = %s\n", c.Name, c.Expr)
	}
	for _, prog := range o.Programs {
		fmt.Fprintf(&b, "%s\n%s\n%s\n", prog.Raw, prog.IR, prog.Object)
	}
	return b.String()
}
