package templates

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// A link for many places serves single ones too, where perf events of user probes
// are not for this process.
var uprobeMechanisms = []Mechanism{
	{Name: "uprobe.multi", Feature: facts.UprobeMulti, Many: true, Caps: capsTrace, Reason: "one link attaches all places"},
	{Name: "uprobe perf link", Feature: facts.UprobeEvent, Caps: capsTrace, More: morePerfEvent, Reason: "a perf event for each place"},
	{Name: "uprobe.multi", Feature: facts.UprobeMulti, Spare: true, Caps: capsTrace, Reason: "a link for one place"},
}

var uretprobeMechanisms = []Mechanism{
	{Name: "uprobe.session", Feature: facts.UprobeSession, Session: true, Caps: capsTrace, Reason: "one program and one link serve entries and returns"},
	{Name: "uretprobe.multi", Entry: "uprobe.multi", Feature: facts.UprobeMulti, Many: true, Caps: capsTrace, Reason: "one link attaches all places"},
	{Name: "uretprobe perf link", Entry: "uprobe perf link", Feature: facts.UprobeEvent, Caps: capsTrace, More: morePerfEvent, Reason: "a perf event for each place"},
	{Name: "uretprobe.multi", Entry: "uprobe.multi", Feature: facts.UprobeMulti, Spare: true, Caps: capsTrace, Reason: "a link for one place"},
}

// uprobe: the entry of functions of programs and libraries, or fn+0x1c.
func uprobe() *Type {
	return &Type{
		Name: "uprobe", Space: types.User, User: true,
		Resolve: resolveUserFunction, List: listUserFunctions,
		Mechanisms: uprobeMechanisms,
	}
}

// uretprobe: the return of functions of programs and libraries.
func uretprobe() *Type {
	return &Type{
		Name: "uretprobe", Space: types.User, User: true, Returns: true, Pair: plan.PairStack,
		Resolve: resolveUserReturn, List: listUserReturns,
		Mechanisms: uretprobeMechanisms, EntryMechanisms: uprobeMechanisms,
	}
}

func listUserFunctions(_ facts.Facts, b *facts.Binary) ([]string, error) {
	return userNames(b, func(fn *facts.UserFunction) bool { return fn.Refused == "" }), nil
}

// listUserReturns leaves out functions in Go, whose returns cannot be probed.
func listUserReturns(_ facts.Facts, b *facts.Binary) ([]string, error) {
	return userNames(b, func(fn *facts.UserFunction) bool { return fn.Refused == "" && !fn.Go }), nil
}

// userNames are the names that only functions have for which keep says yes: a probe
// is on all functions of a name, or on none.
func userNames(b *facts.Binary, keep func(*facts.UserFunction) bool) []string {
	if b == nil {
		return nil
	}
	names := make([]string, 0, len(b.Functions))
	not := ""
	for i := range b.Functions {
		fn := &b.Functions[i]
		switch {
		case !keep(fn):
			not = fn.Name
			for len(names) > 0 && names[len(names)-1] == not {
				names = names[:len(names)-1]
			}
		case fn.Name != not:
			names = append(names, fn.Name)
		}
	}
	return names
}

// allUserFunctions are also those that cannot be probed: a pattern that means one
// is told why.
func allUserFunctions(b *facts.Binary) []string {
	return userNames(b, func(*facts.UserFunction) bool { return true })
}

func resolveUserFunction(r *Request) ([]Found, error) {
	return userFunctions(r, func(name string) ([]Found, error) { return resolveOneUserFunction(r, name) })
}

// resolveUserReturn is the same for probes at returns, which are of whole
// functions whose stack stays where it is.
func resolveUserReturn(r *Request) ([]Found, error) {
	return userFunctions(r, func(pattern string) ([]Found, error) {
		if name, _, inside := strings.Cut(pattern, "+"); inside {
			return nil, &TargetError{Pattern: pattern, Detail: fmt.Sprintf("A uretprobe is at the return of a function, not at a place in it: write %q.", name)}
		}
		for _, fn := range r.Binary.Function(pattern) {
			if fn.Go {
				return nil, goReturn(pattern)
			}
		}
		return resolveOneUserFunction(r, pattern)
	})
}

func userFunctions(r *Request, one func(name string) ([]Found, error)) ([]Found, error) {
	list := func() ([]string, error) { return allUserFunctions(r.Binary), nil }
	found, err := eachName(r, "function of "+r.Binary.Name, list, one)
	var te *TargetError
	if errors.As(err, &te) && len(r.Binary.Functions) == 0 {
		te.Detail, te.Near = stripped(r.Binary), nil
	}
	return onePerPlace(found), err
}

// stripped says that a binary has no names of functions.
func stripped(b *facts.Binary) string {
	return fmt.Sprintf("%s has no symbols (it is stripped), so no function can be found by name.", b.Path)
}

// onePerPlace keeps the first of several names of one address: a glob would
// count each of its calls twice.
func onePerPlace(found []Found) []Found {
	seen := map[uint64]bool{}
	out := found[:0]
	for _, f := range found {
		if !seen[f.Target.Offset] {
			seen[f.Target.Offset] = true
			out = append(out, f)
		}
	}
	return out
}

// resolveOneUserFunction finds all functions of one name: a binary may have
// several static ones, or versions.
func resolveOneUserFunction(r *Request, pattern string) ([]Found, error) {
	name, delta, err := splitOffset(pattern)
	if err != nil {
		return nil, err
	}
	fns := r.Binary.Function(name)
	if len(fns) == 0 {
		names := allUserFunctions(r.Binary)
		return nil, &TargetError{Pattern: name, Missing: true, Detail: fmt.Sprintf("%s has no function %q.", r.Binary.Path, name), Near: Near(name, names)}
	}
	regs, err := registersOf(r.Binary.Arch, pattern)
	if err != nil {
		return nil, err
	}
	sig := r.Signature
	if sig != nil {
		sig = sig.InPrograms(r.Binary.Arch)
	}
	layout := signatureLayout(sig, regs)
	if fns[0].Go {
		layout = goLayout(r.Binary, sig, regs)
	}
	if delta != 0 {
		for i := range layout.Args {
			layout.Refused[layout.Args[i].Name] = "inside a function (" + pattern + ") the argument registers may hold something else"
		}
	}
	var out []Found
	for _, fn := range fns {
		at, err := fn.At(delta, r.Binary.Arch)
		if err != nil {
			return nil, &TargetError{Pattern: pattern, Detail: fmt.Sprintf("In %s, %v.", r.Binary.Path, err), Why: fn.Refused}
		}
		target := plan.Target{Name: pattern, Symbol: name, Path: r.Binary.Path, File: r.Binary.File, Offset: at, PID: r.PID}
		out = append(out, Found{Target: target, Layout: layout, Place: fmt.Sprintf("%s+%#x", target.Path, at)})
	}
	return out, nil
}

// maxUserArgs is how many arguments args[n] offers: those in registers and as
// many on the stack.
const maxUserArgs = 12

// signatureLayout is where a user function's arguments are: the first in
// registers, the others on the stack. What sig does not name stays args[n].
func signatureLayout(sig *types.Signature, regs *registers) *tree.Layout {
	layout := &tree.Layout{Indexed: true, Refused: map[string]string{}}
	for i := range maxUserArgs {
		t := types.U64
		t.Untyped = true
		arg := tree.ArgLoc{Name: strconv.Itoa(i), Type: t, Doc: "unsigned long"}
		if i < len(regs.args) {
			arg.Loc = regs.reg(regs.args[i])
		} else {
			arg.Loc = tree.Loc{Kind: tree.LocUser, Base: regs.sp, Index: -1, Off: regs.stackArg + 8*(i-len(regs.args)), Size: 8}
		}
		if sig != nil && i < len(sig.Params) {
			p := sig.Params[i]
			arg.Type, arg.Doc = p.Type, p.Decl
			if p.Name != "" {
				arg.Name = p.Name
			}
			if !p.Type.IsScalar() {
				layout.Refused[arg.Name] = "it is passed by value and is no integer or pointer"
				arg.Type = types.U64
			}
		}
		layout.Args = append(layout.Args, arg)
	}
	ret := types.U64
	ret.Untyped = true
	layout.Ret = &tree.ArgLoc{Name: "retval", Type: ret, Loc: regs.reg(regs.ret), Doc: "unsigned long"}
	if sig != nil {
		switch {
		case sig.Return.IsScalar():
			layout.Ret.Type, layout.Ret.Doc = sig.Return, sig.Return.String()
		case sig.Return.Kind == types.Invalid && sig.Return.Name == "":
			layout.Refused["retval"] = "the signature says that the function returns nothing (void)"
		default:
			layout.Refused["retval"] = "it is returned by value and is no integer or pointer"
		}
	}
	return layout
}
