package differ

import (
	"math/rand/v2"
	"strings"
	"testing"

	"tracer/interpreter/eval"
)

// TestFailedReadsAreCountedWhereTheyFail compares whether an event's reads
// failed: how many is not said, as a program reads the same memory once.
func TestFailedReadsAreCountedWhereTheyFail(t *testing.T) {
	const inputs = 24
	base := seed(t)
	r := rand.New(rand.NewPCG(base, 3))
	tr := newTrial(t, r)
	failures := 0
	for range specs(t, 150) {
		p := &probe{event: "memory", columns: []*node{newGenerator(r, "memory").make(sColumn, 1+r.IntN(4))}}
		if strings.HasPrefix(p.columns[0].text, "buf(") {
			continue // whether reading no bytes at all fails is the helper's business
		}
		v, o, err := tr.build(p)
		if err != nil {
			t.Fatal(err)
		}
		if len(v.Columns) == 0 {
			continue // it folded to null
		}
		l, err := tr.m.load(o)
		if err != nil {
			t.Fatal(tr.explainRefused(p, err))
		}
		for range inputs {
			in := randomInput(r, tr.m.memory, p.event)
			setComm(t, in.comm)
			want := eval.Expr(v.Columns[0].Expr, in.record(v.Layout, tr.m.memory)).FailedReads
			before := tr.m.failedReads(t)
			if _, err := l.run(in.context); err != nil {
				t.Fatal(err)
			}
			if got := tr.m.failedReads(t) - before; (got > 0) != (want > 0) {
				tr.report(tr.print(&difference{probe: p, in: in, want: counted(want), got: counted(int(got))}))
				break
			}
			failures += min(want, 1)
		}
		if err := l.close(); err != nil {
			t.Fatal(err)
		}
	}
	if failures == 0 {
		t.Error("no read failed: the test shows nothing")
	}
	t.Logf("%d events with failed reads agree", failures)
}

func counted(n int) string {
	if n == 0 {
		return "no failed read"
	}
	return "failed reads"
}
