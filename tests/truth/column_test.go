package truth

import (
	"fmt"
	"strings"
	"testing"
)

// Each aggregate function against the same computed here.

func TestAggregateFunctions(t *testing.T) {
	n := scaled(200_000)
	power, steps, ragged := newColumn(), newLinear(0, 1000, 100), newLinear(-100, 250, 100)
	for i := range n {
		v := spread(i)
		power.add(v % 1000)
		steps.add(v % 1000)
		ragged.add(v % 1000)
	}
	exact{
		run: run{
			workload: fmt.Sprintf("tw-syscalls lseek-mixed %d 2", n),
			spec: `
probe "syscall" "p" {
  target = "lseek"
  where  = comm == "truth"
  locals {
    v = args.offset % 1000
  }
  aggregate "columns" {
    values = {
      n      = count()
      total  = sum(local.v)
      mean   = avg(local.v)
      least  = min(local.v)
      most   = max(local.v)
      power  = hist(local.v)
      steps  = linear(local.v, 0, 1000, 100)
      ragged = linear(local.v, -100, 250, 100)
    }
  }
}`,
		},
		tables: map[string]rows{"columns": {"": {
			"n": text(n), "total": text(power.sum), "mean": power.avg(), "least": text(power.min), "most": text(power.max),
			"power": power.histogram(), "steps": steps.histogram(), "ragged": ragged.histogram(),
		}}},
		taken: map[string]int{"syscall.p": n},
	}.check(t)
}

func TestExtremes(t *testing.T) {
	values := []string{
		"-9223372036854775808", "-9007199254740993", "-4294967297", "-2147483648", "-1", "0", "1",
		"2147483647", "4294967296", "9007199254740993", "9223372036854775807",
	}
	var events []map[string]string
	for _, v := range values {
		events = append(events, map[string]string{"offset": v, "fd": "4294967295", "signed": "-1"})
	}
	workload := "tw-syscalls lseek-list " + strings.Join(values, " ")
	runAll(t, []exact{
		{
			name: "streamed",
			run: run{workload: workload, spec: `
probe "syscall" "p" {
  target = "lseek"
  where  = comm == "truth"
  capture {
    offset = args.offset
    fd     = args.fd
    signed = cast("int", args.fd)
  }
}`},
			events: events, taken: map[string]int{"syscall.p": len(values)},
		},
		{
			name: "aggregated",
			run: run{workload: workload, spec: `
probe "syscall" "p" {
  target = "lseek"
  where  = comm == "truth"
  aggregate "t" {
    values = {
      least    = min(args.offset)
      most     = max(args.offset)
      last     = last(args.offset)
      unsigned = max(cast("unsigned long", args.offset))
      fd       = min(cast("int", args.fd))
      error    = min(retval)
    }
  }
}`},
			tables: map[string]rows{"t": {"": {
				"least": values[0], "most": values[len(values)-1], "last": values[len(values)-1],
				"unsigned": "18446744073709551615", "fd": "-1", "error": "-9",
			}}},
		},
		{
			name: "keys",
			run: run{workload: workload, spec: `
probe "syscall" "p" {
  target = "lseek"
  where  = comm == "truth" && args.offset < 0
  aggregate "t" {
    by     = [args.offset]
    values = { n = count() }
  }
}`},
			tables: map[string]rows{"t": {
				"offset=-9223372036854775808": {"n": "1"}, "offset=-9007199254740993": {"n": "1"},
				"offset=-4294967297": {"n": "1"}, "offset=-2147483648": {"n": "1"}, "offset=-1": {"n": "1"},
			}},
		},
		{
			name: "negative file descriptors",
			run: run{workload: "tw-syscalls close -1 -2147483648 2147483647 -1", spec: `
probe "syscall" "p" {
  target = "close"
  where  = comm == "truth"
  aggregate "t" {
    by     = { fd = cast("int", args.fd), error = errno(retval) }
    values = { n = count() }
  }
}`},
			tables: map[string]rows{"t": {
				"error=EBADF fd=-1": {"n": "2"}, "error=EBADF fd=-2147483648": {"n": "1"}, "error=EBADF fd=2147483647": {"n": "1"},
			}},
		},
		{ // -6 in 8 bytes and in 4, and 1 below 4 bytes that the kernel does not see
			name: "clocks of 32 bits",
			run: run{workload: "tw-syscalls clocks -6 4294967290 4294967297 1", spec: `
probe "syscall" "p" {
  target = "clock_getres"
  where  = comm == "truth"
  aggregate "t" {
    by     = { clock = args[0], negative = args[0] < 0 }
    values = { n = count(), least = min(args[0]) }
  }
}`},
			tables: map[string]rows{"t": {
				"clock=-6 negative=true": {"n": "2", "least": "-6"}, "clock=1 negative=false": {"n": "2", "least": "1"},
			}},
		},
	})
}

func TestDistinctIsNearTheTruth(t *testing.T) {
	n := scaled(200_000)
	got := run{
		workload: fmt.Sprintf("tw-syscalls lseek-seq %d 2 3", n),
		spec: `
probe "syscall" "p" {
  target = "lseek"
  where  = comm == "truth"
  aggregate "t" {
    values = { different = distinct(args.offset), n = count() }
  }
}`,
	}.do(t)
	row := got.table(t, "t").rows[""]
	if found, want := atoi(t, row["different"]), n/8; found < want*9/10 || found > want*11/10 {
		t.Errorf("distinct gives %d of %d different values", found, want)
	}
	if row["n"] != text(n) {
		t.Errorf("count gives %s of %d", row["n"], n)
	}
}

func TestSizesAndUnits(t *testing.T) {
	sizes := []int{0, 1, 7, 512, 4095, 4096, 65536}
	rounds, total := scaled(20_000), 0
	words := []string{"tw-syscalls", "sizes", text(rounds)}
	want := rows{}
	for _, size := range sizes {
		words = append(words, text(size))
		total += size
		want["count="+text(size)] = map[string]string{"n": text(rounds), "bytes": text(size * rounds)}
	}
	exact{
		run: run{workload: strings.Join(words, " "), spec: `
probe "syscall" "r" {
  target = "read"
  where  = comm == "truth" && retval == args.count
  aggregate "reads" {
    by     = [args.count]
    values = { n = count(), bytes = sum(size(retval)) }
  }
}
probe "syscall" "w" {
  target = "write"
  where  = comm == "truth" && retval == args.count
  aggregate "writes" {
    values = { n = count(), bytes = sum(size(retval)), mean = avg(retval) }
    derive = { each = local.share, twice = local.share * local.two }
    having = local.share > "1B"
  }
  locals {
    share = bytes / n # of columns
    two   = 2
  }
}`},
		tables: map[string]rows{
			"reads": want,
			"writes": {"": {
				"n": text(rounds * len(sizes)), "bytes": text(total * rounds), "mean": fmt.Sprintf("~%v", float64(total)/float64(len(sizes))),
				"each": text((total + len(sizes)/2) / len(sizes)), "twice": text((2*total + len(sizes)/2) / len(sizes)),
			}},
		},
		taken: map[string]int{"syscall.r": rounds * len(sizes), "syscall.w": rounds * len(sizes)},
	}.check(t)
}

func TestLatencyIsTheTimeOfTheCall(t *testing.T) {
	got := run{workload: "tw-syscalls sleep 20 5", spec: `
probe "syscall" "p" {
  target = "nanosleep"
  where  = comm == "truth"
  aggregate "t" {
    values = { n = count(), total = sum(latency), least = min(latency) }
  }
}`}.do(t)
	row := got.table(t, "t").rows[""]
	if row["n"] != "20" {
		t.Errorf("%s calls, want 20", row["n"])
	}
	if total, bound := atoi(t, row["total"]), atoi(t, got.number(t, "nanoseconds")); total < 20*5_000_000 || total > bound {
		t.Errorf("the calls took %d ns, want at least 100 ms and at most the workload's %d ns", total, bound)
	}
	if least := atoi(t, row["least"]); least < 5_000_000 {
		t.Errorf("the shortest call took %d ns, want 5 ms at least", least)
	}
}
