package bpfgen

import (
	"tracer/bpfgen/layout"
	"tracer/interpreter/plan"
)

// countingFeed is the feed of a variant that every event it takes goes through,
// so that the table it feeds counts them: the last one, if it has no condition
// of its own and nothing can end the event after it. nil if there is none.
func countingFeed(v *plan.Variant) *plan.Feed {
	if v.Stream || len(v.Aggregates) == 0 {
		return nil
	}
	last := v.Aggregates[len(v.Aggregates)-1]
	if len(last.Where) > 0 || last.Table.Swapped() {
		return nil
	}
	return last
}

// counts says how a probe's events are counted by a table, nil if they are not:
// all its variants feed it, with the same columns, and no other probe does.
func (c *compiler) counts(p *plan.Probe) (*plan.Table, *Counts) {
	var table *plan.Table
	var words *Counts
	for _, v := range p.Variants {
		f := countingFeed(v)
		if f == nil || table != nil && f.Table != table {
			return nil, nil
		}
		w := eventWords(c.tables[f.Table].Table, f)
		if w == nil || words != nil && *w != *words {
			return nil, nil
		}
		table, words = f.Table, w
	}
	if table == nil || len(table.Probes) != 1 {
		return nil, nil
	}
	words.Probe = p.Index
	return table, words
}

// eventWords are the words of the first column of a feed that counts its events.
func eventWords(t *layout.Table, f *plan.Feed) *Counts {
	for _, v := range f.Values {
		if v.Arg != nil && v.Arg.Nullable {
			continue
		}
		switch field := t.Values[v.Column]; field.Func {
		case plan.Count:
			return &Counts{Off: field.Off, N: 1}
		case plan.Avg:
			return &Counts{Off: field.Off + 8, N: 1}
		case plan.Hist, plan.Linear:
			return &Counts{Off: field.Off + 8, N: field.Slots}
		}
	}
	return nil
}
