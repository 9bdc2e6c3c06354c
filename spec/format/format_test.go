package format

import (
	"strings"
	"testing"
)

func TestSourceMakesTheCanonicalLayout(t *testing.T) {
	rows := []struct{ name, in, want string }{
		{"indents and aligns", "probe \"kprobe\" \"a\" {\ntarget=\"x\"\n    where   = a>3\n}\n", "probe \"kprobe\" \"a\" {\n  target = \"x\"\n  where  = a > 3\n}\n"},
		{"quotes labels", "probe kprobe a {\n}\n", "probe \"kprobe\" \"a\" {\n}\n"},
		{"quotes labels of inner blocks", "probe \"kprobe\" \"a\" {\n  save io {\n  }\n}\n", "probe \"kprobe\" \"a\" {\n  save \"io\" {\n  }\n}\n"},
		{"collapses blank lines", "a = 1\n\n\n\nb = 2\n", "a = 1\n\nb = 2\n"},
		{"keeps one blank line", "a = 1\n\nb = 2\n", "a = 1\n\nb = 2\n"},
		{"collapses after a comment", "a = 1 # x\n\n\n# y\nb = 2\n", "a = 1 # x\n\n# y\nb = 2\n"},
		{"no blank lines at the ends", "\n\na = 1\n\n\n", "a = 1\n"},
		{"ends with a newline", "a = 1", "a = 1\n"},
		{"empty stays empty", "", ""},
		{"only space is empty", "  \n\n", ""},
		{"comments with #", "// one\na = 1 // two\n/* // three */\n", "# one\na = 1 # two\n/* // three */\n"},
		{"slashes in text stay", "a = \"http://x\"\n", "a = \"http://x\"\n"},
		{"unwraps a name", "a = \"${var.x}\"\n", "a = var.x\n"},
		{"unwraps inside calls and lists", "a = [f(\"${x}\"), \"${y.z[0]}\"]\n", "a = [f(x), y.z[0]]\n"},
		{"unwraps with parentheses where an operator is", "a = \"${b + 1}\" * 2\n", "a = (b + 1) * 2\n"},
		{"unwraps nested wraps", "a = \"${\"${x}\"}\"\n", "a = x\n"},
		{"unwraps a key", "a = { \"${k}\" = 1 }\n", "a = { (k) = 1 }\n"},
		{"keeps templates", "a = \"${x} ${y}\"\nb = \"${x}b\"\nc = \"$${x}\"\n", "a = \"${x} ${y}\"\nb = \"${x}b\"\nc = \"$${x}\"\n"},
		{"keeps heredocs", "a = <<EOT\n  x\n\n\n  // y ${z}\nEOT\n", "a = <<EOT\n  x\n\n\n  // y ${z}\nEOT\n"},
		{"keeps CRLF", "a=1\r\nbb=2\r\n", "a  = 1\r\nbb = 2\r\n"},
		{"mixed line ends become LF", "a=1\r\nbb=2\n", "a  = 1\nbb = 2\n"},
		{"keeps JSON", "x", "x"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			name := "a.hcl"
			if strings.Contains(row.name, "JSON") {
				name, row.in = "a.hcl.json", `{"locals": {"a":1}}`
				row.want = row.in
			}
			got, diags := Source([]byte(row.in), name)
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			if string(got) != row.want {
				t.Errorf("got  %q\nwant %q", got, row.want)
			}
			again, _ := Source(got, name)
			if string(again) != string(got) {
				t.Errorf("not idempotent: %q becomes %q", got, again)
			}
		})
	}
}

func TestSourceLeavesBrokenInputAlone(t *testing.T) {
	src := "a  =  (\nb=1\n"
	got, diags := Source([]byte(src), "a.hcl")
	if !diags.HasErrors() {
		t.Error("no error for broken input")
	}
	if string(got) != src {
		t.Errorf("changed to %q", got)
	}
}

func TestDiffIsUnified(t *testing.T) {
	got := Diff("a.hcl", []byte("a=1\nb = 2\n"), []byte("a = 1\nb = 2\n"))
	for _, part := range []string{"--- old/a.hcl\n", "+++ new/a.hcl\n", "@@ -1,2 +1,2 @@\n", "-a=1\n", "+a = 1\n", " b = 2\n"} {
		if !strings.Contains(got, part) {
			t.Errorf("diff lacks %q:\n%s", part, got)
		}
	}
	if got := Diff("a.hcl", []byte("a"), []byte("a")); got != "" {
		t.Errorf("diff of equal files is %q", got)
	}
}

func FuzzFormat(f *testing.F) {
	for _, seed := range []string{
		"", "a = 1\n", "probe kprobe a {\n  where = \"${x}\" // y\n}\n", "a = <<EOT\n ${x}\nEOT\n", "a = {\n\n\n b = [\n1,2]\n}", "/* x\n\n\n*/ a = \"${~ x ~}\"\r\n",
		"a = \"${b ? c : d}\"[0]\n", "a = { \"${k}\" : \"${v}\" }",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, src string) {
		once, diags := Source([]byte(src), "a.hcl")
		if diags.HasErrors() {
			if string(once) != src {
				t.Fatalf("broken input changed")
			}
			return
		}
		twice, diags := Source(once, "a.hcl")
		if diags.HasErrors() {
			t.Fatalf("output does not parse: %v\n%q", diags, once)
		}
		if string(twice) != string(once) {
			t.Fatalf("not idempotent:\n%q\n%q\n%q", src, once, twice)
		}
	})
}
