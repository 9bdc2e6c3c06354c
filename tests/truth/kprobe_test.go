package truth

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
)

// Probes of kernel functions. Many kernels do not have them: they run in
// virtual machines.

func hasKprobes() bool {
	_, err := os.Stat("/sys/bus/event_source/devices/kprobe")
	return err == nil
}

// hasFentry attaches an empty program, for which there is no other sign.
func hasFentry() bool {
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.Tracing, AttachType: ebpf.AttachTraceFEntry, AttachTo: "vfs_read", License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	if err != nil {
		return false
	}
	defer program.Close()
	attached, err := link.AttachTracing(link.TracingOptions{Program: program})
	if err != nil {
		return false
	}
	return attached.Close() == nil
}

func TestKernelFunctionsCountEveryEvent(t *testing.T) {
	need(t, "kprobe", hasKprobes())
	n := scaled(1_000_000)
	for _, probe := range []string{"kprobe", "kretprobe", "fentry", "fexit"} {
		t.Run(probe, func(t *testing.T) {
			need(t, probe, strings.HasPrefix(probe, "k") || hasFentry())
			exact{
				run: run{workload: fmt.Sprintf("tw-syscalls getppid %d 2", n), spec: fmt.Sprintf(`
probe %q "p" {
  target = first_of("__x64_sys_getppid", "__arm64_sys_getppid")
  where  = comm == "truth"
  aggregate "t" {
    values = { n = count() }
  }
}`, probe)},
				tables: map[string]rows{"t": {"": {"n": text(n)}}},
				taken:  map[string]int{probe + ".p": n},
			}.check(t)
		})
	}
}

func TestKernelFunctionArguments(t *testing.T) {
	need(t, "kprobe", hasKprobes())
	rounds := scaled(100_000)
	workload := fmt.Sprintf("tw-syscalls sizes %d 0 1 4096 65536", rounds)
	total := rounds * (1 + 4096 + 65536)
	for _, row := range []struct{ probe, value string }{
		{"kprobe", "args.count"},
		{"kretprobe", "args.count"},
		{"kretprobe", "retval"},
		{"kretprobe", "entry(args.count)"},
		{"fentry", "args.count"},
		{"fexit", "args.count"},
		{"fexit", "retval"},
		{"fexit", "entry(args.count)"},
	} {
		t.Run(row.probe+" "+row.value, func(t *testing.T) {
			need(t, row.probe, strings.HasPrefix(row.probe, "k") || hasFentry())
			exact{
				run: run{workload: workload, spec: fmt.Sprintf(`
probe %q "p" {
  target = "vfs_read"
  where  = comm == "truth"
  aggregate "t" {
    by     = { mode = args.file.f_mode != 0, device = args.file.f_inode.i_rdev }
    values = { n = count(), bytes = sum(%s), most = max(%[2]s) }
  }
}`, row.probe, row.value)},
				tables: map[string]rows{"t": {"device=1:5 mode=true": {"n": text(4 * rounds), "bytes": text(total), "most": "65536"}}},
				taken:  map[string]int{row.probe + ".p": 4 * rounds},
			}.check(t)
		})
	}
}

// Entries and returns of nested and parallel calls find each other.
func TestKernelReturnsPairWithTheirEntries(t *testing.T) {
	need(t, "kprobe", hasKprobes())
	rounds := scaled(100_000)
	workload := fmt.Sprintf("tw-syscalls sizes %d 3 500 70000", rounds)
	for _, probe := range []string{"kretprobe", "fexit"} {
		t.Run(probe, func(t *testing.T) {
			need(t, probe, probe == "kretprobe" || hasFentry())
			row := map[string]string{"n": text(3 * rounds), "bytes": text(rounds * 70503)}
			exact{
				run: run{workload: workload, spec: fmt.Sprintf(`
probe %q "p" {
  target = ["vfs_read", "vfs_write"]
  where  = comm == "truth"
  aggregate "t" {
    by     = { function = func, right = retval == args.count, timed = latency > 0 }
    values = { n = count(), bytes = sum(retval) }
  }
}`, probe)},
				tables: map[string]rows{"t": {
					"function=vfs_read right=true timed=true":  row,
					"function=vfs_write right=true timed=true": row,
				}},
				taken: map[string]int{probe + ".p": 6 * rounds},
			}.check(t)
		})
	}
}

// A system call without arguments has several names in the kernel, and one address.
func TestKernelFunctionsOfSeveralNamesCountOnce(t *testing.T) {
	need(t, "kprobe", hasKprobes())
	n := scaled(20_000)
	for probe, values := range map[string]string{"kprobe": "n = count()", "kretprobe": "n = count(), least = min(latency), who = max(entry(pid))"} {
		t.Run(probe, func(t *testing.T) {
			exact{
				run: run{workload: fmt.Sprintf("tw-syscalls getppid %d 2", n), spec: fmt.Sprintf(`
probe %q "p" {
  target = "__*_sys_getppid"
  where  = comm == "truth"
  aggregate "t" {
    values = { %s }
  }
}`, probe, values)},
				tables: map[string]rows{"t": {"": {"n": text(n)}}},
				taken:  map[string]int{probe + ".p": n},
			}.check(t)
		})
	}
}
