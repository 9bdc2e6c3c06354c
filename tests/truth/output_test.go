package truth

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// output is the JSON lines of one run.
type output struct {
	events  []event
	tables  []table
	summary map[string]counters
}

// event is one streamed row; fields are in their canonical text.
type event struct {
	probe, time string
	fields      map[string]string
}

// table is one print of one aggregate.
type table struct {
	aggregate string
	rows      rows
	other     map[string]string // nil: no (other) row
	leftOut   int
}

// rows maps the columns of by, "a=1 b=2" in alphabetical order, to the values.
type rows map[string]map[string]string

// counters are one probe's counters in the summary.
type counters map[string]uint64

// taken is the events that were not skipped.
func (c counters) taken() uint64 { return c["events"] - c["skipped"] }

type line struct {
	Type      string
	Probe     string
	Time      string
	Fields    map[string]any
	Aggregate string
	Rows      []struct{ By, Values map[string]any }
	Other     map[string]any
	LeftOut   int `json:"left_out"`
	Probes    json.RawMessage
}

func parseOutput(t *testing.T, text []byte) output {
	t.Helper()
	out := output{}
	for l := range bytes.Lines(text) {
		var parsed line
		d := json.NewDecoder(bytes.NewReader(l))
		d.UseNumber()
		if err := d.Decode(&parsed); err != nil {
			t.Fatalf("output is not JSON: %v\n%s", err, l)
		}
		if out.summary != nil {
			t.Fatalf("a line after the summary: %s", l)
		}
		switch parsed.Type {
		case "event":
			out.events = append(out.events, event{parsed.Probe, parsed.Time, canonicalMembers(parsed.Fields)})
		case "table":
			out.tables = append(out.tables, parseTable(t, parsed))
		case "summary":
			if err := json.Unmarshal(parsed.Probes, &out.summary); err != nil {
				t.Fatalf("summary: %v\n%s", err, l)
			}
		default:
			t.Fatalf("a line of unknown type: %s", l)
		}
	}
	if out.summary == nil {
		t.Fatalf("no summary in the output:\n%.2000s", text)
	}
	return out
}

func parseTable(t *testing.T, l line) table {
	t.Helper()
	parsed := table{aggregate: l.Aggregate, rows: rows{}, leftOut: l.LeftOut}
	for _, row := range l.Rows {
		key := rowKey(canonicalMembers(row.By))
		if _, twice := parsed.rows[key]; twice {
			t.Errorf("table %s has the row %q twice", l.Aggregate, key)
		}
		parsed.rows[key] = canonicalMembers(row.Values)
	}
	if l.Other != nil {
		parsed.other = canonicalMembers(l.Other)
	}
	return parsed
}

func rowKey(by map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(by)) {
		parts = append(parts, name+"="+by[name])
	}
	return strings.Join(parts, " ")
}

func canonicalMembers(members map[string]any) map[string]string {
	texts := make(map[string]string, len(members))
	for name, value := range members {
		texts[name] = canonical(value)
	}
	return texts
}

// canonical gives one text for a value, whichever JSON form it has: 64-bit
// integers beyond 2^53 are strings, others numbers; strings have the bytes that
// the traced process had.
func canonical(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case string:
		return rawBytes(v)
	case json.Number:
		return v.String()
	case []any:
		var parts []string
		for _, element := range v {
			parts = append(parts, canonical(element))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case map[string]any:
		if buckets, ok := v["buckets"].([]any); ok {
			return canonicalHistogram(v, buckets)
		}
		return "{" + rowKey(canonicalMembers(v)) + "}"
	}
	return fmt.Sprint(value)
}

// canonicalHistogram is "count=3 sum=5120 [1024,2048)=3"; a bound that is
// absent is infinite.
func canonicalHistogram(v map[string]any, buckets []any) string {
	bound := func(b map[string]any, name, infinite string) string {
		if text := canonical(b[name]); text != "null" {
			return text
		}
		return infinite
	}
	text := fmt.Sprintf("count=%s sum=%s", canonical(v["count"]), canonical(v["sum"]))
	for _, element := range buckets {
		b, _ := element.(map[string]any)
		text += fmt.Sprintf(" [%s,%s)=%s", bound(b, "ge", "-inf"), bound(b, "lt", "inf"), canonical(b["count"]))
	}
	return text
}

// table is the only print of an aggregate.
func (o output) table(t *testing.T, name string) table {
	t.Helper()
	var found []table
	for _, candidate := range o.tables {
		if candidate.aggregate == name {
			found = append(found, candidate)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d tables %q in the output, want 1", len(found), name)
	}
	return found[0]
}

// counters are those of one probe.
func (o output) counters(t *testing.T, probe string) counters {
	t.Helper()
	c, ok := o.summary[probe]
	if !ok {
		t.Fatalf("no probe %q in the summary, which has %v", probe, slices.Sorted(maps.Keys(o.summary)))
	}
	return c
}
