package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCellsBecomeATable(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	old := file("5.10.json", `{"Action":"output","Test":"TestKernelMatrix/a","Output":"    x.go:1: cell: kprobe|kprobe.multi|no: needs Linux 5.18\n"}`+"\n")
	young := file("6.12.json", "no JSON\n"+`{"Action":"output","Test":"TestKernelMatrix/a","Output":"    x.go:1: cell: kprobe|kprobe.multi|5 of 5 events, sum 7\n"}`+"\n"+
		`{"Action":"output","Test":"TestOther/a","Output":"cell: x|y|z\n"}`+"\n")
	own := file("host.json", `{"Action":"output","Test":"TestKernelMatrix","Output":"    x.go:1: kernel: 6.18.44-fc\n"}`+"\n"+
		`{"Action":"output","Test":"TestKernelMatrix/a","Output":"    x.go:1: cell: usdt|uprobe.multi|9 of 9 events, sum 8\n"}`+"\n")
	out := filepath.Join(dir, "out.md")
	if err := write(out, []string{own, old, young}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| probe | mechanism | host (6.18) | 5.10 | 6.12 |", "| usdt | uprobe.multi | 9 of 9 events, sum 8 | not run | not run |", "| kprobe | kprobe.multi | not run | needs Linux 5.18 | 5 of 5 events, sum 7 |"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the document has no line %q", want)
		}
	}
	failed := file("bad.json", `{"Action":"fail","Test":"TestKernelMatrix/a"}`+"\n")
	if err := write(out, []string{failed}); err == nil || !strings.Contains(err.Error(), "TestKernelMatrix/a failed") {
		t.Errorf("error %v", err)
	}
	if err := write(out, []string{file("none.json", "")}); err == nil {
		t.Error("no cells, no error")
	}
}
