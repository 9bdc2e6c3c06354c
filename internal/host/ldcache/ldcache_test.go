package ldcache

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// entry is one that a test wants in the cache.
type entry struct {
	flags      uint32
	name, path string
	hwcap      uint64
}

// build makes a cache in the new format.
func build(entries ...entry) []byte {
	var head, text bytes.Buffer
	strs := newHeaderSize + len(entries)*newEntrySize
	head.WriteString(newMagic)
	le := func(v any) { _ = binary.Write(&head, binary.LittleEndian, v) }
	le(uint32(len(entries)))
	le(uint32(0))
	le(uint8(2))
	head.Write(make([]byte, newHeaderSize-head.Len()))
	for _, e := range entries {
		le(e.flags)
		le(uint32(strs + text.Len()))
		text.WriteString(e.name + "\x00")
		le(uint32(strs + text.Len()))
		text.WriteString(e.path + "\x00")
		le(uint32(0))
		le(e.hwcap)
	}
	return append(head.Bytes(), text.Bytes()...)
}

// old puts the old format before a cache in the new one.
func old(n int, cache []byte) []byte {
	raw := append([]byte(oldMagic), 0)
	raw = binary.LittleEndian.AppendUint32(raw, uint32(n))
	raw = append(raw, make([]byte, n*oldEntrySize)...)
	for len(raw)%newAlign != 0 {
		raw = append(raw, 0)
	}
	return append(raw, cache...)
}

var sample = []entry{
	{0x0303, "libc.so.6", "/lib/x86_64-linux-gnu/libc.so.6", 0},
	{0x0003, "libc.so.6", "/lib/i386-linux-gnu/libc.so.6", 0},
	{0x0a03, "libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6", 0},
	{0x0303, "libx.so.1", "/lib/glibc-hwcaps/x86-64-v3/libx.so.1", 1 << 62},
}

func TestEntriesOfTheArchitecture(t *testing.T) {
	x86 := []Entry{
		{Name: "libc.so.6", Path: "/lib/x86_64-linux-gnu/libc.so.6"},
		{Name: "libx.so.1", Path: "/lib/glibc-hwcaps/x86-64-v3/libx.so.1", HWCap: 1 << 62},
	}
	tests := []struct {
		name, arch string
		raw        []byte
		want       []Entry
	}{
		{"new", "x86_64", build(sample...), x86},
		{"old before new, aligned", "x86_64", old(2, build(sample...)), x86},
		{"old before new, padded", "x86_64", old(3, build(sample...)), x86},
		{"arm64", "arm64", build(sample...), []Entry{{Name: "libc.so.6", Path: "/lib/aarch64-linux-gnu/libc.so.6"}}},
		{"empty", "x86_64", build(), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(tt.arch, tt.raw)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDamagedCachesAreErrors(t *testing.T) {
	good := build(sample...)
	big := bytes.Clone(good)
	binary.LittleEndian.PutUint32(big[20:], 1<<31)
	wild := bytes.Clone(good)
	binary.LittleEndian.PutUint32(wild[newHeaderSize+4:], 1<<31)
	endian := bytes.Clone(good)
	endian[flagsByte] = 3
	tests := map[string][]byte{
		"empty": nil, "other file": []byte("hello"), "magic only": []byte(newMagic),
		"too many entries": big, "name outside": wild, "big-endian": endian,
		"old only": old(1, nil), "name too long": build(entry{0x0303, strings.Repeat("a", maxText), "/x", 0}), "cut off": good[:len(good)-1],
	}
	for name, raw := range tests {
		if got, err := Parse("x86_64", raw); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
	if _, err := Parse("vax", good); err == nil {
		t.Error("vax is known")
	}
}

func TestCacheOfThisMachineIsAsLdconfigPrintsIt(t *testing.T) {
	raw, err := os.ReadFile("/etc/ld.so.cache")
	if err != nil {
		t.Skip("no loader cache here (musl?)")
	}
	text, err := exec.Command("/sbin/ldconfig", "-p").Output()
	if err != nil {
		t.Skip("ldconfig does not run here")
	}
	entries, err := Parse("x86_64", raw)
	if err != nil {
		t.Fatal(err)
	}
	want := map[Entry]bool{}
	for line := range strings.Lines(string(text)) {
		name, path, ok := strings.Cut(strings.TrimSpace(line), " => ")
		name, kind, _ := strings.Cut(name, " ")
		if ok && strings.Contains(kind, "x86-64") {
			want[Entry{Name: name, Path: path}] = true
		}
	}
	got := map[Entry]bool{}
	for _, e := range entries {
		got[Entry{Name: e.Name, Path: e.Path}] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(build(sample...))
	f.Add(old(3, build(sample...)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		entries, err := Parse("x86_64", raw)
		if err == nil && len(entries)*newEntrySize > len(raw) {
			t.Errorf("%d entries in %d bytes", len(entries), len(raw))
		}
	})
}
