// Package spectest runs a corpus of wrong specs: files in the language itself
// come in, whose wrong lines say in a comment what must be reported there, and
// test failures go out.
//
// A corpus file is split into chunks by lines that are "---"; each chunk is one
// spec. A line that must be reported ends in
//
//	# want "regexp"
//
// with as many quoted or backquoted regexps as diagnostics are expected on the
// line; "# want@+1" and "# want@-2" mean a line further down or up. A regexp is
// matched against "Summary: Detail". Missing and unexpected diagnostics fail.
//
// The package must not know what is checked: that is a function given to Run.
package spectest

import (
	"bytes"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
)

// Check returns the diagnostics of one source. Line numbers are those of the
// corpus file: the source has empty lines in place of the chunks before it.
type Check func(name string, src []byte) hcl.Diagnostics

// Run checks every chunk of the files that match pattern. It fails if there are
// none. It returns the number of chunks.
func Run(t *testing.T, fsys fs.FS, pattern string, check Check) int {
	t.Helper()
	names, err := fs.Glob(fsys, pattern)
	if err != nil {
		t.Fatalf("pattern of the corpus: %v", err)
	}
	if len(names) == 0 {
		t.Fatalf("no corpus file matches %q", pattern)
	}
	chunks := 0
	for _, name := range names {
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			t.Fatalf("read corpus: %v", err)
		}
		for _, chunk := range Chunks(src) {
			chunks++
			t.Run(fmt.Sprintf("%s:%d", name, chunk.Line), func(t *testing.T) {
				for _, problem := range Compare(name, chunk.Source, check) {
					t.Error(problem)
				}
			})
		}
	}
	return chunks
}

// Chunk is one spec of a corpus file.
type Chunk struct {
	// Line is the number of its first line.
	Line int
	// Source begins with Line-1 empty lines.
	Source []byte
}

// Chunks splits a corpus file.
func Chunks(src []byte) []Chunk {
	var out []Chunk
	line := 1
	for _, part := range bytes.Split(append([]byte("\n"), src...), []byte("\n---\n")) {
		if line == 1 {
			part = bytes.TrimPrefix(part, []byte("\n"))
		}
		if len(bytes.TrimSpace(part)) > 0 {
			out = append(out, Chunk{Line: line, Source: append(bytes.Repeat([]byte("\n"), line-1), part...)})
		}
		line += bytes.Count(part, []byte("\n")) + 2
	}
	return out
}

// Compare runs a check on one source and returns what differs from its want
// comments.
func Compare(name string, src []byte, check Check) []string {
	wants, problems := wantsOf(name, src)
	for _, d := range check(name, src) {
		line := 0
		if d.Subject != nil {
			line = d.Subject.Start.Line
		}
		text := d.Summary + ": " + d.Detail
		if !take(wants[line], text) {
			problems = append(problems, fmt.Sprintf("%s:%d: unexpected diagnostic: %s", name, line, text))
		}
	}
	for line, list := range wants {
		for _, w := range list {
			if !w.met {
				problems = append(problems, fmt.Sprintf("%s:%d: no diagnostic matches %q", name, line, w.re))
			}
		}
	}
	return problems
}

type want struct {
	re  *regexp.Regexp
	met bool
}

func take(wants []*want, text string) bool {
	for _, w := range wants {
		if !w.met && w.re.MatchString(text) {
			w.met = true
			return true
		}
	}
	return false
}

var wantComment = regexp.MustCompile(`# want(@[+-]\d+)? (.*)$`)

// wantsOf reads the want comments of a source, by line.
func wantsOf(name string, src []byte) (map[int][]*want, []string) {
	wants := map[int][]*want{}
	var problems []string
	for i, line := range strings.Split(string(src), "\n") {
		m := wantComment.FindStringSubmatch(strings.TrimSuffix(line, "\r"))
		if m == nil {
			continue
		}
		at := i + 1
		if m[1] != "" {
			offset, err := strconv.Atoi(m[1][1:])
			if err != nil {
				problems = append(problems, fmt.Sprintf("%s:%d: %v", name, i+1, err))
				continue
			}
			at += offset
		}
		list, err := regexps(m[2])
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s:%d: %v", name, i+1, err))
			continue
		}
		wants[at] = append(wants[at], list...)
	}
	return wants, problems
}

func regexps(text string) ([]*want, error) {
	var out []*want
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		quoted, err := strconv.QuotedPrefix(text)
		if err != nil {
			return nil, fmt.Errorf("want comment: a quoted regexp is needed at %s", text)
		}
		pattern, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, fmt.Errorf("want comment: %w", err)
		}
		re, err := regexp.Compile(pattern)
		if err != nil {
			return nil, fmt.Errorf("want comment: %w", err)
		}
		out = append(out, &want{re: re})
		text = text[len(quoted):]
	}
	return out, nil
}
