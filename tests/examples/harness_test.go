package examples

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// workName is what the measured threads of the workloads are called.
const workName = "myapp"

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "work" {
		os.Exit(work(os.Args[2], os.Args[3:]))
	}
	os.Exit(m.Run())
}

// programs are what the tests run.
type programs struct {
	tracer, workloads, self string
	postgres                string
}

// needPrograms skips without root, and fails without the programs.
func needPrograms(t *testing.T) programs {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: attaches probes")
	}
	return findPrograms(t)
}

// findPrograms finds the programs, which need not be run as root.
func findPrograms(t *testing.T) programs {
	t.Helper()
	p := programs{tracer: os.Getenv("TRACER_BIN"), workloads: os.Getenv("TRACER_WORKLOADS")}
	if p.tracer == "" {
		p.tracer = filepath.Join("..", "..", "bin", "tracer")
	}
	if p.workloads == "" {
		p.workloads = filepath.Join("..", "..", "bin", "workload")
	}
	for _, file := range []*string{&p.tracer, &p.workloads} {
		absolute, err := filepath.Abs(*file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(absolute); err != nil {
			t.Fatalf("%v (make build workloads makes it)", err)
		}
		*file = absolute
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p.self = self
	servers, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(servers) == 0 {
		t.Fatalf("no PostgreSQL (%v): tests/workload/deps installs it", err)
	}
	p.postgres = servers[0]
	return p
}

// needKprobes skips a test where the kernel has no kprobes, unless
// TRACER_REQUIRE says that it must have them.
func needKprobes(t *testing.T) {
	t.Helper()
	if hasKprobes() {
		return
	}
	if slices.Contains(strings.Split(os.Getenv("TRACER_REQUIRE"), ","), "kprobe") {
		t.Fatal("this kernel must have kprobe, and does not")
	}
	t.Skip("this kernel has no kprobe: runs in make test-vm")
}

func hasKprobes() bool {
	_, err := os.Stat("/sys/bus/event_source/devices/kprobe")
	return err == nil
}

// command fills a workload's command: WORK is this program's own workload, TW
// the folder of the workloads, NAME the name of their measured threads, FREEPORT
// a port that was free, POSTGRES Debian's program.
func (p programs) command(text, port string) string {
	return strings.NewReplacer(
		"WORK ", p.self+" work ", "TW/", p.workloads+"/", "NAME", workName, "FREEPORT", port,
		"POSTGRES", p.postgres).Replace(text)
}

// output is the JSON lines of one run.
type output struct {
	events []line
	tables []line
	// taken is, by probe, the events that were not skipped.
	taken map[string]int
	text  string // as it came
	said  string // on standard error
}

var exitCode = regexp.MustCompile(`The command ended with exit code (\d+)`)

// row is one row of a table.
type row struct{ By, Values map[string]any }

type line struct {
	Type      string
	Probe     string
	Fields    map[string]any
	Aggregate string
	Rows      []row
	Probes    json.RawMessage
}

// apply runs tracer around a command and reads what it shows.
func (p programs) apply(t *testing.T, args ...string) output {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.tracer, append([]string{"apply", "-o", "json"}, args...)...)
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, stderr.String())
	}
	out := output{taken: map[string]int{}, text: stdout.String(), said: stderr.String()}
	summary := false
	for text := range bytes.Lines(stdout.Bytes()) {
		if !bytes.HasPrefix(text, []byte(`{"type":`)) {
			continue // the command's own output
		}
		var l line
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&l); err != nil {
			t.Fatalf("output is not JSON: %v\n%s", err, text)
		}
		switch l.Type {
		case "event":
			out.events = append(out.events, l)
		case "table":
			out.tables = append(out.tables, l)
		case "summary":
			summary = true
			var probes map[string]struct{ Events, Skipped, Lost int }
			if err := json.Unmarshal(l.Probes, &probes); err != nil {
				t.Fatalf("summary: %v\n%s", err, text)
			}
			for name, c := range probes {
				out.taken[name] = c.Events - c.Skipped
				if c.Lost != 0 {
					t.Errorf("%s: %d events lost", name, c.Lost)
				}
			}
		}
	}
	if code := exitCode.FindStringSubmatch(out.said); code != nil && code[1] != "0" {
		t.Fatalf("the command ended with %s:\n%.2000s", code[1], out.said)
	}
	if !summary {
		t.Fatalf("no summary in the output of %s:\n%.2000s\n%.2000s", strings.Join(cmd.Args, " "), out.text, out.said)
	}
	return out
}

// want is a row that must be there: in a table, or streamed by a probe.
type want struct {
	table string // "": a streamed row
	// has are columns with their values: "5", "text", ">=5", "~text" (contains).
	// "column.count" is that member of a histogram.
	has map[string]string
	// sums are columns with what the rows that have these columns must add up to.
	sums map[string]uint64
	// times is how many rows there are with these columns; 0: any number but none.
	times int
}

// missing says what is wrong, or "".
func (w want) missing(out output) string {
	var candidates []map[string]any
	if w.table == "" {
		for _, e := range out.events {
			candidates = append(candidates, e.Fields)
		}
	}
	for _, table := range out.tables {
		if table.Aggregate != w.table {
			continue
		}
		for _, r := range table.Rows {
			all := map[string]any{}
			for _, columns := range []map[string]any{r.By, r.Values} {
				for name, value := range columns {
					all[name] = value
				}
			}
			candidates = append(candidates, all)
		}
	}
	found := 0
	sums := map[string]uint64{}
	for _, columns := range candidates {
		if !w.matches(columns) {
			continue
		}
		found++
		for name := range w.sums {
			n, err := strconv.ParseUint(fmt.Sprint(columns[name]), 10, 64)
			if err != nil {
				return fmt.Sprintf("column %s of %v: %v", name, columns, err)
			}
			sums[name] += n
		}
	}
	switch {
	case !maps.Equal(sums, w.sums) && found > 0:
		return fmt.Sprintf("%d rows with %v add up to %v, want %v:\n%s", found, w.has, sums, w.sums, sample(candidates))
	case found == 0:
		return fmt.Sprintf("no row of %q has %v among %d:\n%s", w.table, w.has, len(candidates), sample(candidates))
	case w.times != 0 && found != w.times:
		return fmt.Sprintf("%d rows have %v, want %d:\n%s", found, w.has, w.times, sample(candidates))
	}
	return ""
}

func (w want) matches(columns map[string]any) bool {
	for name, wanted := range w.has {
		outer, inner, nested := strings.Cut(name, ".")
		value, ok := columns[outer]
		if nested {
			members, _ := value.(map[string]any)
			value, ok = members[inner]
		}
		if !ok || !matches(value, wanted) {
			return false
		}
	}
	return true
}

func matches(value any, wanted string) bool {
	got := fmt.Sprint(value)
	if least, ok := strings.CutPrefix(wanted, ">="); ok {
		a, err := strconv.ParseFloat(got, 64)
		b, err2 := strconv.ParseFloat(least, 64)
		return err == nil && err2 == nil && a >= b
	}
	if part, ok := strings.CutPrefix(wanted, "~"); ok {
		return strings.Contains(got, part)
	}
	return got == wanted
}

func sample(candidates []map[string]any) string {
	var b strings.Builder
	for i, c := range candidates {
		if i == 30 {
			fmt.Fprintf(&b, "… %d more\n", len(candidates)-i)
			break
		}
		text, err := json.Marshal(c)
		if err != nil {
			text = []byte(errors.Join(err).Error())
		}
		fmt.Fprintf(&b, "  %s\n", text)
	}
	return b.String()
}
