package facts

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// Recorded is a kernel and its programs as plain data: facts that were written
// down, to plan for a machine that is not at hand. A part that is null in the
// JSON form is unknown (ErrUnknown); a part that is empty is known to be empty.
//
// It is safe for concurrent reading as long as nobody changes it.
type Recorded struct {
	System Kernel `json:"kernel"`
	// Formats are the tracepoints.
	Formats []Format `json:"tracepoints,omitzero"`
	// RawNames are the raw tracepoints; their prototypes come from Types.
	RawNames []string `json:"raw_tracepoints,omitzero"`
	// Kernel functions, in any order.
	KernelFunctions []Function `json:"functions,omitzero"`
	// Symbols are addresses of further kernel symbols, such as variables.
	Symbols map[string]uint64 `json:"symbols,omitzero"`
	// Binaries are found by the Name or the Path they were recorded under.
	Binaries []Binary `json:"binaries,omitzero"`
	// Features says for each known feature what is missing, "" if nothing is.
	Features map[Feature]string `json:"features,omitzero"`

	// CommAt is the offset of comm in struct task_struct, 0 if unknown.
	CommAt int `json:"comm_offset,omitzero"`
	// Plain are the arguments of raw tracepoints that are numbers, as "name/arg".
	Plain map[string]bool `json:"plain_arguments,omitempty"`

	// Types is the BTF, loaded by the caller. It is not part of the JSON form.
	Types *btf.Spec `json:"-"`
}

var _ Facts = (*Recorded)(nil)

// ReadRecorded decodes the JSON form. Unknown members are an error: they are
// facts that this version would silently not know.
func ReadRecorded(r io.Reader) (*Recorded, error) {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	rec := new(Recorded)
	if err := dec.Decode(rec); err != nil {
		return nil, fmt.Errorf("recorded facts: %w", err)
	}
	return rec, nil
}

// Kernel implements Facts.
func (r *Recorded) Kernel() Kernel { return r.System }

// BTF implements Facts.
func (r *Recorded) BTF() (*btf.Spec, error) {
	if r.Types == nil {
		return nil, fmt.Errorf("BTF of the recorded kernel: %w", ErrUnknown)
	}
	return r.Types, nil
}

// CommOffset implements Facts.
func (r *Recorded) CommOffset() (int, error) {
	if r.CommAt == 0 {
		return 0, fmt.Errorf("comm of the recorded kernel: %w", ErrUnknown)
	}
	return r.CommAt, nil
}

// PlainArgument implements Facts.
func (r *Recorded) PlainArgument(tracepoint string, arg int) bool {
	return r.Plain[fmt.Sprintf("%s/%d", tracepoint, arg)]
}

// FindFunc implements Facts; recorded functions are all of vmlinux.
func (r *Recorded) FindFunc(name string) (*btf.Func, string, error) {
	spec, err := r.BTF()
	if err != nil {
		return nil, "", err
	}
	fn, err := FuncByName(spec, name)
	return fn, "", err
}

// FuncIn implements Facts.
func (r *Recorded) FuncIn(name, module string) (*btf.Func, error) {
	if module != "" {
		return nil, fmt.Errorf("BTF function %s of module %s: %w", name, module, ErrNotFound)
	}
	fn, _, err := r.FindFunc(name)
	return fn, err
}

// Tracepoints implements Facts.
func (r *Recorded) Tracepoints() ([]string, error) {
	if r.Formats == nil {
		return nil, fmt.Errorf("tracepoints of the recorded kernel: %w", ErrUnknown)
	}
	names := make([]string, 0, len(r.Formats))
	for _, f := range r.Formats {
		names = append(names, f.Category+":"+f.Event)
	}
	slices.Sort(names)
	return names, nil
}

// Tracepoint implements Facts.
func (r *Recorded) Tracepoint(category, event string) (*Format, error) {
	if r.Formats == nil {
		return nil, fmt.Errorf("tracepoints of the recorded kernel: %w", ErrUnknown)
	}
	for i := range r.Formats {
		if f := &r.Formats[i]; f.Category == category && f.Event == event {
			return f, nil
		}
	}
	return nil, fmt.Errorf("tracepoint %s:%s: %w", category, event, ErrNotFound)
}

// RawTracepoints implements Facts.
func (r *Recorded) RawTracepoints() ([]string, error) {
	if r.RawNames == nil {
		return nil, fmt.Errorf("raw tracepoints of the recorded kernel: %w", ErrUnknown)
	}
	return slices.Sorted(slices.Values(r.RawNames)), nil
}

// RawTracepoint implements Facts.
func (r *Recorded) RawTracepoint(name string) (*btf.FuncProto, string, error) {
	spec, err := r.BTF()
	if err != nil {
		return nil, "", err
	}
	proto, err := RawTracepointProto(spec, name)
	return proto, "", err
}

// Functions implements Facts.
func (r *Recorded) Functions() ([]Function, error) {
	if r.KernelFunctions == nil {
		return nil, fmt.Errorf("functions of the recorded kernel: %w", ErrUnknown)
	}
	fns := slices.Clone(r.KernelFunctions)
	slices.SortStableFunc(fns, func(a, b Function) int { return strings.Compare(a.Name, b.Name) })
	return fns, nil
}

// Function implements Facts.
func (r *Recorded) Function(name string) ([]Function, error) {
	if r.KernelFunctions == nil {
		return nil, fmt.Errorf("functions of the recorded kernel: %w", ErrUnknown)
	}
	var out []Function
	for _, fn := range r.KernelFunctions {
		if fn.Name == name {
			out = append(out, fn)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("kernel function %s: %w", name, ErrNotFound)
	}
	return out, nil
}

// Cgroup implements Facts.
func (r *Recorded) Cgroup(path string) (uint64, int, error) {
	return 0, 0, fmt.Errorf("control group %s of the recorded machine: %w", path, ErrUnknown)
}

// Symbol implements Facts.
func (r *Recorded) Symbol(name string) (uint64, error) {
	if addr, ok := r.Symbols[name]; ok {
		return addr, nil
	}
	for _, fn := range r.KernelFunctions {
		if fn.Name == name && fn.Addr != 0 {
			return fn.Addr, nil
		}
	}
	if r.Symbols == nil {
		return 0, fmt.Errorf("address of %s in the recorded kernel: %w", name, ErrUnknown)
	}
	return 0, fmt.Errorf("kernel symbol %s: %w", name, ErrNotFound)
}

// Binary implements Facts; the process makes no difference.
func (r *Recorded) Binary(name string, _ int) (*Binary, error) {
	if r.Binaries == nil {
		return nil, fmt.Errorf("binaries of the recorded machine: %w", ErrUnknown)
	}
	for i := range r.Binaries {
		if b := &r.Binaries[i]; b.Name == name || b.Path == name {
			return b, nil
		}
	}
	return nil, fmt.Errorf("binary %s: %w", name, ErrNotFound)
}

// Feature implements Facts. A missing feature's error wraps
// ebpf.ErrNotSupported, as that of a probed one does.
func (r *Recorded) Feature(f Feature) error {
	missing, ok := r.Features[f]
	switch {
	case !ok:
		return fmt.Errorf("feature %s of the recorded kernel: %w", f, ErrUnknown)
	case missing != "":
		return fmt.Errorf("%s: %w", missing, ebpf.ErrNotSupported)
	default:
		return nil
	}
}
