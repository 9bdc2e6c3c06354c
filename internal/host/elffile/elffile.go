// Package elffile reads of an ELF file what user probes need: segments,
// function symbols, the bytes at an address, notes.
//
// In: an io.ReaderAt and its size. Out: plain data. Every length in the file is
// held against the file's size before memory is taken for it, so that a
// truncated or lying file gives an error and no more. It must not know where
// the file came from. It reads little-endian 64-bit files (System V ABI,
// gabi.xinuos.com), which is what x86_64 and arm64 Linux run.
package elffile

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrNotELF says that the file is of another kind, a script for example.
var ErrNotELF = errors.New("not an ELF file")

// Bounds on what is read of one file.
const (
	maxSections = 1 << 17
	maxSegments = 65536 / segmentSize // what the kernel loads (load_elf_phdrs in fs/binfmt_elf.c)
	maxTable    = 256 << 20           // bytes of one symbol or string table
	maxNotes    = 16 << 20            // bytes of one note section
	maxName     = 1 << 20             // bytes of one name: C++ makes long ones
	maxNames    = 1 << 30             // bytes of the names of all symbols, which may share them
)

// Sizes of the 64-bit structures.
const (
	headerSize  = 64
	segmentSize = 56
	sectionSize = 64
	symbolSize  = 24
)

// Machines are the architectures that are read, under the kernel's names.
var machines = map[elf.Machine]string{elf.EM_X86_64: "x86_64", elf.EM_AARCH64: "arm64"}

// File is an open ELF file. It keeps the reader, which the caller closes.
type File struct {
	r    io.ReaderAt
	size int64

	Arch     string   // "x86_64" or "arm64"
	Type     elf.Type // ET_EXEC, ET_DYN, …
	segments []segment
	sections []section
}

// segment is a PT_LOAD program header.
type segment struct {
	offset, addr, fileSize, memSize uint64
	executable                      bool
}

// section is a section header.
type section struct {
	name               string
	kind               elf.SectionType
	flags              elf.SectionFlag
	addr, offset, size uint64
	link               uint32
	entry              uint64
	nameOff            uint32
}

// Open reads the headers of the ELF file in r, which is size bytes long.
// ErrNotELF if it is another kind of file.
func Open(r io.ReaderAt, size int64) (*File, error) {
	f := &File{r: r, size: size}
	h, err := f.header()
	if err != nil {
		return nil, err
	}
	if err := f.readSegments(h); err != nil {
		return nil, err
	}
	if err := f.readSections(h); err != nil {
		return nil, err
	}
	return f, nil
}

// header reads and checks the file header.
func (f *File) header() (*elf.Header64, error) {
	var ident [headerSize]byte
	n, err := f.r.ReadAt(ident[:], 0)
	if n < 4 || string(ident[:4]) != elf.ELFMAG {
		if n < 4 && err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		return nil, ErrNotELF
	}
	if n >= elf.EI_NIDENT {
		if elf.Class(ident[elf.EI_CLASS]) != elf.ELFCLASS64 || elf.Data(ident[elf.EI_DATA]) != elf.ELFDATA2LSB {
			return nil, fmt.Errorf("%s programs are not supported, only 64-bit little-endian ones", kindOf(ident[:]))
		}
	}
	if n < headerSize {
		return nil, fmt.Errorf("ELF header is cut off after %d bytes", n)
	}
	h := new(elf.Header64)
	if _, err := binary.Decode(ident[:], binary.LittleEndian, h); err != nil {
		return nil, fmt.Errorf("ELF header: %w", err)
	}
	f.Type = elf.Type(h.Type)
	machine := elf.Machine(h.Machine)
	if f.Arch = machines[machine]; f.Arch == "" {
		return nil, fmt.Errorf("programs for %v are not supported, only x86_64 and arm64", machine)
	}
	return h, nil
}

// kindOf says in words which kind of program an identification names.
func kindOf(ident []byte) string {
	class, data := elf.Class(ident[elf.EI_CLASS]), elf.Data(ident[elf.EI_DATA])
	bits := map[elf.Class]string{elf.ELFCLASS32: "32-bit", elf.ELFCLASS64: "64-bit"}[class]
	order := map[elf.Data]string{elf.ELFDATA2LSB: "little-endian", elf.ELFDATA2MSB: "big-endian"}[data]
	if bits == "" || order == "" {
		return fmt.Sprintf("%v %v", class, data)
	}
	return bits + " " + order
}

// readSegments reads the program headers, and keeps those that are loaded.
func (f *File) readSegments(h *elf.Header64) error {
	n := uint64(h.Phnum)
	if n == 0 {
		return nil
	}
	if n > maxSegments || h.Phentsize != segmentSize {
		return fmt.Errorf("program headers: %d of %d bytes are not believable", n, h.Phentsize)
	}
	raw, err := f.read("program headers", h.Phoff, n*segmentSize, maxTable)
	if err != nil {
		return err
	}
	for ; len(raw) >= segmentSize; raw = raw[segmentSize:] {
		var p elf.Prog64
		if _, err := binary.Decode(raw, binary.LittleEndian, &p); err != nil {
			return fmt.Errorf("program header: %w", err)
		}
		if elf.ProgType(p.Type) != elf.PT_LOAD {
			continue
		}
		f.segments = append(f.segments, segment{
			offset: p.Off, addr: p.Vaddr, fileSize: p.Filesz, memSize: p.Memsz,
			executable: elf.ProgFlag(p.Flags)&elf.PF_X != 0,
		})
	}
	return nil
}

// readSections reads the section headers and their names.
func (f *File) readSections(h *elf.Header64) error {
	if h.Shoff == 0 {
		return nil // stripped of sections: no symbols, still a program
	}
	if h.Shentsize != sectionSize {
		return fmt.Errorf("section headers: %d bytes each are not believable", h.Shentsize)
	}
	n, names := uint64(h.Shnum), uint64(h.Shstrndx)
	if n == 0 || h.Shstrndx == uint16(elf.SHN_XINDEX) {
		first, err := f.read("first section header", h.Shoff, sectionSize, sectionSize)
		if err != nil {
			return err
		}
		s := decodeSection(first)
		if n == 0 {
			n = s.size
		}
		if h.Shstrndx == uint16(elf.SHN_XINDEX) {
			names = uint64(s.link)
		}
	}
	if n > maxSections {
		return fmt.Errorf("%d sections are more than the %d that are read", n, maxSections)
	}
	raw, err := f.read("section headers", h.Shoff, n*sectionSize, maxTable)
	if err != nil {
		return err
	}
	for ; len(raw) >= sectionSize; raw = raw[sectionSize:] {
		f.sections = append(f.sections, decodeSection(raw))
	}
	return f.nameSections(names)
}

// nameSections looks the sections' names up in the table of that index.
func (f *File) nameSections(index uint64) error {
	if index == 0 {
		return nil
	}
	if index >= uint64(len(f.sections)) {
		return fmt.Errorf("section names: section %d does not exist", index)
	}
	table, err := f.sectionData("section names", f.sections[index], maxNotes)
	if err != nil {
		return err
	}
	names := nameTable{text: string(table), left: maxNotes}
	for i := range f.sections {
		if f.sections[i].name, err = names.at(f.sections[i].nameOff); err != nil {
			return fmt.Errorf("section names: %w", err)
		}
	}
	return nil
}

// decodeSection decodes a section header of which all bytes are there.
func decodeSection(raw []byte) section {
	le := binary.LittleEndian
	return section{
		nameOff: le.Uint32(raw),
		kind:    elf.SectionType(le.Uint32(raw[4:])),
		flags:   elf.SectionFlag(le.Uint64(raw[8:])),
		addr:    le.Uint64(raw[16:]),
		offset:  le.Uint64(raw[24:]),
		size:    le.Uint64(raw[32:]),
		link:    le.Uint32(raw[40:]),
		entry:   le.Uint64(raw[56:]),
	}
}

// read reads size bytes at off if they are in the file and at most limit.
func (f *File) read(what string, off, size, limit uint64) ([]byte, error) {
	if off > uint64(f.size) || size > uint64(f.size)-off {
		return nil, fmt.Errorf("%s: %d bytes at %#x lie outside of the file's %d", what, size, off, f.size)
	}
	if size > limit {
		return nil, fmt.Errorf("%s: %d bytes are more than the %d that are read", what, size, limit)
	}
	buf := make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(f.r, int64(off), int64(size)), buf); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return buf, nil
}

// sectionData reads a section that is in the file and not compressed.
func (f *File) sectionData(what string, s section, limit uint64) ([]byte, error) {
	switch {
	case s.kind == elf.SHT_NOBITS:
		return nil, fmt.Errorf("%s: the section has no bytes in this file", what)
	case s.flags&elf.SHF_COMPRESSED != 0:
		return nil, fmt.Errorf("%s: the section is compressed", what)
	}
	return f.read(what, s.offset, s.size, limit)
}

// Section reads the first section of that name: its bytes and its address.
// ok is false if there is none.
func (f *File) Section(name string) (data []byte, addr uint64, ok bool, err error) {
	for _, s := range f.sections {
		if s.name == name {
			data, err = f.sectionData("section "+name, s, maxTable)
			return data, s.addr, true, err
		}
	}
	return nil, 0, false, nil
}

// SectionAddr is the address of the section of that name, 0 if there is none.
func (f *File) SectionAddr(name string) uint64 {
	for _, s := range f.sections {
		if s.name == name {
			return s.addr
		}
	}
	return 0
}

// FileOffset is where in the file the byte at an address is. ok is false for an
// address that no segment takes from the file (.bss, or none at all).
func (f *File) FileOffset(addr uint64) (off uint64, executable, ok bool) {
	for _, s := range f.segments {
		if addr < s.addr || addr-s.addr >= s.fileSize {
			continue
		}
		off = addr - s.addr + s.offset
		if off < s.offset || off >= uint64(f.size) {
			continue
		}
		return off, s.executable, true
	}
	return 0, false, false
}

// nameTable is a table of strings that end with NUL. Many names may begin amid one
// long string, so what is read of all of them is bounded, too.
type nameTable struct {
	text string
	left int // bytes that names may still have
}

// at is the string at off; "" if it is not in the table.
func (t *nameTable) at(off uint32) (string, error) {
	if uint64(off) >= uint64(len(t.text)) {
		return "", nil
	}
	name := t.text[off:]
	if end := strings.IndexByte(name[:min(len(name), maxName+1)], 0); end >= 0 {
		name = name[:end]
	}
	if len(name) > maxName {
		return "", fmt.Errorf("a name of more than %d bytes is not believable", maxName)
	}
	if t.left -= len(name); t.left < 0 {
		return "", errors.New("that its names overlap so much is not believable")
	}
	return name, nil
}
