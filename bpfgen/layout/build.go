package layout

import (
	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// inPlaceMax is the largest record, in bytes, that is reserved in the ring
// buffer and filled there; larger ones are put together in scratch memory and
// copied with their exact length (measured: reserving 4 KiB for a short string
// costs the ring 17 times the bytes).
const inPlaceMax = 512

// tailMin is the size of a string, in bytes, from which it goes to the tail
// of a record that is not filled in place.
const tailMin = 32

// NewRecord lays out the record of a variant's stream.
func NewRecord(id uint32, v *plan.Variant) *Record {
	r := &Record{ID: id, Probe: v.Probe, Columns: v.Columns}
	r.place(false)
	if r.Size > inPlaceMax {
		r.place(true)
	}
	return r
}

// InPlace says that the record is filled in the ring buffer itself.
func (r *Record) InPlace() bool { return r.TailMax == 0 && r.Size <= inPlaceMax }

// needsPID says that a column holds an address of the traced process, which has
// a name only together with the process, and no column is the process. The
// record then carries it in a field behind the columns'.
func needsPID(columns []plan.Column) bool {
	needs := false
	for _, c := range columns {
		if c.Expr.Op == tree.Builtin && c.Expr.Name == "pid" {
			return false
		}
		needs = needs || c.Expr.Type.Unit == "usym"
		for _, part := range c.Expr.Parts {
			needs = needs || part.Expr != nil && part.Expr.Type.Unit == "usym"
		}
	}
	return needs
}

func (r *Record) place(tails bool) {
	p := placer{tails: tails, off: RecordHeader}
	for i, c := range r.Columns {
		p.column(i, c.Expr.Type, c.Expr, c.Expr.Nullable, c.Expr.Parts)
	}
	if needsPID(r.Columns) {
		pid := &tree.Expr{Op: tree.Builtin, Name: "pid", Type: types.U32}
		p.add(Field{Column: len(r.Columns), Part: -1, Type: pid.Type, Expr: pid, Null: -1})
	}
	r.Fields, r.Size, r.TailMax = p.fields, align(p.off, 8), p.tail
}

// NewTable lays out a table.
func NewTable(t *plan.Table) *Table {
	out := &Table{Table: t}
	p := placer{}
	for _, k := range t.By {
		out.Key.HasNull = out.Key.HasNull || k.Nullable
	}
	if out.Key.HasNull {
		p.off = 8
	}
	for i, k := range t.By {
		p.column(i, k.Type, nil, k.Nullable, k.Parts)
	}
	out.Key.Fields, out.Key.Size = p.fields, align(p.off, 8)
	if len(p.fields) == 1 && p.off == 4 && p.fields[0].Type.IsScalar() {
		out.Key.Size = 4 // the kernel hashes keys by words of 4 bytes
	}
	out.Key.widen()
	for _, v := range t.Values {
		f := ValueField{Func: v.Func, Off: out.ValueSize, Size: 8 * v.Words(), Slots: v.Slots()}
		out.Values = append(out.Values, f)
		out.ValueSize += f.Size
	}
	return out
}

// widen gives numbers the padding behind them, if the two are a word: one store
// then writes both.
func (k *Key) widen() {
	for i := range k.Fields {
		f, end := &k.Fields[i], k.Size
		if i+1 < len(k.Fields) {
			end = k.Fields[i+1].Off
		}
		if f.Type.IsScalar() && f.Off%8 == 0 && end == f.Off+8 {
			f.Size = 8
		}
	}
}

// Saved is the layout of what a call's entry saves for its return.
type Saved struct {
	Fields []Field // one for each distinct expression, in order
	Size   int     // bytes, a multiple of 8
}

// NewSaved lays out the values of expressions at a call's entry, from byte
// start of a slot on. Scalars take 8 bytes each, as registers hold them.
func NewSaved(start int, exprs []*tree.Expr) *Saved {
	p := placer{off: start}
	for i, e := range exprs {
		t := e.Type
		if t.IsScalar() {
			t.Size = 8
		}
		p.column(i, t, e, false, nil)
	}
	return &Saved{Fields: p.fields, Size: align(p.off, 8)}
}

// placer gives fields their places, one after another.
type placer struct {
	fields []Field
	off    int
	tail   int
	nulls  int
	tails  bool
}

func (p *placer) column(i int, t types.Type, e *tree.Expr, nullable bool, parts []tree.Part) {
	null := -1
	if nullable {
		null = p.nulls
		p.nulls++
	}
	if t.Kind != types.Text {
		p.add(Field{Column: i, Part: -1, Type: t, Expr: e, Null: null})
		return
	}
	for n, part := range parts {
		if part.Expr == nil {
			continue
		}
		partNull := null
		if part.Expr.Nullable {
			partNull = p.nulls
			p.nulls++
		}
		p.add(Field{Column: i, Part: n, Type: part.Expr.Type, Expr: part.Expr, Null: partNull})
	}
}

func (p *placer) add(f Field) {
	size, unit := fieldSize(f.Type)
	if p.tails && size > tailMin && (f.Type.Kind == types.String || f.Type.Kind == types.List || f.Type.Kind == types.Bytes && !f.Type.Fixed) {
		f.Tail, f.TailMax = true, tailBytes(f.Type)
		p.tail += f.TailMax
		size, unit = 4, 4
		if f.Type.Kind == types.List || f.Type.Kind == types.Bytes {
			size = 8
		}
	}
	f.Off = align(p.off, unit)
	f.Size = size
	p.off = f.Off + size
	p.fields = append(p.fields, f)
}

// fieldSize is a field's bytes in place and its alignment. What lies in memory
// is 8-aligned, so that it can be compared in words.
func fieldSize(t types.Type) (size, unit int) {
	switch t.Kind {
	case types.String:
		if t.Fixed {
			return t.Size + 1, 8
		}
		return t.Size + 2, 8
	case types.Bytes:
		if t.Fixed {
			return t.Size, 8
		}
		return 4 + t.Size, 4
	case types.List:
		return 8 + t.Size, 8
	case types.Array:
		return t.Size, 8
	}
	return t.Size, max(1, t.Size)
}

// tailBytes is what a field takes of the tail at most.
func tailBytes(t types.Type) int {
	switch t.Kind {
	case types.String:
		if t.Fixed {
			return t.Size + 1
		}
		return t.Size + 2
	}
	return t.Size
}

func align(n, unit int) int { return (n + unit - 1) / unit * unit }
