package truth

import (
	"fmt"
	"strings"
	"testing"
)

func TestCompositeKeys(t *testing.T) {
	n := scaled(400_000)
	counts, totals := map[string]int{}, map[string]int64{}
	for i := range n {
		key := fmt.Sprintf("comm=truth fd=%d low=%d whence=%d", -1-i%3, spread(i)&7, i%5)
		counts[key]++
		totals[key] += spread(i)
	}
	want := rows{}
	for key := range counts {
		want[key] = map[string]string{"n": text(counts[key]), "total": text(totals[key])}
	}
	exact{
		run: run{workload: fmt.Sprintf("tw-syscalls lseek-mixed %d 2", n), spec: `
probe "syscall" "p" {
  target = "lseek"
  where  = comm == "truth"
  aggregate "t" {
    by     = { comm = comm, fd = cast("int", args.fd), whence = args.whence, low = bitand(args.offset, 7) }
    values = { n = count(), total = sum(args.offset) }
  }
}`},
		tables: map[string]rows{"t": want},
		taken:  map[string]int{"syscall.p": n},
	}.check(t)
}

// Several probes feed one table: shared columns add up, others stand beside.
func TestProbesShareATable(t *testing.T) {
	rounds := scaled(100_000)
	exact{
		run: run{workload: fmt.Sprintf("tw-syscalls sizes %d 0 5 100", rounds), spec: `
probe "syscall" "in" {
  target = "read"
  where  = comm == "truth"
  aggregate "io" {
    by     = [comm]
    values = { calls = count(), read = sum(retval), bytes = sum(retval) }
  }
}
probe "syscall" "out" {
  target = "write"
  where  = comm == "truth"
  aggregate "io" {
    by     = [comm]
    values = { calls = count(), written = sum(retval), bytes = sum(retval), largest = max(retval) }
    derive = { mean = bytes / calls }
  }
}
probe "syscall" "never" {
  target = "lseek"
  where  = comm == "truth"
  aggregate "io" {
    by     = [comm]
    values = { seeks = count() }
  }
}`},
		tables: map[string]rows{"io": {"comm=truth": {
			"calls": text(6 * rounds), "read": text(105 * rounds), "written": text(105 * rounds),
			"bytes": text(210 * rounds), "largest": "100", "seeks": "0", "mean": "~35",
		}}},
		taken: map[string]int{"syscall.in": 3 * rounds, "syscall.out": 3 * rounds, "syscall.never": 0},
	}.check(t)
}

// A full table loses nothing: rows and (other) add up to all events.
func TestFullTableKeepsTotals(t *testing.T) {
	n := scaled(400_000)
	for _, row := range []struct {
		name      string
		shift     int
		max, keys int
	}{
		{name: "a few keys too many", shift: 12, max: 16, keys: (n + 4095) / 4096},
		{name: "every key new", shift: 0, max: 64, keys: n},
		{name: "one row", shift: 4, max: 1, keys: (n + 15) / 16},
		{name: "just enough", shift: 12, max: 128, keys: (n + 4095) / 4096},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := run{workload: fmt.Sprintf("tw-syscalls lseek-seq %d 2 %d", n, row.shift), spec: fmt.Sprintf(`
probe "syscall" "p" {
  target = "lseek"
  where  = comm == "truth"
  aggregate "t" {
    by          = [args.offset]
    values      = { n = count(), total = sum(args.offset), most = max(args.offset) }
    max_entries = %d
  }
}`, row.max)}.do(t)
			checkOther(t, got, n, row.shift, min(row.max, row.keys), row.keys > row.max)
		})
	}
}

func checkOther(t *testing.T, got result, n, shift, shown int, overflows bool) {
	t.Helper()
	table := got.table(t, "t")
	var count, total, inOther int
	most := -1
	add := func(row map[string]string) {
		count += atoi(t, row["n"])
		total += atoi(t, row["total"])
		most = max(most, atoi(t, row["most"]))
	}
	for key, row := range table.rows {
		add(row)
		if row["most"] != strings.TrimPrefix(key, "offset=") {
			t.Errorf("row %s has the greatest offset %s", key, row["most"])
		}
	}
	if table.other != nil {
		add(table.other)
		inOther = atoi(t, table.other["n"])
	}
	wantTotal := 0
	for i := range n {
		wantTotal += i >> shift
	}
	if count != n || total != wantTotal || most != (n-1)>>shift {
		t.Errorf("rows and (other): %d events, sum %d, max %d; want %d, %d, %d", count, total, most, n, wantTotal, (n-1)>>shift)
	}
	if len(table.rows) != shown || overflows != (table.other != nil) {
		t.Errorf("%d rows, (other) %t; want %d, %t", len(table.rows), table.other != nil, shown, overflows)
	}
	if c := got.counters(t, "syscall.p"); c["rejected_keys"] != uint64(inOther) || c.taken() != uint64(n) {
		t.Errorf("rejected_keys is %d and %d events taken, want %d and %d", c["rejected_keys"], c.taken(), inOther, n)
	}
}

// What adds up to nothing is in (other) all the same, and so are rows of it that
// are printed at an interval.
func TestFullTableOfZeroSums(t *testing.T) {
	for _, interval := range []string{"", `interval = "10s"`} {
		got := run{workload: "tw-syscalls lseek-seq 100 1 0", spec: `
probe "syscall" "p" {
  target = "lseek"
  where  = comm == "truth"
  aggregate "t" {
    by          = [args.offset]
    values      = { zero = sum(args.offset - args.offset) }
    max_entries = 4
    ` + interval + `
  }
}`}.do(t)
		table := got.table(t, "t")
		if len(table.rows) != 4 || table.other["zero"] != "0" {
			t.Errorf("%s: %d rows and (other) %v, want 4 and a sum of 0", interval, len(table.rows), table.other)
		}
		if c := got.counters(t, "syscall.p"); c["rejected_keys"] != 96 {
			t.Errorf("%s: rejected_keys is %d, want 96", interval, c["rejected_keys"])
		}
	}
}

// What intervals print, added up, is exact under full load, also while the
// keys change all the time.
func TestIntervalsAddUp(t *testing.T) {
	n := scaled(12_000_000)
	for _, row := range []struct {
		name  string
		shift int
	}{
		{"few keys", 16},
		{"keys churn", 8},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := run{workload: fmt.Sprintf("tw-syscalls lseek-seq %d 2 %d", n, row.shift), spec: `
probe "syscall" "p" {
  target = "lseek"
  where  = comm == "truth"
  aggregate "t" {
    by       = [args.offset]
    values   = { n = count(), total = sum(args.offset), least = min(args.offset) }
    interval = "100ms"
    max_entries = 65536
  }
}`}.do(t)
			checkIntervals(t, got, n, row.shift)
		})
	}
}

func checkIntervals(t *testing.T, got result, n, shift int) {
	t.Helper()
	counts, prints := map[string]int{}, 0
	for _, table := range got.tables {
		if table.other != nil {
			t.Errorf("an interval has an (other) row: %v", table.other)
		}
		if len(table.rows) > 0 {
			prints++
		}
		for key, row := range table.rows {
			counts[key] += atoi(t, row["n"])
			offset := strings.TrimPrefix(key, "offset=")
			if row["least"] != offset || atoi(t, row["total"]) != atoi(t, offset)*atoi(t, row["n"]) {
				t.Errorf("interval row %s does not agree with itself: %v", key, row)
			}
		}
	}
	if !testing.Short() && prints < 3 {
		t.Errorf("%d prints with rows, want several", prints)
	}
	want := map[string]int{}
	for i := range n {
		want[fmt.Sprintf("offset=%d", i>>shift)]++
	}
	var wrong []string
	for key, w := range want {
		if counts[key] != w {
			wrong = append(wrong, fmt.Sprintf("%s: %d, want %d", key, counts[key], w))
		}
	}
	if len(counts) != len(want) {
		wrong = append(wrong, fmt.Sprintf("%d keys, want %d", len(counts), len(want)))
	}
	report(t, fmt.Sprintf("%d prints together", len(got.tables)), wrong)
	if c := got.counters(t, "syscall.p"); c.taken() != uint64(n) {
		t.Errorf("%d events taken, want %d", c.taken(), n)
	}
}

func TestSortTopAndHaving(t *testing.T) {
	got := run{workload: "tw-syscalls lseek-seq 1000 1 0", spec: `
probe "syscall" "p" {
  target = "lseek"
  where  = comm == "truth"
  aggregate "t" {
    by     = { group = args.offset / 100 }
    values = { n = count(), total = sum(args.offset) }
    having = total > 20000
    sort   = "total"
    top    = 3
  }
}`}.do(t)
	table := got.table(t, "t")
	// Group g adds up to 10000 g + 4950: 2 to 9 are over 20000, 3 are shown.
	compareRows(t, "t", table.rows, rows{
		"group=9": {"n": "100", "total": "94950"},
		"group=8": {"n": "100", "total": "84950"},
		"group=7": {"n": "100", "total": "74950"},
	})
	if table.leftOut != 5 {
		t.Errorf("left_out is %d, want 5", table.leftOut)
	}
}

func TestCumulativeIntervalsGrow(t *testing.T) {
	n := scaled(1_000_000)
	got := run{workload: fmt.Sprintf("tw-syscalls getppid %d 2", n), spec: `
probe "syscall" "p" {
  target = "getppid"
  where  = comm == "truth"
  aggregate "t" {
    values     = { n = count() }
    interval   = "100ms"
    cumulative = true
  }
}`}.do(t)
	last := 0
	for _, table := range got.tables {
		row, ok := table.rows[""]
		if !ok {
			continue
		}
		if now := atoi(t, row["n"]); now < last {
			t.Errorf("the count went from %d to %d", last, now)
		} else {
			last = now
		}
	}
	if last != n {
		t.Errorf("the last print has %d, want %d", last, n)
	}
}

// Numbers that are shown alike are one row, and a comparison with what is shown
// means all of them.
func TestNumbersShownAlikeAreOneRow(t *testing.T) {
	spec := func(where, by string) string {
		return fmt.Sprintf(`
probe "syscall" "p" {
  target = "lseek"
  where  = comm == "truth"%s
  aggregate "t" {
    by     = { k = %s }
    values = { n = count(), total = sum(args.offset) }
  }
}`, where, by)
	}
	// lseek(-1, …) fails, whatever the offsets are.
	const workload = "tw-syscalls lseek-list -3 -2 -1 0 1 2 3 4 5"
	const table = `{ 0 = "ok", 1 = "bad", 2 = "bad", -3 = "worse" }`
	row := func(n, total int) map[string]string { return map[string]string{"n": text(n), "total": text(total)} }
	var all []exact
	for _, e := range []struct {
		name, where, by string
		want            rows
	}{
		{"what is no error", "", "errno(args.offset)", rows{"k=ESRCH": row(1, -3), "k=ENOENT": row(1, -2), "k=EPERM": row(1, -1), "k=null": row(6, 15)}},
		{"what is no error, in a text", "", `"<${errno(args.offset)}>"`, rows{"k=<ESRCH>": row(1, -3), "k=<ENOENT>": row(1, -2), "k=<EPERM>": row(1, -1), "k=<>": row(6, 15)}},
		{"what may be null", "", "args.offset > 4 ? null : errno(args.offset + 2)", rows{"k=EPERM": row(1, -3), "k=null": row(8, 12)}},
		{"one name of two numbers", "", "lookup(" + table + ", args.offset)", rows{
			"k=worse": row(1, -3), "k=-2": row(1, -2), "k=-1": row(1, -1), "k=ok": row(1, 0), "k=bad": row(2, 3),
			"k=3": row(1, 3), "k=4": row(1, 4), "k=5": row(1, 5),
		}},
		{"a default", "", "lookup(" + table + `, args.offset, "other")`, rows{"k=worse": row(1, -3), "k=ok": row(1, 0), "k=bad": row(2, 3), "k=other": row(5, 9)}},
		{"a default that is a name", "", "lookup(" + table + `, args.offset, "bad")`, rows{"k=worse": row(1, -3), "k=ok": row(1, 0), "k=bad": row(7, 12)}},
		{"numbers above the largest signed", "", `lookup({ 18446744073709551613 = "worse", 0 = "ok" }, cast("unsigned long", args.offset), "other")`, rows{"k=worse": row(1, -3), "k=ok": row(1, 0), "k=other": row(7, 12)}},
		{"equal to a name of two numbers", " && lookup(" + table + `, args.offset) == "bad"`, "args.offset", rows{"k=1": row(1, 1), "k=2": row(1, 2)}},
		{"unlike a name of two numbers", " && args.offset >= 0 && lookup(" + table + `, args.offset) != "bad"`, "args.offset > 0", rows{"k=false": row(1, 0), "k=true": row(3, 12)}},
		{"among names of numbers", ` && contains(["bad", "worse"], lookup(` + table + `, args.offset))`, "args.offset", rows{"k=-3": row(1, -3), "k=1": row(1, 1), "k=2": row(1, 2)}},
	} {
		all = append(all, exact{name: e.name, run: run{workload: workload, spec: spec(e.where, e.by)}, tables: map[string]rows{"t": e.want}})
	}
	runAll(t, all)
}
