package stream

import (
	"encoding/binary"
	"fmt"

	"tracer/bpfgen/layout"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

// Decoder turns ring buffer records into events. It reuses its memory: an
// event is valid until the next call. It is not safe for concurrent use.
type Decoder struct {
	records []*record // by id
	event   value.Event
}

// record decodes one kind of record.
type record struct {
	*layout.Record
	columns *columns
	probe   string
	values  []value.Value
}

// NewDecoder prepares decoding of records, whose index is their ID. print
// gives parts of texts their own form. An error means a broken layout.
func NewDecoder(records []*layout.Record, print Print) (*Decoder, error) {
	d := &Decoder{records: make([]*record, len(records))}
	for i, r := range records {
		if int(r.ID) != i {
			return nil, fmt.Errorf("record %d stands at place %d", r.ID, i)
		}
		if r.Size < layout.RecordHeader {
			return nil, fmt.Errorf("record %d: %d bytes have no room for a header", i, r.Size)
		}
		specs := make([]columnSpec, len(r.Columns))
		for j, col := range r.Columns {
			specs[j] = columnSpec{name: col.Name, typ: typeOf(col.Expr), parts: partsOf(col.Expr), nullable: col.Expr != nil && col.Expr.Nullable}
		}
		what := "record of " + r.Probe.Address()
		c, err := newColumns(what, specs, r.Fields, print, true)
		if err != nil {
			return nil, err
		}
		d.records[i] = &record{Record: r, columns: c, probe: r.Probe.Address(), values: make([]value.Value, len(specs))}
	}
	return d, nil
}

// typeOf is the type of a column that an expression gives.
func typeOf(e *tree.Expr) types.Type {
	if e == nil {
		return types.TNull
	}
	return e.Type
}

func partsOf(e *tree.Expr) []tree.Part {
	if e == nil {
		return nil
	}
	return e.Parts
}

// Event decodes one record. The event and all it refers to, raw included, must
// not be used after the next call, nor changed. The error wraps ErrShort if raw
// is shorter than its layout.
func (d *Decoder) Event(raw []byte) (*value.Event, error) {
	if len(raw) < layout.RecordHeader {
		return nil, fmt.Errorf("record header: %w", ErrShort)
	}
	id := binary.LittleEndian.Uint32(raw)
	if int64(id) >= int64(len(d.records)) {
		return nil, fmt.Errorf("record %d of %d", id, len(d.records))
	}
	r := d.records[id]
	null := binary.LittleEndian.Uint32(raw[4:])
	if err := r.columns.row(raw, r.Size, uint64(null), r.values); err != nil {
		return nil, err
	}
	d.event = value.Event{
		Probe:   r.probe,
		Time:    binary.LittleEndian.Uint64(raw[8:]),
		Columns: r.columns.header,
		Values:  r.values,
	}
	return &d.event, nil
}

// Truncated is how many strings, byte sequences and lists of a probe's records
// were longer than their columns, so far. Programs do not count these.
func (d *Decoder) Truncated(probe string) uint64 {
	var n uint64
	for _, r := range d.records {
		if r.probe == probe {
			n += r.columns.cut
		}
	}
	return n
}

// Streams are the probes that stream, with their columns, by record.
func (d *Decoder) Streams() []value.Event {
	out := make([]value.Event, len(d.records))
	for i, r := range d.records {
		out[i] = value.Event{Probe: r.probe, Columns: r.columns.header}
	}
	return out
}
