package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a tool that runs, and the workload that it started.
type process struct {
	cmd              *exec.Cmd
	control, answers *os.File
	lines            *bufio.Reader
	output           string // file with its standard output
	errors           string // file with its standard error
	started, ready   int64  // CLOCK_MONOTONIC, nanoseconds
	ended            int64
	peak             chan float64  // bytes, when it has ended
	done             chan struct{} // closed when the tool has ended
	err              error         // what it ended with
}

func monotonic() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // cannot fail
	return t.Nano()
}

// start runs a tool and waits until its workload says that it runs. The
// workload stays on the last processor; a pinned tool on the first.
func (b *bench) start(pinned bool, env []string, argv func(workload []string) []string) (*process, error) {
	dir, err := os.MkdirTemp(b.dir, "run")
	if err != nil {
		return nil, err
	}
	p := &process{output: filepath.Join(dir, "output"), errors: filepath.Join(dir, "errors"), peak: make(chan float64, 1), done: make(chan struct{})}
	control, answers := filepath.Join(dir, "control"), filepath.Join(dir, "answers")
	if p.control, err = fifo(control); err != nil {
		return nil, err
	}
	if p.answers, err = fifo(answers); err != nil {
		return nil, err
	}
	p.lines = bufio.NewReader(p.answers)
	command := argv([]string{filepath.Join(b.built, "load"), control, answers, strconv.Itoa(runtime.NumCPU() - 1)})
	p.cmd = exec.Command(command[0], command[1:]...)
	p.cmd.Env = append(os.Environ(), env...)
	if err := p.launch(pinned); err != nil {
		return nil, fmt.Errorf("%s: %w", command[0], err)
	}
	line, err := p.answer()
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Sscanf(line, "ready %d", &p.ready); err != nil {
		return nil, fmt.Errorf("workload said %q: %w", line, err)
	}
	return p, nil
}

func fifo(path string) (*os.File, error) {
	if err := unix.Mkfifo(path, 0o600); err != nil {
		return nil, err
	}
	// Open for both, so that opening does not wait for the other side.
	return os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
}

func (p *process) launch(pinned bool) error {
	out, err := os.Create(p.output)
	if err != nil {
		return err
	}
	defer out.Close()
	errs, err := os.Create(p.errors)
	if err != nil {
		return err
	}
	defer errs.Close()
	p.cmd.Stdout, p.cmd.Stderr = out, errs
	if pinned {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		var before, first unix.CPUSet
		if err := unix.SchedGetaffinity(0, &before); err != nil {
			return err
		}
		first.Set(0)
		if err := unix.SchedSetaffinity(0, &first); err != nil {
			return err
		}
		defer func() { _ = unix.SchedSetaffinity(0, &before) }() // as it was
	}
	p.started = monotonic()
	if err := p.cmd.Start(); err != nil {
		return err
	}
	go p.watch()
	go func() {
		p.err = p.cmd.Wait()
		p.ended = monotonic()
		close(p.done)
	}()
	return nil
}

// watch follows the peak of resident memory until the process is gone.
func (p *process) watch() {
	var peak float64
	for {
		v, ok := highWater(p.cmd.Process.Pid)
		if !ok {
			p.peak <- peak
			return
		}
		peak = max(peak, v)
		time.Sleep(10 * time.Millisecond)
	}
}

func highWater(pid int) (float64, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, false
	}
	_, rest, ok := strings.Cut(string(text), "VmHWM:")
	if !ok {
		return 0, false // it has ended, and is not yet waited for
	}
	kilobytes, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	return kilobytes * 1024, err == nil
}

// answer is the workload's next line.
func (p *process) answer() (string, error) {
	if err := p.answers.SetReadDeadline(time.Now().Add(answerTime)); err != nil {
		return "", err
	}
	type result struct {
		line string
		err  error
	}
	got := make(chan result, 1)
	go func() {
		line, err := p.lines.ReadString('\n')
		got <- result{line, err}
	}()
	select {
	case <-p.done:
		// The answer may have come just before.
		if err := p.answers.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			return "", err
		}
	case r := <-got:
		got <- r
	}
	r := <-got
	if r.err != nil {
		text, _ := os.ReadFile(p.errors) // only for the message
		_ = p.cmd.Process.Kill()         // it may have ended
		return "", fmt.Errorf("%s: no answer: %w\n%s", strings.Join(p.cmd.Args, " "), r.err, text)
	}
	return r.line, nil
}

// do runs a scenario; nanoseconds of processor time and of time passed.
func (p *process) do(scenario string, n int) (cpu, wall float64, err error) {
	if _, err := fmt.Fprintf(p.control, "%s %d\n", scenario, n); err != nil {
		return 0, 0, err
	}
	line, err := p.answer()
	if err != nil {
		return 0, 0, err
	}
	if _, err := fmt.Sscanf(line, "done %g %g", &cpu, &wall); err != nil {
		return 0, 0, fmt.Errorf("workload said %q: %w", line, err)
	}
	return cpu, wall, nil
}

// quit ends the workload, and so the tool; the nanoseconds between the two, and
// the tool's peak of resident memory in bytes.
func (p *process) quit() (exit, peak float64, err error) {
	defer p.control.Close()
	defer p.answers.Close()
	before, _ := highWater(p.cmd.Process.Pid)
	at, _, err := p.do("quit", 0)
	if err != nil {
		return 0, 0, err
	}
	select {
	case <-p.done:
		err = p.err
	case <-time.After(answerTime):
		err = errors.Join(errors.New("does not end"), p.cmd.Process.Kill())
	}
	if err != nil {
		text, _ := os.ReadFile(p.errors) // only for the message
		return 0, 0, fmt.Errorf("%s: %w\n%s", p.cmd.Args[0], err, text)
	}
	return float64(p.ended) - at, max(before, <-p.peak), nil
}
