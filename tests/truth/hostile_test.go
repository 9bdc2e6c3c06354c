package truth

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// What traced processes choose, their names and their strings, reaches neither
// a terminal as it is, nor breaks a line, nor the form of JSON.
func TestHostileNamesAndPaths(t *testing.T) {
	whole(t)
	const spec = `
probe "syscall" "s" {
  target = "chdir"
  where  = strcontains(str(args.filename), "hostile")
  capture {
    comm = comm
    path = str(args.filename, 4096)
  }
  aggregate "t" {
    by     = { comm = comm, path = str(args.filename, 64) }
    values = { n = count() }
  }
  stream = true
}`
	// A terminal's escapes, a line break, bytes that are no UTF-8, direction
	// overrides; and a path of 4 KiB.
	const script = `cat >script <<'END'
printf '\033[2J\n\377\342\200\256"x' >/proc/self/comm
cd $'/hostile\033]0;title\007\nline\xff\xc3(\u202e"\\{"type":"summary"}'
cd /hostile$(printf '\033[31m%.0s' $(seq 800))
true
END
"$TRACER" apply -o FORM -c 'bash script 2>/dev/null' "$SPEC"`
	for _, form := range []string{"text", "json"} {
		t.Run(form, func(t *testing.T) {
			got := shell(t, spec, strings.ReplaceAll(script, "FORM", form))
			if got.code != 0 || !strings.Contains(got.stdout, "hostile") {
				t.Fatalf("exit code %d, stdout %.500q, stderr %.500q", got.code, got.stdout, got.stderr)
			}
			if !utf8.ValidString(got.stdout) {
				t.Error("the output is no UTF-8")
			}
			for _, r := range got.stdout {
				if r < ' ' && r != '\n' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u202e' {
					t.Fatalf("%q reached the output: %.600q", r, got.stdout)
				}
			}
			if form == "json" {
				for line := range strings.Lines(got.stdout) {
					if !json.Valid([]byte(line)) {
						t.Errorf("no JSON: %q", line)
					}
				}
				return
			}
			if n := strings.Count(got.stdout, "\n"); n > 12 {
				t.Errorf("%d lines of two rows twice:\n%s", n, got.stdout)
			}
		})
	}
}
