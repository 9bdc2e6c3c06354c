package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hashicorp/hcl/v2"
	"go.uber.org/goleak"

	"tracer/internal/session"
	"tracer/interpreter/facts"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newApp is a command with buffers for streams.
func newApp(environ ...string) (a *app, out, err *bytes.Buffer) {
	out, err = &bytes.Buffer{}, &bytes.Buffer{}
	return &app{color: "auto", streams: Streams{In: strings.NewReader(""), Out: out, Err: err}, env: Env{Environ: environ, Now: time.Now, Facts: &facts.Recorded{}}}, out, err
}

func TestColourIsDecidedPerStream(t *testing.T) {
	for _, row := range []struct {
		name, flag string
		environ    []string
		width      int
		want       bool
	}{
		{"a terminal", "auto", nil, 80, true},
		{"a file", "auto", nil, 0, false},
		{"asked for", "always", []string{"NO_COLOR=1"}, 0, true},
		{"not wanted", "never", []string{"CLICOLOR_FORCE=1"}, 80, false},
		{"NO_COLOR", "auto", []string{"NO_COLOR=1", "CLICOLOR_FORCE=1"}, 80, false},
		{"an empty NO_COLOR is none", "auto", []string{"NO_COLOR="}, 80, true},
		{"CLICOLOR_FORCE", "auto", []string{"CLICOLOR_FORCE=1"}, 0, true},
		{"CLICOLOR_FORCE=0", "auto", []string{"CLICOLOR_FORCE=0"}, 0, false},
		{"dumb terminal", "auto", []string{"TERM=dumb"}, 80, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			a, _, _ := newApp(row.environ...)
			a.color = row.flag
			if got := a.colored(row.width); got != row.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestExitCodes(t *testing.T) {
	for _, row := range []struct {
		name   string
		err    error
		want   int
		stderr string
	}{
		{"done", nil, 0, ""},
		{"said already", fmt.Errorf("x: %w", exit{3}), 3, ""},
		{"wrong use", usagef("apply", "what"), 2, "tracer: what\n\"tracer apply -help\" says how it is used.\n"},
		{"reader gone", fmt.Errorf("write output: %w", syscall.EPIPE), 0, ""},
		{"anything else", fs.ErrPermission, 1, "tracer: permission denied\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			a, _, stderr := newApp()
			if got := a.code(row.err); got != row.want || stderr.String() != row.stderr {
				t.Errorf("got %d, %q", got, stderr)
			}
		})
	}
}

func TestEnvironmentOfASpec(t *testing.T) {
	e := Env{Environ: []string{"TRACER_VAR_a=1", "TRACER_VAR_b=x=y", "PATH=/bin", "TRACER_VAR_a=2", "TRACER_VAR_odd"}}
	got := e.environment()
	if len(got) != 2 || got["a"] != "2" || got["b"] != "x=y" || e.Getenv("TRACER_VAR_a") != "2" || e.Getenv("HOME") != "" {
		t.Errorf("got %v", got)
	}
}

func TestRingSizesAreRoundedToPowersOfTwo(t *testing.T) {
	for _, row := range []struct {
		text string
		want int
	}{{"8MiB", 8 << 20}, {"4KiB", 4096}, {"5000", 8192}, {"3MiB", 4 << 20}, {"1GiB", 1 << 30}, {"1023MiB", 1 << 30}} {
		if got, err := parseSize(row.text); err != nil || got != row.want {
			t.Errorf("%s: got %d, %v; want %d", row.text, got, err, row.want)
		}
	}
	for _, text := range []string{"", "2GiB", "1", "-8MiB", "lots"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("%q: got %d", text, got)
		}
	}
}

// notifier gives a test the channel that signals go to.
type notifier struct {
	to      chan<- os.Signal
	stopped bool
	aborted chan int
}

func (n *notifier) env(e Env) Env {
	n.aborted = make(chan int, 1)
	e.Notify = func(c chan<- os.Signal) func() { n.to = c; return func() { n.stopped = true } }
	e.Abort = func(code int) { n.aborted <- code }
	return e
}

func TestTheFirstSignalEndsTheRunAndTheSecondTheProcess(t *testing.T) {
	a, _, _ := newApp()
	n := &notifier{}
	a.env = n.env(a.env)
	ctx, stop := a.endBySignal(context.Background())
	if ctx.Err() != nil {
		t.Fatal("ended before any signal")
	}
	n.to <- syscall.SIGINT
	<-ctx.Done()
	n.to <- syscall.SIGTERM
	if code := <-n.aborted; code != ExitInterrupted {
		t.Errorf("aborted with %d", code)
	}
	stop()
	if !n.stopped {
		t.Error("signals are still asked for")
	}
}

func TestWithoutASignalNothingEnds(t *testing.T) {
	a, _, _ := newApp()
	n := &notifier{}
	a.env = n.env(a.env)
	ctx, stop := a.endBySignal(context.Background())
	if ctx.Err() != nil {
		t.Error("ended")
	}
	stop()
	if ctx.Err() == nil || len(n.aborted) != 0 {
		t.Error("stop does not end the context, or aborts")
	}
}

func TestTheAttachedLineSaysHowItEnds(t *testing.T) {
	n := session.Attached{Probes: 3, Targets: 1, Programs: 4}
	for _, row := range []struct {
		name string
		opts applyOptions
		want string
	}{
		{"by Ctrl-C", applyOptions{}, "Attached 3 probes to 1 target in 14 ms. Ctrl-C ends."},
		{"by time", applyOptions{duration: 10 * time.Second}, "Attached 3 probes to 1 target in 14 ms. Ends after 10s."},
		{"by command", applyOptions{duration: time.Second, command: "true"}, "Attached 3 probes to 1 target in 14 ms. Ends with the command."},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := attachedLine(n, 14*time.Millisecond, &row.opts); got != row.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestHowACommandEndedIsReported(t *testing.T) {
	for _, row := range []struct {
		name, command string
		early         bool
		want          string
	}{
		{"well", "true", false, "The command ended with exit code 0.\n"},
		{"with a code", "exit 7", false, "The command ended with exit code 7.\n"},
		{"by a signal", "kill -KILL $$", false, "The command was ended by a signal: killed.\n"},
		{"with tracing", "exec sleep 100", true, "The command was ended with tracing (terminated).\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			a, _, stderr := newApp("PATH=" + os.Getenv("PATH"))
			c, err := (&run{app: a, opts: &applyOptions{command: row.command}}).startCommand()
			if err != nil {
				t.Fatal(err)
			}
			if !row.early {
				<-c.done
			}
			c.stop()
			c.tell(a)
			if stderr.String() != row.want {
				t.Errorf("got %q, want %q", stderr, row.want)
			}
		})
	}
}

func TestWithoutACommandNothingIsSaid(t *testing.T) {
	a, _, stderr := newApp()
	c, err := (&run{app: a, opts: &applyOptions{}}).startCommand()
	if err != nil || c.ended() {
		t.Fatalf("error %v, ended %v", err, c.ended())
	}
	c.stop()
	c.tell(a)
	if stderr.Len() != 0 {
		t.Errorf("said %q", stderr)
	}
}

func TestTurnsEndAtTheNextEvent(t *testing.T) {
	start := time.Unix(100, 0)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	for _, row := range []struct {
		name     string
		now      int
		duration time.Duration
		next     []int // ms, of tables; 0: printed at the end
		want     int
		ends     bool
	}{
		{"nothing soon", 0, 0, nil, 50, false},
		{"a table soon", 0, 0, []int{0, 400, 20}, 20, false},
		{"the end soon", 990, time.Second, []int{2000}, 1000, true},
		{"the end and a table at once", 990, time.Second, []int{1000}, 1000, true},
		{"the end is past", 1200, time.Second, nil, 1000, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			a, _, _ := newApp()
			a.env.Now = func() time.Time { return at(row.now) }
			r := &run{app: a, opts: &applyOptions{duration: row.duration}}
			for _, n := range row.next {
				every := time.Duration(0)
				if n > 0 {
					every = time.Second
				}
				r.tables = append(r.tables, &shownTable{every: every, next: at(n)})
			}
			if until, ends := r.turn(start); !until.Equal(at(row.want)) || ends != row.ends {
				t.Errorf("until %v, ends %v", until.Sub(start), ends)
			}
		})
	}
}

// refusing are facts of a process that may not look.
type refusing struct{ facts.Facts }

func (refusing) Feature(facts.Feature) error          { return fmt.Errorf("no: %w", fs.ErrPermission) }
func (refusing) Tracepoints() ([]string, error)       { return nil, errors.New("not mounted") }
func (refusing) Symbol(string) (uint64, error)        { return 0, fs.ErrPermission }
func (refusing) Functions() ([]facts.Function, error) { return nil, fs.ErrPermission }

func TestWhatMayNotBeKnownIsUnknown(t *testing.T) {
	u := unprivileged{refusing{}}
	if err := u.Feature(facts.Kprobe); !errors.Is(err, facts.ErrUnknown) {
		t.Error(err)
	}
	if _, err := u.Symbol("x"); !errors.Is(err, facts.ErrUnknown) {
		t.Error(err)
	}
	if _, err := u.Functions(); !errors.Is(err, facts.ErrUnknown) {
		t.Error(err)
	}
	if err := (unprobed{refusing{}}).Feature(facts.Kprobe); !errors.Is(err, facts.ErrUnknown) {
		t.Error(err)
	}
	if _, err := u.Tracepoints(); err == nil || errors.Is(err, facts.ErrUnknown) {
		t.Errorf("another error became %v", err)
	}
}

func TestFindingsOfSeveralKernelsAreMerged(t *testing.T) {
	d := func(line int, text string) *hcl.Diagnostic {
		return &hcl.Diagnostic{Summary: "s", Detail: text, Subject: &hcl.Range{Filename: "a", Start: hcl.Pos{Line: line}}}
	}
	got := mergeKernels([]string{"6.1", "6.12"}, []hcl.Diagnostics{{d(1, "Both."), d(2, "One.")}, {d(1, "Both.")}})
	if len(got) != 2 || got[0].Detail != "Both." || got[1].Detail != "One. It is so with the kernel types in 6.1." {
		t.Errorf("got %v", got)
	}
	if got := mergeKernels(nil, []hcl.Diagnostics{{d(1, "Here.")}}); len(got) != 1 || got[0].Detail != "Here." {
		t.Errorf("got %v", got)
	}
}

func TestCatalogSpecsAreFoundByName(t *testing.T) {
	const text = "probe \"syscall\" \"opens\" {\n  target = \"openat\"\n}\n"
	catalog := fstest.MapFS{
		"files/opensnoop.hcl":      {Data: []byte(text)},
		"files/opensnoop.test.hcl": {Data: []byte("no spec")},
		"block/biolatency.hcl":     {Data: []byte(text)},
	}
	for _, row := range []struct{ name, want, err string }{
		{"opensnoop", "catalog:files/opensnoop", ""},
		{"files/opensnoop", "catalog:files/opensnoop", ""},
		{"opensnop", "", "did you mean catalog:opensnoop?"},
		{"files", "", "has no spec \"files\""},
		{"opensnoop.test", "", "has no spec"},
	} {
		t.Run(row.name, func(t *testing.T) {
			a, _, _ := newApp()
			a.env.Catalog = catalog
			files, diags := a.readSpecs([]string{catalogPrefix + row.name})
			switch {
			case row.err != "":
				if !diags.HasErrors() || !strings.Contains(diags[0].Detail, row.err) {
					t.Errorf("diagnostics %v, want %q", diags, row.err)
				}
			case len(diags) > 0 || len(files.sources) != 1 || files.sources[0].Name != row.want || string(files.sources[0].Bytes) != text:
				t.Errorf("files %v, diagnostics %v", files, diags)
			}
		})
	}
}

func TestAFileNamedTwiceIsReadOnce(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a.hcl")
	for _, file := range []string{name, filepath.Join(dir, "tracer.vars.hcl")} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a, _, _ := newApp()
	files, diags := a.readSpecs([]string{name, dir, dir + "/./a.hcl"})
	if len(diags) > 0 || len(files.sources) != 1 || len(files.values) != 1 {
		t.Errorf("%d sources, %d files of values, diagnostics %v", len(files.sources), len(files.values), diags)
	}
}

// sealed is a machine whose tracefs may not be read.
type sealed struct{ *facts.Recorded }

func (sealed) Tracepoints() ([]string, error) {
	return nil, fmt.Errorf("tracepoints: %w", fs.ErrPermission)
}

func TestTargetsThatMayNotBeReadAreNotCalledAbsent(t *testing.T) {
	a, out, _ := newApp()
	a.env.Facts = sealed{&facts.Recorded{}}
	if err := a.listTypes(); err != nil {
		t.Fatal(err)
	}
	if want := "tracepoint      not known: tracepoints: permission denied\n"; !strings.Contains(out.String(), want) {
		t.Errorf("got %s\nwant %s", out, want)
	}
}
