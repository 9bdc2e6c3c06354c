package truth

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf/btf"
)

// The most that tracer may take to see that a file lies: processor time, time
// on a busy machine, and memory.
const (
	hostileWork   = 30 * time.Second
	hostileTime   = 3 * time.Minute
	hostileMemory = 1 << 30
)

// bounded runs tracer with input that was made to harm it: the answer is yes or
// a clear no, neither a panic nor an endless one, and memory is bounded.
func bounded(t *testing.T, args ...string) outcome {
	t.Helper()
	p := needPrograms(t)
	ctx, cancel := context.WithTimeout(t.Context(), hostileTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.tracer, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Error(err)
		return outcome{}
	}
	got := outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	switch {
	case ctx.Err() != nil:
		t.Errorf("%v did not end within %s", args, hostileTime)
	case cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime() > hostileWork:
		t.Errorf("%v worked longer than %s", args, hostileWork)
	case got.code != 0 && got.code != 1, strings.Contains(got.stderr, "goroutine "), got.code == 1 && got.stderr == "", len(got.stderr) > 100_000:
		t.Errorf("%v: exit code %d, %d bytes of messages: %.3000s", args, got.code, len(got.stderr), got.stderr)
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok && usage.Maxrss > hostileMemory>>10 {
		t.Errorf("%v took %d MiB of memory, want %d at most", args, usage.Maxrss>>10, hostileMemory>>20)
	}
	return got
}

// lie is a change of a file.
type lie struct {
	name string
	tell func(*image)
	says string // part of the message; "": it may be seen or not
}

// image is an ELF file of 64 bits in memory.
type image struct {
	data []byte
	file *elf.File
}

func (i *image) put16(at uint64, n uint16) { binary.LittleEndian.PutUint16(i.data[at:], n) }
func (i *image) put32(at uint64, n uint32) { binary.LittleEndian.PutUint32(i.data[at:], n) }
func (i *image) put64(at, n uint64)        { binary.LittleEndian.PutUint64(i.data[at:], n) }

// header is the place of a section's header.
func (i *image) header(name string) uint64 {
	for n, s := range i.file.Sections {
		if s.Name == name {
			return binary.LittleEndian.Uint64(i.data[40:]) + 64*uint64(n)
		}
	}
	panic("the workload has no section " + name)
}

func (i *image) section(name string) *elf.Section { return i.file.Section(name) }

// segments calls f with the place of each program header.
func (i *image) segments(f func(at uint64)) {
	for n := range i.file.Progs {
		f(binary.LittleEndian.Uint64(i.data[32:]) + 56*uint64(n))
	}
}

// Offsets in headers of sections, symbols and notes.
const (
	shType, shOffset, shSize, shLink, shInfo, shEntry = 4, 24, 32, 40, 44, 56
	symSize                                           = 24
	notes                                             = ".note.stapsdt"
)

// huge are numbers that lengths and places are made.
var huge = []uint64{1, 1 << 31, 1<<32 - 1, 1 << 63, 1<<63 - 1, 1<<64 - 1, 1<<64 - 64}

// lies are what ELF files and USDT notes can say that is not so.
func lies() []lie {
	out := []lie{
		{"no sections", func(i *image) { i.put64(40, 0) }, ""},
		{"sections begin at the end", func(i *image) { i.put64(40, uint64(len(i.data))) }, ""},
		{"sections begin beyond everything", func(i *image) { i.put64(40, 1<<63) }, `section headers`},
		{"65535 sections", func(i *image) { i.put16(60, 65535) }, `section headers: 4194240 bytes`},
		{"65535 segments", func(i *image) { i.put16(56, 65535) }, `program headers: 65535 of 56 bytes are not believable`},
		{"sections of no size", func(i *image) { i.put16(58, 0) }, `section headers`},
		{"names are in no section", func(i *image) { i.put16(62, 65534) }, ""},
		{"names are in themselves", func(i *image) { i.put32(i.header(".shstrtab"), 0xffffffff) }, ""},
		{"symbols' names are in the symbols", func(i *image) { i.put32(i.header(".symtab")+shLink, uint32(i.index(".symtab"))) }, `has no function "main"`},
		{"symbols' names are in no section", func(i *image) { i.put32(i.header(".symtab")+shLink, 0xffff) }, ""},
		{"symbols of one byte", func(i *image) { i.put64(i.header(".symtab")+shEntry, 1) }, `symbol table .symtab`},
		{"notes are symbols", func(i *image) { i.put32(i.header(notes)+shType, uint32(elf.SHT_SYMTAB)) }, `symbol table .note.stapsdt`},
		{"notes are nowhere", func(i *image) { i.put32(i.header(notes)+shType, uint32(elf.SHT_NOBITS)) }, ""},
		{"everything is at one place", func(i *image) {
			for n := range i.file.Sections {
				i.put64(binary.LittleEndian.Uint64(i.data[40:])+64*uint64(n)+shOffset, 64)
			}
		}, ""},
		{"segments lie one on the other", func(i *image) {
			i.segments(func(at uint64) { i.put64(at+8, 0); i.put64(at+16, 0); i.put64(at+32, 1<<62); i.put64(at+40, 1<<62) })
		}, `its code is not in the file`},

		{"segments are nowhere", func(i *image) { i.segments(func(at uint64) { i.put64(at+8, 1<<63) }) }, `main cannot be probed: its code is not in the file`},
		{"segments at the end of memory", func(i *image) { i.segments(func(at uint64) { i.put64(at+16, 1<<64-1) }) }, ""},
		{"probes outside of any segment", func(i *image) {
			i.eachNote(func(desc uint64) { i.put64(desc, 0xdead00000000); i.put64(desc+16, 0xbeef00000000) })
		}, `its semaphore is not in the file`},

		{"probes at the end of memory", func(i *image) { i.eachNote(func(desc uint64) { i.put64(desc, 1<<64-1); i.put64(desc+8, 1) }) }, ""},
		{"probes without an end of their names", func(i *image) {
			s := i.section(notes)
			for at := s.Offset; at < s.Offset+s.Size; at++ {
				if i.data[at] == 0 && at > s.Offset+60 {
					i.data[at] = 'x'
				}
			}
		}, `is longer than its section`},

		{"functions at the end of memory", func(i *image) { i.eachSymbol(func(at uint64) { i.put64(at+8, 1<<64-1) }) }, `main cannot be probed: its code is not in the file`},
		{"functions as large as memory", func(i *image) { i.eachSymbol(func(at uint64) { i.put64(at+16, 1<<64-1) }) }, ""},
		{"functions without names", func(i *image) { i.eachSymbol(func(at uint64) { i.put32(at, 0xffffffff) }) }, ""},
		{"functions in no section", func(i *image) { i.eachSymbol(func(at uint64) { i.put16(at+6, 0xfeff) }) }, ""},
	}
	for _, n := range huge {
		for _, section := range []string{".symtab", ".strtab", ".dynsym", ".dynstr", ".shstrtab", notes, ".text", ".stapsdt.base"} {
			out = append(out,
				lie{fmt.Sprintf("%s is %#x long", section, n), func(i *image) { i.put64(i.header(section)+shSize, n) }, ""},
				lie{fmt.Sprintf("%s is at %#x", section, n), func(i *image) { i.put64(i.header(section)+shOffset, n) }, ""})
		}
		out = append(out,
			lie{fmt.Sprintf("a note's name is %#x long", uint32(n)), func(i *image) { i.put32(i.section(notes).Offset, uint32(n)) }, ""},
			lie{fmt.Sprintf("a note is %#x long", uint32(n)), func(i *image) { i.put32(i.section(notes).Offset+4, uint32(n)) }, ""},
			lie{fmt.Sprintf("%#x local symbols", uint32(n)), func(i *image) { i.put32(i.header(".symtab")+shInfo, uint32(n)) }, ""})
	}
	return out
}

func (i *image) index(name string) int {
	for n, s := range i.file.Sections {
		if s.Name == name {
			return n
		}
	}
	return 0
}

// eachNote calls f with the place of the addresses of each USDT note.
func (i *image) eachNote(f func(desc uint64)) {
	s := i.section(notes)
	for at := s.Offset; at+12 < s.Offset+s.Size; {
		name, desc := uint64(binary.LittleEndian.Uint32(i.data[at:])), uint64(binary.LittleEndian.Uint32(i.data[at+4:]))
		f(at + 12 + (name+3)&^3)
		at += 12 + (name+3)&^3 + (desc+3)&^3
	}
}

// eachSymbol calls f with the place of each symbol.
func (i *image) eachSymbol(f func(at uint64)) {
	s := i.section(".symtab")
	for at := s.Offset + symSize; at < s.Offset+s.Size; at += symSize {
		f(at)
	}
}

// userProbes mention all that is read of a binary.
const userProbes = `
probe "uprobe" "function" {
  binary = %[1]q
  target = "main"
}
probe "uretprobe" "functions" {
  binary = %[1]q
  target = "tw_*"
  optional = true
}
probe "usdt" "event" {
  binary = %[1]q
  target = "tw:args3"
}
probe "usdt" "events" {
  binary = %[1]q
  target = "*"
}
`

// tell runs tracer on a binary with some bytes changed.
func tell(t *testing.T, truth []byte, change func(*image)) outcome {
	t.Helper()
	dir := tempDir(t)
	i := &image{data: bytes.Clone(truth)}
	var err error
	if i.file, err = elf.NewFile(bytes.NewReader(truth)); err != nil {
		t.Error(err)
		return outcome{}
	}
	change(i)
	program, spec := filepath.Join(dir, "liar"), filepath.Join(dir, "spec.hcl")
	if err := errors.Join(os.WriteFile(program, i.data, 0o755), os.WriteFile(spec, fmt.Appendf(nil, userProbes, program), 0o644)); err != nil {
		t.Error(err)
		return outcome{}
	}
	return bounded(t, "validate", spec)
}

func binaryOfNotes(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(needPrograms(t).workloads, "tw-usdt"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestHostileBinaries(t *testing.T) {
	whole(t)
	truth := binaryOfNotes(t)
	if got := tell(t, truth, func(*image) {}); got.code != 0 {
		t.Fatalf("the truth: exit code %d, %s", got.code, got.stderr)
	}
	inParallel(t, lies(), func(l lie) {
		got := tell(t, truth, l.tell)
		if l.says != "" && (got.code != 1 || !strings.Contains(got.stderr, l.says)) {
			t.Errorf("%s: exit code %d, %q: want 1, and %q", l.name, got.code, got.stderr, l.says)
		}
		if testing.Verbose() {
			t.Logf("%s: %d %.300q", l.name, got.code, got.stderr)
		}
	})
}

// Names of functions that would steer a terminal, or break a line, are shown as
// what they are.
func TestHostileNamesOfFunctions(t *testing.T) {
	whole(t)
	truth := binaryOfNotes(t)
	program := filepath.Join(tempDir(t), "named\x1b[2J")
	named := bytes.Replace(truth, []byte("\x00frame_dummy\x00"), []byte("\x00frame\x1b[2J\nx\x00"), 1)
	if bytes.Equal(named, truth) {
		t.Fatal("the workload has no function frame_dummy")
	}
	spec := program + ".hcl"
	text := fmt.Appendf(nil, "probe \"uprobe\" \"u\" {\n  binary = \"%s\"\n  target = \"frame*\"\n}\n", strings.ReplaceAll(program, "\x1b", `\u001b`))
	if err := errors.Join(os.WriteFile(program, named, 0o755), os.WriteFile(spec, text, 0o644)); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		args []string
		says string
	}{
		{[]string{"list", "-binary", program, "uprobe", "frame*"}, `frame\x1b[2J\x0ax`},
		{[]string{"plan", spec}, `frame\x1b[2J\x0ax`},
		{[]string{"describe", "-binary", program, "uprobe", "frame*"}, `"frame\x1b[2J\nx"`},
		{[]string{"describe", "-binary", program + "/no", "uprobe", "frame*"}, `named\x1b[2J`},
		{[]string{"fmt", spec + "/no"}, `named\x1b[2J`},
	} {
		got := bounded(t, row.args...)
		if out := got.stdout + got.stderr; strings.Contains(out, "\x1b") || !strings.Contains(out, row.says) {
			t.Errorf("%q: %q, want %q in it and no escapes", row.args, out, row.says)
		}
	}
}

// inParallel does something with each of some things, on all processors.
func inParallel[T any](t *testing.T, all []T, do func(T)) {
	t.Helper()
	const workers = 4
	next := make(chan T)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for x := range next {
				do(x)
			}
		})
	}
	for _, x := range all {
		next <- x
	}
	close(next)
	wg.Wait()
}

// Binaries with random bytes changed where it hurts, and cut off.
func TestHostileBinariesAtRandom(t *testing.T) {
	whole(t)
	truth := binaryOfNotes(t)
	file, err := elf.NewFile(bytes.NewReader(truth))
	if err != nil {
		t.Fatal(err)
	}
	spans := [][2]uint64{{16, 64}, {64, 64 + 56*uint64(len(file.Progs))}, {binary.LittleEndian.Uint64(truth[40:]), uint64(len(truth))}}
	for _, name := range []string{notes, ".symtab", ".dynsym"} {
		s := file.Section(name)
		spans = append(spans, [2]uint64{s.Offset, s.Offset + s.Size})
	}
	var changes []func(*image)
	for seed := range uint64(150) {
		changes = append(changes, func(i *image) {
			r := rand.New(rand.NewPCG(seed, 1))
			for range 1 + r.IntN(8) {
				span := spans[r.IntN(len(spans))]
				i.data[span[0]+r.Uint64N(span[1]-span[0])] = []byte{0, 1, 0x7f, 0x80, 0xff, byte(r.Uint32())}[r.IntN(6)]
			}
		})
	}
	for n := range 50 {
		changes = append(changes, func(i *image) { i.data = i.data[:len(i.data)*n/50] })
	}
	inParallel(t, changes, func(change func(*image)) { tell(t, truth, change) })
}

// kernelTypes is a small kernel's BTF.
func kernelTypes(t *testing.T) []byte {
	t.Helper()
	number := &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}
	char := &btf.Int{Name: "char", Size: 1, Encoding: btf.Char}
	state := &btf.Enum{Name: "state", Size: 4, Values: []btf.EnumValue{{Name: "UP", Value: 1}, {Name: "DOWN", Value: 2}}}
	thing := &btf.Struct{Name: "thing", Size: 32}
	thing.Members = []btf.Member{
		{Name: "next", Type: &btf.Pointer{Target: thing}},
		{Name: "name", Type: &btf.Array{Index: number, Type: char, Nelems: 8}, Offset: 64},
		{Name: "state", Type: &btf.Typedef{Name: "state_t", Type: state}, Offset: 128},
		{Name: "flag", Type: number, Offset: 160, BitfieldSize: 3},
	}
	fn := &btf.Func{Name: "__traceiter_thing", Linkage: btf.GlobalFunc, Type: &btf.FuncProto{Return: number, Params: []btf.FuncParam{
		{Name: "__data", Type: &btf.Pointer{Target: &btf.Void{}}}, {Name: "thing", Type: &btf.Pointer{Target: &btf.Const{Type: thing}}},
	}}}
	b, err := btf.NewBuilder([]btf.Type{fn}, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := b.Marshal(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

const thingProbe = `
probe "raw_tracepoint" "p" {
  target = "thing"
  where  = args.thing.next.flag == 1
  aggregate "t" {
    by     = [args.thing.name, args.thing.state]
    values = { n = count(), size = max(sizeof("struct thing")) }
  }
}`

// A file of kernel types that is cut off at any place, or has a byte changed.
func TestHostileKernelTypes(t *testing.T) {
	whole(t)
	truth := kernelTypes(t)
	dir := tempDir(t)
	spec := filepath.Join(dir, "spec.hcl")
	if err := os.WriteFile(spec, []byte(thingProbe), 0o644); err != nil {
		t.Fatal(err)
	}
	check := func(name string, data []byte) outcome {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Error(err)
		}
		return bounded(t, "validate", "-btf", path, spec)
	}
	if got := check("truth", truth); got.code != 0 {
		t.Fatalf("the truth: exit code %d, %s", got.code, got.stderr)
	}
	t.Run("cut off", func(t *testing.T) {
		lengths := make([]int, len(truth))
		for n := range lengths {
			lengths[n] = n
		}
		inParallel(t, lengths, func(n int) {
			// What is left may still be all that the spec mentions: the last
			// byte is only the end of the last name.
			if got := check(fmt.Sprint("cut", n), truth[:n]); got.code != 1 && n < len(truth)-1 {
				t.Errorf("%d bytes of %d: exit code %d, %s", n, len(truth), got.code, got.stdout)
			}
		})
	})
	t.Run("changed", func(t *testing.T) {
		seeds := make([]uint64, 200)
		for n := range seeds {
			seeds[n] = uint64(n)
		}
		inParallel(t, seeds, func(seed uint64) {
			r := rand.New(rand.NewPCG(seed, 2))
			data := bytes.Clone(truth)
			for range 1 + r.IntN(3) {
				data[r.IntN(len(data))] = []byte{0, 1, 0x7f, 0x80, 0xff, byte(r.Uint32())}[r.IntN(6)]
			}
			check(fmt.Sprint("changed", seed), data)
		})
	})
}

// Specs that are too much.
func TestHostileSpecs(t *testing.T) {
	whole(t)
	dir := tempDir(t)
	large := filepath.Join(dir, "large.hcl")
	if err := os.WriteFile(large, bytes.Repeat([]byte("locals {\n}\n"), 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := bounded(t, "validate", large); got.code != 1 || !strings.Contains(got.stderr, "large.hcl") {
		t.Errorf("a spec of 11 MB: exit code %d, %.500q", got.code, got.stderr)
	}
	for n, says := range map[int]string{100: "has more than 131072 bytes", 2000: "have more than 67108864 bytes together"} {
		folder := filepath.Join(dir, fmt.Sprint("large", n))
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			name := filepath.Join(folder, fmt.Sprintf("f%d.hcl", i))
			if err := errors.Join(os.WriteFile(name, nil, 0o644), os.Truncate(name, 1<<30)); err != nil { // holes
				t.Fatal(err)
			}
		}
		if got := bounded(t, "validate", folder); got.code != 1 || !strings.Contains(got.stderr, says) {
			t.Errorf("%d files of 1 GiB: exit code %d, %.500q", n, got.code, got.stderr)
		}
	}
	for _, row := range []struct {
		name, text string
		code       int
	}{
		{"ten thousand locals", "locals {\n  l%d = %[1]d\n}\n", 0},
		{"ten thousand errors", "locals {\n  l%d = \n", 1},
		{"ten thousand probes", "probe \"raw_tracepoint\" \"p%d\" {\n  target = \"sched_switch\"\n}\n", 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			folder := filepath.Join(dir, strings.ReplaceAll(row.name, " ", "-"))
			if err := os.Mkdir(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			for n := range 10_000 {
				if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("f%05d.hcl", n)), fmt.Appendf(nil, row.text, n), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got := bounded(t, "validate", folder); got.code != row.code {
				t.Errorf("exit code %d, want %d: %.500q", got.code, row.code, got.stderr)
			}
		})
	}
}
