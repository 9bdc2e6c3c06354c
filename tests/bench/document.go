package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// machine is where it was measured.
type machine struct {
	processor, kernel     string
	loadBefore, loadAfter string
	versions              []string
}

// describe asks the machine; what does not answer is left out.
func describe() *machine {
	m := &machine{processor: runtime.GOARCH, loadBefore: load()}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(text), "model name\t: "); ok {
			m.processor, _, _ = strings.Cut(rest, "\n")
		}
	}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		m.kernel = unix.ByteSliceToString(name.Release[:])
	}
	for _, command := range [][]string{
		{"bpftrace", "--version"}, {"clang", "--version"}, {"dpkg-query", "-W", "-f", "libbpf ${Version}", "libbpf-dev"}, {"go", "version"},
	} {
		if out, err := exec.Command(command[0], command[1:]...).Output(); err == nil {
			line, _, _ := strings.Cut(string(out), "\n")
			m.versions = append(m.versions, strings.TrimSpace(line))
		}
	}
	return m
}

// load is the load average of the last minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "?"
	}
	return strings.Fields(string(text))[0]
}

const introduction = `# Performance

Written by ` + "`make bench`" + `, which builds everything, installs bpftrace, clang and libbpf from
Debian if they are missing, and measures again.

tracer beside bpftrace, and beside C programs of our own for libbpf (clang -O2, in
` + "`tests/bench/c`" + `) as the bound. All tools take turns in one run; cells are medians, with the
least and the greatest. Read the ratios: nanoseconds are this machine's.
`

// write writes the document.
func write(w io.Writer, b *bench, m *machine) error {
	p := &printer{w: w}
	p.line(introduction)
	p.line("- machine: %s, %d processors, kernel %s", m.processor, runtime.NumCPU(), m.kernel)
	p.line("- load before and after: %s, %s; other work ran beside it if that is more than 2", m.loadBefore, m.loadAfter)
	p.line("- %s", strings.Join(m.versions, "; "))
	p.line("- up to %d rounds; workload on the last processor, tools on the first where events are counted", b.rounds+1)
	for _, s := range sections() {
		p.section(b.samples, s)
	}
	p.missed()
	p.line("\n## Not measured\n")
	p.line("- Attaching kernel functions: most such machines, this kind of virtual machine among them, have no kprobes.")
	if !b.slow {
		p.line("- 1000 functions with bpftrace and libbpf: a perf event each, of which the kernel closes ten a second (`tests/bench -slow` does it).")
	}
	p.line("- Stacks: their cost is the kernel's unwinder, the same for all.")
	p.line("- Other kernels, and machines with more processors.")
	return p.err
}

// printer writes lines, and remembers the first error and the missed aims.
type printer struct {
	w      io.Writer
	err    error
	misses []string
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *printer) section(s samples, section section) {
	p.line("\n## %s\n\n%s\n", section.title, section.text)
	p.line("| | unit | tracer | bpftrace | C | better than bpftrace | of the C program |")
	p.line("|---|---|---|---|---|---|---|")
	for _, r := range section.rows {
		if s[r.id] == nil {
			continue
		}
		ahead, bound := p.judged(s, r)
		title := r.title
		if _, ok := s.median(r.id, toolEmpty); ok {
			title += fmt.Sprintf(" (%s: %s)", r.beside, s.cell(r.id, toolEmpty, r.scale))
		}
		p.line("| %s | %s | %s | %s | %s | %s | %s |", title, r.unit,
			s.cell(r.id, toolTracer, r.scale), s.cell(r.id, toolBpftrace, r.scale), s.cell(r.id, toolC, r.scale), ahead, bound)
	}
}

// judged are the cells of the ratios, with the aims; a miss is remembered.
func (p *printer) judged(s samples, r row) (ahead, bound string) {
	above, below := toolBpftrace, toolTracer
	if r.more {
		above, below = below, above
	}
	ahead, bound = "", ""
	if v, ok := s.ratio(r.id, above, below); ok {
		ahead = number(v) + " ×"
		if r.ahead > 0 && v < r.ahead {
			p.miss(r, fmt.Sprintf("%s × better than bpftrace, aim %s ×", number(v), number(r.ahead)))
			ahead += fmt.Sprintf(" (aim %s)", number(r.ahead))
		}
	}
	if v, ok := s.ratio(r.id, toolTracer, toolC); ok {
		bound = number(v) + " ×"
		if r.bound > 0 && v > r.bound {
			p.miss(r, fmt.Sprintf("%s × the C program, aim %s ×", number(v), number(r.bound)))
			bound += fmt.Sprintf(" (aim %s)", number(r.bound))
		}
	}
	return ahead, bound
}

func (p *printer) miss(r row, what string) {
	text := fmt.Sprintf("- **%s**: %s.", r.title, what)
	if r.reason != "" {
		text += " Reason: " + r.reason
	}
	p.misses = append(p.misses, text)
}

func (p *printer) missed() {
	p.line("\n## Missed aims\n")
	p.line("Aims: half of bpftrace's time in the kernel and 1.1 × the C program's, five times faster start, twenty times the rows, a third of the memory; nowhere behind bpftrace. The reasons are explanations from profiles and from reading the code, written when the benchmark was; a run does not measure them anew.\n")
	if len(p.misses) == 0 {
		p.line("None.")
	}
	for _, m := range p.misses {
		p.line("%s", m)
	}
}
