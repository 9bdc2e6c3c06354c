// Command report reads the JSON of go test (test2json) from standard input and
// prints what people want of it: a line for each package (-tests: each test),
// the whole output of what failed, why a test was skipped, and one line of
// totals. The totals of all stages are kept in a file, for the summary at the
// end of a run (-sum).
//
// In: test2json lines; other lines are passed through. Out: text, and exit
// code 1 if a test failed or none ran. It must not know what is tested.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	stage := flag.String("stage", "", "name of the stage that is read from standard input")
	tests := flag.Bool("tests", false, "a line for each top-level test, not for each package")
	totals := flag.String("totals", "", "file that keeps the totals of the stages")
	sum := flag.Bool("sum", false, "print the totals of all stages")
	flag.Parse()
	var err error
	if *sum {
		err = summary(*totals, os.Stdout)
	} else {
		err = report(*stage, *totals, *tests, os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

// event is one line of test2json.
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

// count is how many tests ended how. A test with subtests is not counted, its
// subtests are.
type count struct{ Passed, Failed, Skipped int }

func (c count) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", c.Passed, c.Failed, c.Skipped)
}

// stageTotal is one line of the file of totals.
type stageTotal struct {
	Stage string
	count
	// Broken are packages that failed without a failed test: they did not
	// build, or ended early.
	Broken int
}

// stageReport collects what one stage's lines say.
type stageReport struct {
	out     io.Writer
	tests   bool
	outputs map[string]*strings.Builder
	results map[string]string // test, or package, to its last action
	order   []string
	broken  map[string]bool
}

func report(stage, totals string, tests bool, in io.Reader, out io.Writer) error {
	r := &stageReport{
		out: out, tests: tests, outputs: map[string]*strings.Builder{}, results: map[string]string{}, broken: map[string]bool{},
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Action == "" {
			fmt.Fprintln(out, lines.Text())
			continue
		}
		r.take(e)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	total := r.total(stage)
	r.skips()
	fmt.Fprintf(out, "%s: %s\n", stage, total.count)
	if err := keep(totals, total); err != nil {
		return err
	}
	switch {
	case total.Failed+total.Broken > 0:
		return fmt.Errorf("stage %s failed", stage)
	case total.Passed == 0:
		return fmt.Errorf("stage %s: no test ran", stage)
	}
	return nil
}

func name(e event) string {
	if e.Test == "" {
		return e.Package
	}
	return e.Package + " " + e.Test
}

func (r *stageReport) take(e event) {
	key := name(e)
	switch e.Action {
	case "output":
		if r.outputs[key] == nil {
			r.outputs[key] = &strings.Builder{}
		}
		r.outputs[key].WriteString(e.Output)
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "run": // also: again, after a virtual machine was lost
		delete(r.outputs, key)
	case "pass", "fail", "skip":
		if _, again := r.results[key]; !again {
			r.order = append(r.order, key)
		}
		r.results[key] = e.Action
		r.ended(e, key)
	}
}

// ended prints a test's or a package's line.
func (r *stageReport) ended(e event, key string) {
	if e.Test == "" && e.Action == "fail" {
		r.broken[e.Package] = true
	}
	if e.Action == "fail" {
		if output := r.outputs[key]; output != nil {
			fmt.Fprint(r.out, output)
		}
	}
	topLevel := e.Test != "" && !strings.Contains(e.Test, "/")
	if r.tests && topLevel || !r.tests && e.Test == "" && (e.Action != "skip") {
		fmt.Fprintf(r.out, "%-4s %s (%.1f s)\n", map[string]string{"pass": "ok", "fail": "FAIL", "skip": "skip"}[e.Action], key, e.Elapsed)
	}
}

// total counts the tests without subtests.
func (r *stageReport) total(stage string) stageTotal {
	total := stageTotal{Stage: stage}
	parents := map[string]bool{}
	for _, key := range r.order {
		for i, c := range key {
			if c == '/' && strings.Contains(key[:i], " ") {
				parents[key[:i]] = true
			}
		}
	}
	for _, key := range r.order {
		pkg, _, isTest := strings.Cut(key, " ")
		action := r.results[key]
		if isTest && action == "fail" {
			delete(r.broken, pkg)
		}
		if !isTest || parents[key] && (action != "fail" || r.failedBelow(key)) {
			continue
		}
		switch action {
		case "pass":
			total.Passed++
		case "fail":
			total.Failed++
		case "skip":
			total.Skipped++
		}
	}
	total.Broken = len(r.broken)
	return total
}

func (r *stageReport) failedBelow(key string) bool {
	for other, action := range r.results {
		if action == "fail" && strings.HasPrefix(other, key+"/") {
			return true
		}
	}
	return false
}

// skips lists the tests that could not run, and why.
func (r *stageReport) skips() {
	for _, key := range r.order {
		if r.results[key] != "skip" || !strings.Contains(key, " ") {
			continue
		}
		fmt.Fprintf(r.out, "skipped: %s: %s\n", key, reason(r.outputs[key]))
	}
}

// reason is the message of t.Skip: the line with a file's name.
func reason(output *strings.Builder) string {
	if output == nil {
		return "no reason given"
	}
	for line := range strings.Lines(output.String()) {
		if _, message, ok := strings.Cut(line, ".go:"); ok {
			_, message, _ = strings.Cut(message, ": ")
			return strings.TrimSpace(message)
		}
	}
	return "no reason given"
}

// keep appends the totals of a stage to the file.
func keep(file string, total stageTotal) error {
	if file == "" {
		return nil
	}
	text, err := json.Marshal(total)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write(append(text, '\n')); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// summary prints the totals of all stages, and of them together as last line.
func summary(file string, out io.Writer) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var all stageTotal
	for line := range strings.Lines(string(text)) {
		var t stageTotal
		if err := json.Unmarshal([]byte(line), &t); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		fmt.Fprintf(out, "%-10s %s%s\n", t.Stage, t.count, brokenNote(t.Broken))
		all.Passed += t.Passed
		all.Failed += t.Failed
		all.Skipped += t.Skipped
		all.Broken += t.Broken
	}
	fmt.Fprintf(out, "%s%s\n", all.count, brokenNote(all.Broken))
	if all.Failed+all.Broken > 0 {
		return fmt.Errorf("%d failed", all.Failed+all.Broken)
	}
	return nil
}

func brokenNote(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d packages did not run to their end", n)
}
