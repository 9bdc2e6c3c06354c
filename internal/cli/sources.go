package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
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
	bytes   int // of all that was read
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
		src, err := readAll(a.streams.In)
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

// What is read at most, in bytes: of a file one more than a file of a spec may have,
// so that spec.Parse refuses it, be it a device that does not end; of all files
// together as much as thousands of specs have.
const (
	mostRead      = spec.MaxSourceBytes + 1
	mostReadInAll = 64 << 20
)

func readAll(in io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(in, mostRead)) }

// readFile is os.ReadFile, up to mostRead.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	src, err := readAll(f)
	return src, errors.Join(err, f.Close())
}

// add reads a file, once.
func (f *specFiles) add(to *[]spec.Source, name string) error {
	clean := filepath.Clean(name)
	if f.seen[clean] {
		return nil
	}
	f.seen[clean] = true
	src, err := readFile(name)
	if err != nil {
		return fmt.Errorf("%q cannot be read: %w", name, err)
	}
	if f.bytes += len(src); f.bytes > mostReadInAll {
		return fmt.Errorf("%q cannot be read: with it, the files of this spec have more than %d bytes together", name, mostReadInAll)
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

// readCatalog adds an embedded spec.
func (a *app) readCatalog(files *specFiles, name string) error {
	e, src, err := a.catalogSource(name)
	if err != nil {
		return err
	}
	files.sources = append(files.sources, spec.Source{Name: catalogPrefix + e.name, Bytes: src})
	return nil
}
