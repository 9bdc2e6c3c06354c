package check

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// eventRoots are the names an expression of a probe may begin with, besides
// the plan-time ones; the value says what it is, for the documentation.
var eventRoots = []Builtin{
	{"args", "arguments of the probe's target, by name or position"},
	{"retval", "return value, at the return of a call"},
	{"latency", "time from the call's entry to its return"},
	{"capture", "columns of the probe's capture block"},
	{"saved", "fields of a saved entry"},
	{"pid", "process (thread group) id"},
	{"tid", "thread id"},
	{"ppid", "process id of the parent"},
	{"uid", "user id"},
	{"gid", "group id"},
	{"comm", "name of the thread"},
	{"cpu", "number of the CPU"},
	{"nsecs", "nanoseconds of the monotonic clock"},
	{"cgroup", "id of the control group (v2)"},
	{"task", "the current struct task_struct"},
	{"kstack", "kernel stack"},
	{"ustack", "user stack"},
	{"func", "function or event that fired, as target would name it"},
	{"probe", "the probe by its labels, as in the output: syscall.read"},
	{"random", "a random 32-bit number"},
}

// Builtin is a name that expressions may use at event time.
type Builtin struct{ Name, Doc string }

// Builtins lists the names of event time, for documentation and completion.
func Builtins() []Builtin { return slices.Clone(eventRoots) }

func rootNames() []string {
	names := []string{"var", "local", "each", "kernel"}
	for _, b := range eventRoots {
		names = append(names, b.Name)
	}
	return names
}

// nameCheck looks at every name in e, also where && would not: variables,
// locals, columns, saves, functions. It reports and gives false for unknown
// ones.
func (s *scope) nameCheck(e hclsyntax.Expression) bool {
	ok := true
	for _, t := range e.Variables() {
		if !s.checkTraversal(t) {
			ok = false
		}
	}
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		if call, is := n.(*hclsyntax.FunctionCallExpr); is && !s.checkCall(call) {
			ok = false
		}
		return nil
	})
	return ok
}

func (s *scope) checkCall(call *hclsyntax.FunctionCallExpr) bool {
	if _, ok := s.c.funcs[call.Name]; ok {
		return true
	}
	if s.c.events[call.Name] != nil {
		return true
	}
	s.errUnknownFunction(call)
	return false
}

func (s *scope) checkTraversal(t hcl.Traversal) bool {
	root := t.RootName()
	switch root {
	case "var":
		if name, ok := step(t, 1); ok && s.c.in.Spec.Variable(name) != nil {
			return true
		}
		return s.checkMember(t, "variable", s.variableNames())
	case "local":
		if s.local(t) != nil {
			return true
		}
		return s.checkMember(t, "local", s.localNames())
	case "each":
		if s.probe == nil {
			return true // a local of the file: decided where it is used
		}
		if s.each == cty.NilVal {
			s.errEachOutside(t.SourceRange())
			return false
		}
		return s.checkMember(t, "attribute of each", []string{"key", "value"})
	case "kernel":
		return s.checkMember(t, "fact of kernel", []string{"release", "arch"})
	case "saved":
		return s.checkMember(t, "save", s.c.saveNames())
	case "capture":
		if s.probe == nil {
			return true // a local of the file: decided where it is used
		}
		if s.probe.Capture == nil {
			s.errNoCapture(t)
			return false
		}
		return s.checkMember(t, "column of capture", s.captureNames())
	}
	for _, b := range eventRoots {
		if b.Name == root {
			return true
		}
	}
	s.errUnknownName(t)
	return false
}

// checkMember checks the second step of a traversal against the names there
// are.
func (s *scope) checkMember(t hcl.Traversal, what string, names []string) bool {
	name, ok := step(t, 1)
	if !ok {
		s.errIncomplete(t, "NAME")
		return false
	}
	if slices.Contains(names, name) {
		return true
	}
	s.errNoSuch(t[1].SourceRange(), what, name, names)
	return false
}

func (s *scope) variableNames() []string {
	var names []string
	for _, v := range s.c.in.Spec.Variables {
		names = append(names, v.Name)
	}
	return names
}

func (s *scope) localNames() []string {
	var names []string
	for n := range s.c.in.Spec.Locals {
		names = append(names, n)
	}
	if s.probe != nil {
		for n := range s.probe.Locals {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return names
}

func (s *scope) captureNames() []string {
	var names []string
	if s.probe.Capture != nil {
		for _, col := range s.probe.Capture.Columns {
			names = append(names, col.Name)
		}
	}
	return names
}

// saveNames are the names of all saves of the spec, sorted.
func (c *checker) saveNames() []string {
	var names []string
	for _, p := range c.in.Spec.Probes {
		for _, sv := range p.Saves {
			names = append(names, sv.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// traversalText is a traversal as the spec wrote it.
func traversalText(t hcl.Traversal) string {
	out := t.RootName()
	for _, st := range t[1:] {
		switch st := st.(type) {
		case hcl.TraverseAttr:
			out += "." + st.Name
		case hcl.TraverseIndex:
			if st.Key.Type() == cty.String {
				out += fmt.Sprintf("[%q]", st.Key.AsString())
			} else if st.Key.Type() == cty.Number {
				out += "[" + st.Key.AsBigFloat().Text('f', 0) + "]"
			}
		}
	}
	return out
}
