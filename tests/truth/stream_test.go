package truth

import (
	"fmt"
	"slices"
	"testing"
)

// In a flood, with whatever buffer, every event is shown, skipped or lost; what
// is shown is in order.
func TestFloodIsAccountedFor(t *testing.T) {
	n := scaled(1_000_000)
	for _, buffer := range []string{"4KiB", "64KiB", "8MiB"} {
		t.Run(buffer, func(t *testing.T) {
			got := run{
				workload: fmt.Sprintf("tw-syscalls lseek-seq %d 2 0", n),
				flags:    []string{"-buffer", buffer},
				spec: `
probe "syscall" "p" {
  target = "lseek"
  where  = comm == "truth" && args.offset % 10 != 3
  capture {
    i      = args.offset
    thread = args.whence
    comm   = comm
  }
}`,
			}.do(t)
			checkFlood(t, got, n)
		})
	}
}

func checkFlood(t *testing.T, got result, n int) {
	t.Helper()
	c, shown := got.counters(t, "syscall.p"), len(got.output.events)
	if c["events"] != c["skipped"]+c["lost"]+uint64(shown) {
		t.Errorf("%d events, but %d shown + %d skipped + %d lost = %d", c["events"], shown, c["skipped"], c["lost"],
			c["skipped"]+c["lost"]+uint64(shown))
	}
	if want := n - n/10; c.taken() != uint64(want) {
		t.Errorf("%d events taken, want %d", c.taken(), want)
	}
	if shown == 0 {
		t.Fatal("nothing was shown")
	}
	last := map[string]int{}
	times := map[string]string{}
	for row, e := range got.output.events {
		thread, i := e.fields["thread"], atoi(t, e.fields["i"])
		if before, ok := last[thread]; ok && i <= before || i%10 == 3 {
			t.Fatalf("row %d: event %d of thread %s came after %d", row, i, thread, before)
		}
		if e.time < times[thread] {
			t.Fatalf("row %d: its time %s is before the last of its thread, %s", row, e.time, times[thread])
		}
		if e.fields["comm"] != "truth" {
			t.Fatalf("row %d is of %q", row, e.fields["comm"])
		}
		last[thread], times[thread] = i, e.time
	}
}

// A load that the buffer can hold loses nothing.
func TestStreamThatFitsLosesNothing(t *testing.T) {
	const n = 20_000
	got := run{
		workload: fmt.Sprintf("tw-syscalls lseek-seq %d 2 0", n),
		flags:    []string{"-buffer", "8MiB"},
		spec: `
probe "syscall" "p" {
  target = "lseek"
  where  = comm == "truth"
  capture {
    i = args.offset
  }
}`,
	}.do(t)
	seen := make([]int, 0, n)
	for _, e := range got.output.events {
		seen = append(seen, atoi(t, e.fields["i"]))
	}
	slices.Sort(seen)
	for i := range n {
		if i >= len(seen) || seen[i] != i {
			t.Fatalf("of %d events %d were shown; number %d is the first that is not there", n, len(seen), i)
		}
	}
	if c := got.counters(t, "syscall.p"); c["lost"] != 0 || len(seen) != n {
		t.Errorf("%d shown and %d lost, want %d and 0", len(seen), c["lost"], n)
	}
}

// A probe may both stream and aggregate; what was skipped by either is told.
func TestStreamBesideAggregate(t *testing.T) {
	const n = 5000
	got := run{
		workload: fmt.Sprintf("tw-syscalls lseek-seq %d 1 0", n),
		spec: `
probe "syscall" "p" {
  target = "lseek"
  where  = comm == "truth" && args.offset >= 1000
  stream = args.offset % 100 == 0
  capture {
    i      = args.offset
    square = args.offset * args.offset
  }
  aggregate "t" {
    where  = args.offset % 2 == 0
    values = { n = count(), squares = sum(capture.square) }
  }
}`,
	}.do(t)
	var events []map[string]string
	squares, count := 0, 0
	for i := 1000; i < n; i++ {
		if i%100 == 0 {
			events = append(events, map[string]string{"i": text(i), "square": text(i * i)})
		}
		if i%2 == 0 {
			squares += i * i
			count++
		}
	}
	compareEvents(t, got.output.events, events)
	compareRows(t, "t", got.table(t, "t").rows, rows{"": {"n": text(count), "squares": text(squares)}})
	if c := got.counters(t, "syscall.p"); c.taken() != n-1000 {
		t.Errorf("%d events taken, want %d", c.taken(), n-1000)
	}
}

func TestSampleHandlesOneInSoMany(t *testing.T) {
	const n = 100_000
	got := run{
		workload: fmt.Sprintf("tw-syscalls getppid %d 2", n),
		spec: `
probe "syscall" "p" {
  target = "getppid"
  where  = comm == "truth"
  sample = 10
  aggregate "t" {
    values = { n = count() }
  }
}`,
	}.do(t)
	c := got.counters(t, "syscall.p")
	row := got.table(t, "t").rows[""]
	if handled := atoi(t, row["n"]); uint64(handled) != c.taken() || handled < n/20 || handled > n/5 {
		t.Errorf("%d events counted and %d taken (%v), want the same, about %d", handled, c.taken(), c, n/10)
	}
}
