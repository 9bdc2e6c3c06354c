package elffile

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
)

// Note is one entry of a note section.
type Note struct {
	Owner string
	Type  uint32
	Desc  []byte
}

// Notes reads the notes of the section of that name; none if there is no such
// section. The error names the entry that does not fit.
func (f *File) Notes(name string) ([]Note, error) {
	for _, s := range f.sections {
		if s.name != name || s.kind != elf.SHT_NOTE {
			continue
		}
		raw, err := f.sectionData("section "+name, s, maxNotes)
		if err != nil {
			return nil, err
		}
		notes, err := parseNotes(raw)
		if err != nil {
			return nil, fmt.Errorf("section %s: %w", name, err)
		}
		return notes, nil
	}
	return nil, nil
}

// parseNotes splits a note section: lengths of owner and description, type,
// then both, each padded to 4 bytes.
func parseNotes(raw []byte) ([]Note, error) {
	var notes []Note
	le := binary.LittleEndian
	for len(raw) > 0 {
		if len(raw) < 12 {
			return nil, fmt.Errorf("note %d is cut off", len(notes)+1)
		}
		owner, desc := uint64(le.Uint32(raw)), uint64(le.Uint32(raw[4:]))
		note := Note{Type: le.Uint32(raw[8:])}
		raw = raw[12:]
		if pad(owner) > uint64(len(raw)) || desc > uint64(len(raw))-pad(owner) {
			return nil, fmt.Errorf("note %d is longer than its section", len(notes)+1)
		}
		text, _, _ := bytes.Cut(raw[:owner], []byte{0})
		note.Owner = string(text)
		note.Desc = raw[pad(owner) : pad(owner)+desc : pad(owner)+desc]
		notes = append(notes, note)
		raw = raw[min(pad(owner)+pad(desc), uint64(len(raw))):]
	}
	return notes, nil
}

// pad rounds up to 4.
func pad(n uint64) uint64 { return (n + 3) &^ 3 }
