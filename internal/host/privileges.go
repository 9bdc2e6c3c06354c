package host

import (
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Privileges is what this process may do, as plain data for messages. A value
// that the machine does not tell is -1 or "".
type Privileges struct {
	Root     bool // effective user 0
	BPF      bool // CAP_BPF effective (5.8; before it CAP_SYS_ADMIN served)
	Perfmon  bool // CAP_PERFMON effective (5.8)
	SysAdmin bool // CAP_SYS_ADMIN effective: serves for both above
	OwnUsers bool // in a user namespace of its own: what is effective there counts as none of the three

	Lockdown          string // "none", "integrity" or "confidentiality"
	UnprivilegedBPF   int    // kernel.unprivileged_bpf_disabled: 0 allowed, 1 and 2 not
	KptrRestrict      int    // kernel.kptr_restrict: 0 no, 1 unless CAP_SYSLOG, 2 always
	PerfEventParanoid int    // kernel.perf_event_paranoid
}

// Privileges reads them anew each time.
func (h *Host) Privileges() Privileges {
	p := Privileges{
		Root:              os.Geteuid() == 0,
		UnprivilegedBPF:   h.sysctl("unprivileged_bpf_disabled"),
		KptrRestrict:      h.sysctl("kptr_restrict"),
		PerfEventParanoid: h.sysctl("perf_event_paranoid"),
		Lockdown:          h.lockdown(),
	}
	effective := h.effectiveCapabilities()
	if p.OwnUsers = h.ownUsers(); p.OwnUsers {
		effective = 0
	}
	p.BPF = effective&(1<<unix.CAP_BPF) != 0
	p.Perfmon = effective&(1<<unix.CAP_PERFMON) != 0
	p.SysAdmin = effective&(1<<unix.CAP_SYS_ADMIN) != 0
	return p
}

// initialUsers is the host's user namespace (PROC_USER_INIT_INO in
// include/linux/proc_ns.h).
const initialUsers = "user:[4026531837]"

// ownUsers says that this process is in another user namespace, as rootless
// containers are: programs are loaded and attached by capabilities of the host's.
func (h *Host) ownUsers() bool {
	namespace, err := os.Readlink(h.path("/proc/self/ns/user"))
	return err == nil && namespace != initialUsers
}

// NotMounted are the file systems of the kernel that are missing here, as in a bare
// chroot.
func (h *Host) NotMounted() []string {
	var missing []string
	for _, fs := range []struct{ dir, name string }{{"/proc/self", "procfs on /proc"}, {"/sys/kernel", "sysfs on /sys"}} {
		if _, err := os.Stat(h.path(fs.dir)); errors.Is(err, os.ErrNotExist) {
			missing = append(missing, fs.name)
		}
	}
	return missing
}

// sysctl reads a number in /proc/sys/kernel, -1 if it cannot.
func (h *Host) sysctl(name string) int {
	text, err := os.ReadFile(h.path("/proc/sys/kernel/" + name))
	if err != nil {
		return -1
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return -1
	}
	return n
}

// lockdown reads "none [integrity] confidentiality", where the brackets mark
// what holds; "" if securityfs is not mounted or the kernel has no lockdown.
func (h *Host) lockdown() string {
	text, err := os.ReadFile(h.path("/sys/kernel/security/lockdown"))
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(text), "[")
	mode, _, ok := strings.Cut(after, "]")
	if !ok {
		return ""
	}
	return mode
}

// effectiveCapabilities reads CapEff of /proc/self/status (of the thread
// group's leader; capabilities are not changed per thread here).
func (h *Host) effectiveCapabilities() uint64 {
	text, err := os.ReadFile(h.path("/proc/self/status"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "CapEff:"); ok {
			n, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
			if err == nil {
				return n
			}
		}
	}
	return 0
}

// Capable says whether programs can be loaded and attached, as far as
// capabilities tell.
func (p Privileges) Capable() bool { return p.SysAdmin || p.BPF && p.Perfmon }

// Missing says what this process lacks to load and attach tracing programs, in
// half sentences for a message; none if it lacks nothing that is known.
func (p Privileges) Missing() []string {
	var missing []string
	if p.OwnUsers {
		missing = append(missing, "capabilities of the host (it is in a user namespace of its own, as rootless containers are, and those it has there do not count)")
	}
	if !p.OwnUsers && !p.BPF && !p.SysAdmin {
		missing = append(missing, "CAP_BPF (or CAP_SYS_ADMIN) to load BPF programs")
	}
	if !p.OwnUsers && !p.Perfmon && !p.SysAdmin {
		missing = append(missing, "CAP_PERFMON (or CAP_SYS_ADMIN) to attach them to tracepoints, functions and perf events")
	}
	if p.Lockdown == "confidentiality" {
		missing = append(missing, "a kernel without lockdown=confidentiality, which keeps BPF programs from reading memory")
	}
	return missing
}
