package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/urfave/cli/v3"

	"tracer/interpreter/tree"
	"tracer/spec/diag"
	"tracer/templates"
)

// describeCommand is "tracer describe".
func (a *app) describeCommand() *cli.Command {
	var o targetOptions
	return &cli.Command{
		Name: "describe", Usage: "show what a probe can read",
		UsageText: "tracer describe [OPTIONS] TYPE TARGET", Description: describeHelp,
		Flags: o.options(),
		Action: func(_ context.Context, c *cli.Command) error {
			if c.Args().Len() != 2 {
				return usagef("describe", "describe takes a TYPE and a TARGET")
			}
			return a.describe(o, c.Args().Get(0), c.Args().Get(1))
		},
		ShellComplete: a.completeTypes,
	}
}

// describe shows the values of one target, and of each place it stands for if
// they differ.
func (a *app) describe(o targetOptions, typeName, pattern string) error {
	t, binary, err := a.probeType("describe", o, typeName)
	if err != nil {
		return err
	}
	found, err := t.Resolve(&templates.Request{Facts: a.facts(), Pattern: pattern, Binary: binary, PID: o.pid, Return: t.Returns || t.MayReturn})
	var te *templates.TargetError
	if errors.As(err, &te) {
		return fmt.Errorf("%w%s", err, templates.DidYouMean(te.Near))
	}
	if err != nil {
		return err
	}
	w := bufio.NewWriter(a.streams.Out)
	last := ""
	for _, f := range found {
		if text := describeLayout(t, f); text != last {
			fmt.Fprint(w, text)
			last = text
		}
	}
	return w.Flush()
}

// describeLayout is the text for one target.
func describeLayout(t *templates.Type, f templates.Found) string {
	rows := [][2]string{}
	refused := maps.Clone(f.Layout.Refused)
	for i, arg := range f.Layout.Args {
		row := [2]string{argumentName(cmp.Or(arg.Name, strconv.Itoa(i))), declaration(arg)}
		if why, ok := refused[arg.Name]; ok {
			row[1] = "cannot be read: " + why
			delete(refused, arg.Name)
		}
		rows = append(rows, row)
	}
	if f.Layout.Ret != nil && (t.Returns || t.MayReturn) {
		rows = append(rows, [2]string{"retval", declaration(*f.Layout.Ret)}, [2]string{"latency", "duration: from entry to return"})
	}
	for _, name := range slices.Sorted(maps.Keys(refused)) {
		rows = append(rows, [2]string{argumentName(name), "cannot be read: " + refused[name]})
	}
	width := 0
	for _, r := range rows {
		width = max(width, len(r[0]))
	}
	out := t.Name + " " + strconv.Quote(f.Target.Name) + "\n"
	for _, r := range rows {
		out += diag.Printable(fmt.Sprintf("  %-*s  %s", width, r[0], r[1])) + "\n"
	}
	if len(rows) == 0 {
		out += "  no arguments; pid, comm and the other builtins can be read as everywhere\n"
	}
	return out
}

// argumentName is how a spec writes an argument that is called so: by its number
// if it has no other name.
func argumentName(name string) string {
	if _, err := strconv.Atoi(name); err == nil {
		return "args[" + name + "]"
	}
	return "args." + name
}

// declaration is an argument's C declaration, with the kind of value it is.
func declaration(arg tree.ArgLoc) string {
	kind := arg.Type.String()
	doc := cmp.Or(arg.Doc, kind)
	if doc == kind || arg.Type.Name != "" {
		return doc
	}
	return fmt.Sprintf("%s (%s)", doc, kind)
}
