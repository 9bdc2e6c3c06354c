package truth

import (
	"fmt"
	"testing"
)

// fibCalls is how many calls of fib(k) one call of fib(n) makes.
func fibCalls(n, k int) int {
	if k == 0 {
		return fib(n - 1)
	}
	return fib(n - k + 1)
}

func fib(n int) int {
	a, b := 0, 1
	for range n {
		a, b = b, a+b
	}
	return a
}

// Recursive calls of several threads: each return finds its own entry.
func TestRecursionPairs(t *testing.T) {
	depth, threads := 20, 3
	if testing.Short() {
		depth = 12
	}
	want, calls := rows{}, 0
	for k := range depth + 1 {
		n := threads * fibCalls(depth, k)
		calls += n
		want[fmt.Sprintf("argument=%d entered=%d result=%d", k, k, fib(k))] = map[string]string{"n": text(n)}
	}
	for _, row := range []struct{ name, program, binary, signature string }{
		{"by signature", "tw-functions", "tw-functions", `"uint64_t tw_fib(unsigned n)"`},
		{"by debug information", "tw-functions", "tw-functions", "null"},
		{"in a library", "tw-functions-shared", "libtwfn.so", `"uint64_t (unsigned n)"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.signature == "null" {
				needDebugInformation(t)
			}
			got := exact{
				run: run{workload: fmt.Sprintf("%s fib %d %d", row.program, depth, threads), spec: fmt.Sprintf(`
probe "uretprobe" "p" {
  binary    = "WORKLOADS/%s"
  target    = "tw_fib"
  signature = %s
  aggregate "t" {
    by     = { entered = entry(args[0]), argument = args.n, result = retval }
    values = { n = count() }
  }
  aggregate "time" {
    values = { least = min(latency), n = count() }
  }
}`, row.binary, row.signature)},
				tables:   map[string]rows{"t": want},
				taken:    map[string]int{"uretprobe.p": calls},
				counters: map[string]counters{"uretprobe.p": {"events": uint64(calls), "skipped": 0}},
			}.check(t)
			if least := atoi(t, got.table(t, "time").rows[""]["least"]); least <= 0 {
				t.Errorf("the shortest call took %d ns, want more than 0", least)
			}
		})
	}
}

// A longer call contains the shorter ones it made.
func TestLatencyOfNestedCallsGrows(t *testing.T) {
	got := run{workload: "tw-functions fib 14 1", spec: `
probe "uretprobe" "p" {
  binary    = "WORKLOADS/tw-functions"
  target    = "tw_fib"
  signature = "uint64_t tw_fib(unsigned n)"
  aggregate "t" {
    by     = [args.n]
    values = { least = min(latency), most = max(latency) }
  }
}`}.do(t)
	table := got.table(t, "t").rows
	for n := 3; n <= 14; n++ {
		call, inner := table[fmt.Sprintf("n=%d", n)], table[fmt.Sprintf("n=%d", n-2)]
		if call == nil || inner == nil {
			t.Fatalf("fib(%d) or fib(%d) is not in the table %v", n, n-2, table)
		}
		if outer, least := atoi(t, call["most"]), atoi(t, inner["least"]); outer <= least {
			t.Errorf("the longest fib(%d) took %d ns, the shortest fib(%d) %d ns", n, outer, n-2, least)
		}
	}
}

func TestCallsThatDoNotReturn(t *testing.T) {
	// What is kept of a call decides where it is kept.
	for _, kept := range []struct{ name, column, key string }{
		{"a value", "", ""},
		{"a value and the time", ", timed = latency > 0", " timed=true"},
	} {
		t.Run(kept.name, func(t *testing.T) {
			rows := callsThatDoNotReturn(kept.column, kept.key)
			byEach(t, userPairs, rows[0].spec, func(t *testing.T, flags []string) {
				for i := range rows {
					rows[i].flags = flags
				}
				runAll(t, rows)
			})
		})
	}
}

func callsThatDoNotReturn(column, key string) []exact {
	const n, threads = 300, 2
	pair := `
probe "uretprobe" %[1]q {
  binary    = "WORKLOADS/tw-functions"
  target    = "tw_%[1]s"
  signature = "int (int n)"
  aggregate %[1]q {
    by     = { right = retval == %[2]s, same = entry(args.n) == args.n` + column + ` }
    values = { n = count(), total = sum(args.n) }
  }
}`
	sum := func(from, to, step int) (total int) {
		for i := from; i < to; i += step {
			total += i
		}
		return total
	}
	right := func(n, total int) rows {
		return rows{"right=true same=true" + key: {"n": text(n), "total": text(total)}}
	}
	return []exact{
		{
			name: "longjmp out of two frames",
			run: run{
				workload: fmt.Sprintf("tw-functions jump %d %d", n, threads),
				spec: fmt.Sprintf(pair, "outer", "args.n + 1000") + fmt.Sprintf(pair, "middle", "0 - args.n - 1") +
					fmt.Sprintf(pair, "inner", "0 - args.n"),
			},
			tables: map[string]rows{
				"outer":  right(n*threads, threads*sum(0, n, 1)),
				"middle": right(n/3*threads, threads*sum(0, n, 3)),
				"inner":  right(n/3*threads, threads*sum(0, n, 3)),
			},
			taken: map[string]int{"uretprobe.outer": n * threads, "uretprobe.middle": n / 3 * threads, "uretprobe.inner": n / 3 * threads},
		},
		{
			name: "tail call",
			run: run{
				workload: fmt.Sprintf("tw-functions tail %d %d", n, threads),
				spec:     fmt.Sprintf(pair, "tail_a", "(args.n + 1) * 2") + fmt.Sprintf(pair, "tail_b", "args.n * 2"),
			},
			tables: map[string]rows{
				"tail_a": right(n*threads, threads*sum(0, n, 1)),
				"tail_b": right(n*threads, threads*sum(1, n+1, 1)),
			},
			taken: map[string]int{"uretprobe.tail_a": n * threads, "uretprobe.tail_b": n * threads},
		},
		{
			name: "threads that end inside",
			run: run{
				workload: fmt.Sprintf("tw-functions leave %d", 50),
				spec:     fmt.Sprintf(pair, "leave", "args.n") + fmt.Sprintf(pair, "leave_outer", "args.n + 1"),
			},
			tables: map[string]rows{"leave": right(50, -sum(1, 51, 1)), "leave_outer": right(50, -sum(1, 51, 1))},
			taken:  map[string]int{"uretprobe.leave": 50, "uretprobe.leave_outer": 50},
		},
	}
}

func TestSystemCallsThatDoNotReturn(t *testing.T) {
	exact{
		run: run{workload: "tw-syscalls exits 50", spec: `
probe "syscall" "entries" {
  target = "exit"
  where  = comm == "truth"
  aggregate "entries" {
    values = { n = count() }
  }
}
probe "syscall" "returns" {
  target = "exit"
  where  = comm == "truth" && latency > 0
}`},
		tables: map[string]rows{"entries": {"": {"n": "50"}}},
		events: []map[string]string{},
		taken:  map[string]int{"syscall.entries": 50, "syscall.returns": 0},
	}.check(t)
}

// Memory that the call changes: at the entry and at the return.
func TestEntryReadsBeforeTheCall(t *testing.T) {
	var events []map[string]string
	for i := range 30 {
		after := ""
		for range 8 {
			after += string(rune('a' + i%26))
		}
		events = append(events, map[string]string{"before": "before", "after": after, "n": text(i)})
	}
	exact{
		run: run{workload: "tw-functions fill 30", spec: `
probe "uretprobe" "p" {
  binary    = "WORKLOADS/tw-functions"
  target    = "tw_fill"
  signature = "int tw_fill(char *out, int n)"
  capture {
    before = entry(str(args.out))
    after  = str(args.out)
    n      = retval
  }
}`},
		events: events, taken: map[string]int{"uretprobe.p": 30},
		counters: map[string]counters{"uretprobe.p": {"failed_reads": 0, "truncated": 0}},
	}.check(t)
}

// What the entry can decide is decided there, and counted as skipped once.
func TestConditionsAtTheEntryCountOnce(t *testing.T) {
	n := scaled(10_000)
	taken, total := 0, 0
	for i := range n {
		if i%2 == 0 && spread(i) > 1000 {
			taken++
			total += i
		}
	}
	for _, where := range []string{
		"args.index % 2 == 0 && retval > 0 && args.value > 1000",
		"args.value > 1000 && args.index % 2 == 0",
		"bitxor(retval, args.index) > 1000 && args.index % 2 == 0",
		"entry(args.index) % 2 == 0 && entry(args.value) > 1000",
	} {
		t.Run(where, func(t *testing.T) {
			spec := fmt.Sprintf(`
probe "uretprobe" "p" {
  binary    = "WORKLOADS/tw-functions"
  target    = "tw_value"
  signature = "int64_t tw_value(int64_t value, uint32_t index)"
  where     = %s
  aggregate "t" {
    values = { n = count(), total = sum(args.index) }
  }
}`, where)
			byEach(t, userPairs, spec, func(t *testing.T, flags []string) {
				exact{
					run:      run{workload: fmt.Sprintf("tw-functions value %d 2", n), spec: spec, flags: flags},
					tables:   map[string]rows{"t": {"": {"n": text(taken), "total": text(total)}}},
					counters: map[string]counters{"uretprobe.p": {"events": uint64(n), "skipped": uint64(n - taken)}},
					taken:    map[string]int{"uretprobe.p": taken},
				}.check(t)
			})
		})
	}
}

func TestSystemCallsPairWithTheirArguments(t *testing.T) {
	n := scaled(400_000)
	exact{
		run: run{workload: fmt.Sprintf("tw-syscalls sizes %d 1 8 100 4000", n/8), spec: `
probe "syscall" "p" {
  target = ["read", "write"]
  where  = comm == "truth"
  aggregate "t" {
    by     = { call = func, right = retval == args.count, same = entry(args.count) == retval }
    values = { n = count(), bytes = sum(entry(args.count)) }
  }
}`},
		tables: map[string]rows{"t": {
			"call=read right=true same=true":  {"n": text(n / 2), "bytes": text(n / 8 * 4109)},
			"call=write right=true same=true": {"n": text(n / 2), "bytes": text(n / 8 * 4109)},
		}},
		taken: map[string]int{"syscall.p": n},
	}.check(t)
}

// A call that seccomp refuses is left and was never entered: it has no latency. The
// call before it, at the end of a signal's handler, was entered and is never left.
func TestSystemCallsThatAreRefusedHaveNoEntry(t *testing.T) {
	const n = 100
	bySyscallMechanism(t, func(t *testing.T, flags []string) {
		exact{
			run: run{workload: fmt.Sprintf("tw-syscalls refused %d", n), flags: flags, spec: `
probe "syscall" "p" {
  target = ["rt_sigreturn", "getpgid"]
  where  = comm == "truth"
  aggregate "t" {
    by     = { call = func, good = retval >= 0, timed = latency > 0 }
    values = { n = count() }
  }
}`},
			tables:   map[string]rows{"t": {"call=getpgid good=true timed=true": {"n": text(n)}}},
			taken:    map[string]int{"syscall.p": n},
			counters: map[string]counters{"syscall.p": {"unmatched": n}},
		}.check(t)
	})
}
