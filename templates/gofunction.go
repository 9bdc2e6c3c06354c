package templates

import (
	"fmt"
	"go/version"

	"tracer/interpreter/facts"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// goRegisters is the first release whose functions take their arguments in
// registers on every architecture; before, they lay on the stack.
const goRegisters = "go1.18"

// goLayout is where the arguments of a function in Go are: each of their words
// in a register (a string is two words, a slice three). The words that are left
// lie on the stack by rules that need the argument's type.
func goLayout(b *facts.Binary, sig *types.Signature, regs *registers) *tree.Layout {
	inGo := *regs
	inGo.args = regs.goArgs
	layout := signatureLayout(sig, &inGo)
	old := ""
	switch {
	case b.GoVersion == "":
		old = "the program does not say which Go compiled it, so it may be on the stack"
	case version.Compare(b.GoVersion, goRegisters) < 0:
		old = fmt.Sprintf("the program was compiled with %s, and before %s arguments lie on the stack", b.GoVersion, goRegisters)
	}
	for i, arg := range layout.Args {
		switch {
		case old != "":
			layout.Refused[arg.Name] = old
		case i >= len(inGo.args):
			layout.Refused[arg.Name] = fmt.Sprintf("it is word %d, and Go passes only the first %d in registers", i+1, len(inGo.args))
		}
	}
	return layout
}

// goReturn says why the return of a function in Go cannot be probed.
func goReturn(pattern string) error {
	return &TargetError{Pattern: pattern, Why: "in Go, whose stacks move: a probe at its return would crash the program", Detail: fmt.Sprintf(
		"%s is a function in Go, whose stacks move: a probe at its return would crash the program. Its entry can be probed, as uprobe.", pattern)}
}
