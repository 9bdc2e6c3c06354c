package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

func position(rng hcl.Range) string {
	return fmt.Sprintf("%s:%d,%d", rng.Filename, rng.Start.Line, rng.Start.Column)
}

func (d *decoder) settings(block *hclsyntax.Block, schema *BlockSchema) {
	attrs := d.attributes(block, schema, schema.Attributes)
	s := &Settings{Range: block.DefRange()}
	d.spec.Settings = s
	if a := attrs["required_version"]; a != nil {
		if v, ok := d.literal(a, cty.String); ok {
			s.RequiredVersion, s.RequiredVersionRange = v.AsString(), a.Expr.Range()
			_, diags := s.constraints()
			d.diags = append(d.diags, diags...)
		}
	}
	if a := attrs["summary"]; a != nil {
		if v, ok := d.literal(a, cty.String); ok {
			s.Summary, s.SummaryRange = v.AsString(), a.Expr.Range()
		}
	}
	if a := attrs["tags"]; a != nil {
		v, ok := d.literal(a, cty.List(cty.String))
		if !ok {
			return
		}
		s.TagsRange = a.Expr.Range()
		for _, tag := range v.AsValueSlice() {
			if tag.IsNull() {
				d.errorf(a.Expr.Range(), "Wrong type", "A tag is a string, not null.")
				continue
			}
			s.Tags = append(s.Tags, tag.AsString())
		}
	}
}

// literal evaluates an attribute that mentions nothing, as a value of type ty
// that is not null.
func (d *decoder) literal(a *Attr, ty cty.Type) (cty.Value, bool) {
	v, ok := d.evaluate(a)
	if !ok {
		return cty.NilVal, false
	}
	v, err := convert.Convert(v, ty)
	if err != nil {
		d.errorf(a.Expr.Range(), "Wrong type", "%q must be %s: %s.", a.Name, typePhrase(ty), err)
		return cty.NilVal, false
	}
	if v.IsNull() {
		return cty.NilVal, false
	}
	return v, true
}

// evaluate evaluates an attribute that mentions nothing.
func (d *decoder) evaluate(a *Attr) (cty.Value, bool) {
	if vars := a.Expr.Variables(); len(vars) > 0 {
		d.errorf(vars[0].SourceRange(), "Literal needed", "%q must be a literal here: it cannot mention variables, locals or events.", a.Name)
		return cty.NilVal, false
	}
	v, diags := a.Expr.Value(nil)
	if diags.HasErrors() {
		if !d.broken {
			d.diags = append(d.diags, diags...)
		}
		return cty.NilVal, false
	}
	return v, v.IsWhollyKnown()
}

func typePhrase(ty cty.Type) string {
	name := ty.FriendlyNameForConstraint()
	if ty == cty.DynamicPseudoType {
		return "any value"
	}
	if strings.ContainsRune("aeiou", rune(name[0])) {
		return "an " + name
	}
	return "a " + name
}

func (d *decoder) locals(block *hclsyntax.Block, schema *BlockSchema, into map[string]*Local) {
	d.attributes(block, schema, nil)
	for _, a := range sortedAttributes(block.Body) {
		if !ValidName(a.Name) {
			continue
		}
		if first := into[a.Name]; first != nil {
			d.errorf(a.NameRange, "Second local of one name", "A local named %q exists already. The first is at %s.", a.Name, position(first.NameRange))
			continue
		}
		into[a.Name] = &Local{Name: a.Name, NameRange: a.NameRange, Expr: a.Expr}
	}
}

func (d *decoder) module(block *hclsyntax.Block, schema *BlockSchema) {
	attrs := d.attributes(block, schema, schema.Attributes)
	m := &Module{Name: block.Labels[0], DefRange: block.DefRange(), NameRange: block.LabelRanges[0], Source: attrs["source"], Attrs: attrs}
	if !d.claim("module "+m.Name, m.NameRange, "Second module of one name", "A module named %q exists already.", m.Name) {
		return
	}
	delete(attrs, "source")
	d.spec.Modules = append(d.spec.Modules, m)
}

func (d *decoder) probe(block *hclsyntax.Block, schema *BlockSchema) {
	p := &Probe{
		Type: block.Labels[0], Name: block.Labels[1], Locals: map[string]*Local{}, Attrs: map[string]*Attr{},
		DefRange: block.DefRange(), TypeRange: block.LabelRanges[0], NameRange: block.LabelRanges[1],
	}
	t := d.schema.ProbeType(p.Type)
	if t == nil {
		near := didYouMean(p.Type, d.schema.ProbeTypeNames())
		if near == "" {
			near = " There are " + listOf(d.schema.ProbeTypeNames()) + "."
		}
		d.errorf(p.TypeRange, "Unknown probe type", "There is no probe type %q.%s", p.Type, near)
	}
	d.serial++
	unique := d.claim("probe "+p.Address(), p.NameRange, "Second probe of one name", "A probe %q %q exists already.", p.Type, p.Name)
	p.Attrs = d.attributes(block, schema, schema.Attributes)
	d.acceptedAttributes(block, t, p)
	for _, inner := range block.Body.Blocks {
		if s := schema.Block(inner.Type); s != nil && d.labels(inner, s) {
			d.probePart(p, inner, s)
		}
	}
	// A second probe of one name is checked, but does not take part.
	if unique && t != nil {
		d.spec.Probes = append(d.spec.Probes, p)
	}
}

// acceptedAttributes checks that the attributes fit the type of the probe.
func (d *decoder) acceptedAttributes(block *hclsyntax.Block, t *ProbeType, p *Probe) {
	if t == nil {
		return
	}
	for _, a := range sortedAttributes(block.Body) {
		accepting := d.schema.Accepting(a.Name)
		if p.Attrs[a.Name] == nil || len(accepting) == 0 || slices.Contains(accepting, p.Type) {
			continue
		}
		d.errorf(a.NameRange, "Attribute of other probes", "A %s probe has no attribute %q: %s have.%s", p.Type, a.Name, listOf(accepting), typeAdvice(t))
		delete(p.Attrs, a.Name)
	}
	if d.broken {
		return
	}
	for _, need := range t.Required {
		names := strings.Split(need, "|")
		if slices.ContainsFunc(names, func(n string) bool { return p.Attrs[n] != nil }) {
			continue
		}
		a := d.schema.Block("probe").Attribute(names[0])
		d.errorf(block.DefRange(), "Missing attribute", "A %s probe needs the attribute %s. %s", p.Type, strings.Join(names, " or "), a.Doc)
	}
}

func typeAdvice(t *ProbeType) string {
	if len(t.Accepts) == 0 {
		return ""
	}
	return " It has " + listOf(t.Accepts) + ", besides those common to all."
}

// probePart decodes one block in a probe.
func (d *decoder) probePart(p *Probe, block *hclsyntax.Block, schema *BlockSchema) {
	if block.Type == "locals" {
		d.locals(block, schema, p.Locals)
		return
	}
	if block.Type == "capture" {
		d.capture(p, block, schema)
		return
	}
	attrs := d.attributes(block, schema, schema.Attributes)
	name, def, nameRange := block.Labels[0], block.DefRange(), block.LabelRanges[0]
	key := fmt.Sprintf("%s %s in probe %d", block.Type, name, d.serial)
	switch block.Type {
	case "aggregate":
		if d.claim(key, nameRange, "Second aggregate of one name", "This probe has an aggregate %q already.", name) {
			p.Aggregates = append(p.Aggregates, &Aggregate{name, def, nameRange, attrs})
		}
	case "save":
		p.Saves = append(p.Saves, &Save{name, def, nameRange, attrs})
	case "match":
		if d.claim(key, nameRange, "Second match of one save", "This probe matches %q already.", name) {
			p.Matches = append(p.Matches, &Match{name, def, nameRange, attrs})
		}
	case "update":
		p.Updates = append(p.Updates, &Update{name, def, nameRange, attrs})
	}
}

func (d *decoder) capture(p *Probe, block *hclsyntax.Block, schema *BlockSchema) {
	d.attributes(block, schema, nil)
	key := fmt.Sprintf("capture in probe %d", d.serial)
	if !d.claim(key, block.DefRange(), "Second capture block", "A probe has one capture block; put all columns in it.") {
		return
	}
	p.Capture = &Columns{Range: block.Range()}
	for _, a := range sortedAttributes(block.Body) {
		if ValidName(a.Name) {
			p.Capture.Columns = append(p.Capture.Columns, Column{Name: a.Name, NameRange: a.NameRange, Expr: a.Expr})
		}
	}
}
