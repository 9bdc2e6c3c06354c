package facts

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf/btf"
)

// Names that the kernel's include/trace macros give to what BTF says about a
// tracepoint: a typedef (since 5.5) and the function that calls the probes,
// whose parameters have names (since 5.10).
const (
	RawTracepointTypedef  = "btf_trace_"
	RawTracepointIterator = "__traceiter_"
)

// FuncByName is the BTF function called name in spec, without looking at other
// types than those of that name. ErrNotFound if there is none; any other error
// means that the BTF is damaged.
func FuncByName(spec *btf.Spec, name string) (*btf.Func, error) {
	var fn *btf.Func
	if err := spec.TypeByName(name, &fn); err != nil {
		if errors.Is(err, btf.ErrMultipleMatches) {
			return firstFunc(spec, name)
		}
		return nil, btfError("BTF function "+name, err)
	}
	return fn, nil
}

// firstFunc picks the first of several functions of one name (static functions
// of different files).
func firstFunc(spec *btf.Spec, name string) (*btf.Func, error) {
	all, err := spec.AnyTypesByName(name)
	if err != nil {
		return nil, btfError("BTF function "+name, err)
	}
	for _, t := range all {
		if fn, ok := t.(*btf.Func); ok {
			return fn, nil
		}
	}
	return nil, fmt.Errorf("BTF function %s: %w", name, ErrNotFound)
}

// RawTracepointProto is the prototype of a raw tracepoint's arguments in spec,
// without the leading void *__data. Parameters have no names where the kernel
// is older than 5.10. ErrNotFound if there is no such tracepoint.
func RawTracepointProto(spec *btf.Spec, name string) (*btf.FuncProto, error) {
	fn, err := FuncByName(spec, RawTracepointIterator+name)
	if err == nil {
		return withoutData(fn.Type, name)
	}
	if !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	var def *btf.Typedef
	if err := spec.TypeByName(RawTracepointTypedef+name, &def); err != nil {
		return nil, btfError("raw tracepoint "+name, err)
	}
	ptr, ok := btf.UnderlyingType(def.Type).(*btf.Pointer)
	if !ok {
		return nil, fmt.Errorf("raw tracepoint %s: its BTF typedef is no function pointer", name)
	}
	return withoutData(ptr.Target, name)
}

// withoutData drops the first parameter, which is tracing's own.
func withoutData(t btf.Type, name string) (*btf.FuncProto, error) {
	proto, ok := t.(*btf.FuncProto)
	if !ok || len(proto.Params) == 0 {
		return nil, fmt.Errorf("raw tracepoint %s: its BTF is no function prototype", name)
	}
	return &btf.FuncProto{Return: proto.Return, Params: proto.Params[1:]}, nil
}

// btfError says what was looked for, with this package's ErrNotFound.
func btfError(what string, err error) error {
	if errors.Is(err, btf.ErrNotFound) {
		return fmt.Errorf("%s: %w", what, ErrNotFound)
	}
	return fmt.Errorf("%s: %w", what, err)
}
