package abi

import (
	"slices"
	"strings"
	"testing"
)

func TestNamesHaveTheKernelsNumbers(t *testing.T) {
	tests := []struct {
		name  string
		table Table
		want  int64
	}{
		{"read", Syscalls("x86_64"), 0},
		{"openat", Syscalls("x86_64"), 257},
		{"openat", Syscalls("arm64"), 56},
		{"io_uring_setup", Syscalls("arm64"), 425},
		{"ENOENT", Errnos(), 2},
		{"EWOULDBLOCK", Errnos(), 11},
		{"ERESTARTSYS", Errnos(), 512},
		{"CAP_CHOWN", Capabilities(), 0},
		{"CAP_NET_ADMIN", Capabilities(), 12},
		{"CAP_CHECKPOINT_RESTORE", Capabilities(), 40},
		{"AF_UNSPEC", Families(), 0},
		{"AF_INET6", Families(), 10},
		{"ESTABLISHED", TCPStates(), 1},
		{"BOUND_INACTIVE", TCPStates(), 13},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := tt.table.Value(tt.name); !ok || got != tt.want {
				t.Errorf("Value(%q) = %d, %v, want %d", tt.name, got, ok, tt.want)
			}
		})
	}
}

func TestOneOfSeveralNamesIsPrinted(t *testing.T) {
	tests := []struct {
		value int64
		table Table
		want  string
	}{
		{11, Errnos(), "EAGAIN"},
		{95, Errnos(), "EOPNOTSUPP"},
		{35, Errnos(), "EDEADLK"},
		{1, Families(), "AF_UNIX"},
		{16, Families(), "AF_NETLINK"},
		{257, Syscalls("x86_64"), "openat"},
		{40, Capabilities(), "CAP_CHECKPOINT_RESTORE"},
		{7, TCPStates(), "CLOSE"},
	}
	for _, tt := range tests {
		if got, ok := tt.table.Name(tt.value); !ok || got != tt.want {
			t.Errorf("Name(%d) = %q, %v, want %q", tt.value, got, ok, tt.want)
		}
	}
}

func TestUnknownIsNotFound(t *testing.T) {
	if n, ok := Errnos().Name(41); ok { // 41 was never given out
		t.Errorf("Name(41) = %q", n)
	}
	if _, ok := Errnos().Value("ENOSUCH"); ok {
		t.Error("ENOSUCH has a number")
	}
	if all := Syscalls("vax").All(); len(all) != 0 {
		t.Errorf("vax has %d system calls", len(all))
	}
	if _, ok := Flag("x86_64", "O_NOSUCH"); ok {
		t.Error("O_NOSUCH has a value")
	}
}

func TestSignalsRoundTrip(t *testing.T) {
	tests := []struct {
		name string
		n    int64
	}{
		{"SIGHUP", 1},
		{"SIGKILL", 9},
		{"SIGSYS", 31},
		{"SIGRTMIN", 34},
		{"SIGRTMIN+2", 36},
		{"SIGRTMIN+30", 64},
	}
	for _, tt := range tests {
		if n, ok := Signal(tt.name); !ok || n != tt.n {
			t.Errorf("Signal(%q) = %d, %v", tt.name, n, ok)
		}
		if name, ok := SignalName(tt.n); !ok || name != tt.name {
			t.Errorf("SignalName(%d) = %q, %v", tt.n, name, ok)
		}
	}
	for _, bad := range []string{"", "SIG", "SIGRTMIN-1", "SIGRTMIN+", "SIGRTMIN+31", "SIGRTMIN++1", "SIGRTMIN+02", "KILL"} {
		if n, ok := Signal(bad); ok {
			t.Errorf("Signal(%q) = %d", bad, n)
		}
	}
	for _, bad := range []int64{-1, 0, 32, 33, 65} {
		if name, ok := SignalName(bad); ok {
			t.Errorf("SignalName(%d) = %q", bad, name)
		}
	}
}

func TestFlagsDifferByArchitecture(t *testing.T) {
	tests := []struct {
		arch, name string
		want       int64
	}{
		{"x86_64", "O_CREAT", 0o100},
		{"arm64", "O_CREAT", 0o100},
		{"x86_64", "O_DIRECTORY", 0o200000},
		{"arm64", "O_DIRECTORY", 0o40000},
		{"x86_64", "O_LARGEFILE", 0o100000},
		{"arm64", "O_LARGEFILE", 0o400000},
		{"x86_64", "AT_FDCWD", -100},
		{"x86_64", "FUTEX_WAKE_OP", 5},
		{"x86_64", "ETH_P_IP", 0x800},
		{"vax", "ETH_P_IP", 0x800},
	}
	for _, tt := range tests {
		if got, ok := Flag(tt.arch, tt.name); !ok || got != tt.want {
			t.Errorf("Flag(%q, %q) = %#o, %v, want %#o", tt.arch, tt.name, got, ok, tt.want)
		}
	}
}

func TestFlagsOfAPrefixAreSortedAndOwnOnesIncluded(t *testing.T) {
	flags := Flags("arm64", "O_")
	if !slices.IsSortedFunc(flags, func(a, b Named) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("not sorted")
	}
	for _, want := range []Named{{"O_RDONLY", 0}, {"O_CREAT", 0o100}, {"O_DIRECTORY", 0o40000}} {
		if !slices.Contains(flags, want) {
			t.Errorf("%v is missing", want)
		}
	}
	for _, f := range flags {
		if !strings.HasPrefix(f.Name, "O_") {
			t.Errorf("%s is of another family", f.Name)
		}
	}
}

func TestEveryTableIsSortedAndReversible(t *testing.T) {
	tables := map[string]Table{
		"errnos": Errnos(), "capabilities": Capabilities(), "families": Families(), "tcp states": TCPStates(),
		"x86_64": Syscalls("x86_64"), "arm64": Syscalls("arm64"),
	}
	for name, table := range tables {
		t.Run(name, func(t *testing.T) {
			for i, n := range table.All() {
				if i > 0 && table.All()[i-1].Name >= n.Name {
					t.Errorf("%s is not before %s", table.All()[i-1].Name, n.Name)
				}
				back, ok := table.Name(n.Value)
				if !ok {
					t.Fatalf("%s = %d has no name", n.Name, n.Value)
				}
				if v, _ := table.Value(back); v != n.Value {
					t.Errorf("%d prints as %s, which is %d", n.Value, back, v)
				}
			}
		})
	}
}

func TestTracepointsOfSyscallsThatWereRenamed(t *testing.T) {
	tests := []struct{ arch, syscall, tracepoint string }{
		{"x86_64", "stat", "newstat"},
		{"x86_64", "umount2", "umount"},
		{"arm64", "fstat", "newfstat"},
		{"x86_64", "openat", "openat"},
	}
	for _, tt := range tests {
		if got := TracepointName(tt.syscall); got != tt.tracepoint {
			t.Errorf("TracepointName(%q) = %q, want %q", tt.syscall, got, tt.tracepoint)
		}
		if got := SyscallOfTracepoint(tt.arch, tt.tracepoint); got != tt.syscall {
			t.Errorf("SyscallOfTracepoint(%q) = %q, want %q", tt.tracepoint, got, tt.syscall)
		}
	}
}
