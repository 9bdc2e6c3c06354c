package session

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/hashicorp/hcl/v2"
	"golang.org/x/sys/unix"

	"tracer/bpfgen"
	"tracer/bpfgen/emit"
	"tracer/bpfgen/ir"
	"tracer/bpfgen/layout"
	"tracer/internal/stream"
	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

// specRange is where the test's probe stands.
var specRange = hcl.Range{Filename: "spec.hcl", Start: hcl.Pos{Line: 3, Column: 1}, End: hcl.Pos{Line: 3, Column: 9}}

// getppid is a tracepoint that only this test's calls hit often.
func getppid(id uint64) plan.Target {
	return plan.Target{Name: "getppid", Category: "syscalls", Event: "sys_enter_getppid", ID: id}
}

// counting is a program that counts its events, by process in a swapped table,
// and streams {header, u64 process id}; it is what bpfgen would make, by hand.
func counting(targets ...plan.Target) (*bpfgen.Object, *plan.Plan) {
	probe := &plan.Probe{Type: "tracepoint", Name: "calls", Range: specRange}
	table := &plan.Table{Name: "t", IntervalNS: 1e9, By: []plan.KeyColumn{{Name: "pid", Type: types.U64}}, Values: []plan.ValueColumn{{Name: "n", Func: plan.Count, Type: types.U64}}}
	v := &plan.Variant{Probe: probe, Targets: targets, Mechanism: plan.Mechanism{Name: "perf tracepoint"}}
	probe.Variants = []*plan.Variant{v}
	insns := asm.Instructions{
		asm.FnGetCurrentPidTgid.Call(),
		asm.RSh.Imm(asm.R0, 32),
		asm.StoreMem(asm.RFP, -8, asm.R0, asm.DWord),
		asm.StoreImm(asm.RFP, -12, 0, asm.Word),
		// the counter of taken events
		asm.LoadMapPtr(asm.R1, 0).WithReference(bpfgen.MapCounters),
		asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -12),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "exit"),
		asm.Mov.Imm(asm.R1, 1),
		asm.StoreXAdd(asm.R0, asm.R1, asm.DWord),
		// the table's row
		asm.LoadMapPtr(asm.R1, 0).WithReference("t"),
		asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -12),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "exit"),
		asm.Mov.Reg(asm.R6, asm.R0),
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -8),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "insert"),
		asm.Mov.Imm(asm.R1, 1),
		asm.StoreXAdd(asm.R0, asm.R1, asm.DWord),
		asm.Ja.Label("emit"),
		asm.Mov.Imm(asm.R1, 1).WithSymbol("insert"),
		asm.StoreMem(asm.RFP, -24, asm.R1, asm.DWord),
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -8),
		asm.Mov.Reg(asm.R3, asm.RFP), asm.Add.Imm(asm.R3, -24),
		asm.Mov.Imm(asm.R4, 0),
		asm.FnMapUpdateElem.Call(),
		// the record
		asm.FnKtimeGetNs.Call().WithSymbol("emit"),
		asm.StoreMem(asm.RFP, -40, asm.R0, asm.DWord),
		asm.LoadMem(asm.R0, asm.RFP, -8, asm.DWord),
		asm.StoreMem(asm.RFP, -32, asm.R0, asm.DWord),
		asm.Mov.Imm(asm.R0, 0),
		asm.StoreMem(asm.RFP, -48, asm.R0, asm.DWord),
		asm.LoadMapPtr(asm.R1, 0).WithReference(bpfgen.MapEvents),
		asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -48),
		asm.Mov.Imm(asm.R3, 24),
		asm.Mov.Imm(asm.R4, 1), // BPF_RB_NO_WAKEUP
		asm.FnRingbufOutput.Call(),
		asm.Mov.Imm(asm.R0, 0).WithSymbol("exit"),
		asm.Return(),
	}
	rows := &ebpf.MapSpec{Name: "t_rows", Type: ebpf.PerCPUHash, KeySize: 8, ValueSize: 8, MaxEntries: 4096}
	obj := &bpfgen.Object{
		Programs: []*bpfgen.Program{{Name: "calls", Type: ebpf.TracePoint, Variant: v, Object: object(insns)}},
		Maps: map[string]*ebpf.MapSpec{
			bpfgen.MapEvents:   {Name: bpfgen.MapEvents, Type: ebpf.RingBuf, MaxEntries: 1 << 20},
			bpfgen.MapCounters: {Name: bpfgen.MapCounters, Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 8 * layout.CountWords, MaxEntries: 1},
			"t":                {Name: "t", Type: ebpf.ArrayOfMaps, KeySize: 4, ValueSize: 4, MaxEntries: 1, InnerMap: rows},
		},
		Records: []*layout.Record{{
			Probe: probe, Size: 24, Columns: []plan.Column{{Name: "pid", Expr: &tree.Expr{Op: tree.Builtin, Name: "pid", Type: types.U64}}},
			Fields: []layout.Field{{Part: -1, Type: types.U64, Off: 16, Size: 8, Null: -1}},
		}},
		Tables: []*bpfgen.Table{{Map: "t", Table: &layout.Table{
			Table: table, ValueSize: 8, Values: []layout.ValueField{{Func: plan.Count, Size: 8}},
			Key: layout.Key{Size: 8, Fields: []layout.Field{{Part: -1, Type: types.U64, Size: 8, Null: -1}}},
		}}},
	}
	return obj, &plan.Plan{Probes: []*plan.Probe{probe}, Tables: []*plan.Table{table}}
}

// object gives every instruction the place "line 10 + its index" of the spec.
func object(insns asm.Instructions) *emit.Object {
	o := &emit.Object{Instructions: insns}
	for i := range insns {
		rng := specRange
		rng.Start.Line = 10 + i
		o.Pos = append(o.Pos, ir.Pos(rng))
	}
	return o
}

// open opens a session or skips where this process may not.
func open(t *testing.T, obj *bpfgen.Object, p *plan.Plan) (*Session, hcl.Diagnostics) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("loading programs needs root")
	}
	s, diags := Open(context.Background(), obj, p, Options{Report: "the issue tracker"})
	for _, d := range diags {
		if err, ok := d.Extra.(error); ok && errors.Is(err, fs.ErrPermission) {
			t.Skipf("this machine does not allow it: %v", err)
		}
	}
	if s != nil {
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return s, diags
}

func print(dst []byte, _ *value.Value) []byte { return dst }

func TestNothingIsLostBetweenEventsTablesAndCounters(t *testing.T) {
	const calls = 2000
	obj, p := counting(getppid(0))
	s, diags := open(t, obj, p)
	if len(diags) != 0 {
		t.Fatal(diags)
	}
	if got := s.Attached(); got != (Attached{Probes: 1, Targets: 1, Programs: 1}) {
		t.Errorf("attached %+v", got)
	}
	decoder, err := stream.NewDecoder(obj.Records, print)
	if err != nil {
		t.Fatal(err)
	}
	me := uint64(os.Getpid())
	events, rows := 0, uint64(0)
	count := func(e *value.Event) error {
		if e.Values[0].Int == me {
			events++
		}
		return nil
	}
	reader := stream.NewReader(s.Ring(), decoder, time.Now)
	for range 4 {
		for range calls / 4 {
			unix.Getppid()
		}
		rows += rowOf(t, s, obj.Tables[0], me)
		if err := reader.Until(time.Now(), count); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Detach(); err != nil {
		t.Fatal(err)
	}
	unix.Getppid() // not seen
	if err := reader.Rest(count); err != nil {
		t.Fatal(err)
	}
	rows += rowOf(t, s, obj.Tables[0], me)
	summary, err := s.Summary()
	if err != nil {
		t.Fatal(err)
	}
	if events != calls || rows != calls {
		t.Errorf("%d events and %d in the table of %d calls", events, rows, calls)
	}
	if c := summary.Probes[0]; c.Probe != "tracepoint.calls" || c.Events < calls {
		t.Errorf("summary %+v", c)
	}
}

// rowOf is the count of process me in a snapshot of table 0.
func rowOf(t *testing.T, s *Session, table *bpfgen.Table, me uint64) uint64 {
	t.Helper()
	snap, err := s.Snapshot(0)
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := stream.NewTable(table.Table, print)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decoder.Decode(snap)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got.Rows {
		if r.By[0].Int == me {
			return r.Values[0].Int
		}
	}
	return 0
}

func TestAVerifierRejectionPointsIntoTheSpec(t *testing.T) {
	obj, p := counting(getppid(0))
	obj.Programs[0].Object = object(asm.Instructions{
		asm.LoadImm(asm.R0, 5, asm.DWord), // takes two raw slots
		asm.Mov.Reg(asm.R1, asm.R9),       // raw offset 2: R9 was never written
		asm.Return(),
	})
	s, diags := open(t, obj, p)
	if s != nil || !diags.HasErrors() {
		t.Fatalf("session %v, diagnostics %v", s, diags)
	}
	d := diags[len(diags)-1]
	if d.Subject.Start.Line != 11 {
		t.Errorf("points to line %d, want 11", d.Subject.Start.Line)
	}
	for _, want := range []string{"bug in tracer", "tracepoint.calls", "the issue tracker", "R9 !read_ok"} {
		if !strings.Contains(d.Detail, want) {
			t.Errorf("%q does not say %q", d.Detail, want)
		}
	}
}

func TestARefusedTargetIsLeftOutIfOthersRemain(t *testing.T) {
	bad := plan.Target{Name: "nosuch", Category: "syscalls", Event: "sys_enter_nosuch", ID: 1}
	obj, p := counting(getppid(0), bad)
	s, diags := open(t, obj, p)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if len(diags) != 1 || !strings.Contains(diags[0].Detail, "nosuch") || s.Attached().Targets != 1 {
		t.Errorf("diagnostics %v, attached %+v", diags, s.Attached())
	}
}

func TestAProbeWithoutAnyTargetIsAnError(t *testing.T) {
	obj, p := counting(plan.Target{Name: "nosuch", Category: "syscalls", Event: "sys_enter_nosuch"})
	s, diags := open(t, obj, p)
	if s != nil || !diags.HasErrors() || diags[0].Subject.Filename != "spec.hcl" {
		t.Errorf("session %v, diagnostics %v", s, diags)
	}
}

func TestAnUnknownMechanismIsAnError(t *testing.T) {
	obj, p := counting(getppid(0))
	obj.Programs[0].Variant.Mechanism.Name = "carrier pigeon"
	s, diags := open(t, obj, p)
	if s != nil || !diags.HasErrors() || !strings.Contains(diags[0].Detail, "carrier pigeon") {
		t.Errorf("session %v, diagnostics %v", s, diags)
	}
}

func TestAnEndedContextLeavesNothingAttached(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("loading programs needs root")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	obj, p := counting(getppid(0))
	s, diags := Open(ctx, obj, p, Options{})
	if s != nil || !Interrupted(diags) {
		t.Errorf("session %v, diagnostics %v", s, diags)
	}
}

func TestLastInstructionIsFoundInTheVerifiersLog(t *testing.T) {
	for _, row := range []struct {
		name string
		log  string
		want int
		ok   bool
	}{
		{"plain", "0: R1=ctx() R10=fp0\n0: (b7) r0 = 0\n17: (85) call bpf_map_lookup_elem#1\nR2 !read_ok\nprocessed 3 insns", 17, true},
		{"with state", "4: (79) r1 = *(u64 *)(r0 +0)          ; R0=scalar\n5: R1=scalar\n5: (95) exit\nR0 leaks", 5, true},
		{"branch", "from 3 to 9: R0=0\n9: (bf) r1 = r2\nbad", 9, true},
		{"with a report (7.3)", report73, 2, true},
		{"no instruction", "BPF program is too large", 0, false},
		{"empty", "", 0, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got, _, ok := lastInstruction(strings.Split(row.log, "\n")); got != row.want || ok != row.ok {
				t.Errorf("got %d, %v; want %d, %v", got, ok, row.want, row.ok)
			}
		})
	}
}

const report73 = `0: R1=ctx() R10=fp0
0: (18) r0 = 0x5                      ; R0=5
2: (bf) r1 = r9
R9 !read_ok

Verification failed: Register Type Safety: Unreadable register

Reason:
  R9 has never been initialized on this path, so the verifier cannot use it as an input.

At:
  insn 2
       | ^-- error: R9 is not readable
  Instruction context:
      0 | (18) r0 = 0x5
  >>> 2 | (bf) r1 = r9
      3 | (95) exit

processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0`

func TestAVerdictIsShownWithItsReason(t *testing.T) {
	got := strings.Join(verdictLines(strings.Split(report73, "\n")), "\n")
	for _, want := range []string{"2: (bf) r1 = r9", "R9 !read_ok", "has never been initialized"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
	if strings.Contains(got, "exit") {
		t.Errorf("the whole report:\n%s", got)
	}
}

// In lockdown the kernel has no helpers that read its memory: that is no bug of the
// program.
func TestAVerdictOfLockdownIsNoBug(t *testing.T) {
	for _, log := range []string{
		"32: (85) call bpf_probe_read#4\nprogram of this type cannot use helper bpf_probe_read#4\nprocessed 30 insns", // 6.12
		"18: (85) call bpf_probe_read_kernel_str#115\nunknown func bpf_probe_read_kernel_str#115\nprocessed 18 insns", // 5.10
	} {
		o := opener{opts: Options{Explain: func(error) string { return "Explained." }}}
		p := &bpfgen.Program{Variant: &plan.Variant{Probe: &plan.Probe{Type: "kprobe", Name: "p"}}, Object: &emit.Object{}}
		got := o.loadFailed(p, &ebpf.VerifierError{Log: strings.Split(log, "\n"), Cause: unix.EINVAL})
		if len(got) != 1 || got[0].Summary != "Missing privileges" || !strings.Contains(got[0].Detail, "this kernel lets programs read no kernel memory") || !strings.Contains(got[0].Detail, "Explained.") {
			t.Errorf("%s: %v", log, got)
		}
	}
}

func TestCountersAddUpOverCPUs(t *testing.T) {
	raw := make([]byte, 2*8*layout.CountWords)
	for cpu := range 2 {
		for i := range layout.CountWords {
			raw[8*(cpu*layout.CountWords+i)] = byte(1 + i)
		}
	}
	want := value.Counters{Events: 6, Skipped: 4, Lost: 6, FailedReads: 8, RejectedKeys: 10, Unmatched: 12, Truncated: 14}
	if got := mergeCounters(raw, 2); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
