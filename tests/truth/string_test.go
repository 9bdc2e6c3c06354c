package truth

import (
	"fmt"
	"strings"
	"testing"
)

// Strings of every kind arrive byte by byte; what was cut and what could not
// be read is marked and counted.

func TestStringsArriveByteByByte(t *testing.T) {
	const rounds = 3
	probes := []struct{ name, probe, workload, body, text string }{
		{"syscall", "syscall", "tw-syscalls paths 3", `
  target = "openat"
  where  = comm == "truth"`, "args.filename"},
		{"tracepoint", "tracepoint", "tw-syscalls paths 3", `
  target = "syscalls:sys_enter_openat"
  where  = comm == "truth"`, "args.filename"},
		{"uprobe", "uprobe", "tw-functions strings 3", `
  binary = "WORKLOADS/tw-functions"
  target = "tw_string"
  signature = "int tw_string(const char *text)"`, "args.text"},
		{"usdt", "usdt", "tw-usdt text 3", `
  binary = "WORKLOADS/tw-usdt"
  target = "tw:text"`, "args[0]"},
	}
	limits := []struct {
		form  string
		limit int
	}{
		{"str(%s)", 128},
		{"str(%s, 16)", 16},
		{"str(%s, 4096)", 4096},
	}
	for _, p := range probes {
		for _, l := range limits {
			expression := fmt.Sprintf(l.form, p.text)
			t.Run(p.name+" "+expression, func(t *testing.T) {
				got := run{workload: p.workload, spec: fmt.Sprintf(`
probe %q "p" {%s
  capture {
    text = %s
  }
}`, p.probe, p.body, expression)}.do(t)
				checkStrings(t, got, p.probe+".p", l.limit, rounds)
			})
		}
	}
}

// checkStrings compares a stream of the awkward strings, each cut to limit.
func checkStrings(t *testing.T, got result, probe string, limit, rounds int) {
	t.Helper()
	var want []map[string]string
	var truncated, failed uint64
	for range rounds {
		for _, s := range awkwardStrings(t, got) {
			content, cut := kept(unhex(t, s.Hex), limit)
			if cut {
				truncated++
			}
			// A null pointer is no string, and no failure.
			if !s.Readable && s.Name != "null" {
				failed++
			}
			want = append(want, map[string]string{"text": content})
		}
	}
	compareEvents(t, got.output.events, want)
	c := got.counters(t, probe)
	if c["truncated"] != truncated || c["failed_reads"] != failed {
		t.Errorf("%d truncated and %d failed reads, want %d and %d", c["truncated"], c["failed_reads"], truncated, failed)
	}
	if c.taken() != uint64(len(want)) || c["lost"] != 0 {
		t.Errorf("%d events taken and %d lost, want %d and 0", c.taken(), c["lost"], len(want))
	}
}

func TestStringsAsKeys(t *testing.T) {
	const rounds = 200
	got := run{workload: fmt.Sprintf("tw-syscalls paths %d", rounds), spec: `
probe "syscall" "p" {
  target = "openat"
  where  = comm == "truth"
  aggregate "paths" {
    by     = { path = str(args.filename, 256) }
    values = { n = count() }
  }
}`}.do(t)
	counts := map[string]int{}
	for _, s := range awkwardStrings(t, got) {
		content, _ := kept(unhex(t, s.Hex), 256)
		counts["path="+content] += rounds
	}
	want := rows{}
	for key, n := range counts {
		want[key] = map[string]string{"n": text(n)}
	}
	compareRows(t, "paths", got.table(t, "paths").rows, want)
}

func TestStringsAreCompared(t *testing.T) {
	// Of 22 strings, each once: the named condition holds for so many.
	for _, row := range []struct {
		where string
		want  int
	}{
		{`str(args.filename) == "/no/such/file"`, 1},
		{`str(args.filename) != "/no/such/file"`, 21},
		{`str(args.filename) == ""`, 6},
		{`startswith(str(args.filename), "/no/")`, 1},
		{`startswith(str(args.filename), "abcdef")`, 7},
		{`endswith(str(args.filename), "_end")`, 1},
		{`strcontains(str(args.filename), "bad")`, 1},
		{`strcontains(str(args.filename), "\u001b[31m")`, 1},
		{`contains(["to_page_end", "/no/such/file", "absent"], str(args.filename))`, 2},
		{`str(args.filename, 4096) == str(args.filename, 2000)`, 18},
	} {
		t.Run(row.where, func(t *testing.T) {
			exact{
				run: run{workload: "tw-syscalls paths 1", spec: fmt.Sprintf(`
probe "syscall" "p" {
  target = "openat"
  where  = comm == "truth" && %s
  aggregate "t" {
    values = { n = count() }
  }
}`, row.where)},
				tables: map[string]rows{"t": {"": {"n": text(row.want)}}},
				taken:  map[string]int{"syscall.p": row.want},
			}.check(t)
		})
	}
}

func TestBuffersHaveTheirLength(t *testing.T) {
	exact{
		run: run{workload: "tw-syscalls sizes 2 0 3 8", spec: `
probe "syscall" "p" {
  target = "read"
  where  = comm == "truth"
  capture {
    data = buf(args.buf, retval, 8)
    n    = retval
  }
}`},
		events: []map[string]string{
			{"n": "0", "data": ""},
			{"n": "3", "data": "\x00\x00\x00"},
			{"n": "8", "data": "\x00\x00\x00\x00\x00\x00\x00\x00"},
			{"n": "0", "data": ""},
			{"n": "3", "data": "\x00\x00\x00"},
			{"n": "8", "data": "\x00\x00\x00\x00\x00\x00\x00\x00"},
		},
		counters: map[string]counters{"syscall.p": {"failed_reads": 0, "truncated": 0}},
	}.check(t)
}

// Names of threads that become shorter: what a longer one left behind the NUL is
// no part of the name, and makes no row of its own.
func TestNamesThatBecomeShorter(t *testing.T) {
	const spec = `
probe "syscall" "s" {
  target = "chdir"
  where  = endswith(str(args.filename), "/named")
  aggregate "t" {
    by     = [comm]
    values = {
      n     = count()
      seven = sum(comm == "seven77" ? 1 : 0)
      eight = sum(comm == "eight888" ? 1 : 0)
      long  = sum(startswith(comm, "fifteen-bytes-l") ? 1 : 0)
    }
  }
}`
	names := []string{"fifteen-bytes-long", "nine99999", "eight888", "seven77", "fifteen-bytes-long", "x", "eight888", "x"}
	script := "cat >script <<'END'\n"
	for _, name := range names {
		script += "printf %s " + name + " >/proc/self/comm; cd /named\n"
	}
	script += "true\nEND\n\"$TRACER\" apply -o json -c 'bash script 2>/dev/null' \"$SPEC\""
	got := shell(t, spec, script)
	want := map[string]int{}
	for _, name := range names {
		want[name[:min(len(name), 15)]] += 2 // bash tries a directory twice
	}
	for name, n := range want {
		seven, eight, long := 0, 0, 0
		switch name {
		case "seven77":
			seven = n
		case "eight888":
			eight = n
		case "fifteen-bytes-l":
			long = n
		}
		row := fmt.Sprintf(`{"by":{"comm":%q},"values":{"n":%d,"seven":%d,"eight":%d,"long":%d}}`, name, n, seven, eight, long)
		if !strings.Contains(got.stdout, row) {
			t.Errorf("no row %s in\n%s", row, got.stdout)
		}
	}
	if n := strings.Count(got.stdout, `{"by":`); n != len(want) || got.code != 0 {
		t.Errorf("%d rows of %d names, exit code %d:\n%s%s", n, len(want), got.code, got.stdout, got.stderr)
	}
}
