// Package abi knows the numbers of the kernel's interface to user space that no
// type information has: system calls, errors, signals, capabilities, address
// families, TCP states, and the macros of the uapi headers.
//
// In: a name or a number, and the architecture where they differ ("x86_64",
// "arm64"). Out: the other of the two. It must not know the machine it runs on.
// The tables are generated (tables.go, from the headers of the kernel that
// golang.org/x/sys was made with) and cost nothing at start.
package abi

import (
	"slices"
	"strconv"
	"strings"
)

//go:generate go run gen.go

// Named is a name and its number.
type Named struct {
	Name  string
	Value int64
}

// Table is a set of names. Each name has one value; a value that has several
// names prints as the first of them that is in use.
type Table struct {
	byName  []Named
	byValue []uint16
}

// Errnos are the error numbers: "ENOENT" is 2. Also those that the kernel keeps
// to itself and return probes see: "ERESTARTSYS" is 512.
func Errnos() Table { return Table{errnos, errnosByValue} }

// Capabilities are the bits of capability sets: "CAP_NET_ADMIN" is 12.
func Capabilities() Table { return Table{capabilities, capabilitiesByValue} }

// Families are the address families: "AF_INET" is 2.
func Families() Table { return Table{families, familiesByValue} }

// TCPStates are the states of include/net/tcp_states.h without their prefix
// "TCP_": "ESTABLISHED" is 1.
func TCPStates() Table { return Table{tcpStates, tcpStatesByValue} }

// Syscalls are the system calls of an architecture ("x86_64", "arm64"), by the
// names of the headers: "openat". An unknown architecture has none.
func Syscalls(arch string) Table {
	switch arch {
	case "x86_64":
		return Table{syscallsX86, syscallsX86ByValue}
	case "arm64":
		return Table{syscallsARM64, syscallsARM64ByValue}
	default:
		return Table{}
	}
}

// tracepointNames are system calls whose tracepoints (syscalls:sys_enter_NAME)
// are called otherwise, after the kernel's function: stat was there before
// newstat. Found by comparing the two lists.
var tracepointNames = []struct{ syscall, tracepoint string }{
	{"fstat", "newfstat"},
	{"fstatat", "newfstatat"},
	{"lstat", "newlstat"},
	{"sendfile", "sendfile64"},
	{"stat", "newstat"},
	{"umount2", "umount"},
	{"uname", "newuname"},
}

// TracepointName is the name that the tracepoints of a system call have:
// "newstat" for "stat", and for nearly all the same.
func TracepointName(syscall string) string {
	for _, n := range tracepointNames {
		if n.syscall == syscall {
			return n.tracepoint
		}
	}
	return syscall
}

// SyscallOfTracepoint is the system call whose tracepoints have that name, on
// an architecture: "stat" for "newstat", where it is called so.
func SyscallOfTracepoint(arch, tracepoint string) string {
	calls := Syscalls(arch)
	if _, ok := calls.Value(tracepoint); ok {
		return tracepoint
	}
	for _, n := range tracepointNames {
		if n.tracepoint == tracepoint {
			if _, ok := calls.Value(n.syscall); ok {
				return n.syscall
			}
		}
	}
	return tracepoint
}

// Value is the number of a name.
func (t Table) Value(name string) (int64, bool) { return find(t.byName, name) }

// Name is the name of a number.
func (t Table) Name(value int64) (string, bool) {
	i, ok := slices.BinarySearchFunc(t.byValue, value, func(i uint16, v int64) int {
		switch w := t.byName[i].Value; {
		case w < v:
			return -1
		case w > v:
			return 1
		default:
			return 0
		}
	})
	if !ok {
		return "", false
	}
	return t.byName[t.byValue[i]].Name, true
}

// All are the names, sorted; the caller must not change them.
func (t Table) All() []Named { return t.byName }

// find looks a name up in a sorted table.
func find(table []Named, name string) (int64, bool) {
	i, ok := slices.BinarySearchFunc(table, name, func(n Named, s string) int { return strings.Compare(n.Name, s) })
	if !ok {
		return 0, false
	}
	return table[i].Value, true
}

// Real-time signals: the C library keeps the first two of the kernel's.
const (
	firstRealTime = 34
	lastRealTime  = 64
)

const realTimeName = "SIGRTMIN"

// Signal is the number of a signal: "SIGKILL", "SIGRTMIN+2".
func Signal(name string) (int64, bool) {
	if n, ok := find(signals, name); ok {
		return n, true
	}
	rest, ok := strings.CutPrefix(name, realTimeName)
	switch {
	case !ok:
		return 0, false
	case rest == "":
		return firstRealTime, true
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(rest, "+"), 10, 8)
	if err != nil || rest[0] != '+' || strconv.FormatUint(n, 10) != rest[1:] || n > lastRealTime-firstRealTime {
		return 0, false
	}
	return firstRealTime + int64(n), true
}

// SignalName is the name of a signal's number.
func SignalName(n int64) (string, bool) {
	switch {
	case n == firstRealTime:
		return realTimeName, true
	case n > firstRealTime && n <= lastRealTime:
		return realTimeName + "+" + strconv.FormatInt(n-firstRealTime, 10), true
	}
	return Table{signals, signalsByValue}.Name(n)
}

// Signals are the signals with names of their own, sorted by name.
func Signals() []Named { return signals }

// Flag is the value of a macro of the uapi headers, "O_CREAT", "ETH_P_IP",
// "MAP_SHARED", on an architecture.
func Flag(arch, name string) (int64, bool) {
	if n, ok := find(ownFlags(arch), name); ok {
		return n, true
	}
	return find(flagsCommon, name)
}

// Flags are the macros whose names begin with prefix, sorted by name.
func Flags(arch, prefix string) []Named {
	all := append(withPrefix(flagsCommon, prefix), withPrefix(ownFlags(arch), prefix)...)
	slices.SortFunc(all, func(a, b Named) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// ownFlags are those in which an architecture differs.
func ownFlags(arch string) []Named {
	switch arch {
	case "x86_64":
		return flagsX86
	case "arm64":
		return flagsARM64
	default:
		return nil
	}
}

// withPrefix copies a range of a sorted table.
func withPrefix(table []Named, prefix string) []Named {
	from, _ := slices.BinarySearchFunc(table, prefix, func(n Named, s string) int { return strings.Compare(n.Name, s) })
	to := from
	for to < len(table) && strings.HasPrefix(table[to].Name, prefix) {
		to++
	}
	return slices.Clone(table[from:to])
}

// tcpStates are those of include/net/tcp_states.h.
var tcpStates = []Named{
	{"BOUND_INACTIVE", 13},
	{"CLOSE", 7},
	{"CLOSE_WAIT", 8},
	{"CLOSING", 11},
	{"ESTABLISHED", 1},
	{"FIN_WAIT1", 4},
	{"FIN_WAIT2", 5},
	{"LAST_ACK", 9},
	{"LISTEN", 10},
	{"NEW_SYN_RECV", 12},
	{"SYN_RECV", 3},
	{"SYN_SENT", 2},
	{"TIME_WAIT", 6},
}

var tcpStatesByValue = []uint16{4, 11, 10, 5, 6, 12, 1, 2, 7, 8, 3, 9, 0}
