package host

import (
	"bytes"
	"cmp"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"

	"tracer/interpreter/facts"
)

// Function implements facts.Facts. kallsyms has every function, by whatever
// name; what kprobes refuse is known from their blacklist or, where it cannot
// be read, from the regions of code that are on it.
func (h *Host) Function(name string) ([]facts.Function, error) {
	text, err := h.kallsyms()
	if err != nil {
		return nil, err
	}
	if name == "" || strings.ContainsAny(name, " \t\n") {
		return nil, notFound("kernel function %q", name)
	}
	refused, _ := h.refused.get(func() (refusals, error) { return h.refusals(text), nil })
	end, _ := h.end.get(func() (uint64, error) { return textEnd(text), nil })
	other := ""
	var out []facts.Function
	for at := range h.symbolLines(text, name) {
		s, ok := parseSymbol(lineAt(text, at))
		switch {
		case !ok:
		case s.name != name:
			if isVariant(s, name) && len(other) < 100 {
				other += ", " + s.name
			}
		case !isCode(s), s.module == "" && s.addr >= end && !refused.has(s):
			return nil, notFound("kernel function %s (a variable has that name)", name)
		default:
			fn := facts.Function{Name: name, Addr: s.addr, Module: s.module, Size: sizeAt(text, at, s)}
			if refused.has(s) {
				fn.Refused = "it is on the kernel's list of functions that a probe would crash (NOKPROBE, noinstr), or gone since boot (init)"
			}
			fn.NoTrace = h.traced().lacks(text, fn)
			out = append(out, fn)
		}
	}
	if len(out) == 0 && other != "" {
		return nil, notFound("kernel function %s (the compiler made%s of it)", name, strings.TrimPrefix(other, ","))
	}
	if len(out) == 0 {
		return nil, notFound("kernel function %s", name)
	}
	slices.SortFunc(out, func(a, b facts.Function) int { return cmp.Compare(a.Addr, b.Addr) })
	return out, nil
}

// symbolLines are where the lines of kallsyms begin that are of name, or of
// what the compiler made of it. Who asks for many names, as a glob does, is
// answered from an index.
func (h *Host) symbolLines(text, name string) iter.Seq[int] {
	const few = 3
	if h.asked++; h.asked <= few {
		return findLines(text, name)
	}
	index, _ := h.lines.get(func() (map[string][]int, error) { return indexLines(text), nil })
	return func(yield func(int) bool) {
		base, _, _ := strings.Cut(name, ".")
		for _, at := range index[base] {
			s, _ := parseSymbol(lineAt(text, at))
			if (s.name == name || strings.HasPrefix(s.name, name+".")) && !yield(at) {
				return
			}
		}
	}
}

// indexLines are the lines of each name, without what the compiler added to it.
func indexLines(text string) map[string][]int {
	index := make(map[string][]int, strings.Count(text, "\n"))
	at := 0
	for line := range strings.Lines(text) {
		if s, ok := parseSymbol(line); ok {
			base, _, _ := strings.Cut(s.name, ".")
			index[base] = append(index[base], at)
		}
		at += len(line)
	}
	return index
}

// findLines finds them without an index.
func findLines(text, name string) iter.Seq[int] {
	return func(yield func(int) bool) {
		for from := 0; ; {
			i := strings.Index(text[from:], name)
			if i < 0 {
				return
			}
			i += from
			from = i + len(name)
			if i == 0 || text[i-1] != ' ' || from < len(text) && !strings.ContainsRune("\n\t.", rune(text[from])) {
				continue
			}
			if !yield(strings.LastIndexByte(text[:i], '\n') + 1) {
				return
			}
		}
	}
}

func lineAt(text string, at int) string {
	line, _, _ := strings.Cut(text[at:], "\n")
	return line
}

// isVariant says that the compiler made s of a function: name.isra.0,
// name.constprop.0, name.part.0. A part for rare cases is none.
func isVariant(s kernelSymbol, name string) bool {
	return isCode(s) && strings.HasPrefix(s.name, name+".") && !strings.HasSuffix(s.name, ".cold")
}

// sizeAt is how far it is from a function to the next: in the kernel the next
// line of a higher address, in a module any line of it, which stand together.
// 0: not known.
func sizeAt(text string, at int, s kernelSymbol) uint64 {
	if s.addr == 0 {
		return 0
	}
	if s.module != "" {
		at = moduleStart(text, at, s.module)
	}
	next := uint64(0)
	for line := range strings.Lines(text[at:]) {
		n, ok := parseSymbol(line)
		if s.module != "" && n.module != s.module {
			break
		}
		if !ok || n.module != s.module || n.addr <= s.addr || !isCode(n) {
			continue
		}
		if next == 0 || n.addr < next {
			next = n.addr
		}
		if s.module == "" {
			break
		}
	}
	if next == 0 {
		return 0
	}
	return next - s.addr
}

// moduleStart is where the lines of a module begin, of which one is at at.
func moduleStart(text string, at int, module string) int {
	for at > 0 {
		before := strings.LastIndexByte(text[:at-1], '\n') + 1
		if !strings.HasSuffix(text[before:at], "["+module+"]\n") {
			break
		}
		at = before
	}
	return at
}

// refusals are what kprobes do not take.
type refusals struct {
	ranges [][2]uint64
	names  map[string]bool // where addresses are hidden
}

func (r refusals) has(s kernelSymbol) bool {
	if s.addr == 0 {
		return r.names[s.name]
	}
	return slices.ContainsFunc(r.ranges, func(x [2]uint64) bool { return x[0] <= s.addr && s.addr < x[1] })
}

// isCode says that a symbol is a function, or may be one.
func isCode(s kernelSymbol) bool {
	return strings.IndexByte("tTwW", s.kind) >= 0 && !slices.Contains(pseudoModules, s.module) &&
		!slices.ContainsFunc(notFunctions, func(p string) bool { return strings.HasPrefix(s.name, p) })
}

// textEnd is where the kernel's functions end, as far as that is known. Behind
// it variables are listed as if they were functions (7.x), and what was only there
// at boot.
func textEnd(text string) uint64 {
	if s, ok := findSymbol(text, "_etext"); ok && s.addr != 0 {
		return s.addr
	}
	return ^uint64(0)
}

// symbolFunctions are all functions of kallsyms that can be probed.
func symbolFunctions(text string, refused refusals) []facts.Function {
	fns := make([]facts.Function, 0, strings.Count(text, "\n"))
	end := textEnd(text)
	for line := range strings.Lines(text) {
		if s, ok := parseSymbol(line); ok && isCode(s) && !refused.has(s) && (s.addr < end || s.module != "") {
			fns = append(fns, facts.Function{Name: s.name, Addr: s.addr, Module: s.module})
		}
	}
	return fns
}

// refusals reads what kprobes refuse, as far as debugfs is mounted and may be
// read, and those regions of the kernel that are always refused, as far as
// kallsyms says where they are.
func (h *Host) refusals(kallsyms string) refusals {
	r := refusals{ranges: findRegions(kallsyms)}
	if text, err := os.ReadFile(h.path("/sys/kernel/debug/kprobes/blacklist")); err == nil {
		r.read(text)
	}
	return r
}

// read takes the text of debugfs' kprobes/blacklist: lines "0xFROM-0xTO\tNAME",
// the bounds zero where addresses are hidden.
func (r *refusals) read(text []byte) {
	r.names = map[string]bool{}
	for line := range bytes.Lines(text) {
		fields := strings.Fields(string(line))
		if len(fields) < 2 {
			continue
		}
		r.names[fields[1]] = true
		low, high, _ := strings.Cut(fields[0], "-")
		from, err1 := strconv.ParseUint(low, 0, 64)
		to, err2 := strconv.ParseUint(high, 0, 64)
		if err1 == nil && err2 == nil && from < to {
			r.ranges = append(r.ranges, [2]uint64{from, to})
		}
	}
}
