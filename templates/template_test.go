package templates

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"

	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// machine is a recorded machine with a little of everything.
func machine(tb testing.TB) *facts.Recorded {
	tb.Helper()
	integer := &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}
	long := &btf.Int{Name: "long", Size: 8, Encoding: btf.Signed}
	pointer := &btf.Pointer{Target: (*btf.Void)(nil)}
	pair := &btf.Struct{Name: "pair", Size: 16, Members: []btf.Member{{Name: "a", Type: long}, {Name: "b", Type: long, Offset: 64}}}
	huge := &btf.Struct{Name: "huge", Size: 64, Members: []btf.Member{{Name: "a", Type: long}}}
	p := func(name string, t btf.Type) btf.FuncParam { return btf.FuncParam{Name: name, Type: t} }
	fn := func(name string, ret btf.Type, params ...btf.FuncParam) btf.Type {
		return &btf.Func{Name: name, Linkage: btf.GlobalFunc, Type: &btf.FuncProto{Return: ret, Params: params}}
	}
	void := (*btf.Void)(nil)
	b, err := btf.NewBuilder([]btf.Type{
		fn("vfs_read", long, p("file", pointer), p("count", long)),
		fn("vfs_write", long, p("file", pointer), p("count", long)),
		fn("eight", void, p("a", integer), p("b", integer), p("c", integer), p("d", integer), p("e", integer), p("f", integer), p("g", integer), p("h", integer)),
		fn("by_value", pair, p("s", pair), p("n", integer)),
		fn("by_address", integer, p("s", huge), p("n", integer)),
		fn("returns_huge", huge, p("n", integer), p("s", huge), p("file", pointer)),
		fn("inlined", integer, p("n", integer)),
		fn("unnamed", integer, p("", integer)),
		fn("__traceiter_sched_switch", integer, p("__data", pointer), p("preempt", &btf.Int{Name: "_Bool", Size: 1, Encoding: btf.Bool}), p("prev", pointer)),
		&btf.Typedef{Name: "btf_trace_old_one", Type: &btf.Pointer{Target: &btf.FuncProto{Return: void, Params: []btf.FuncParam{p("", pointer), p("", long)}}}},
	}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	spec, err := b.Spec()
	if err != nil {
		tb.Fatal(err)
	}
	m := &facts.Recorded{
		System: facts.Kernel{Release: "6.8.0", Arch: "x86_64", CPUs: 2}, Types: spec, RawNames: []string{"sched_switch", "old_one", "untyped"},
		Formats: formats(), Binaries: []facts.Binary{*library("x86_64")}, Features: map[facts.Feature]string{},
	}
	for _, name := range []string{"vfs_read", "vfs_write", "eight", "by_value", "by_address", "returns_huge", "unnamed", "assembly"} {
		m.KernelFunctions = append(m.KernelFunctions, facts.Function{Name: name})
	}
	return m
}

func formats() []facts.Format {
	common := facts.Field{Name: "common_pid", Type: "int", Size: 4, Common: true}
	return []facts.Format{
		{Category: "sched", Event: "switch", Fields: []facts.Field{
			common,
			{Name: "comm", Type: "char[16]", Elem: "char", Len: 16, Offset: 8, Size: 16},
			{Name: "pid", Type: "pid_t", Offset: 24, Size: 4, Signed: true},
			{Name: "name", Type: "__data_loc char[]", Elem: "char", DataLoc: true, Offset: 28, Size: 4},
			{Name: "rel", Type: "__rel_loc u8[]", Elem: "u8", RelLoc: true, Offset: 32, Size: 4},
			{Name: "task", Type: "struct task_struct *", Pointer: true, Offset: 40, Size: 8},
			{Name: "why", Type: "enum reason", Offset: 48, Size: 4},
			{Name: "args", Type: "unsigned long[3]", Elem: "unsigned long", Len: 3, Offset: 56, Size: 24},
			{Name: "blob", Type: "struct opaque", Offset: 80, Size: 24},
			{Name: "nothing", Type: "struct empty", Offset: 104},
			{Name: "on", Type: "bool", Offset: 104, Size: 1},
			{Name: "triples", Type: "struct x[2]", Elem: "struct x", Len: 2, Offset: 108, Size: 6},
		}},
		{Category: "sched", Event: "wakeup", Fields: []facts.Field{common}},
		{Category: "syscalls", Event: "sys_enter_openat", Fields: []facts.Field{
			common,
			{Name: "__syscall_nr", Type: "int", Offset: 8, Size: 4},
			{Name: "dfd", Type: "int", Offset: 16, Size: 8},
			{Name: "filename", Type: "const char *", Pointer: true, Offset: 24, Size: 8},
			{Name: "mode", Type: "umode_t", Offset: 32, Size: 8},
			{Name: "how", Type: "weird_t", Offset: 40, Size: 8},
		}},
		{Category: "syscalls", Event: "sys_exit_openat", Fields: []facts.Field{common, {Name: "ret", Type: "long", Offset: 24, Size: 8, Signed: true}}},
		{Category: "syscalls", Event: "sys_enter_newstat", Fields: []facts.Field{common}},
		{Category: "syscalls", Event: "sys_enter_io_submit", Fields: []facts.Field{
			common,
			{Name: "__syscall_nr", Type: "int", Offset: 8, Size: 4},
			{Name: "ctx_id", Type: "aio_context_t", Offset: 16, Size: 8},
			{Name: "nr", Type: "long", Offset: 24, Size: 8, Signed: true},
			{Name: "__text_val", Type: "__data_loc char[]", Elem: "char", DataLoc: true, Offset: 32, Size: 4},
		}},
	}
}

func library(arch string) *facts.Binary {
	reg := map[string]string{"x86_64": "di", "arm64": "x0"}[arch]
	return &facts.Binary{
		Name: "libx", Path: "/lib/libx.so", Arch: arch,
		Functions: []facts.UserFunction{
			{Name: "__free", Offset: 16, Size: 8},
			{Name: "free", Offset: 16, Size: 8},
			{Name: "main.add", Offset: 112, Size: 8, Go: true},
			{Name: "malloc", Offset: 32, Size: 8},
			{Name: "odd", Offset: 64, Size: 8, Refused: "its first instruction is a jump into itself"},
			{Name: "static_one", Offset: 80, Size: 8},
			{Name: "static_one", Offset: 96, Size: 8},
		},
		GoVersion: "go1.18",
		USDT: []facts.USDT{
			{Provider: "x", Name: "hit", Offset: 40, SemaphoreOff: 8, Args: []facts.USDTArg{
				{Text: "8@reg", Size: 8, Kind: facts.USDTReg, Reg: reg},
				{Text: "-4@$-7", Size: 4, Signed: true, Kind: facts.USDTConst, Const: -7},
				{Text: "4@8(reg)", Size: 4, Kind: facts.USDTMem, Reg: reg, Disp: 8},
				{Text: "8f@%xmm0", Size: 8, Float: true},
				{Text: "8@%mystery", Size: 8, Kind: facts.USDTReg, Reg: "mystery"},
				{Text: "3@reg", Size: 3, Kind: facts.USDTReg, Reg: reg},
				{Text: "8@sym", Size: 8, Refused: "it is relative to a symbol"},
			}},
			{Provider: "x", Name: "hit", Offset: 60, Args: []facts.USDTArg{{Text: "8@reg", Size: 8, Kind: facts.USDTReg, Reg: reg}}},
			{Provider: "x", Name: "bad", Offset: 70, Refused: "it lies in another section"},
		},
	}
}

// resolve finds targets of a type on the machine.
func resolve(t *testing.T, typ, pattern string) ([]Found, error) {
	t.Helper()
	m := machine(t)
	r := &Request{Facts: m, Pattern: pattern}
	if tt := All()[typ]; tt.User {
		r.Binary = &m.Binaries[0]
	}
	return All()[typ].Resolve(r)
}

func targets(found []Found) string {
	var names []string
	for _, f := range found {
		names = append(names, f.Target.Name)
	}
	return strings.Join(names, " ")
}

func TestPatternsNameTargets(t *testing.T) {
	rows := []struct{ typ, pattern, want string }{
		{"tracepoint", "sched:switch", "sched:switch"},
		{"tracepoint", "sched:*", "sched:switch sched:wakeup"},
		{"raw_tracepoint", "sched_switch", "sched_switch"},
		{"syscall", "openat", "openat"},
		{"syscall", "stat", "stat"},
		{"syscall", "newstat", "stat"},
		{"syscall", "*", "io_submit openat stat"},
		{"kprobe", "vfs_read", "vfs_read"},
		{"kprobe", "vfs_*", "vfs_read vfs_write"},
		{"kprobe", "vfs_read+0x10", "vfs_read+0x10"},
		{"kprobe", "assembly", "assembly"},
		{"kretprobe", "vfs_write", "vfs_write"},
		{"uprobe", "malloc", "malloc"},
		{"uprobe", "malloc+4", "malloc+4"},
		{"uprobe", "*free", "__free"},
		{"uprobe", "static_one", "static_one static_one"},
		{"uretprobe", "free", "free"},
		{"uprobe", "main.*", "main.add"},
		{"usdt", "x:hit", "x:hit x:hit"},
		{"usdt", "x:*", "x:hit x:hit"},
	}
	for _, row := range rows {
		t.Run(row.typ+" "+row.pattern, func(t *testing.T) {
			found, err := resolve(t, row.typ, row.pattern)
			if err != nil || targets(found) != row.want {
				t.Errorf("got %q, %v", targets(found), err)
			}
		})
	}
}

func TestPatternsThatNameNothingSayWhy(t *testing.T) {
	rows := []struct {
		typ, pattern, want, near string
		missing                  bool
	}{
		{"tracepoint", "sched:swich", `no tracepoint "sched:swich"`, "sched:switch", true},
		{"tracepoint", "switch", "write category:event", "sched:switch", false},
		{"tracepoint", "foo:*", "No tracepoint matches", "", true},
		{"tracepoint", "sched:[", "no valid glob", "", false},
		{"raw_tracepoint", "sched_swich", "no raw tracepoint", "sched_switch", true},
		{"raw_tracepoint", "untyped", "no type information (BTF)", "", false},
		{"syscall", "opena", `no system call "opena"`, "openat", true},
		{"kprobe", "vfs_raed", "no function", "vfs_read", true},
		{"kprobe", "inlined", "no function", "", true},
		{"kprobe", "vfs_read+", "no place in a function", "", false},
		{"kprobe", "+4", "no place in a function", "", false},
		{"uprobe", "maloc", "no function", "malloc", true},
		{"uprobe", "odd", "cannot be probed: its first instruction", "", false},
		{"uprobe", "od*", "can be probed", "", true},
		{"uprobe", "malloc+400", "lies outside of malloc", "", false},
		{"uretprobe", "malloc+4", `write "malloc"`, "", false},
		{"uretprobe", "main.add", "main.add is a function in Go", "", false},
		{"uretprobe", "main.*", `matches "main.*" can be probed. main.add is a function in Go`, "", true},
		{"usdt", "hit", "Write provider:name", "x:hit", true},
		{"usdt", "x:bad", "cannot be probed: it lies in another section", "", false},
	}
	for _, row := range rows {
		t.Run(row.typ+" "+row.pattern, func(t *testing.T) {
			_, err := resolve(t, row.typ, row.pattern)
			var te *TargetError
			if !errors.As(err, &te) {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(te.Detail, row.want) || !strings.HasSuffix(te.Detail, ".") || te.Missing != row.missing {
				t.Errorf("got %q, missing %t", te.Detail, te.Missing)
			}
			if row.near != "" && !slices.Contains(te.Near, row.near) {
				t.Errorf("near names %q, want %q", te.Near, row.near)
			}
		})
	}
}

func TestWhatIsNotKnownIsNeitherFoundNorMissing(t *testing.T) {
	unknown := &facts.Recorded{System: facts.Kernel{Arch: "x86_64"}}
	for _, typ := range []string{"tracepoint", "raw_tracepoint", "syscall", "kprobe", "kretprobe"} {
		for _, pattern := range []string{"a:b", "a*"} {
			if _, err := All()[typ].Resolve(&Request{Facts: unknown, Pattern: pattern}); !errors.Is(err, facts.ErrUnknown) {
				t.Errorf("%s %s: %v", typ, pattern, err)
			}
		}
	}
}

func TestArchitecturesWithoutRegistersAreRefused(t *testing.T) {
	m := machine(t)
	m.System.Arch = "riscv64"
	b := library("i386")
	for typ, pattern := range map[string]string{"kprobe": "vfs_read", "kretprobe": "vfs_*", "uprobe": "malloc", "uretprobe": "malloc", "usdt": "x:hit"} {
		var te *TargetError
		if _, err := All()[typ].Resolve(&Request{Facts: m, Pattern: pattern, Binary: b}); !errors.As(err, &te) {
			t.Errorf("%s: %v", typ, err)
		}
	}
}

func TestMechanismsAreChosenByWhatTheKernelHas(t *testing.T) {
	none := func(features ...facts.Feature) map[facts.Feature]string {
		out := map[facts.Feature]string{}
		for _, f := range []facts.Feature{facts.TPBTF, facts.Kprobe, facts.KprobeMulti, facts.KprobeSession, facts.UprobeMulti, facts.UprobeSession} {
			if !slices.Contains(features, f) {
				out[f] = "this kernel has no " + string(f)
			} else {
				out[f] = ""
			}
		}
		return out
	}
	info := []*tree.ArgLoc{{Name: "info", Type: types.Type{Kind: types.Pointer, Elem: &types.Type{Kind: types.Struct}}, Loc: tree.Loc{Off: 8}}}
	fn := []*tree.ArgLoc{{Name: "func", Type: types.Type{Kind: types.Pointer, Elem: &types.Type{Name: "function"}}}}
	rows := []struct {
		name, typ string
		need      Need
		features  map[facts.Feature]string
		want, err string
	}{
		{"one function", "kprobe", Need{Targets: 1}, none(facts.Kprobe, facts.KprobeMulti), "kprobe perf link", ""},
		{"several functions", "kprobe", Need{Targets: 2}, none(facts.Kprobe, facts.KprobeMulti), "kprobe.multi", ""},
		{"several functions, no multi-link", "kprobe", Need{Targets: 2}, none(facts.Kprobe), "kprobe perf link", ""},
		{"no kprobes", "kprobe", Need{Targets: 2}, none(), "", "this kernel has no kprobe: "},
		{"forced", "kprobe", Need{Targets: 1, Force: "kprobe.multi"}, none(facts.Kprobe, facts.KprobeMulti), "kprobe.multi", ""},
		{"forced, not there", "kprobe", Need{Targets: 1, Force: "kprobe.multi"}, none(facts.Kprobe), "", "this kernel has no kprobe_multi"},
		{"forced, of another type", "kprobe", Need{Targets: 1, Force: "tp_btf"}, none(facts.TPBTF), "", `mechanism "tp_btf" does not serve this probe type; it has kprobe.multi`},
		{"one function, no perf events", "kprobe", Need{Targets: 1}, none(facts.KprobeMulti), "kprobe.multi", ""},
		{"one function's return, no perf events", "kretprobe", Need{Targets: 1}, none(facts.KprobeMulti), "kretprobe.multi", ""},
		{"one function, neither", "kprobe", Need{Targets: 1}, none(), "", "this kernel has no kprobe: "},
		{"a place of its own, no perf events", "kprobe", Need{Targets: 1, Alone: true}, none(facts.KprobeMulti), "", "this kernel has no kprobe: "},
		{"a place of its own", "kprobe", Need{Targets: 2, Alone: true}, none(facts.Kprobe, facts.KprobeMulti), "kprobe perf link", ""},
		{"a place of its own, forced", "kprobe", Need{Targets: 2, Alone: true, Force: "kprobe.multi"}, none(facts.KprobeMulti), "", "kprobe.multi takes only whole functions that ftrace traces"},
		{"a call", "kretprobe", Need{Targets: 1, Pairs: true}, none(facts.Kprobe, facts.KprobeSession), "kprobe.session", ""},
		{"several calls", "kretprobe", Need{Targets: 2, Pairs: true}, none(facts.KprobeMulti, facts.KprobeSession), "kprobe.session", ""},
		{"several calls on an old kernel", "kretprobe", Need{Targets: 2, Pairs: true}, none(facts.KprobeMulti), "kretprobe.multi", ""},
		{"returns without their entries", "kretprobe", Need{Targets: 1}, none(facts.Kprobe, facts.KprobeSession), "kretprobe perf link", ""},
		{"calls of a place of its own", "kretprobe", Need{Targets: 1, Alone: true, Pairs: true}, none(facts.Kprobe, facts.KprobeSession), "kretprobe perf link", ""},
		{"user calls", "uretprobe", Need{Targets: 1, Pairs: true}, none(facts.UprobeMulti, facts.UprobeSession), "uprobe.session", ""},
		{"user calls on an old kernel", "uretprobe", Need{Targets: 1, Pairs: true}, none(), "uretprobe perf link", ""},
		{"raw tracepoint", "raw_tracepoint", Need{Targets: 1}, none(facts.TPBTF), "tp_btf", ""},
		{"raw tracepoint without tp_btf", "raw_tracepoint", Need{Targets: 1}, none(), "raw tracepoint", ""},
		{"an argument that is no pointer there", "raw_tracepoint", Need{Targets: 1, Target: "signal_deliver", Args: info}, none(facts.TPBTF), "raw tracepoint", ""},
		{"an argument that is no pointer there, forced", "raw_tracepoint", Need{Targets: 1, Target: "signal_deliver", Args: info, Force: "tp_btf"}, none(facts.TPBTF), "", "programs of tp_btf cannot read args.info of signal_deliver: the verifier takes it for a plain number"},
		{"a pointer to a function, forced", "raw_tracepoint", Need{Targets: 1, Target: "initcall_start", Args: fn, Force: "tp_btf"}, none(facts.TPBTF), "", "programs of tp_btf cannot read args.func of initcall_start: the verifier lets them load no pointer of its type"},
		{"many system calls, not told apart", "syscall", Need{Targets: 17, Own: true}, none(), "perf tracepoint", ""},
		{"a system call, not told apart, forced", "syscall", Need{Targets: 1, Own: true, Force: "raw_syscalls"}, none(), "", "raw_syscalls is one event of many targets"},
		{"unknown features are tried", "kprobe", Need{Targets: 2}, nil, "kprobe.multi", ""},
		{"tracepoints", "tracepoint", Need{Targets: 5}, none(), "perf tracepoint", ""},
		{"user functions", "uprobe", Need{Targets: 3}, none(facts.UprobeMulti), "uprobe.multi", ""},
		{"user functions on an old kernel", "uretprobe", Need{Targets: 3}, none(), "uretprobe perf link", ""},
		{"some system calls", "syscall", Need{Targets: 16}, none(), "perf tracepoint", ""},
		{"many system calls", "syscall", Need{Targets: 17}, none(), "raw_syscalls", ""},
		{"a system call, forced", "syscall", Need{Targets: 1, Force: "raw_syscalls"}, none(), "raw_syscalls", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			m := machine(t)
			m.Features, m.Plain = row.features, map[string]bool{"signal_deliver/1": true}
			got, err := Choose(All()[row.typ].Mechanisms, row.need, m)
			if row.err != "" {
				if err == nil || !strings.HasPrefix(err.Error(), row.err) {
					t.Fatalf("got %v", err)
				}
				return
			}
			if err != nil || got.Name != row.want || got.Reason == "" {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestPairsHaveAnEntrySideForEachMechanism(t *testing.T) {
	for name, typ := range All() {
		if name != typ.Name {
			t.Errorf("%s is listed as %s", typ.Name, name)
		}
		if (typ.Returns || typ.MayReturn) != (typ.Pair != plan.PairNone) {
			t.Errorf("%s: returns %t, may return %t, pairs by %d", name, typ.Returns, typ.MayReturn, typ.Pair)
		}
		for _, m := range typ.Mechanisms {
			entry := slices.ContainsFunc(typ.EntryMechanisms, func(e Mechanism) bool { return e.Name == m.Entry })
			if want := typ.Pair != plan.PairNone && !m.Session; entry != want {
				t.Errorf("%s: %s has an entry side: %t, want %t", name, m.Name, entry, want)
			}
		}
	}
}

func TestNearNames(t *testing.T) {
	names := []string{"args", "var", "path", "sched_switch", "sched_wakeup", "a", "b"}
	rows := map[string]string{"arg": "args", "paht": "path", "sched_swich": "sched_switch", "shced_switch": "sched_switch", "c": "", "nothing": "", "": "", "varr": "var"}
	for name, want := range rows {
		if got := strings.Join(Near(name, names), " "); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	for n, want := range []string{"", ` Did you mean "a"?`, ` Did you mean "a" or "b"?`, ` Did you mean "a", "b" or "c"?`} {
		if got := DidYouMean([]string{"a", "b", "c"}[:n]); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}

// place is an argument as the tests write it.
func place(l *tree.Layout, name string) tree.ArgLoc {
	for _, a := range l.Args {
		if a.Name == name {
			return a
		}
	}
	return tree.ArgLoc{Name: "missing", Type: types.TNull}
}

func TestListedNamesAreTargets(t *testing.T) {
	m := machine(t)
	for name, typ := range All() {
		var b *facts.Binary
		if typ.User {
			b = &m.Binaries[0]
		}
		names, err := typ.List(m, b)
		if err != nil || len(names) == 0 {
			t.Errorf("%s: %v, %v", name, names, err)
		}
		if listed := slices.Contains(names, "main.add"); listed != (name == "uprobe") {
			t.Errorf("%s: lists a function in Go: %v", name, listed)
		}
		for _, target := range names {
			_, err := typ.Resolve(&Request{Facts: m, Pattern: target, Binary: b})
			var te *TargetError
			if err != nil && (!errors.As(err, &te) || te.Missing) {
				t.Errorf("%s %s: %v", name, target, err)
			}
		}
	}
}

// A glob of user functions says what it matches and cannot take, by the reason.
func TestUserGlobsNameWhatTheyLeaveOut(t *testing.T) {
	const odd = "odd: its first instruction is a jump into itself\n"
	for _, row := range []struct{ probe, pattern, left string }{
		{"uprobe", "*", odd},
		{"uprobe", "m*", ""},
		{"uretprobe", "[mo]*", "main.add: in Go, whose stacks move: a probe at its return would crash the program\n" + odd},
		{"usdt", "x:hit", ""},
	} {
		left := ""
		leave := func(names []string, why string) { left += strings.Join(names, ", ") + ": " + why + "\n" }
		if _, err := All()[row.probe].Resolve(&Request{Pattern: row.pattern, Binary: library("x86_64"), Leave: leave}); err != nil || left != row.left {
			t.Errorf("%s %s: %q, %v", row.probe, row.pattern, left, err)
		}
	}
	_, err := All()["uprobe"].Resolve(&Request{Pattern: "*", Binary: &facts.Binary{Name: "x", Path: "/bin/x", Arch: "x86_64"}})
	if err == nil || err.Error() != "/bin/x has no symbols (it is stripped), so no function can be found by name." {
		t.Error(err)
	}
	versions := &facts.Binary{Functions: []facts.UserFunction{{Name: "a", Refused: "x"}, {Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "c", Refused: "x"}}}
	if names, _ := All()["uprobe"].List(nil, versions); !slices.Equal(names, []string{"b"}) {
		t.Error(names)
	}
	if names, _ := All()["uprobe"].List(nil, library("x86_64")); slices.Contains(names, "odd") || !slices.Contains(names, "main.add") {
		t.Error(names)
	}
}

// Names in Go have slashes, and look like globs.
func TestNamesThatLookLikeGlobs(t *testing.T) {
	var fns []facts.UserFunction
	for i, name := range []string{"main.(*T).Get", "main.(*myT).Get", "main.Map[go.shape.int]", "net/http.Get", "net/http/internal.Get"} {
		fns = append(fns, facts.UserFunction{Name: name, Offset: uint64(16 * i), Size: 16})
	}
	slices.SortFunc(fns, func(a, b facts.UserFunction) int { return strings.Compare(a.Name, b.Name) })
	for pattern, want := range map[string]string{
		"main.(*T).Get":          "main.(*T).Get",
		"main.(*T).Get+4":        "main.(*T).Get+4",
		"main.(*T).*":            "main.(*T).Get main.(*myT).Get",
		"main.Map[go.shape.int]": "main.Map[go.shape.int]",
		"main.Map*":              "main.Map[go.shape.int]",
		"*http*":                 "net/http.Get net/http/internal.Get",
		"net?http.*":             "net/http.Get",
		"net/http*Get":           "net/http.Get net/http/internal.Get",
	} {
		found, err := All()["uprobe"].Resolve(&Request{Pattern: pattern, Binary: &facts.Binary{Arch: "x86_64", Functions: fns}})
		var got []string
		for _, f := range found {
			got = append(got, f.Target.Name)
		}
		if strings.Join(got, " ") != want || err != nil {
			t.Errorf("%s: %q, %v", pattern, got, err)
		}
	}
}
