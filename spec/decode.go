package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// decoder turns bodies into a Spec, by the schema.
type decoder struct {
	schema *Schema
	spec   *Spec
	diags  hcl.Diagnostics
	// names holds the first definition of everything that has a name.
	names map[string]hcl.Range
	// broken files have syntax errors: what is missing in them is not reported.
	broken bool
	// serial numbers the probes, so that names inside one do not meet those of another.
	serial int
}

func (d *decoder) errorf(rng hcl.Range, summary, format string, args ...any) {
	d.diags = append(d.diags, errorAt(rng, summary, format, args...))
}

func (d *decoder) topLevel(body *hclsyntax.Body) {
	for _, a := range sortedAttributes(body) {
		if b := d.schema.Block(a.Name); b != nil {
			d.errorf(a.NameRange, "Attribute in place of block", "%q is a block: write %s { … } without =.", a.Name, blockHeader(b))
			continue
		}
		d.errorf(a.NameRange, "Attribute outside a block", "A spec has no attributes of its own, only blocks: %s.%s", listOf(blockNames(d.schema.Blocks)), didYouMean(a.Name, blockNames(d.schema.Blocks)))
	}
	for _, block := range body.Blocks {
		schema := d.schema.Block(block.Type)
		if schema == nil {
			d.unknownBlock(block, d.schema.Blocks, "a spec")
			continue
		}
		d.topLevelBlock(block, schema)
	}
}

func (d *decoder) topLevelBlock(block *hclsyntax.Block, schema *BlockSchema) {
	if !d.labels(block, schema) {
		return
	}
	if schema.Once && !d.claim("block "+block.Type, block.DefRange(), "Second "+block.Type+" block", "A spec has one %s block.", block.Type) {
		return
	}
	switch block.Type {
	case "tracer":
		d.settings(block, schema)
	case "variable":
		d.variable(block, schema)
	case "locals":
		d.locals(block, schema, d.spec.Locals)
	case "probe":
		d.probe(block, schema)
	case "module":
		d.module(block, schema)
	}
}

// labels checks the number and form of a block's labels.
func (d *decoder) labels(block *hclsyntax.Block, schema *BlockSchema) bool {
	if len(block.Labels) != len(schema.Labels) {
		rng := block.DefRange()
		if len(block.Labels) > len(schema.Labels) {
			rng = block.LabelRanges[len(schema.Labels)]
		}
		if !d.broken || len(block.Labels) > len(schema.Labels) {
			d.errorf(rng, "Wrong number of labels", "The block has %s, and needs %s. Write %s { … }.", labels(len(block.Labels)), labels(len(schema.Labels)), blockHeader(schema))
		}
		return false
	}
	for i, label := range block.Labels {
		if !ValidName(label) {
			d.errorf(block.LabelRanges[i], "Invalid name", "The %s of a %s is an identifier: letters, digits and underscores, not beginning with a digit. %q is not.", schema.Labels[i].Name, schema.Name, label)
			return false
		}
	}
	return true
}

func blockHeader(b *BlockSchema) string {
	header := b.Name
	for _, l := range b.Labels {
		header += ` "` + strings.ToUpper(l.Name) + `"`
	}
	return header
}

func (d *decoder) unknownBlock(block *hclsyntax.Block, known []*BlockSchema, where string) {
	names := blockNames(known)
	if len(names) == 0 {
		d.errorf(block.TypeRange, "Unknown block", "There are no blocks in %s.", where)
		return
	}
	near := didYouMean(block.Type, names)
	if near == "" {
		near = " There are " + listOf(names) + "."
	}
	d.errorf(block.TypeRange, "Unknown block", "There is no block %q in %s.%s", block.Type, where, near)
}

// claim records the first definition of a name and reports any further one.
func (d *decoder) claim(key string, rng hcl.Range, summary, format string, args ...any) bool {
	first, taken := d.names[key]
	if !taken {
		d.names[key] = rng
		return true
	}
	e := errorAt(rng, summary, format, args...)
	e.Detail += " The first is at " + position(first) + "."
	d.diags = append(d.diags, e)
	return false
}

// attributes checks the attributes and blocks of a body against its schema and
// returns those that exist. Free blocks return everything.
func (d *decoder) attributes(block *hclsyntax.Block, schema *BlockSchema, known []*AttributeSchema) map[string]*Attr {
	what := "a " + schema.Name + " block"
	if strings.ContainsRune("aeiou", rune(schema.Name[0])) {
		what = "an" + what[1:]
	}
	attrs := map[string]*Attr{}
	for _, a := range sortedAttributes(block.Body) {
		if findAttribute(known, a.Name) == nil && schema.Free == "" {
			d.unknownAttribute(a, schema, known, what)
			continue
		}
		if schema.Free != "" && findAttribute(known, a.Name) == nil && !ValidName(a.Name) {
			d.errorf(a.NameRange, "Invalid name", "A %s is named by an identifier: letters, digits and underscores. Write %s.", schema.Free, strings.ReplaceAll(a.Name, "-", "_"))
			continue
		}
		attrs[a.Name] = d.attribute(a)
	}
	for _, inner := range block.Body.Blocks {
		if schema.Block(inner.Type) != nil {
			continue
		}
		if a := findAttribute(known, inner.Type); a != nil {
			d.errorf(inner.TypeRange, "Block in place of attribute", "%q is an attribute: write %s = { … }.", inner.Type, inner.Type)
			continue
		}
		if schema.Free != "" {
			d.errorf(inner.TypeRange, "Unknown block", "There are no blocks in %s, only attributes: write %s = ….", what, inner.Type)
			continue
		}
		d.unknownBlock(inner, schema.Blocks, what)
	}
	d.missing(block, known, attrs, what)
	return attrs
}

func (d *decoder) unknownAttribute(a *hclsyntax.Attribute, schema *BlockSchema, known []*AttributeSchema, what string) {
	if b := schema.Block(a.Name); b != nil {
		d.errorf(a.NameRange, "Attribute in place of block", "%q is a block: write %s { … } without =.", a.Name, blockHeader(b))
		return
	}
	names := append(attributeNames(known), blockNames(schema.Blocks)...)
	near := didYouMean(a.Name, names)
	if near == "" {
		near = " There are " + listOf(attributeNames(known)) + "."
	}
	d.errorf(a.NameRange, "Unknown attribute", "There is no attribute %q in %s.%s", a.Name, what, near)
}

func (d *decoder) missing(block *hclsyntax.Block, known []*AttributeSchema, attrs map[string]*Attr, what string) {
	if d.broken {
		return
	}
	for _, a := range known {
		if a.Required && attrs[a.Name] == nil && block.Body.Attributes[a.Name] == nil && !hasBlock(block, a.Name) {
			d.errorf(block.DefRange(), "Missing attribute", "%s needs the attribute %q. %s", capitalized(what), a.Name, a.Doc)
		}
	}
}

func hasBlock(block *hclsyntax.Block, name string) bool {
	return slices.ContainsFunc(block.Body.Blocks, func(b *hclsyntax.Block) bool { return b.Type == name })
}

// attribute converts one attribute and checks its expression.
func (d *decoder) attribute(a *hclsyntax.Attribute) *Attr {
	d.diags = append(d.diags, lintExpression(a.Expr, d.spec.Files[a.NameRange.Filename])...)
	return &Attr{Name: a.Name, NameRange: a.NameRange, Range: hcl.RangeBetween(a.NameRange, a.Expr.Range()), Expr: a.Expr}
}

func findAttribute(known []*AttributeSchema, name string) *AttributeSchema {
	for _, a := range known {
		if a.Name == name {
			return a
		}
	}
	return nil
}

func sortedAttributes(body *hclsyntax.Body) []*hclsyntax.Attribute {
	out := make([]*hclsyntax.Attribute, 0, len(body.Attributes))
	for _, a := range body.Attributes {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b *hclsyntax.Attribute) int {
		return cmp.Or(cmp.Compare(a.NameRange.Start.Byte, b.NameRange.Start.Byte), cmp.Compare(a.Name, b.Name))
	})
	return out
}

func capitalized(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// labels is a number of labels in words.
func labels(n int) string {
	switch n {
	case 0:
		return "no label"
	case 1:
		return "one label"
	}
	return fmt.Sprintf("%d labels", n)
}
