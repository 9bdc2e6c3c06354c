// Command tracer watches what a Linux machine does, as a spec in HCL declares
// it. It passes its surroundings to package cli and exits with the code that
// gives.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/term"

	"tracer/internal/cli"
	"tracer/specs"
)

// version is the release, set by the build: -ldflags "-X main.version=0.1.0".
var version = "0.1.0-dev"

// reportTo is where bugs are reported.
const reportTo = "the issue tracker of tracer"

func main() {
	os.Exit(run())
}

// run is main with an exit code. A panic is a bug in tracer, and says so.
func run() (code int) {
	defer func() {
		if problem := recover(); problem != nil {
			fmt.Fprintf(os.Stderr, "tracer: this is a bug in tracer %s: %v\n\nPlease report it to %s, with the spec, the command line and what follows.\n\n%s",
				version, problem, reportTo, debug.Stack())
			code = cli.ExitError
		}
	}()
	// With SIGPIPE caught (and passed over), a reader of our output that has
	// gone away is an error of the next write, and tracing ends in order.
	// Commands that we start get the default again.
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	return cli.Run(context.Background(), os.Args, cli.Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		OutWidth: width(os.Stdout), ErrWidth: width(os.Stderr),
		OutWidthNow: func() int { return width(os.Stdout) },
	}, cli.Env{
		Environ:  os.Environ(),
		Now:      time.Now,
		Location: time.Local,
		Build:    build(),
		Catalog:  specs.FS,
		Notify: func(c chan<- os.Signal) func() {
			signal.Notify(c, syscall.SIGINT, syscall.SIGTERM)
			if !signal.Ignored(syscall.SIGHUP) { // as nohup leaves it
				signal.Notify(c, syscall.SIGHUP)
			}
			return func() { signal.Stop(c) }
		},
		Abort: os.Exit,
	})
}

// width is that of a terminal in character cells, 0 for any other file.
func width(f *os.File) int {
	if !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	w, _, err := term.GetSize(int(f.Fd()))
	if err != nil || w <= 0 {
		return 80
	}
	return w
}

// build says what this program was made from.
func build() cli.Build {
	b := cli.Build{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Report: reportTo}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}
