package check_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"tracer/interpreter/check"
	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
	"tracer/spec"
)

// with is the plan of a source with options.
func with(t *testing.T, src string, change func(*check.Input)) (*plan.Plan, hcl.Diagnostics) {
	t.Helper()
	sp, diags := spec.Parse([]spec.Source{{Name: "x.hcl", Bytes: []byte(src)}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	in := check.Input{Spec: sp, Facts: machine(t), Env: environment()}
	change(&in)
	return check.Spec(in)
}

const wide = `probe "tracepoint" "x" {
  target = "block:block_io_done"
  aggregate "t" {
    by     = [comm]
    values = { n = hist(size(args.bytes), 5), m = linear(args.bytes, 0, 2000, 1) }
  }
}
`

func TestOptionsOfAPlan(t *testing.T) {
	rows := []struct {
		name   string
		src    string
		change func(*check.Input)
		check  func(*plan.Plan) bool
	}{
		{"the ring has its default size", wide, func(*check.Input) {}, func(p *plan.Plan) bool { return p.RingBytes == check.DefaultRing }},
		{"the ring has the size asked for", wide, func(in *check.Input) { in.RingBytes = 4096 }, func(p *plan.Plan) bool { return p.RingBytes == 4096 }},
		{"a table within its budget has the default size", wide, func(in *check.Input) { in.MemoryBudget = 1 << 40 }, func(p *plan.Plan) bool {
			return p.Tables[0].MaxEntries == check.DefaultMaxEntries && p.Tables[0].Reduced == 0
		}},
		{"a table beyond its budget is smaller and says so", wide, func(in *check.Input) { in.MemoryBudget = 1 << 20 }, func(p *plan.Plan) bool {
			tb := p.Tables[0]
			return tb.MaxEntries < check.DefaultMaxEntries && tb.MaxEntries > 0 && tb.Reduced == check.DefaultMaxEntries && tb.Bytes(4) <= 1<<20
		}},
		{"a size that the spec sets stands", strings.Replace(wide, "by ", "max_entries = 100000\n by ", 1), func(in *check.Input) { in.MemoryBudget = 1 << 20 }, func(p *plan.Plan) bool {
			return p.Tables[0].MaxEntries == 100000 && p.Tables[0].Reduced == 0
		}},
		{"a process is a condition", wide, func(in *check.Input) { in.PID = 7 }, func(p *plan.Plan) bool {
			w := p.Probes[0].Variants[0].Where
			return p.PID == 7 && len(w) == 1 && w[0].String() == "(eq pid:u32 7):bool"
		}},
		{"a mechanism is forced on both sides", `probe "kretprobe" "x" {
  target = "vfs_read"
  where  = latency > 5
}
`, func(in *check.Input) { in.Mechanism = "kretprobe.multi" }, func(p *plan.Plan) bool {
			v := p.Probes[0].Variants[0]
			return v.Mechanism.Name == "kretprobe.multi" && v.EntryMechanism.Name == "kprobe.multi" && v.Mechanism.Reason == "forced"
		}},
		{"what one value of a call needs the kernel keeps", `probe "kretprobe" "x" {
  target = "vfs_read"
  where  = latency > 5 && args.count > 3
}
`, func(in *check.Input) { in.Mechanism = "kprobe.session" }, func(p *plan.Plan) bool {
			v := p.Probes[0].Variants[0]
			return v.Mechanism.Session && v.Pair == plan.PairCookie && v.EntryMechanism.Name == "" && len(v.EntryWhere) == 1
		}},
		{"what several values need it does not", `probe "kretprobe" "x" {
  target = "vfs_read"
  where  = latency > 5
  capture { size = args.count }
}
`, func(in *check.Input) { in.Mechanism = "kprobe.session" }, func(p *plan.Plan) bool {
			v := p.Probes[0].Variants[0]
			return v.Mechanism.Session && v.Pair == plan.PairStack && len(v.Saved()) == 2
		}},
		{"nor a string", `probe "kretprobe" "x" {
  target = "vfs_read"
  capture { comm = entry(comm) }
}
`, func(in *check.Input) { in.Mechanism = "kprobe.session" }, func(p *plan.Plan) bool {
			v := p.Probes[0].Variants[0]
			return v.Mechanism.Session && v.Pair == plan.PairStack
		}},
		{"a session of returns alone keeps nothing", `probe "kretprobe" "x" {
  target = "vfs_read"
}
`, func(in *check.Input) { in.Mechanism = "kprobe.session" }, func(p *plan.Plan) bool {
			v := p.Probes[0].Variants[0]
			return v.Mechanism.Session && v.Pair == plan.PairCookie && len(v.Saved()) == 0
		}},
		{"features that decided are noted", `probe "raw_tracepoint" "x" {
  target = "sched_switch"
  where  = task.exit_code != 0
}
`, func(*check.Input) {}, func(p *plan.Plan) bool { return p.Features[string(facts.TaskBTF)] }},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			p, diags := with(t, row.src, row.change)
			if diags.HasErrors() || !row.check(p) {
				t.Errorf("%v\n%+v", diags, p)
			}
		})
	}
}

func TestElementsOfForEachAreProbesOfTheirOwn(t *testing.T) {
	p, diags := with(t, `probe "kprobe" "x" {
  for_each = { a = "vfs_read", b = "vfs_write", c = null }
  enabled  = each.value != null
  target   = each.value == null ? "none" : each.value
  aggregate "t" {
    by     = { element = "${each.key}", func = func }
    values = { n = count() }
  }
}
probe "kprobe" "none" {
  for_each = toset([])
  target   = each.key
}
`, func(*check.Input) {})
	var names []string
	for _, pr := range p.Probes {
		names = append(names, pr.Name)
	}
	if diags.HasErrors() || !slices.Equal(names, []string{`x["a"]`, `x["b"]`}) || len(p.Tables) != 1 || !slices.Equal(p.Tables[0].Probes, []string{`kprobe.x["a"]`, `kprobe.x["b"]`}) {
		t.Errorf("%v %q", diags, names)
	}
}

func TestDiagnosticsAreSortedAndComeOnce(t *testing.T) {
	_, diags := with(t, `probe "kprobe" "x" {
  for_each = toset(["vfs_read", "vfs_write", "vfs_fsync", "tcp_connect"])
  target   = [each.key, "by_value"]
  where    = args.nothing == 1
  capture {
    b = comm + 1
    a = args.neither
  }
}
locals {
  z = nope
  a = nope
}
`, func(*check.Input) {})
	var lines []int
	for _, d := range diags {
		lines = append(lines, d.Subject.Start.Line)
	}
	if !slices.Equal(lines, []int{4, 6, 7, 11, 12}) {
		t.Errorf("lines %v: %v", lines, diags)
	}
}

func TestKernelsWithoutTypesSaySo(t *testing.T) {
	rows := []struct{ src, want string }{
		{"where = task.pid == 1", "Kernel types not known: task needs the kernel's type information (BTF)"},
		{"where = ppid == 1", "Kernel types not known"},
		{"where = args.skaddr.sk_err == 1", "Kernel types not known: struct sock needs"},
		{"where = local_port(args.skaddr) == 1", "Kernel types not known: local_port needs"},
		{`where = cast("struct sock *", nsecs).sk_err == 1`, "Kernel types not known: struct sock needs"},
		{`where = enumerator("X") == args.newstate`, "not known here"},
	}
	for _, row := range rows {
		t.Run(row.src, func(t *testing.T) {
			_, diags := with(t, "probe \"tracepoint\" \"x\" {\n target = \"sock:inet_sock_set_state\"\n"+row.src+"\n}\n", func(in *check.Input) {
				m := machine(t)
				m.Types = nil
				in.Facts = m
			})
			if len(diags) != 1 || !strings.Contains(diags[0].Summary+": "+diags[0].Detail, row.want) {
				t.Errorf("%v", diags)
			}
		})
	}
}

func TestControlGroupsNeedTheirHelper(t *testing.T) {
	_, diags := with(t, "probe \"tracepoint\" \"x\" {\n target = \"block:block_io_done\"\n where = under_cgroup(\"/x\")\n}\n", func(in *check.Input) {
		m := machine(t)
		m.Features[facts.AncestorCgroup] = "no such helper"
		in.Facts = m
	})
	if len(diags) != 1 || diags[0].Summary != "Not possible on this kernel" || !strings.Contains(diags[0].Detail, "no such helper") || diags[0].Subject.Start.Line != 3 {
		t.Errorf("%v", diags)
	}
}

func TestWhatFactsCannotTellIsAWarning(t *testing.T) {
	for _, src := range []string{
		"probe \"tracepoint\" \"x\" {\n target = \"a:b\"\n}\n",
		"probe \"uprobe\" \"x\" {\n binary = \"libc\"\n target = \"f\"\n}\n",
		"probe \"kprobe\" \"x\" {\n target = \"f*\"\n}\n",
	} {
		p, diags := with(t, src, func(in *check.Input) { in.Facts = &facts.Recorded{System: facts.Kernel{Arch: "x86_64"}} })
		if diags.HasErrors() || len(diags) != 1 || len(p.Probes) != 0 {
			t.Errorf("%s%v", src, diags)
		}
	}
}

func TestTheJSONSyntaxIsTheSameLanguage(t *testing.T) {
	src := `{"probe": {"tracepoint": {"x": {"target": "block:block_io_done", "where": "${args.bytes > 1 && comm == 5}", "capture": {"a": "${args.nope}"}}}}}`
	sp, diags := spec.Parse([]spec.Source{{Name: "x.hcl.json", Bytes: []byte(src)}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	_, diags = check.Spec(check.Input{Spec: sp, Facts: machine(t)})
	if len(diags) != 2 || diags[0].Summary != "Comparison of different types" || diags[1].Summary != "Unknown argument" {
		t.Errorf("%v", diags)
	}
}

// Programs that need scratch memory, or the most of several, are made otherwise
// where instructions do not fetch: the plan asks.
func TestThePlanAsksForAtomicFetch(t *testing.T) {
	for body, asked := range map[string]bool{
		`aggregate "t" { by = [args.filename] ` + "\n values = { n = count() }\n}":   true,
		`aggregate "t" { by = [comm] ` + "\n values = { n = max(args.pid) }\n}":      true,
		`aggregate "t" { by = [comm, pid] ` + "\n values = { n = sum(args.pid) }\n}": false,
		`where = strcontains(comm, "x")`:                                             false,
		"capture {\n x = str(nsecs)\n}":                                              true,
	} {
		body = strings.NewReplacer(`{ by`, "{\n by").Replace(body)
		p, diags := with(t, "probe \"tracepoint\" \"x\" {\n target = \"sched:sched_process_exec\"\n"+strings.ReplaceAll(body, "str(nsecs)", `str(cast("char *", nsecs))`)+"\n}\n", func(in *check.Input) {
			m := machine(t)
			m.Features = map[facts.Feature]string{facts.AtomicFetch: "no such instruction"}
			in.Facts = m
		})
		if diags.HasErrors() {
			t.Fatalf("%s: %v", body, diags)
		}
		if _, ok := p.Features[string(facts.AtomicFetch)]; ok != asked {
			t.Errorf("%s: asked for atomic_fetch: %t", body, ok)
		}
	}
}

// What the kernel keeps apart decides how programs add.
func TestGuardsAreWhatTheKernelKeepsApart(t *testing.T) {
	const raw = "probe \"raw_tracepoint\" \"r\" {\n target = \"sched_switch\"\n}\n"
	const event = "probe \"tracepoint\" \"e\" {\n target = \"sched:sched_process_exec\"\n}\n"
	for _, row := range []struct {
		spec     string
		features map[facts.Feature]string
		want     []plan.Guard
	}{
		{raw, map[facts.Feature]string{facts.RawGuard: ""}, []plan.Guard{plan.GuardSelf}},
		{raw, map[facts.Feature]string{facts.RawGuard: "no guard"}, []plan.Guard{plan.GuardNone}},
		{event, map[facts.Feature]string{facts.FaultableTracepoints: ""}, []plan.Guard{plan.GuardAll}}, // it is alone
		{event + raw, map[facts.Feature]string{facts.FaultableTracepoints: ""}, []plan.Guard{plan.GuardSelf, plan.GuardSelf}},
		{event + raw, map[facts.Feature]string{facts.FaultableTracepoints: "none"}, []plan.Guard{plan.GuardAll, plan.GuardSelf}},
	} {
		p, diags := with(t, row.spec, func(in *check.Input) {
			m := machine(t)
			m.Features = row.features
			in.Facts = m
		})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		var got []plan.Guard
		for _, probe := range p.Probes {
			got = append(got, probe.Variants[0].Mechanism.Guard)
		}
		if !slices.Equal(got, row.want) {
			t.Errorf("%v\n%s: guards %v, want %v", row.features, row.spec, got, row.want)
		}
	}
}

// A pointer that the kernel takes for a number is not loaded through.
func TestAPlainArgumentIsReadByAHelper(t *testing.T) {
	for plain, want := range map[bool]string{false: "tp_btf", true: "raw tracepoint"} {
		p, diags := with(t, "probe \"raw_tracepoint\" \"r\" {\n target = \"sched_switch\"\n capture {\n pid = args.prev.pid\n}\n}\n", func(in *check.Input) {
			m := machine(t)
			m.Features = map[facts.Feature]string{facts.TPBTF: ""}
			m.Plain = map[string]bool{"sched_switch/1": plain}
			in.Facts = m
		})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		if got := p.Probes[0].Variants[0].Mechanism.Name; got != want {
			t.Errorf("plain %t: %s, want %s", plain, got, want)
		}
	}
}
