// Package spec is the front end of the language: HCL text comes in, blocks
// with unevaluated expressions and source ranges go out.
//
// It knows HCL and cty: files, blocks, labels, attributes, variables and their
// values, locals and their order, and every mistake that can be seen without
// knowing what an expression means. It must not know BPF, the kernel, types of
// kernel values or the file system: sources are passed in as bytes.
package spec

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Source is one file of a spec. Name is shown in diagnostics and decides the
// syntax: names that end in .json are HCL's JSON syntax, all others native HCL.
type Source struct {
	Name  string
	Bytes []byte
}

// Spec is a parsed spec: all files of one directory, or a single file.
// After errors it is partial; what is present can be used.
type Spec struct {
	// Settings is the tracer block, nil if absent.
	Settings *Settings
	// Variables are in source order.
	Variables []*Variable
	// Locals are those of the top-level locals blocks.
	Locals map[string]*Local
	// Probes are in source order.
	Probes []*Probe
	// Modules are in source order. They are parsed and name-checked only.
	Modules []*Module
	// Files holds every source by name, for rendering diagnostics. Resolve adds
	// the files and the pseudo files that values of variables came from.
	Files map[string]*hcl.File
}

// Variable returns the declared variable of that name, or nil.
func (s *Spec) Variable(name string) *Variable {
	for _, v := range s.Variables {
		if v.Name == name {
			return v
		}
	}
	return nil
}

// Settings is the content of the tracer block.
type Settings struct {
	Range hcl.Range
	// RequiredVersion is a version constraint, "" if not given.
	RequiredVersion      string
	RequiredVersionRange hcl.Range
	Summary              string
	SummaryRange         hcl.Range
	Tags                 []string
	TagsRange            hcl.Range
}

// Attr is one attribute with its expression unevaluated.
type Attr struct {
	Name      string
	NameRange hcl.Range
	// Range is that of the whole attribute, from its name to the end of Expr.
	Range hcl.Range
	Expr  hclsyntax.Expression
}

// Local is a name for an expression.
type Local struct {
	Name      string
	NameRange hcl.Range
	Expr      hclsyntax.Expression
}

// Variable is the declaration of a variable.
type Variable struct {
	Name             string
	Range, NameRange hcl.Range
	// Type is cty.DynamicPseudoType if none is declared.
	Type cty.Type
	// Defaults holds the defaults of optional() object attributes, nil if none.
	Defaults *typeexpr.Defaults
	// Default has type Type; it is cty.NilVal if the variable is required.
	Default      cty.Value
	DefaultRange hcl.Range
	Description  string
	// Nullable tells whether null is a value; if not, null means the default.
	Nullable bool
	// Sensitive values are not shown in diagnostics.
	Sensitive   bool
	Validations []Validation

	typed bool // a type was declared
}

// Required tells whether a value must be given.
func (v *Variable) Required() bool { return v.Default == cty.NilVal }

// Validation is one validation block of a variable.
type Validation struct {
	Condition, ErrorMessage hclsyntax.Expression
	Range                   hcl.Range
}

// Probe is one probe block.
type Probe struct {
	Type, Name                     string
	DefRange, TypeRange, NameRange hcl.Range
	// Attrs are those that the schema lists for this type of probe.
	Attrs map[string]*Attr
	// Locals are those of the locals blocks in the probe.
	Locals map[string]*Local
	// Capture is nil if there is no capture block.
	Capture    *Columns
	Aggregates []*Aggregate
	Saves      []*Save
	Matches    []*Match
	Updates    []*Update
}

// Address is how the probe is named in output, such as "kretprobe.read".
func (p *Probe) Address() string { return p.Type + "." + p.Name }

// Columns is the content of a capture block, in source order.
type Columns struct {
	Range   hcl.Range
	Columns []Column
}

// Column is one attribute of a capture block.
type Column struct {
	Name      string
	NameRange hcl.Range
	Expr      hclsyntax.Expression
}

// Aggregate is an aggregate block; its attributes are where, by, values,
// derive, having, sort, top, interval, cumulative and max_entries.
type Aggregate struct {
	Name                string
	DefRange, NameRange hcl.Range
	Attrs               map[string]*Attr
}

// Save is a save block; its attributes are key, values, where, replace and
// max_entries.
type Save struct {
	Name                string
	DefRange, NameRange hcl.Range
	Attrs               map[string]*Attr
}

// Match is a match block; its attributes are key, keep, optional and where.
type Match struct {
	Name                string
	DefRange, NameRange hcl.Range
	Attrs               map[string]*Attr
}

// Update is an update block; its attributes are key, values and where.
type Update struct {
	Name                string
	DefRange, NameRange hcl.Range
	Attrs               map[string]*Attr
}

// Module is a module block: another spec with values for its variables.
type Module struct {
	Name                string
	DefRange, NameRange hcl.Range
	// Source is nil if it is missing.
	Source *Attr
	// Attrs are the values of the module's variables.
	Attrs map[string]*Attr
}
