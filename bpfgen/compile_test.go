package bpfgen_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"golang.org/x/tools/txtar"

	"tracer/bpfgen"
	"tracer/interpreter/check"
	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
	"tracer/interpreter/unit"
	"tracer/spec"
	"tracer/tests/effort"
)

// machine is a small recorded machine: what the specs of testdata name.
func machine() *facts.Recorded {
	field := func(name, typ string, offset, size int, signed bool) facts.Field {
		return facts.Field{Name: name, Type: typ, Elem: strings.TrimSuffix(typ, " *"), Offset: offset, Size: size, Signed: signed, Pointer: strings.HasSuffix(typ, "*")}
	}
	format := func(event string, fields ...facts.Field) facts.Format {
		return facts.Format{Category: "syscalls", Event: event, ID: 1, Size: 64, Fields: fields}
	}
	m := &facts.Recorded{
		System: facts.Kernel{Release: "6.8.0-test", Arch: "x86_64", CPUs: 4},
		Formats: []facts.Format{
			format("sys_enter_openat", field("dfd", "int", 16, 8, false), field("filename", "const char *", 24, 8, false), field("flags", "int", 32, 8, false)),
			format("sys_exit_openat", field("ret", "long", 16, 8, true)),
		},
		Binaries: []facts.Binary{{Name: "libc", Path: "/lib/libc.so.6", Arch: "x86_64", Functions: []facts.UserFunction{{Name: "malloc", Offset: 0x200, Size: 64}}}},
		Features: map[facts.Feature]string{},
	}
	for _, f := range []facts.Feature{facts.TPBTF, facts.UprobeMulti, facts.UprobeSession, facts.RingBuffer, facts.TaskStorage, facts.TaskBTF, facts.AtomicFetch, facts.AttachCookie} {
		m.Features[f] = ""
	}
	return m
}

func compile(t *testing.T, src []byte) *bpfgen.Object {
	t.Helper()
	return compileBy(t, src, "")
}

// compileBy forces a mechanism.
func compileBy(t *testing.T, src []byte, mechanism string) *bpfgen.Object {
	t.Helper()
	o, more := bpfgen.Compile(planned(t, src, mechanism))
	if more.HasErrors() {
		t.Fatal(more)
	}
	return o
}

func planned(t *testing.T, src []byte, mechanism string, more ...facts.Feature) *plan.Plan {
	t.Helper()
	m := machine()
	for _, f := range more {
		m.Features[f] = ""
	}
	env := &unit.Env{Names: unit.ABI("x86_64")}
	sp, diags := spec.Parse([]spec.Source{{Name: "spec.hcl", Bytes: src}})
	vars, found := sp.Resolve(spec.Inputs{}, check.PlanFunctions(m, env))
	diags = append(diags, found...)
	p, found := check.Spec(check.Input{Spec: sp, Vars: vars, Facts: m, Env: env, Mechanism: mechanism})
	if diags = append(diags, found...); diags.HasErrors() {
		t.Fatal(diags)
	}
	return p
}

// Where programs on tracepoints of system calls may preempt each other, two that add
// to the same row do so atomically; one alone need not.
func TestProgramsThatShareARowAddAtomically(t *testing.T) {
	const two = `
probe "tracepoint" "in" {
  target = "syscalls:sys_enter_openat"
  aggregate "t" {
    values = { n = sum(1) }
  }
}`
	second := strings.NewReplacer("\"in\"", "\"out\"", "enter", "exit").Replace(two)
	for _, row := range []struct {
		spec   string
		have   []facts.Feature
		atomic bool
	}{
		{two, []facts.Feature{facts.FaultableTracepoints}, false},
		{two + second, nil, false},
		{two + second, []facts.Feature{facts.FaultableTracepoints}, true},
	} {
		p := planned(t, []byte(row.spec), "", row.have...)
		o, diags := bpfgen.Compile(p)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		if got := strings.Contains(o.Programs[0].Object.String(), "StXAtomicAddDW"); got != row.atomic {
			t.Errorf("%d probes, with %v: atomic %t, want %t\n%s", len(p.Probes), row.have, got, row.atomic, o.Programs[0].Object)
		}
	}
}

// Locals that mention another twice, which mentions another twice, and so on: what
// is the same is computed once, and where arms of conditions each compute it for
// themselves the program is refused; neither takes minutes.
func TestLocalsThatMentionOthersTwiceEndInTime(t *testing.T) {
	for _, row := range []struct {
		name, first, step, use string
		refused                bool
	}{
		{"a sum", "pid", "X + X", "where = X > 5", false},
		{"a sum of the entry", "entry(args.flags)", "X + X", "where = X > 5 && retval > X", false},
		{"a sum at the entry", "args.flags", "X + X", "where = entry(X) > 5 && retval > 0", false},
		{"a column", "args.flags", "X + X", "capture {\n a = X\n }", false},
		{"conditions", "pid > 3", "X && (X || uid > 4)", "where = X", false},
		{"arms", "pid", "pid > 5 ? X : X + 1", "where = X > 5", true},
		{"arms of strings", "comm", "pid > 5 ? X : uid > 4 ? X : comm", "capture {\n a = X\n }", true},
		{"conditions both ways", "pid > 3", "X || !X", "where = X", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			const last = 30
			src := "locals {\n l0 = " + row.first + "\n"
			for i := range last {
				src += fmt.Sprintf(" l%d = %s\n", i+1, strings.ReplaceAll(row.step, "X", fmt.Sprintf("local.l%d", i)))
			}
			src += "}\nprobe \"syscall\" \"s\" {\n target = \"openat\"\n " + strings.ReplaceAll(row.use, "X", fmt.Sprintf("local.l%d", last)) + "\n}\n"
			var diags hcl.Diagnostics
			effort.Bounded(t, func() { _, diags = bpfgen.Compile(planned(t, []byte(src), "")) })
			if diags.HasErrors() != row.refused {
				t.Errorf("%v, want an error: %t", diags, row.refused)
			}
		})
	}
}

func TestALongKeyOnAnOldKernelIsAnErrorAtTheTable(t *testing.T) {
	p := planned(t, []byte(`
probe "tracepoint" "t" {
  target = "syscalls:sys_enter_openat"
  aggregate "t" {
    by     = { name = str(args.filename, 600) }
    values = { n = count() }
  }
}`), "")
	if _, diags := bpfgen.Compile(p); diags.HasErrors() {
		t.Fatal(diags)
	}
	p.Features[string(facts.LongKeys)] = false
	_, diags := bpfgen.Compile(p)
	if len(diags) != 1 || diags[0].Summary != "Key too long" || diags[0].Subject.Start.Line != 4 {
		t.Errorf("diagnostics %v", diags)
	}
}

func TestTooMuchTextIsAnErrorAtTheSearch(t *testing.T) {
	_, diags := bpfgen.Compile(planned(t, []byte(`
probe "tracepoint" "t" {
  target = "syscalls:sys_enter_openat"
  where  = strcontains(str(args.filename, 4096), "a needle in a haystack as long as this one, here")
  capture {
    other = strcontains(str(args.filename, 4096), "a needle in a haystack as long as this one, there")
  }
}`), ""))
	if len(diags) != 1 || diags[0].Summary != "Too much text to look through" || diags[0].Subject.Start.Line != 6 || !strings.Contains(diags[0].Detail, "Make the strings shorter") {
		t.Errorf("diagnostics %v", diags)
	}
}

// TestSpecsCompileToThis compares, for each spec of testdata, the IR after
// lowering, the IR after optimisation and the instructions; a file "mechanism"
// forces one. UPDATE=1 rewrites them.
func TestSpecsCompileToThis(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := &txtar.Archive{Comment: ar.Comment, Files: slices.Clip(ar.Files[:1])}
			mechanism := ""
			if len(ar.Files) > 1 && ar.Files[1].Name == "mechanism" {
				got.Files, mechanism = slices.Clip(ar.Files[:2]), strings.TrimSpace(string(ar.Files[1].Data))
			}
			o := compileBy(t, ar.Files[0].Data, mechanism)
			for _, p := range o.Programs {
				side := [...]string{"", " entry", " return", " entry and return"}[p.Side]
				got.Files = append(got.Files,
					txtar.File{Name: "lowered" + side, Data: []byte(p.Raw)},
					txtar.File{Name: "optimised" + side, Data: []byte(p.IR)},
					txtar.File{Name: "instructions" + side, Data: []byte(p.Object.String())})
			}
			text := txtar.Format(got)
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(file, text, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if !bytes.Equal(text, txtar.Format(ar)) {
				t.Errorf("%s differs; UPDATE=1 rewrites it. Got:\n%s", file, text)
			}
		})
	}
}

// TestEveryInstructionOfASpecHasAPlace looks that a verifier's message can be
// told at a line: what computes something the spec wrote knows where.
func TestEveryInstructionOfASpecHasAPlace(t *testing.T) {
	o := compile(t, []byte(`probe "syscall" "open" {
  target = "openat"
  where  = args.flags > 7
  capture { path = str(args.filename) }
}`))
	object := o.Programs[0].Object
	lines := map[int]bool{}
	for i := range object.Instructions {
		if p := object.Pos[i]; p != nil {
			var line int
			if _, err := fmt.Sscanf(p.String(), "spec.hcl:%d,", &line); err == nil {
				lines[line] = true
			}
		}
	}
	for _, want := range []int{3, 4} {
		if !lines[want] {
			t.Errorf("no instruction comes from line %d; there are %v", want, lines)
		}
	}
}

// TestPlainAdditionsOnlyWhereProgramsCannotMeet says which mechanisms share
// words without atomic additions.
func TestPlainAdditionsOnlyWhereProgramsCannotMeet(t *testing.T) {
	for _, row := range []struct {
		name   string
		spec   string
		atomic bool
	}{
		{"one system call", `probe "syscall" "a" {
  target = "openat"
  aggregate "t" { values = { n = count() } }
}`, false},
		{"a user function may be preempted", `probe "uprobe" "a" {
  binary = "libc"
  target = "malloc"
  aggregate "t" { values = { n = count() } }
}`, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			text := compile(t, []byte(row.spec)).Programs[0].Object.String()
			if got := strings.Contains(text, "Atomic"); got != row.atomic {
				t.Errorf("atomic additions: %v, want %v:\n%s", got, row.atomic, text)
			}
		})
	}
}

// TestMapsFollowFromThePlan names the maps of a spec that needs each kind.
func TestMapsFollowFromThePlan(t *testing.T) {
	o := compile(t, []byte(`probe "syscall" "a" {
  target = "openat"
  capture { path = str(args.filename, 4096) }
  stream = retval < 0
  aggregate "t" {
    by       = [comm]
    values   = { time = hist(latency) }
    interval = "1s"
  }
}`))
	var names []string
	for n, m := range o.Maps {
		names = append(names, fmt.Sprintf("%s %s", n, m.Type))
	}
	slices.Sort(names)
	want := []string{"calls0 TaskStorage", "counters PerCPUArray", "events RingBuf", "scratch PerCPUArray", "table0 ArrayOfMaps", "table0_other ArrayOfMaps", "zeros Array"}
	if !slices.Equal(names, want) {
		t.Errorf("maps are %v, want %v", names, want)
	}
}

// TestTablesThatCountTheirProbe says where a table's own count is its probe's:
// wherever each event that is taken reaches the table, and nothing else does.
func TestTablesThatCountTheirProbe(t *testing.T) {
	probe := func(name, body string) string {
		return "probe \"syscall\" \"" + name + "\" {\n  target = \"openat\"\n" + body + "\n}\n"
	}
	table := func(lines string) string { return "  aggregate \"t\" {\n" + lines + "\n  }\n" }
	for _, row := range []struct {
		name, spec string
		want       *bpfgen.Counts
	}{
		{"count", probe("a", table("values = { n = count() }")), &bpfgen.Counts{N: 1}},
		{"count behind another column", probe("a", table("values = {\n s = sum(args.flags)\n n = count()\n }")), &bpfgen.Counts{Off: 8, N: 1}},
		{"mean", probe("a", table("values = { m = avg(args.flags) }")), &bpfgen.Counts{Off: 8, N: 1}},
		{"histogram", probe("a", table("values = { h = hist(args.flags) }")), &bpfgen.Counts{Off: 8, N: 66}},
		{"a condition of the probe", probe("a", "  where = args.flags > 7\n"+table("values = { n = count() }")), &bpfgen.Counts{N: 1}},
		{"the last of two", probe("a", "  aggregate \"u\" {\n where = pid > 1\n values = { n = count() }\n}\n"+table("values = { n = count() }")), &bpfgen.Counts{N: 1}},
		{"a condition of the table", probe("a", table("where = args.flags > 7\nvalues = { n = count() }")), nil},
		{"nothing that counts", probe("a", table("values = { s = sum(args.flags) }")), nil},
		{"a stream beside it", probe("a", "  stream = true\n"+table("values = { n = count() }")), nil},
		{"cleared when printed", probe("a", table("interval = \"1s\"\nvalues = { n = count() }")), nil},
		{"shared by two probes", probe("a", table("values = { n = count() }")) + probe("b", table("values = { n = count() }")), nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			o := compile(t, []byte(row.spec))
			got := o.Tables[len(o.Tables)-1].Counts
			if (got == nil) != (row.want == nil) || got != nil && *got != *row.want {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}
