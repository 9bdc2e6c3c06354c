package truth

import (
	"fmt"
	"strings"
	"testing"
)

// usdt is a spec that streams the named arguments of a probe of tw-usdt.
func usdt(target string, arguments int) string {
	var columns strings.Builder
	for k := range arguments {
		fmt.Fprintf(&columns, "    a%d = args[%d]\n", k, k)
	}
	if arguments == 0 {
		columns.WriteString("    where = func\n")
	}
	return fmt.Sprintf(`
probe "usdt" "p" {
  binary = "WORKLOADS/tw-usdt"
  target = %q
  capture {
%s  }
}`, target, columns.String())
}

func TestUSDTHasUpToTwelveArguments(t *testing.T) {
	const rounds = 4
	for arguments := range 13 {
		target := fmt.Sprintf("tw:args%d", arguments)
		var events []map[string]string
		for i := range rounds {
			row := map[string]string{}
			for k := range arguments {
				row[fmt.Sprintf("a%d", k)] = text(1000*i + 10*arguments + k)
			}
			if arguments == 0 {
				row["where"] = target
			}
			events = append(events, row)
		}
		t.Run(target, func(t *testing.T) {
			exact{
				run:    run{workload: fmt.Sprintf("tw-usdt counts %d", rounds), spec: usdt(target, arguments)},
				events: events, taken: map[string]int{"usdt.p": rounds},
				counters: map[string]counters{"usdt.p": {"failed_reads": 0}},
			}.check(t)
		})
	}
}

func TestUSDTOperands(t *testing.T) {
	values := []int64{0, 1, -1, 127, 128, -129, 65535, 1 << 31, -1 << 31, 1<<63 - 1, -1 << 63}
	words := make([]string, 0, len(values))
	var sizes []map[string]string
	for _, v := range values {
		words = append(words, text(v))
		sizes = append(sizes, map[string]string{
			"a0": text(int8(v)), "a1": text(uint8(v)), "a2": text(int16(v)), "a3": text(uint16(v)),
			"a4": text(int32(v)), "a5": text(uint32(v)), "a6": text(v), "a7": text(uint64(v)),
		})
	}
	const rounds = 40
	each := func(row func(i int) map[string]string) []map[string]string {
		var rows []map[string]string
		for i := range rounds {
			rows = append(rows, row(i))
		}
		return rows
	}
	workload := fmt.Sprintf("tw-usdt operands %d", rounds)
	all := []exact{
		{
			name: "every size and sign", run: run{workload: "tw-usdt integers " + strings.Join(words, " "), spec: usdt("tw:integers", 8)},
			events: sizes,
		},
		{
			name: "constants", run: run{workload: fmt.Sprintf("tw-usdt constants %d", rounds), spec: usdt("tw:constants", 6)},
			events: each(func(int) map[string]string {
				return map[string]string{"a0": "1", "a1": "-1", "a2": "255", "a3": "-32768", "a4": "4294967295", "a5": "-2147483648"}
			}),
		},
		{
			name: "on the stack", run: run{workload: workload, spec: usdt("tw:locals", 4)},
			events: each(func(i int) map[string]string {
				return map[string]string{"a0": text(i * 3), "a1": text(-i), "a2": text(i), "a3": text(int8(-i))}
			}),
		},
		{
			name: "base, index and scale", run: run{workload: workload, spec: usdt("tw:indexed", 2)},
			events: each(func(i int) map[string]string {
				return map[string]string{"a0": text(7 * (i % 16)), "a1": text(-1000 * (i%16 + 1))}
			}),
		},
		{
			name: "global variables", run: run{workload: workload, spec: usdt("tw:global", 2)},
			events: each(func(i int) map[string]string { return map[string]string{"a0": text(i), "a1": text(-i)} }),
		},
		{
			name: "written by hand", run: run{workload: workload, spec: usdt("tw:byhand", 4)},
			events: each(func(i int) map[string]string {
				return map[string]string{"a0": text(i), "a1": text(uint8(i)), "a2": "42", "a3": text(7 * (i % 16))}
			}),
		},
	}
	for i := range all {
		all[i].taken = map[string]int{"usdt.p": len(all[i].events)}
		all[i].counters = map[string]counters{"usdt.p": {"failed_reads": 0}}
	}
	runAll(t, all)
}

// One probe at three places, whose operands differ in size and sign.
func TestUSDTAtSeveralPlaces(t *testing.T) {
	const rounds = 30
	want := rows{}
	first, second, third := 0, 0, 0
	for i := range rounds {
		first += i
		if i%2 == 1 {
			second -= i
		} else {
			third += i + 1
		}
	}
	for place, row := range map[int]map[string]string{
		1: {"n": text(rounds), "total": text(first)},
		2: {"n": text(rounds / 2), "total": text(second)},
		3: {"n": text(rounds / 2), "total": text(third)},
	} {
		want[fmt.Sprintf("place=%d", place)] = row
	}
	exact{
		run: run{workload: fmt.Sprintf("tw-usdt many %d", rounds), spec: `
probe "usdt" "p" {
  binary = "WORKLOADS/tw-usdt"
  target = "tw:many"
  aggregate "t" {
    by     = { place = args[0] }
    values = { n = count(), total = sum(args[1]) }
  }
}`},
		tables: map[string]rows{"t": want},
		taken:  map[string]int{"usdt.p": 2 * rounds},
	}.check(t)
}

// A floating point argument cannot be read; the others can.
func TestUSDTBesideAFloatingPointArgument(t *testing.T) {
	var events []map[string]string
	for i := range 10 {
		events = append(events, map[string]string{"first": text(i), "third": text(-i)})
	}
	exact{
		run: run{workload: "tw-usdt real 10", spec: `
probe "usdt" "p" {
  binary = "WORKLOADS/tw-usdt"
  target = "tw:real"
  capture {
    first = args[0]
    third = args[2]
  }
}`},
		events: events, taken: map[string]int{"usdt.p": 10},
	}.check(t)
}

// The semaphore is raised while tracer runs, and low again afterwards.
func TestUSDTRaisesTheSemaphore(t *testing.T) {
	const rounds = 100
	e := exact{
		run: run{workload: fmt.Sprintf("tw-usdt guarded %d", rounds), spec: `
probe "usdt" "p" {
  binary = "WORKLOADS/tw-usdt"
  target = "tw:guarded"
  aggregate "t" {
    values = { n = count(), total = sum(args[0]) }
  }
}`},
		tables: map[string]rows{"t": {"": {"n": text(rounds), "total": text(rounds * (rounds - 1) / 2)}}},
		taken:  map[string]int{"usdt.p": rounds},
	}
	got := e.check(t)
	if semaphore := got.number(t, "semaphore"); semaphore != "1" {
		t.Errorf("the semaphore was %s while traced, want 1", semaphore)
	}
}

func TestUSDTGlobsMatchSeveralProbes(t *testing.T) {
	want := rows{}
	for arguments := range 13 {
		want[fmt.Sprintf("event=tw:args%d", arguments)] = map[string]string{"n": "5"}
	}
	exact{
		run: run{workload: "tw-usdt counts 5", spec: `
probe "usdt" "p" {
  binary = "WORKLOADS/tw-usdt"
  target = "tw:args*"
  aggregate "t" {
    by     = { event = func }
    values = { n = count() }
  }
}`},
		tables: map[string]rows{"t": want},
		taken:  map[string]int{"usdt.p": 65},
	}.check(t)
}
