package cli

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/urfave/cli/v3"

	"tracer/bpfgen"
	"tracer/interpreter/check"
	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
	"tracer/interpreter/report"
	"tracer/interpreter/unit"
	"tracer/spec"
)

// specOptions are what all commands that read a spec have in common.
type specOptions struct {
	specs     []string
	values    values
	pid       int
	ringBytes int
	mechanism string
}

// compiled is a spec on its way to being run: as far as it came.
type compiled struct {
	files   map[string]*hcl.File
	plan    *plan.Plan
	object  *bpfgen.Object
	reports *reports
	diags   hcl.Diagnostics
}

// failed says that the spec has errors.
func (c *compiled) failed() bool { return c.diags.HasErrors() }

// parse reads a spec and gives its variables their values, as far as that goes
// without a kernel.
func (a *app) parse(o *specOptions, f facts.Facts, env *unit.Env) (check.Input, *compiled) {
	c := &compiled{}
	in := check.Input{Facts: f, Env: env, PID: o.pid, RingBytes: o.ringBytes, Mechanism: o.mechanism}
	files, diags := a.readSpecs(o.specs)
	if c.diags = diags; diags.HasErrors() {
		return in, c
	}
	s, diags := spec.Parse(files.sources)
	c.files, c.diags = s.Files, append(c.diags, diags...)
	if c.diags = append(c.diags, s.CheckVersion(a.env.Build.Version)...); c.failed() {
		return in, c
	}
	in.Spec = s
	in.Vars, diags = s.Resolve(spec.Inputs{Env: a.env.environment(), AutoFiles: files.values, Flags: o.values.flags}, check.PlanFunctions(f, env))
	c.diags = append(c.diags, diags...)
	c.files = s.Files
	return in, c
}

// compile makes the programs of a spec for one kernel. It stops at the first
// stage that finds errors.
func (a *app) compile(o *specOptions, f facts.Facts, env *unit.Env) *compiled {
	in, c := a.parse(o, f, env)
	if c.failed() {
		return c
	}
	p, diags := check.Spec(in)
	c.plan, c.diags = p, append(c.diags, diags...)
	if c.failed() {
		return c
	}
	object, diags := bpfgen.Compile(p)
	c.object, c.diags = object, append(c.diags, diags...)
	if c.failed() {
		return c
	}
	c.reports, diags = newReports(c, env)
	c.diags = append(c.diags, diags...)
	return c
}

// reports finish rows before they are shown.
type reports struct {
	events map[string]*report.Report // by probe, where it derives columns
	tables []*report.Report          // by table of the object
}

// newReports prepares report time of a compiled spec, and finds what is wrong
// with its derived columns, having and sort.
func newReports(c *compiled, env *unit.Env) (*reports, hcl.Diagnostics) {
	r := &reports{events: map[string]*report.Report{}}
	var diags hcl.Diagnostics
	for _, rec := range c.object.Records {
		derive := deriveOf(rec.Probe)
		if derive == nil || r.events[rec.Probe.Address()] != nil {
			continue
		}
		finish, more := report.New(check.StreamReport(rec.Columns, derive, env))
		r.events[rec.Probe.Address()], diags = finish, append(diags, more...)
	}
	for _, t := range c.object.Tables {
		finish, more := report.New(check.TableReport(t.Table.Table, env))
		r.tables, diags = append(r.tables, finish), append(diags, more...)
	}
	return r, diags
}

// deriveOf are the derived columns beside a probe's capture, nil if it has none.
// All variants of a probe have the same.
func deriveOf(p *plan.Probe) *plan.Derive {
	for _, v := range p.Variants {
		if v.Derive != nil {
			return v.Derive
		}
	}
	return nil
}

// specFlags are the options of commands that read a spec.
func (o *specOptions) specFlags() []cli.Flag { return o.values.options() }
