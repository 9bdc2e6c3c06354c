package templates

import (
	"errors"
	"fmt"
	"strings"

	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// capsTrace are the capabilities that loading and attaching tracing programs
// needs (CAP_SYS_ADMIN stands for both before Linux 5.8).
var capsTrace = []string{"CAP_BPF", "CAP_PERFMON"}

// What some mechanisms ask for besides. In Debian's kernels perf_event_open(2) wants
// CAP_SYS_ADMIN of every caller where kernel.perf_event_paranoid is above 2; newer
// kernels want it for events of user probes (seen on 6.18).
var (
	capSysAdmin = plan.Capability{Name: "CAP_SYS_ADMIN", Why: "where the kernel wants it for perf events"}
	capTracefs  = plan.Capability{Name: "CAP_DAC_READ_SEARCH", Why: "or root, to read the formats of events in tracefs"}

	morePerfEvent  = []plan.Capability{capSysAdmin}
	moreTracepoint = []plan.Capability{capTracefs, capSysAdmin}
)

// tracepoint: static tracepoints by their tracefs format. The context is the
// record that perf would see, so offsets are those of the format file.
func tracepoint() *Type {
	return &Type{
		Name:    "tracepoint",
		Space:   types.Kernel,
		Resolve: resolveTracepoint,
		List:    func(f facts.Facts, _ *facts.Binary) ([]string, error) { return f.Tracepoints() },
		Mechanisms: []Mechanism{{
			Name: "perf tracepoint", Guard: plan.GuardAll, Faultable: true, Caps: capsTrace, More: moreTracepoint, Reason: "fields are read by the offsets of the format file",
		}},
	}
}

func resolveTracepoint(r *Request) ([]Found, error) {
	list := func() ([]string, error) { return r.Facts.Tracepoints() }
	return eachName(r, "tracepoint", list, func(name string) ([]Found, error) {
		category, event, ok := strings.Cut(name, ":")
		if !ok || category == "" || event == "" {
			return nil, tracepointNameError(r, name)
		}
		format, err := r.Facts.Tracepoint(category, event)
		if errors.Is(err, facts.ErrNotFound) {
			all, lerr := r.Facts.Tracepoints()
			if lerr != nil {
				return nil, lerr
			}
			return nil, &TargetError{Pattern: name, Missing: true, Detail: fmt.Sprintf("This kernel has no tracepoint %q.", name), Near: Near(name, all)}
		}
		if err != nil {
			return nil, err
		}
		return []Found{{
			Target: plan.Target{Name: name, Category: category, Event: event, EventID: format.ID},
			Layout: formatLayout(format, types.Kernel),
		}}, nil
	})
}

func tracepointNameError(r *Request, name string) error {
	e := &TargetError{Pattern: name, Detail: fmt.Sprintf(`%q is no tracepoint: write category:event, as in "sched:sched_switch".`, name)}
	if all, err := r.Facts.Tracepoints(); err == nil {
		for _, full := range all {
			if strings.HasSuffix(full, ":"+name) {
				e.Near = append(e.Near, full)
			}
		}
	}
	return e
}

// formatLayout has the fields of a format as arguments. Those of system calls
// are the program's: their pointers are user memory, and each is 8 bytes wide
// whatever its C type.
func formatLayout(format *facts.Format, space types.Space) *tree.Layout {
	out := &tree.Layout{Refused: map[string]string{}}
	for _, f := range format.Fields {
		if f.Common {
			continue
		}
		t, loc := fieldType(f, space)
		if format.Category == "syscalls" && f.Size == 8 && f.Len == 0 && !f.DataLoc && !f.RelLoc {
			t, loc = syscallArg(f)
		}
		if f.Size <= 0 {
			out.Refused[f.Name] = "the kernel gives it no size"
		}
		out.Args = append(out.Args, tree.ArgLoc{Name: f.Name, Type: t, Loc: loc, Doc: strings.TrimSpace(f.Type + " " + f.Name)})
	}
	return out
}

// plainSize says that a register can hold size bytes.
func plainSize(size int) bool { return size == 1 || size == 2 || size == 4 || size == 8 }

// fieldType is the type and place of a tracepoint's field. Struct pointers
// and enums keep only their C names: the checker asks BTF when it needs more,
// so that a spec which does not never loads BTF.
func fieldType(f facts.Field, space types.Space) (types.Type, tree.Loc) {
	loc := tree.Loc{Kind: tree.LocCtx, Off: f.Offset, Size: f.Size, Signed: f.Signed}
	elem := fieldElem(f)
	switch {
	case f.DataLoc || f.RelLoc:
		loc.Kind = tree.LocDataLoc
		if f.RelLoc {
			loc.Kind = tree.LocRelLoc
		}
		if f.Elem == "char" {
			return types.Type{Kind: types.String, Size: dynamicMax, Space: types.Kernel}, loc
		}
		return types.Type{Kind: types.Bytes, Size: dynamicMax, Space: types.Kernel, Name: f.Elem + "[]"}, loc
	case f.Pointer:
		ptr, err := types.ParseCType(f.Type, space, nil)
		if err != nil {
			ptr = types.Type{Kind: types.Pointer, Size: 8, Space: space}
		}
		return ptr, loc
	case f.Len > 0 && f.Elem == "char":
		elem.Signed = f.Signed // as this kernel's C has it
		return types.Type{Kind: types.String, Size: f.Size, Fixed: true, Elem: &elem}, loc
	case f.Len > 0 && plainSize(f.Size/f.Len):
		elem.Size = f.Size / f.Len
		return types.Type{Kind: types.Array, Elem: &elem, Len: f.Len, Size: f.Size}, loc
	}
	if !plainSize(f.Size) {
		return types.Type{Kind: types.Bytes, Size: f.Size, Fixed: true, Name: f.Type}, loc
	}
	elem.Size, elem.Signed = f.Size, f.Signed
	if elem.Kind == types.Bool && f.Size != 1 {
		elem.Kind = types.Int
	}
	return elem, loc
}

// dynamicMax bounds what is kept of a dynamic array or string of a tracepoint.
const dynamicMax = 256

func fieldElem(f facts.Field) types.Type {
	name := f.Elem
	if name == "" {
		name = f.Type
	}
	if rest, ok := strings.CutPrefix(name, "enum "); ok {
		return types.Type{Kind: types.Enum, Size: f.Size, Signed: f.Signed, Name: "enum " + rest}
	}
	if t, err := types.ParseCType(name, types.Kernel, nil); err == nil && t.IsScalar() && t.Kind != types.Pointer {
		return t
	}
	return types.Type{Kind: types.Int, Size: f.Size, Signed: f.Signed, Name: name}
}
