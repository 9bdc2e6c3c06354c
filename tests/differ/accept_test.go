package differ

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"tracer/bpfgen"
	"tracer/internal/host"
	"tracer/interpreter/facts"
	"tracer/interpreter/types"
	"tracer/templates"
)

// probeTypes are the types acceptance is about.
var probeTypes = []string{"tracepoint", "raw_tracepoint", "syscall", "kprobe", "kretprobe", "uprobe", "uretprobe", "usdt"}

// signatures type user functions at random: what they say need not be true to
// load.
var signatures = []string{
	"int (const char *path, int flags)", "unsigned long (void *p, unsigned long n)", "char *(const char *s, short k, unsigned char c)",
	"void (char **argv, long n)", "long ()", "_Bool (signed char a, unsigned int b, unsigned short c, long long d, int e, int f, int g, int h)",
}

// loadable are facts of this machine in which nothing need be attached: kprobe
// programs load on kernels without kprobes.
type loadable struct{ *host.Host }

func (l loadable) Feature(f facts.Feature) error {
	if f == facts.Kprobe {
		return nil
	}
	return l.Host.Feature(f)
}

// acceptance makes specs and loads them.
type acceptance struct {
	t      testing.TB
	facts  facts.Facts
	types  map[string]*templates.Type
	names  map[string][]string // targets by probe type
	binary map[string]*facts.Binary
	ring   *ebpf.Map
	cache  *btf.Cache
}

func newAcceptance(t *testing.T) *acceptance {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("loading programs needs root")
	}
	h := host.Open(host.Options{})
	a := &acceptance{t: t, facts: loadable{h}, types: templates.All(), names: map[string][]string{}, binary: map[string]*facts.Binary{}, cache: h.BTFCache()}
	for _, name := range probeTypes {
		typ := a.types[name]
		if typ == nil {
			t.Errorf("there is no probe type %s", name)
			continue
		}
		if typ.User {
			a.binary[name] = a.findBinary(name)
		}
		if typ.User && a.binary[name] == nil {
			t.Logf("%s: no binary to probe", name)
			continue
		}
		names, err := typ.List(a.facts, a.binary[name])
		if err != nil {
			t.Logf("%s: %v", name, err)
		}
		a.names[name] = names
	}
	var err error
	if a.ring, err = ebpf.NewMap(&ebpf.MapSpec{Name: bpfgen.MapEvents, Type: ebpf.RingBuf, MaxEntries: ringBytes}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.ring.Close() })
	return a
}

// findBinary is what user probes are on: libc, or the workload that has USDT.
func (a *acceptance) findBinary(probeType string) *facts.Binary {
	path := "libc"
	if probeType == "usdt" {
		path, _ = filepath.Abs(filepath.Join("..", "..", "bin", "workload", "tw-usdt"))
	}
	b, err := a.facts.Binary(path, 0)
	if err != nil {
		a.t.Logf("%s: %v", probeType, err)
		return nil
	}
	return b
}

// spec makes a spec of one probe; "" if the target cannot be probed.
func (a *acceptance) spec(r *rand.Rand, probeType string) string {
	typ, names := a.types[probeType], a.names[probeType]
	if len(names) == 0 {
		return ""
	}
	target := names[r.IntN(len(names))]
	q := &templates.Request{Facts: a.facts, Pattern: target, Binary: a.binary[probeType]}
	signature := ""
	if typ.User && probeType != "usdt" && r.IntN(4) > 0 {
		signature = signatures[r.IntN(len(signatures))]
		q.Signature, _ = types.ParseSignature(signature, types.User, nil)
	}
	found, err := typ.Resolve(q)
	if err != nil || len(found) == 0 {
		return ""
	}
	w := &specWriter{r: r, g: newGenerator(r, "any", a.leaves(typ, &found[0])...)}
	fmt.Fprintf(&w.b, "probe %q \"p\" {\n  target = %q\n", probeType, target)
	if typ.User {
		fmt.Fprintf(&w.b, "  binary = %q\n", a.binary[probeType].Path)
	}
	if signature != "" {
		fmt.Fprintf(&w.b, "  signature = %q\n", signature)
	}
	w.body()
	w.b.WriteString("}\n")
	return w.b.String()
}

// leaves are what the target offers to expressions.
func (a *acceptance) leaves(typ *templates.Type, f *templates.Found) []form {
	var out []form
	add := func(text string, t types.Type) { out = append(out, a.leaf(text, t, 2)...) }
	for _, arg := range f.Layout.Args {
		if f.Layout.Refused[arg.Name] != "" || arg.Name == "" {
			continue
		}
		name := "args." + arg.Name
		if arg.Name[0] >= '0' && arg.Name[0] <= '9' {
			name = "args[" + arg.Name + "]"
		}
		add(name, arg.Type)
		if typ.Returns && arg.Type.IsScalar() {
			add("entry("+name+")", types.Type{Kind: types.Bool})
		}
	}
	if typ.Returns || typ.MayReturn {
		out = append(out, form{sort: sDuration, text: "latency", weight: 3}, form{sort: sText, text: "entry(comm)"}, form{sort: sNumber, text: "entry(uid)"})
		if f.Layout.Ret != nil && f.Layout.Refused["retval"] == "" {
			add("retval", f.Layout.Ret.Type)
		}
	}
	out = append(out, form{sort: sNumber, text: "ppid"}, form{sort: sNumber, text: "task.real_parent.pid"}, form{sort: sText, text: "task.group_leader.comm"},
		form{sort: sNumber, text: "cpu"}, form{sort: sNumber, text: "nsecs"}, form{sort: sNumber, text: "cgroup"}, form{sort: sNumber, text: "random"}, form{sort: sColumn, text: "func"}, form{sort: sColumn, text: "probe"})
	return out
}

// leaf is a value of a type as forms, and its members.
func (a *acceptance) leaf(text string, t types.Type, depth int) []form {
	switch t.Kind {
	case types.Int, types.Enum:
		if t.Untyped {
			return []form{{sort: sColumn, text: text}, {sort: sNumber, text: "cast(\"int\", " + text + ")"}}
		}
		if t.Unit != "" {
			return []form{{sort: sColumn, text: text}}
		}
		return []form{{sort: sNumber, text: text, weight: 2}}
	case types.Bool:
		return []form{{sort: sColumn, text: text}}
	case types.String:
		return []form{{sort: sText, text: text, weight: 2}}
	case types.Bytes, types.Array:
		return []form{{sort: sColumn, text: text}}
	case types.Pointer:
		out := []form{{sort: sColumn, text: text}, {sort: sCondition, text: "(" + text + " == null)"}}
		if t.Elem != nil && t.Elem.Kind == types.Int && t.Elem.Size == 1 {
			return append(out, form{sort: sText, text: "str(" + text + ")", weight: 2}, form{sort: sText, text: "str(" + text + ", 12)"}, form{sort: sColumn, text: "buf(" + text + ", pid, 24)"})
		}
		if t.Elem != nil && depth > 0 {
			out = append(out, a.members(text, *t.Elem, depth)...)
		}
		return out
	case types.Struct:
		if depth > 0 {
			return a.members(text, t, depth)
		}
	}
	return nil
}

// members are some members of a struct.
func (a *acceptance) members(text string, t types.Type, depth int) []form {
	c := t.C
	if t.Kind == types.Invalid && strings.HasPrefix(t.Name, "struct ") {
		if spec, err := a.facts.BTF(); err == nil {
			var s *btf.Struct
			if spec.TypeByName(strings.TrimPrefix(t.Name, "struct "), &s) == nil {
				c = s
			}
		}
	}
	if c == nil {
		return nil
	}
	names := types.MemberNames(c)
	var out []form
	for i, name := range names {
		m, ok := types.FindMember(c, name, t.Space)
		if !ok || i > 24 {
			continue
		}
		out = append(out, a.leaf(text+"."+name, m.Type, depth-1)...)
	}
	return out[:min(len(out), 40)]
}

// specWriter writes the body of a probe.
type specWriter struct {
	r *rand.Rand
	g *generator
	b strings.Builder
}

func (w *specWriter) some(s sort) *node { return w.g.make(s, 1+w.r.IntN(3)) }

func (w *specWriter) body() {
	if w.r.IntN(2) == 0 {
		fmt.Fprintf(&w.b, "  where = %s\n", w.some(sCondition))
	}
	if w.r.IntN(10) == 0 {
		w.b.WriteString("  sample = 10\n")
	}
	aggregates := w.r.IntN(3)
	if aggregates == 0 || w.r.IntN(2) == 0 {
		w.b.WriteString("  capture {\n")
		for i := range 1 + w.r.IntN(5) {
			fmt.Fprintf(&w.b, "    c%d = %s\n", i, w.some(sColumn))
		}
		w.b.WriteString("  }\n")
		if aggregates > 0 && w.r.IntN(2) == 0 {
			fmt.Fprintf(&w.b, "  stream = %s\n", w.some(sCondition))
		}
	}
	for i := range aggregates {
		w.aggregate(i)
	}
}

func (w *specWriter) aggregate(i int) {
	fmt.Fprintf(&w.b, "  aggregate \"a%d\" {\n", i)
	if w.r.IntN(3) == 0 {
		fmt.Fprintf(&w.b, "    where = %s\n", w.some(sCondition))
	}
	if n := w.r.IntN(4); n > 0 {
		w.b.WriteString("    by = {\n")
		for k := range n {
			fmt.Fprintf(&w.b, "      k%d = %s\n", k, w.some(sColumn))
		}
		w.b.WriteString("    }\n")
	}
	w.b.WriteString("    values = {\n      n = count()\n")
	for k := range w.r.IntN(4) {
		s := []sort{sNumber, sNumber, sDuration}[w.r.IntN(3)]
		value := []string{"sum($)", "avg($)", "min($)", "max($)", "last($)", "hist($)", "hist($, 3)", "linear($, -100, 1000, 100)"}[w.r.IntN(8)]
		fmt.Fprintf(&w.b, "      v%d = %s\n", k, &node{text: value, parts: []*node{w.some(s)}})
	}
	w.b.WriteString("    }\n")
	if w.r.IntN(3) == 0 {
		w.b.WriteString("    interval = \"5s\"\n")
	}
	w.b.WriteString("  }\n")
}

// rows keeps tables small: how many they hold is not what this is about.
const rows = 8

// load loads all programs of an object and closes them again.
func (a *acceptance) load(o *bpfgen.Object) error {
	for _, m := range o.Maps {
		for _, t := range []*ebpf.MapSpec{m, m.InnerMap} {
			if t != nil && t.Type == ebpf.PerCPUHash {
				t.MaxEntries = rows
			}
		}
	}
	for _, p := range o.Programs {
		spec := &ebpf.ProgramSpec{Name: p.Name, Type: p.Type, AttachType: p.Attach, AttachTo: p.AttachTo, Instructions: p.Object.Instructions, License: "GPL"}
		collection := &ebpf.CollectionSpec{Programs: map[string]*ebpf.ProgramSpec{p.Name: spec}, Maps: map[string]*ebpf.MapSpec{}}
		replace := map[string]*ebpf.Map{}
		for i := range p.Object.Instructions {
			if name := p.Object.Instructions[i].Reference(); p.Object.Instructions[i].IsLoadFromMap() {
				collection.Maps[name] = o.Maps[name]
				if name == bpfgen.MapEvents {
					replace[name] = a.ring
				}
			}
		}
		c, err := ebpf.NewCollectionWithOptions(collection, ebpf.CollectionOptions{MapReplacements: replace, Cache: a.cache})
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		c.Close()
	}
	return nil
}

// accept checks, compiles and loads a spec; loaded is false if it is no spec.
func (a *acceptance) accept(text string) (loaded bool, err error) {
	pl, diags := checked(text, a.facts)
	if diags.HasErrors() {
		return false, errors.New(firstError(diags))
	}
	pl.RingBytes = ringBytes
	o, diags := bpfgen.Compile(pl)
	if diags.HasErrors() {
		return true, fmt.Errorf("compile: %s", firstError(diags))
	}
	return true, a.load(o)
}

// TestWhatTheCheckerAcceptsLoads is the acceptance test on this kernel.
func TestWhatTheCheckerAcceptsLoads(t *testing.T) {
	base := seed(t)
	a := newAcceptance(t)
	loaded, refused := map[string]int{}, map[string]int{}
	start := time.Now()
	for i := range specs(t, 400) {
		r := rand.New(rand.NewPCG(base, uint64(9000+i)))
		probeType := probeTypes[i%len(probeTypes)]
		text := ""
		for try := 0; text == "" && try < 20 && len(a.names[probeType]) > 0; try++ {
			text = a.spec(r, probeType)
		}
		if text == "" {
			continue
		}
		ok, err := a.accept(text)
		switch {
		case !ok:
			refused[probeType]++
			if os.Getenv("TRACER_DIFFER_REFUSED") != "" {
				t.Logf("%v\n%s", err, text)
			}
		case err != nil:
			a.report(i, text, err)
		default:
			loaded[probeType]++
		}
	}
	for _, probeType := range probeTypes {
		switch n := loaded[probeType]; {
		case len(a.names[probeType]) == 0:
			t.Logf("%s: nothing to probe here", probeType)
		case n == 0:
			t.Errorf("%s: no spec was loaded, %d were refused by the checker", probeType, refused[probeType])
		}
	}
	t.Logf("loaded %v in %v; refused by the checker %v", loaded, time.Since(start).Round(time.Second), refused)
}

func (a *acceptance) report(i int, text string, err error) {
	a.t.Helper()
	message := err.Error()
	var verdict *ebpf.VerifierError
	if errors.As(err, &verdict) {
		log := slices.Clone(verdict.Log)
		message = err.Error()[:min(len(err.Error()), 400)] + "\n" + strings.Join(log[max(0, len(log)-12):], "\n")
	}
	if os.Getenv("TRACER_DIFFER_ALL") == "" {
		a.t.Fatalf("spec %d: %s\n%s", i, message, text)
	}
	a.t.Errorf("spec %d: %s\n%s", i, message, text)
}
