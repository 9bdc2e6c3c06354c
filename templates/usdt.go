package templates

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// maxUSDTArgs is how many arguments sys/sdt.h lets a probe have.
const maxUSDTArgs = 12

// usdt: user statically defined tracepoints, found by their .note.stapsdt
// notes. A probe may stand at several places, each with operands of its own.
func usdt() *Type {
	return &Type{
		Name: "usdt", Space: types.User, User: true,
		Resolve: resolveUSDT, List: listUSDT,
		Mechanisms: uprobeMechanisms,
	}
}

func listUSDT(_ facts.Facts, b *facts.Binary) ([]string, error) {
	if b == nil {
		return nil, nil
	}
	var names []string
	for i := range b.USDT {
		names = append(names, b.USDT[i].Provider+":"+b.USDT[i].Name)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func resolveUSDT(r *Request) ([]Found, error) {
	regs, err := registersOf(r.Binary.Arch, r.Pattern)
	if err != nil {
		return nil, err
	}
	list := func() ([]string, error) { return listUSDT(r.Facts, r.Binary) }
	return eachName(r, "USDT probe of "+r.Binary.Name, list, func(name string) ([]Found, error) {
		var out []Found
		refused := ""
		for i := range r.Binary.USDT {
			u := &r.Binary.USDT[i]
			if u.Provider+":"+u.Name != name {
				continue
			}
			if u.Refused != "" {
				refused = u.Refused
				continue
			}
			out = append(out, Found{
				Target: plan.Target{Name: name, Path: r.Binary.Path, File: r.Binary.File, Offset: u.Offset, Semaphore: u.SemaphoreOff, PID: r.PID},
				Layout: usdtLayout(u, regs),
			})
		}
		if len(out) == 0 && refused != "" {
			return nil, &TargetError{Pattern: name, Detail: fmt.Sprintf("The USDT probe %q of %s cannot be probed: %s.", name, r.Binary.Path, refused)}
		}
		if len(out) == 0 {
			names, _ := list()
			e := &TargetError{Pattern: name, Missing: true, Detail: fmt.Sprintf("%s has no USDT probe %q.", r.Binary.Path, name), Near: Near(name, names)}
			if len(names) == 0 {
				e.Detail = fmt.Sprintf("%s has no USDT probes (no .note.stapsdt section).", r.Binary.Path)
			}
			if !strings.Contains(name, ":") {
				e.Detail += ` Write provider:name.`
				for _, full := range names {
					if strings.HasSuffix(full, ":"+name) {
						e.Near = append(e.Near, full)
					}
				}
			}
			return nil, e
		}
		if refused != "" && r.Leave != nil {
			r.Leave([]string{"a place of " + name}, refused)
		}
		agreeOnSigns(out)
		return out, nil
	})
}

// agreeOnSigns gives an argument one type at all places of a probe. Notes take
// signs from what stands in the code: a constant is an int where a variable of the
// same argument is unsigned. An argument is signed if it is somewhere, where a
// constant that is not negative says nothing beside a variable.
func agreeOnSigns(places []Found) {
	for n := range maxUSDTArgs {
		signed, unsigned, constant := false, false, false
		for _, p := range places {
			if n >= len(p.Layout.Args) {
				continue
			}
			switch arg := p.Layout.Args[n]; {
			case arg.Loc.Kind == tree.LocConst && (!arg.Type.Signed || arg.Loc.Const >= 0):
				constant = constant || arg.Type.Signed
			case arg.Type.Signed:
				signed = true
			default:
				unsigned = true
			}
		}
		for _, p := range places {
			if n < len(p.Layout.Args) {
				p.Layout.Args[n].Type.Signed = signed || constant && !unsigned
			}
		}
	}
}

func usdtLayout(u *facts.USDT, regs *registers) *tree.Layout {
	layout := &tree.Layout{Indexed: true, Refused: map[string]string{}}
	for i := range u.Args {
		name := strconv.Itoa(i)
		arg, refused := usdtArg(&u.Args[i], regs)
		arg.Name = name
		if refused != "" {
			layout.Refused[name] = refused
		}
		layout.Args = append(layout.Args, arg)
	}
	return layout
}

func usdtArg(a *facts.USDTArg, regs *registers) (arg tree.ArgLoc, refused string) {
	arg.Doc = a.Text
	// The places of one probe may keep an argument in operands of different
	// widths: all are 64-bit numbers, extended from the operand.
	arg.Type = types.Type{Kind: types.Int, Size: 8, Signed: a.Signed}
	width := a.Size
	if !plainSize(width) {
		width = 8
	}
	if a.Float {
		return arg, "it is floating point (" + a.Text + ")"
	}
	if a.Refused != "" {
		return arg, a.Refused
	}
	offset := func(name string) int {
		if name == "" {
			return -1
		}
		if off, ok := regs.names[name]; ok {
			return off
		}
		refused = fmt.Sprintf("its register %q is unknown (%s)", name, a.Text)
		return -1
	}
	switch a.Kind {
	case facts.USDTConst:
		arg.Loc = tree.Loc{Kind: tree.LocConst, Const: a.Const, Width: width, Signed: a.Signed}
	case facts.USDTReg:
		arg.Loc = tree.Loc{Kind: tree.LocCtx, Off: max(0, offset(a.Reg)), Size: 8, Shift: a.Shift, Width: width, Signed: a.Signed}
	case facts.USDTMem:
		arg.Loc = tree.Loc{
			Kind: tree.LocUser, Base: offset(a.Reg), Index: offset(a.Index), Scale: max(1, a.Scale),
			Off: int(a.Disp), Size: width, Width: width, Signed: a.Signed,
		}
	}
	return arg, refused
}
