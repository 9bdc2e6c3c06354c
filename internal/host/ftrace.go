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

// ftraceList is what ftrace can trace. A function that it has not, kprobes of
// most kernels refuse as well (notrace).
type ftraceList struct {
	fns []facts.Function // as listed
	// places are where ftrace patches, sorted: in a function, but not always at
	// its beginning (an endbr64 comes first). nil before 6.5.
	places []uint64
	names  map[string]int // how many functions of a name are listed
}

// traced reads ftrace's list, once; nil if it may not be read.
func (h *Host) traced() *ftraceList {
	list, err := h.ftrace.get(h.ftraceFunctions)
	if err != nil {
		return nil
	}
	return list
}

// ftraceFunctions reads the list of functions that ftrace can trace.
func (h *Host) ftraceFunctions() (*ftraceList, error) {
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
	list := &ftraceList{fns: parseFilterFunctions(string(text), withAddr), names: map[string]int{}}
	if len(list.fns) == 0 {
		return nil, errors.New("ftrace lists no function")
	}
	for _, fn := range list.fns {
		list.names[fn.Name]++
		if fn.Addr != 0 {
			list.places = append(list.places, fn.Addr)
		}
	}
	slices.Sort(list.places)
	return list, nil
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

// lacks says that ftrace surely does not trace a function of kallsyms' text.
// What has a dot in its name is part of another function, which kprobes ask
// about instead.
func (l *ftraceList) lacks(text string, fn facts.Function) bool {
	switch {
	case l == nil || fn.Addr == 0 || l.names[fn.Name] > 0 && l.places == nil || strings.Contains(fn.Name, "."):
		return false
	case l.places != nil && fn.Size != 0:
		return !l.within(fn.Addr, fn.Addr+fn.Size)
	}
	return !slices.ContainsFunc(aliases(text, fn.Addr), func(name string) bool { return l.names[name] > 0 })
}

// within says that ftrace patches something from one address up to another.
func (l *ftraceList) within(from, to uint64) bool {
	i, _ := slices.BinarySearch(l.places, from)
	return i < len(l.places) && l.places[i] < to
}

// aliases are all names of one address.
func aliases(text string, addr uint64) []string {
	var names []string
	mark := fmt.Sprintf("%016x ", addr)
	for from := 0; ; {
		i := strings.Index(text[from:], mark)
		if i < 0 {
			return names
		}
		i += from
		from = i + len(mark)
		if s, ok := parseSymbol(lineAt(text, i)); ok && (i == 0 || text[i-1] == '\n') {
			names = append(names, s.name)
		}
	}
}

// mark notes which of all functions of the kernel ftrace does not trace. It
// sorts them by address.
func (l *ftraceList) mark(fns []facts.Function) {
	slices.SortStableFunc(fns, func(a, b facts.Function) int { return cmp.Compare(a.Addr, b.Addr) })
	listed := map[uint64]bool{}
	for _, fn := range fns {
		listed[fn.Addr] = listed[fn.Addr] || l.names[fn.Name] > 0
	}
	next := ^uint64(0)
	for i := len(fns) - 1; i >= 0; i-- {
		fn := &fns[i]
		if i+1 < len(fns) && fns[i+1].Addr != fn.Addr {
			next = fns[i+1].Addr
		}
		if l.places != nil {
			fn.NoTrace = !l.within(fn.Addr, next)
		} else {
			fn.NoTrace = !listed[fn.Addr]
		}
	}
}
