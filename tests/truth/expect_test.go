package truth

import (
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// exact is a run and all that must come of it.
type exact struct {
	name string
	run
	// tables are the whole content of the named tables at the end.
	tables map[string]rows
	// taken is, by probe, how many events were not skipped.
	taken map[string]int
	// counters are, by probe, counters with their exact value.
	counters map[string]counters
	// events are all streamed rows, in order; nil: not compared.
	events []map[string]string
}

func (e exact) check(t *testing.T) result {
	t.Helper()
	got := e.do(t)
	for tries := 3; tries > 0 && e.preempted(t, got); tries-- {
		got = e.do(t)
	}
	for name, want := range e.tables {
		compareRows(t, name, got.table(t, name).rows, want)
	}
	for probe, want := range e.taken {
		if n := got.counters(t, probe).taken(); n != uint64(want) {
			t.Errorf("%s: %d events taken (%v), want %d", probe, n, got.counters(t, probe), want)
		}
		for _, name := range []string{"lost", "missed", "rejected_keys", "unmatched", "evicted"} {
			if _, given := e.counters[probe][name]; !given && got.counters(t, probe)[name] != 0 {
				t.Errorf("%s: %s is %d, want 0", probe, name, got.counters(t, probe)[name])
			}
		}
	}
	for probe, want := range e.counters {
		for name, n := range want {
			if value, ok := got.counters(t, probe)[name]; !ok || value != n {
				t.Errorf("%s: %s is %d (known: %t), want %d", probe, name, value, ok, n)
			}
		}
	}
	if e.events != nil {
		compareEvents(t, got.output.events, e.events)
	}
	return got
}

// preempted says that the kernel missed events because it does not run a program
// amid itself, and may preempt it (since 7.2): then a run says nothing about the
// others. TestPreemptedProgramsCountOrMiss looks at those runs.
func (e exact) preempted(t *testing.T, got result) bool {
	t.Helper()
	for probe, c := range got.summary {
		if _, given := e.counters[probe]["missed"]; !given && c["missed"] > 0 && faultable(t) {
			t.Logf("%s was preempted: %d events missed; once more", probe, c["missed"])
			return true
		}
	}
	return false
}

// runAll runs each row as a test of its own.
func runAll(t *testing.T, all []exact) {
	t.Helper()
	for _, e := range all {
		t.Run(e.name, func(t *testing.T) { e.check(t) })
	}
}

// compareRows says which rows and columns differ, a few at most.
func compareRows(t *testing.T, name string, got, want rows) {
	t.Helper()
	var wrong []string
	for _, key := range slices.Sorted(maps.Keys(want)) {
		row, ok := got[key]
		if !ok {
			wrong = append(wrong, fmt.Sprintf("row %q is missing", key))
			continue
		}
		for _, column := range slices.Sorted(maps.Keys(want[key])) {
			if !sameValue(row[column], want[key][column]) {
				wrong = append(wrong, fmt.Sprintf("row %q, column %s:\n      got %s\n     want %s", key, column, row[column], want[key][column]))
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[key]; !ok {
			wrong = append(wrong, fmt.Sprintf("row %q should not be: %v", key, got[key]))
		}
	}
	report(t, "table "+name, wrong)
}

func compareEvents(t *testing.T, got []event, want []map[string]string) {
	t.Helper()
	var wrong []string
	if len(got) != len(want) {
		wrong = append(wrong, fmt.Sprintf("%d rows, want %d", len(got), len(want)))
	}
	for i := range min(len(got), len(want)) {
		for _, column := range slices.Sorted(maps.Keys(want[i])) {
			if g := got[i].fields[column]; !sameValue(g, want[i][column]) {
				wrong = append(wrong, fmt.Sprintf("row %d, column %s:\n      got %.400q\n     want %.400q", i, column, g, want[i][column]))
			}
		}
	}
	report(t, "stream", wrong)
}

func report(t *testing.T, what string, wrong []string) {
	t.Helper()
	if len(wrong) == 0 {
		return
	}
	more := ""
	if n := len(wrong) - 8; n > 0 {
		wrong, more = wrong[:8], fmt.Sprintf("\n  and %d more", n)
	}
	t.Errorf("%s:\n  %s%s", what, strings.Join(wrong, "\n  "), more)
}

// sameValue compares canonical texts; "~1.5" is a number that may be off by
// rounding.
func sameValue(got, want string) bool {
	about, ok := strings.CutPrefix(want, "~")
	if !ok {
		return got == want
	}
	w, err := strconv.ParseFloat(about, 64)
	g, err2 := strconv.ParseFloat(got, 64)
	return err == nil && err2 == nil && math.Abs(g-w) <= 1e-9*math.Abs(w)
}

// text is a number as the output has it.
func text[T ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64](v T) string {
	return fmt.Sprint(v)
}

// column is what aggregate functions make of the values it is given.
type column struct {
	count    uint64
	sum      int64 // wraps
	min, max int64
	float    float64
	slots    map[int]uint64
	linear   func(int64) int
	bounds   func(slot int) (ge, lt string)
}

// newColumn counts a histogram of powers of two.
func newColumn() *column {
	return &column{slots: map[int]uint64{}, bounds: powerBounds, linear: powerSlot}
}

// newLinear counts a linear histogram.
func newLinear(lo, hi, step int64) *column {
	last := int((hi - lo + step - 1) / step)
	return &column{
		slots: map[int]uint64{},
		linear: func(v int64) int {
			switch {
			case v < lo:
				return -1
			case v >= hi:
				return last
			}
			return int((v - lo) / step)
		},
		bounds: func(slot int) (string, string) {
			ge, lt := text(lo+int64(slot)*step), text(min(lo+int64(slot+1)*step, hi))
			switch slot {
			case -1:
				return "-inf", text(lo)
			case last:
				return text(hi), "inf"
			}
			return ge, lt
		},
	}
}

func powerSlot(v int64) int {
	if v < 0 {
		return -1
	}
	return bits.Len64(uint64(v))
}

func powerBounds(slot int) (ge, lt string) {
	switch slot {
	case -1:
		return "-inf", "0"
	case 0:
		return "0", "1"
	case 63:
		return text(int64(1) << 62), "inf"
	}
	return text(int64(1) << (slot - 1)), text(int64(1) << slot)
}

func (c *column) add(v int64) {
	if c.count == 0 {
		c.min, c.max = v, v
	}
	c.count++
	c.sum += v
	c.float += float64(v)
	c.min, c.max = min(c.min, v), max(c.max, v)
	c.slots[c.linear(v)]++
}

func (c *column) histogram() string {
	s := fmt.Sprintf("count=%d sum=%d", c.count, c.sum)
	for _, slot := range slices.Sorted(maps.Keys(c.slots)) {
		ge, lt := c.bounds(slot)
		s += fmt.Sprintf(" [%s,%s)=%d", ge, lt, c.slots[slot])
	}
	return s
}

func (c *column) avg() string {
	return "~" + strconv.FormatFloat(c.float/float64(c.count), 'g', -1, 64)
}
