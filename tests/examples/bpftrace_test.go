package examples

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// pair is how a section of docs/from-bpftrace.md is compared: the workload, and
// what both programs must say about it.
type pair struct {
	command string
	kprobes bool
	types   bool // bpftrace must read the kernel's types
	// key is that of the row to compare, its parts joined by commas; "": the only
	// row. The number of the system call is its name in tracer: as says so.
	key, as string
	// value is what both must have there; "": anything but 0, and the same.
	value string
	// about lets values differ by this much, where the machine has a say.
	about float64
	// lines compares streamed rows: those that contain this text.
	lines string
}

const (
	sizes = "TW/tw-syscalls -n NAME sizes 100 1 4096"
	opens = "WORK opens 9 /etc/passwd"
	dns   = "getent ahosts localhost"
)

// pairs are the sections of docs/from-bpftrace.md, by title.
var pairs = map[string]pair{
	"Count by process":                {command: opens, key: workName, value: "18"},
	"Show every event":                {command: opens, lines: workName + " /etc/passwd", value: "9"},
	"All system calls, by process":    {command: "TW/tw-syscalls -n NAME getppid 5000 1", key: workName, about: 0.01},
	"The system calls of one program": {command: "TW/tw-syscalls -n NAME getppid 5000 1", key: "110", as: "getppid", value: "5000"},
	"Sum":                             {command: sizes, key: workName, value: "409700"},
	"Histogram in powers of two":      {command: sizes, key: workName, value: "count=200"},
	"Histogram of equal steps":        {command: sizes, value: "count=200"},
	"Average":                         {command: sizes, key: workName, value: "2048"},
	"Maximum":                         {command: sizes, key: workName, value: "4096"},
	"Latency of a call":               {command: sizes, key: workName, value: "count=200"},
	"An argument, at the return":      {command: opens, lines: workName + " /nonexistent/example", value: "9"},
	"Two keys":                        {command: opens, key: workName + ",1", value: "9"},
	"Several conditions":              {command: opens, key: workName, value: "18"},
	"Print every second":              {command: "TW/tw-syscalls -n NAME getppid 5000 1; sleep 1.5; TW/tw-syscalls -n NAME getppid 5000 1", key: workName, value: "10000"},
	"Programs that are started":       {command: "/bin/echo one two >/dev/null; /bin/echo three >/dev/null", lines: "/bin/echo one two", value: "1"},
	"Threads that end":                {command: "TW/tw-syscalls -n NAME exits 3", key: workName, value: "3"},
	"Signals":                         {command: "TW/tw-events -n NAME signals 10", key: workName + ",10", value: "10"},
	"Context switches":                {command: "TW/tw-syscalls -n NAME sleep 200 1", key: workName, about: 0.1},
	"Page faults":                     {command: "TW/tw-events -n NAME faults 500", key: workName, about: 0.05},
	"Block I/O sizes":                 {command: "WORK disk 20", key: workName, about: 0.2},
	"TCP connections":                 {command: "WORK connect 5 FREEPORT", key: workName, value: "5"},
	"A function of a library":         {command: dns, key: "getent", value: "1"},
	"The return of a function":        {command: dns, key: "getent,0", value: "1"},
	"A kernel function":               {command: sizes, kprobes: true, key: workName, value: "200"},
	"Many kernel functions":           {command: sizes, kprobes: true, key: "vfs_write", value: "200"},
	"The return of a kernel function": {command: sizes, kprobes: true, key: workName, value: "409700"},
	"Members of kernel structs":       {command: opens, kprobes: true, types: true, key: "passwd"},
}

// section is a section of the document.
type section struct{ title, bpftrace, tracer string }

func sections(t *testing.T) []section {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "from-bpftrace.md"))
	if err != nil {
		t.Fatal(err)
	}
	var all []section
	for _, part := range strings.Split(string(text), "\n## ")[1:] {
		s := section{title: strings.SplitN(part, "\n", 2)[0]}
		for _, b := range fenced(part) {
			switch b.info {
			case "bpftrace":
				s.bpftrace = b.text
			case "hcl":
				s.tracer = b.text
			}
		}
		all = append(all, s)
	}
	return all
}

func TestEveryPairIsCompared(t *testing.T) {
	all := sections(t)
	if len(all) < 25 {
		t.Errorf("%d pairs, want 25 at least", len(all))
	}
	for _, s := range all {
		if _, ok := pairs[s.title]; !ok || s.bpftrace == "" || s.tracer == "" {
			t.Errorf("section %q has no workload here, or lacks one of its programs", s.title)
		}
	}
	for title := range pairs {
		if !slices.ContainsFunc(all, func(s section) bool { return s.title == title }) {
			t.Errorf("there is no section %q", title)
		}
	}
}

func TestTracerCountsWhatBpftraceCounts(t *testing.T) {
	p := needPrograms(t)
	if _, err := exec.LookPath("bpftrace"); err != nil {
		t.Fatal("no bpftrace: tests/workload/deps installs it")
	}
	for _, s := range sections(t) {
		w := pairs[s.title]
		if testing.Short() && !w.kprobes {
			continue // compared on this machine: emulated, only those with kprobes are
		}
		t.Run(s.title, func(t *testing.T) {
			if w.kprobes {
				needKprobes(t)
			}
			if info, err := exec.CommandContext(t.Context(), "bpftrace", "--info").CombinedOutput(); w.types && !bytes.Contains(info, []byte("btf: yes")) {
				t.Skipf("bpftrace does not read this kernel's types (%v)", err)
			}
			dir := t.TempDir()
			spec, script := filepath.Join(dir, "spec.hcl"), filepath.Join(dir, "work.sh")
			if err := os.WriteFile(spec, []byte(s.tracer), 0o644); err != nil {
				t.Fatal(err)
			}
			port, err := freePort()
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(script, []byte(p.command(w.command, port)), 0o644); err != nil {
				t.Fatal(err)
			}
			for tries := 2; ; tries-- {
				ours := p.apply(t, "-c", "/bin/sh "+script, spec)
				theirs := bpftrace(t, s.bpftrace, "/bin/sh "+script)
				got, want := ours.value(w), theirs.value(w)
				right := got != "" && got != "0" && (w.value == "" || got == w.value)
				if right && same(got, want, w.about) {
					return
				}
				if right && tries > 0 {
					t.Logf("bpftrace counts %q: other programs may have events too; once more", want)
					continue
				}
				t.Fatalf("tracer counts %q, bpftrace %q; it must be %q\ntracer:\n%.3000s\nbpftrace:\n%.3000s", got, want, w.value, ours.text, theirs.text)
			}
		})
	}
}

func same(a, b string, about float64) bool {
	if a == b || about == 0 {
		return a == b
	}
	var x, y float64
	_, err := fmt.Sscan(strings.TrimPrefix(a, "count="), &x)
	_, err2 := fmt.Sscan(strings.TrimPrefix(b, "count="), &y)
	return err == nil && err2 == nil && math.Abs(x-y) <= about*math.Max(x, y)
}

// value is what tracer says about a pair.
func (o output) value(w pair) string {
	if w.lines != "" {
		n := 0
		for _, e := range o.events {
			var parts []string
			for _, column := range []string{"comm", "path", "args"} {
				if v, ok := e.Fields[column]; ok {
					parts = append(parts, fmt.Sprint(v))
				}
			}
			if strings.Contains(strings.Join(parts, " "), w.lines) {
				n++
			}
		}
		return fmt.Sprint(n)
	}
	wanted := w.key
	if w.as != "" {
		wanted = w.as
	}
	var total sum
	for _, table := range o.tables {
		for _, r := range table.Rows {
			var parts []string
			for _, v := range r.By {
				parts = append(parts, fmt.Sprint(v))
			}
			if sortedKey(parts) == sortedKey(strings.Split(wanted, ",")) {
				for _, v := range r.Values {
					total.add(v)
				}
			}
		}
	}
	return total.String()
}

// sortedKey is a key whose parts have no order.
func sortedKey(parts []string) string {
	parts = slices.DeleteFunc(parts, func(p string) bool { return p == "" })
	slices.Sort(parts)
	return strings.Join(parts, ",")
}

// sum adds the values of one key, of one table or of several prints of it.
type sum struct {
	n         float64
	histogram bool
	found     bool
}

func (s *sum) add(v any) {
	s.found = true
	switch v := v.(type) {
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			f = math.NaN()
		}
		s.n += f
	case map[string]any: // tracer's histogram
		s.histogram = true
		s.add(v["count"])
	case []any: // bpftrace's
		s.histogram = true
		for _, bucket := range v {
			if b, ok := bucket.(map[string]any); ok {
				s.add(b["count"])
			}
		}
	}
}

func (s *sum) String() string {
	switch {
	case !s.found:
		return ""
	case s.histogram:
		return fmt.Sprintf("count=%.0f", s.n)
	}
	return fmt.Sprintf("%.0f", math.Trunc(s.n))
}

// theirs is what bpftrace printed.
type theirs struct {
	text  string
	lines []string
	maps  []map[string]any // the maps called @
}

func bpftrace(t *testing.T, program, command string) theirs {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bpftrace", "-f", "json", "-c", command, "-e", program)
	cmd.Env = append(os.Environ(), "BPFTRACE_STRLEN=128")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("bpftrace: %v\n%s\n%s", err, stderr.String(), stdout.String())
	}
	out := theirs{text: stdout.String()}
	for l := range strings.Lines(out.text) {
		var parsed struct {
			Type string
			Data json.RawMessage
		}
		if json.Unmarshal([]byte(l), &parsed) != nil {
			continue // the command's own output
		}
		var text string
		if json.Unmarshal(parsed.Data, &text) == nil {
			out.lines = append(out.lines, strings.Split(strings.TrimSpace(text), "\n")...)
			continue
		}
		d := json.NewDecoder(bytes.NewReader(parsed.Data))
		d.UseNumber()
		var maps map[string]any
		if d.Decode(&maps) == nil && maps["@"] != nil {
			out.maps = append(out.maps, map[string]any{"@": maps["@"]})
		}
	}
	return out
}

// value is what bpftrace says about a pair.
func (o theirs) value(w pair) string {
	if w.lines != "" {
		n := 0
		for _, l := range o.lines {
			if strings.Contains(l, w.lines) {
				n++
			}
		}
		return fmt.Sprint(n)
	}
	var total sum
	for _, m := range o.maps {
		keyed, ok := m["@"].(map[string]any)
		if !ok { // one value without a key
			total.add(m["@"])
			continue
		}
		for key, v := range keyed {
			if sortedKey(strings.Split(key, ",")) == sortedKey(strings.Split(w.key, ",")) {
				total.add(v)
			}
		}
	}
	return total.String()
}
