package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/urfave/cli/v3"

	"tracer/interpreter/facts"
	"tracer/spec"
	"tracer/spec/diag"
	"tracer/templates"
)

// listCommand is "tracer list".
func (a *app) listCommand() *cli.Command {
	var o targetOptions
	return &cli.Command{
		Name: "list", Usage: "list what can be probed here",
		UsageText: "tracer list [OPTIONS] [TYPE] [GLOB]", Description: listHelp,
		Flags: o.options(),
		Action: func(_ context.Context, c *cli.Command) error {
			args := c.Args()
			if args.Len() > 2 {
				return usagef("list", "list takes a TYPE and a GLOB, not %d arguments; a glob is quoted: 'tcp_*'", args.Len())
			}
			if !args.Present() {
				return a.listTypes()
			}
			return a.listTargets(o, args.First(), args.Get(1))
		},
		ShellComplete: a.completeTypes,
	}
}

// targetOptions say where targets are looked for.
type targetOptions struct {
	binary string
	pid    int
}

func (o *targetOptions) options() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "binary", Usage: "`FILE` or library (libc) of uprobe, uretprobe and usdt targets", Destination: &o.binary},
		&cli.IntFlag{Name: "p", Aliases: []string{"pid"}, Usage: "find the binary as the process `PID` sees it", Destination: &o.pid, HideDefault: true},
	}
}

// completeTypes completes the names of probe types.
func (a *app) completeTypes(_ context.Context, c *cli.Command) {
	if c.Args().Len() == 0 {
		for _, name := range slices.Sorted(maps.Keys(templates.All())) {
			_, _ = fmt.Fprintln(a.streams.Out, name)
		}
	}
}

// listTypes lists the probe types, and how many targets each has.
func (a *app) listTypes() error {
	w := bufio.NewWriter(a.streams.Out)
	all := templates.All()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t, what := all[name], ""
		switch {
		case t.User:
			what = "with -binary FILE"
		default:
			what = a.listedType(t)
		}
		fmt.Fprintf(w, "%-15s %s\n", name, what)
	}
	return w.Flush()
}

// listedType says how many targets a type has, and whether this kernel attaches
// to them.
func (a *app) listedType(t *templates.Type) string {
	names, err := t.List(a.facts(), nil)
	if errors.Is(err, fs.ErrPermission) {
		return "not known: " + err.Error()
	}
	if err != nil {
		return "none here: " + err.Error()
	}
	what := count(len(names), "target")
	if _, err := templates.Choose(t.Mechanisms, templates.Need{Targets: 1}, a.facts()); errors.Is(err, ebpf.ErrNotSupported) {
		what += ", but they cannot be attached: " + err.Error()
	}
	return what
}

// listTargets lists the targets of one type that match a glob.
func (a *app) listTargets(o targetOptions, typeName, glob string) error {
	t, binary, err := a.probeType("list", o, typeName)
	if err != nil {
		return err
	}
	if _, err := templates.Match(glob, ""); err != nil {
		return usagef("list", "%q is no valid glob", glob)
	}
	names, err := t.List(a.facts(), binary)
	if err != nil {
		return err
	}
	slices.Sort(names)
	w := bufio.NewWriter(a.streams.Out)
	found := false
	for _, name := range slices.Compact(names) {
		if match, _ := templates.Match(glob, name); match || glob == "" || glob == name {
			found = true
			fmt.Fprintln(w, diag.Printable(name))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(names) == 0 && binary != nil && len(binary.Functions) == 0 && t.Name != "usdt" {
		a.say("There are none: %s has no symbols (it is stripped).", diag.Printable(binary.Path))
	} else if len(names) == 0 {
		a.say("There are none.")
	} else if !found {
		return fmt.Errorf("no target of %s matches %q.%s", typeName, glob, templates.DidYouMean(templates.Near(strings.Trim(glob, "*?"), names)))
	}
	return nil
}

// probeType finds a probe type, and the binary its targets are in.
func (a *app) probeType(command string, o targetOptions, name string) (*templates.Type, *facts.Binary, error) {
	if o.pid < 0 {
		return nil, nil, usagef(command, "-p takes the number of a process, not %d", o.pid)
	}
	all := templates.All()
	t := all[name]
	if t == nil && spec.NewSchema().ProbeType(name) != nil {
		return nil, nil, fmt.Errorf("this version of tracer does not have probes of type %q yet", name)
	}
	if t == nil {
		names := slices.Sorted(maps.Keys(all))
		return nil, nil, usagef(command, "there is no probe type %q%s; there are %s", name, question(spec.Nearest(name, names), ""), strings.Join(names, ", "))
	}
	if !t.User {
		if o.binary != "" {
			return nil, nil, usagef(command, "targets of %s are in the kernel: -binary does not go with them", name)
		}
		return t, nil, nil
	}
	if o.binary == "" {
		return nil, nil, usagef(command, "targets of %s are in a program or library: name it with -binary", name)
	}
	b, err := a.facts().Binary(o.binary, o.pid)
	return t, b, err
}
