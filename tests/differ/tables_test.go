package differ

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"

	"tracer/bpfgen"
	"tracer/internal/stream"
	"tracer/interpreter/check"
	"tracer/interpreter/eval"
	"tracer/interpreter/plan"
	"tracer/interpreter/value"
)

// tableKeys are all ways to write a column of by.
var tableKeys = []form{
	{text: "$", parts: on(sNumber)},
	{text: "($ % 3)", parts: on(sNumber)},
	{text: "$", parts: on(sCondition)},
	{text: "$", parts: on(sText)},
	{text: "$", parts: on(sNullable)},
	{text: "$", parts: on(sDuration)},
	{text: "hex($)", parts: on(sNumber)},
	{text: "($ ? $ : null)", parts: on(sCondition, sText)},
	{text: `"<${($ % 2)}|${$}>"`, parts: on(sNumber, sText)},
}

func TestTablesKnowEveryAggregate(t *testing.T) {
	for _, fn := range check.Functions() {
		known := false
		for _, a := range aggregates {
			known = known || strings.HasPrefix(a.text, fn.Name+"(")
		}
		if wanted := fn.Later == "" && (fn.Phase == check.Aggregate || fn.Name == "min" || fn.Name == "max"); wanted != known {
			t.Errorf("%s: written %v, wanted %v", fn.Name, known, wanted)
		}
	}
}

// instance is a form with random parts.
func (g *generator) instance(f form, depth int) *node {
	n := &node{text: f.text}
	for _, p := range f.parts {
		n.parts = append(n.parts, g.make(p, depth))
	}
	return n
}

// tableSpec is a random probe with one table.
func tableSpec(r *rand.Rand, event string) string {
	g := newGenerator(r, event)
	var b strings.Builder
	fmt.Fprintf(&b, "probe \"raw_tracepoint\" \"p\" {\n  target = %q\n  aggregate \"t\" {\n", event)
	if r.IntN(3) == 0 {
		fmt.Fprintf(&b, "    where = %s\n", g.make(sCondition, 2))
	}
	if n := r.IntN(4); n > 0 {
		b.WriteString("    by = {\n")
		for i := range n {
			fmt.Fprintf(&b, "      k%d = %s\n", i, g.instance(tableKeys[r.IntN(len(tableKeys))], 1))
		}
		b.WriteString("    }\n")
		if r.IntN(3) == 0 {
			fmt.Fprintf(&b, "    max_entries = %d\n", 1+r.IntN(20))
		}
	}
	b.WriteString("    values = {\n")
	for i := range 1 + r.IntN(4) {
		fmt.Fprintf(&b, "      v%d = %s\n", i, g.instance(aggregates[r.IntN(len(aggregates))], 1+r.IntN(2)))
	}
	b.WriteString("    }\n  }\n}\n")
	return b.String()
}

// TestTablesAgree feeds random tables in the kernel, and beside them a model
// that keeps every value.
func TestTablesAgree(t *testing.T) {
	const inputs = 96
	base := seed(t)
	tr := newTrial(t, rand.New(rand.NewPCG(base, 7)))
	tried := 0
	for i := range specs(t, 300) {
		r := rand.New(rand.NewPCG(base, uint64(900_000+i)))
		event := []string{"numbers", "memory"}[r.IntN(2)]
		text := tableSpec(r, event)
		in := make([]*input, inputs)
		for k := range in {
			in[k] = randomInput(r, tr.m.memory, event)
			if k%2 == 1 { // rows meet
				in[k] = in[k-1]
			}
		}
		switch err := tr.tryTable(text, in); {
		case err == nil:
			tried++
		case !strings.Contains(err.Error(), "program is too large") && !strings.Contains(err.Error(), "Rows too large"):
			t.Fatalf("%v\n%s", err, text)
		}
	}
	if tried < specs(t, 300)*9/10 {
		t.Errorf("only %d specs could be tried", tried)
	}
}

// tryTable runs a spec with one table on inputs; the error is how it differs.
func (tr *trial) tryTable(text string, inputs []*input) error {
	pl, diags := checked(text, tr.facts)
	if diags.HasErrors() {
		return fmt.Errorf("the checker refuses: %s", firstError(diags))
	}
	pl.RingBytes = ringBytes
	o, diags := bpfgen.Compile(pl)
	if diags.HasErrors() {
		return fmt.Errorf("cannot be compiled: %s", firstError(diags))
	}
	l, err := tr.m.load(o)
	if err != nil {
		return err
	}
	defer func() { _ = l.close() }()
	v := pl.Probes[0].Variants[0]
	want := newModel(v.Aggregates[0])
	for _, in := range inputs {
		setComm(tr.t, in.comm)
		if _, err := l.run(in.context); err != nil {
			return err
		}
		want.feed(eval.New(in.record(v.Layout, tr.m.memory)))
	}
	got, err := l.table(o.Tables[0])
	if err != nil {
		return err
	}
	return want.compare(got)
}

// table reads the table of a program.
func (l *loaded) table(t *bpfgen.Table) (*value.Table, error) {
	snap := &stream.Snapshot{CPUs: ebpf.MustPossibleCPU()}
	read := func(name string) (keys, values []byte, err error) {
		m := l.maps[name]
		if m == nil {
			return nil, nil, nil
		}
		var key []byte
		var perCPU [][]byte
		it := m.Iterate()
		for it.Next(&key, &perCPU) {
			keys = append(keys, key...)
			for _, v := range perCPU {
				values = append(values, v...)
			}
		}
		return keys, values, it.Err()
	}
	var err error
	if snap.Keys, snap.Values, err = read(t.Map); err != nil {
		return nil, err
	}
	if t.Table.Key.Size == 0 {
		snap.Keys = nil // the index of an array
	}
	if _, snap.Other, err = read(t.Map + "_other"); err != nil {
		return nil, err
	}
	d, err := stream.NewTable(t.Table, printValue)
	if err != nil {
		return nil, err
	}
	return d.Decode(snap)
}

// model is a table that keeps every value it was fed.
type model struct {
	of   *plan.Feed
	rows map[string][][]value.Value // by key: for each value column what it was fed
}

func newModel(f *plan.Feed) *model { return &model{f, map[string][][]value.Value{}} }

func (m *model) feed(ev *eval.Event) {
	for _, w := range m.of.Where {
		if ev.Value(w).Int == 0 {
			return
		}
	}
	var key []string
	for _, c := range m.of.By {
		v := ev.Value(c.Expr)
		key = append(key, describe(&v))
	}
	at := strings.Join(key, " ")
	if m.rows[at] == nil {
		m.rows[at] = make([][]value.Value, len(m.of.Table.Values))
	}
	for _, f := range m.of.Values {
		v := value.Value{Int: 1}
		if f.Arg != nil {
			v = ev.Value(f.Arg)
		}
		m.rows[at][f.Column] = append(m.rows[at][f.Column], v)
	}
}

// compare says how a table differs. The events of rows that found no place are
// in (other).
func (m *model) compare(got *value.Table) error {
	left := map[string][][]value.Value{}
	for key, fed := range m.rows {
		left[key] = fed
	}
	for i := range got.Rows {
		var key []string
		for k := range got.Rows[i].By {
			key = append(key, describe(&got.Rows[i].By[k]))
		}
		at := strings.Join(key, " ")
		fed := left[at]
		if fed == nil && len(m.of.By) == 0 {
			fed = make([][]value.Value, len(got.Values)) // a table without by has a row always
		}
		if fed == nil {
			return fmt.Errorf("the row %s was never fed, or is there twice", at)
		}
		delete(left, at)
		if err := m.compareRow(at, fed, got.Rows[i].Values); err != nil {
			return err
		}
	}
	other := make([][]value.Value, len(got.Values))
	for _, fed := range left {
		for i := range fed {
			other[i] = append(other[i], fed[i]...)
		}
	}
	switch {
	case got.Other == nil && len(left) == 0:
		return nil
	case len(left) == 0 || got.Other == nil || len(got.Rows) < m.of.Table.MaxEntries:
		return fmt.Errorf("%d rows of at most %d, %d rows not there, (other) is there: %v", len(got.Rows), m.of.Table.MaxEntries, len(left), got.Other != nil)
	}
	return m.compareRow("(other)", other, got.Other.Values)
}

func (m *model) compareRow(at string, fed [][]value.Value, got []value.Value) error {
	for i := range got {
		c := &m.of.Table.Values[i]
		if at == "(other)" && c.Func == plan.Last {
			continue // the model does not know the order of rows
		}
		if want, have := expected(c, fed[i]), shown(c, &got[i]); want != have {
			return fmt.Errorf("row %s, %s: want %s, got %s", at, c.Name, want, have)
		}
	}
	return nil
}

// shown is a finished value as text.
func shown(c *plan.ValueColumn, v *value.Value) string {
	switch {
	case v.IsFloat:
		return fmt.Sprint(v.Float)
	case v.Hist() == nil:
		return fmt.Sprint(signedNumber(c, v.Int))
	}
	out := fmt.Sprintf("%d values, sum %v", v.Hist().Count, signedNumber(c, v.Hist().Sum))
	for _, b := range v.Hist().Buckets {
		lo, hi := fmt.Sprint(signedNumber(c, b.Ge)), fmt.Sprint(signedNumber(c, b.Lt))
		if b.NoGe {
			lo = "…"
		}
		if b.NoLt {
			hi = "…"
		}
		out += fmt.Sprintf(" [%s,%s):%d", lo, hi, b.Count)
	}
	return out
}

// number is 64 bits as the number they mean.
func signedNumber(c *plan.ValueColumn, n uint64) any {
	if c.Type.Signed {
		return int64(n)
	}
	return n
}

// expected is what the values of a column come to, as the language says it.
func expected(c *plan.ValueColumn, fed []value.Value) string {
	var sum uint64
	for i := range fed {
		sum += fed[i].Int
	}
	switch c.Func {
	case plan.Avg:
		return fmt.Sprint(mean(c, sum, len(fed)))
	case plan.Count, plan.Sum:
		return fmt.Sprint(signedNumber(c, sum))
	case plan.Hist, plan.Linear:
		return fmt.Sprintf("%d values, sum %v%s", len(fed), signedNumber(c, sum), buckets(c, fed))
	}
	if len(fed) == 0 {
		return "0"
	}
	best := fed[len(fed)-1].Int // last
	for i := range fed {
		n := fed[i].Int
		less := n < best
		if c.Type.Signed {
			less = int64(n) < int64(best)
		}
		if c.Func == plan.Min && less || c.Func == plan.Max && !less {
			best = n
		}
	}
	return fmt.Sprint(signedNumber(c, best))
}

func mean(c *plan.ValueColumn, sum uint64, n int) float64 {
	switch {
	case n == 0:
		return 0
	case c.Type.Signed:
		f, _ := new(big.Rat).SetFrac64(int64(sum), int64(n)).Float64()
		return f
	}
	f, _ := new(big.Rat).SetFrac(new(big.Int).SetUint64(sum), big.NewInt(int64(n))).Float64()
	return f
}

// buckets counts by the definition of hist and linear.
func buckets(c *plan.ValueColumn, fed []value.Value) string {
	counts := map[string]int{}
	var order []string
	for _, v := range sorted(c, fed) {
		name := bucket(c, v)
		if counts[name] == 0 {
			order = append(order, name)
		}
		counts[name]++
	}
	out := ""
	for _, name := range order {
		out += fmt.Sprintf(" [%s):%d", name, counts[name])
	}
	return out
}

func bucket(c *plan.ValueColumn, n uint64) string {
	if c.Func == plan.Linear {
		return linearBucket(c, n)
	}
	if c.Type.Signed && int64(n) < 0 {
		return "…,0"
	}
	lo, width := n, uint64(1)
	if top := bits.Len64(n) - 1; top > c.Bits {
		width = 1 << (top - c.Bits)
		lo = n &^ (width - 1)
	}
	most := uint64(math.MaxUint64)
	if c.Type.Signed {
		most = math.MaxInt64
	}
	if lo+(width-1) >= most {
		return fmt.Sprintf("%v,…", signedNumber(c, lo))
	}
	return fmt.Sprintf("%v,%v", signedNumber(c, lo), signedNumber(c, lo+width))
}

func linearBucket(c *plan.ValueColumn, n uint64) string {
	below := int64(n) < c.Min && (c.Type.Signed || int64(n) >= 0)
	above := int64(n) >= c.Max || !c.Type.Signed && int64(n) < 0
	switch {
	case above:
		return fmt.Sprintf("%v,…", signedNumber(c, uint64(c.Max)))
	case below:
		return fmt.Sprintf("…,%v", signedNumber(c, uint64(c.Min)))
	}
	lo := int64(uint64(c.Min) + (n-uint64(c.Min))/uint64(c.Step)*uint64(c.Step))
	hi := min(uint64(lo-c.Min)+uint64(c.Step), uint64(c.Max-c.Min))
	return fmt.Sprintf("%v,%v", signedNumber(c, uint64(lo)), signedNumber(c, uint64(c.Min)+hi))
}

// sorted are the fed numbers, ascending.
func sorted(c *plan.ValueColumn, fed []value.Value) []uint64 {
	out := make([]uint64, len(fed))
	for i := range fed {
		out[i] = fed[i].Int
	}
	slices.SortFunc(out, func(a, b uint64) int {
		if c.Type.Signed {
			return cmp.Compare(int64(a), int64(b))
		}
		return cmp.Compare(a, b)
	})
	return out
}
