package templates

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf/btf"

	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

var kprobeMechanisms = []Mechanism{
	{Name: "kprobe.multi", Feature: facts.KprobeMulti, Many: true, Whole: true, Guard: plan.GuardAll, Caps: capsTrace, Reason: "one link attaches all functions"},
	{Name: "kprobe perf link", Feature: facts.Kprobe, Guard: plan.GuardAll, Caps: capsTrace, More: morePerfEvent, Reason: "a perf event for each function"},
	{Name: "kprobe.multi", Feature: facts.KprobeMulti, Spare: true, Whole: true, Guard: plan.GuardAll, Caps: capsTrace, Reason: "a link for one function"},
}

var kretprobeMechanisms = []Mechanism{
	{Name: "kprobe.session", Feature: facts.KprobeSession, Session: true, Whole: true, Guard: plan.GuardAll, Caps: capsTrace, Reason: "one program and one link serve entries and returns"},
	{Name: "kretprobe.multi", Entry: "kprobe.multi", Feature: facts.KprobeMulti, Many: true, Whole: true, Guard: plan.GuardAll, Caps: capsTrace, Reason: "one link attaches all functions"},
	{Name: "kretprobe perf link", Entry: "kprobe perf link", Feature: facts.Kprobe, Guard: plan.GuardAll, Caps: capsTrace, More: morePerfEvent, Reason: "a perf event for each function"},
	{Name: "kretprobe.multi", Entry: "kprobe.multi", Feature: facts.KprobeMulti, Spare: true, Whole: true, Guard: plan.GuardAll, Caps: capsTrace, Reason: "a link for one function"},
}

// kprobe: the entry of kernel functions (or a place inside one, fn+0x1c).
func kprobe() *Type {
	return &Type{
		Name: "kprobe", Space: types.Kernel,
		Resolve: resolveKernelFunction, List: listFunctions,
		Mechanisms: kprobeMechanisms,
	}
}

// kretprobe: the return of kernel functions.
func kretprobe() *Type {
	return &Type{
		Name: "kretprobe", Space: types.Kernel, Returns: true, Pair: plan.PairStack,
		Resolve: kernelReturn, List: listFunctions,
		Mechanisms: kretprobeMechanisms, EntryMechanisms: kprobeMechanisms,
	}
}

func listFunctions(f facts.Facts, _ *facts.Binary) ([]string, error) {
	fns, err := f.Functions()
	if err != nil {
		return nil, err
	}
	return namesOf(fns, false), nil
}

// namesOf are the names of functions that ftrace traces, or of the others; fns
// are sorted by name.
func namesOf(fns []facts.Function, untraced bool) []string {
	names := make([]string, 0, len(fns))
	for i := range fns {
		if fns[i].NoTrace == untraced {
			names = append(names, fns[i].Name)
		}
	}
	return slices.Compact(names)
}

func resolveKernelFunction(r *Request) ([]Found, error) {
	list := func() ([]string, error) { return listFunctions(r.Facts, nil) }
	found, err := eachName(r, "kernel function", list, func(name string) ([]Found, error) {
		return resolveOneFunction(r, name)
	})
	names := untraced(r)
	var te *TargetError
	switch {
	case len(names) == 0:
	case err == nil && r.Leave != nil:
		r.Leave(names, "ftrace does not trace functions marked notrace")
	case errors.As(err, &te):
		te.Detail += fmt.Sprintf(" %s matches, but is marked notrace, and ftrace does not trace it.", names[0])
	}
	return found, err
}

// untraced are the functions that a glob matches and does not take.
func untraced(r *Request) []string {
	if !IsGlob(r.Pattern) {
		return nil
	}
	fns, err := r.Facts.Functions()
	if err != nil {
		return nil
	}
	names, err := matching(r.Pattern, namesOf(fns, true))
	if err != nil {
		return nil
	}
	return names
}

// kernelReturn is the same for probes at returns, which are of whole functions.
func kernelReturn(r *Request) ([]Found, error) {
	if name, _, inside := strings.Cut(r.Pattern, "+"); inside {
		return nil, &TargetError{Pattern: r.Pattern, Detail: fmt.Sprintf("A kretprobe is at the return of a function, not at a place in it: write %q.", name)}
	}
	return resolveKernelFunction(r)
}

func resolveOneFunction(r *Request, pattern string) ([]Found, error) {
	name, offset, err := splitOffset(pattern)
	if err != nil {
		return nil, err
	}
	regs, err := registersOf(r.Facts.Kernel().Arch, pattern)
	if err != nil {
		return nil, err
	}
	fn, module, err := r.Facts.FindFunc(name)
	if err != nil && !errors.Is(err, facts.ErrNotFound) {
		return nil, err
	}
	// Without a BTF prototype it may exist all the same (static and inlined
	// variants, assembly), and with one it may not be probed: the list decides.
	places, err := places(r, name, module, err == nil)
	if err != nil {
		return nil, err
	}
	layouts := map[string]*tree.Layout{}
	out := make([]Found, 0, len(places))
	for _, p := range places {
		if p.Size > 0 && offset >= p.Size {
			return nil, &TargetError{Pattern: pattern, Detail: fmt.Sprintf("%s is outside of %s, which is %#x bytes long.", pattern, name, p.Size)}
		}
		target := plan.Target{Name: pattern, Symbol: name, Module: p.Module, Offset: offset, Alone: offset != 0}
		if len(places) > 1 {
			target.Address = p.Addr
		}
		target.Alone = target.Alone || p.NoTrace
		layout := layouts[p.Module]
		if layout == nil {
			own := fn
			if p.Module != module {
				if own, err = r.Facts.FuncIn(name, p.Module); err != nil && !errors.Is(err, facts.ErrNotFound) {
					return nil, err
				}
			}
			layout = functionLayout(own, regs)
			if offset != 0 {
				refuseInside(layout, pattern)
			}
			layouts[p.Module] = layout
		}
		found := Found{Target: target, Layout: layout}
		if p.Addr != 0 {
			found.Place = fmt.Sprintf("%#x", p.Addr+offset)
		}
		out = append(out, found)
	}
	return out, nil
}

// refuseInside refuses the arguments at a place in a function.
func refuseInside(layout *tree.Layout, pattern string) {
	for i := range layout.Args {
		layout.Refused[layout.Args[i].Name] = "inside a function (" + pattern + ") the argument registers may hold something else"
	}
}

// places are where the functions of one name begin, those that can be probed;
// the errors say why there is none, or why they cannot be told apart. Where
// functions are not known, BTF's word is taken.
func places(r *Request, name, module string, inBTF bool) ([]facts.Function, error) {
	all, err := r.Facts.Function(name)
	switch {
	case errors.Is(err, facts.ErrUnknown) && inBTF:
		return []facts.Function{{Name: name, Module: module}}, nil
	case errors.Is(err, facts.ErrNotFound):
		return nil, noFunction(r, name, err)
	case err != nil:
		return nil, err
	}
	out := slices.Clone(all)
	for i := range out {
		refuseNotrace(r.Facts, &out[i])
	}
	refused := out[0].Refused
	out = slices.DeleteFunc(out, func(fn facts.Function) bool { return fn.Refused != "" })
	if len(out) == 0 {
		return nil, &TargetError{Pattern: name, Missing: true, Detail: fmt.Sprintf("%s cannot be probed: %s.", name, refused), Why: refused}
	}
	if hidden := out[0].Addr == 0; hidden && len(out) > 1 {
		return nil, &TargetError{Pattern: name, Detail: fmt.Sprintf(
			"This kernel has %d functions called %s, and hides their addresses, which would tell them apart (kernel.kptr_restrict, or CAP_SYSLOG is missing).", len(out), name)}
	}
	return out, nil
}

// notrace is why a function is refused that ftrace does not trace.
const notrace = "it is marked notrace, and this kernel takes probes only where ftrace may trace (CONFIG_KPROBE_EVENTS_ON_NOTRACE is off)"

// refuseNotrace refuses a function that ftrace does not trace, if the kernel is
// known to.
func refuseNotrace(f facts.Facts, fn *facts.Function) {
	if !fn.NoTrace || fn.Refused != "" || f.Feature(facts.Kprobe) != nil {
		return
	}
	if err := f.Feature(facts.KprobeNotrace); err != nil && !errors.Is(err, facts.ErrUnknown) {
		fn.Refused = notrace
	}
}

// noFunction says that there is no function of that name, what is known of why,
// and which there are.
func noFunction(r *Request, name string, why error) error {
	reason := "it does not exist, or the compiler inlined it wherever it is called"
	if _, known, ok := strings.Cut(why.Error(), "("); ok {
		reason, _, _ = strings.Cut(known, ")")
	}
	detail := fmt.Sprintf("This kernel has no function %q that can be probed: %s.", name, reason)
	names, err := listFunctions(r.Facts, nil)
	if err != nil {
		names = nil
	}
	return &TargetError{Pattern: name, Missing: true, Detail: detail, Near: Near(name, names)}
}

// splitOffset splits "fn+0x1c".
func splitOffset(pattern string) (name string, offset uint64, err error) {
	name, text, ok := strings.Cut(pattern, "+")
	if !ok {
		return pattern, 0, nil
	}
	offset, perr := strconv.ParseUint(text, 0, 64)
	if perr != nil || name == "" {
		return "", 0, &TargetError{Pattern: pattern, Detail: fmt.Sprintf(`%q is no place in a function: write fn+0x1c or fn+28.`, pattern)}
	}
	return name, offset, nil
}

// functionLayout is where a kernel function's arguments are at its entry; fn
// is nil if BTF does not know the function.
func functionLayout(fn *btf.Func, regs *registers) *tree.Layout {
	layout := &tree.Layout{Indexed: true, Refused: map[string]string{}}
	ret := types.U64
	ret.Untyped = true
	if fn == nil {
		for i, off := range regs.args {
			t := types.U64
			t.Untyped = true
			layout.Args = append(layout.Args, tree.ArgLoc{Name: strconv.Itoa(i), Type: t, Loc: regs.reg(off)})
		}
		layout.Ret = &tree.ArgLoc{Name: "retval", Type: ret, Loc: regs.reg(regs.ret)}
		return layout
	}
	proto, ok := fn.Type.(*btf.FuncProto)
	if !ok {
		proto = &btf.FuncProto{}
	}
	rt := types.FromBTF(proto.Return, types.Kernel)
	next := regs.hidden(rt)
	for i, p := range proto.Params {
		name := p.Name
		if name == "" {
			name = strconv.Itoa(i)
		}
		t := types.FromBTF(p.Type, types.Kernel)
		arg := tree.ArgLoc{Name: name, Type: t, Doc: cDecl(p)}
		if !t.IsScalar() {
			layout.Refused[name] = "it is passed by value and is no integer or pointer"
			arg.Type = types.U64
			next += regs.byValue(t.Size)
			layout.Args = append(layout.Args, arg)
			continue
		}
		if next < len(regs.args) {
			arg.Loc = regs.reg(regs.args[next])
		} else {
			layout.Refused[name] = fmt.Sprintf("it is argument %d, and only the first %d are in registers", i+1, len(regs.args))
		}
		next++
		layout.Args = append(layout.Args, arg)
	}
	switch {
	case rt.IsScalar():
		layout.Ret = &tree.ArgLoc{Name: "retval", Type: rt, Loc: regs.reg(regs.ret), Doc: rt.String()}
	case rt.Kind == types.Invalid && rt.Name == "":
		layout.Refused["retval"] = "the function returns nothing (void)"
	default:
		layout.Refused["retval"] = "it is returned by value and is no integer or pointer"
	}
	return layout
}
