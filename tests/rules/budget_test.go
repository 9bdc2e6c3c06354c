package rules

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	root = "../.."
	// Lines at most, without those of an exception in allowed.txt.
	fileLines     = 500
	functionLines = 60
)

// sources are the module's files that are, or will be, in git.
func sources(t *testing.T, patterns ...string) []string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"ls-files", "-co", "--exclude-standard", "-z"}, patterns...)...)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	names := strings.Split(strings.Trim(string(out), "\x00"), "\x00")
	// A file that was removed and not yet committed is still listed.
	return slices.DeleteFunc(names, func(name string) bool {
		info, err := os.Stat(filepath.Join(root, name))
		return err != nil || !info.Mode().IsRegular()
	})
}

// allowed are the exceptions: "file" or "file function", with the lines allowed.
func allowed(t *testing.T) map[string]int {
	t.Helper()
	text, err := os.ReadFile("allowed.txt")
	if err != nil {
		t.Fatal(err)
	}
	exceptions := map[string]int{}
	for line := range strings.Lines(string(text)) {
		entry, reason, ok := strings.Cut(strings.TrimSpace(line), " # ")
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		words := strings.Fields(entry)
		n, err := strconv.Atoi(words[len(words)-1])
		if !ok || reason == "" || err != nil {
			t.Errorf("allowed.txt: %q is not FILE [FUNCTION] LINES # REASON", line)
			continue
		}
		exceptions[strings.Join(words[:len(words)-1], " ")] = n
	}
	return exceptions
}

func TestFilesAndFunctionsAreShort(t *testing.T) {
	lengths := map[string]int{} // what is over its budget
	for _, name := range sources(t, "*.go") {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.HasPrefix(text, []byte("// Code generated ")) || strings.HasSuffix(name, "_test.go") {
			continue
		}
		if n := bytes.Count(text, []byte("\n")); n > fileLines {
			lengths[name] = n
		}
		maps.Copy(lengths, longFunctions(t, name, text))
	}
	exceptions := allowed(t)
	for _, what := range slices.Sorted(maps.Keys(lengths)) {
		limit, listed := exceptions[what]
		switch {
		case !listed:
			t.Errorf("%s has %d lines: make it shorter, or list it in allowed.txt with the reason", what, lengths[what])
		case lengths[what] > limit:
			t.Errorf("%s has %d lines, allowed.txt allows %d", what, lengths[what], limit)
		}
	}
	for _, what := range slices.Sorted(maps.Keys(exceptions)) {
		if lengths[what] == 0 {
			t.Errorf("allowed.txt lists %s, which is not over its budget", what)
		}
	}
}

// longFunctions measures functions over the budget. A function that only
// returns a table is none.
func longFunctions(t *testing.T, name string, text []byte) map[string]int {
	t.Helper()
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, name, text, parser.SkipObjectResolution)
	if err != nil {
		t.Errorf("parse: %v", err)
		return nil
	}
	long := map[string]int{}
	for _, d := range parsed.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil || isTable(f.Body) {
			continue
		}
		if n := files.Position(f.End()).Line - files.Position(f.Pos()).Line + 1; n > functionLines {
			long[name+" "+functionName(f)] = n
		}
	}
	return long
}

func functionName(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return f.Name.Name
	}
	receiver := f.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	return fmt.Sprintf("%s.%s", receiver, f.Name.Name)
}

// isTable says that a function is one return of one composite literal.
func isTable(body *ast.BlockStmt) bool {
	if len(body.List) != 1 {
		return false
	}
	r, ok := body.List[0].(*ast.ReturnStmt)
	if !ok || len(r.Results) != 1 {
		return false
	}
	value := r.Results[0]
	if address, ok := value.(*ast.UnaryExpr); ok {
		value = address.X
	}
	_, ok = value.(*ast.CompositeLit)
	return ok
}

// What must not be in any file, and why.
var forbiddenText = []struct {
	name    string
	pattern *regexp.Regexp
	files   []string // git patterns
}{
	{"work left undone", regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b`), []string{"*.go", "*.md", "*.hcl", "*.c", "*.h", "Makefile"}},
	{"a path of somebody's machine", regexp.MustCompile(`(^|[^a-z.])/(work|home/[a-z]+)/|\.\./shared`), []string{"."}},
	{"registration by init", regexp.MustCompile(`(?m)^func init\(\)`), []string{"*.go"}},
	{"a dot import", regexp.MustCompile(`(?m)^\s*(import )?\. "`), []string{"*.go"}},
}

func TestFilesHoldNothingForbidden(t *testing.T) {
	for _, rule := range forbiddenText {
		t.Run(rule.name, func(t *testing.T) {
			for _, name := range sources(t, rule.files...) {
				if strings.HasPrefix(name, "tests/rules/") {
					continue
				}
				text, err := os.ReadFile(filepath.Join(root, name))
				if err != nil {
					t.Fatal(err)
				}
				if found := rule.pattern.FindIndex(text); found != nil {
					t.Errorf("%s:%d: %q", name, 1+bytes.Count(text[:found[0]], []byte("\n")), text[found[0]:found[1]])
				}
			}
		})
	}
}
