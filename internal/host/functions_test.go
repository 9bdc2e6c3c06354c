package host

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tracer/interpreter/facts"
)

func TestFunctionsOfThisKernel(t *testing.T) {
	needFile(t, "/proc/kallsyms")
	h := Open(Options{})
	fns, err := h.Functions()
	if err != nil || len(fns) < 1000 {
		t.Fatalf("%d functions, %v", len(fns), err)
	}
	if !slices.IsSortedFunc(fns, func(a, b facts.Function) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("not sorted")
	}
	if !slices.ContainsFunc(fns, func(f facts.Function) bool { return f.Name == "vfs_read" && f.Module == "" }) {
		t.Error("vfs_read is missing")
	}
	for _, fn := range fns {
		if strings.HasPrefix(fn.Name, "__pfx_") {
			t.Errorf("%s is padding", fn.Name)
			break
		}
	}
}

const kallsymsText = `ffffffff81000000 T _text
ffffffff81000000 T _stext
ffffffff81000010 T __pfx_vfs_read
ffffffff81000020 T vfs_read
ffffffff81000030 t twice
ffffffff81000040 t twice
ffffffff81000050 W weak
ffffffff81000060 t work.isra.0
ffffffff81000070 t work.cold
ffffffff81000080 T __SCT__call
ffffffff81000100 T __noinstr_text_start
ffffffff81000110 t noinstr_fn
ffffffff81000200 T __noinstr_text_end
ffffffff82000000 D jiffies
ffffffff83000000 T _sinittext
ffffffff83000010 t early
ffffffff83001000 T _einittext
ffffffffc0000000 t mod_fn	[some_mod]
ffffffffc0001000 t bpf_prog_1	[bpf]
`

func TestKallsymsLinesThatAreFunctions(t *testing.T) {
	h := Open(Options{Root: image(t, map[string]string{
		"/proc/kallsyms":                      kallsymsText,
		"/sys/kernel/debug/kprobes/blacklist": "0xffffffff81000050-0xffffffff81000060\tweak\n",
	})})
	fns, err := h.Functions()
	if err != nil {
		t.Fatal(err)
	}
	want := []facts.Function{
		{Name: "__noinstr_text_end", Addr: 0xffffffff81000200},
		{Name: "_einittext", Addr: 0xffffffff83001000},
		{Name: "_stext", Addr: 0xffffffff81000000},
		{Name: "_text", Addr: 0xffffffff81000000},
		{Name: "mod_fn", Addr: 0xffffffffc0000000, Module: "some_mod"},
		{Name: "twice", Addr: 0xffffffff81000030},
		{Name: "twice", Addr: 0xffffffff81000040},
		{Name: "vfs_read", Addr: 0xffffffff81000020},
		{Name: "work.cold", Addr: 0xffffffff81000070},
		{Name: "work.isra.0", Addr: 0xffffffff81000060},
	}
	if diff := cmp.Diff(want, fns); diff != "" {
		t.Error(diff)
	}
}

func TestFunctionsByName(t *testing.T) {
	hidden := strings.Join(zeroed(kallsymsText), "\n")
	for _, row := range []struct {
		name, text, blacklist, function string
		want                            []facts.Function
		says                            string // of the error, or of Refused
	}{
		{"one", kallsymsText, "", "vfs_read", []facts.Function{{Name: "vfs_read", Addr: 0xffffffff81000020, Size: 16}}, ""},
		{"several", kallsymsText, "", "twice", []facts.Function{{Name: "twice", Addr: 0xffffffff81000030, Size: 16}, {Name: "twice", Addr: 0xffffffff81000040, Size: 16}}, ""},
		{"of a module", kallsymsText, "", "mod_fn", []facts.Function{{Name: "mod_fn", Addr: 0xffffffffc0000000, Module: "some_mod"}}, ""},
		{"hidden addresses", hidden, "", "twice", []facts.Function{{Name: "twice"}, {Name: "twice"}}, ""},
		{"not traced by anyone", kallsymsText, "", "noinstr_fn", []facts.Function{{Name: "noinstr_fn", Addr: 0xffffffff81000110, Size: 0xf0}}, "would crash"},
		{"gone since boot", kallsymsText, "", "early", []facts.Function{{Name: "early", Addr: 0xffffffff83000010, Size: 0xff0}}, "gone since boot"},
		{"on the blacklist", kallsymsText, "0xffffffff81000050-0xffffffff81000060\tweak\n", "weak", []facts.Function{{Name: "weak", Addr: 0xffffffff81000050, Size: 16}}, "would crash"},
		{"on the blacklist, hidden", hidden, "0x0000000000000000-0x0000000000000000\tweak\n", "weak", []facts.Function{{Name: "weak"}}, "would crash"},
		{"variable", kallsymsText, "", "jiffies", nil, "a variable has that name"},
		{"variable behind the text", kallsymsText + "ffffffff81001000 T _etext\nffffffff82000100 T vmalloc_base\n", "", "vmalloc_base", nil, "a variable has that name"},
		{"made into another", kallsymsText, "", "work", nil, "the compiler made work.isra.0 of it"},
		{"unknown", kallsymsText, "", "vfs", nil, "vfs"},
		{"padding", kallsymsText, "", "__pfx_vfs_read", nil, ""},
		{"program", kallsymsText, "", "bpf_prog_1", nil, ""},
		{"empty name", kallsymsText, "", "", nil, ""},
		{"line break", kallsymsText, "", "weak\nffffffff81000060", nil, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			files := map[string]string{"/proc/kallsyms": row.text}
			if row.blacklist != "" {
				files["/sys/kernel/debug/kprobes/blacklist"] = row.blacklist
			}
			h := Open(Options{Root: image(t, files)})
			got, err := h.Function(row.function)
			for range 5 { // by an index from some time on
				if again, err2 := h.Function(row.function); !cmp.Equal(got, again) || fmt.Sprint(err) != fmt.Sprint(err2) {
					t.Errorf("asked again: %v, %v, before %v, %v", again, err2, got, err)
				}
			}
			if row.want == nil {
				if !errors.Is(err, facts.ErrNotFound) || !strings.Contains(err.Error(), row.says) {
					t.Errorf("%v, error %v, want %q", got, err, row.says)
				}
				return
			}
			for i := range got {
				if (row.says == "") != (got[i].Refused == "") || !strings.Contains(got[i].Refused, row.says) {
					t.Errorf("refused %q, want %q", got[i].Refused, row.says)
				}
				got[i].Refused = ""
			}
			if diff := cmp.Diff(row.want, got); diff != "" || err != nil {
				t.Error(diff, err)
			}
		})
	}
}

func TestSymbolAddresses(t *testing.T) {
	hidden := strings.NewReplacer("ffffffff8", "000000000", "ffffffffc", "000000000").Replace(kallsymsText)
	hidden = strings.Join(zeroed(hidden), "\n")
	functionsOnly := strings.ReplaceAll(kallsymsText, "ffffffff82000000 D jiffies\n", "")
	tests := []struct {
		name, text, symbol string
		want               uint64
		is                 error
		says               string
	}{
		{"function", kallsymsText, "vfs_read", 0xffffffff81000020, nil, ""},
		{"variable", kallsymsText, "jiffies", 0xffffffff82000000, nil, ""},
		{"of a module", kallsymsText, "mod_fn", 0xffffffffc0000000, nil, ""},
		{"part of a name", kallsymsText, "vfs", 0, facts.ErrNotFound, ""},
		{"with a line break", kallsymsText, "twice\nffffffff81000040", 0, facts.ErrNotFound, ""},
		{"hidden", hidden, "vfs_read", 0, facts.ErrUnknown, "kptr_restrict"},
		{"no variables", functionsOnly, "avenrun", 0, facts.ErrNotFound, "CONFIG_KALLSYMS_ALL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := Open(Options{Root: image(t, map[string]string{"/proc/kallsyms": tt.text})})
			got, err := h.Symbol(tt.symbol)
			if got != tt.want || !errors.Is(err, tt.is) {
				t.Errorf("%#x, %v", got, err)
			}
			if tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("error %v does not name %s", err, tt.says)
			}
		})
	}
}

// zeroed replaces all addresses by zeros, as kptr_restrict does.
func zeroed(text string) (lines []string) {
	for line := range strings.Lines(text) {
		if len(line) > 16 {
			lines = append(lines, strings.Repeat("0", 16)+strings.TrimRight(line[16:], "\n"))
		}
	}
	return lines
}
