package elffile

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Symbol is a symbol that is defined in the file.
type Symbol struct {
	Name string // without its version
	Addr uint64
	Size uint64 // bytes, 0 if not known
	Type elf.SymType
}

// symbolTables are read in this order; .symtab is missing in stripped files.
var symbolTables = []elf.SectionType{elf.SHT_SYMTAB, elf.SHT_DYNSYM}

// Symbols calls yield for every defined and named symbol for which want says
// yes, of both tables: a symbol that is in both comes twice. The names share
// one string. A file has one table of each kind (System V ABI), so that further
// ones are not read.
func (f *File) Symbols(want func(elf.SymType) bool, yield func(Symbol)) error {
	for _, kind := range symbolTables {
		for _, s := range f.sections {
			if s.kind != kind || s.size == 0 {
				continue
			}
			if err := f.readSymbols(s, want, yield); err != nil {
				return fmt.Errorf("symbol table %s: %w", s.name, err)
			}
			break
		}
	}
	return nil
}

// readSymbols reads one table, in pieces.
func (f *File) readSymbols(s section, want func(elf.SymType) bool, yield func(Symbol)) error {
	if s.entry != symbolSize || s.size%symbolSize != 0 {
		return fmt.Errorf("%d bytes in entries of %d are not believable", s.size, s.entry)
	}
	if s.kind == elf.SHT_NOBITS || uint64(s.link) >= uint64(len(f.sections)) {
		return fmt.Errorf("its names are in section %d, which does not exist", s.link)
	}
	text, err := f.strings(f.sections[s.link])
	if err != nil {
		return err
	}
	names := &nameTable{text: text, left: maxNames}
	const batch = 4096 * symbolSize
	for off := uint64(0); off < s.size; off += batch {
		raw, err := f.read("symbols", s.offset+off, min(batch, s.size-off), batch)
		if err != nil {
			return err
		}
		for ; len(raw) >= symbolSize; raw = raw[symbolSize:] {
			sym, ok, err := decodeSymbol(raw, names, want)
			if err != nil {
				return err
			}
			if ok {
				yield(sym)
			}
		}
	}
	return nil
}

// decodeSymbol decodes one entry; ok is false for what is not wanted.
func decodeSymbol(raw []byte, names *nameTable, want func(elf.SymType) bool) (sym Symbol, ok bool, err error) {
	le := binary.LittleEndian
	sym.Type = elf.ST_TYPE(raw[4])
	sym.Addr = le.Uint64(raw[8:])
	if !want(sym.Type) || elf.SectionIndex(le.Uint16(raw[6:])) == elf.SHN_UNDEF || sym.Addr == 0 {
		return sym, false, nil
	}
	sym.Size = le.Uint64(raw[16:])
	name, err := names.at(le.Uint32(raw))
	sym.Name, _, _ = strings.Cut(name, "@")
	return sym, sym.Name != "", err
}

// strings reads a string table into one string.
func (f *File) strings(s section) (string, error) {
	if s.kind == elf.SHT_NOBITS || s.flags&elf.SHF_COMPRESSED != 0 {
		return "", fmt.Errorf("its string table has no plain bytes in this file")
	}
	if s.offset > uint64(f.size) || s.size > uint64(f.size)-s.offset || s.size > maxTable {
		return "", fmt.Errorf("string table: %d bytes at %#x are not believable", s.size, s.offset)
	}
	var b strings.Builder
	if _, err := io.Copy(&b, io.NewSectionReader(f.r, int64(s.offset), int64(s.size))); err != nil {
		return "", fmt.Errorf("string table: %w", err)
	}
	return b.String(), nil
}

// window is how much of the text is read at once for FirstBytes.
const window = 128 << 10

// FirstBytes calls yield with up to n bytes of the file at each of the offsets,
// which are sorted in place first. What lies beyond the end is cut off.
func (f *File) FirstBytes(offsets []uint64, n int, yield func(off uint64, code []byte)) error {
	slices.Sort(offsets)
	var buf []byte
	var start uint64
	for _, off := range offsets {
		if off >= uint64(f.size) {
			continue
		}
		end := min(off+uint64(n), uint64(f.size))
		if off < start || end > start+uint64(len(buf)) {
			size := min(window, uint64(f.size)-off)
			var err error
			if buf, err = f.read("text", off, size, window); err != nil {
				return err
			}
			start = off
		}
		yield(off, buf[off-start:end-start])
	}
	return nil
}
