package check

import "strings"

// What bpftrace, bcc and DTrace call a thing that has another name here: the
// answer to a name that does not exist, before names that are spelt alike.
// docs/from-bpftrace.md has the same for whole programs.
var (
	namesElsewhere = map[string]string{
		"argN":     "args.NAME or args[N]",
		"ret":      "retval",
		"rand":     "random",
		"curtask":  "task",
		"username": "username(uid)",
		"cgroupid": "cgroup",
		"execname": "comm",
		"tgid":     "pid",
		"elapsed":  "latency for the time of a call, nsecs for the clock",
	}
	functionsElsewhere = map[string]string{
		"lhist":        "linear(x, min, max, step)",
		"lquantize":    "linear(x, min, max, step)",
		"quantize":     "hist(x)",
		"log2":         "hist(x)",
		"stats":        "count(), sum(x) and avg(x), a column each",
		"strncmp":      `startswith(s, "…")`,
		"strcmp":       `s == "…"`,
		"has_prefix":   `startswith(s, "…")`,
		"kstr":         "str(kptr(p))",
		"ustr":         "str(uptr(p))",
		"copyinstr":    "str(p)",
		"ntop":         "ip(x)",
		"macaddr":      "mac(x)",
		"strerror":     "errno(x)",
		"strsignal":    "signal(x)",
		"syscall_name": "syscall(x)",
		"sym":          "usym(x) or ksym(x)",
		"stack":        "kstack or ustack",
		"cgroupid":     `under_cgroup("/path")`,
		"kfunc_exist":  `has_function("NAME")`,
		"printf":       "capture { column = x }: one row an event",
		"print":        "capture { column = x }: one row an event",
	}
)

// elsewhere is a sentence with a leading space that says what is written here
// for a name of another tool, or "".
func elsewhere(table map[string]string, name string) string {
	if n, ok := strings.CutPrefix(name, "arg"); ok && n != "" && strings.Trim(n, "0123456789") == "" {
		name = "argN"
	}
	if here := table[name]; here != "" {
		return " Here it is " + here + "."
	}
	return ""
}
