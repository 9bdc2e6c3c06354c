package differ

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"

	"tracer/bpfgen"
	"tracer/bpfgen/layout"
	"tracer/internal/stream"
	"tracer/interpreter/types"
	"tracer/interpreter/unit"
	"tracer/interpreter/value"
)

// ringBytes is the size of the ring buffer all programs share.
const ringBytes = 1 << 20

// machine runs programs in this kernel.
type machine struct {
	ring     *ebpf.Map
	counters *ebpf.Map
	reader   *ringbuf.Reader
	memory   *memory
}

// newMachine needs the privileges to load programs: without them the test
// cannot say anything and says so.
func newMachine(t testing.TB, r *rand.Rand) *machine {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("loading programs needs root")
	}
	m := &machine{}
	var err error
	if m.ring, err = ebpf.NewMap(&ebpf.MapSpec{Name: bpfgen.MapEvents, Type: ebpf.RingBuf, MaxEntries: ringBytes}); err != nil {
		t.Fatal(err)
	}
	counters := &ebpf.MapSpec{Name: bpfgen.MapCounters, Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 8 * layout.CountWords, MaxEntries: 1}
	if m.counters, err = ebpf.NewMap(counters); err != nil {
		t.Fatal(err)
	}
	if m.reader, err = ringbuf.NewReader(m.ring); err != nil {
		t.Fatal(err)
	}
	m.memory = newMemory(t, r)
	t.Cleanup(func() {
		if err := errors.Join(m.reader.Close(), m.ring.Close(), m.counters.Close()); err != nil {
			t.Error(err)
		}
	})
	return m
}

// loaded is a program ready to run.
type loaded struct {
	m       *machine
	prog    *ebpf.Program
	maps    map[string]*ebpf.Map
	decoder *stream.Decoder
	record  ringbuf.Record
}

// load loads the only program of an object.
func (m *machine) load(o *bpfgen.Object) (*loaded, error) {
	if len(o.Programs) != 1 {
		return nil, fmt.Errorf("%d programs for one probe", len(o.Programs))
	}
	p := o.Programs[0]
	spec := &ebpf.ProgramSpec{Name: p.Name, Type: p.Type, AttachType: p.Attach, Instructions: p.Object.Instructions, License: "GPL"}
	collection := &ebpf.CollectionSpec{Programs: map[string]*ebpf.ProgramSpec{p.Name: spec}, Maps: map[string]*ebpf.MapSpec{}}
	replace := map[string]*ebpf.Map{}
	for i := range p.Object.Instructions {
		name := p.Object.Instructions[i].Reference()
		if !p.Object.Instructions[i].IsLoadFromMap() || collection.Maps[name] != nil {
			continue
		}
		collection.Maps[name] = o.Maps[name]
		switch name {
		case bpfgen.MapEvents:
			replace[name] = m.ring
		case bpfgen.MapCounters:
			replace[name] = m.counters
		}
	}
	c, err := ebpf.NewCollectionWithOptions(collection, ebpf.CollectionOptions{MapReplacements: replace})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	l := &loaded{m: m, prog: c.DetachProgram(p.Name), maps: map[string]*ebpf.Map{}}
	for name := range collection.Maps {
		if replace[name] == nil {
			l.maps[name] = c.DetachMap(name)
		}
	}
	if l.decoder, err = stream.NewDecoder(o.Records, printValue); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

func printValue(dst []byte, v *value.Value) []byte { return unit.Append(dst, nil, v) }

func (l *loaded) close() error {
	err := l.prog.Close()
	for _, m := range l.maps {
		err = errors.Join(err, m.Close())
	}
	return err
}

// run runs the program once; the event is nil if it streamed none, and valid
// until the next run.
func (l *loaded) run(context []byte) (*value.Event, error) {
	if _, err := l.prog.Run(&ebpf.RunOptions{Context: context}); err != nil {
		return nil, err
	}
	if l.m.reader.AvailableBytes() == 0 {
		return nil, nil
	}
	l.m.reader.SetDeadline(time.Now().Add(time.Second))
	if err := l.m.reader.ReadInto(&l.record); err != nil {
		return nil, fmt.Errorf("ring buffer: %w", err)
	}
	return l.decoder.Event(l.record.RawSample)
}

// failedReads is how often programs have counted a failed read so far.
func (m *machine) failedReads(t testing.TB) uint64 {
	t.Helper()
	var perCPU [][layout.CountWords]uint64
	if err := m.counters.Lookup(uint32(0), &perCPU); err != nil {
		t.Fatal(err)
	}
	n := uint64(0)
	for i := range perCPU {
		n += perCPU[i][layout.CountFailedReads]
	}
	return n
}

// memory is what the fixture's pointers point to: user memory of this process
// with boxes and strings, and one kernel string that is known.
type memory struct {
	user   []byte
	base   uint64
	boxes  []uint64
	texts  []uint64
	argvs  []uint64
	banner []byte
	kernel uint64 // address of the banner; 0: not known
}

const (
	memoryBytes = 64 << 10
	boxCount    = 32
	textCount   = 64
)

func newMemory(t testing.TB, r *rand.Rand) *memory {
	t.Helper()
	user, err := unix.Mmap(-1, 0, memoryBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_POPULATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(user) })
	m := &memory{user: user, base: uint64(uintptr(unsafe.Pointer(&user[0])))}
	m.findBanner()
	m.fill(r)
	return m
}

// findBanner looks for linux_banner, a kernel string that /proc/version shows.
func (m *memory) findBanner() {
	symbols, err := os.ReadFile("/proc/kallsyms")
	text, err2 := os.ReadFile("/proc/version")
	if err != nil || err2 != nil {
		return
	}
	for line := range strings.Lines(string(symbols)) {
		if f := strings.Fields(line); len(f) >= 3 && f[2] == "linux_banner" {
			m.kernel, _ = strconv.ParseUint(f[0], 16, 64)
			m.banner = append(text, 0)
			return
		}
	}
}

// fill writes boxes, strings and arrays of strings, all of which point to each
// other, to nothing and to what is not there.
func (m *memory) fill(r *rand.Rand) {
	m.boxes, m.texts, m.argvs = nil, nil, nil
	for i := range boxCount {
		m.boxes = append(m.boxes, m.base+uint64(i*boxSize))
	}
	at := boxCount * boxSize
	for range textCount {
		m.texts = append(m.texts, m.base+uint64(at))
		at += copy(m.user[at:], randomText(r)) + 1
	}
	at = (at + 7) &^ 7
	for range 16 {
		m.argvs = append(m.argvs, m.base+uint64(at))
		for range r.IntN(20) {
			binary.LittleEndian.PutUint64(m.user[at:], m.text(r))
			at += 8
		}
		at += 8
	}
	for i := range m.boxes {
		m.fillBox(r, m.user[i*boxSize:(i+1)*boxSize])
	}
}

func (m *memory) fillBox(r *rand.Rand, box []byte) {
	for i := range box {
		box[i] = byte(r.Uint32())
	}
	for off := 0; off < boxText; off += 8 {
		if r.IntN(2) == 0 {
			binary.LittleEndian.PutUint64(box[off:], randomNumber(r))
		}
	}
	box[40] = byte(r.IntN(2)) // a C bool is 0 or 1
	put := func(off int, n uint64) { binary.LittleEndian.PutUint64(box[off:], n) }
	put(boxText, m.text(r))
	put(boxNext, m.box(r))
	put(boxLinks, m.box(r))
	put(boxLinks+8, m.box(r))
	label := func(off, size int) {
		copy(box[off:off+size], randomText(r)+"\x00") // what follows is anything
	}
	label(boxName, 16)
	label(136+4, 8)
	label(160+4, 8)
	label(192+4, 8)
	if r.IntN(3) == 0 {
		copy(box[216:], "\xfe\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01")
	} else if r.IntN(2) == 0 {
		copy(box[216:], "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x0a\x01\x02\x03")
	}
}

// randomText is a word of the generator's, or two, or repeated, so that tests
// of strings come out both ways.
func randomText(r *rand.Rand) string {
	word := func() string { return strings.ReplaceAll(words[r.IntN(len(words))], `\`, "") }
	switch r.IntN(4) {
	case 0:
		return word() + word()
	case 1:
		return strings.Repeat(word(), 1+r.IntN(40))
	}
	return word()
}

// missing are addresses where nothing is.
var missing = []uint64{0, 0, 0, 1, 8, 0xfff, 0x1000, 0xdead00000000, 0x7ffffffff000, 0x8000000000000000, 0xfffffffffffff000, 0xffffffffffffffff}

func (m *memory) text(r *rand.Rand) uint64 {
	if r.IntN(6) == 0 {
		return missing[r.IntN(len(missing))]
	}
	return m.texts[r.IntN(len(m.texts))] + uint64(r.IntN(3))
}

func (m *memory) box(r *rand.Rand) uint64 {
	if r.IntN(6) == 0 {
		return missing[r.IntN(len(missing))]
	}
	return m.boxes[r.IntN(len(m.boxes))]
}

// read is the memory as the evaluator sees it.
func (m *memory) read(space types.Space, addr uint64, n int) ([]byte, error) {
	base, data := m.base, m.user
	if space != types.User {
		base, data = m.kernel, m.banner
	}
	if n < 0 || base == 0 || addr < base || addr-base > uint64(len(data)) || uint64(n) > uint64(len(data))-(addr-base) {
		return nil, errors.New("nothing there")
	}
	return data[addr-base:][:n], nil
}
