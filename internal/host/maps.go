package host

import (
	"bufio"
	"bytes"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// mapping is one file that a process has mapped executable.
type mapping struct {
	span    string // "START-END" in hexadecimal, the name in map_files
	path    string // as the process sees it
	deleted bool
}

// parseMaps lists the executable file mappings of /proc/PID/maps, each file
// once: "START-END PERMS OFFSET DEV INODE PATH".
func parseMaps(text []byte) []mapping {
	var all []mapping
	seen := map[string]bool{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		fields := strings.SplitN(lines.Text(), " ", 6)
		if len(fields) < 6 || len(fields[1]) < 3 || fields[1][2] != 'x' {
			continue
		}
		name, deleted := strings.CutSuffix(unescapeMaps(strings.TrimLeft(fields[5], " ")), " (deleted)")
		if !strings.HasPrefix(name, "/") || seen[name] {
			continue
		}
		seen[name] = true
		all = append(all, mapping{span: fields[0], path: name, deleted: deleted})
	}
	return all
}

// unescapeMaps undoes the kernel's \012 for a newline in a path.
func unescapeMaps(s string) string { return strings.ReplaceAll(s, `\012`, "\n") }

// findMapped finds a library among what a process has mapped: the very file,
// even where the path now names another.
func (h *Host) findMapped(p place, name string) (string, bool) {
	dir := h.path("/proc/" + strconv.Itoa(p.pid))
	text, err := os.ReadFile(filepath.Join(dir, "maps"))
	if err != nil {
		return "", false
	}
	for _, m := range parseMaps(text) {
		if _, ok := libraryVersion(path.Base(m.path), name); !ok {
			continue
		}
		if m.deleted {
			file := filepath.Join(dir, "map_files", m.span)
			return file, isELF(file)
		}
		if file, ok := p.isFile(m.path); ok {
			return file, true
		}
	}
	return "", false
}
