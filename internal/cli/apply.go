package cli

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/urfave/cli/v3"
	"golang.org/x/sys/unix"

	"tracer/internal/host"
	"tracer/internal/render"
	"tracer/internal/session"
	"tracer/internal/symbol"
	"tracer/interpreter/plan"
	"tracer/interpreter/types"
	"tracer/interpreter/unit"
)

// applyOptions are the arguments of "tracer apply".
type applyOptions struct {
	specOptions
	duration      time.Duration
	command       string
	output, clock string
	buffer        string
}

// The forms of output and the clocks, by the words of -o and -time.
var (
	outputs = map[string]render.Format{"text": render.Text, "json": render.JSON, "folded": render.Folded}
	clocks  = map[string]render.Clock{"wall": render.Wall, "elapsed": render.Elapsed, "none": render.NoTime}
)

// applyCommand is "tracer apply".
func (a *app) applyCommand() *cli.Command {
	var o applyOptions
	return &cli.Command{
		Name: "apply", Usage: "run a spec: attach it and report",
		UsageText: "tracer apply [OPTIONS] SPEC...", Description: applyHelp,
		Flags: append(append(o.specFlags(), o.kernelFlags(&o.buffer)...),
			&cli.DurationFlag{Name: "d", Aliases: []string{"duration"}, Usage: "end after a `TIME` such as 10s", Destination: &o.duration, HideDefault: true},
			&cli.StringFlag{Name: "c", Aliases: []string{"command"}, Usage: "run `COMMAND` and end when it ends", Destination: &o.command},
			&cli.StringFlag{Name: "o", Aliases: []string{"output"}, Value: "text", Usage: "`FORM` of output: text, json or folded", Destination: &o.output, Validator: oneOf("text", "json", "folded")},
			&cli.StringFlag{Name: "time", Value: "wall", Usage: "`CLOCK` before each row of text: wall, elapsed or none", Destination: &o.clock, Validator: oneOf("wall", "elapsed", "none")}),
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := o.check(c); err != nil {
				return err
			}
			return a.apply(ctx, &o)
		},
	}
}

// kernelFlags are the options of commands that plan for this kernel.
func (o *specOptions) kernelFlags(buffer *string) []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "p", Aliases: []string{"pid"}, Usage: "only events of the process `PID`", Destination: &o.pid, HideDefault: true},
		&cli.StringFlag{Name: "buffer", Usage: "`SIZE` of the ring buffer of streamed rows, such as 8MiB", Destination: buffer},
		&cli.StringFlag{Name: "mechanism", Usage: "attach by `NAME` even where another would be better (for tests)", Destination: &o.mechanism, Hidden: true},
	}
}

// The ring buffer's bounds in bytes: a page, and what its positions can count.
const (
	minRing = 4 << 10
	maxRing = 1 << 30
)

// take checks what all commands that read a spec take.
func (o *specOptions) take(c *cli.Command, buffer string) error {
	o.specs = c.Args().Slice()
	if len(o.specs) == 0 {
		return usagef(c.Name, "a SPEC is missing: a file, a directory, - or catalog:NAME")
	}
	if c.IsSet("p") && o.pid <= 0 {
		return usagef(c.Name, "-p takes the number of a process, not %d", o.pid)
	}
	if buffer == "" {
		return nil
	}
	size, err := parseSize(buffer)
	if err != nil {
		return usagef(c.Name, "-buffer: %w", err)
	}
	o.ringBytes = size
	return nil
}

// parseSize reads a size of the ring buffer and rounds it up to a power of two,
// as the kernel needs it.
func parseSize(text string) (int, error) {
	n, err := unit.ParseSize(text)
	if err != nil {
		return 0, err
	}
	if n < minRing || n > maxRing {
		return 0, fmt.Errorf("the ring buffer has from 4KiB to 1GiB, not %s", text)
	}
	return 1 << bits.Len64(uint64(n-1)), nil
}

func (o *applyOptions) check(c *cli.Command) error {
	if err := o.take(c, o.buffer); err != nil {
		return err
	}
	switch {
	case c.IsSet("d") && o.duration <= 0:
		return usagef("apply", "-d takes a time such as 10s, not %s", o.duration)
	case c.IsSet("c") && strings.TrimSpace(o.command) == "":
		return usagef("apply", "-c takes a command")
	}
	if o.pid > 0 {
		if err := unix.Kill(o.pid, 0); errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("there is no process %d", o.pid)
		}
		if leader := host.Leader(o.pid); leader != 0 && leader != o.pid {
			return fmt.Errorf("%d is a thread of process %d, and -p takes processes: tid == %d in where picks a thread", o.pid, leader, o.pid)
		}
	}
	return nil
}

func hasStack(t *plan.Table) bool {
	return slices.ContainsFunc(t.By, func(k plan.KeyColumn) bool { return k.Type.Kind == types.Stack })
}

// apply runs a spec.
func (a *app) apply(ctx context.Context, o *applyOptions) error {
	ctx, stop := a.endBySignal(ctx)
	defer stop()
	offset, err := symbol.WallOffset()
	if err != nil {
		return fmt.Errorf("read the clocks: %w", err)
	}
	env := a.unitEnv(offset)
	c := a.compile(&o.specOptions, a.facts(), env)
	if err := a.diagnostics(c.files, c.diags); err != nil {
		return err
	}
	a.notices()
	if len(c.object.Programs) == 0 {
		a.say("Nothing to attach: no probe of the spec is enabled.")
		return nil
	}
	if outputs[o.output] == render.Folded && !slices.ContainsFunc(c.plan.Tables, hasStack) {
		return errors.New("-o folded shows the tables that have a stack in by, and this spec has none")
	}
	if pid := onlyProcess(c.plan); pid > 0 && a.machine().OwnPIDs() {
		return fmt.Errorf("the process %d cannot be told from others: tracer runs in a PID namespace of its own, as in a container, and the kernel numbers processes as the host does; run tracer on the host, or in its PID namespace (docker run --pid=host)", pid)
	}
	settle()
	began := a.env.Now()
	s, diags := session.Open(ctx, c.object, c.plan, session.Options{Explain: a.explain, Memory: a.machine().FitsMemory, File: host.FileID, Cache: a.kernelTypes(), Report: a.env.Build.Report})
	if session.Interrupted(diags) {
		return exit{ExitInterrupted}
	}
	if err := a.diagnostics(c.files, diags); err != nil {
		return err
	}
	r := &run{app: a, opts: o, session: s, compiled: c, reports: c.reports}
	err = r.prepare(offset)
	if err == nil {
		a.note("%s", attachedLine(s.Attached(), a.env.Now().Sub(began), o))
		err = r.loop(ctx)
	}
	err = errors.Join(err, a.release(s))
	if errors.Is(err, syscall.EPIPE) {
		return exit{ExitDone} // who read has seen enough
	}
	return err
}

// onlyProcess is a process that a plan, or a probe of it, is restricted to; 0: none.
func onlyProcess(p *plan.Plan) int {
	if p.PID > 0 {
		return p.PID
	}
	for _, probe := range p.Probes {
		for _, v := range probe.Variants {
			for _, t := range v.Targets {
				if t.PID > 0 {
					return t.PID
				}
			}
		}
	}
	return 0
}

// release frees what the session holds in the kernel, and says why that lasts
// if it does: some kinds of probes take tens of milliseconds each.
func (a *app) release(s *session.Session) error {
	said := make(chan struct{})
	timer := time.AfterFunc(time.Second, func() {
		a.note("The kernel is releasing the probes.")
		close(said)
	})
	err := s.Close()
	if !timer.Stop() {
		<-said
	}
	return err
}

// attachedLine says that tracing began.
func attachedLine(n session.Attached, took time.Duration, o *applyOptions) string {
	end := "Ctrl-C ends."
	switch {
	case o.command != "":
		end = "Ends with the command."
	case o.duration > 0:
		end = fmt.Sprintf("Ends after %s.", o.duration)
	}
	return fmt.Sprintf("Attached %s to %s in %d ms. %s", count(n.Probes, "probe"), count(n.Targets, "target"), took.Milliseconds(), end)
}

// warn writes diagnostics of report time, which are warnings.
func (r *run) warn(diags hcl.Diagnostics) {
	_ = r.app.diagnostics(r.compiled.files, diags)
}
