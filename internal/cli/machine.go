package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/cilium/ebpf/btf"

	"tracer/internal/host"
	"tracer/internal/session"
	"tracer/internal/symbol"
	"tracer/interpreter/facts"
	"tracer/interpreter/unit"
)

// facts are those of this machine, opened once, or those that tests gave.
func (a *app) facts() facts.Facts {
	if a.env.Facts != nil {
		return a.env.Facts
	}
	return a.machine()
}

// machine is this machine. Where tracefs is not mounted and may be, it is.
func (a *app) machine() *host.Host {
	if a.host == nil {
		a.host = host.Open(host.Options{MountTracefs: true, Getenv: a.env.Getenv})
	}
	return a.host
}

// kernelTypes are the kernel types that are decoded already, nil if none are.
func (a *app) kernelTypes() *btf.Cache {
	if a.env.Facts != nil {
		return nil
	}
	return a.machine().BTFCache()
}

// unitEnv prints names and symbols of this machine. offset is what to add to
// CLOCK_MONOTONIC for Unix time, in ns.
func (a *app) unitEnv(offset int64) *unit.Env {
	return &unit.Env{
		Names:    unit.ABI(a.facts().Kernel().Arch),
		Resolver: symbol.New(symbol.Options{WallOffset: offset}),
		Location: a.env.Location,
	}
}

// explain says what to do about an error of the kernel, "" if nothing is known.
func (a *app) explain(err error) string {
	if missing := a.machine().NotMounted(); errors.Is(err, fs.ErrNotExist) && len(missing) > 0 {
		return fmt.Sprintf("tracer needs what is not mounted here: %s.", strings.Join(missing, " and "))
	}
	if !errors.Is(err, fs.ErrPermission) {
		return ""
	}
	p := a.machine().Privileges()
	if missing := strings.Join(p.Missing(), ", and "); p.OwnUsers {
		return fmt.Sprintf("This process lacks %s. Run tracer outside of that namespace.", missing)
	} else if !p.Capable() {
		return fmt.Sprintf("This process lacks %s. Run tracer as root, or give it the capabilities: sudo setcap cap_bpf,cap_perfmon=ep $(command -v tracer).", missing)
	}
	if errors.Is(err, session.ErrLockedMemory) {
		return "Kernels before 5.11 count maps and programs against the limit of locked memory, which this process may not raise: raise it (ulimit -l unlimited), or give tracer CAP_SYS_RESOURCE as well."
	}
	if p.Lockdown != "" && p.Lockdown != "none" {
		return fmt.Sprintf("The kernel is in lockdown mode %q, which refuses some kinds of tracing even to root. It is set by Secure Boot or by lockdown= on the kernel command line.", p.Lockdown)
	}
	if !p.SysAdmin && p.PerfEventParanoid > 2 {
		return fmt.Sprintf("CAP_BPF and CAP_PERFMON do not do for perf events here (kernel.perf_event_paranoid is %d): give tracer CAP_SYS_ADMIN as well, or run it as root.", p.PerfEventParanoid)
	}
	return "The kernel refuses it even to this process: a security module, a container's seccomp filter, or the kernel's build may be the reason."
}

// notices says what was changed on the machine.
func (a *app) notices() {
	if a.host == nil {
		return
	}
	for _, n := range a.host.Notices() {
		a.say("%s", n)
	}
}
