package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/urfave/cli/v3"

	"tracer/internal/host"
	"tracer/interpreter/facts"
	"tracer/spec/diag"
)

// validateCommand is "tracer validate".
func (a *app) validateCommand() *cli.Command {
	var o specOptions
	var asJSON bool
	var kernels []string
	return &cli.Command{
		Name: "validate", Usage: "check a spec, without privileges",
		UsageText: "tracer validate [OPTIONS] SPEC...", Description: validateHelp,
		Flags: append(o.specFlags(),
			&cli.BoolFlag{Name: "json", Usage: "report as one JSON object", Destination: &asJSON},
			&cli.StringSliceFlag{Name: "btf", Usage: "check against the kernel types in `FILE`; may be repeated", Destination: &kernels}),
		Action: func(_ context.Context, c *cli.Command) error {
			o.specs = c.Args().Slice()
			if len(o.specs) == 0 {
				return usagef("validate", "a SPEC is missing")
			}
			return a.validate(&o, kernels, asJSON)
		},
	}
}

func (a *app) validate(o *specOptions, kernels []string, asJSON bool) error {
	targets, err := a.kernels(kernels)
	if err != nil {
		return err
	}
	var files map[string]*hcl.File
	found := make([]hcl.Diagnostics, len(targets))
	for i, f := range targets {
		c := a.compile(o, f, a.unitEnv(0))
		files, found[i] = c.files, c.diags
	}
	diags := mergeKernels(kernels, found)
	if !asJSON {
		if err := a.diagnostics(files, diags); err != nil {
			return err
		}
		_, err := fmt.Fprintln(a.streams.Out, "The spec is valid.")
		return err
	}
	if err := diag.JSON(a.streams.Out, files, diags); err != nil {
		return err
	}
	if diags.HasErrors() {
		return exit{ExitError}
	}
	return nil
}

// kernels are the facts to check against: this machine's, or those of files of
// kernel types.
func (a *app) kernels(files []string) ([]facts.Facts, error) {
	if len(files) == 0 {
		return []facts.Facts{unprivileged{a.facts()}}, nil
	}
	var out []facts.Facts
	for _, name := range files {
		f, err := host.OpenBTFFile(name)
		if err != nil {
			return nil, fmt.Errorf("-btf %s: %w", name, err)
		}
		out = append(out, f)
	}
	return out, nil
}

// mergeKernels is what was found for all kernels: each once, and with the names
// of the kernels if it does not hold for all.
func mergeKernels(kernels []string, found []hcl.Diagnostics) hcl.Diagnostics {
	type key struct{ place, summary, detail string }
	where := map[key][]string{}
	var out hcl.Diagnostics
	var keys []key
	for i, diags := range found {
		for _, d := range diags {
			k := key{summary: d.Summary, detail: d.Detail}
			if d.Subject != nil {
				k.place = d.Subject.String()
			}
			if _, seen := where[k]; !seen {
				out, keys = append(out, d), append(keys, k)
			}
			if i < len(kernels) && !slices.Contains(where[k], kernels[i]) {
				where[k] = append(where[k], kernels[i])
			}
		}
	}
	for i, k := range keys {
		if in := where[k]; len(in) > 0 && len(in) < len(kernels) {
			d := *out[i]
			d.Detail += " It is so with the kernel types in " + strings.Join(in, ", ") + "."
			out[i] = &d
		}
	}
	return out
}
