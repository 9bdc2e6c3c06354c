package cli

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/urfave/cli/v3"

	"tracer/spec"
	"tracer/spec/diag"
)

// colored decides about colour for a stream that is a terminal of that width,
// or none: the option, then NO_COLOR (no-color.org), CLICOLOR_FORCE
// (bixense.com/clicolors), TERM.
func (a *app) colored(width int) bool {
	switch {
	case a.color == "always":
		return true
	case a.color == "never" || a.env.Getenv("NO_COLOR") != "":
		return false
	case a.env.Getenv("CLICOLOR_FORCE") != "" && a.env.Getenv("CLICOLOR_FORCE") != "0":
		return true
	}
	return width > 0 && a.env.Getenv("TERM") != "dumb"
}

// diagnostics writes diagnostics to standard error; after errors it gives the
// exit that they mean.
func (a *app) diagnostics(files map[string]*hcl.File, diags hcl.Diagnostics) error {
	if len(diags) > 0 {
		if err := diag.Text(a.streams.Err, files, diags, a.streams.ErrWidth, a.colored(a.streams.ErrWidth)); err != nil {
			return fmt.Errorf("write diagnostics: %w", err)
		}
	}
	if diags.HasErrors() {
		return exit{ExitError}
	}
	if len(diags) > 0 && a.streams.ErrWidth > 0 {
		fmt.Fprintln(a.streams.Err) // between warnings and what follows on a terminal
	}
	return nil
}

// printable is the text of an error, which may name files and symbols that others
// have named, as it can be shown on a terminal. Joined errors have lines of their own.
func printable(err error) string {
	lines := strings.Split(err.Error(), "\n")
	for i, l := range lines {
		lines[i] = diag.Printable(l)
	}
	return strings.Join(lines, "\n")
}

// note writes a line for people, if they are looking.
func (a *app) note(format string, args ...any) {
	if a.streams.ErrWidth > 0 {
		a.say(format, args...)
	}
}

// say writes a line to standard error. That it cannot be written is nothing
// that could be said there.
func (a *app) say(format string, args ...any) {
	_, _ = fmt.Fprintf(a.streams.Err, format+"\n", args...)
}

func errorDiag(summary, format string, args ...any) hcl.Diagnostics {
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...)}}
}

// sentence makes a sentence of an error.
func sentence(err error) string {
	text := err.Error()
	text = strings.ToUpper(text[:1]) + text[1:]
	if !strings.HasSuffix(text, "?") {
		text += "."
	}
	return text
}

// nearCommand is a question about the command that was probably meant.
func nearCommand(c *cli.Command, name string) string {
	var names []string
	for _, sub := range c.Commands {
		names = append(names, sub.Name)
	}
	return question(spec.Nearest(name, names), "")
}

// nearOption is the same for an option.
func nearOption(c *cli.Command, option string) string {
	option = strings.TrimLeft(option, "-")
	if len(option) == 1 {
		return "" // every other letter is as near
	}
	var names []string
	for _, f := range c.Flags {
		names = append(names, f.Names()...)
	}
	return question(spec.Nearest(option, names), "-")
}

func question(near, prefix string) string {
	if near == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s%s?", prefix, near)
}

// count is a number with its noun: "1 probe", "3 probes".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
