package check

import (
	"errors"
	"strings"

	"github.com/cilium/ebpf/btf"
	"github.com/hashicorp/hcl/v2"

	"tracer/interpreter/facts"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// kernelType finds a C type by its name, such as "struct sock"; nil if there is
// none.
func (c *checker) kernelType(name string) btf.Type {
	if t, done := c.ctypes[name]; done {
		return t
	}
	bs, err := c.in.Facts.BTF()
	if err != nil {
		return nil
	}
	t := findType(bs, name)
	if c.ctypes != nil {
		c.ctypes[name] = t
	}
	return t
}

func findType(bs *btf.Spec, name string) btf.Type {
	kind, bare, found := strings.Cut(name, " ")
	if !found {
		bare = name
	}
	all, err := bs.AnyTypesByName(bare)
	if err != nil {
		return nil
	}
	for _, t := range all {
		switch t.(type) {
		case *btf.Struct:
			if kind == "struct" {
				return t
			}
		case *btf.Union:
			if kind == "union" {
				return t
			}
		case *btf.Enum:
			if kind == "enum" {
				return t
			}
		case *btf.Typedef, *btf.Int:
			if !found {
				return t
			}
		}
	}
	return nil
}

// noBTF says, once, why a kernel type cannot be found at all.
func (s *scope) noBTF(rng hcl.Range, what string) bool {
	_, err := s.c.in.Facts.BTF()
	switch {
	case err == nil:
		return false
	case errors.Is(err, facts.ErrUnknown):
		s.errorAt(rng, "Kernel types not known", "%s needs the kernel's type information (BTF): %v.", what, err)
	default:
		s.errorAt(rng, "No kernel type information", "%s needs the kernel's type information (BTF), and there is none: %v.", what, err)
	}
	return true
}

// task is the current task_struct.
func (s *scope) task(rng hcl.Range) *tree.Expr {
	if s.noBTF(rng, "task") {
		return nil
	}
	c := s.c.kernelType("struct task_struct")
	if c == nil {
		s.errorAt(rng, "No struct task_struct", "This kernel's BTF has no struct task_struct.")
		return nil
	}
	space := types.Kernel
	if s.c.feature(facts.TaskBTF) {
		space = types.Trusted
	}
	elem := types.FromBTF(c, space)
	return s.builtin("task", types.Type{Kind: types.Pointer, Size: 8, Elem: &elem, Space: space}, rng)
}

// comm is the name of the current thread. Where the kernel lets programs read its
// task, they take it from there: that is three times as fast as its helper.
func (s *scope) comm(rng hcl.Range) *tree.Expr {
	if at, err := s.c.in.Facts.CommOffset(); err == nil && s.c.feature(facts.TaskBTF) {
		s.c.plan.CommOffset = at
	}
	return s.builtin("comm", types.Comm, rng)
}

// ppid is task->real_parent->tgid.
func (s *scope) ppid(rng hcl.Range) *tree.Expr {
	x := s.task(rng)
	if x == nil {
		return nil
	}
	if x = s.member(x, "real_parent", rng); x == nil {
		return nil
	}
	if x = s.member(x, "tgid", rng); x == nil {
		return nil
	}
	x.Type.Name = ""
	return x
}
