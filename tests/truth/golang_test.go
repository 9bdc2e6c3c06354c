package truth

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// Functions in Go have their arguments in registers of Go's own, a word each.
func TestArgumentsOfFunctionsInGo(t *testing.T) {
	const calls = 50
	where := "args[7] == 8"
	if runtime.GOARCH == "amd64" { // whose tenth word is on the stack
		where += " && args[8] == 9"
	}
	var want []map[string]string
	for i := range calls {
		want = append(want, map[string]string{"a": text(i), "b": text(-i), "text": "text", "bytes": text(i)})
	}
	exact{
		run: run{workload: "tw-go words " + text(calls), spec: `
probe "uprobe" "p" {
  binary    = "WORKLOADS/tw-go"
  target    = "main.words"
  signature = "void (long a, int b, char *text, long len, void *bytes, long n, long cap)"
  where     = ` + where + `
  capture {
    a     = args.a
    b     = args.b
    text  = buf(args.text, args.len)
    bytes = args.n
  }
}`},
		events: want, taken: map[string]int{"uprobe.p": calls},
		counters: map[string]counters{"uprobe.p": {"skipped": 0}},
	}.check(t)
}

// A probe at the return of a function in Go would crash the program.
func TestReturnsOfFunctionsInGoAreRefused(t *testing.T) {
	p := needPrograms(t)
	for target, want := range map[string]string{
		"main.words":   "main.words is a function in Go, whose stacks move",
		"main.*":       `that matches "main.*" can be probed. main.`,
		"main.words+4": `write "main.words"`,
	} {
		ok, says := planned(t, fmt.Sprintf("probe \"uretprobe\" \"p\" {\n  binary = %q\n  target = %q\n}\n", p.workloads+"/tw-go", target))
		if ok || !strings.Contains(says, want) {
			t.Errorf("%s: tracer says %q", target, says)
		}
	}
}
