package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/urfave/cli/v3"

	"tracer/bpfgen"
	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
	"tracer/interpreter/unit"
	"tracer/spec/diag"
)

// planOptions are the arguments of "tracer plan".
type planOptions struct {
	specOptions
	buffer, show           string
	asJSON, verbose, coded bool
}

// planCommand is "tracer plan".
func (a *app) planCommand() *cli.Command {
	var o planOptions
	return &cli.Command{
		Name: "plan", Usage: "show what a spec would attach, without doing it",
		UsageText: "tracer plan [OPTIONS] SPEC...", Description: planHelp,
		Flags: append(append(o.specFlags(), o.kernelFlags(&o.buffer)...),
			&cli.BoolFlag{Name: "json", Usage: "as one JSON object", Destination: &o.asJSON},
			&cli.StringFlag{Name: "show", Usage: "the programs as `FORM`: ir or asm", Destination: &o.show, Validator: oneOf("ir", "asm")},
			&cli.BoolFlag{Name: "v", Aliases: []string{"verbose"}, Usage: "every target, however many there are", Destination: &o.verbose},
			&cli.BoolFlag{Name: "detailed-exitcode", Usage: "exit code 2 if something would be attached", Destination: &o.coded}),
		Action: func(_ context.Context, c *cli.Command) error {
			if err := o.take(c, o.buffer); err != nil {
				return err
			}
			if o.asJSON && o.show != "" {
				return usagef("plan", "-json shows the plan and -show its programs: one of the two")
			}
			return a.plan(&o)
		},
	}
}

func (a *app) plan(o *planOptions) error {
	c := a.compile(&o.specOptions, unprobed{a.facts()}, a.unitEnv(0))
	a.notices()
	if c.failed() && o.asJSON {
		if err := diag.JSON(a.streams.Out, c.files, c.diags); err != nil {
			return err
		}
		return exit{ExitError}
	}
	if err := a.diagnostics(c.files, c.diags); err != nil {
		return err
	}
	if err := a.showPlan(o, c); err != nil {
		return err
	}
	if o.coded && len(c.object.Programs) > 0 {
		return exit{ExitSomething}
	}
	return nil
}

func (a *app) showPlan(o *planOptions, c *compiled) error {
	if o.show != "" {
		return a.showPrograms(o.show, c.object.Programs)
	}
	view := newPlanView(c.plan, c.object, a.facts().Kernel())
	view.Tracer = a.env.Build.Version
	if a.env.Facts == nil {
		view.Missing = append(view.Missing, a.machine().Privileges().Missing()...)
		if err := a.machine().FitsMemory(uint64(view.MemoryBytes)); err != nil {
			view.MemoryRefused = err.Error()
		}
	}
	guarded := slices.ContainsFunc(c.plan.Probes, func(p *plan.Probe) bool {
		return slices.ContainsFunc(p.Variants, func(v *plan.Variant) bool { return v.Mechanism.Guard == plan.GuardAll })
	})
	if guarded && errors.Is(a.facts().Feature(facts.MissesCounted), ebpf.ErrNotSupported) {
		view.Features[string(facts.MissesCounted)] = false
	}
	if o.asJSON {
		enc := json.NewEncoder(a.streams.Out)
		enc.SetIndent("", "  ")
		return enc.Encode(view)
	}
	w := bufio.NewWriter(a.streams.Out)
	t := planText{w: w, all: o.verbose, width: a.streams.OutWidth}
	t.write(view)
	return w.Flush()
}

// showPrograms prints the programs in one of their forms.
func (a *app) showPrograms(form string, programs []*bpfgen.Program) error {
	w := bufio.NewWriter(a.streams.Out)
	for i, p := range programs {
		if i > 0 {
			fmt.Fprintln(w)
		}
		text := p.IR
		if form == "asm" {
			text = p.Object.String()
		}
		fmt.Fprintf(w, "# %s: %s\n%s", p.Variant.Probe.Address(), sideName(p.Side), text)
	}
	return w.Flush()
}

// sizeText is a number of bytes for people.
func sizeText(n int) string { return string(unit.AppendSize(nil, uint64(n), false)) }
