package spec

import "slices"

// Schema is the declaration of everything a spec may contain. Decoding,
// suggestions, reference documentation and shell completion read it.
type Schema struct {
	// Blocks are the top-level blocks.
	Blocks []*BlockSchema
	// ProbeTypes are the values of the first label of a probe block.
	ProbeTypes []*ProbeType
}

// BlockSchema declares one kind of block.
type BlockSchema struct {
	Name string
	Doc  string
	// Labels are the labels the block must have, in order.
	Labels []LabelSchema
	// Attributes are the attributes it may have.
	Attributes []*AttributeSchema
	// Blocks are the blocks that may stand in it.
	Blocks []*BlockSchema
	// Free, if not empty, says what attributes of any name are: "column",
	// "local", "variable".
	Free string
	// Once means that a second one in the same place is an error.
	Once bool
}

// LabelSchema declares one label of a block.
type LabelSchema struct {
	Name string
	Doc  string
}

// AttributeSchema declares one attribute.
type AttributeSchema struct {
	Name string
	// Type is a hint for people: "string", "condition", "duration" and so on.
	Type string
	// Phase is when the value is known.
	Phase    Phase
	Required bool
	Doc      string
	// Default is the value that stands for absence, as it would be written; "" if none.
	Default string
	// Example is an expression, "" if the doc line says enough.
	Example string
}

// Phase is the time at which the value of an attribute is known.
type Phase string

// The phases of an attribute.
const (
	// PhaseParse: a literal, without variables.
	PhaseParse Phase = "parse"
	// PhasePlan: known before attaching.
	PhasePlan Phase = "plan"
	// PhaseEvent: may mention the event.
	PhaseEvent Phase = "event"
	// PhaseReport: over a finished row, in user space.
	PhaseReport Phase = "report"
)

// ProbeType declares one type of probe.
type ProbeType struct {
	Name string
	Doc  string
	// Accepts are the names of the attributes of this type beyond the common ones.
	Accepts []string
	// Required are those of Accepts that must be present; a list in an element
	// separated by "|" means one of them.
	Required []string
	// Target says what target names, "" if the type has none.
	Target string
	// Values says what the event offers.
	Values string
	// Types says where the types of the values come from.
	Types string
}

// NewSchema returns the schema of the language. Each call returns a new copy.
func NewSchema() *Schema {
	return &Schema{Blocks: topLevelBlocks(), ProbeTypes: probeTypes()}
}

// Block returns the top-level block of that name, or nil.
func (s *Schema) Block(name string) *BlockSchema { return findBlock(s.Blocks, name) }

// ProbeType returns the probe type of that name, or nil.
func (s *Schema) ProbeType(name string) *ProbeType {
	for _, t := range s.ProbeTypes {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// ProbeTypeNames returns the names of all probe types, in the order of the table.
func (s *Schema) ProbeTypeNames() []string {
	names := make([]string, 0, len(s.ProbeTypes))
	for _, t := range s.ProbeTypes {
		names = append(names, t.Name)
	}
	return names
}

// ProbeAttributes returns the attributes that a probe of type t may have: its
// own, then those common to all.
func (s *Schema) ProbeAttributes(t *ProbeType) []*AttributeSchema {
	probe := s.Block("probe")
	own := make([]*AttributeSchema, 0, len(probe.Attributes))
	var common []*AttributeSchema
	for _, a := range probe.Attributes {
		switch {
		case slices.Contains(t.Accepts, a.Name):
			own = append(own, a)
		case s.commonToAll(a.Name):
			common = append(common, a)
		}
	}
	return append(own, common...)
}

// Accepting returns the names of the probe types that accept an attribute
// beyond the common ones; nil if it is common to all or does not exist.
func (s *Schema) Accepting(attribute string) []string {
	var names []string
	for _, t := range s.ProbeTypes {
		if slices.Contains(t.Accepts, attribute) {
			names = append(names, t.Name)
		}
	}
	return names
}

func (s *Schema) commonToAll(attribute string) bool { return len(s.Accepting(attribute)) == 0 }

// Attribute returns the attribute of that name, or nil.
func (b *BlockSchema) Attribute(name string) *AttributeSchema {
	for _, a := range b.Attributes {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// Block returns the nested block of that name, or nil.
func (b *BlockSchema) Block(name string) *BlockSchema { return findBlock(b.Blocks, name) }

func findBlock(blocks []*BlockSchema, name string) *BlockSchema {
	for _, b := range blocks {
		if b.Name == name {
			return b
		}
	}
	return nil
}

func attributeNames(attributes []*AttributeSchema) []string {
	names := make([]string, 0, len(attributes))
	for _, a := range attributes {
		names = append(names, a.Name)
	}
	return names
}

func blockNames(blocks []*BlockSchema) []string {
	names := make([]string, 0, len(blocks))
	for _, b := range blocks {
		names = append(names, b.Name)
	}
	return names
}
