package host

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"tracer/interpreter/facts"
)

// Functions implements facts.Facts. They come from ftrace's list (with
// addresses since 6.5) if it may be read, else from kallsyms, without what is
// known to be refused: kprobes' blacklist, and code that is not there after
// boot or is no function.
func (h *Host) Functions() ([]facts.Function, error) {
	return h.fns.get(func() ([]facts.Function, error) {
		fns, err := h.ftraceFunctions()
		if err != nil {
			text, err := h.kallsyms()
			if err != nil {
				return nil, fmt.Errorf("kernel functions: %w", err)
			}
			fns = symbolFunctions(text, h.refusals(text))
		} else {
			refused := h.refusals("")
			fns = slices.DeleteFunc(fns, func(f facts.Function) bool {
				return refused.has(kernelSymbol{name: f.Name, addr: f.Addr})
			})
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

// ftraceFunctions reads the list of functions that ftrace can trace.
func (h *Host) ftraceFunctions() ([]facts.Function, error) {
	dir, err := h.tracefs()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "available_filter_functions_addrs"))
	withAddr := err == nil && len(text) > 0
	if !withAddr {
		if text, err = os.ReadFile(filepath.Join(dir, "available_filter_functions")); err != nil {
			return nil, err
		}
	}
	fns := parseFilterFunctions(string(text), withAddr)
	if len(fns) == 0 {
		return nil, errors.New("ftrace lists no function")
	}
	return fns, nil
}

// parseFilterFunctions reads lines "[ADDR ]NAME[ [MODULE]]". Entries that
// ftrace names by itself (__ftrace_invalid_address___N) are no functions.
func parseFilterFunctions(text string, withAddr bool) []facts.Function {
	fns := make([]facts.Function, 0, strings.Count(text, "\n"))
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		var fn facts.Function
		if withAddr {
			addr, rest, ok := strings.Cut(line, " ")
			n, err := strconv.ParseUint(addr, 16, 64)
			if !ok || err != nil {
				continue
			}
			fn.Addr, line = n, rest
		}
		name, rest, _ := strings.Cut(line, " ")
		if name == "" || strings.HasPrefix(name, "__ftrace_invalid_address__") {
			continue
		}
		fn.Name, fn.Module = name, moduleName(rest)
		fns = append(fns, fn)
	}
	return fns
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
