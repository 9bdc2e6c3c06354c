package symbol

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"tracer/interpreter/unit"
)

// ErrHidden says that the kernel hides its addresses from this process.
var ErrHidden = errors.New("kernel addresses are hidden: this needs CAP_SYSLOG, or kernel.kptr_restrict = 0")

// kernelTable is /proc/kallsyms.
type kernelTable struct {
	err     error
	symbols []kernelSymbol // by address
	byName  map[string]uint64
}

type kernelSymbol struct {
	addr         uint64
	name, module string
}

// maxKernelOffset bounds the distance from a symbol: kallsyms has no sizes, and
// an address far above the last symbol belongs to none.
const maxKernelOffset = 1 << 20

// KernelSymbol is the kernel symbol that holds an address.
func (r *Resolver) KernelSymbol(addr uint64) (unit.Symbol, bool) {
	t := r.kallsyms()
	i, exact := slices.BinarySearchFunc(t.symbols, addr, func(s kernelSymbol, addr uint64) int {
		switch {
		case s.addr < addr:
			return -1
		case s.addr > addr:
			return 1
		}
		return 0
	})
	if !exact {
		i--
	}
	if i < 0 || addr-t.symbols[i].addr >= maxKernelOffset {
		return unit.Symbol{}, false
	}
	s := t.symbols[i]
	return unit.Symbol{Name: s.name, Offset: addr - s.addr, Module: s.module}, true
}

// KernelAddress is the address of a kernel symbol; the first if it is listed
// more than once. Errors: ErrHidden; that it is not listed, which for variables
// may be a matter of CONFIG_KALLSYMS_ALL.
func (r *Resolver) KernelAddress(name string) (uint64, error) {
	t := r.kallsyms()
	if t.err != nil {
		return 0, t.err
	}
	if t.byName == nil {
		t.byName = make(map[string]uint64, len(t.symbols))
		for _, s := range t.symbols {
			if _, ok := t.byName[s.name]; !ok {
				t.byName[s.name] = s.addr
			}
		}
	}
	addr, ok := t.byName[name]
	if !ok {
		return 0, fmt.Errorf("there is no kernel symbol %q; variables are listed only by kernels with CONFIG_KALLSYMS_ALL", name)
	}
	return addr, nil
}

func (r *Resolver) kallsyms() *kernelTable {
	if r.kernel == nil {
		r.kernel = readKallsyms(filepath.Join(r.opt.Proc, "kallsyms"))
	}
	return r.kernel
}

func readKallsyms(path string) *kernelTable {
	content, err := os.ReadFile(path)
	if err != nil {
		return &kernelTable{err: fmt.Errorf("read kernel symbols: %w", err)}
	}
	t := &kernelTable{symbols: make([]kernelSymbol, 0, strings.Count(string(content), "\n"))}
	hidden := false
	for line := range strings.Lines(string(content)) {
		s, ok := parseKallsym(line)
		hidden = hidden || ok && s.addr == 0
		if ok && s.addr != 0 {
			t.symbols = append(t.symbols, s)
		}
	}
	if len(t.symbols) == 0 && hidden {
		t.err = ErrHidden
	}
	slices.SortStableFunc(t.symbols, func(a, b kernelSymbol) int {
		switch {
		case a.addr < b.addr:
			return -1
		case a.addr > b.addr:
			return 1
		}
		return 0
	})
	// Of several names of one address the first is kept for look-ups by
	// address: BinarySearchFunc finds the first of equals.
	return t
}

// parseKallsym reads "ffffffff81000000 T name [module]". Absolute symbols
// (a, A) are per-CPU offsets and constants, no addresses.
func parseKallsym(line string) (kernelSymbol, bool) {
	addrText, rest, ok := strings.Cut(line, " ")
	if !ok || len(rest) < 3 || rest[1] != ' ' || rest[0] == 'a' || rest[0] == 'A' {
		return kernelSymbol{}, false
	}
	addr, err := strconv.ParseUint(addrText, 16, 64)
	if err != nil {
		return kernelSymbol{}, false
	}
	name, module, _ := strings.Cut(strings.TrimRight(rest[2:], "\n"), "\t")
	return kernelSymbol{addr: addr, name: name, module: strings.Trim(module, "[]")}, name != ""
}
