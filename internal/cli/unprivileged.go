package cli

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/cilium/ebpf/btf"

	"tracer/interpreter/facts"
)

// unprivileged are facts as a process may see them that may not look at
// everything: what it is not allowed to know is not known, and neither rejects
// nor supports a spec.
type unprivileged struct{ facts.Facts }

// unknown turns a missing permission into facts.ErrUnknown.
func unknown(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w (%w)", facts.ErrUnknown, err)
	}
	return err
}

func (u unprivileged) BTF() (*btf.Spec, error) {
	spec, err := u.Facts.BTF()
	return spec, unknown(err)
}

func (u unprivileged) FindFunc(name string) (*btf.Func, string, error) {
	fn, module, err := u.Facts.FindFunc(name)
	return fn, module, unknown(err)
}

func (u unprivileged) FuncIn(name, module string) (*btf.Func, error) {
	fn, err := u.Facts.FuncIn(name, module)
	return fn, unknown(err)
}

func (u unprivileged) Tracepoints() ([]string, error) {
	names, err := u.Facts.Tracepoints()
	return names, unknown(err)
}

func (u unprivileged) Tracepoint(category, event string) (*facts.Format, error) {
	format, err := u.Facts.Tracepoint(category, event)
	return format, unknown(err)
}

func (u unprivileged) RawTracepoints() ([]string, error) {
	names, err := u.Facts.RawTracepoints()
	return names, unknown(err)
}

func (u unprivileged) RawTracepoint(name string) (*btf.FuncProto, string, error) {
	proto, module, err := u.Facts.RawTracepoint(name)
	return proto, module, unknown(err)
}

func (u unprivileged) Functions() ([]facts.Function, error) {
	functions, err := u.Facts.Functions()
	return functions, unknown(err)
}

func (u unprivileged) Function(name string) ([]facts.Function, error) {
	functions, err := u.Facts.Function(name)
	return functions, unknown(err)
}

func (u unprivileged) Symbol(name string) (uint64, error) {
	address, err := u.Facts.Symbol(name)
	return address, unknown(err)
}

func (u unprivileged) Cgroup(path string) (uint64, int, error) {
	id, level, err := u.Facts.Cgroup(path)
	return id, level, unknown(err)
}

func (u unprivileged) Feature(f facts.Feature) error { return unknown(u.Facts.Feature(f)) }

// unprobed are facts for a plan: a feature that may not be tried is not known,
// while a target that may not be looked up is an error, as a plan without it
// would be another.
type unprobed struct{ facts.Facts }

func (u unprobed) Feature(f facts.Feature) error { return unknown(u.Facts.Feature(f)) }
