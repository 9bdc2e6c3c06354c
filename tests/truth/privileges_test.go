package truth

import (
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
