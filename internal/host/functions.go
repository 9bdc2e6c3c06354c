package host

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"tracer/interpreter/facts"
)

// Functions implements facts.Facts. They come from kallsyms, without what is
// known to be refused: kprobes' blacklist, and code that is not there after boot
// or is no function; where that hides addresses, from ftrace's list, if it may be
// read.
func (h *Host) Functions() ([]facts.Function, error) {
	return h.fns.get(func() ([]facts.Function, error) {
		text, err := h.kallsyms()
		list := h.traced()
		var fns []facts.Function
		switch {
		case list != nil && (err != nil || addressesHidden(text)):
			refused := h.refusals("")
			for _, fn := range list.fns {
				if !refused.has(kernelSymbol{name: fn.Name, addr: fn.Addr}) {
					fns = append(fns, facts.Function{Name: fn.Name, Module: fn.Module})
				}
			}
		case err != nil:
			return nil, fmt.Errorf("kernel functions: %w", err)
		default:
			fns = symbolFunctions(text, h.refusals(text))
			if list != nil {
				list.mark(fns)
				// Parts of functions, and what the compiler made of them.
				fns = slices.DeleteFunc(fns, func(fn facts.Function) bool { return fn.NoTrace && strings.Contains(fn.Name, ".") })
			}
		}
		slices.SortFunc(fns, func(a, b facts.Function) int {
			if c := strings.Compare(a.Name, b.Name); c != 0 {
				return c
			}
			return cmp.Compare(a.Addr, b.Addr)
		})
		return slices.Compact(fns), nil
	})
}

// moduleName takes the brackets off "[module]" and what may follow.
func moduleName(s string) string {
	_, s, ok := strings.Cut(s, "[")
	if !ok {
		return ""
	}
	s, _, _ = strings.Cut(s, "]")
	return s
}

// kallsyms is the whole text of /proc/kallsyms. Reading it costs the kernel
// some 160 ms for 120,000 lines, once.
func (h *Host) kallsyms() (string, error) {
	return h.symbols.get(func() (string, error) {
		text, err := os.ReadFile(h.path("/proc/kallsyms"))
		if err != nil {
			return "", fmt.Errorf("kernel symbols: %w", err)
		}
		return string(text), nil
	})
}

// kernelSymbol is one line of kallsyms.
type kernelSymbol struct {
	addr   uint64
	kind   byte
	name   string
	module string
}

// parseSymbol reads "ADDR KIND NAME[\t[MODULE]]".
func parseSymbol(line string) (s kernelSymbol, ok bool) {
	addr, rest, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
	kind, rest, _ := strings.Cut(rest, " ")
	name, module, _ := strings.Cut(rest, "\t")
	n, err := strconv.ParseUint(addr, 16, 64)
	if err != nil || len(kind) != 1 || name == "" {
		return s, false
	}
	return kernelSymbol{addr: n, kind: kind[0], name: name, module: moduleName(module)}, true
}

// notFunctions are prefixes of text symbols that are no functions: padding
// before them, trampolines of static calls, labels in assembly.
var notFunctions = []string{"__pfx_", "__cfi_", "__SCT__", "__ftrace_invalid_address__", "__UNIQUE_ID_", "."}

// pseudoModules mark code that is made at run time.
var pseudoModules = []string{"bpf", "__builtin__ftrace", "__builtin__kprobes"}

// closedRegions are bounded by pairs of symbols: code freed after boot, and
// code that kprobes refuse (kernel/kprobes.c, populate_kprobe_blacklist).
var closedRegions = [][2]string{
	{"_sinittext", "_einittext"},
	{"__init_begin", "__init_end"},
	{"__noinstr_text_start", "__noinstr_text_end"},
	{"__kprobes_text_start", "__kprobes_text_end"},
	{"__entry_text_start", "__entry_text_end"},
	{"__cpuidle_text_start", "__cpuidle_text_end"},
}

// findRegions resolves closedRegions, as far as their bounds are listed.
func findRegions(text string) [][2]uint64 {
	var regions [][2]uint64
	for _, names := range closedRegions {
		from, ok1 := findSymbol(text, names[0])
		to, ok2 := findSymbol(text, names[1])
		if ok1 && ok2 && from.addr < to.addr {
			regions = append(regions, [2]uint64{from.addr, to.addr})
		}
	}
	return regions
}

// findSymbol finds the first line of kallsyms for name, without parsing others.
func findSymbol(text, name string) (kernelSymbol, bool) {
	mark := " " + name
	for from := 0; ; {
		i := strings.Index(text[from:], mark)
		if i < 0 {
			return kernelSymbol{}, false
		}
		i += from
		from = i + len(mark)
		if from < len(text) && text[from] != '\n' && text[from] != '\t' {
			continue
		}
		start := strings.LastIndexByte(text[:i], '\n') + 1
		line, _, _ := strings.Cut(text[start:], "\n")
		if s, ok := parseSymbol(line); ok && s.name == name {
			return s, true
		}
	}
}

// Symbol implements facts.Facts. Where the machine hides addresses, the error
// says so and wraps facts.ErrUnknown.
func (h *Host) Symbol(name string) (uint64, error) {
	text, err := h.kallsyms()
	if err != nil {
		return 0, err
	}
	if name == "" || strings.ContainsAny(name, " \t\n") {
		return 0, notFound("kernel symbol %q", name)
	}
	s, ok := findSymbol(text, name)
	switch {
	case !ok && !listsVariables(text):
		return 0, notFound("kernel symbol %s (this kernel lists functions only: variables need CONFIG_KALLSYMS_ALL)", name)
	case !ok:
		return 0, notFound("kernel symbol %s", name)
	case s.addr == 0 && addressesHidden(text):
		return 0, fmt.Errorf("address of %s: the kernel hides addresses from this process (kernel.kptr_restrict, or CAP_SYSLOG is missing): %w", name, facts.ErrUnknown)
	default:
		return s.addr, nil
	}
}

// listsVariables says whether kallsyms lists data: jiffies is in every kernel.
func listsVariables(text string) bool {
	_, ok := findSymbol(text, "jiffies")
	return ok
}

// addressesHidden says whether kallsyms prints zeros: the beginning of the
// kernel's text is never at 0.
func addressesHidden(text string) bool {
	for _, name := range []string{"_text", "_stext"} {
		if s, ok := findSymbol(text, name); ok {
			return s.addr == 0
		}
	}
	n := 0
	for line := range strings.Lines(text) {
		if s, ok := parseSymbol(line); ok && s.addr != 0 {
			return false
		}
		if n++; n == 1000 {
			break
		}
	}
	return true
}
