package templates

import (
	"slices"
	"strings"
	"testing"

	"tracer/interpreter/facts"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// first is the layout of the first target that a pattern names.
func first(t *testing.T, typ, pattern string) *tree.Layout {
	t.Helper()
	found, err := resolve(t, typ, pattern)
	if err != nil {
		t.Fatal(err)
	}
	return found[0].Layout
}

func TestFieldsOfTracepointsAreTypedByTheirFormat(t *testing.T) {
	layout := first(t, "tracepoint", "sched:switch")
	rows := []struct {
		name, typ string
		kind      types.Kind
		size      int
		loc       tree.LocKind
		off       int
	}{
		{"comm", "string", types.String, 16, tree.LocCtx, 8},
		{"pid", "pid_t", types.Int, 4, tree.LocCtx, 24},
		{"name", "string", types.String, dynamicMax, tree.LocDataLoc, 28},
		{"rel", "u8[]", types.Bytes, dynamicMax, tree.LocRelLoc, 32},
		{"task", "struct task_struct *", types.Pointer, 8, tree.LocCtx, 40},
		{"why", "enum reason", types.Enum, 4, tree.LocCtx, 48},
		{"args", "unsigned long[3]", types.Array, 24, tree.LocCtx, 56},
		{"blob", "struct opaque", types.Bytes, 24, tree.LocCtx, 80},
		{"on", "bool", types.Bool, 1, tree.LocCtx, 104},
		{"triples", "struct x[2]", types.Bytes, 6, tree.LocCtx, 108},
	}
	for _, row := range rows {
		a := place(layout, row.name)
		if a.Type.String() != row.typ || a.Type.Kind != row.kind || a.Type.Size != row.size || a.Loc.Kind != row.loc || a.Loc.Off != row.off {
			t.Errorf("%s: %+v", row.name, a)
		}
	}
	if layout.Refused["nothing"] == "" {
		t.Error("a field without a size can be read")
	}
	if place(layout, "common_pid").Name != "missing" || layout.Indexed {
		t.Error("common fields are arguments, or fields have numbers")
	}
}

func TestArgumentsOfSystemCallsAreEightBytesOfTheRecord(t *testing.T) {
	layout := first(t, "syscall", "openat")
	rows := []struct {
		name, typ string
		size, off int
	}{{"dfd", "int", 4, 16}, {"filename", "char *", 8, 24}, {"mode", "umode_t", 2, 32}, {"how", "weird_t", 8, 40}}
	for i, row := range rows {
		a := layout.Args[i]
		if a.Name != row.name || a.Type.String() != row.typ || a.Type.Size != row.size || a.Loc.Off != row.off || a.Loc.Size != 8 {
			t.Errorf("%s: %+v", row.name, a)
		}
	}
	if place(layout, "filename").Type.Space != types.User {
		t.Error("a system call's pointer points to kernel memory")
	}
	if layout.Ret == nil || layout.Ret.Loc.Off != 24 || !layout.Ret.Type.Signed {
		t.Errorf("return value: %+v", layout.Ret)
	}
}

// Names that only system calls have: of the 8 bytes the kernel sees fewer.
func TestArgumentsOfSystemCallsHaveTheWidthOfTheirType(t *testing.T) {
	for _, row := range []struct {
		typ    string
		name   string
		size   int
		signed bool
	}{
		{"const clockid_t", "clockid_t", 4, true},
		{"timer_t", "timer_t", 4, true},
		{"key_serial_t", "key_serial_t", 4, true},
		{"const enum landlock_rule_type", "enum landlock_rule_type", 4, false},
		{"unsigned", "unsigned", 4, false},
		{"aio_context_t", "aio_context_t", 8, false},
	} {
		got, loc := syscallArg(facts.Field{Name: "x", Type: row.typ, Offset: 16, Size: 8})
		if got.String() != row.name || got.Size != row.size || got.Signed != row.signed || loc.Size != 8 {
			t.Errorf("%s is %+v in %d bytes", row.typ, got, loc.Size)
		}
	}
}

func TestArgumentsOfKernelFunctionsAreInRegisters(t *testing.T) {
	rows := []struct {
		function, arg string
		off           int // in struct pt_regs, -1: refused
	}{
		{"vfs_read", "file", 112},
		{"vfs_read", "count", 104},
		{"eight", "f", 64},
		{"eight", "g", -1},
		{"eight", "h", -1},
		{"by_value", "s", -1},
		{"by_value", "n", 96},
		{"by_address", "n", 112},
		{"returns_huge", "n", 104}, // the first register says where the value goes
		{"returns_huge", "file", 96},
		{"unnamed", "0", 112},
		{"assembly", "1", 104},
		{"vfs_read+0x4", "count", -1},
	}
	for _, row := range rows {
		layout := first(t, "kprobe", row.function)
		a := place(layout, row.arg)
		_, refused := layout.Refused[row.arg]
		if refused != (row.off < 0) || !refused && (a.Loc.Off != row.off || a.Loc.Kind != tree.LocCtx) {
			t.Errorf("%s of %s: %+v, refused %t", row.arg, row.function, a, refused)
		}
	}
	returns := map[string]string{"vfs_read": "", "eight": "returns nothing", "by_value": "returned by value", "returns_huge": "returned by value"}
	for name, want := range returns {
		layout := first(t, "kretprobe", name)
		if got := layout.Refused["retval"]; (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: retval is refused: %q", name, got)
		}
	}
	if a := place(first(t, "kprobe", "assembly"), "0"); !a.Type.Untyped {
		t.Error("an argument that BTF does not know has a type")
	}
}

func TestArm64PassesLargeStructsByAddress(t *testing.T) {
	m := machine(t)
	m.System.Arch = "arm64"
	for function, off := range map[string]int{"by_value": 16, "by_address": 8, "returns_huge": 0, "vfs_read": 8} {
		found, err := All()["kprobe"].Resolve(&Request{Facts: m, Pattern: function})
		if err != nil {
			t.Fatal(err)
		}
		name := map[string]string{"vfs_read": "count"}[function]
		if name == "" {
			name = "n"
		}
		if a := place(found[0].Layout, name); a.Loc.Off != off {
			t.Errorf("%s of %s at %d, want %d", name, function, a.Loc.Off, off)
		}
	}
}

// A module's function is not that of the kernel which has its name.
func TestFunctionsOfModulesHaveTypesOfTheirOwn(t *testing.T) {
	m := machine(t)
	m.KernelFunctions = append(m.KernelFunctions,
		facts.Function{Name: "vfs_read", Addr: 0x2000, Module: "some"})
	m.KernelFunctions[0].Addr = 0x1000
	const count = "count missing"
	for _, pattern := range []string{"vfs_read", "vfs_re*"} {
		found, err := All()["kprobe"].Resolve(&Request{Facts: m, Pattern: pattern})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range found {
			got = append(got, place(f.Layout, "count").Name)
			if f.Target.Module == "some" && !place(f.Layout, "0").Type.Untyped {
				t.Errorf("%s: the module's function has the types of the kernel's", pattern)
			}
		}
		if strings.Join(got, " ") != count {
			t.Errorf("%s: %s, want %s", pattern, got, count)
		}
	}
}

// The number of the call is no argument of it, though one may be called nr.
func TestSystemCallsOfferTheirArguments(t *testing.T) {
	a := first(t, "syscall", "io_submit").Args
	if len(a) != 2 || a[0].Name != "ctx_id" || a[1].Name != "nr" || a[1].Loc.Off != 24 {
		t.Errorf("%+v", a)
	}
}

// Records of one system call that are laid out as those of all have the number
// of the call in the same place.
func TestRecordsOfAllSystemCalls(t *testing.T) {
	record := func(fields ...facts.Field) []facts.Field {
		return append([]facts.Field{{Name: "common_pid", Size: 4, Common: true}}, fields...)
	}
	own := []facts.Format{
		{Category: "syscalls", Event: "sys_enter_read", Fields: record(
			facts.Field{Name: "__syscall_nr", Type: "int", Offset: 8, Size: 4}, facts.Field{Name: "fd", Type: "int", Offset: 16, Size: 8})},
		{Category: "syscalls", Event: "sys_exit_read", Fields: record(facts.Field{Name: "ret", Type: "long", Offset: 16, Size: 8})},
	}
	id, ret := facts.Field{Name: "id", Type: "long", Offset: 8, Size: 8}, facts.Field{Name: "ret", Type: "long", Offset: 16, Size: 8}
	args := func(offset, size int) facts.Field {
		return facts.Field{Name: "args", Type: "unsigned long[6]", Offset: offset, Size: size}
	}
	for _, row := range []struct {
		name        string
		enter, exit []facts.Field
		want        bool
	}{
		{"alike", record(id, args(16, 48)), record(id, ret), true},
		{"none", nil, nil, false},
		{"arguments elsewhere", record(id, args(24, 48)), record(id, ret), false},
		{"fewer arguments", record(id, args(16, 0)), record(id, ret), false},
		{"result elsewhere", record(id, args(16, 48)), record(id, facts.Field{Name: "ret", Offset: 24, Size: 8}), false},
		{"number elsewhere at the exit", record(id, args(16, 48)), record(facts.Field{Name: "id", Offset: 4, Size: 4}, ret), false},
	} {
		m := machine(t)
		m.Formats = append(slices.Clone(own), facts.Format{Category: "raw_syscalls", Event: "sys_enter", Fields: row.enter},
			facts.Format{Category: "raw_syscalls", Event: "sys_exit", Fields: row.exit})
		found, err := All()["syscall"].Resolve(&Request{Facts: m, Pattern: "read"})
		if err != nil {
			t.Fatal(err)
		}
		if n := found[0].Layout.Number; (n != nil) != row.want || n != nil && n.Loc.Off != 8 {
			t.Errorf("%s: %+v", row.name, n)
		}
	}
}

func TestRawTracepointsPassEightBytesAnArgument(t *testing.T) {
	layout := first(t, "raw_tracepoint", "sched_switch")
	if a := layout.Args[1]; len(layout.Args) != 2 || a.Name != "prev" || a.Loc.Off != 8 || a.Type.Space != types.Trusted {
		t.Errorf("%+v", layout.Args)
	}
	if a := first(t, "raw_tracepoint", "old_one").Args; len(a) != 1 || a[0].Name != "0" || a[0].Type.String() != "long" {
		t.Errorf("before Linux 5.10: %+v", a)
	}
}

func TestUserFunctionsOfferRegistersThenTheStack(t *testing.T) {
	rows := []struct {
		arch string
		arg  int
		loc  tree.Loc
	}{
		{"x86_64", 0, tree.Loc{Kind: tree.LocCtx, Off: 112, Size: 8}},
		{"x86_64", 5, tree.Loc{Kind: tree.LocCtx, Off: 64, Size: 8}},
		{"x86_64", 6, tree.Loc{Kind: tree.LocUser, Base: 152, Index: -1, Off: 8, Size: 8}},
		{"x86_64", 11, tree.Loc{Kind: tree.LocUser, Base: 152, Index: -1, Off: 48, Size: 8}},
		{"arm64", 7, tree.Loc{Kind: tree.LocCtx, Off: 56, Size: 8}},
		{"arm64", 8, tree.Loc{Kind: tree.LocUser, Base: 248, Index: -1, Off: 0, Size: 8}},
	}
	for _, row := range rows {
		found, err := All()["uprobe"].Resolve(&Request{Pattern: "malloc", Binary: library(row.arch)})
		if err != nil {
			t.Fatal(err)
		}
		if got := found[0].Layout.Args[row.arg].Loc; got != row.loc {
			t.Errorf("%s, argument %d: %+v", row.arch, row.arg, got)
		}
	}
}

func TestFunctionsInGoOfferGosRegisters(t *testing.T) {
	sig, err := types.ParseSignature("void (long a, char *text)", types.User, nil)
	if err != nil {
		t.Fatal(err)
	}
	layout := func(arch, goVersion string) *tree.Layout {
		b := library(arch)
		b.GoVersion = goVersion
		found, err := All()["uprobe"].Resolve(&Request{Pattern: "main.add", Binary: b, Signature: sig})
		if err != nil {
			t.Fatal(err)
		}
		return found[0].Layout
	}
	for arch, want := range map[string]map[int]int{
		"x86_64": {0: 80, 1: 40, 2: 88, 8: 48, 9: -1},
		"arm64":  {0: 0, 1: 8, 9: 72},
	} {
		l := layout(arch, "go1.26.8")
		for i, off := range want {
			refused := l.Refused[l.Args[i].Name]
			if off < 0 && refused == "" || off >= 0 && (refused != "" || l.Args[i].Loc != tree.Loc{Kind: tree.LocCtx, Off: off, Size: 8}) {
				t.Errorf("%s, word %d: %+v, refused %q", arch, i, l.Args[i].Loc, refused)
			}
		}
	}
	for release, want := range map[string]string{"go1.17.13": "before go1.18", "": "does not say", "devel": "before go1.18", "go1.18": ""} {
		if got := layout("x86_64", release).Refused["text"]; !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("compiled with %q: refused %q", release, got)
		}
	}
}

// Programs have other types than the kernel by some names.
func TestSignaturesHaveTheTypesOfPrograms(t *testing.T) {
	sig, err := types.ParseSignature("dev_t malloc(char c, signed char s, char *text, dev_t *devices)", types.User, nil)
	if err != nil {
		t.Fatal(err)
	}
	for arch, signed := range map[string]bool{"x86_64": true, "arm64": false} {
		found, err := All()["uretprobe"].Resolve(&Request{Pattern: "malloc", Binary: library(arch), Signature: sig})
		if err != nil {
			t.Fatal(err)
		}
		at := func(name string) types.Type { return place(found[0].Layout, name).Type }
		if at("c").Signed != signed || !at("s").Signed || at("text").Elem.Signed != signed {
			t.Errorf("%s: char is %+v, signed char %+v, and one behind a pointer %+v", arch, at("c"), at("s"), *at("text").Elem)
		}
		for _, dev := range []types.Type{found[0].Layout.Ret.Type, *at("devices").Elem} {
			if dev.Size != 8 || dev.Signed || dev.Unit != "" || dev.String() != "dev_t" {
				t.Errorf("%s: dev_t is %+v", arch, dev)
			}
		}
	}
	if !sig.Params[0].Type.Signed {
		t.Error("the signature itself was changed")
	}
}

func TestSignaturesTypeUserFunctions(t *testing.T) {
	sig, err := types.ParseSignature("int malloc(size_t n, struct opaque s[], char *)", types.User, nil)
	if err != nil {
		t.Fatal(err)
	}
	found, err := All()["uretprobe"].Resolve(&Request{Pattern: "malloc", Binary: library("x86_64"), Signature: sig})
	if err != nil {
		t.Fatal(err)
	}
	l := found[0].Layout
	if l.Args[0].Name != "n" || l.Args[0].Type.String() != "size_t" || l.Args[2].Name != "2" || l.Args[2].Type.String() != "char *" || !l.Args[3].Type.Untyped || l.Ret.Type.String() != "int" {
		t.Errorf("%+v", l)
	}
}

func TestOperandsOfUSDTProbes(t *testing.T) {
	rows := []struct {
		arch string
		arg  int
		loc  tree.Loc
		typ  string
	}{
		{"x86_64", 0, tree.Loc{Kind: tree.LocCtx, Off: 112, Size: 8, Width: 8}, "u64"},
		{"x86_64", 1, tree.Loc{Kind: tree.LocConst, Const: -7, Width: 4, Signed: true}, "s64"},
		{"x86_64", 2, tree.Loc{Kind: tree.LocUser, Base: 112, Index: -1, Scale: 1, Off: 8, Size: 4, Width: 4}, "u64"},
		{"arm64", 0, tree.Loc{Kind: tree.LocCtx, Off: 0, Size: 8, Width: 8}, "u64"},
		{"arm64", 2, tree.Loc{Kind: tree.LocUser, Base: 0, Index: -1, Scale: 1, Off: 8, Size: 4, Width: 4}, "u64"},
	}
	for _, row := range rows {
		found, err := All()["usdt"].Resolve(&Request{Pattern: "x:hit", Binary: library(row.arch)})
		if err != nil {
			t.Fatal(err)
		}
		if a := found[0].Layout.Args[row.arg]; a.Loc != row.loc || a.Type.String() != row.typ {
			t.Errorf("%s, argument %d: %+v", row.arch, row.arg, a)
		}
	}
	found, _ := resolve(t, "usdt", "x:hit")
	for name, want := range map[string]string{"3": "floating point", "4": `register "mystery" is unknown`, "6": "relative to a symbol"} {
		if got := found[0].Layout.Refused[name]; !strings.Contains(got, want) {
			t.Errorf("argument %s: %q", name, got)
		}
	}
	if found[0].Target.Semaphore != 8 || found[1].Target.Offset != 60 || len(found[1].Layout.Args) != 1 {
		t.Errorf("%+v", found)
	}
	if a := found[0].Layout.Args[5]; a.Loc.Width != 8 {
		t.Errorf("an operand of three bytes is taken as %d", a.Loc.Width)
	}
}

// At the places of one USDT probe an argument has one type: a constant that is
// not negative is of the type of the variable.
func TestUSDTArgumentsHaveOneSign(t *testing.T) {
	zero := facts.USDTArg{Size: 4, Signed: true, Kind: facts.USDTConst}
	below := facts.USDTArg{Size: 4, Signed: true, Kind: facts.USDTConst, Const: -1}
	signed := facts.USDTArg{Size: 4, Signed: true, Kind: facts.USDTReg, Reg: "ax"}
	unsigned := facts.USDTArg{Size: 8, Kind: facts.USDTReg, Reg: "ax"}
	for _, row := range []struct {
		places []facts.USDTArg
		signed bool
	}{
		{[]facts.USDTArg{zero, zero}, true},
		{[]facts.USDTArg{zero, unsigned}, false},
		{[]facts.USDTArg{unsigned, below}, true},
		{[]facts.USDTArg{zero, unsigned, signed}, true},
		{[]facts.USDTArg{unsigned, unsigned}, false},
	} {
		b := &facts.Binary{Arch: "x86_64"}
		for _, a := range row.places {
			b.USDT = append(b.USDT, facts.USDT{Provider: "x", Name: "y", Args: []facts.USDTArg{a}})
		}
		found, err := All()["usdt"].Resolve(&Request{Pattern: "x:y", Binary: b})
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range found {
			a := f.Layout.Args[0]
			if a.Type.Signed != row.signed || a.Loc.Signed != row.places[i].Signed {
				t.Errorf("%+v: place %d is %v, extended as signed: %t", row.places, i, a.Type, a.Loc.Signed)
			}
		}
	}
}

func TestStackPointers(t *testing.T) {
	for arch, want := range map[string][2]int{"x86_64": {152, 8}, "arm64": {248, 0}, "riscv64": {0, 0}} {
		if got := [2]int{StackPointer(arch), StackAdjust(arch)}; got != want {
			t.Errorf("%s: %v", arch, got)
		}
	}
}
