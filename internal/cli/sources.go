package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"tracer/spec"
)

// catalogPrefix names an embedded spec.
const catalogPrefix = "catalog:"

// specFiles are the files of the SPEC arguments: one spec, and the files of
// values that stand beside it.
type specFiles struct {
	sources []spec.Source
	values  []spec.Source
	seen    map[string]bool
}

// readSpecs reads the files that the SPEC arguments name.
func (a *app) readSpecs(args []string) (*specFiles, hcl.Diagnostics) {
	files := &specFiles{seen: map[string]bool{}}
	var diags hcl.Diagnostics
	for _, arg := range args {
		if err := a.readSpec(files, arg); err != nil {
			diags = append(diags, errorDiag("Unreadable spec", "%s", sentence(err))...)
		}
	}
	return files, diags
}

func (a *app) readSpec(files *specFiles, arg string) error {
	if arg == "-" {
		src, err := io.ReadAll(a.streams.In)
		if err != nil {
			return fmt.Errorf("standard input cannot be read: %w", err)
		}
		files.sources = append(files.sources, spec.Source{Name: "<stdin>", Bytes: src})
		return nil
	}
	if name, ok := strings.CutPrefix(arg, catalogPrefix); ok {
		return a.readCatalog(files, name)
	}
	info, err := os.Stat(arg)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no file or directory %q", arg)
	case err != nil:
		return fmt.Errorf("%q cannot be read: %w", arg, err)
	case info.IsDir():
		return files.directory(arg)
	}
	base := filepath.Base(arg)
	if strings.HasSuffix(strings.TrimSuffix(base, ".json"), ".hcl") && !spec.IsSpecFile(base) {
		return fmt.Errorf("%q is no spec: *.test.hcl are tests, *.vars.hcl are values of variables, and names that begin with a dot are passed over", arg)
	}
	if err := files.add(&files.sources, arg); err != nil {
		return err
	}
	return files.valuesBeside(filepath.Dir(arg))
}

// add reads a file, once.
func (f *specFiles) add(to *[]spec.Source, name string) error {
	clean := filepath.Clean(name)
	if f.seen[clean] {
		return nil
	}
	f.seen[clean] = true
	src, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("%q cannot be read: %w", name, err)
	}
	*to = append(*to, spec.Source{Name: clean, Bytes: src})
	return nil
}

// directory adds all specs of a directory, and the values beside them.
func (f *specFiles) directory(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("%q cannot be read: %w", dir, err)
	}
	found := false
	for _, e := range entries {
		if e.IsDir() || !spec.IsSpecFile(e.Name()) {
			continue
		}
		found = true
		if err := f.add(&f.sources, filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("the directory %q has no spec (*.hcl or *.hcl.json); directories below it are not searched", dir)
	}
	return f.valuesBeside(dir)
}

// valuesBeside adds tracer.vars.hcl and *.auto.vars.hcl of a directory.
func (f *specFiles) valuesBeside(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("%q cannot be read: %w", dir, err)
	}
	for _, e := range entries {
		if e.IsDir() || !spec.IsAutoVarsFile(e.Name()) {
			continue
		}
		if err := f.add(&f.values, filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// readCatalog adds an embedded spec: NAME is that of its file, without .hcl, or
// of its folder and file.
func (a *app) readCatalog(files *specFiles, name string) error {
	if a.env.Catalog == nil {
		return fmt.Errorf("this build of tracer has no catalog: %q cannot be found", catalogPrefix+name)
	}
	var names []string
	var found string
	err := fs.WalkDir(a.env.Catalog, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !spec.IsSpecFile(d.Name()) {
			return err
		}
		stem := strings.TrimSuffix(file, ".hcl")
		if stem == name || path.Base(stem) == name {
			found = file
		}
		names = append(names, path.Base(stem))
		return nil
	})
	if err != nil {
		return fmt.Errorf("the catalog cannot be read: %w", err)
	}
	if found == "" {
		slices.Sort(names)
		return fmt.Errorf("the catalog has no spec %q%s", name, question(spec.Nearest(name, names), catalogPrefix))
	}
	src, err := fs.ReadFile(a.env.Catalog, found)
	if err != nil {
		return fmt.Errorf("%q cannot be read: %w", catalogPrefix+name, err)
	}
	files.sources = append(files.sources, spec.Source{Name: catalogPrefix + strings.TrimSuffix(found, ".hcl"), Bytes: src})
	return nil
}
