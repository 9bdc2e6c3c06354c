package differ

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"strings"

	"tracer/interpreter/facts"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/templates"
)

// place is what a probe is attached to: its lines in the spec, and the
// arguments that all its targets have.
type place struct {
	lines   string
	forEach bool
	layout  *tree.Layout
}

// place chooses targets of a probe type: mostly one, else a list, a glob, one a
// probe (for_each), or a place in a function. Nil if they cannot be probed.
func (a *acceptance) place(r *rand.Rand, typ *templates.Type) *place {
	lists := a.names[typ.Name]
	if len(lists) == 0 {
		return nil
	}
	from := lists[r.IntN(len(lists))]
	one := func() string { return from.names[r.IntN(len(from.names))] }
	p := &place{}
	patterns := []string{one()}
	switch r.IntN(10) {
	case 0:
		patterns = append(patterns, one(), one())
		p.lines = fmt.Sprintf("  target = %s\n", list(patterns))
	case 1:
		patterns[0] = glob(r, patterns[0], from.names)
	case 2:
		patterns = append(patterns, one())
		p.lines = fmt.Sprintf("  for_each = { x = %q, y = %q }\n  target = each.value\n", patterns[0], patterns[1])
		p.forEach = true
	case 3:
		p.lines = fmt.Sprintf("  target = [%q, %q]\n  optional = true\n", absent(typ.Name), patterns[0])
	case 4:
		if typ.Name == "kprobe" || typ.Name == "uprobe" {
			patterns[0] += "+0x4"
		}
	}
	if p.lines == "" {
		p.lines = fmt.Sprintf("  target = %q\n", patterns[0])
	}
	var sig *types.Signature
	if typ.User {
		p.lines += fmt.Sprintf("  binary = %q\n", from.binary.Path)
	}
	if typ.User && typ.Name != "usdt" && r.IntN(4) > 0 {
		text := prototype(r)
		sig, _ = types.ParseSignature(text, types.User, nil)
		p.lines += fmt.Sprintf("  signature = %q\n", text)
	}
	if p.layout = a.common(typ, from.binary, sig, patterns); p.layout == nil {
		return nil
	}
	return p
}

// absent is a target that there is not.
func absent(kind string) string {
	if kind == "tracepoint" || kind == "usdt" {
		return "no:such"
	}
	return "no_such"
}

// common are the arguments that all targets of some patterns have.
func (a *acceptance) common(typ *templates.Type, b *facts.Binary, sig *types.Signature, patterns []string) *tree.Layout {
	var out *tree.Layout
	for _, pattern := range patterns {
		q := &templates.Request{Facts: a.facts, Pattern: pattern, Binary: b, Signature: sig, Return: true}
		found, err := typ.Resolve(q)
		if err != nil || len(found) == 0 || len(found) > 40 {
			return nil
		}
		for i := range found {
			if out == nil {
				first := *found[i].Layout
				first.Refused = maps.Clone(first.Refused)
				if out = &first; first.Refused == nil {
					first.Refused = map[string]string{}
				}
				continue
			}
			narrow(out, found[i].Layout)
		}
	}
	return out
}

// narrow refuses what other has not, or has of another type.
func narrow(l, other *tree.Layout) {
	have := map[string]types.Type{}
	for _, arg := range other.Args {
		if other.Refused[arg.Name] == "" {
			have[arg.Name] = arg.Type
		}
	}
	for _, arg := range l.Args {
		if t, ok := have[arg.Name]; !ok || !t.Same(arg.Type) || t.String() != arg.Type.String() {
			l.Refused[arg.Name] = "not of all targets"
		}
	}
	if l.Ret == nil || other.Ret == nil || !l.Ret.Type.Same(other.Ret.Type) || l.Ret.Type.String() != other.Ret.Type.String() {
		l.Ret = nil
	}
}

// glob is a pattern of a name that matches a few.
func glob(r *rand.Rand, name string, names []string) string {
	for n := 3 + r.IntN(4); n < len(name); n++ {
		pattern, matches := name[:n]+"*", 0
		for _, other := range names {
			if ok, err := path.Match(pattern, other); ok && err == nil {
				matches++
			}
		}
		if matches > 0 && matches <= 12 {
			return pattern
		}
	}
	return name
}

func list(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = fmt.Sprintf("%q", w)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// parameters are types of C as prototypes of user functions write them. What
// they say need not be true to load.
var parameters = []string{
	"int", "unsigned int", "long", "unsigned long", "short", "unsigned char", "signed char", "char", "_Bool", "unsigned short", "long long", "size_t", "uint32_t", "int64_t",
	"const char *", "char *", "char **", "void *", "const void *", "int *", "const unsigned long *", "unsigned char *", "struct nothing *",
}

// prototype is one of C with up to nine parameters.
func prototype(r *rand.Rand) string {
	params := make([]string, r.IntN(10))
	for i := range params {
		params[i] = fmt.Sprintf("%s a%d", parameters[r.IntN(len(parameters))], i)
	}
	ret := "void"
	if r.IntN(5) > 0 {
		ret = parameters[r.IntN(len(parameters))]
	}
	return fmt.Sprintf("%s f(%s)", ret, strings.Join(params, ", "))
}
