package examples

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// block is a fenced block of a document.
type block struct {
	info string // what stands behind the fence: "hcl", "bpftrace"
	text string
	// run is the workload of a comment before the block, "" if there is none:
	// <!-- run: COMMAND -->, and then <!-- shows: TEXT --> for each text that the
	// output must have.
	run   string
	shows []string
	line  int
}

var (
	fence   = regexp.MustCompile("^```(.*)$")
	comment = regexp.MustCompile(`^<!-- (run|shows): (.*) -->$`)
)

// fenced are the fenced blocks of a document.
func fenced(text string) []block {
	var all []block
	var b block
	inside := false
	for i, l := range strings.Split(text, "\n") {
		switch m := fence.FindStringSubmatch(l); {
		case m != nil && inside:
			all = append(all, b)
			b, inside = block{}, false
		case m != nil:
			b.info, b.line, inside = m[1], i+1, true
		case inside:
			b.text += l + "\n"
		default:
			if c := comment.FindStringSubmatch(l); c == nil && l != "" {
				b = block{} // comments stand right before their block
			} else if c != nil && c[1] == "run" {
				b.run = c[2]
			} else if c != nil {
				b.shows = append(b.shows, c[2])
			}
		}
	}
	return all
}

func documents(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	return append(files, filepath.Join("..", "..", "README.md"))
}

// onlyKprobes says whether all errors are that this kernel has no kprobes.
func onlyKprobes(stderr string) bool {
	if hasKprobes() {
		return false
	}
	n := strings.Count(stderr, "Error: ")
	return n > 0 && n == strings.Count(stderr, "Error: Not possible on this kernel") && strings.Contains(stderr, "has no kernel probes")
}

// Blocks that are called "hcl fragment" are parts of a spec, and "hcl wrong"
// have the error that their section is about. Emulated, only those with kprobes
// are validated.
func TestEverySpecInTheDocumentsIsValid(t *testing.T) {
	p := findPrograms(t)
	n := 0
	for _, file := range documents(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range fenced(string(text)) {
			if b.info != "hcl" {
				if strings.Contains(b.info, "hcl") && b.info != "hcl fragment" && b.info != "hcl wrong" {
					t.Errorf("%s:%d: a block is hcl, hcl fragment or hcl wrong, not %q", file, b.line, b.info)
				}
				continue
			}
			n++
			if testing.Short() && !strings.Contains(b.text, `probe "k`) {
				continue // checked on this machine
			}
			cmd := exec.Command(p.tracer, "validate", "-")
			var stderr bytes.Buffer
			cmd.Stdin, cmd.Stderr = strings.NewReader(b.text), &stderr
			if err := cmd.Run(); err != nil && !onlyKprobes(stderr.String()) || err == nil && stderr.Len() > 0 {
				t.Errorf("%s:%d: %v\n%s", file, b.line, err, stderr.String())
			}
			format := exec.Command(p.tracer, "fmt", "-")
			format.Stdin = strings.NewReader(b.text)
			if got, err := format.Output(); err != nil || string(got) != b.text {
				t.Errorf("%s:%d: not in canonical layout (%v); tracer fmt makes it\n%s", file, b.line, err, got)
			}
		}
	}
	if n < 30 {
		t.Errorf("%d specs were found in the documents, which cannot be all", n)
	}
}

func TestSpecsInTheDocumentsRun(t *testing.T) {
	if testing.Short() {
		t.Skip("run on this machine")
	}
	p := needPrograms(t)
	n := 0
	for _, file := range documents(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range fenced(string(text)) {
			if b.run == "" {
				continue
			}
			n++
			spec := filepath.Join(t.TempDir(), "spec.hcl")
			if err := os.WriteFile(spec, []byte(b.text), 0o644); err != nil {
				t.Fatal(err)
			}
			out := p.apply(t, "-c", p.command(b.run, ""), spec)
			for _, s := range b.shows {
				if !strings.Contains(out.text, s) {
					t.Errorf("%s:%d: the output has no %s:\n%.3000s", file, b.line, s, out.text)
				}
			}
		}
	}
	if n == 0 {
		t.Error("no document has a block that is run")
	}
}

func TestErrorsInTheDocumentsAreAsTheySay(t *testing.T) {
	if testing.Short() {
		t.Skip("checked on this machine")
	}
	p := findPrograms(t)
	n := 0
	for _, file := range documents(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(text), "\n## ")[1:] {
			title := strings.SplitN(part, "\n", 2)[0]
			for _, b := range fenced(part) {
				if b.info != "hcl wrong" {
					continue
				}
				n++
				cmd := exec.Command(p.tracer, "validate", "-")
				cmd.Stdin = strings.NewReader(b.text)
				if out, err := cmd.CombinedOutput(); err == nil || !strings.HasPrefix(string(out), "Error: "+title+"\n") {
					t.Errorf("%s, section %q: %v\n%s", file, title, err, out)
				}
			}
		}
	}
	if n < 10 {
		t.Errorf("%d wrong specs were found, which cannot be all", n)
	}
}

// guideFile is the first line of a block that the reader writes to a file.
var guideFile = regexp.MustCompile(`^# (\S+\.hcl)\n`)

// The guide and the page on plans are followed word for word: specs are written
// to the files they name, and the commands are run.
func TestGuideCanBeFollowed(t *testing.T) {
	if testing.Short() {
		t.Skip("followed on this machine")
	}
	p := needPrograms(t)
	for _, name := range []string{"guide.md", "plan.md"} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
			if err != nil {
				t.Fatal(err)
			}
			dir, commands := t.TempDir(), 0
			for _, b := range fenced(string(text)) {
				switch b.info {
				case "hcl":
					file := guideFile.FindStringSubmatch(b.text)
					if file == nil {
						t.Fatalf("line %d: the spec does not name its file", b.line)
					}
					if err := os.WriteFile(filepath.Join(dir, file[1]), []byte(b.text), 0o644); err != nil {
						t.Fatal(err)
					}
				case "sh":
					commands++
					cmd := exec.Command("sh", "-ec", "sudo() { \"$@\"; }\n"+b.text)
					cmd.Dir = dir
					cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(p.tracer)+":"+os.Getenv("PATH"))
					if out, err := cmd.CombinedOutput(); err != nil || bytes.Contains(out, []byte("Warning: ")) {
						t.Errorf("line %d: %v\n%s\n%s", b.line, err, b.text, out)
					}
				}
			}
			if commands == 0 {
				t.Error("the page has no command")
			}
		})
	}
}

// messageTitle is where the code makes a diagnostic with a fixed first line.
var messageTitle = regexp.MustCompile(`(?:(?:errorAt|warnAt|errorf|warnf|failed|warning|errorDiag)\([^"\n]*|Summary: +)"([A-Z][^"%\n]*[^ "%\n])"`)

func TestEveryMessageIsInTroubleshooting(t *testing.T) {
	if testing.Short() {
		t.Skip("checked on this machine")
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	titles := map[string]string{}
	for _, folder := range []string{"spec", "interpreter", "bpfgen", "internal"} {
		err := filepath.WalkDir(filepath.Join("..", "..", folder), func(file string, _ os.DirEntry, err error) error {
			if err != nil || filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
				return err
			}
			source, err := os.ReadFile(file)
			for _, m := range messageTitle.FindAllStringSubmatch(string(source), -1) {
				titles[m[1]] = file
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(titles) < 100 {
		t.Errorf("%d messages were found in the code, which cannot be all", len(titles))
	}
	for title, file := range titles {
		if !regexp.MustCompile(`(?m)(^## |^\| |, )` + regexp.QuoteMeta(title) + `(,| \||$)`).Match(text) {
			t.Errorf("docs/troubleshooting.md does not have %q (%s)", title, file)
		}
	}
	_, further, _ := strings.Cut(string(text), "\n## Further messages\n")
	for _, row := range regexp.MustCompile(`(?m)^\| ([A-Z][^|]*) \|`).FindAllStringSubmatch(further, -1) {
		for _, title := range strings.Split(row[1], ", ") {
			// Some are put together: Unknown name, Unsuitable condition.
			if titles[title] == "" && !strings.HasPrefix(title, "Un") {
				t.Errorf("docs/troubleshooting.md has %q, and no code gives it", title)
			}
		}
	}
}
