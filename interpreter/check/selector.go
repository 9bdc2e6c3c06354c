package check

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
)

// nativeCall says, by architecture, that a system call is not one of a program
// of another one, such as a 32-bit program, whose numbers mean other calls:
// TS_COMPAT of arch/x86, _TIF_32BIT of arch/arm64. The member it asks about comes
// first.
var nativeCall = map[string]struct{ member, condition string }{
	"x86_64": {"thread_info.status", "bitand(task.thread_info.status, 2) == 0"},
	"arm64":  {"thread_info.flags", "bitand(task.thread_info.flags, 4194304) == 0"},
}

// selector is how a variant's programs know their own targets among events of
// all; nil if these facts do not tell.
func (s *scope) selector(v *plan.Variant) *plan.Selector {
	native, known := nativeCall[s.c.in.Facts.Kernel().Arch]
	if !known || v.Layout.Number == nil {
		return nil
	}
	if _, err := memberOf(s.c.in.Facts, "struct task_struct", native.member); err != nil {
		return nil
	}
	e, diags := hclsyntax.ParseExpression([]byte(native.condition), s.probe.DefRange.Filename, hcl.InitialPos)
	if diags.HasErrors() {
		return nil
	}
	where := s.conditions(e)
	for _, w := range where {
		tree.Walk(w, func(x *tree.Expr) bool {
			x.Range = s.probe.DefRange // it stands nowhere in the spec
			return true
		})
	}
	return &plan.Selector{Number: v.Layout.Number, Where: where}
}
