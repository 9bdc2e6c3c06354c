package facts

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// recorded is a machine of which something is known of each kind.
func recorded() *Recorded {
	return &Recorded{
		System:          Kernel{Release: "6.1.0", Arch: "x86_64", CPUs: 4},
		Formats:         []Format{{Category: "sched", Event: "b", ID: 2, Size: 16}, {Category: "sched", Event: "a", ID: 1, Fields: []Field{{Name: "pid", Type: "pid_t", Size: 4, Signed: true}}}},
		RawNames:        []string{"b", "a"},
		KernelFunctions: []Function{{Name: "z", Addr: 1}, {Name: "a", Addr: 0xffffffff81000000}},
		Symbols:         map[string]uint64{"jiffies": 0xffffffff82000000},
		Binaries:        []Binary{{Name: "libc", Path: "/lib/libc.so.6", Arch: "x86_64", Functions: []UserFunction{{Name: "f", Offset: 1}, {Name: "f", Offset: 2}, {Name: "g", Offset: 3}}, USDT: []USDT{{Provider: "p", Name: "n", Args: []USDTArg{{Text: "1@%ah", Size: 1, Kind: USDTReg, Reg: "ax", Shift: 8}}}}}},
		Features:        map[Feature]string{RingBuffer: "", Kprobe: "no kprobes: CONFIG_KPROBES"},
	}
}

func TestRecordedSurvivesJSON(t *testing.T) {
	want := recorded()
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadRecorded(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Recorded{}, "Types")); diff != "" {
		t.Error(diff)
	}
	if _, err := ReadRecorded(strings.NewReader(`{"functionz":[]}`)); err == nil {
		t.Error("an unknown member is accepted")
	}
}

func TestRecordedAnswers(t *testing.T) {
	r := recorded()
	if names, err := r.Tracepoints(); err != nil || !cmp.Equal(names, []string{"sched:a", "sched:b"}) {
		t.Errorf("tracepoints %v, %v", names, err)
	}
	if f, err := r.Tracepoint("sched", "a"); err != nil || f.ID != 1 {
		t.Errorf("tracepoint %v, %v", f, err)
	}
	if names, err := r.RawTracepoints(); err != nil || !cmp.Equal(names, []string{"a", "b"}) {
		t.Errorf("raw tracepoints %v, %v", names, err)
	}
	if fns, err := r.Functions(); err != nil || fns[0].Name != "a" || r.KernelFunctions[0].Name != "z" {
		t.Errorf("functions %v, %v", fns, err)
	}
	for name, want := range map[string]uint64{"jiffies": 0xffffffff82000000, "z": 1} {
		if addr, err := r.Symbol(name); err != nil || addr != want {
			t.Errorf("%s: %#x, %v", name, addr, err)
		}
	}
	for _, name := range []string{"libc", "/lib/libc.so.6"} {
		if b, err := r.Binary(name, 7); err != nil || b.Path != "/lib/libc.so.6" {
			t.Errorf("binary %v, %v", b, err)
		}
	}
	if err := r.Feature(RingBuffer); err != nil {
		t.Error(err)
	}
	if err := r.Feature(Kprobe); !errors.Is(err, ebpf.ErrNotSupported) || !strings.Contains(err.Error(), "CONFIG_KPROBES") {
		t.Error(err)
	}
}

func TestWhatIsNotRecordedIsUnknownAndWhatIsEmptyIsNotFound(t *testing.T) {
	unknown, empty := new(Recorded), &Recorded{
		Formats: []Format{}, RawNames: []string{}, KernelFunctions: []Function{}, Symbols: map[string]uint64{}, Binaries: []Binary{},
	}
	questions := map[string]func(*Recorded) error{
		"tracepoint": func(r *Recorded) error { _, err := r.Tracepoint("a", "b"); return err },
		"symbol":     func(r *Recorded) error { _, err := r.Symbol("x"); return err },
		"binary":     func(r *Recorded) error { _, err := r.Binary("x", 0); return err },
	}
	for name, ask := range questions {
		if err := ask(unknown); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s, not recorded: %v", name, err)
		}
		if err := ask(reread(t, empty)); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s, empty: %v", name, err)
		}
	}
	lists := map[string]func(*Recorded) error{
		"tracepoints":     func(r *Recorded) error { _, err := r.Tracepoints(); return err },
		"raw tracepoints": func(r *Recorded) error { _, err := r.RawTracepoints(); return err },
		"functions":       func(r *Recorded) error { _, err := r.Functions(); return err },
	}
	for name, ask := range lists {
		if err := ask(unknown); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s, not recorded: %v", name, err)
		}
		if err := ask(empty); err != nil {
			t.Errorf("%s, empty: %v", name, err)
		}
	}
	for name, err := range map[string]error{
		"BTF": func() error { _, err := unknown.BTF(); return err }(), "feature": unknown.Feature(Kprobe),
		"function": func() error { _, _, err := unknown.FindFunc("x"); return err }(),
		"raw":      func() error { _, _, err := unknown.RawTracepoint("x"); return err }(),
	} {
		if !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// reread sends facts through their JSON form.
func reread(t *testing.T, r *Recorded) *Recorded {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadRecorded(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestFunctionsOfABinaryByName(t *testing.T) {
	b := &recorded().Binaries[0]
	for name, want := range map[string]int{"f": 2, "g": 1, "e": 0, "h": 0} {
		if got := b.Function(name); len(got) != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// types builds BTF with functions and raw tracepoints of several kinds.
func types(t *testing.T) *btf.Spec {
	t.Helper()
	number := &btf.Int{Name: "int", Size: 4}
	data := btf.FuncParam{Name: "__data", Type: &btf.Pointer{Target: (*btf.Void)(nil)}}
	proto := func(params ...btf.FuncParam) *btf.FuncProto {
		return &btf.FuncProto{Return: number, Params: params}
	}
	pointer := func(name string, target btf.Type) *btf.Typedef {
		return &btf.Typedef{Name: RawTracepointTypedef + name, Type: &btf.Pointer{Target: target}}
	}
	all := []btf.Type{
		&btf.Func{Name: "f", Type: proto(btf.FuncParam{Name: "a", Type: number})},
		&btf.Func{Name: "twice", Type: proto()},
		&btf.Func{Name: "twice", Type: proto(btf.FuncParam{Name: "second", Type: number})},
		&btf.Struct{Name: "both", Size: 4},
		&btf.Func{Name: "both", Type: proto()},
		&btf.Func{Name: RawTracepointIterator + "named", Type: proto(data, btf.FuncParam{Name: "x", Type: number})},
		pointer("named", proto(data, btf.FuncParam{Type: number})),
		pointer("nameless", proto(data, btf.FuncParam{Type: number})),
		pointer("broken", number),
		pointer("empty", proto()),
	}
	b, err := btf.NewBuilder(all, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := b.Marshal(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := btf.LoadSpecFromReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func TestFuncByName(t *testing.T) {
	spec := types(t)
	for _, name := range []string{"f", "twice", "both"} {
		if fn, err := FuncByName(spec, name); err != nil || fn.Name != name {
			t.Errorf("%s: %v, %v", name, fn, err)
		}
	}
	if _, err := FuncByName(spec, "int"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a type that is no function: %v", err)
	}
	r := &Recorded{Types: spec}
	if fn, module, err := r.FindFunc("f"); err != nil || module != "" || fn.Name != "f" {
		t.Errorf("recorded: %v, %q, %v", fn, module, err)
	}
}

func TestRawTracepointProto(t *testing.T) {
	spec := types(t)
	tests := []struct {
		name, param string
		params      int
		notFound    bool
	}{
		{"named", "x", 1, false},
		{"nameless", "", 1, false},
		{"none", "", -1, true},
		{"broken", "", -1, false},
		{"empty", "", -1, false},
	}
	for _, tt := range tests {
		proto, _, err := (&Recorded{Types: spec}).RawTracepoint(tt.name)
		switch {
		case tt.params < 0 && (err == nil || errors.Is(err, ErrNotFound) != tt.notFound):
			t.Errorf("%s: %v, %v", tt.name, proto, err)
		case tt.params >= 0 && (err != nil || len(proto.Params) != tt.params || proto.Params[0].Name != tt.param):
			t.Errorf("%s: %v, %v", tt.name, proto, err)
		}
	}
}
