// Package cli is tracer's command line: one file a command, each arguments,
// then work, then view.
//
// In: arguments, streams and an environment, all passed in. Out: an exit code.
// It must not decide what a spec means or how it runs: it asks spec, check,
// bpfgen, session and report, and shows what they say.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v3"

	"tracer/internal/host"
	"tracer/interpreter/facts"
)

// Exit codes; ExitCodes says when.
const (
	ExitDone        = 0
	ExitError       = 1
	ExitUsage       = 2
	ExitSomething   = 2
	ExitUnformatted = 3
	ExitInterrupted = 130
)

// ExitCode is a row of the reference's table of exit codes.
type ExitCode struct{ Code, When string }

// ExitCodes are all of them.
func ExitCodes() []ExitCode {
	row := func(code int, when string) ExitCode { return ExitCode{strconv.Itoa(code), when} }
	return []ExitCode{
		row(ExitDone, "Done."),
		row(ExitError, "An error in the spec or at run time."),
		row(ExitUsage, "Wrong use of the command line."),
		row(ExitSomething, "`plan -detailed-exitcode`: something would be attached."),
		row(ExitUnformatted, "`fmt -check`: a file is not in canonical layout."),
		row(ExitInterrupted, "Ended by a second signal, or before tracing began."),
	}
}

// Streams are where a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// OutWidth and ErrWidth are the widths in character cells of the terminals
	// that Out and Err are; 0: they are no terminals.
	OutWidth, ErrWidth int
	// OutWidthNow is the width of Out at another time, as terminals are resized;
	// nil: it stays.
	OutWidthNow func() int
}

// Env is what a command takes from its surroundings.
type Env struct {
	Environ  []string // "NAME=value"
	Now      func() time.Time
	Location *time.Location // of times in text
	Build    Build
	// Notify asks for the signals that end a run. The first ends it in order.
	// stop asks for no more.
	Notify func(chan<- os.Signal) (stop func())
	// Abort ends the process at once, for a second signal.
	Abort func(code int)
	// Catalog holds the embedded specs; nil: none.
	Catalog fs.FS
	// Facts are those of another machine, for tests; nil: this machine's.
	Facts facts.Facts
}

// Build says which build of tracer this is.
type Build struct {
	Version  string // "0.1.0"
	Revision string // of the source; "" if not known
	Modified bool   // the source had changes beside Revision
	Go       string // "go1.26"
	Platform string // "linux/amd64"
	Report   string // where bugs are reported
}

// Getenv is a variable of the environment, "" if it is not set. The last wins.
func (e Env) Getenv(name string) string {
	for i := len(e.Environ) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(e.Environ[i], name+"="); ok {
			return value
		}
	}
	return ""
}

// app is one run of a command.
type app struct {
	streams Streams
	env     Env
	color   string // the flag: auto, always, never
	host    *host.Host
}

// exit is an error that says nothing more: what there was to say is said.
type exit struct{ code int }

func (e exit) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// usage is wrong use of the command line.
type usage struct {
	err     error
	command string // "apply"; "" for tracer itself
}

func (e usage) Error() string { return e.err.Error() }

func (e usage) Unwrap() error { return e.err }

func usagef(command, format string, args ...any) error {
	return usage{fmt.Errorf(format, args...), command}
}

// Run runs one command line, of which args[0] is the program's name, and gives
// its exit code.
func Run(ctx context.Context, args []string, streams Streams, env Env) int {
	a := &app{streams: streams, env: env}
	return a.code(a.root().Run(ctx, args))
}

// code says what there is to say about an error, and gives the exit code.
func (a *app) code(err error) int {
	var wrong usage
	var done exit
	switch {
	case err == nil:
		return ExitDone
	case errors.As(err, &done):
		return done.code
	case errors.As(err, &wrong):
		help := "tracer -help"
		if wrong.command != "" {
			help = "tracer " + wrong.command + " -help"
		}
		fmt.Fprintf(a.streams.Err, "tracer: %s\n%q says how it is used.\n", printable(wrong.err), help)
		return ExitUsage
	case errors.Is(err, syscall.EPIPE):
		return ExitDone // who read has seen enough
	default:
		fmt.Fprintf(a.streams.Err, "tracer: %s\n", printable(err))
		return ExitError
	}
}

// CommandLine is the command line as a whole, to be described, not run.
func CommandLine() *cli.Command {
	a := &app{streams: Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}}
	root := a.root()
	// The library adds commands of its own when it begins.
	_ = root.Run(context.Background(), []string{root.Name, "-help"})
	return root
}

// root is the command line as a whole.
func (a *app) root() *cli.Command {
	commands := []*cli.Command{
		a.applyCommand(), a.planCommand(), a.validateCommand(), a.fmtCommand(),
		a.listCommand(), a.describeCommand(), a.catalogCommand(), a.versionCommand(), a.helpCommand(),
	}
	root := &cli.Command{
		Name:                  "tracer",
		Usage:                 "watch what a Linux machine does, as a spec in HCL declares it",
		UsageText:             "tracer COMMAND [OPTIONS] [ARGUMENTS]",
		Description:           rootHelp,
		Commands:              commands,
		Reader:                a.streams.In,
		Writer:                a.streams.Out,
		ErrWriter:             a.streams.Err,
		HideVersion:           true,
		Suggest:               true,
		EnableShellCompletion: true,
		ConfigureShellCompletionCommand: func(c *cli.Command) {
			c.Hidden, c.Usage = false, "print the completion script of a shell"
			c.UsageText, c.Description = "tracer completion bash|zsh|fish", completionHelp
			c.Commands = dropCommand(c.Commands, "pwsh")
			for _, shell := range c.Commands {
				shell.Usage, shell.UsageText = "print the script of "+shell.Name, "tracer completion "+shell.Name
			}
			c.OnUsageError, c.HideHelpCommand = usageError, true
			c.Action = func(_ context.Context, c *cli.Command) error {
				if name := c.Args().First(); name != "" {
					return usagef("completion", "there is no completion for %q: bash, zsh or fish", name)
				}
				return usagef("completion", "completion takes the name of a shell: bash, zsh or fish")
			}
		},
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "color", Value: "auto", Usage: "`WHEN` to use colour: auto, always or never", Destination: &a.color, Validator: oneOf("auto", "always", "never")},
			&cli.BoolFlag{Name: "no-color", Usage: "the same as -color=never", Action: func(_ context.Context, _ *cli.Command, no bool) error {
				if no {
					a.color = "never"
				}
				return nil
			}},
		},
		Action:         a.noCommand,
		OnUsageError:   usageError,
		ExitErrHandler: func(context.Context, *cli.Command, error) {},
	}
	for _, c := range commands {
		// The root's settings are not inherited.
		c.DisableSliceFlagSeparator, c.HideHelpCommand, c.Suggest = true, true, true
		c.OnUsageError = usageError
	}
	return root
}

// helpCommand is "tracer help": what -help shows, of the command that is named.
func (a *app) helpCommand() *cli.Command {
	return &cli.Command{
		Name: "help", Usage: "show how a command is used",
		UsageText: "tracer help [COMMAND...]", Description: helpHelp,
		Aliases: []string{"h"},
		Action: func(_ context.Context, c *cli.Command) error {
			args, at := []string{c.Root().Name}, c.Root()
			for _, name := range c.Args().Slice() {
				below := at.Command(name)
				if below == nil {
					return usage{fmt.Errorf("there is no command %q%s", strings.Join(append(args[1:], name), " "), nearCommand(at, name)), strings.Join(args[1:], " ")}
				}
				args, at = append(args, below.Name), below
			}
			// The context of this run would make the other a command below help.
			return a.root().Run(context.Background(), append(args, "-help"))
		},
	}
}

func dropCommand(commands []*cli.Command, name string) []*cli.Command {
	var out []*cli.Command
	for _, c := range commands {
		if c.Name != name {
			out = append(out, c)
		}
	}
	return out
}

// usageError turns the library's complaints into ours.
func usageError(_ context.Context, c *cli.Command, err error, _ bool) error {
	text := strings.TrimPrefix(err.Error(), "flag provided but not defined: ")
	if text != err.Error() {
		err = fmt.Errorf("there is no option %s%s", text, nearOption(c, text))
	}
	// What Go says of a value is for programmers.
	if before, _, ok := strings.Cut(err.Error(), ": strconv."); ok {
		err = fmt.Errorf("%s: it takes a whole number", before)
	}
	if before, _, ok := strings.Cut(err.Error(), ": time: "); ok {
		err = fmt.Errorf("%s: it takes a time such as 10s, 500ms or 1m30s", before)
	}
	if c.Root() == c {
		return usage{err: err}
	}
	return usage{err, c.Name}
}

// noCommand runs if no command was named.
func (a *app) noCommand(_ context.Context, c *cli.Command) error {
	if name := c.Args().First(); name != "" {
		return usage{err: fmt.Errorf("there is no command %q%s", name, nearCommand(c, name))}
	}
	if err := cli.ShowRootCommandHelp(c); err != nil {
		return err
	}
	return exit{ExitUsage}
}

// oneOf accepts one of several words.
func oneOf(words ...string) func(string) error {
	return func(s string) error {
		for _, w := range words {
			if s == w {
				return nil
			}
		}
		return fmt.Errorf("%q is none of %s", s, strings.Join(words, ", "))
	}
}
