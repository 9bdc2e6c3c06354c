package check

import (
	"regexp"
	"slices"
	"testing"
)

// What a hint tells to write exists, and what it is told for does not.
func TestNamesElsewhereAreNoneHere(t *testing.T) {
	word := regexp.MustCompile(`\b[a-z_]+\b`)
	known := slices.Concat(rootNames(), functionNames(), []string{
		"x", "s", "p", "uid", "min", "max", "step", // parameters
		"path", "column", "one", "row", "an", "event", "a", "each", "and",
		"for", "or", "the", "time", "of", "call", "clock",
	})
	for here, table := range map[string]map[string]string{"name": namesElsewhere, "function": functionsElsewhere} {
		for name, hint := range table {
			if here == "name" && slices.Contains(rootNames(), name) || here == "function" && slices.Contains(functionNames(), name) {
				t.Errorf("%s %s exists here", here, name)
			}
			for _, w := range word.FindAllString(hint, -1) {
				if !slices.Contains(known, w) {
					t.Errorf("%s %s: %q is nothing here: %s", here, name, w, hint)
				}
			}
		}
	}
}
