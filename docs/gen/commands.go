package main

import (
	"regexp"
	"strings"

	urfave "github.com/urfave/cli/v3"

	"tracer/internal/cli"
)

// commands are tables of the command line: all commands, then the options of
// each.
func (p *page) commands(root *urfave.Command) {
	p.line("## Commands\n")
	p.line("`tracer COMMAND -help` shows examples. Options may be written with one dash or two.\n")
	p.header("command", "what it does")
	all := leaves(root.Commands)
	for _, c := range all {
		p.row(code(c.UsageText), c.Usage)
	}
	p.line("")
	p.options("Options of tracer itself", root)
	for _, c := range all {
		p.options("Options of "+code(strings.TrimPrefix(c.FullName(), root.Name+" ")), c)
	}
	p.line("### Exit codes\n")
	p.header("code", "when")
	for _, e := range cli.ExitCodes() {
		p.row(e.Code, e.When)
	}
}

// leaves are the commands that do something, those below others in their place.
func leaves(commands []*urfave.Command) []*urfave.Command {
	var all []*urfave.Command
	for _, c := range commands {
		switch {
		case c.Hidden || c.Name == "help":
		case len(c.Commands) > 0 && c.Name != "completion":
			all = append(all, leaves(c.Commands)...)
		default:
			all = append(all, c)
		}
	}
	return all
}

// valueName is the word in backquotes of a flag's text, which names its value.
var valueName = regexp.MustCompile("`([^`]*)`")

// standard is the value of an option that is not given, "" if that is nothing.
func standard(f urfave.Flag) string {
	switch f := f.(type) {
	case *urfave.StringFlag:
		return f.Value
	case *urfave.BoolFlag:
		if f.Value {
			return "true"
		}
	}
	return ""
}

func (p *page) options(title string, c *urfave.Command) {
	var rows [][]string
	for _, f := range c.Flags {
		d, ok := f.(urfave.DocGenerationFlag)
		if v, hides := f.(urfave.VisibleFlag); !ok || hides && !v.IsVisible() || f.Names()[0] == "help" {
			continue
		}
		option := "-" + strings.Join(f.Names(), ", -")
		if name := valueName.FindStringSubmatch(d.GetUsage()); name != nil {
			option += " " + name[1]
		}
		rows = append(rows, []string{code(option), valueName.ReplaceAllString(d.GetUsage(), "$1"), code(standard(f))})
	}
	if len(rows) == 0 {
		return
	}
	p.line("### %s\n", title)
	p.header("option", "meaning", "default")
	for _, r := range rows {
		p.row(r...)
	}
	p.line("")
}
