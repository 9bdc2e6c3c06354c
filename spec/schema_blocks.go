package spec

// The table of blocks and attributes. One entry per fact: everything else reads it.

func topLevelBlocks() []*BlockSchema {
	return []*BlockSchema{
		{
			Name: "tracer",
			Doc:  "Settings of the spec and its entry in the catalog.",
			Once: true,
			Attributes: []*AttributeSchema{
				{Name: "required_version", Type: "version constraint", Phase: PhaseParse, Doc: "Versions of tracer that can run the spec.", Example: `">= 0.1"`},
				{Name: "summary", Type: "string", Phase: PhaseParse, Doc: "One line that says what the spec shows.", Example: `"Block I/O latency by process"`},
				{Name: "tags", Type: "list of string", Phase: PhaseParse, Doc: "Words to find the spec by.", Example: `["disk", "latency"]`},
			},
		},
		variableBlock(),
		{
			Name: "locals",
			Doc:  "Names for expressions, evaluated when needed, at whichever time what they mention demands.",
			Free: "local",
		},
		probeBlock(),
		{
			Name:   "module",
			Doc:    "Another spec, by relative path or catalog reference, with values for its variables.",
			Labels: []LabelSchema{{Name: "name", Doc: "What the module is called here."}},
			Free:   "variable",
			Attributes: []*AttributeSchema{
				{Name: "source", Type: "string", Phase: PhaseParse, Required: true, Doc: "Relative path of a directory, or a catalog reference.", Example: `"./disk"`},
			},
		},
	}
}

func variableBlock() *BlockSchema {
	return &BlockSchema{
		Name:   "variable",
		Doc:    "A value that the user of the spec may give: var.NAME.",
		Labels: []LabelSchema{{Name: "name", Doc: "What the variable is called."}},
		Attributes: []*AttributeSchema{
			{Name: "type", Type: "type expression", Phase: PhaseParse, Doc: "Type of the value; any if absent.", Example: "list(string)"},
			{Name: "default", Type: "literal", Phase: PhaseParse, Doc: "Value if none is given; a variable without it must be set."},
			{Name: "description", Type: "string", Phase: PhaseParse, Doc: "One line that says what the value does."},
			{Name: "nullable", Type: "bool", Phase: PhaseParse, Doc: "Whether null is a value; if not, null means the default.", Default: "true"},
			{Name: "sensitive", Type: "bool", Phase: PhaseParse, Doc: "Whether to keep the value out of messages.", Default: "false"},
		},
		Blocks: []*BlockSchema{{
			Name: "validation",
			Doc:  "A condition the value must meet.",
			Attributes: []*AttributeSchema{
				{Name: "condition", Type: "condition", Phase: PhasePlan, Required: true, Doc: "What must be true of the value; may mention var.* and functions.", Example: "can(duration(var.min_latency))"},
				{Name: "error_message", Type: "string", Phase: PhasePlan, Required: true, Doc: "What to tell the user if it is not."},
			},
		}},
	}
}

func probeBlock() *BlockSchema {
	return &BlockSchema{
		Name: "probe",
		Doc:  "What to observe and what to do at each event.",
		Labels: []LabelSchema{
			{Name: "type", Doc: "Type of the probe."},
			{Name: "name", Doc: "What the probe is called in output."},
		},
		Attributes: []*AttributeSchema{
			{Name: "target", Type: "string or list of string", Phase: PhasePlan, Doc: "What to attach to: a name, a glob, or a list of either.", Example: `"tcp_*"`},
			{Name: "binary", Type: "string or list of string", Phase: PhasePlan, Doc: "A path, or a library name looked up as the loader would.", Example: `"libc"`},
			{Name: "pid", Type: "number", Phase: PhasePlan, Doc: "Attach to this process only, and find the binary as that process sees it."},
			{Name: "signature", Type: "string", Phase: PhasePlan, Doc: "A C prototype that names and types args and retval.", Example: `"int open(const char *path, int flags)"`},
			{Name: "frequency", Type: "number", Phase: PhasePlan, Doc: "Samples per second and CPU.", Example: "99"},
			{Name: "interval", Type: "duration", Phase: PhasePlan, Doc: "Time between two events.", Example: `"1s"`},
			{Name: "period", Type: "number", Phase: PhasePlan, Doc: "Take one sample every this many perf events."},
			{Name: "length", Type: "number", Phase: PhasePlan, Doc: "Bytes to watch: 1, 2, 4 or 8."},
			{Name: "mode", Type: "string", Phase: PhasePlan, Doc: "Accesses to watch: r, w, x or several of them.", Example: `"rw"`},
			{Name: "enabled", Type: "condition", Phase: PhasePlan, Default: "true", Doc: "Whether the probe takes part; if not it is parsed and name-checked only."},
			{Name: "for_each", Type: "set of string or map", Phase: PhasePlan, Doc: "One probe per element, with each.key and each.value."},
			{Name: "optional", Type: "bool", Phase: PhasePlan, Default: "false", Doc: "Leave out targets and binaries that are missing, with a warning."},
			{Name: "where", Type: "condition", Phase: PhaseEvent, Doc: "Which events to handle."},
			{Name: "sample", Type: "number", Phase: PhasePlan, Doc: "Handle one event in this many; the others count as skipped.", Example: "100"},
			{Name: "stream", Type: "condition", Phase: PhaseEvent, Doc: "Whether to show a row per event; by default if there is a capture and no aggregate, or no block at all."},
			{Name: "derive", Type: "object", Phase: PhaseReport, Doc: "Columns to add to each row when it is reported.", Example: "{ load = raw / 2048 }"},
		},
		Blocks: []*BlockSchema{
			{Name: "locals", Doc: "Names for expressions in this probe.", Free: "local"},
			{Name: "match", Doc: "Takes out the entry that another event saved under the key.", Labels: saveLabel(), Attributes: []*AttributeSchema{
				keyAttribute(),
				{Name: "keep", Type: "bool", Phase: PhasePlan, Default: "false", Doc: "Leave the entry in place."},
				{Name: "optional", Type: "bool", Phase: PhasePlan, Default: "false", Doc: "Go on without an entry: its fields are zero and found() is false."},
				partWhere(),
			}},
			{Name: "capture", Doc: "Names what to read: each attribute is a column, in source order.", Free: "column", Once: true},
			aggregateBlock(),
			{Name: "update", Doc: "Changes fields of an entry that exists and keeps its age.", Labels: saveLabel(), Attributes: []*AttributeSchema{
				keyAttribute(),
				{Name: "values", Type: "object", Phase: PhaseEvent, Required: true, Doc: "Fields to change; saved.NAME is the old entry."},
				partWhere(),
			}},
			{Name: "save", Doc: "Saves an entry under a key, for another event to match.", Labels: saveLabel(), Attributes: []*AttributeSchema{
				keyAttribute(),
				{Name: "values", Type: "object", Phase: PhaseEvent, Doc: "Fields of the entry: saved.NAME.FIELD."},
				partWhere(),
				{Name: "replace", Type: "bool", Phase: PhasePlan, Default: "true", Doc: "Whether a new entry replaces one of the same key and restarts its age."},
				{Name: "max_entries", Type: "number", Phase: PhasePlan, Default: "16384", Doc: "Most entries held at a time; the oldest gives way."},
			}},
		},
	}
}

func aggregateBlock() *BlockSchema {
	return &BlockSchema{
		Name:   "aggregate",
		Doc:    "A table computed in the kernel: one key, many value columns.",
		Labels: []LabelSchema{{Name: "name", Doc: "What the table is called; probes that name the same one share it."}},
		Attributes: []*AttributeSchema{
			partWhere(),
			{Name: "by", Type: "list or object", Phase: PhaseEvent, Doc: "Columns to group by; one row if absent.", Example: "[comm, capture.path]"},
			{Name: "values", Type: "object", Phase: PhaseEvent, Required: true, Doc: "Columns to compute: the outermost call of each is an aggregate function.", Example: "{ calls = count() }"},
			{Name: "derive", Type: "object", Phase: PhaseReport, Doc: "Columns computed from the others when a row is reported.", Example: "{ mean = bytes / calls }"},
			{Name: "having", Type: "condition", Phase: PhaseReport, Doc: "Which rows are shown.", Example: "calls > 10"},
			{Name: "sort", Type: "string", Phase: PhasePlan, Doc: "Column to sort by, descending; the first value if absent."},
			{Name: "top", Type: "number", Phase: PhasePlan, Doc: "Rows to show."},
			{Name: "interval", Type: "duration", Phase: PhasePlan, Doc: "Print this often and start again; once, at the end, if absent.", Example: `"5s"`},
			{Name: "cumulative", Type: "bool", Phase: PhasePlan, Default: "false", Doc: "With interval: do not start again."},
			{Name: "max_entries", Type: "number", Phase: PhasePlan, Default: "16384", Doc: "Most rows; events of further keys are aggregated into one row, (other)."},
		},
	}
}

func saveLabel() []LabelSchema {
	return []LabelSchema{{Name: "name", Doc: "What the saved entries are called: saved.NAME."}}
}

func keyAttribute() *AttributeSchema {
	return &AttributeSchema{Name: "key", Type: "list", Phase: PhaseEvent, Required: true, Doc: "What pairs the events.", Example: "[args.dev, args.sector]"}
}

func partWhere() *AttributeSchema {
	return &AttributeSchema{Name: "where", Type: "condition", Phase: PhaseEvent, Doc: "Whether this block takes part."}
}
