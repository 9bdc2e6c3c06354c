package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// group is one kind of measurement.
type group struct {
	name string
	run  func(*bench) error
}

var groups = []group{
	{"startup", startups},
	{"event", events},
	{"stream", streams},
	{"keys", keys},
	{"functions", functions},
}

var tracers = []string{toolTracer, toolBpftrace, toolC}

// begin starts a tool for a case.
func (b *bench) begin(tool string, c benchCase, pinned bool) (*process, error) {
	var env []string
	if c.name == keysCase.name {
		env = []string{"BPFTRACE_MAP_KEYS_MAX=200000"}
	}
	return b.start(pinned, env, func(workload []string) []string { return b.command(tool, c, workload) })
}

// startups measures the way to the first event, and out.
func startups(b *bench) error {
	for round := range b.rounds + 2 {
		for _, name := range startCases {
			for _, tool := range tracers {
				p, err := b.begin(tool, caseNamed(name), false)
				if err != nil {
					return err
				}
				if round == 0 && name == "stream_open" {
					if err := b.sizes(tool, name, p.cmd.Process.Pid); err != nil {
						return err
					}
				}
				spent, err := processorTime(p.cmd.Process.Pid)
				if err != nil {
					return err
				}
				exit, peak, err := p.quit()
				if err != nil {
					return err
				}
				if round == 0 {
					continue // files come into memory
				}
				b.samples.add("start "+name, tool, float64(p.ready-p.started))
				b.samples.add("start cpu "+name, tool, spent)
				b.samples.add("exit "+name, tool, exit)
				b.samples.add("memory "+name, tool, peak)
			}
		}
	}
	return nil
}

// sizes adds what must be on disk for a tool to run.
func (b *bench) sizes(tool, name string, pid int) error {
	var more []string
	if tool == toolC {
		more = append(more, filepath.Join(b.built, name+".bpf.o"))
	}
	size, err := mapped(pid, more...)
	if err != nil {
		return err
	}
	b.samples.add("disk", tool, size)
	return nil
}

// events measures what one event costs.
func events(b *bench) error {
	for range b.rounds {
		for _, c := range eventCases {
			base, err := b.base(c)
			if err != nil {
				return err
			}
			var floor usage
			for _, tool := range []string{toolEmpty, toolTracer, toolBpftrace, toolC} {
				u, cpu, err := b.event(tool, c)
				if err != nil {
					return fmt.Errorf("%s: %w", c.name, err)
				}
				if tool == toolEmpty {
					floor = u
				}
				b.samples.add("slowdown "+c.name, tool, cpu/base)
				if tool == toolEmpty {
					b.samples.add("floor "+c.name, tool, u.nanoseconds)
					continue
				}
				b.samples.add("kernel "+c.name, tool, u.nanoseconds-floor.nanoseconds*float64(c.programs))
				b.samples.add("instructions "+c.name, tool, u.instructions)
			}
		}
	}
	return nil
}

// base is the processor time of the workload when nobody traces it.
func (b *bench) base(c benchCase) (float64, error) {
	p, err := b.begin("", c, true)
	if err != nil {
		return 0, err
	}
	if _, _, err := p.do(c.load, c.events/parts); err != nil {
		return 0, err
	}
	cpu, err := p.leastTime(c)
	if err != nil {
		return 0, err
	}
	_, _, err = p.quit()
	return cpu, err
}

// parts is how many parts a run is measured in. The least of them counts: what
// else the host does only ever adds time.
const parts = 10

// event runs a case twice: without statistics, for the processor time of the
// workload, and with them, for the time in programs; both per event.
func (b *bench) event(tool string, c benchCase) (u usage, cpu float64, err error) {
	p, err := b.begin(tool, c, true)
	if err != nil {
		return u, 0, err
	}
	if _, _, err := p.do(c.load, c.events/parts); err != nil {
		return u, 0, err
	}
	settle()
	if cpu, err = p.leastTime(c); err != nil {
		return u, 0, err
	}
	settle()
	if u, err = p.counted(c); err != nil {
		return u, 0, err
	}
	_, _, err = p.quit()
	return u, cpu, err
}

// leastTime is the processor time of the quickest part of a run.
func (p *process) leastTime(c benchCase) (float64, error) {
	least := math.Inf(1)
	for range parts {
		cpu, _, err := p.do(c.load, c.events/parts)
		if err != nil {
			return 0, err
		}
		least = min(least, cpu)
	}
	return least, nil
}

// counted runs the scenario with the statistics switched on: the nanoseconds of
// the quickest part, per event. Other processes make events too, so what is
// added is divided by the programs' own runs.
func (p *process) counted(c benchCase) (usage, error) {
	statistics, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	if err != nil {
		return usage{}, err
	}
	defer statistics.Close()
	ids, err := programsOf(p.cmd.Process.Pid)
	if err != nil {
		return usage{}, err
	}
	before, err := used(ids)
	if err != nil {
		return usage{}, err
	}
	least, events := math.Inf(1), float64(c.events/parts)
	for range parts {
		if _, _, err := p.do(c.load, c.events/parts); err != nil {
			return usage{}, err
		}
		after, err := used(ids)
		if err != nil {
			return usage{}, err
		}
		runs := after.runs - before.runs
		if runs < events {
			return usage{}, fmt.Errorf("%s: its %d programs ran %g times in %g events", p.cmd.Args[0], len(ids), runs, events)
		}
		perEvent := 1.0
		if c.empty != "" && after.instructions != 0 {
			perEvent = max(1, float64(int(runs/events+0.5)))
		}
		least = min(least, (after.nanoseconds-before.nanoseconds)/runs*perEvent)
		before = after
	}
	before.nanoseconds = least
	return before, nil
}

// streams measures how many rows a second come out, to a file.
func streams(b *bench) error {
	for range max(1, b.rounds-2) {
		for _, c := range streamCases {
			if err := b.producer(c); err != nil {
				return err
			}
			for _, tool := range tracers {
				if err := b.stream(tool, c); err != nil {
					return fmt.Errorf("%s: %w", c.name, err)
				}
			}
		}
	}
	return nil
}

// producer measures how many events a second there are without any probe.
func (b *bench) producer(c benchCase) error {
	p, err := b.begin("", c, true)
	if err != nil {
		return err
	}
	_, wall, err := p.do(c.load, c.events)
	if err != nil {
		return err
	}
	b.samples.add("rows "+c.name, toolEmpty, float64(c.events)/wall*1e9)
	_, _, err = p.quit()
	return err
}

func (b *bench) stream(tool string, c benchCase) error {
	p, err := b.begin(tool, c, true)
	if err != nil {
		return err
	}
	pid := p.cmd.Process.Pid
	before, err := processorTime(pid)
	if err != nil {
		return err
	}
	_, wall, err := p.do(c.load, c.events)
	if err != nil {
		return err
	}
	settle()
	settle()
	after, err := processorTime(pid)
	if err != nil {
		return err
	}
	if _, _, err := p.quit(); err != nil {
		return err
	}
	text, err := os.ReadFile(p.output)
	if err != nil {
		return err
	}
	defer os.Remove(p.output)
	mark := []byte(" load")
	if c.load == "openat" {
		mark = []byte("bench-there-is-no-such-file")
	}
	received := float64(bytes.Count(text, mark))
	b.samples.add("rows "+c.name, tool, received/wall*1e9)
	b.samples.add("loss "+c.name, tool, max(0, 1-received/float64(c.events))*100)
	b.samples.add("reader "+c.name, tool, received/(after-before)*1e9)
	return nil
}

// keys measures reading, sorting and printing a table of 100,000 rows.
func keys(b *bench) error {
	for range max(1, b.rounds-2) {
		for _, tool := range tracers {
			p, err := b.begin(tool, keysCase, false)
			if err != nil {
				return err
			}
			if _, _, err := p.do(keysCase.load, keysCase.events); err != nil {
				return err
			}
			exit, peak, err := p.quit()
			if err != nil {
				return err
			}
			text, err := os.ReadFile(p.output)
			if err != nil {
				return err
			}
			if n := bytes.Count(text, []byte("\n")); n < keysCase.events {
				return fmt.Errorf("%s printed %d lines of %d", tool, n, keysCase.events)
			}
			b.samples.add("keys", tool, exit)
			b.samples.add("keys memory", tool, peak)
		}
	}
	return nil
}

// functions measures attaching to many functions of a library, and detaching.
// Tools that attach them one by one are closed slowly by the kernel: they have
// one round, and of 1000 functions none unless asked.
func functions(b *bench) error {
	for round := range max(1, b.rounds-2) {
		for _, f := range functionCases {
			for _, tool := range tracers {
				oneByOne := tool != toolTracer && f.n > 1
				if oneByOne && (round > 0 || f.n > 100 && !b.slow) {
					continue
				}
				p, err := b.start(false, []string{"BPFTRACE_MAX_PROBES=2000"}, func(workload []string) []string {
					return b.functions(tool, f, workload)
				})
				if err != nil {
					return err
				}
				exit, _, err := p.quit()
				if err != nil {
					return err
				}
				b.samples.add(fmt.Sprintf("attach %d", f.n), tool, float64(p.ready-p.started))
				b.samples.add(fmt.Sprintf("detach %d", f.n), tool, exit)
			}
		}
	}
	return nil
}
