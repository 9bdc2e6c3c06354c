package host

import (
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"tracer/internal/host/elffile"
	"tracer/internal/host/usdt"
	"tracer/interpreter/facts"
)

// binaryKey is what Binary is asked for.
type binaryKey struct {
	name string
	pid  int
}

// Binary implements facts.Facts.
func (h *Host) Binary(name string, pid int) (*facts.Binary, error) {
	key := binaryKey{name, max(pid, 0)}
	if r, ok := h.binaries[key]; ok {
		return r.value, r.err
	}
	var r result[*facts.Binary]
	r.value, r.err = h.readBinary(key)
	h.binaries[key] = r
	return r.value, r.err
}

// readBinary finds the file and reads it.
func (h *Host) readBinary(key binaryKey) (*facts.Binary, error) {
	file, err := h.locate(key.name, key.pid)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("binary %s: %w", key.name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("binary %s: %w", key.name, err)
	}
	bin, err := readELF(f, info.Size())
	if errors.Is(err, elffile.ErrNotELF) {
		err = fmt.Errorf("%w%s", err, scriptHint(f))
	}
	if err != nil {
		where := key.name
		if file != where {
			where += " (" + file + ")"
		}
		return nil, fmt.Errorf("binary %s: %w", where, err)
	}
	bin.Name, bin.Path, bin.File = key.name, file, fileID(info)
	return bin, nil
}

// FileID is which file a path leads to, whatever the path, as facts.Binary.File
// says it: device and inode. "": there is none, or it may not be looked at.
func FileID(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fileID(info)
}

func fileID(info os.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%d/%d", stat.Dev, stat.Ino)
}

// scriptHint says of a script by what it is run: that is what can be probed.
func scriptHint(f readerAt) string {
	buf := make([]byte, 128)
	n, _ := f.ReadAt(buf, 0)
	line, _, _ := strings.Cut(string(buf[:n]), "\n")
	interpreter, ok := strings.CutPrefix(line, "#!")
	if !ok {
		return ""
	}
	return fmt.Sprintf(" but a script, run by %q: name that program", strings.TrimSpace(interpreter))
}

// readELF reads an ELF file that is size bytes long.
func readELF(f readerAt, size int64) (*facts.Binary, error) {
	ef, err := elffile.Open(f, size)
	if err != nil {
		return nil, err
	}
	if ef.Type != elf.ET_EXEC && ef.Type != elf.ET_DYN {
		return nil, fmt.Errorf("it is neither a program nor a shared library%s", elfKind(ef.Type))
	}
	bin := &facts.Binary{Arch: ef.Arch}
	if bin.Functions, err = userFunctions(ef); err != nil {
		return nil, err
	}
	if markGo(bin.Functions) {
		if info, err := buildinfo.Read(f); err == nil {
			bin.GoVersion = info.GoVersion
		}
	}
	if bin.USDT, err = userTracepoints(ef); err != nil {
		return nil, err
	}
	return bin, nil
}

// elfKind says what a file is that is not to be run.
func elfKind(t elf.Type) string {
	switch t {
	case elf.ET_REL:
		return " but an object file"
	case elf.ET_CORE:
		return " but a core dump"
	}
	return fmt.Sprintf(" (%v)", t)
}

// readerAt is what an ELF file is read through.
type readerAt interface {
	ReadAt(p []byte, off int64) (int, error)
}

// Reasons why a function cannot be probed.
const (
	refusedIFunc     = "the symbol is an IFUNC, a resolver that runs once, when the program is loaded, and chooses what the name means; name the implementation"
	refusedNotInFile = "its code is not in the file"
	refusedLock      = "its first instruction has a lock prefix, which uprobes cannot step"
	refusedSegment   = "its first instruction has a segment prefix, which uprobes cannot step"
	refusedTrap      = "its first instruction is a breakpoint"
)

// userFunctions lists the functions of both symbol tables, each name and
// address once.
func userFunctions(ef *elffile.File) ([]facts.UserFunction, error) {
	var fns []facts.UserFunction
	want := func(t elf.SymType) bool { return t == elf.STT_FUNC || t == elf.STT_GNU_IFUNC }
	err := ef.Symbols(want, func(s elffile.Symbol) {
		fn := facts.UserFunction{Name: s.Name, Addr: s.Addr, Size: s.Size, Indirect: s.Type == elf.STT_GNU_IFUNC}
		off, executable, ok := ef.FileOffset(s.Addr)
		fn.Offset = off
		switch {
		case !ok || !executable:
			fn.Refused = refusedNotInFile
		case fn.Indirect:
			fn.Refused = refusedIFunc
		}
		fns = append(fns, fn)
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(fns, compareFunctions)
	fns = slices.CompactFunc(fns, func(a, b facts.UserFunction) bool { return a.Name == b.Name && a.Addr == b.Addr })
	return fns, refuseInstructions(ef, fns)
}

// markGo marks the functions that were compiled from Go, which its linker puts
// between two symbols, and says whether there are any. C code of the program
// lies outside of them.
func markGo(fns []facts.UserFunction) bool {
	bounds := map[string]uint64{}
	for _, fn := range fns {
		if fn.Name == "runtime.text" || fn.Name == "runtime.etext" {
			bounds[fn.Name] = fn.Addr
		}
	}
	from, to := bounds["runtime.text"], bounds["runtime.etext"]
	for i := range fns {
		fns[i].Go = from <= fns[i].Addr && fns[i].Addr < to
	}
	return from < to
}

// compareFunctions orders by name, then address; of equal ones the first says
// more about the size.
func compareFunctions(a, b facts.UserFunction) int {
	if c := strings.Compare(a.Name, b.Name); c != 0 {
		return c
	}
	if a.Addr != b.Addr {
		if a.Addr < b.Addr {
			return -1
		}
		return 1
	}
	if a.Size > b.Size {
		return -1
	}
	if a.Size < b.Size {
		return 1
	}
	return 0
}

// firstBytes is how much of an instruction is looked at: prefixes come first.
const firstBytes = 4

// refuseInstructions looks at first instructions: one that uprobes cannot step
// makes a whole multi-link fail.
func refuseInstructions(ef *elffile.File, fns []facts.UserFunction) error {
	if ef.Arch != "x86_64" {
		return nil
	}
	offsets := make([]uint64, 0, len(fns))
	for _, fn := range fns {
		if fn.Refused == "" {
			offsets = append(offsets, fn.Offset)
		}
	}
	refused := map[uint64]string{}
	err := ef.FirstBytes(offsets, firstBytes, func(off uint64, code []byte) {
		if why := refusedInstruction(code); why != "" {
			refused[off] = why
		}
	})
	if err != nil || len(refused) == 0 {
		return err
	}
	for i := range fns {
		if fns[i].Refused == "" {
			fns[i].Refused = refused[fns[i].Offset]
		}
	}
	return nil
}

// refusedPrefixes are those of is_prefix_bad in arch/x86/kernel/uprobes.c.
var refusedPrefixes = map[byte]string{
	0xf0: refusedLock, 0x26: refusedSegment, 0x2e: refusedSegment, 0x36: refusedSegment, 0x3e: refusedSegment,
}

// otherPrefixes may stand before or between those.
var otherPrefixes = []byte{0x66, 0x67, 0xf2, 0xf3, 0x64, 0x65}

// refusedInstruction says why uprobes refuse an x86_64 instruction, "" if they
// do not, as far as its prefixes tell.
func refusedInstruction(code []byte) string {
	for i, c := range code {
		if why, bad := refusedPrefixes[c]; bad {
			return why
		}
		if i == 0 && c == 0xcc {
			return refusedTrap
		}
		if !slices.Contains(otherPrefixes, c) {
			return ""
		}
	}
	return ""
}

// userTracepoints reads the USDT notes, sorted by provider, name and offset.
func userTracepoints(ef *elffile.File) ([]facts.USDT, error) {
	notes, err := ef.Notes(usdt.NoteSection)
	if err != nil || len(notes) == 0 {
		return nil, err
	}
	base := ef.SectionAddr(usdt.BaseSection)
	symbols := symbolFinder(ef)
	var points []facts.USDT
	for _, n := range notes {
		if n.Owner != usdt.NoteOwner || n.Type != usdt.NoteType {
			continue
		}
		note, err := usdt.ParseNote(n.Desc)
		if err != nil {
			return nil, err
		}
		points = append(points, userTracepoint(ef, note.Rebase(base), symbols))
	}
	slices.SortStableFunc(points, func(a, b facts.USDT) int {
		if c := strings.Compare(a.Provider, b.Provider); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return points, nil
}

// userTracepoint finds the places that a note names.
func userTracepoint(ef *elffile.File, note usdt.Note, symbols func(string) (uint64, bool)) facts.USDT {
	p := facts.USDT{Provider: note.Provider, Name: note.Name, ArgText: note.Args}
	off, executable, ok := ef.FileOffset(note.PC)
	p.Offset = off
	if !ok || !executable {
		p.Refused = refusedNotInFile
	}
	if note.Semaphore != 0 {
		if p.SemaphoreOff, _, ok = ef.FileOffset(note.Semaphore); !ok {
			p.Refused = "its semaphore is not in the file, so it cannot be switched on"
		}
	}
	var err error
	place := usdt.Place{PC: note.PC, Fixed: ef.Type == elf.ET_EXEC, Symbol: symbols}
	p.Args, err = usdt.Resolve(ef.Arch, note.Args, place)
	if err != nil {
		p.Args = append(p.Args, facts.USDTArg{Text: note.Args, Refused: err.Error()})
	}
	return p
}

// symbolFinder looks up addresses of variables, reading the tables once and
// only if an operand names one. A name with several addresses is not found.
func symbolFinder(ef *elffile.File) func(string) (uint64, bool) {
	var table map[string]uint64
	load := func() {
		table = map[string]uint64{}
		want := func(t elf.SymType) bool { return t == elf.STT_OBJECT || t == elf.STT_NOTYPE || t == elf.STT_FUNC }
		err := ef.Symbols(want, func(s elffile.Symbol) {
			if old, twice := table[s.Name]; twice && old != s.Addr {
				s.Addr = 0
			}
			table[s.Name] = s.Addr
		})
		if err != nil {
			table = map[string]uint64{}
		}
	}
	return func(name string) (uint64, bool) {
		if table == nil {
			load()
		}
		addr := table[name]
		return addr, addr != 0
	}
}
