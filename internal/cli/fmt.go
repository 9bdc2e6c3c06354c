package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/hashicorp/hcl/v2"
	"github.com/urfave/cli/v3"

	"tracer/spec/format"
)

// fmtOptions are the arguments of "tracer fmt".
type fmtOptions struct {
	list, write, diff, check, recursive bool
	targets                             []string
}

// fmtCommand is "tracer fmt".
func (a *app) fmtCommand() *cli.Command {
	var o fmtOptions
	return &cli.Command{
		Name: "fmt", Usage: "bring specs into their canonical layout",
		UsageText: "tracer fmt [OPTIONS] [TARGET...]", Description: fmtHelp,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "list", Value: true, Usage: "name the files that change", Destination: &o.list},
			&cli.BoolFlag{Name: "write", Value: true, Usage: "change the files", Destination: &o.write},
			&cli.BoolFlag{Name: "diff", Usage: "show the changes", Destination: &o.diff},
			&cli.BoolFlag{Name: "check", Usage: "change nothing; exit code 3 if a file would change", Destination: &o.check},
			&cli.BoolFlag{Name: "recursive", Usage: "also the directories below", Destination: &o.recursive},
		},
		Action: func(_ context.Context, c *cli.Command) error {
			o.targets = c.Args().Slice()
			return a.format(o)
		},
	}
}

// formatter is one run of fmt.
type formatter struct {
	*app
	fmtOptions
	changed bool
	diags   hcl.Diagnostics
	files   map[string]*hcl.File
}

func (a *app) format(o fmtOptions) error {
	if o.check {
		o.write = false
	}
	if len(o.targets) == 0 {
		o.targets = []string{"."}
	}
	f := &formatter{app: a, fmtOptions: o, files: map[string]*hcl.File{}}
	for _, t := range o.targets {
		if err := f.target(t); err != nil {
			return err
		}
	}
	if err := a.diagnostics(f.files, f.diags); err != nil {
		return err
	}
	if o.check && f.changed {
		return exit{ExitUnformatted}
	}
	return nil
}

func (f *formatter) target(name string) error {
	if name == "-" {
		if len(f.targets) > 1 {
			return usagef("fmt", "standard input cannot be formatted together with other targets")
		}
		return f.stdin()
	}
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s does not exist", name)
	case err != nil:
		return err
	case info.IsDir():
		return f.directory(name)
	case !isHCL(name):
		return usagef("fmt", "%s is not a .hcl file", name)
	}
	return f.file(name)
}

// isHCL tells which files are formatted: specs, tests and variables, but not
// those in JSON syntax.
func isHCL(name string) bool {
	base := filepath.Base(name)
	return strings.HasSuffix(base, ".hcl") && !strings.HasPrefix(base, ".")
}

func (f *formatter) directory(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		switch {
		case e.IsDir() && f.recursive && !strings.HasPrefix(e.Name(), "."):
			err = f.directory(name)
		case !e.IsDir() && isHCL(name):
			err = f.file(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// source formats one source, and notes what is wrong with it.
func (f *formatter) source(name string, src []byte) (out []byte, ok bool) {
	out, diags := format.Source(src, name)
	if len(diags) > 0 {
		f.files[name] = &hcl.File{Bytes: src, Body: hcl.EmptyBody()}
		f.diags = append(f.diags, diags...)
	}
	return out, !diags.HasErrors()
}

func (f *formatter) file(name string) error {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return fmt.Errorf("%s is no regular file", name)
	}
	src, err := readFile(name)
	if err != nil {
		return err
	}
	out, ok := f.source(name, src)
	if !ok || bytes.Equal(src, out) {
		return nil
	}
	f.changed = true
	if f.list {
		if _, err := fmt.Fprintln(f.streams.Out, name); err != nil {
			return err
		}
	}
	if f.diff {
		if _, err := io.WriteString(f.streams.Out, format.Diff(name, src, out)); err != nil {
			return err
		}
	}
	if f.write {
		return replaceFile(name, src, out)
	}
	return nil
}

// replaceFile changes a file as a whole or not at all, and keeps its mode and
// whose it is; what cannot be replaced so, as it has a second name or another's
// directory, is written over. A symbolic link stays one: the file it points to is
// changed.
func replaceFile(name string, old, content []byte) error {
	name, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	// What may not be written may not be replaced either.
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	temp, err := twin(f)
	switch {
	case err != nil:
	case temp == nil:
		err = writeOver(f, old, content)
	default:
		_, err = temp.Write(content)
		if err = errors.Join(err, temp.Close()); err == nil {
			err = os.Rename(temp.Name(), name)
		}
		if err != nil {
			_ = os.Remove(temp.Name())
		}
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// twin is an empty file beside f with its mode and owner, which can take its
// place; nil: none may.
func twin(f *os.File) (*os.File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Nlink > 1 {
		return nil, nil
	}
	temp, err := os.CreateTemp(filepath.Dir(f.Name()), ".tracer-fmt-*")
	if errors.Is(err, fs.ErrPermission) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	err = temp.Chown(int(owner.Uid), int(owner.Gid))
	if err = errors.Join(err, temp.Chmod(info.Mode().Perm())); err == nil {
		return temp, nil
	}
	_ = errors.Join(temp.Close(), os.Remove(temp.Name()))
	if errors.Is(err, fs.ErrPermission) {
		return nil, nil
	}
	return nil, err
}

// writeOver changes the content of a file that holds old, and takes it back if
// that does not succeed.
func writeOver(f *os.File, old, content []byte) error {
	_, err := f.WriteAt(content, 0)
	if err == nil {
		return f.Truncate(int64(len(content)))
	}
	_, back := f.WriteAt(old, 0)
	return errors.Join(err, back, f.Truncate(int64(len(old))))
}

func (f *formatter) stdin() error {
	const name = "<stdin>"
	src, err := readAll(f.streams.In)
	if err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	out, ok := f.source(name, src)
	if !ok {
		return nil
	}
	f.changed = !bytes.Equal(src, out)
	switch {
	case f.diff && f.changed:
		_, err = io.WriteString(f.streams.Out, format.Diff(name, src, out))
	case f.check || f.diff:
	default:
		_, err = f.streams.Out.Write(out)
	}
	return err
}
