package truth

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// CAP_BPF and CAP_PERFMON alone count every event of raw tracepoints and of user
// functions, and what needs more says what.
func TestCapabilitiesAlone(t *testing.T) {
	whole(t)
	const script = `
dir=$(mktemp -d) && chmod 755 "$dir" && cp "$TRACER" "$WORKLOADS/tw-functions" "$dir" && sed "s|BINARY|$dir/tw-functions|" "$SPEC" >"$dir/spec.hcl"
caps=+bpf,+perfmon
setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=$caps --ambient-caps=$caps \
  "$dir/tracer" apply -o json -c "$dir/tw-functions -o $dir/none -n caps fib 15 1" "$dir/spec.hcl"
code=$?; rm -rf "$dir"; exit $code`
	user := func(kind, target, value string) string {
		return "probe \"" + kind + "\" \"p\" {\n  binary = \"BINARY\"\n  target = " + target + "\n  where = comm == \"caps\"\n  aggregate \"t\" {\n values = { n = " + value + " }\n }\n}\n"
	}
	const calls = `"values":{"n":1973}` // fib(15) calls itself 1,972 times
	for _, row := range []struct {
		name, spec     string
		code           int
		stdout, stderr string // parts
	}{
		{"a user function", user("uprobe", `"tw_fib"`, "count()"), 0, calls, ""},
		{"several user functions", user("uprobe", `["tw_fib", "tw_value"]`, "count()"), 0, calls, ""},
		{"returns", user("uretprobe", `"tw_fib"`, "count()"), 0, calls, ""},
		{"calls", user("uretprobe", `"tw_fib"`, "sum(latency > 0 ? 1 : 0)"), 0, calls, ""},
		{"a raw tracepoint", "probe \"raw_tracepoint\" \"p\" {\n  target = \"sched_process_exit\"\n  where = comm == \"caps\"\n  aggregate \"t\" {\n values = { n = count() }\n }\n}\n", 0, `"values":{"n":`, ""},
		{"a tracepoint", "probe \"tracepoint\" \"p\" {\n  target = \"sched:sched_process_exit\"\n}\n", 1, "", "may only be read by root"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := shell(t, row.spec, script)
			if got.code != row.code || !strings.Contains(got.stdout, row.stdout) || !strings.Contains(got.stderr, row.stderr) {
				t.Errorf("exit code %d, want %d; stdout %.500q, want %q; stderr %.1500q, want %q", got.code, row.code, got.stdout, row.stdout, got.stderr, row.stderr)
			}
		})
	}
}

// needSetpriv skips a test where the programs of the system do not run: those of the
// machine that emulates another architecture.
func needSetpriv(t *testing.T) {
	t.Helper()
	if err := exec.CommandContext(t.Context(), "setpriv", "--version").Run(); err != nil {
		t.Skip("the system's programs do not run here: ", err)
	}
}

// Tracepoints, whose formats are in tracefs, want to read that as well; the kernel may
// want more for their perf events, and tracer says that then.
func TestCapabilitiesOfTracepoints(t *testing.T) {
	needSetpriv(t)
	const script = `
dir=$(mktemp -d) && chmod 755 "$dir" && cp "$TRACER" "$SPEC" "$dir"
caps=+bpf,+perfmon,+dac_read_search
setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=$caps --ambient-caps=$caps \
  "$dir/tracer" COMMAND "$dir/$(basename "$SPEC")"
code=$?; rm -rf "$dir"; exit $code`
	const spec = `
probe "tracepoint" "t" {
  target = "sched:sched_process_exit"
  where  = comm == "cat"
  aggregate "exits" {
    values = { n = count() }
  }
}
probe "syscall" "s" {
  target = "close"
  where  = comm == "cat"
  aggregate "closes" {
    values = { n = count() }
  }
}`
	plan := shell(t, spec, strings.Replace(script, "COMMAND", "plan", 1))
	for _, part := range []string{"Privileges: CAP_BPF, CAP_PERFMON, which this process has.", "\n  CAP_DAC_READ_SEARCH too, or root, to read the formats of events in tracefs.", "\n  CAP_SYS_ADMIN too, where"} {
		if plan.code != 0 || !strings.Contains(plan.stdout, part) {
			t.Errorf("plan: exit code %d, stdout %.1500q, want %q in it; stderr %.1500q", plan.code, plan.stdout, part, plan.stderr)
		}
	}
	got := shell(t, spec, strings.Replace(script, "COMMAND", "apply -o json -c 'cat /dev/null'", 1))
	counted := got.code == 0 && strings.Count(got.stdout, `"values":{"n":`) == 2
	refused := got.code == 1 && strings.Contains(got.stderr, "do not do for perf events here (kernel.perf_event_paranoid is ")
	if !counted && !refused {
		t.Errorf("exit code %d; stdout %.500q; stderr %.1500q", got.code, got.stdout, got.stderr)
	}
}

// They do for one kernel function as well, where the kernel has links that need
// no perf event (kprobe.multi) or wants nothing more for those; else tracer says
// what it wants.
func TestCapabilitiesAloneForKernelFunctions(t *testing.T) {
	need(t, "kprobe", hasKprobes())
	needSetpriv(t)
	const script = `
dir=$(mktemp -d) && chmod 755 "$dir" && cp "$TRACER" "$SPEC" "$dir"
caps=+bpf,+perfmon
setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=$caps --ambient-caps=$caps \
  "$dir/tracer" apply -o json -c 'cat /dev/null' "$dir/$(basename "$SPEC")"
code=$?; rm -rf "$dir"; exit $code`
	for probe, use := range map[string]string{"kprobe": "args.count > 0", "kretprobe": "retval == 0"} {
		t.Run(probe, func(t *testing.T) {
			got := shell(t, fmt.Sprintf("probe %q \"p\" {\n  target = \"vfs_read\"\n  where = comm == \"cat\" && %s\n  aggregate \"t\" {\n values = { n = count() }\n }\n}\n", probe, use), script)
			counted := got.code == 0 && strings.Contains(got.stdout, `"values":{"n":`)
			refused := got.code == 1 && strings.Contains(got.stderr, "this kernel wants CAP_SYS_ADMIN for them (kernel.perf_event_paranoid is ")
			if !counted && !refused {
				t.Errorf("exit code %d; stdout %.500q; stderr %.1500q", got.code, got.stdout, got.stderr)
			}
		})
	}
}

// What is switched off would never fire: that is an error, and no empty table.
func TestProbesThatAreSwitchedOff(t *testing.T) {
	need(t, "kprobe", hasKprobes())
	one := `
probe "kprobe" "p" {
  target = "vfs_read"
}`
	several := strings.Replace(one, `"vfs_read"`, `["vfs_read", "vfs_write"]`, 1)
	for _, row := range []struct{ name, file, spec, says string }{
		{"kprobes", "/sys/kernel/debug/kprobes/enabled", one, "they are switched off (/sys/kernel/debug/kprobes/enabled is 0)"},
		{"ftrace", "/proc/sys/kernel/ftrace_enabled", one, "switched off (kernel.ftrace_enabled is 0)"},
		{"ftrace, several functions", "/proc/sys/kernel/ftrace_enabled", several, "switched off (kernel.ftrace_enabled is 0)"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if runtime.GOARCH != "amd64" && row.name != "kprobes" {
				t.Skip("kprobes of this architecture are not ftrace's")
			}
			if err := os.WriteFile(row.file, []byte("0"), 0o644); err != nil {
				t.Skipf("%s cannot be switched off here: %v", row.name, err)
			}
			defer func() {
				if err := os.WriteFile(row.file, []byte("1"), 0o644); err != nil {
					t.Error(err)
				}
			}()
			ok, says := planned(t, row.spec)
			if ok && !strings.Contains(says, "by kprobe.multi") || !ok && !strings.Contains(says, row.says) || ok && row.name != "kprobes" {
				t.Errorf("planned: %t; tracer says %q", ok, says)
			}
		})
	}
}
