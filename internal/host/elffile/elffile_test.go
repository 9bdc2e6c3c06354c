package elffile

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// build makes a small file: header, one segment, section headers at the end.
func build(change func(*elf.Header64, []elf.Section64)) []byte {
	names := "\x00.text\x00.symtab\x00.strtab\x00.note.x\x00.shstrtab\x00"
	strs := "\x00fn\x00fn@@V2\x00other@V1\x00"
	symbols := []elf.Sym64{
		{},
		{Name: 1, Info: 2, Shndx: 1, Value: 0x1000, Size: 4},
		{Name: 4, Info: 2, Shndx: 1, Value: 0x1004, Size: 4},
		{Name: 11, Info: 2, Shndx: 1, Value: 0x1008},
		{Name: 1, Info: 2, Shndx: 0, Value: 0x1008},      // not defined here
		{Name: 9999, Info: 2, Shndx: 1, Value: 0x1008},   // no such name
		{Name: 1, Info: 1, Shndx: 1, Value: 0x1009},      // a variable
		{Name: 1, Info: 2, Shndx: 1, Value: 0, Size: 99}, // no address
	}
	text := []byte("abcdefghijkl")
	note := []byte("\x04\x00\x00\x00\x03\x00\x00\x00\x07\x00\x00\x00own\x00xyz\x00")
	var symtab bytes.Buffer
	_ = binary.Write(&symtab, binary.LittleEndian, symbols)
	parts := [][]byte{text, symtab.Bytes(), []byte(strs), note, []byte(names)}
	offset := uint64(headerSize + segmentSize)
	sections := []elf.Section64{{}}
	kinds := []elf.SectionType{elf.SHT_PROGBITS, elf.SHT_SYMTAB, elf.SHT_STRTAB, elf.SHT_NOTE, elf.SHT_STRTAB}
	nameOffs := []uint32{1, 7, 15, 23, 31}
	for i, p := range parts {
		sections = append(sections, elf.Section64{
			Name: nameOffs[i], Type: uint32(kinds[i]), Off: offset, Size: uint64(len(p)),
		})
		offset += uint64(len(p))
	}
	sections[1].Addr = 0x1000
	sections[2].Link, sections[2].Entsize = 3, symbolSize
	h := elf.Header64{
		Type: uint16(elf.ET_DYN), Machine: uint16(elf.EM_X86_64), Version: 1,
		Phoff: headerSize, Phentsize: segmentSize, Phnum: 1,
		Shoff: offset, Shentsize: sectionSize, Shnum: uint16(len(sections)), Shstrndx: 5,
	}
	copy(h.Ident[:], elf.ELFMAG+"\x02\x01\x01")
	if change != nil {
		change(&h, sections)
	}
	var out bytes.Buffer
	_ = binary.Write(&out, binary.LittleEndian, h)
	_ = binary.Write(&out, binary.LittleEndian, elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_X), Off: headerSize + segmentSize, Vaddr: 0x1000, Filesz: 12, Memsz: 32,
	})
	for _, p := range parts {
		out.Write(p)
	}
	_ = binary.Write(&out, binary.LittleEndian, sections)
	return out.Bytes()
}

func open(raw []byte) (*File, error) { return Open(bytes.NewReader(raw), int64(len(raw))) }

func allFunctions(f *File) (all []Symbol, err error) {
	err = f.Symbols(func(t elf.SymType) bool { return t == elf.STT_FUNC }, func(s Symbol) { all = append(all, s) })
	return all, err
}

func TestSymbolsNotesAndOffsets(t *testing.T) {
	f, err := open(build(nil))
	if err != nil {
		t.Fatal(err)
	}
	if f.Arch != "x86_64" || f.Type != elf.ET_DYN {
		t.Errorf("%s %v", f.Arch, f.Type)
	}
	symbols, err := allFunctions(f)
	want := []Symbol{
		{Name: "fn", Addr: 0x1000, Size: 4, Type: elf.STT_FUNC},
		{Name: "fn", Addr: 0x1004, Size: 4, Type: elf.STT_FUNC},
		{Name: "other", Addr: 0x1008, Type: elf.STT_FUNC},
	}
	if diff := cmp.Diff(want, symbols); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	notes, err := f.Notes(".note.x")
	if diff := cmp.Diff([]Note{{Owner: "own", Type: 7, Desc: []byte("xyz")}}, notes); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if notes, err := f.Notes(".note.none"); notes != nil || err != nil {
		t.Errorf("a section that is not there: %v, %v", notes, err)
	}
	data, addr, ok, err := f.Section(".text")
	if string(data) != "abcdefghijkl" || addr != 0x1000 || !ok || err != nil || f.SectionAddr(".text") != 0x1000 {
		t.Errorf(".text: %q at %#x, %v, %v", data, addr, ok, err)
	}
}

func TestFileOffset(t *testing.T) {
	f, err := open(build(nil))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		addr uint64
		want uint64
		ok   bool
	}{
		{"first byte", 0x1000, 120, true},
		{"last byte", 0x100b, 131, true},
		{"zeroed memory", 0x100c, 0, false},
		{"before", 0xfff, 0, false},
		{"far", ^uint64(0), 0, false},
	}
	for _, tt := range tests {
		off, executable, ok := f.FileOffset(tt.addr)
		if off != tt.want || ok != tt.ok || executable != tt.ok {
			t.Errorf("%s: %d, %v, %v", tt.name, off, executable, ok)
		}
	}
}

func TestLyingHeadersAreErrors(t *testing.T) {
	tests := []struct {
		name   string
		change func(*elf.Header64, []elf.Section64)
		want   string
	}{
		{"sections outside", func(h *elf.Header64, _ []elf.Section64) { h.Shoff = 1 << 40 }, "outside of the file"},
		{"sections wrap", func(h *elf.Header64, _ []elf.Section64) { h.Shoff = ^uint64(0) - 10 }, "outside of the file"},
		{"enormous count", func(h *elf.Header64, s []elf.Section64) { h.Shnum, s[0].Size = 0, 1<<50 }, "more than"},
		{"many sections", func(h *elf.Header64, _ []elf.Section64) { h.Shnum = 60000 }, "outside of the file"},
		{"odd section size", func(h *elf.Header64, _ []elf.Section64) { h.Shentsize = 1 }, "not believable"},
		{"names do not exist", func(h *elf.Header64, _ []elf.Section64) { h.Shstrndx = 77 }, "does not exist"},
		{"names outside", func(_ *elf.Header64, s []elf.Section64) { s[5].Size = 1 << 60 }, "outside of the file"},
		{"segments outside", func(h *elf.Header64, _ []elf.Section64) { h.Phoff = 1 << 50 }, "outside of the file"},
		{"many segments", func(h *elf.Header64, _ []elf.Section64) { h.Phnum = 65535 }, "not believable"},
		{"other machine", func(h *elf.Header64, _ []elf.Section64) { h.Machine = uint16(elf.EM_PPC64) }, "not supported"},
		{"32 bits", func(h *elf.Header64, _ []elf.Section64) { h.Ident[elf.EI_CLASS] = 1 }, "32-bit little-endian programs are not supported"},
		{"big-endian", func(h *elf.Header64, _ []elf.Section64) { h.Ident[elf.EI_DATA] = 2 }, "64-bit big-endian programs are not supported"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := open(build(tt.change)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestLyingTablesAreErrors(t *testing.T) {
	tests := []struct {
		name   string
		change func(*elf.Header64, []elf.Section64)
		want   string
	}{
		{"table outside", func(_ *elf.Header64, s []elf.Section64) { s[2].Size = symbolSize << 40 }, "outside of the file"},
		{"odd size", func(_ *elf.Header64, s []elf.Section64) { s[2].Size = 25 }, "not believable"},
		{"odd entries", func(_ *elf.Header64, s []elf.Section64) { s[2].Entsize = 0 }, "not believable"},
		{"names do not exist", func(_ *elf.Header64, s []elf.Section64) { s[2].Link = 77 }, "does not exist"},
		{"names outside", func(_ *elf.Header64, s []elf.Section64) { s[3].Off = 1 << 50 }, "not believable"},
		{"names without bytes", func(_ *elf.Header64, s []elf.Section64) { s[3].Type = uint32(elf.SHT_NOBITS) }, "no plain bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := open(build(tt.change))
			if err != nil {
				t.Fatal(err)
			}
			if all, err := allFunctions(f); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, error %v, want one with %q", all, err, tt.want)
			}
		})
	}
}

// Names that begin amid one long string, and symbol tables that are one table, would
// take the square of the file's size to read.
func TestTablesThatAreReadOverAndOver(t *testing.T) {
	end := uint64(len(build(nil)))
	f, err := open(append(build(func(_ *elf.Header64, s []elf.Section64) { s[3].Off, s[3].Size = end, maxName+20 }), strings.Repeat("a", maxName+20)...))
	if err != nil {
		t.Fatal(err)
	}
	if all, err := allFunctions(f); err == nil || !strings.Contains(err.Error(), "a name of more than") {
		t.Errorf("%d functions, error %v", len(all), err)
	}
	names := nameTable{text: strings.Repeat("a", maxName) + "\x00", left: maxNames}
	for range maxNames / maxName {
		if name, err := names.at(0); len(name) != maxName || err != nil {
			t.Fatal(len(name), err)
		}
	}
	if _, err := names.at(1); err == nil || !strings.Contains(err.Error(), "overlap so much") {
		t.Errorf("error %v", err)
	}
	once, err := open(build(nil))
	if err != nil {
		t.Fatal(err)
	}
	twice, err := open(build(func(_ *elf.Header64, s []elf.Section64) { s[4] = s[2] }))
	if err != nil {
		t.Fatal(err)
	}
	want, _ := allFunctions(once)
	if got, err := allFunctions(twice); err != nil || len(got) != len(want) {
		t.Errorf("%v, error %v, want %v", got, err, want)
	}
}

func TestEveryTruncationIsAnError(t *testing.T) {
	raw := build(nil)
	for n := range raw {
		f, err := open(raw[:n])
		if err == nil {
			t.Errorf("%d of %d bytes open as %+v", n, len(raw), f)
		}
		if n < 4 && !errors.Is(err, ErrNotELF) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestNotesThatDoNotFitAreErrors(t *testing.T) {
	for _, raw := range []string{
		"\x01",
		"\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00",
		"\x00\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x00",
		"\x04\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00own\x00xyz",
	} {
		if notes, err := parseNotes([]byte(raw)); err == nil {
			t.Errorf("%q parses as %v", raw, notes)
		}
	}
}

func TestFirstBytes(t *testing.T) {
	f, err := open(build(nil))
	if err != nil {
		t.Fatal(err)
	}
	got := map[uint64]string{}
	end := uint64(f.size)
	err = f.FirstBytes([]uint64{122, 120, end - 1, end, end + 5}, 4, func(off uint64, code []byte) { got[off] = string(code) })
	if err != nil {
		t.Fatal(err)
	}
	if got[120] != "abcd" || got[122] != "cdef" || len(got[end-1]) != 1 || len(got) != 3 {
		t.Errorf("%v", got)
	}
}

func TestFirstBytesAcrossWindows(t *testing.T) {
	raw := append(build(nil), make([]byte, 3*window)...)
	offsets := []uint64{uint64(window) + 121, 120, uint64(2*window) + 3, uint64(window) + 119}
	for i, off := range offsets {
		raw[off] = byte('A' + i)
	}
	f, err := open(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Clone(raw)
	n := 0
	err = f.FirstBytes(offsets, 4, func(off uint64, code []byte) {
		n++
		if !bytes.Equal(code, want[off:off+4]) {
			t.Errorf("at %d: %q", off, code)
		}
	})
	if err != nil || n != len(offsets) {
		t.Errorf("%d offsets, %v", n, err)
	}
}

func TestProgramsAreReadAsDebugElfReadsThem(t *testing.T) {
	files, _ := filepath.Glob("/usr/bin/[a-g]*")
	libs, _ := filepath.Glob("/usr/lib/*-linux-gnu/lib[a-g]*.so.*")
	compared := 0
	for _, name := range append(files, libs...) {
		if compareWithDebugElf(t, name) {
			compared++
		}
	}
	if compared == 0 {
		t.Skip("no program with symbols is installed in /usr/bin")
	}
	t.Logf("%d files compared", compared)
}

// compareWithDebugElf says whether the file has functions to compare.
func compareWithDebugElf(t *testing.T, name string) bool {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		return false
	}
	defer file.Close()
	ef, err := elf.NewFile(file)
	if err != nil || ef.Machine != elf.EM_X86_64 && ef.Machine != elf.EM_AARCH64 || ef.Class != elf.ELFCLASS64 {
		return false
	}
	info, err := file.Stat()
	if err != nil {
		return false
	}
	f, err := Open(file, info.Size())
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return false
	}
	ours, err := allFunctions(f)
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	static, _ := ef.Symbols()
	dynamic, _ := ef.DynamicSymbols()
	want := map[Symbol]int{}
	for _, s := range append(static, dynamic...) {
		short, _, _ := strings.Cut(s.Name, "@")
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC && s.Section != elf.SHN_UNDEF && s.Value != 0 && short != "" {
			want[Symbol{Name: short, Addr: s.Value, Size: s.Size, Type: elf.STT_FUNC}]++
		}
	}
	got := map[Symbol]int{}
	for _, s := range ours {
		got[s]++
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
	return len(want) > 0
}

func FuzzOpen(f *testing.F) {
	f.Add(build(nil))
	f.Add(build(func(h *elf.Header64, s []elf.Section64) { h.Shnum, s[0].Size = 0, 6 }))
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := open(raw)
		if err != nil {
			return
		}
		symbols, _ := allFunctions(file)
		for _, s := range symbols {
			if off, _, ok := file.FileOffset(s.Addr); ok && off >= uint64(len(raw)) {
				t.Errorf("%+v is at %d of %d", s, off, len(raw))
			}
		}
		_, _ = file.Notes(".note.x")
		_, _, _, _ = file.Section(".text")
	})
}
