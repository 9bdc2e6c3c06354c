package truth

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
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
	// spec is HCL. WORKLOADS in it stands for the workloads' folder.
	spec string
	// workload is its program and arguments, separated by blanks.
	workload string
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
	cmd            *exec.Cmd
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
	dir := t.TempDir()
	s := &started{run: r, truthFile: filepath.Join(dir, "truth.json")}
	s.run.spec = strings.ReplaceAll(r.spec, "WORKLOADS", p.workloads)
	spec := filepath.Join(dir, "spec.hcl")
	if err := os.WriteFile(spec, []byte(s.run.spec), 0o644); err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(r.workload)
	command := slices.Concat([]string{filepath.Join(p.workloads, words[0]), "-o", s.truthFile}, options, words[1:])
	args := slices.Concat([]string{"apply", "-o", "json", "-c", strings.Join(command, " ")}, r.flags, []string{spec})
	s.ctx, s.cancel = context.WithTimeout(t.Context(), limit())
	s.cmd = exec.CommandContext(s.ctx, p.tracer, args...)
	s.cmd.Stdout, s.cmd.Stderr = &s.stdout, &s.stderr
	s.cmd.WaitDelay = 5 * time.Second
	t.Cleanup(func() {
		s.cancel()
		if t.Failed() {
			t.Logf("command: %s\nspec:\n%s\nstderr:\n%s", strings.Join(s.cmd.Args, " "), numbered(s.run.spec), s.stderr.String())
		}
	})
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

// wait waits for tracer to end, and reads what came.
func (s *started) wait(t *testing.T) result {
	t.Helper()
	err := s.cmd.Wait()
	if s.ctx.Err() != nil {
		t.Fatalf("tracer did not end within %s", limit())
	}
	if what := notYet.FindStringSubmatch(s.stderr.String()); err != nil && what != nil {
		t.Skipf("this version of tracer has no %s", what[1])
	}
	if err != nil {
		t.Fatalf("tracer: %v", err)
	}
	r := result{output: parseOutput(t, s.stdout.Bytes()), stderr: s.stderr.String()}
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

func numbered(text string) string {
	var b strings.Builder
	for i, line := range strings.Split(strings.Trim(text, "\n"), "\n") {
		fmt.Fprintf(&b, "%3d  %s\n", i+1, line)
	}
	return b.String()
}
