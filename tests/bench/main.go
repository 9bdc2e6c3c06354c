// Command bench measures tracer beside bpftrace and beside C programs of our own
// (clang -O2, libbpf), interleaved in one run, and writes the document with the
// ratios of the medians.
//
// In: the folder of the built programs (make bench builds them), the specs and
// the table of cases. Out: Markdown, or JSON of all samples. It must not know how
// tracer works: all tools are commands that start a workload when they are
// attached and end when it ends.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	b := &bench{samples: samples{}}
	flag.StringVar(&b.built, "built", "bin/bench", "folder of the workload, the loader and the BPF objects")
	flag.StringVar(&b.tracer, "tracer", "bin/tracer", "the program that is measured")
	flag.StringVar(&b.specs, "specs", "tests/bench/specs", "folder of the specs")
	flag.IntVar(&b.rounds, "rounds", 7, "rounds of the quick measurements; the slow ones have fewer")
	flag.BoolVar(&b.slow, "slow", false, "also attach 1000 functions one by one, whose closing takes minutes")
	out := flag.String("o", "docs/performance.md", "document to write; -: standard output")
	only := flag.String("only", "", "only the group: startup, event, stream, functions or keys")
	flag.Parse()
	if err := run(b, *only, *out); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(b *bench, only, out string) error {
	for _, path := range []*string{&b.built, &b.tracer, &b.specs} {
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		*path = absolute
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b.dir = dir
	restore, err := statisticsOff()
	if err != nil {
		return err
	}
	defer restore()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted // the workload ends when its pipe closes, and so does the tool
		restore()
		os.RemoveAll(dir)
		os.Exit(130)
	}()
	m := describe()
	for _, g := range groups {
		if only != "" && only != g.name {
			continue
		}
		if err := g.run(b); err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
	}
	m.loadAfter = load()
	if out == "-" {
		return write(os.Stdout, b, m)
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	if err := write(f, b, m); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
