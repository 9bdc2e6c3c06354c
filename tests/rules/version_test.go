package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// releaseReaders are the functions that read the kernel's version, all of them to show
// it: what a kernel can do is found by trying, as distributions add and take away.
var releaseReaders = []string{
	"internal/cli newPlanView", "internal/cli version", "internal/host explain", "internal/host kernelIdentity",
	"interpreter/check baseContext", "tests/bench describe",
}

func TestNothingIsDecidedByTheKernelsVersion(t *testing.T) {
	var found []string
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range file.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if ok && readsRelease(fn) {
					found = append(found, p.path()+" "+fn.Name.Name)
				}
			}
		}
	}
	for _, fn := range found {
		if !slices.Contains(releaseReaders, fn) {
			t.Errorf("%s reads the kernel's version: try what it can do instead (internal/host/features.go)", fn)
		}
	}
	for _, fn := range releaseReaders {
		if !slices.Contains(found, fn) {
			t.Errorf("%s does not read the kernel's version: take it from the list", fn)
		}
	}
}

// readsRelease says whether a function mentions what the kernel calls itself: a member
// Release (and not the method of that name), or a file or function that tells it.
func readsRelease(fn *ast.FuncDecl) bool {
	called := map[ast.Expr]bool{}
	reads := false
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			called[n.Fun] = true
		case *ast.SelectorExpr:
			reads = reads || n.Sel.Name == "Release" && !called[n] || slices.Contains([]string{"Uname", "KernelVersion", "HaveVersion"}, n.Sel.Name)
		case *ast.BasicLit:
			reads = reads || strings.Contains(n.Value, "/proc/version") || strings.Contains(n.Value, "osrelease")
		}
		return true
	})
	return reads
}
