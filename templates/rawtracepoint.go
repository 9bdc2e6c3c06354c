package templates

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/cilium/ebpf/btf"

	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// rawTracepoint: the arguments of a tracepoint as the kernel passes them, typed
// by BTF. Entered as tp_btf where the kernel can, so that the verifier knows the
// pointers and members are plain loads.
func rawTracepoint() *Type {
	return &Type{
		Name:    "raw_tracepoint",
		Space:   types.Trusted,
		Resolve: resolveRawTracepoint,
		List:    func(f facts.Facts, _ *facts.Binary) ([]string, error) { return f.RawTracepoints() },
		Mechanisms: []Mechanism{
			{Name: "tp_btf", Feature: facts.TPBTF, One: true, Guard: plan.GuardSelf, Caps: capsTrace, Reason: "the verifier knows the arguments' types: members are plain loads", Unreadable: untypedArgument},
			{Name: "raw tracepoint", One: true, Guard: plan.GuardSelf, Caps: capsTrace, Reason: "members are read by a helper"},
		},
	}
}

func resolveRawTracepoint(r *Request) ([]Found, error) {
	list := func() ([]string, error) { return r.Facts.RawTracepoints() }
	return eachName(r, "raw tracepoint", list, func(name string) ([]Found, error) {
		proto, module, err := r.Facts.RawTracepoint(name)
		if errors.Is(err, facts.ErrNotFound) {
			all, lerr := r.Facts.RawTracepoints()
			if lerr != nil {
				return nil, lerr
			}
			if slices.Contains(all, name) { // tracefs has it
				return nil, &TargetError{Pattern: name, Detail: fmt.Sprintf("This kernel has a raw tracepoint %q, but no type information (BTF) about its arguments, which raw_tracepoint needs. The same event as a tracepoint probe does not.", name)}
			}
			return nil, &TargetError{Pattern: name, Missing: true, Detail: fmt.Sprintf("This kernel has no raw tracepoint %q.", name), Near: Near(name, all)}
		}
		if err != nil {
			return nil, err
		}
		layout := &tree.Layout{Indexed: true, Refused: map[string]string{}}
		for i, p := range proto.Params {
			t := types.FromBTF(p.Type, types.Trusted)
			if qualifiedVoid(p.Type) {
				t.Space = types.Kernel // see untypedArgument
			}
			if p.Name == "" { // before Linux 5.10
				p.Name = strconv.Itoa(i)
			}
			if !t.IsScalar() {
				layout.Refused[p.Name] = "it is passed by value and is no integer or pointer"
				t = types.U64
			}
			layout.Args = append(layout.Args, tree.ArgLoc{
				Name: p.Name, Type: t, Doc: cDecl(p),
				Loc: tree.Loc{Kind: tree.LocCtx, Off: 8 * i, Size: 8},
			})
		}
		return []Found{{Target: plan.Target{Name: name, Event: name, Module: module}, Layout: layout}}, nil
	})
}

// cDecl is a parameter as C would declare it.
func cDecl(p btf.FuncParam) string {
	t := types.FromBTF(p.Type, types.Kernel)
	name := t.String()
	if t.Kind == types.Invalid {
		name = "void"
	}
	if name != "" && name[len(name)-1] == '*' {
		return name + p.Name
	}
	return name + " " + p.Name
}

// untypedArgument says why a tp_btf program may not load an argument: the verifier
// (btf_ctx_access) takes numbers and pointers to structs, numbers and void, and
// refuses the program for others, such as pointers to functions, and up to 6.12
// those to void that is const. Some pointers to structs it takes for numbers.
func untypedArgument(f facts.Facts, tracepoint string, a *tree.ArgLoc) string {
	const kind = "the verifier lets them load no pointer of its type"
	if a.Type.Kind != types.Pointer {
		return ""
	}
	if elem := a.Type.Elem; elem != nil {
		switch elem.Kind {
		case types.Struct:
			if f.PlainArgument(tracepoint, a.Loc.Off/8) {
				return "the verifier takes it for a plain number there, as it may hold an error instead of a pointer"
			}
			return ""
		case types.Int, types.Bool:
			return ""
		}
		if elem.Kind != types.Invalid || elem.Name != "" {
			return kind
		}
	}
	if a.Type.Space != types.Trusted { // void
		return kind
	}
	return ""
}

// qualifiedVoid says that t is a pointer to void by way of a qualifier or name.
func qualifiedVoid(t btf.Type) bool {
	pointer, ok := btf.UnderlyingType(t).(*btf.Pointer)
	if !ok {
		return false
	}
	if _, plain := pointer.Target.(*btf.Void); plain {
		return false
	}
	_, void := btf.UnderlyingType(pointer.Target).(*btf.Void)
	return void
}
