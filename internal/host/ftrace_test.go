package host

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ftraceMachine traces vfs_read, under either of two names; one of two
// functions called twice, as far as addresses tell; a part of work; mod_fn.
func ftraceMachine(t *testing.T, kallsyms string, withAddresses bool) *Host {
	t.Helper()
	files := map[string]string{
		"/sys/kernel/tracing/events/x":                   "",
		"/proc/kallsyms":                                 strings.Replace(kallsyms, " T vfs_read\n", " T vfs_read\nffffffff81000020 t alias\n", 1),
		"/sys/kernel/tracing/available_filter_functions": "vfs_read\n__ftrace_invalid_address___80\ntwice\nwork.isra.0\nmod_fn [some_mod]\n",
	}
	if withAddresses { // behind an endbr64, or not
		files["/sys/kernel/tracing/available_filter_functions_addrs"] = "ffffffff81000024 vfs_read\nno line\n" +
			"ffffffff81000040 twice\nffffffff81000064 work.isra.0\nffffffffc0000004 mod_fn [some_mod]\n"
	}
	return Open(Options{Root: image(t, files)})
}

func TestFunctionsThatFtraceTraces(t *testing.T) {
	hidden := strings.Join(zeroed(kallsymsText), "\n") + "\n"
	for _, row := range []struct {
		name, kallsyms   string
		addresses        bool
		traced, untraced string
	}{
		{"names", kallsymsText, false, "alias mod_fn twice twice vfs_read work.isra.0", "weak"},
		{"addresses", kallsymsText, true, "alias mod_fn twice vfs_read work.isra.0", "twice weak"},
		{"hidden", hidden, false, "mod_fn twice vfs_read work.isra.0", ""},
		{"addresses, hidden by kallsyms", hidden, true, "mod_fn twice vfs_read work.isra.0", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			fns, err := ftraceMachine(t, row.kallsyms, row.addresses).Functions()
			if err != nil {
				t.Fatal(err)
			}
			var traced, untraced []string
			for _, fn := range fns {
				switch {
				case strings.HasPrefix(fn.Name, "_"): // bounds of regions
				case fn.NoTrace:
					untraced = append(untraced, fn.Name)
				default:
					traced = append(traced, fn.Name)
				}
			}
			if diff := cmp.Diff([]string{row.traced, row.untraced}, []string{strings.Join(traced, " "), strings.Join(untraced, " ")}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What is said of a function agrees with what is said of all.
func TestAFunctionThatFtraceTraces(t *testing.T) {
	hidden := strings.Join(zeroed(kallsymsText), "\n") + "\n"
	for _, row := range []struct {
		name, kallsyms, function string
		addresses                bool
		untraced                 []bool
	}{
		{"listed", kallsymsText, "vfs_read", false, []bool{false}},
		{"listed with its address", kallsymsText, "vfs_read", true, []bool{false}},
		{"listed under another name", kallsymsText, "alias", false, []bool{false}},
		{"listed under another name, with its address", kallsymsText, "alias", true, []bool{false}},
		{"not listed", kallsymsText, "weak", false, []bool{true}},
		{"not listed, with addresses", kallsymsText, "weak", true, []bool{true}},
		{"one of two, which is not known", kallsymsText, "twice", false, []bool{false, false}},
		{"one of two, which is known", kallsymsText, "twice", true, []bool{true, false}},
		{"part of another", kallsymsText, "work.cold", true, []bool{false}},
		{"of a module", kallsymsText, "mod_fn", true, []bool{false}},
		{"addresses are hidden", hidden, "weak", true, []bool{false}},
	} {
		t.Run(row.name, func(t *testing.T) {
			fns, err := ftraceMachine(t, row.kallsyms, row.addresses).Function(row.function)
			if err != nil {
				t.Fatal(err)
			}
			var got []bool
			for _, fn := range fns {
				got = append(got, fn.NoTrace)
			}
			if !slices.Equal(got, row.untraced) {
				t.Errorf("ftrace is known not to trace it: %v, want %v", got, row.untraced)
			}
		})
	}
}

func TestAFtraceListThatMayNotBeReadSaysNothing(t *testing.T) {
	fns, err := Open(Options{Root: image(t, map[string]string{"/proc/kallsyms": kallsymsText})}).Function("weak")
	if err != nil || len(fns) != 1 || fns[0].NoTrace {
		t.Errorf("%+v, %v", fns, err)
	}
}
