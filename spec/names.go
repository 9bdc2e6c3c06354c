package spec

import (
	"fmt"
	"path"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// IsSpecFile tells whether a file of that name is part of the spec of its
// directory: *.hcl and *.hcl.json, but neither tests nor values of variables.
func IsSpecFile(name string) bool {
	stem, ok := stemOf(name)
	return ok && !strings.HasSuffix(stem, ".test") && !strings.HasSuffix(stem, ".vars")
}

// IsAutoVarsFile tells whether a file of that name beside a spec gives values
// to its variables unasked: tracer.vars.hcl and *.auto.vars.hcl, or their JSON form.
func IsAutoVarsFile(name string) bool {
	stem, ok := stemOf(name)
	return ok && (stem == "tracer.vars" || strings.HasSuffix(stem, ".auto.vars"))
}

// stemOf returns the base name without .hcl or .hcl.json. Hidden and backup
// files have none.
func stemOf(name string) (string, bool) {
	base := path.Base(strings.ReplaceAll(name, `\`, "/"))
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "#") {
		return "", false
	}
	return strings.CutSuffix(strings.TrimSuffix(base, ".json"), ".hcl")
}

func isJSON(name string) bool { return strings.HasSuffix(name, ".json") }

// ValidName tells whether a string can name a probe, aggregate, save, variable,
// local or column: letters, digits and underscores, not beginning with a digit.
// HCL also allows "-", but then a-b is one name and cannot be told from a - b.
func ValidName(name string) bool {
	return hclsyntax.ValidIdentifier(name) && !strings.Contains(name, "-")
}

// Nearest returns the candidate that name is most likely a misspelling of, or ""
// if none is close.
func Nearest(name string, candidates []string) string {
	length := len([]rune(name))
	limit := max(1, length/3)
	best, found := limit+1, ""
	for _, c := range candidates {
		if c == name {
			continue
		}
		if strings.EqualFold(c, name) {
			return c
		}
		if n := len([]rune(c)); n > length+limit || n < length-limit {
			continue
		}
		if d := levenshtein.Distance(name, c, nil); d < best {
			best, found = d, c
		}
	}
	return found
}

// didYouMean is a sentence with a leading space, or "".
func didYouMean(name string, candidates []string) string {
	if n := Nearest(name, candidates); n != "" {
		return fmt.Sprintf(" Did you mean %q?", n)
	}
	return ""
}

// listOf joins words as in a sentence: "a, b and c".
func listOf(words []string) string {
	switch len(words) {
	case 0:
		return "none"
	case 1:
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
