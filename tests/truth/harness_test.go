package truth

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Where the programs under test are.
type programs struct {
	tracer    string
	workloads string
}

func findPrograms() (programs, error) {
	p := programs{tracer: os.Getenv("TRACER_BIN"), workloads: os.Getenv("TRACER_WORKLOADS")}
	if p.tracer == "" {
		p.tracer = filepath.Join("..", "..", "bin", "tracer")
	}
	if p.workloads == "" {
		p.workloads = filepath.Join("..", "..", "bin", "workload")
	}
	for _, path := range []*string{&p.tracer, &p.workloads} {
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return p, err
		}
		if _, err := os.Stat(absolute); err != nil {
			return p, fmt.Errorf("%w (make build workloads makes it)", err)
		}
		*path = absolute
	}
	return p, nil
}

// own is a copy of the workloads for this process alone: user probes are on
// files, and so two runs of these tests at once do not see each other.
var own struct {
	sync.Once
	dir string
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if own.dir != "" {
		if err := os.RemoveAll(own.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// needPrograms skips without root, and fails without the programs.
func needPrograms(t testing.TB) programs {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: attaches probes")
	}
	p, err := findPrograms()
	if err != nil {
		t.Fatal(err)
	}
	own.Do(func() {
		if own.dir, own.err = os.MkdirTemp("", "workload-"); own.err == nil {
			own.err = os.CopyFS(own.dir, os.DirFS(p.workloads))
		}
	})
	if own.err != nil {
		t.Fatal(own.err)
	}
	p.workloads = own.dir
	return p
}

// need skips a test whose feature the kernel lacks, unless TRACER_REQUIRE
// names it.
func need(t testing.TB, feature string, has bool) {
	t.Helper()
	if has {
		return
	}
	if slices.Contains(strings.Split(os.Getenv("TRACER_REQUIRE"), ","), feature) {
		t.Fatalf("this kernel must have %s, and does not", feature)
	}
	t.Skipf("this kernel has no %s: runs in make test-vm", feature)
}

// needDebugInformation skips a test while tracer does not read the names and
// types of user functions from DWARF.
func needDebugInformation(t testing.TB) {
	t.Helper()
	p := needPrograms(t)
	spec := filepath.Join(t.TempDir(), "spec.hcl")
	text := fmt.Sprintf("probe \"uprobe\" \"p\" {\n  binary = %q\n  target = \"tw_value\"\n  where = args.index > 0\n}\n",
		filepath.Join(p.workloads, "tw-functions"))
	if err := os.WriteFile(spec, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if exec.CommandContext(t.Context(), p.tracer, "validate", spec).Run() != nil {
		t.Skip("this version of tracer does not read debug information")
	}
}

// scaled is how many events a test makes: n, or a small part of it with -short.
func scaled(n int) int {
	if testing.Short() {
		return n / 20
	}
	return n
}

// limit is how long one run of tracer may take.
func limit() time.Duration {
	if testing.Short() {
		return 4 * time.Minute // emulated
	}
	return time.Minute
}

// run is one run of tracer around one run of a workload.
type run struct {
	// spec is HCL. WORKLOADS in it stands for the workloads' folder, and "truth"
	// for the name of the measured threads, which is another in every run: two
	// runs at once do not see each other.
	spec string
	// workload is its program and arguments, separated by blanks.
	workload string
	// before is shell text that precedes the workload in its command.
	before string
	// flags are for tracer apply.
	flags []string
}

// result is what came of a run.
type result struct {
	output
	truth  map[string]json.RawMessage
	stderr string
}

// do runs tracer and the workload, which must both succeed.
func (r run) do(t *testing.T) result {
	t.Helper()
	s := r.start(t)
	return s.wait(t)
}

// notYet is the error for what belongs to the language but is not in this
// version: the tests of it are there, and listed as skipped.
var notYet = regexp.MustCompile(`This version of tracer does not have (.*) yet`)

// started is a run under way.
type started struct {
	run            run
	name           string // of the measured threads
	cmd            *exec.Cmd
	done           chan struct{} // closed when cmd has ended
	err            error         // of cmd, after done
	stdout, stderr bytes.Buffer
	truthFile      string
	cancel         context.CancelFunc
	ctx            context.Context
}

// start starts tracer, which starts the workload once its probes are attached.
// options are the workload's, before its scenario.
func (r run) start(t *testing.T, options ...string) *started {
	t.Helper()
	p := needPrograms(t)
	dir := tempDir(t)
	s := &started{run: r, name: fmt.Sprintf("truth-%08x", rand.Uint32()), truthFile: filepath.Join(dir, "truth.json"), done: make(chan struct{})}
	s.run.spec = strings.NewReplacer("WORKLOADS", p.workloads, `"truth"`, strconv.Quote(s.name)).Replace(r.spec)
	spec := filepath.Join(dir, "spec.hcl")
	if err := os.WriteFile(spec, []byte(s.run.spec), 0o644); err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(r.workload)
	command := slices.Concat([]string{filepath.Join(p.workloads, words[0]), "-o", s.truthFile, "-n", s.name}, options, words[1:])
	args := slices.Concat([]string{"apply", "-o", "json", "-c", r.before + strings.Join(command, " ")}, r.flags, []string{spec})
	s.ctx, s.cancel = context.WithTimeout(t.Context(), limit())
	s.cmd = exec.CommandContext(s.ctx, p.tracer, args...)
	s.cmd.Stdout, s.cmd.Stderr = &s.stdout, &s.stderr
	s.cmd.WaitDelay = 5 * time.Second
	t.Cleanup(func() {
		s.cancel()
		if s.cmd.Process != nil {
			<-s.done
		}
		if t.Failed() {
			t.Logf("command: %s\nspec:\n%s\nstderr:\n%s", strings.Join(s.cmd.Args, " "), numbered(s.run.spec), s.stderr.String())
		}
	})
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.done)
	}()
	return s
}

// wait waits for tracer to end, and reads what came.
func (s *started) wait(t *testing.T) result {
	t.Helper()
	<-s.done
	if s.ctx.Err() != nil {
		t.Fatalf("tracer did not end within %s", limit())
	}
	if what := notYet.FindStringSubmatch(s.stderr.String()); s.err != nil && what != nil {
		t.Skipf("this version of tracer has no %s", what[1])
	}
	if s.err != nil {
		t.Fatalf("tracer: %v", s.err)
	}
	r := result{output: parseOutput(t, bytes.ReplaceAll(s.stdout.Bytes(), []byte(s.name), []byte("truth"))), stderr: s.stderr.String()}
	text, err := os.ReadFile(s.truthFile)
	if err != nil {
		t.Fatalf("the workload wrote nothing: %v", err)
	}
	if err := json.Unmarshal(text, &r.truth); err != nil {
		t.Fatalf("the workload's truth: %v\n%s", err, text)
	}
	return r
}

// number is a member of the truth, as decimal text.
func (r result) number(t *testing.T, name string) string {
	t.Helper()
	var text string
	if err := json.Unmarshal(r.truth[name], &text); err != nil {
		t.Fatalf("truth %s: %v", name, err)
	}
	return text
}

// bytes is a member of the truth that is bytes in hexadecimal.
func (r result) bytes(t *testing.T, name string) string {
	t.Helper()
	return unhex(t, string(bytes.Trim(r.truth[name], `"`)))
}

// hexes is a member of the truth that is a list of such.
func (r result) hexes(t *testing.T, name string) []string {
	t.Helper()
	var all []string
	if err := json.Unmarshal(r.truth[name], &all); err != nil {
		t.Fatalf("truth %s: %v", name, err)
	}
	for i := range all {
		all[i] = unhex(t, all[i])
	}
	return all
}

func unhex(t *testing.T, s string) string {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// tempDir is like t.TempDir, but its name has nothing that a shell minds.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "truth-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func numbered(text string) string {
	var b strings.Builder
	for i, line := range strings.Split(strings.Trim(text, "\n"), "\n") {
		fmt.Fprintf(&b, "%3d  %s\n", i+1, line)
	}
	return b.String()
}
