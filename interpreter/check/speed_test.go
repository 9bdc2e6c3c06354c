package check_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"

	"tracer/interpreter/check"
	"tracer/interpreter/facts"
	"tracer/spec"
	"tracer/tests/effort"
)

// lazy fails the test when something is asked for that costs time at the start.
type lazy struct {
	*facts.Recorded
	t *testing.T
}

func (l lazy) BTF() (*btf.Spec, error) {
	l.t.Error("BTF is loaded")
	return l.Recorded.BTF()
}

func (l lazy) Functions() ([]facts.Function, error) {
	l.t.Error("the kernel's functions are listed")
	return l.Recorded.Functions()
}

func (l lazy) Tracepoints() ([]string, error) {
	l.t.Error("the tracepoints are listed")
	return l.Recorded.Tracepoints()
}

func (l lazy) Feature(f facts.Feature) error {
	l.t.Errorf("feature %s is probed", f)
	return l.Recorded.Feature(f)
}

func TestSimpleSpecsAskForNothingThatCostsTime(t *testing.T) {
	rows := []struct{ name, body string }{
		{"a stream", `target = "block:block_io_done"
			capture {
				pid  = pid
				comm = comm
				size = size(args.bytes)
				err  = errno(args.error)
			}`},
		{"a table", `target = "sched:sched_switch"
			where = args.prev_pid != 0 && startswith(args.prev_comm, "x")
			aggregate "t" {
				by     = [args.prev_comm, cpu]
				values = { n = count(), wait = hist(duration(nsecs)) }
			}`},
		{"a pointer compared with null", `target = "sock:inet_sock_set_state"
			where = args.skaddr != null && ip(args.saddr) == "10.0.0.1"`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			p, diags := planOf(lazy{machine(t), t}, "lazy.hcl", []byte("probe \"tracepoint\" \"x\" {\n"+row.body+"\n}\n"))
			if diags.HasErrors() || len(p.Probes) != 1 {
				t.Errorf("%v", diags)
			}
		})
	}
}

func TestEnumeratorsAreReadOnce(t *testing.T) {
	m := machine(t)
	reads := 0
	f := countingBTF{m, &reads}
	fns := check.PlanFunctions(f, nil)
	sp, diags := spec.Parse([]spec.Source{{Name: "x.hcl", Bytes: []byte("locals {\n a = [for i in range(500) : enumerator(\"TCP_CLOSE\")]\n}\nprobe \"tracepoint\" \"x\" {\n target = \"sched:sched_switch\"\n where = contains(local.a, pid)\n}\n")}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if _, diags = sp.Resolve(spec.Inputs{}, fns); diags.HasErrors() {
		t.Fatal(diags)
	}
	if _, diags = check.Spec(check.Input{Spec: sp, Facts: f}); diags.HasErrors() {
		t.Fatal(diags)
	}
	if reads != 1 {
		t.Errorf("BTF was asked for %d times, want once", reads)
	}
}

type countingBTF struct {
	*facts.Recorded
	reads *int
}

func (c countingBTF) BTF() (*btf.Spec, error) {
	*c.reads++
	return c.Recorded.BTF()
}

// bounded fails if checking takes longer than any reasonable machine needs when
// nothing is quadratic or worse. No spec is so wrong that it is not checked.
func bounded(t *testing.T, files ...string) {
	t.Helper()
	var sources []spec.Source
	for i, src := range files {
		sources = append(sources, spec.Source{Name: fmt.Sprintf("large%d.hcl", i), Bytes: []byte(src)})
	}
	sp, diags := spec.Parse(sources)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	m := machine(t)
	effort.Bounded(t, func() { _, diags = check.Spec(check.Input{Spec: sp, Facts: m, Env: environment()}) })
	if diags.HasErrors() {
		t.Error(diags)
	}
}

func TestLargeSpecsAreCheckedInTime(t *testing.T) {
	var chain, nested, locals, doubled strings.Builder
	many := make([]string, 10)
	for i := range 1000 {
		many[i%10] += fmt.Sprintf("probe \"kprobe\" \"p%d\" {\n target = \"vfs_read\"\n where = args.count > local.l%d && comm != \"x\"\n aggregate \"t%d\" {\n by = [comm]\n values = { n = count() }\n }\n}\nlocals {\n l%d = %d\n}\n", i, i, i, i, i)
	}
	chain.WriteString("probe \"tracepoint\" \"x\" {\n target = \"sched:sched_switch\"\n where = (pid == 0")
	for i := range 150 {
		fmt.Fprintf(&chain, " || pid == %d", i)
	}
	chain.WriteString(")\n}\n")
	nested.WriteString("probe \"tracepoint\" \"x\" {\n target = \"sched:sched_switch\"\n where = " + strings.Repeat("try(args.no, ", 90) + "pid" + strings.Repeat(")", 90) + " > 0\n}\n")
	locals.WriteString("probe \"tracepoint\" \"x\" {\n target = \"sched:sched_switch\"\n where = local.l60\n}\nlocals {\n l0 = pid > 1\n")
	doubled.WriteString("probe \"tracepoint\" \"x\" {\n target = \"sched:sched_switch\"\n where = pid > local.l60\n}\nlocals {\n l0 = 1\n")
	for i := range 60 {
		fmt.Fprintf(&locals, " l%d = local.l%d && local.l%d\n", i+1, i, i)
		fmt.Fprintf(&doubled, " l%d = local.l%d + local.l%d - local.l%d\n", i+1, i, i, i)
	}
	locals.WriteString("}\n")
	doubled.WriteString("}\n")
	targets := "probe \"tracepoint\" \"x\" {\n target = [" + strings.Repeat(`"sched:sched_switch", `, 5000) + "]\n}\n"
	derived := "probe \"tracepoint\" \"x\" {\n target = \"sched:sched_switch\"\n aggregate \"t\" {\n values = { n = count() }\n derive = { x = local.l%d }\n }\n}\nlocals {\n l0 = n\n%s}\n"
	var twice, chained strings.Builder
	for i := range 60 {
		fmt.Fprintf(&twice, " l%d = local.l%d * local.l%d\n", i+1, i, i)
	}
	for i := range 3000 {
		fmt.Fprintf(&chained, " l%d = local.l%d + 1\n", i+1, i)
	}
	rows := []struct {
		name  string
		files []string
	}{
		{"columns of locals that each mention another twice", []string{fmt.Sprintf(derived, 8, &twice)}},
		{"columns of a chain of locals", []string{fmt.Sprintf(derived, 1200, &chained)}},
		{"five thousand targets", []string{targets}},
		{"a thousand probes", many},
		{"a long condition", []string{chain.String()}},
		{"nested try", []string{nested.String()}},
		{"conditions of locals that each mention another twice", []string{locals.String()}},
		{"numbers of locals that each mention another thrice", []string{doubled.String()}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) { bounded(t, row.files...) })
	}
}

func BenchmarkSimpleSpec(b *testing.B) {
	m := machine(b)
	src := []byte("probe \"tracepoint\" \"x\" {\n target = \"sched:sched_switch\"\n where = args.prev_pid != 0\n aggregate \"t\" {\n by = [args.prev_comm]\n values = { n = count() }\n }\n}\n")
	for b.Loop() {
		if _, diags := planOf(m, "x.hcl", src); diags.HasErrors() {
			b.Fatal(diags)
		}
	}
}
