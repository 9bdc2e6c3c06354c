package differ

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
)

// expressions is how many different expressions TestManyExpressionsAgree tries.
const expressions = 100_000

// TestManyExpressionsAgree is the differential test in breadth: a hundred
// thousand different small expressions over numbers, many to a program, each on
// a few inputs.
func TestManyExpressionsAgree(t *testing.T) {
	const workers, columns, inputs = 2, 20, 4
	wanted := int64(expressions)
	if testing.Short() {
		wanted /= 20
	}
	base := seed(t)
	var tried atomic.Int64
	for w := range uint64(workers) {
		t.Run(fmt.Sprintf("worker %d", w), func(t *testing.T) {
			t.Parallel()
			tr := newTrial(t, rand.New(rand.NewPCG(base, 50+w)))
			seen := map[string]bool{}
			for n := uint64(0); int64(len(seen))*workers < wanted; n++ {
				r := rand.New(rand.NewPCG(base, w<<32+n+1<<20))
				g := newGenerator(r, "numbers")
				p := &probe{event: "numbers"}
				for len(p.columns) < columns {
					c := g.make(sNumber, 1+r.IntN(3))
					if text := c.String(); !seen[text] {
						seen[text] = true
						p.columns = append(p.columns, c)
					}
				}
				in := make([]*input, inputs)
				for k := range in {
					in[k] = randomInput(r, tr.m.memory, p.event)
				}
				tr.check(p, in)
			}
			tried.Add(int64(len(seen)))
			t.Logf("%d different expressions, %d values agree; %d specs were too much for the verifier as a whole", len(seen), tr.ran, tr.split)
		})
	}
	t.Cleanup(func() {
		if !t.Failed() && tried.Load() < wanted {
			t.Errorf("%d expressions were tried, %d are wanted", tried.Load(), wanted)
		}
	})
}
