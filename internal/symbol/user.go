package symbol

import (
	"cmp"
	"debug/elf"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"tracer/internal/host/elffile"
	"tracer/interpreter/unit"
)

// objects finds user symbols: mappings by process, symbols by file.
type objects struct {
	proc      string
	processes map[uint32]*process
	files     map[fileID]*object
}

func newObjects(proc string) objects {
	return objects{proc: proc, processes: make(map[uint32]*process), files: make(map[fileID]*object)}
}

// process is the executable mappings of a process as they were last read.
type process struct {
	mappings []mapping // by address
	exe      string
	read     time.Time
}

// mapping is one executable mapping of a file.
type mapping struct {
	start, end, offset uint64
	id                 fileID
	path               string
}

// fileID is a file, whatever its path: device and inode of /proc/PID/maps.
type fileID struct {
	device string
	inode  uint64
}

// object is the functions of an ELF file.
type object struct {
	symbols []elfSymbol // by offset
}

type elfSymbol struct {
	offset, size uint64 // in the file
	name         string
}

// The bounds of the caches. A full cache is emptied: what is still in use comes
// back.
const (
	maxProcesses = 4096
	maxFiles     = 512
)

// reread is how long an address that no mapping holds is not looked for again.
const reread = time.Second

// UserSymbol is the symbol of process pid that holds an address: a function
// with its file (unless that is the program itself), else the file and the
// offset in it. Processes that ended before they were first asked about have no
// names.
func (r *Resolver) UserSymbol(pid uint32, addr uint64) (unit.Symbol, bool) {
	o := &r.objects
	p := o.process(pid)
	m := p.find(addr)
	if m == nil && time.Since(p.read) >= reread {
		o.refresh(p, pid)
		m = p.find(addr)
	}
	if m == nil {
		return unit.Symbol{}, false
	}
	offset := addr - m.start + m.offset
	base := path.Base(m.path)
	if s, ok := o.object(pid, m).find(offset); ok {
		if m.path != p.exe {
			s.Module = base
		}
		return s, true
	}
	return unit.Symbol{Name: base, Offset: offset}, true
}

func (o *objects) process(pid uint32) *process {
	p := o.processes[pid]
	if p == nil {
		if len(o.processes) >= maxProcesses {
			clear(o.processes)
		}
		p = &process{}
		o.processes[pid] = p
		o.refresh(p, pid)
	}
	return p
}

// refresh reads a process's mappings. Those of a process that is gone stay.
func (o *objects) refresh(p *process, pid uint32) {
	p.read = time.Now()
	dir := filepath.Join(o.proc, strconv.FormatUint(uint64(pid), 10))
	content, err := os.ReadFile(filepath.Join(dir, "maps"))
	if err != nil || len(content) == 0 {
		return
	}
	p.mappings = p.mappings[:0]
	for line := range strings.Lines(string(content)) {
		if m, ok := parseMapping(line); ok {
			p.mappings = append(p.mappings, m)
		}
	}
	// Without the link every file counts as a library.
	p.exe, _ = os.Readlink(filepath.Join(dir, "exe"))
}

// parseMapping reads "start-end r-xp offset device inode   path" of
// /proc/PID/maps (proc_pid_maps(5)) if it is executable and has a name.
func parseMapping(line string) (mapping, bool) {
	var m mapping
	fields := strings.Fields(line)
	if len(fields) < 6 || len(fields[1]) < 3 || fields[1][2] != 'x' {
		return m, false
	}
	startText, endText, _ := strings.Cut(fields[0], "-")
	var errs [4]error
	m.start, errs[0] = strconv.ParseUint(startText, 16, 64)
	m.end, errs[1] = strconv.ParseUint(endText, 16, 64)
	m.offset, errs[2] = strconv.ParseUint(fields[2], 16, 64)
	m.id.inode, errs[3] = strconv.ParseUint(fields[4], 10, 64)
	m.id.device = fields[3]
	// The path may hold spaces: it is the rest of the line.
	if i := strings.IndexAny(line, "/["); i >= 0 {
		m.path = strings.TrimRight(line[i:], "\n")
	}
	return m, errs == [4]error{} && m.path != ""
}

func (p *process) find(addr uint64) *mapping {
	i, exact := slices.BinarySearchFunc(p.mappings, addr, func(m mapping, addr uint64) int {
		return cmp.Compare(m.start, addr)
	})
	if !exact {
		i--
	}
	if i < 0 || addr >= p.mappings[i].end {
		return nil
	}
	return &p.mappings[i]
}

// object is the file behind a mapping. A file that cannot be read has no
// symbols.
func (o *objects) object(pid uint32, m *mapping) *object {
	if m.id.inode == 0 { // [vdso] and the like
		return &object{}
	}
	if found := o.files[m.id]; found != nil {
		return found
	}
	if len(o.files) >= maxFiles {
		clear(o.files)
	}
	dir := filepath.Join(o.proc, strconv.FormatUint(uint64(pid), 10))
	// map_files also reaches files that were deleted or replaced, but needs
	// privileges.
	read, err := readObject(filepath.Join(dir, "map_files", fmt.Sprintf("%x-%x", m.start, m.end)))
	if err != nil {
		read, err = readObject(filepath.Join(dir, "root", m.path))
	}
	if err != nil {
		read = &object{}
	}
	o.files[m.id] = read
	return read
}

// readObject reads the functions of an ELF file, which whoever is traced has written:
// what cannot be read of it has no names.
func readObject(name string) (*object, error) {
	// Else a pipe in its place would keep whoever opens it waiting.
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", name)
	}
	file, err := elffile.Open(f, info.Size())
	if err != nil {
		return nil, err
	}
	o := &object{}
	function := func(kind elf.SymType) bool { return kind == elf.STT_FUNC || kind == elf.STT_GNU_IFUNC }
	_ = file.Symbols(function, func(s elffile.Symbol) {
		if offset, executable, ok := file.FileOffset(s.Addr); ok && executable {
			o.symbols = append(o.symbols, elfSymbol{offset: offset, size: s.Size, name: s.Name})
		}
	})
	slices.SortStableFunc(o.symbols, func(a, b elfSymbol) int { return cmp.Compare(a.offset, b.offset) })
	return o, nil
}

// find is the function that holds an offset of the file. A symbol without a
// size reaches to the next.
func (o *object) find(offset uint64) (unit.Symbol, bool) {
	i, exact := slices.BinarySearchFunc(o.symbols, offset, func(s elfSymbol, offset uint64) int {
		return cmp.Compare(s.offset, offset)
	})
	if !exact {
		i--
	}
	if i < 0 {
		return unit.Symbol{}, false
	}
	s := o.symbols[i]
	if s.size != 0 && offset-s.offset >= s.size {
		return unit.Symbol{}, false
	}
	return unit.Symbol{Name: s.name, Offset: offset - s.offset}, true
}
