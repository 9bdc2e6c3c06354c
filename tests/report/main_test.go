package main

import (
	"path/filepath"
	"strings"
	"testing"
)

const lines = `
plain text
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA/x","Output":"    a_test.go:7: want 1\n"}
{"Action":"fail","Package":"p","Test":"TestA/x"}
{"Action":"pass","Package":"p","Test":"TestA/y"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:9: needs kprobe\n"}
{"Action":"skip","Package":"p","Test":"TestB"}
{"Action":"pass","Package":"p","Test":"TestC"}
{"Action":"fail","Package":"p"}
{"Action":"fail","Package":"broken"}
`

func TestReportCountsLeavesAndShowsFailures(t *testing.T) {
	totals := filepath.Join(t.TempDir(), "totals")
	var out strings.Builder
	err := report("unit", totals, false, strings.NewReader(strings.TrimSpace(lines)), &out)
	if err == nil || err.Error() != "stage unit failed" {
		t.Errorf("the error is %v", err)
	}
	for _, want := range []string{
		"plain text\n", "a_test.go:7: want 1\n", "FAIL p (0.0 s)\n", "skipped: p TestB: needs kprobe\n", "unit: 2 passed, 1 failed, 1 skipped\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, out.String())
		}
	}
	out.Reset()
	if err := summary(totals, &out); err == nil {
		t.Error("the summary of a failed run is no error")
	}
	if want := "2 passed, 1 failed, 1 skipped, 1 packages did not run to their end\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("the summary ends in %q, want %q", out.String(), want)
	}
}

func TestLastRunOfATestCounts(t *testing.T) {
	again := `{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestA"}
`
	var out strings.Builder
	if err := report("vm", "", true, strings.NewReader(again), &out); err != nil {
		t.Error(err)
	}
	if want := "vm: 1 passed, 0 failed, 0 skipped\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("the last line is not %q:\n%s", want, out.String())
	}
}

func TestNoTestIsAFailure(t *testing.T) {
	if err := report("unit", "", false, strings.NewReader(""), &strings.Builder{}); err == nil {
		t.Error("a stage without tests passes")
	}
}
