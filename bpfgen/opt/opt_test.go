package opt

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"tracer/bpfgen/ir"
)

// Each testdata/PASS.txtar holds programs before and after one pass, or, in
// all.txtar, after all of them. UPDATE=1 writes what is after.
func TestPasses(t *testing.T) {
	named := map[string]func(*ir.Func) bool{"all": func(f *ir.Func) bool { Run(f); return true }}
	for _, p := range passes() {
		named[p.name] = p.run
	}
	for name, run := range named {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", strings.ReplaceAll(name, " ", "_")+".txtar")
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i+1 < len(a.Files); i += 2 {
				before, after := a.Files[i], &a.Files[i+1]
				t.Run(strings.TrimSuffix(before.Name, "/before"), func(t *testing.T) { goldenPass(t, run, before, after) })
			}
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func goldenPass(t *testing.T, run func(*ir.Func) bool, before txtar.File, after *txtar.File) {
	f, err := ir.ParseText("func \"f\"\n\n" + string(before.Data))
	if err != nil {
		t.Fatal(err)
	}
	if err := ir.Check(f); err != nil {
		t.Fatal(err)
	}
	changed := run(f)
	if err := ir.Check(f); err != nil {
		t.Fatalf("%v\n%s", err, f)
	}
	_, got, _ := strings.Cut(f.String(), "\n\n")
	if want := got != string(before.Data); changed != want && want {
		t.Errorf("changed is %v", changed)
	}
	if os.Getenv("UPDATE") != "" {
		after.Data = []byte(got)
	}
	if d := cmp.Diff(string(after.Data), got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// What is settled stays: a second run changes nothing.
func TestRunIsIdempotent(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range a.Files {
			f, err := ir.ParseText("func \"f\"\n\n" + string(part.Data))
			if err != nil {
				t.Fatal(err)
			}
			Run(f)
			once := f.String()
			Run(f)
			if d := cmp.Diff(once, f.String()); d != "" {
				t.Errorf("%s %s: -once +twice:\n%s", file, part.Name, d)
			}
		}
	}
}
