package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/cpu"

	"tracer/internal/host/ldcache"
)

// libraryEntry is a library that the loader would find.
type libraryEntry struct{ name, path string }

// libraryDirs are searched by the loader after its cache, with the multiarch
// directories of Debian and the lib64 of others.
var libraryDirs = map[string][]string{
	"x86_64": {"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"},
	"arm64":  {"/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"},
}

// defaultPath is searched for programs where no PATH is set.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// maxLinks bounds the symbolic links on one path, as the kernel does.
const maxLinks = 40

// place is a mount namespace to look for files in: the root directory as seen
// from here, and the environment that counts there.
type place struct {
	root   string // "" or a directory, such as /proc/PID/root
	getenv func(string) string
	pid    int
}

// place is where a process sees its files; pid 0 is this process.
func (h *Host) place(pid int) (place, error) {
	if pid <= 0 {
		return place{root: h.opts.Root, getenv: h.opts.Getenv}, nil
	}
	dir := h.path("/proc/" + strconv.Itoa(pid))
	if _, err := os.Stat(dir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return place{}, notFound("process %d", pid)
		}
		return place{}, fmt.Errorf("process %d: %w", pid, err)
	}
	if leader := leaderOf(dir); leader != 0 && leader != pid {
		return place{}, fmt.Errorf("process %d: that is a thread of process %d", pid, leader)
	}
	root := filepath.Join(dir, "root")
	if _, err := os.Stat(root + "/"); err != nil {
		return place{}, fmt.Errorf("files of process %d: %w", pid, err)
	}
	if h.sameFiles(dir) {
		root = h.opts.Root
	}
	return place{root: root, getenv: processEnv(dir), pid: pid}, nil
}

// Leader is the process that has the thread tid, 0 if that is not known. The two
// are one for the first thread.
func Leader(tid int) int { return leaderOf("/proc/" + strconv.Itoa(tid)) }

// leaderOf is the same by a thread's directory in /proc.
func leaderOf(dir string) int {
	text, err := readCapped(filepath.Join(dir, "status"), 64<<10)
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "\nTgid:\t")
	line, _, _ := strings.Cut(rest, "\n")
	leader, err := strconv.Atoi(line)
	if err != nil {
		return 0
	}
	return leader
}

// sameFiles says whether a process has our root directory in our mount
// namespace, so that paths need no detour (which ends with the process).
func (h *Host) sameFiles(dir string) bool {
	for _, link := range []string{"root", "ns/mnt"} {
		theirs, err1 := os.Readlink(filepath.Join(dir, link))
		ours, err2 := os.Readlink(filepath.Join(h.path("/proc/self"), link))
		if err1 != nil || err2 != nil || theirs != ours {
			return false
		}
	}
	return true
}

// processEnv reads a process's environment, once, when first asked.
func processEnv(dir string) func(string) string {
	var text once[string]
	return func(name string) string {
		env, err := text.get(func() (string, error) {
			raw, err := readCapped(filepath.Join(dir, "environ"), 4<<20)
			return string(raw), err
		})
		if err != nil {
			return ""
		}
		for entry := range strings.SplitSeq(env, "\x00") {
			if value, ok := strings.CutPrefix(entry, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

// locate finds the file that a spec calls name: a path, a library or a program.
// The answer can be opened from here, and no symbolic link is left in it.
func (h *Host) locate(name string, pid int) (string, error) {
	p, err := h.place(pid)
	if err != nil {
		return "", err
	}
	if name == "" || strings.Contains(name, "\x00") {
		return "", notFound("binary %q", name)
	}
	if strings.Contains(name, "/") {
		return p.file(name)
	}
	finders := []func(place, string) (string, bool){h.findProgram, h.findLibrary}
	if looksLikeLibrary(name) {
		finders = []func(place, string) (string, bool){h.findLibrary, h.findProgram}
	}
	for _, find := range finders {
		if file, ok := find(p, name); ok {
			return file, nil
		}
	}
	return "", notFound("binary %s: no library of that name is known to the loader, and no program of that name is in PATH", name)
}

// file is a path that exists and is a regular file.
func (p place) file(name string) (string, error) {
	if !filepath.IsAbs(name) {
		if p.pid > 0 {
			return "", notFound("binary %s: in the namespace of process %d a path must be absolute", name, p.pid)
		}
		var err error
		if name, err = filepath.Abs(name); err != nil {
			return "", fmt.Errorf("binary: %w", err)
		}
	}
	file, err := p.resolve(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", notFound("binary %s", name)
	}
	if err != nil {
		return "", fmt.Errorf("binary %s: %w", name, err)
	}
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return "", fmt.Errorf("binary %s: %w", name, err)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("binary %s is not a file", name)
	}
	return file, nil
}

// resolve follows symbolic links within the place's root, where the kernel
// would follow absolute ones from ours.
func (p place) resolve(name string) (string, error) {
	todo := strings.Split(path.Clean("/"+name), "/")
	done := "/"
	for links := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		if part == "" || part == "." {
			continue
		}
		next := path.Join(done, part)
		target, err := os.Readlink(p.root + next)
		if err != nil {
			if _, statErr := os.Lstat(p.root + next); statErr != nil {
				return "", statErr
			}
			done = next
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("more than %d symbolic links", maxLinks)
		}
		if path.IsAbs(target) {
			done = "/"
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	return p.root + done, nil
}

// isFile resolves a path if a regular file is there.
func (p place) isFile(name string) (string, bool) {
	file, err := p.resolve(name)
	if err != nil {
		return "", false
	}
	info, err := os.Stat(file)
	return file, err == nil && info.Mode().IsRegular()
}

// looksLikeLibrary decides where a name without a slash is looked up first.
func looksLikeLibrary(name string) bool {
	return strings.HasPrefix(name, "lib") || strings.HasSuffix(name, ".so") || strings.Contains(name, ".so.")
}

// findProgram looks a program up in PATH.
func (h *Host) findProgram(p place, name string) (string, bool) {
	dirs := p.getenv("PATH")
	if dirs == "" {
		dirs = defaultPath
	}
	for _, dir := range filepath.SplitList(dirs) {
		if !path.IsAbs(dir) {
			continue
		}
		file, ok := p.isFile(path.Join(dir, name))
		if !ok {
			continue
		}
		if info, err := os.Stat(file); err == nil && info.Mode()&0o111 != 0 {
			return file, true
		}
	}
	return "", false
}

// findLibrary looks a library up: among what the process has mapped, in
// LD_LIBRARY_PATH, in the loader's cache, in the loader's directories.
func (h *Host) findLibrary(p place, name string) (string, bool) {
	if p.pid > 0 {
		if file, ok := h.findMapped(p, name); ok {
			return file, true
		}
	}
	for _, dir := range strings.FieldsFunc(p.getenv("LD_LIBRARY_PATH"), func(r rune) bool { return r == ':' || r == ';' }) {
		if file, ok := p.newestIn(dir, name); ok {
			return file, true
		}
	}
	if best, ok := newest(h.loaderCache(p), name); ok {
		if file, ok := p.isFile(best.path); ok {
			return file, true
		}
	}
	for _, dir := range libraryDirs[h.kernel.Arch] {
		if file, ok := p.newestIn(dir, name); ok {
			return file, true
		}
	}
	return "", false
}

// newestIn picks the library among the files of a directory.
func (p place) newestIn(dir, name string) (string, bool) {
	if !path.IsAbs(dir) {
		return "", false
	}
	real, err := p.resolve(dir)
	if err != nil {
		return "", false
	}
	entries, err := os.ReadDir(real)
	if err != nil {
		return "", false
	}
	var found []libraryEntry
	for _, e := range entries {
		if _, ok := libraryVersion(e.Name(), name); ok {
			found = append(found, libraryEntry{name: e.Name(), path: path.Join(dir, e.Name())})
		}
	}
	for len(found) > 0 {
		best, ok := newest(found, name)
		if !ok {
			return "", false
		}
		if file, ok := p.isFile(best.path); ok && isELF(file) {
			return file, true // libc.so may be a linker script
		}
		found = slices.DeleteFunc(found, func(e libraryEntry) bool { return e == best })
	}
	return "", false
}

// isELF looks at the first four bytes.
func isELF(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [4]byte
	_, err = f.ReadAt(magic[:], 0)
	return err == nil && string(magic[:]) == "\x7fELF"
}

// libraryVersion says whether the file called soname is the library that a spec
// calls name, and what stands behind its ".so": for "libssl", "libssl.so" and
// "libssl.so.3". A name with a version means that file alone.
func libraryVersion(soname, name string) (version string, ok bool) {
	stem, asked, hasSO := strings.Cut(name, ".so")
	if hasSO && asked != "" {
		return "", soname == name
	}
	rest, ok := strings.CutPrefix(soname, stem+".so")
	if !ok {
		return "", false
	}
	if rest == "" {
		return "", true
	}
	version, ok = strings.CutPrefix(rest, ".")
	return version, ok && strings.Trim(version, "0123456789.") == ""
}

// newest picks, of several versions of a library, the highest; the first of
// equals.
func newest(entries []libraryEntry, name string) (best libraryEntry, ok bool) {
	var bestVersion string
	for _, e := range entries {
		version, fits := libraryVersion(e.name, name)
		if fits && (!ok || compareVersions(version, bestVersion) > 0) {
			best, bestVersion, ok = e, version, true
		}
	}
	return best, ok
}

// compareVersions compares "1.1" and "3" number by number; no version is least.
func compareVersions(a, b string) int {
	numbers := func(s string) []uint64 {
		var ns []uint64
		for part := range strings.SplitSeq(s, ".") {
			if n, err := strconv.ParseUint(part, 10, 64); err == nil {
				ns = append(ns, n)
			}
		}
		return ns
	}
	return slices.Compare(numbers(a), numbers(b))
}

// loaderCache is the loader's cache of a place; empty if there is none (musl).
func (h *Host) loaderCache(p place) []libraryEntry {
	if r, ok := h.caches[p.root]; ok {
		return r.value
	}
	var r result[[]libraryEntry]
	if file, ok := p.isFile("/etc/ld.so.cache"); ok {
		r.value, r.err = readLoaderCache(file, h.kernel.Arch)
	}
	h.caches[p.root] = r
	return r.value
}

// readLoaderCache lists the cache's entries, those for this processor's
// features first, as the loader prefers them.
func readLoaderCache(file, arch string) ([]libraryEntry, error) {
	raw, err := readCapped(file, 64<<20)
	if err != nil {
		return nil, err
	}
	parsed, err := ldcache.Parse(arch, raw)
	if err != nil {
		return nil, err
	}
	var special, plain []libraryEntry
	for _, e := range parsed {
		entry := libraryEntry{name: e.Name, path: e.Path}
		switch {
		case e.HWCap == 0:
			plain = append(plain, entry)
		case processorHas(e.Path):
			special = append(special, entry)
		}
	}
	return append(special, plain...), nil
}

// processorHas says whether the loader would take a library from a
// glibc-hwcaps directory here (x86-64 psABI levels).
func processorHas(file string) bool {
	x := cpu.X86
	v2 := x.HasCX16 && x.HasPOPCNT && x.HasSSE3 && x.HasSSE41 && x.HasSSE42 && x.HasSSSE3
	v3 := v2 && x.HasAVX && x.HasAVX2 && x.HasBMI1 && x.HasBMI2 && x.HasFMA && x.HasOSXSAVE
	v4 := v3 && x.HasAVX512F && x.HasAVX512BW && x.HasAVX512CD && x.HasAVX512DQ && x.HasAVX512VL
	levels := map[string]bool{"x86-64-v2": v2, "x86-64-v3": v3, "x86-64-v4": v4}
	return levels[path.Base(path.Dir(file))] && path.Base(path.Dir(path.Dir(file))) == "glibc-hwcaps"
}

// initialPIDs is the namespace of the host's processes (PROC_PID_INIT_INO in
// include/linux/proc_ns.h).
const initialPIDs = "pid:[4026531836]"

// OwnPIDs says that this process is in a namespace in which processes have other
// numbers than programs in the kernel see, as containers are.
func (h *Host) OwnPIDs() bool {
	namespace, err := os.Readlink(h.path("/proc/self/ns/pid"))
	return err == nil && namespace != initialPIDs
}
