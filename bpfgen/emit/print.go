package emit

import (
	"fmt"
	"strings"
)

// String is the listing of o: the block names, for each instruction its raw
// offset as the verifier counts and its text, and where it comes from as a
// comment, once for each run of instructions.
func (o *Object) String() string {
	var sb strings.Builder
	raw := rawOffsets(o.Instructions)
	last := ""
	for i := range o.Instructions {
		if label, ok := o.labels[i]; ok {
			fmt.Fprintf(&sb, "%s:\n", label)
			last = ""
		}
		text := fmt.Sprintf("%5d: %v", raw[i], o.Instructions[i])
		place := ""
		if o.Pos[i] != nil {
			place = o.Pos[i].String()
		}
		if place != "" && place != last {
			text = fmt.Sprintf("%-64s ; %s", text, place)
		}
		last = place
		fmt.Fprintf(&sb, "%s\n", text)
	}
	return sb.String()
}
