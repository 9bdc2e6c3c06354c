package differ

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"tracer/interpreter/check"
)

// accepted is what a run of TestWhatTheCheckerAcceptsLoads came to.
type accepted struct {
	sync.Mutex
	next, wanted int
	end          time.Time
	loaded       map[string]int // by the type of the first probe
	none         int            // targets that cannot be probed
	refused      map[string]int // by what the checker said
	large        int
	words        map[string]int // names that loaded specs mention
	failed       int
}

// acceptCount is how many specs to load: TRACER_ACCEPT, or usual; and until
// when: TRACER_ACCEPT_FOR after now, or for ever.
func acceptCount(t *testing.T, usual int) (int, time.Time) {
	t.Helper()
	end := time.Now().Add(24 * time.Hour)
	if text := os.Getenv("TRACER_ACCEPT_FOR"); text != "" {
		limit, err := time.ParseDuration(text)
		if err != nil {
			t.Fatalf("TRACER_ACCEPT_FOR: %v", err)
		}
		end = time.Now().Add(limit)
	}
	text := os.Getenv("TRACER_ACCEPT")
	if text == "" {
		return usual, end
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("TRACER_ACCEPT: %v", err)
	}
	return n, end
}

// spec writes spec number i of a run.
func (a *acceptance) spec(base uint64, i int) *document {
	return a.write(rand.New(rand.NewPCG(base, uint64(9000+i))), probeTypes[i%len(probeTypes)])
}

// TestWhatTheCheckerAcceptsLoads is the acceptance test on this kernel: random
// specs of all probe types that the checker accepts are accepted by the kernel.
// TRACER_ACCEPT_SPEC is the number of the only spec to try.
func TestWhatTheCheckerAcceptsLoads(t *testing.T) {
	const workers, usual = 2, 2000
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // the types of the kernel are many, and stay
	base := seed(t)
	run := &accepted{loaded: map[string]int{}, refused: map[string]int{}, words: map[string]int{}}
	run.wanted, run.end = acceptCount(t, usual)
	if text := os.Getenv("TRACER_ACCEPT_SPEC"); text != "" {
		run.only(t, base, text)
		return
	}
	start := time.Now()
	t.Run("workers", func(t *testing.T) {
		for w := range workers {
			t.Run(strconv.Itoa(w), func(t *testing.T) {
				t.Parallel()
				run.work(t, newAcceptance(t), base)
			})
		}
	})
	run.report(t, time.Since(start), base)
}

// only tries one spec, and says all about it.
func (run *accepted) only(t *testing.T, base uint64, text string) {
	t.Helper()
	i, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("TRACER_ACCEPT_SPEC: %v", err)
	}
	a := newAcceptance(t)
	d := a.spec(base, i)
	if d == nil {
		t.Fatal("the targets chosen cannot be probed")
	}
	t.Logf("pid %d, mechanism %q, without %v\n%s", d.pid, d.force, d.without, d)
	if v := a.accept(d); v.err != nil {
		t.Fatal(a.explain(d))
	} else if v.refused+v.large != "" {
		t.Log(v.refused + v.large)
	}
}

// take gives the number of the next spec; false if there have been enough.
func (run *accepted) take() (int, bool) {
	run.Lock()
	defer run.Unlock()
	run.next++
	n := 0
	for _, k := range run.loaded {
		n += k
	}
	return run.next - 1, n < run.wanted && run.failed == 0 && time.Now().Before(run.end)
}

// work loads specs until there are enough.
func (run *accepted) work(t *testing.T, a *acceptance, base uint64) {
	for {
		i, ok := run.take()
		if !ok {
			return
		}
		d := a.spec(base, i)
		v := verdict{}
		if d != nil {
			v = a.accept(d)
		}
		if v.err != nil {
			t.Errorf("TRACER_DIFFER_SEED=%d TRACER_ACCEPT_SPEC=%d: %s", base, i, a.explain(d))
		}
		run.count(t, i, d, v)
		if v.refused != "" && os.Getenv("TRACER_DIFFER_REFUSED") != "" {
			t.Logf("spec %d: %s\n%s", i, v.refused, d)
		}
	}
}

// mentions are the names of the language that a spec has, in any order: what its
// expressions begin with, and the functions that they call.
func mentions(spec string) ([]string, error) {
	file, diags := hclsyntax.ParseConfig([]byte(spec), "spec.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		return nil, diags
	}
	var names []string
	_ = hclsyntax.VisitAll(file.Body.(*hclsyntax.Body), func(n hclsyntax.Node) hcl.Diagnostics {
		switch e := n.(type) {
		case *hclsyntax.ScopeTraversalExpr:
			names = append(names, e.Traversal.RootName())
		case *hclsyntax.FunctionCallExpr:
			names = append(names, e.Name)
		}
		return nil
	})
	return names, nil
}

func TestMentions(t *testing.T) {
	names, err := mentions(`probe "kprobe" "p" {
  target = "saved_*"
  capture {
    ustack = args.saved.kstack
    text   = "<${hex(pid)}|${str(cast("struct saved *", args[0]).name)}>"
  }
}`)
	slices.Sort(names) // attributes are walked in any order
	if want := []string{"args", "args", "cast", "hex", "pid", "str"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("%v, %v, want %v", names, err, want)
	}
}

func (run *accepted) count(t *testing.T, i int, d *document, v verdict) {
	run.Lock()
	defer run.Unlock()
	switch {
	case d == nil:
		run.none++
	case v.refused != "":
		run.refused[reason(v.refused)]++
	case v.large != "":
		run.large++
	case v.err != nil:
		if os.Getenv("TRACER_DIFFER_ALL") == "" {
			run.failed++
		}
	default:
		run.loaded[probeTypes[i%len(probeTypes)]]++
		names, err := mentions(d.String())
		if err != nil {
			t.Errorf("spec %d: %v", i, err)
		}
		for _, name := range names {
			run.words[name]++
		}
	}
}

// reason is what the checker's error is about, without its place.
func reason(text string) string {
	if parts := strings.SplitN(text, ": ", 3); len(parts) == 3 {
		return parts[1]
	}
	return text
}

// enough is how many loaded specs must have mentioned everything.
const enough = 1500

// mostRefused is which part of the specs the checker may refuse: they are meant
// to be well-typed.
const mostRefused = 0.1

func (run *accepted) report(t *testing.T, took time.Duration, base uint64) {
	t.Helper()
	loaded, refused := 0, 0
	for _, n := range run.loaded {
		loaded += n
	}
	for _, n := range run.refused {
		refused += n
	}
	reasons := slices.SortedFunc(maps.Keys(run.refused), func(a, b string) int { return cmp.Compare(run.refused[b], run.refused[a]) })
	for i, r := range reasons {
		reasons[i] = fmt.Sprintf("%d × %s", run.refused[r], r)
	}
	t.Logf("TRACER_DIFFER_SEED=%d: %d specs loaded in %v %v; %d too large for a program, %d refused by the checker (%s), %d without a target",
		base, loaded, took.Round(time.Second), run.loaded, run.large, refused, strings.Join(reasons, ", "), run.none)
	if t.Failed() {
		return
	}
	for _, probeType := range probeTypes {
		if run.loaded[probeType] == 0 && loaded > enough {
			t.Errorf("%s: no spec was loaded", probeType)
		}
	}
	if total := loaded + refused + run.large; float64(refused+run.large) > mostRefused*float64(total) {
		t.Errorf("of %d specs %d were refused: the generator writes what is not well-typed", total, refused+run.large)
	}
	if loaded >= enough {
		run.mentioned(t)
	}
}

// notMentioned are names of the language that no generated spec has, and why.
var notMentioned = map[string]string{
	"kstack": "stacks are not in this version",
	"ustack": "stacks are not in this version",
	"saved":  "saved entries are not in this version",
}

// mentioned checks that everything that the language has was among what loaded.
func (run *accepted) mentioned(t *testing.T) {
	t.Helper()
	want := map[string]string{}
	for _, f := range check.Functions() {
		if f.Later == "" && f.Phase != check.PlanTime {
			want[f.Name] = "function"
		}
	}
	for _, b := range check.Builtins() {
		want[b.Name] = "name"
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		_, excused := notMentioned[name]
		switch {
		case run.words[name] == 0 && !excused:
			t.Errorf("no loaded spec has the %s %s: let the generator write it", want[name], name)
		case run.words[name] > 0 && excused:
			t.Errorf("a spec has %s, and notMentioned says that none does", name)
		}
	}
}
