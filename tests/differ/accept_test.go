package differ

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/rlimit"

	"tracer/bpfgen"
	"tracer/internal/bpfcall"
	"tracer/internal/host"
	"tracer/internal/symbol"
	"tracer/interpreter/check"
	"tracer/interpreter/facts"
	"tracer/interpreter/unit"
	"tracer/templates"
)

// probeTypes are the types acceptance is about.
var probeTypes = []string{"tracepoint", "raw_tracepoint", "syscall", "kprobe", "kretprobe", "uprobe", "uretprobe", "usdt"}

// loadable are facts of this machine in which nothing need be attached: kprobe
// programs load on kernels without kprobes.
type loadable struct {
	*host.Host
	// without are features that are said to be missing.
	without []facts.Feature
}

func (l loadable) Feature(f facts.Feature) error {
	if slices.Contains(l.without, f) {
		return fmt.Errorf("%s is left out in this test", f)
	}
	switch {
	case f == facts.Kprobe:
		return nil
	case f == facts.KprobeSession && l.Host.Feature(facts.UprobeSession) == nil:
		return nil // programs of both kinds load alike
	}
	return l.Host.Feature(f)
}

// names are targets, those of user probes in a binary.
type names struct {
	binary *facts.Binary
	names  []string
}

// acceptance makes specs and loads them. It is one goroutine's.
type acceptance struct {
	facts   loadable
	types   map[string]*templates.Type
	names   map[string][]names // targets by probe type
	btf     *btf.Spec
	structs []string // names of the kernel's structs
	enums   []string
	ring    *ebpf.Map
	cache   *btf.Cache
	symbols *symbol.Resolver
}

func newAcceptance(t *testing.T) *acceptance {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("loading programs needs root")
	}
	if err := rlimit.RemoveMemlock(); err != nil { // before 5.11 maps count against it
		t.Fatal(err)
	}
	h := host.Open(host.Options{})
	a := &acceptance{facts: loadable{Host: h}, types: templates.All(), names: map[string][]names{}, cache: h.BTFCache(), symbols: symbol.New(symbol.Options{})}
	var err error
	if a.btf, err = h.BTF(); err != nil {
		t.Fatal(err)
	}
	a.structs, a.enums = typeNames(a.btf)
	for _, name := range probeTypes {
		a.findNames(t, a.types[name])
	}
	if a.ring, err = ebpf.NewMap(&ebpf.MapSpec{Name: bpfgen.MapEvents, Type: ebpf.RingBuf, MaxEntries: ringBytes}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.ring.Close() })
	return a
}

// typeNames are the names that one struct or enum each has.
func typeNames(spec *btf.Spec) (structs, enums []string) {
	for t, err := range spec.All() {
		if err != nil {
			break
		}
		switch t := t.(type) {
		case *btf.Struct:
			var one *btf.Struct
			if t.Name != "" && t.Size > 0 && spec.TypeByName(t.Name, &one) == nil {
				structs = append(structs, t.Name)
			}
		case *btf.Enum:
			var one *btf.Enum
			if t.Name != "" && len(t.Values) > 0 && spec.TypeByName(t.Name, &one) == nil {
				enums = append(enums, t.Name)
			}
		}
	}
	return structs, enums
}

// findNames lists the targets of a probe type: kernel ones, or those of libc and
// of the workloads.
func (a *acceptance) findNames(t *testing.T, typ *templates.Type) {
	t.Helper()
	binaries := []*facts.Binary{nil}
	if typ.User {
		binaries = nil
		for _, path := range []string{"libc", workload("tw-usdt"), workload("tw-functions")} {
			b, err := a.facts.Binary(path, 0)
			if err != nil {
				t.Fatalf("%v (make workloads makes it)", err)
			}
			binaries = append(binaries, b)
		}
	}
	for _, b := range binaries {
		all, err := typ.List(a.facts, b)
		if err != nil {
			t.Logf("%s: %v", typ.Name, err)
		}
		if len(all) > 0 {
			a.names[typ.Name] = append(a.names[typ.Name], names{b, all})
		}
	}
	if len(a.names[typ.Name]) == 0 {
		t.Errorf("%s: there is nothing to probe", typ.Name)
	}
}

// workload is the path of a program of tests/workload.
func workload(name string) string {
	dir := os.Getenv("TRACER_WORKLOADS")
	if dir == "" {
		dir = filepath.Join("..", "..", "bin", "workload")
	}
	path, err := filepath.Abs(filepath.Join(dir, name))
	if err != nil {
		return name
	}
	return path
}

// verdict is what came of a spec.
type verdict struct {
	// refused is the checker's first error: it is no spec.
	refused string
	// large is the compiler's: a spec too large for a program, as validate says.
	large string
	// err is what must not be: a panic, or a program that the kernel rejects.
	err error
	// steps is how many instructions of its worst program the verifier walked.
	steps uint32
}

// accept checks, compiles and loads a spec.
func (a *acceptance) accept(d *document) (v verdict) {
	defer func() {
		if p := recover(); p != nil {
			v.err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	f := a.facts
	f.without = d.without
	env := &unit.Env{Names: unit.ABI(f.Kernel().Arch), Resolver: a.symbols}
	pl, diags := checkedAs(d.String(), check.Input{Facts: f, Env: env, PID: d.pid, Mechanism: d.force})
	if diags.HasErrors() {
		return verdict{refused: firstError(diags)}
	}
	pl.RingBytes = ringBytes
	o, diags := bpfgen.Compile(pl)
	if diags.HasErrors() {
		return verdict{large: firstError(diags)}
	}
	v.steps, v.err = a.load(o)
	return v
}

// rows keeps tables small: how many they hold is not what this is about.
const rows = 8

// load loads all programs of an object and closes them again. It gives the
// number of instructions the verifier walked in the worst.
func (a *acceptance) load(o *bpfgen.Object) (steps uint32, err error) {
	made := map[string]*ebpf.Map{bpfgen.MapEvents: a.ring}
	defer func() {
		for name, m := range made {
			if name != bpfgen.MapEvents {
				_ = m.Close()
			}
		}
	}()
	for name, m := range o.Maps {
		for _, t := range []*ebpf.MapSpec{m, m.InnerMap} {
			if t != nil && (t.Type == ebpf.PerCPUHash || t.Type == ebpf.LRUHash) {
				t.MaxEntries = rows
			}
		}
		if name == bpfgen.MapEvents {
			continue
		}
		if made[name], err = ebpf.NewMap(m); err != nil {
			return 0, fmt.Errorf("map %s: %w", name, err)
		}
	}
	for _, p := range o.Programs {
		n, err := a.loadProgram(o, p, made)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", p.Name, err)
		}
		steps = max(steps, n)
	}
	return steps, nil
}

func (a *acceptance) loadProgram(o *bpfgen.Object, p *bpfgen.Program, made map[string]*ebpf.Map) (steps uint32, err error) {
	list, err := bpfcall.Number(p.Object.Instructions, a.cache.Kernel)
	if err != nil {
		return 0, err
	}
	spec := &ebpf.ProgramSpec{Name: p.Name, Type: p.Type, AttachType: p.Attach, AttachTo: p.AttachTo, Instructions: list, License: "GPL"}
	collection := &ebpf.CollectionSpec{Programs: map[string]*ebpf.ProgramSpec{p.Name: spec}, Maps: map[string]*ebpf.MapSpec{}}
	replace := map[string]*ebpf.Map{}
	for i := range p.Object.Instructions {
		if name := p.Object.Instructions[i].Reference(); p.Object.Instructions[i].IsLoadFromMap() {
			collection.Maps[name], replace[name] = o.Maps[name], made[name]
		}
	}
	c, err := ebpf.NewCollectionWithOptions(collection, ebpf.CollectionOptions{MapReplacements: replace, Cache: a.cache})
	if err != nil {
		return 0, err
	}
	defer c.Close()
	info, err := c.Programs[p.Name].Info()
	if err != nil {
		return 0, err
	}
	steps, _ = info.VerifiedInstructions() // 0 on kernels that do not say (before 5.16)
	return steps, nil
}

// explain is a bad spec, made as small as it goes, and what is wrong with it.
func (a *acceptance) explain(d *document) string {
	d = shrink(d, smallerDocuments, func(q *document) bool { return a.accept(q).err != nil })
	err := a.accept(d).err
	message := err.Error()
	var rejected *ebpf.VerifierError
	if errors.As(err, &rejected) {
		message = message[:min(len(message), 400)] + "\n" + strings.Join(rejected.Log[max(0, len(rejected.Log)-30):], "\n")
	}
	return fmt.Sprintf("%s\npid %d, mechanism %q, without %v\n%s", message, d.pid, d.force, d.without, strings.TrimPrefix(d.String(), prelude))
}
