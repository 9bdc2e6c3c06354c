package cli

import (
	"testing"

	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/templates"
)

// What cannot be read stands in its place among the arguments, under the name
// that a spec would give it, and nowhere as if it could be.
func TestArgumentsThatCannotBeReadAreToldInTheirPlace(t *testing.T) {
	text := describeLayout(templates.All()["uprobe"], templates.Found{
		Target: plan.Target{Name: "main.main"},
		Layout: &tree.Layout{
			Args:    []tree.ArgLoc{{Name: "0", Type: types.U64}, {Name: "1", Type: types.U64}, {Name: "text", Type: types.U64}, {Name: "3", Type: types.S64}},
			Refused: map[string]string{"1": "it is word 2", "text": "it is word 3", "other": "it is a structure"},
		},
	})
	const want = `uprobe "main.main"
  args[0]     u64
  args[1]     cannot be read: it is word 2
  args.text   cannot be read: it is word 3
  args[3]     s64
  args.other  cannot be read: it is a structure
`
	if text != want {
		t.Errorf("got\n%swant\n%s", text, want)
	}
}
