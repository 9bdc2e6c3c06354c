package examples

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"tracer/specs"
)

// example is a run of a spec of the catalog, and what it must show.
type example struct {
	spec    string
	kprobes bool // needs them
	vars    []string
	command string
	wants   []want
}

// A session of TLS within one program: 1005 bytes there, none back.
const pythonTLS = `/usr/bin/python3 -c '
import ssl, subprocess, tempfile, os
d = tempfile.mkdtemp()
subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
  "-nodes", "-keyout", d + "/key", "-out", d + "/cert", "-subj", "/CN=example", "-days", "2"], check=True, stderr=subprocess.DEVNULL)
server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
server.load_cert_chain(d + "/cert", d + "/key")
client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
to, back = ssl.MemoryBIO(), ssl.MemoryBIO()
a, b = client.wrap_bio(back, to), server.wrap_bio(to, back, server_side=True)
left = [a, b]
while left:
  for x in list(left):
    try:
      x.do_handshake()
      left.remove(x)
    except ssl.SSLWantReadError:
      pass
a.write(b"x" * 5)
a.write(b"y" * 1000)
assert len(b.read(5)) + len(b.read(1000)) == 1005
os.unlink(d + "/key"), os.unlink(d + "/cert"), os.rmdir(d)'`

// Programs under a name that nobody else has, so that others do not count: a
// shell that ends as told, and one that sleeps.
const (
	ends = `d=$(mktemp -d); ln -s /bin/sh $d/NAME
$d/NAME -c 'exit 3'; $d/NAME -c 'kill -9 $$'; $d/NAME -c true; rm -r $d`
	sleeps = `d=$(mktemp -d); ln -s /bin/sleep $d/NAME; $d/NAME 0.05; $d/NAME 0.2; rm -r $d`
)

// A server of its own, without network, that reads statements from its input. It
// refuses to be run by root, and runs many statements to make a database.
const postgres = `d=$(mktemp -d); chown postgres $d
as="setpriv --reuid=postgres --regid=postgres --clear-groups"
$as $(dirname POSTGRES)/initdb -N -D $d/db >/dev/null 2>&1
printf 'SELECT 42\nSELECT 42\nSELECT nonsense\n' | $as POSTGRES --single -D $d/db postgres >/dev/null 2>&1
rm -r $d`

// What throws ends the child that called it.
const throws = `/usr/bin/python3 -c '
import ctypes, os
for f in "20__throw_length_errorPKc", "20__throw_length_errorPKc", "20__throw_out_of_rangePKc":
  if os.fork() == 0:
    os.close(2)
    getattr(ctypes.CDLL("libstdc++.so.6"), "_ZSt" + f)(b"example")
  os.wait()'`

var examples = []example{
	{
		spec: "block/biosize", command: "WORK disk 20", vars: []string{"top=50"},
		wants: []want{{table: "requests", has: map[string]string{"comm": workName, "kind": "read", "bytes.count": "20", "total": "1310720"}}},
	},
	{
		spec: "files/filetop", kprobes: true, command: "WORK files 10 5000", vars: []string{"comm=" + workName},
		wants: []want{{table: "files", has: map[string]string{"comm": workName, "file": "example-file", "reads": "10", "writes": "10", "read": "50000", "written": "50000", "total": "100000"}}},
	},
	{
		spec: "files/opens", command: "WORK opens 7 /etc/passwd", vars: []string{"comm=" + workName},
		wants: []want{
			{table: "opens", has: map[string]string{"comm": workName, "path": "/etc/passwd", "opens": "7", "failed": "0"}},
			{table: "opens", has: map[string]string{"comm": workName, "path": "/nonexistent/example", "opens": "7", "failed": "7"}},
		},
	},
	{
		spec: "files/opens", command: `/usr/bin/python3 -c 'import ctypes; ctypes.CDLL(None).creat(b"/nonexistent/created", 0o600)'`,
		vars:  []string{"comm=python3", "top=1000000"},
		wants: []want{{table: "opens", has: map[string]string{"comm": "python3", "path": "/nonexistent/created", "opens": "1", "failed": "1"}}},
	},
	{
		spec: "files/readsize", command: "WORK vectors 9", vars: []string{"comm=" + workName},
		wants: []want{{table: "reads", has: map[string]string{"comm": workName, "bytes.count": "9", "bytes.sum": "270"}}},
	},
	{
		spec: "files/readsize", command: "TW/tw-syscalls -n NAME sizes 10 0 1 4096", vars: []string{"comm=" + workName},
		wants: []want{{table: "reads", has: map[string]string{"comm": workName, "bytes.count": "30", "bytes.sum": "40970"}}},
	},
	{
		spec: "files/rwsize", command: "TW/tw-syscalls -n NAME sizes 10 0 1 4096", vars: []string{"comm=" + workName},
		wants: []want{{table: "transfers", has: map[string]string{"comm": workName, "total": "81940", "read_sizes.count": "20", "write_sizes.count": "20"}}},
	},
	{
		spec: "files/vfscount", kprobes: true, command: "TW/tw-syscalls -n NAME sizes 10 1 4096", vars: []string{"comm=" + workName},
		wants: []want{
			{table: "calls", has: map[string]string{"function": "vfs_read", "calls": "20"}},
			{table: "calls", has: map[string]string{"function": "vfs_write", "calls": "20"}},
		},
	},
	{
		spec: "memory/faults", command: "TW/tw-events -n NAME faults 500", vars: []string{"comm=" + workName},
		wants: []want{{table: "faults", has: map[string]string{"comm": workName, "faults": "500", "reads": "0", "writes": "500", "code": "0", "kernel": "0", "protection": "0"}}},
	},
	{
		spec: "memory/faults", command: "TW/tw-events -n NAME kernel-faults 500", vars: []string{"comm=" + workName},
		wants: []want{{table: "faults", has: map[string]string{"comm": workName, "faults": "500", "reads": "0", "writes": "500", "code": "0", "kernel": "500", "protection": "0"}}},
	},
	{
		spec: "network/tcpbytes", kprobes: true, command: "WORK talk 5 1000 FREEPORT", vars: []string{"comm=" + workName},
		wants: []want{
			{table: "peers", has: map[string]string{"comm": workName, "peer": "127.0.0.1", "port": "FREEPORT", "sent": "5000", "received": "0"}},
			{table: "peers", has: map[string]string{"comm": workName, "peer": "127.0.0.1", "sent": "0", "received": "5000"}},
		},
	},
	{
		spec: "network/tcpconnect", command: "WORK connect 3 FREEPORT", vars: []string{"comm=" + workName, "port=FREEPORT"},
		wants: []want{{times: 3, has: map[string]string{"comm": workName, "from": "127.0.0.1", "to": "127.0.0.1", "port": "FREEPORT"}}},
	},
	{
		spec: "network/tcpretrans", command: "WORK retransmit FREEPORT", vars: []string{"port=FREEPORT"},
		wants: []want{{table: "retransmits", has: map[string]string{"to": "127.0.0.1", "port": "FREEPORT", "state": "SYN_SENT", "segments": "1"}}},
	},
	{
		spec: "process/execsnoop", command: "/bin/echo one two; (exec /nonexistent/program) 2>/dev/null || true",
		wants: []want{{times: 1, has: map[string]string{"comm": "echo", "args": "/bin/echo one two"}}},
	},
	{
		spec: "process/exitsnoop", command: ends, vars: []string{"failed=true", "comm=" + workName},
		wants: []want{
			{times: 2},
			{times: 1, has: map[string]string{"comm": workName, "code": "3", "signal": "<nil>"}},
			{times: 1, has: map[string]string{"comm": workName, "code": "0", "signal": "SIGKILL", "age": ">=1000"}},
		},
	},
	{
		spec: "process/lifetimes", command: sleeps, vars: []string{"comm=" + workName},
		wants: []want{{table: "lifetimes", has: map[string]string{"comm": workName, "lived.count": "2", "lived.sum": ">=250000000", "longest": ">=200000000"}}},
	},
	{
		spec: "process/signals", command: "TW/tw-events -n NAME signals 10", vars: []string{`signals=["SIGUSR1", "SIGUSR2"]`},
		wants: []want{
			{table: "signals", has: map[string]string{"signal": "SIGUSR1", "from": workName, "to": workName, "sent": "10", "delivered": "10"}},
			{table: "signals", has: map[string]string{"signal": "SIGUSR2", "from": workName, "to": workName, "sent": "10", "delivered": "0"}},
		},
	},
	{
		spec: "sched/switches", command: "TW/tw-events -n NAME wakes 100", vars: []string{"comm=" + workName},
		wants: []want{{table: "switches", has: map[string]string{"comm": workName, "waited": "100"}}},
	},
	{
		spec: "sched/wakeups", command: "TW/tw-events -n NAME wakes 100", vars: []string{"comm=" + workName},
		wants: []want{{table: "wakeups", has: map[string]string{"waker": "waker", "woken": workName, "wakeups": "100", "new": "0"}}},
	},
	{
		spec: "syscalls/syscount", command: "TW/tw-syscalls -n NAME getppid 5000 1", vars: []string{"comm=" + workName},
		wants: []want{
			{table: "syscalls", has: map[string]string{"syscall": "getppid", "calls": "5000"}},
			// Named by one call of prctl, until another.
			{table: "syscalls", has: map[string]string{"syscall": "prctl", "calls": "1"}},
			{table: "processes", has: map[string]string{"comm": workName, "calls": "5001"}},
		},
	},
	{
		spec: "syscalls/syserrors", command: "TW/tw-syscalls -n NAME close -1 -2147483648", vars: []string{"comm=" + workName},
		wants: []want{{table: "failures", has: map[string]string{"comm": workName, "syscall": "close", "error": "EBADF", "failed": "2"}}},
	},
	{
		spec: "syscalls/syslatency", command: sleeps, vars: []string{`syscalls=["clock_nanosleep"]`, "min_latency=100ms", "comm=" + workName},
		wants: []want{{table: "latency", has: map[string]string{"syscall": "clock_nanosleep", "calls": "1", "failed": "0", "total": ">=200000000", "max": ">=200000000"}}},
	},
	{
		spec: "user/dnslookups", command: "getent ahosts localhost",
		wants: []want{{times: 1, has: map[string]string{"comm": "getent", "result": "ok", "name": "localhost", "latency": ">=1000"}}},
	},
	{
		spec: "user/dnslookups", command: `/usr/bin/python3 -c 'import contextlib, socket
with contextlib.suppress(OSError): socket.getaddrinfo("example.invalid", None, 999)'`,
		wants: []want{{times: 1, has: map[string]string{"comm": "python3", "result": "EAI_FAMILY", "name": "example.invalid"}}},
	},
	{
		spec: "user/funccount", command: "TW/tw-functions fib 10 2", vars: []string{"binary=TW/tw-functions", `functions=["tw_fib"]`},
		wants: []want{{table: "calls", has: map[string]string{"function": "tw_fib", "calls": "354"}}},
	},
	{ // a program in Go
		spec: "user/funccount", command: "TW/tw-go words 50", vars: []string{"binary=TW/tw-go", `functions=["main.*"]`},
		wants: []want{{table: "calls", has: map[string]string{"function": "main.words", "calls": "50"}}},
	},
	{ // a library in C++
		spec: "user/funccount", command: throws, vars: []string{"binary=libstdc++", `functions=["_ZSt*__throw_*"]`},
		wants: []want{
			{table: "calls", has: map[string]string{"function": "_ZSt20__throw_length_errorPKc", "calls": "2"}},
			{table: "calls", has: map[string]string{"function": "_ZSt20__throw_out_of_rangePKc", "calls": "1"}},
		},
	},
	{
		spec: "user/cppexceptions", command: throws,
		wants: []want{
			{table: "exceptions", has: map[string]string{"comm": "python3", "type": "St12length_error", "thrown": "2"}},
			{table: "exceptions", has: map[string]string{"comm": "python3", "type": "St12out_of_range", "thrown": "1"}},
		},
	},
	{
		spec: "user/goroutines", command: "TW/tw-go -n NAME goroutines 1000", vars: []string{"binary=TW/tw-go"},
		wants: []want{
			{table: "goroutines", has: map[string]string{"comm": workName, "started": "1000"}},
			{table: "goroutines", sums: map[string]uint64{"ended": 1000}},
		},
	},
	{
		spec: "user/pgqueries", command: postgres, vars: []string{"binary=POSTGRES", "top=10000"},
		wants: []want{
			{table: "queries", has: map[string]string{"query": "SELECT 42\n", "started": "2"}},
			{table: "queries", has: map[string]string{"query": "SELECT nonsense\n", "started": "1"}},
		},
	},
	{
		spec: "user/funclatency", command: "TW/tw-functions value 100 1", vars: []string{"binary=TW/tw-functions", `functions=["tw_value"]`},
		wants: []want{{table: "latency", has: map[string]string{"function": "tw_value", "time.count": "100"}}},
	},
	{
		spec: "user/mallocsize", command: "TW/tw-events -n NAME mallocs 1000 3000", vars: []string{"top=100"},
		wants: []want{{table: "mallocs", has: map[string]string{"comm": workName, "requested.count": "1000", "total": "3000000"}}},
	},
	{
		spec: "user/pyimports", vars: []string{"top=500"},
		command: `/usr/bin/python3 -S -c 'import json
try:
  import nosuchmodule
except ImportError:
  pass'`,
		wants: []want{
			{table: "imports", has: map[string]string{"module": "json", "imports": "1", "missing": "0"}},
			{table: "imports", has: map[string]string{"module": "nosuchmodule", "imports": "1", "missing": "1"}},
		},
	},
	{
		spec: "user/sslbytes", command: pythonTLS,
		wants: []want{{table: "tls", has: map[string]string{"comm": "python3", "sent": "1005", "received": "1005", "writes": "2", "reads": "2"}}},
	},
}

func TestCatalogShowsWhatTheWorkloadDoes(t *testing.T) {
	p := needPrograms(t)
	for _, e := range examples {
		t.Run(e.spec, func(t *testing.T) {
			if e.kprobes {
				needKprobes(t)
			}
			port, err := freePort()
			if err != nil {
				t.Fatal(err)
			}
			args := []string{"-c", p.command(e.command, port)}
			for _, v := range e.vars {
				args = append(args, "-var", p.command(v, port))
			}
			out := p.apply(t, append(args, "catalog:"+e.spec)...)
			for _, w := range e.wants {
				has := map[string]string{}
				for name, value := range w.has {
					has[name] = strings.ReplaceAll(value, "FREEPORT", port)
				}
				w.has = has
				if problem := w.missing(out); problem != "" {
					t.Errorf("%s\n%s", problem, out.said)
				}
			}
		})
	}
}

// tracer starts the command and no other process.
func TestTracerIsNotAmongTheProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("seen on this machine")
	}
	p := needPrograms(t)
	out := p.apply(t, "-c", "echo started by $PPID", "catalog:exitsnoop")
	tracer := regexp.MustCompile(`(?m)^started by (\d+)$`).FindStringSubmatch(out.text)
	if tracer == nil {
		t.Fatalf("the command said nothing:\n%s", out.text)
	}
	var children []any
	for _, e := range out.events {
		if fmt.Sprint(e.Fields["ppid"]) == tracer[1] {
			children = append(children, e.Fields["comm"])
		}
	}
	if len(children) != 1 || children[0] != "sh" {
		t.Errorf("the processes that tracer started are %v, want sh", children)
	}
}

// catalogFiles are the files of the catalog.
func catalogFiles(t *testing.T) []string {
	t.Helper()
	files, err := fs.Glob(specs.FS, "*/*.hcl")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestEverySpecOfTheCatalogHasAnExample(t *testing.T) {
	tested := map[string]bool{}
	for _, e := range examples {
		tested[e.spec+".hcl"] = true
	}
	names := map[string]string{}
	for _, file := range catalogFiles(t) {
		if !tested[file] {
			t.Errorf("%s has no example here", file)
		}
		if other := names[filepath.Base(file)]; other != "" {
			t.Errorf("%s and %s have one name: catalog:NAME would be ambiguous", file, other)
		}
		names[filepath.Base(file)] = file
	}
	if len(names) < 20 {
		t.Errorf("the catalog has %d specs, want 20 at least", len(names))
	}
}

func TestSpecsOfTheCatalogReadWell(t *testing.T) {
	for _, file := range catalogFiles(t) {
		src, err := fs.ReadFile(specs.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range strings.Split(string(src), "\n") {
			if n := utf8.RuneCountInString(l); n > 80 {
				t.Errorf("%s:%d has %d columns, want 80 at most", file, i+1, n)
			}
		}
		for _, part := range []string{"\n  summary = \"", "\n  tags    = ["} {
			if !strings.Contains(string(src), part) {
				t.Errorf("%s has no line %q in its tracer block", file, strings.TrimSpace(part))
			}
		}
		variables := strings.Count(string(src), "\nvariable ")
		for _, attribute := range []string{"  description = ", "  type        = "} {
			if n := strings.Count(string(src), "\n"+attribute); n != variables {
				t.Errorf("%s has %d variables and %d lines with %q", file, variables, n, strings.TrimSpace(attribute))
			}
		}
	}
}

func TestCatalogListFitsATerminal(t *testing.T) {
	if testing.Short() {
		t.Skip("checked on this machine")
	}
	p := findPrograms(t)
	out, err := exec.Command(p.tracer, "catalog", "list").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if want := len(catalogFiles(t)); len(lines) != want {
		t.Errorf("%d lines, want %d", len(lines), want)
	}
	for _, l := range lines {
		if utf8.RuneCountInString(l) > 80 || len(strings.Fields(l)) < 3 {
			t.Errorf("this line is too long, or has no summary: %s", l)
		}
	}
}

func TestCatalogShowPrintsTheFile(t *testing.T) {
	if testing.Short() {
		t.Skip("checked on this machine")
	}
	p := findPrograms(t)
	for _, file := range catalogFiles(t) {
		want, err := fs.ReadFile(specs.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(p.tracer, "catalog", "show", strings.TrimSuffix(filepath.Base(file), ".hcl"))
		cmd.Stderr = os.Stderr
		if got, err := cmd.Output(); err != nil || string(got) != string(want) {
			t.Errorf("%s: %v, %s", file, err, fmt.Sprintf("%d bytes, want %d", len(got), len(want)))
		}
	}
}
