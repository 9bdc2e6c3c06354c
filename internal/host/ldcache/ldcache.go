// Package ldcache reads the dynamic loader's cache, /etc/ld.so.cache.
//
// In: the bytes of the file. Out: the libraries in it. It must not know files.
// The formats are those of glibc's sysdeps/generic/dl-cache.h: the new one
// ("glibc-ld.so.cache1.1"), alone (glibc ≥ 2.32) or behind the old one
// ("ld.so-1.7.0").
package ldcache

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// Entry is one library.
type Entry struct {
	Name string // the soname, "libc.so.6"
	Path string
	// HWCap is not 0 for a copy for certain processors only, in a
	// glibc-hwcaps directory, which the Path names.
	HWCap uint64
}

const (
	oldMagic       = "ld.so-1.7.0"
	oldHeaderSize  = 16
	oldEntrySize   = 12
	newMagic       = "glibc-ld.so.cache1.1"
	newHeaderSize  = 48
	newEntrySize   = 24
	newAlign       = 8
	bigEndianFlag  = 3 // of the flags byte's low two bits: 2 little, 3 big
	flagsByte      = 28
	flagTypeMask   = 0x00ff // of an entry's flags
	flagLibc6      = 0x0003 // FLAG_ELF_LIBC6
	flagMachineOff = 0xff00
	maxText        = 4096 // bytes of a name or path, with its NUL (PATH_MAX)
)

// machineFlags are an entry's FLAG_REQUIRED_MASK bits by the kernel's name of
// the architecture.
var machineFlags = map[string]uint32{
	"x86_64": 0x0300, // FLAG_X8664_LIB64
	"arm64":  0x0a00, // FLAG_AARCH64_LIB64
}

// Parse lists the entries for programs of arch ("x86_64", "arm64"), in the
// file's order. Entries that point outside of the file are an error.
func Parse(arch string, raw []byte) ([]Entry, error) {
	machine, ok := machineFlags[arch]
	if !ok {
		return nil, fmt.Errorf("loader cache: %q programs are not known", arch)
	}
	cache, err := findNew(raw)
	if err != nil {
		return nil, err
	}
	if len(cache) < newHeaderSize {
		return nil, fmt.Errorf("loader cache: its header is cut off")
	}
	if cache[flagsByte]&3 == bigEndianFlag {
		return nil, fmt.Errorf("loader cache: it is of a big-endian machine")
	}
	le := binary.LittleEndian
	count := uint64(le.Uint32(cache[20:]))
	if count*newEntrySize > uint64(len(cache)-newHeaderSize) {
		return nil, fmt.Errorf("loader cache: its %d entries do not fit in %d bytes", count, len(cache))
	}
	strs := string(cache) // which all names share
	var entries []Entry
	for i := range count {
		e := cache[newHeaderSize+i*newEntrySize:]
		flags := le.Uint32(e)
		if flags&flagTypeMask != flagLibc6 || flags&flagMachineOff != machine {
			continue
		}
		name, ok1 := text(strs, le.Uint32(e[4:]))
		path, ok2 := text(strs, le.Uint32(e[8:]))
		if !ok1 || !ok2 {
			return nil, fmt.Errorf("loader cache: the name of entry %d is too long or lies outside of the file", i)
		}
		entries = append(entries, Entry{Name: name, Path: path, HWCap: le.Uint64(e[16:])})
	}
	return entries, nil
}

// findNew is the part of the file that has the new format.
func findNew(raw []byte) ([]byte, error) {
	if bytes.HasPrefix(raw, []byte(newMagic)) {
		return raw, nil
	}
	if !bytes.HasPrefix(raw, []byte(oldMagic)) || len(raw) < oldHeaderSize {
		return nil, fmt.Errorf("loader cache: unknown format")
	}
	count := uint64(binary.LittleEndian.Uint32(raw[12:]))
	end := oldHeaderSize + count*oldEntrySize
	end = (end + newAlign - 1) &^ (newAlign - 1)
	if end >= uint64(len(raw)) || !bytes.HasPrefix(raw[end:], []byte(newMagic)) {
		return nil, fmt.Errorf("loader cache: only the format of before glibc 2.2 is in it")
	}
	return raw[end:], nil
}

// text is the string at off, which ends with NUL and is no longer than a path.
func text(cache string, off uint32) (string, bool) {
	if uint64(off) >= uint64(len(cache)) {
		return "", false
	}
	rest := cache[off:]
	end := strings.IndexByte(rest[:min(len(rest), maxText)], 0)
	if end < 0 {
		return "", false
	}
	return rest[:end], true
}
