package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "tracer/"

// pkg is what go list says of a package.
type pkg struct {
	ImportPath, Name, Doc, Dir string
	GoFiles                    []string
	Imports                    []string
}

func (p pkg) path() string { return strings.TrimPrefix(p.ImportPath, module) }

// packages are the module's packages.
func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Name,Doc,Dir,GoFiles,Imports", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		all = append(all, p)
	}
}

// rule forbids imports to the packages under some folders.
type rule struct {
	name    string
	folders []string // of the module; "": all
	except  []string // folders within them
	// forbidden are import paths; one that ends in / is a prefix. Those of this
	// module start with tracer/.
	forbidden []string
}

var pure = []string{"spec", "interpreter", "templates", "bpfgen"}

var importRules = []rule{
	{
		name:    "pure folders touch no machine",
		folders: pure,
		forbidden: []string{
			"os", "os/", "io/ioutil", "net", "net/http", "syscall", "log", "plugin", "golang.org/x/sys/", "golang.org/x/term",
			"github.com/cilium/ebpf/link", "github.com/cilium/ebpf/ringbuf", "github.com/cilium/ebpf/perf",
			"github.com/cilium/ebpf/rlimit", "github.com/cilium/ebpf/features", "tracer/internal/", "tracer/cmd/",
		},
	},
	{
		name: "a spec is read without knowing what becomes of it", folders: []string{"spec"},
		forbidden: []string{"tracer/interpreter/", "tracer/templates", "tracer/bpfgen/", "github.com/cilium/ebpf"},
	},
	{
		name: "meaning does not know the machine", folders: []string{"interpreter"},
		forbidden: []string{"tracer/bpfgen/", "github.com/cilium/ebpf/asm"},
	},
	{
		name: "templates do not know HCL", folders: []string{"templates"},
		forbidden: []string{"github.com/hashicorp/hcl/", "github.com/zclconf/go-cty/", "tracer/spec", "tracer/spec/"},
	},
	{
		name: "the machine does not know HCL", folders: []string{"bpfgen/ir", "bpfgen/opt", "bpfgen/emit", "bpfgen/layout"},
		forbidden: []string{"github.com/hashicorp/hcl/", "github.com/zclconf/go-cty/", "tracer/spec", "tracer/spec/"},
	},
	{
		name: "the intermediate form knows neither side", folders: []string{"bpfgen/ir"}, except: []string{"bpfgen/ir/irtest"},
		forbidden: []string{
			"tracer/interpreter/check", "tracer/interpreter/eval", "tracer/interpreter/plan", "tracer/interpreter/tree",
			"tracer/interpreter/facts", "tracer/templates", "tracer/bpfgen/", "github.com/cilium/ebpf/",
		},
	},
	{
		name: "nobody imports the command line", folders: []string{""}, except: []string{"cmd", "tests", "internal/cli", "docs/gen"},
		forbidden: []string{"tracer/internal/cli", "tracer/internal/cli/"},
	},
	{
		name: "output does not know the session", folders: []string{"internal/render", "internal/export", "internal/symbol"},
		forbidden: []string{"tracer/internal/session", "tracer/internal/cli", "tracer/bpfgen/"},
	},
	{
		name: "the program is only its command line", folders: []string{"cmd/tracer"},
		forbidden: []string{"tracer/spec", "tracer/spec/", "tracer/interpreter/", "tracer/bpfgen/", "tracer/templates"},
	},
}

func under(path string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool {
		return f == "" || path == f || strings.HasPrefix(path, f+"/")
	})
}

func (r rule) forbids(imported string) bool {
	return slices.ContainsFunc(r.forbidden, func(f string) bool {
		return imported == f || strings.HasSuffix(f, "/") && strings.HasPrefix(imported, f)
	})
}

func TestImports(t *testing.T) {
	all := packages(t)
	for _, r := range importRules {
		t.Run(r.name, func(t *testing.T) {
			for _, p := range all {
				if !under(p.path(), r.folders) || under(p.path(), r.except) {
					continue
				}
				for _, imported := range p.Imports {
					if r.forbids(imported) {
						t.Errorf("%s imports %s", p.path(), imported)
					}
				}
			}
		})
	}
}

func TestPackagesAreNamedAndDescribed(t *testing.T) {
	forbidden := []string{"util", "utils", "common", "helper", "helpers", "misc", "base", "shared"}
	for _, p := range packages(t) {
		if slices.Contains(forbidden, p.Name) {
			t.Errorf("%s: a package called %s says nothing of what it holds", p.path(), p.Name)
		}
		if len(p.GoFiles) > 0 && len(p.Doc) < 40 {
			t.Errorf("%s has no package comment (what comes in, what goes out, what it must not know)", p.path())
		}
	}
}

func TestRulesForbid(t *testing.T) {
	r := importRules[0]
	for imported, want := range map[string]bool{
		"os": true, "os/exec": true, "net": true, "net/netip": false, "strings": false,
		"github.com/cilium/ebpf/link": true, "github.com/cilium/ebpf/btf": false, "tracer/internal/host": true, "tracer/spec": false,
	} {
		if got := r.forbids(imported); got != want {
			t.Errorf("%s: forbidden %t, want %t", imported, got, want)
		}
	}
	if fmt.Sprint(under("spec/format", pure), under("specs", pure)) != "true false" {
		t.Error("a folder is mistaken for another")
	}
}
