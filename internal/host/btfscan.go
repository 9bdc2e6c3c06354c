package host

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"tracer/interpreter/facts"
)

// CommOffset implements facts.Facts. It looks through the types without decoding
// them, which takes one millisecond and not twenty.
func (h *Host) CommOffset() (int, error) {
	return h.types.comm.get(func() (int, error) {
		raw, release, err := mapped(filepath.Join(h.types.dir, "vmlinux"))
		if err != nil {
			return 0, notFound("BTF of this kernel: %v", err)
		}
		defer release()
		return memberOffset(raw, "task_struct", "comm")
	})
}

// knowsName looks for a function that came with a feature, by its name: in the
// kernel's types or, where it has none, among its symbols.
func knowsName(function string) func(*Host) error {
	typed := inTypes(func(raw []byte) (bool, error) {
		_, texts, err := btfSections(raw)
		return bytes.Contains(texts, []byte("\x00"+function+"\x00")), err
	})
	return func(h *Host) error {
		err := typed(h)
		if !errors.Is(err, facts.ErrNotFound) {
			return err
		}
		symbols, unread := h.kallsyms()
		if unread != nil {
			return err
		}
		if !strings.Contains(symbols, " "+function+"\n") {
			return ebpf.ErrNotSupported
		}
		return nil
	}
}

// countsMisses looks for what came with the counts: links tell what they missed, in
// the structure of bpf_link_info that has the addresses of kprobe.multi.
func countsMisses(raw []byte) (found bool, err error) {
	err = eachStruct(raw, func(s *rawStruct) bool {
		if s.name == 0 {
			_, addrs := s.offset("addrs")
			_, missed := s.offset("missed")
			found = addrs && missed
		}
		return !found
	})
	return found, err
}

// inTypes tries a feature by looking through the kernel's types.
func inTypes(has func(raw []byte) (bool, error)) func(*Host) error {
	return func(h *Host) error {
		raw, release, err := mapped(filepath.Join(h.types.dir, "vmlinux"))
		if err != nil {
			return notFound("BTF of this kernel: %v", err)
		}
		defer release()
		found, err := has(raw)
		if err == nil && !found {
			err = ebpf.ErrNotSupported
		}
		return err
	}
}

// mapped is the content of a file of BTF in sysfs, in memory until release. It
// can be mapped since Linux 6.16; before, it is read.
func mapped(path string) (raw []byte, release func(), err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("types: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && info.Size() > 0 && info.Size() <= maxBTF {
		if raw, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_PRIVATE); err == nil {
			return raw, func() { _ = unix.Munmap(raw) }, nil // it was mapped just so
		}
	}
	raw, err = readCapped(path, maxBTF)
	return raw, func() {}, err
}

// The kinds of BTF types that eachStruct tells apart, and the bytes that
// follow the 12 bytes of a type: some, and some for each of its members
// (Documentation/bpf/btf.rst, include/uapi/linux/btf.h).
const (
	btfStruct   = 4
	btfTypeLen  = 12
	btfKindMask = 31
	btfVlenMask = 0xffff
	btfKindFlag = 1 << 31 // of a structure: offsets have the sizes of bitfields above
	btfOffset   = 0xffffff
)

var btfExtra = map[uint32]struct{ fixed, member int }{
	1: {4, 0}, 2: {}, 3: {12, 0}, btfStruct: {0, 12}, 5: {0, 12}, 6: {0, 8}, 7: {}, 8: {}, 9: {}, 10: {}, 11: {},
	12: {}, 13: {0, 8}, 14: {4, 0}, 15: {0, 12}, 16: {}, 17: {4, 0}, 18: {}, 19: {0, 12},
}

// memberOffset finds a member of a structure in raw BTF: its offset in bytes.
// Errors: facts.ErrNotFound, damaged BTF.
func memberOffset(raw []byte, structure, member string) (int, error) {
	at, found := 0, false
	err := eachStruct(raw, func(s *rawStruct) bool {
		if s.is(s.name, structure) {
			at, found = s.offset(member)
		}
		return !found
	})
	if err == nil && !found {
		err = notFound("struct %s with a member %s", structure, member)
	}
	return at, err
}

// rawStruct is a structure in raw BTF.
type rawStruct struct {
	texts   []byte
	name    uint32 // where in texts
	info    uint32
	members []byte
}

// is says that the text at a place is name.
func (s *rawStruct) is(at uint32, name string) bool {
	end := uint64(at) + uint64(len(name))
	return end < uint64(len(s.texts)) && string(s.texts[at:end]) == name && s.texts[end] == 0
}

// offset is that of a member, in bytes.
func (s *rawStruct) offset(member string) (int, bool) {
	for m := s.members; len(m) > 0; m = m[btfExtra[btfStruct].member:] {
		if s.is(binary.LittleEndian.Uint32(m), member) {
			bits := binary.LittleEndian.Uint32(m[8:])
			if s.info&btfKindFlag != 0 {
				bits &= btfOffset
			}
			return int(bits / 8), true
		}
	}
	return 0, false
}

// eachStruct walks through the structures until more says false.
func eachStruct(raw []byte, more func(*rawStruct) bool) error {
	types, texts, err := btfSections(raw)
	if err != nil {
		return err
	}
	for len(types) >= btfTypeLen {
		info := binary.LittleEndian.Uint32(types[4:])
		kind, members := info>>24&btfKindMask, int(info&btfVlenMask)
		extra, known := btfExtra[kind]
		size := btfTypeLen + extra.fixed + extra.member*members
		if !known || size > len(types) {
			return fmt.Errorf("BTF type of kind %d: it is damaged, or newer than this program", kind)
		}
		if kind == btfStruct && !more(&rawStruct{texts, binary.LittleEndian.Uint32(types), info, types[btfTypeLen:size]}) {
			return nil
		}
		types = types[size:]
	}
	return nil
}

// btfSections are the types and the strings of raw BTF.
func btfSections(raw []byte) (types, texts []byte, err error) {
	if len(raw) < btfHeaderLen || binary.LittleEndian.Uint16(raw) != btfMagic {
		return nil, nil, fmt.Errorf("no BTF: %w", facts.ErrNotFound)
	}
	word := func(at int) uint64 { return uint64(binary.LittleEndian.Uint32(raw[at:])) }
	section := func(at int) []byte {
		from := word(4) + word(at)
		to := from + word(at+4)
		if to > uint64(len(raw)) {
			return nil
		}
		return raw[from:to]
	}
	return section(8), section(16), nil
}
