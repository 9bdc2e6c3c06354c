package unit

import (
	"strings"
	"unicode/utf8"

	"github.com/agext/levenshtein"

	"tracer/interpreter/abi"
)

// ABI are the names of the kernel's interface on an architecture ("x86_64",
// "arm64").
func ABI(arch string) Names {
	return &abiNames{arch: arch, tables: map[string]abi.Table{
		"errno":      abi.Errnos(),
		"syscall":    abi.Syscalls(arch),
		"capability": abi.Capabilities(),
		"family":     abi.Families(),
		"tcp_state":  abi.TCPStates(),
	}}
}

// abiNames are the tables by kind. Signals, whose real-time ones are computed,
// and flags, of which each architecture has some of its own, have functions
// instead of a table.
type abiNames struct {
	arch   string
	tables map[string]abi.Table
}

func (a *abiNames) Name(kind string, number int64) (string, bool) {
	if kind == "signal" {
		return abi.SignalName(number)
	}
	return a.tables[kind].Name(number)
}

func (a *abiNames) Number(kind, name string) (int64, bool) {
	switch kind {
	case "signal":
		return abi.Signal(name)
	case "flag":
		return abi.Flag(a.arch, name)
	case "tcp_state": // enumerators of the kernel have a prefix
		name = strings.TrimPrefix(name, "TCP_")
	}
	return a.tables[kind].Value(name)
}

func (a *abiNames) Near(kind, name string) string {
	all := a.tables[kind].All()
	switch kind {
	case "signal":
		all = abi.Signals()
	case "flag": // one that begins alike: there are thousands
		prefix, _, _ := strings.Cut(name, "_")
		all = abi.Flags(a.arch, prefix+"_")
	}
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].Name
	}
	return Nearest(name, names)
}

// Nearest is the name most like a wrong one, whatever the case of its letters,
// "" if none is like it.
func Nearest(wrong string, names []string) string {
	upper, length := strings.ToUpper(wrong), utf8.RuneCountInString(wrong)
	best, bestDistance := "", max(2, length/3)+1
	for _, name := range names {
		if apart := utf8.RuneCountInString(name) - length; max(apart, -apart) >= bestDistance {
			continue // not compared: wrong may be very long
		}
		if d := levenshtein.Distance(upper, strings.ToUpper(name), nil); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	return best
}
