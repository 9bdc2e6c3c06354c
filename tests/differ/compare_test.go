package differ

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"tracer/bpfgen"
	"tracer/interpreter/eval"
	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

func uintptrOf(p *byte) uintptr { return uintptr(unsafe.Pointer(p)) }

// difference is an input for which kernel and evaluator disagree.
type difference struct {
	probe  *probe
	column int // -1: whether there is a row at all
	in     *input
	want   string // the evaluator's
	got    string // the kernel's
}

// trial runs probes and compares.
type trial struct {
	t     testing.TB
	facts facts.Facts
	m     *machine
	ran   int // values compared
	rows  int // rows compared
	split int // probes tried in parts
}

// build compiles a probe.
func (tr *trial) build(p *probe) (*plan.Variant, *bpfgen.Object, error) {
	pl, diags := checked(p.text(), tr.facts)
	if diags.HasErrors() {
		return nil, nil, fmt.Errorf("the checker refuses: %s", firstError(diags))
	}
	pl.RingBytes = ringBytes
	if len(pl.Probes) != 1 || len(pl.Probes[0].Variants) != 1 {
		return nil, nil, fmt.Errorf("%d probes", len(pl.Probes))
	}
	o, diags := bpfgen.Compile(pl)
	if diags.HasErrors() {
		return nil, nil, fmt.Errorf("cannot be compiled: %s", firstError(diags))
	}
	return pl.Probes[0].Variants[0], o, nil
}

// try runs a probe on inputs and gives the first difference. The error says
// that it does not even load.
func (tr *trial) try(p *probe, inputs []*input) (*difference, error) {
	v, o, err := tr.build(p)
	if err != nil {
		return nil, err
	}
	l, err := tr.m.load(o)
	if err != nil {
		return nil, err
	}
	defer func() { _ = l.close() }()
	comm := ""
	for i, in := range inputs {
		if i == 0 || in.comm != comm {
			setComm(tr.t, in.comm)
			comm = in.comm
		}
		got, err := l.run(in.context)
		if err != nil {
			return nil, err
		}
		if d := tr.compare(v, in, got); d != nil {
			d.probe, d.in = p, in
			return d, nil
		}
	}
	return nil, nil
}

// compare compares one event with the evaluator's.
func (tr *trial) compare(v *plan.Variant, in *input, got *value.Event) *difference {
	ev := eval.New(in.record(v.Layout, tr.m.memory))
	shown := true
	for _, w := range v.Where {
		shown = shown && ev.Value(w).Int != 0
	}
	tr.rows++
	if shown != (got != nil) {
		return &difference{column: -1, want: fmt.Sprintf("row: %v", shown), got: fmt.Sprintf("row: %v", got != nil)}
	}
	if !shown {
		return nil
	}
	for i, col := range v.Columns {
		tr.ran++
		want := ev.Value(col.Expr)
		if !same(&want, &got.Values[i]) {
			return &difference{column: columnIndex(col.Name), want: describe(&want), got: describe(&got.Values[i])}
		}
	}
	return nil
}

func columnIndex(name string) int {
	n := 0
	_, _ = fmt.Sscanf(name, "c%d", &n)
	return n
}

// same says that two values show the same.
func same(a, b *value.Value) bool {
	if a.Null || b.Null {
		return a.Null && b.Null
	}
	if a.Type.IsScalar() {
		return a.Int == b.Int
	}
	if len(a.List()) != len(b.List()) || a.Truncated != b.Truncated || !bytes.Equal(a.Bytes, b.Bytes) {
		return false
	}
	for i := range a.List() {
		if !same(&a.List()[i], &b.List()[i]) {
			return false
		}
	}
	return true
}

func describe(v *value.Value) string {
	switch {
	case v.Null:
		return "null"
	case v.Type.IsScalar() && v.Type.Signed:
		return fmt.Sprintf("%d (%#x)", int64(v.Int), v.Int)
	case v.Type.IsScalar():
		return fmt.Sprintf("%d (%#x)", v.Int, v.Int)
	}
	out := fmt.Sprintf("%q", v.Bytes)
	if v.Type.Kind == types.List || v.Type.Kind == types.Array {
		var parts []string
		for i := range v.List() {
			parts = append(parts, describe(&v.List()[i]))
		}
		out = "[" + strings.Join(parts, ", ") + "]"
	}
	if v.Truncated {
		out += " cut"
	}
	return out
}

// newTrial prepares this kernel; the test's thread stays its own.
func newTrial(t *testing.T, r *rand.Rand) *trial {
	t.Helper()
	tr := &trial{t: t, facts: fixture(t), m: newMachine(t, r)}
	runtime.LockOSThread()
	t.Cleanup(func() {
		setComm(t, "differ")
		runtime.UnlockOSThread()
	})
	return tr
}

// TestKernelAgreesWithEvaluator is the differential test. It stops at the first
// difference; TRACER_DIFFER_ALL goes on and is brief about each.
func TestKernelAgreesWithEvaluator(t *testing.T) {
	const inputs = 96
	base := seed(t)
	tr := newTrial(t, rand.New(rand.NewPCG(base, 2)))
	for i := range specs(t, 1200) {
		r := rand.New(rand.NewPCG(base, uint64(1000+i)))
		p := generateProbe(r, 1+r.IntN(maxColumns))
		in := make([]*input, inputs)
		for k := range in {
			in[k] = randomInput(r, tr.m.memory, p.event)
		}
		tr.check(p, in)
	}
	t.Logf("%d rows, %d values agree; %d specs were too much for the verifier as a whole", tr.rows, tr.ran, tr.split)
}

// maxColumns is the size of a generated probe.
const maxColumns = 12

// fewColumns is how many columns of random expressions the verifier must
// always be able to follow.
const fewColumns = 3

// check tries a probe. One that has so many branches that the verifier gives
// up is tried in parts: that is a limit of size, which a spec can meet too.
func (tr *trial) check(p *probe, in []*input) {
	tr.t.Helper()
	d, err := tr.try(p, in)
	switch {
	case err != nil && len(p.columns) > fewColumns && strings.Contains(err.Error(), "program is too large"):
		tr.split++
		half := len(p.columns) / 2
		tr.check(&probe{p.event, p.where, p.columns[:half]}, in)
		tr.check(&probe{p.event, p.where, p.columns[half:]}, in)
	case err != nil:
		tr.report(tr.explainRefused(p, err))
	case d != nil:
		tr.report(tr.explain(d))
	}
}

// report ends the test, or says only the beginning and lets it go on.
func (tr *trial) report(text string) {
	tr.t.Helper()
	if os.Getenv("TRACER_DIFFER_ALL") == "" {
		tr.t.Fatal(text)
	}
	if i := strings.Index(text, "func \""); i > 0 {
		text = text[:i]
	}
	tr.t.Error(text)
}
