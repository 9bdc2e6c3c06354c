package usdt

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Section names and the note's identity, of sys/sdt.h.
const (
	NoteSection = ".note.stapsdt"
	BaseSection = ".stapsdt.base" // its address when linked is in every note
	NoteOwner   = "stapsdt"
	NoteType    = 3
)

// Note is the description of one note.
type Note struct {
	PC        uint64 // address of the probe's nop
	Base      uint64 // address of BaseSection when the note was made
	Semaphore uint64 // address of a u16 that counts the probe's users, 0 if none

	Provider, Name, Args string
}

// ParseNote reads the description of a note of a 64-bit little-endian file:
// three addresses, then three strings that end with NUL.
func ParseNote(desc []byte) (Note, error) {
	var n Note
	if len(desc) < 24 {
		return n, fmt.Errorf("USDT note of %d bytes is too short", len(desc))
	}
	le := binary.LittleEndian
	n.PC, n.Base, n.Semaphore = le.Uint64(desc), le.Uint64(desc[8:]), le.Uint64(desc[16:])
	rest := desc[24:]
	for _, field := range []*string{&n.Provider, &n.Name, &n.Args} {
		text, after, ok := bytes.Cut(rest, []byte{0})
		if !ok {
			return n, fmt.Errorf("USDT note: a string does not end")
		}
		*field, rest = string(text), after
	}
	if n.Provider == "" || n.Name == "" {
		return n, fmt.Errorf("USDT note without a provider or name")
	}
	return n, nil
}

// Rebase moves the addresses by as much as BaseSection has moved since the note
// was made (prelink did that); base 0: there is no such section.
func (n Note) Rebase(base uint64) Note {
	if base == 0 || n.Base == 0 {
		return n
	}
	delta := base - n.Base
	n.PC += delta
	n.Base = base
	if n.Semaphore != 0 {
		n.Semaphore += delta
	}
	return n
}
