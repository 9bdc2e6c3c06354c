package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"tracer/internal/host/tracefmt"
	"tracer/interpreter/facts"
)

// tracefsDirs are where tracefs is found: its own place (4.1) and where debugfs
// mounts it by itself.
var tracefsDirs = []string{"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}

// tracefsAdvice tells what to do when it is in neither.
const tracefsAdvice = "mount -t tracefs nodev /sys/kernel/tracing"

// tracefs is the directory of tracefs, mounted if need be and asked for.
func (h *Host) tracefs() (string, error) {
	return h.tracing.get(func() (string, error) {
		dir, err := h.findTracefs()
		if err == nil || errors.Is(err, fs.ErrPermission) || !h.opts.MountTracefs || h.opts.Root != "" {
			return dir, err
		}
		dir = tracefsDirs[0]
		switch mountErr := unix.Mount("nodev", dir, "tracefs", 0, ""); {
		case errors.Is(mountErr, unix.EBUSY): // another did meanwhile
			return h.findTracefs()
		case mountErr != nil:
			return "", fmt.Errorf("%w (tried to, as root would: %w)", err, mountErr)
		}
		h.notices = append(h.notices, "tracefs was not mounted and now is, on "+dir+".")
		return h.findTracefs()
	})
}

// findTracefs looks for a directory with an events directory.
func (h *Host) findTracefs() (string, error) {
	for _, at := range tracefsDirs {
		dir := h.path(at)
		_, err := os.Stat(filepath.Join(dir, "events"))
		mounted := err != nil && h.mounted("tracefs", at)
		if mounted { // maybe only just, by another
			_, err = os.Stat(filepath.Join(dir, "events"))
		}
		switch {
		case err == nil:
			return dir, nil
		case errors.Is(err, fs.ErrPermission):
			return "", fmt.Errorf("tracefs in %s may only be read by root, so run tracer as root: %w", dir, fs.ErrPermission)
		case mounted:
			return "", fmt.Errorf("tracefs in %s is empty, as lockdown=confidentiality leaves it even to root: %w", dir, fs.ErrPermission)
		}
	}
	return "", fmt.Errorf("tracefs is not mounted: as root, run %q", tracefsAdvice)
}

// mounted says that a file system of some kind is mounted on dir.
func (h *Host) mounted(kind, dir string) bool {
	text, err := os.ReadFile(h.path("/proc/self/mounts"))
	return err == nil && strings.Contains(string(text), " "+dir+" "+kind+" ")
}

// Tracepoints implements facts.Facts.
func (h *Host) Tracepoints() ([]string, error) {
	return h.events.get(func() ([]string, error) {
		dir, err := h.tracefs()
		if err != nil {
			return nil, fmt.Errorf("tracepoints: %w", err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "available_events"))
		if err != nil {
			return listEvents(filepath.Join(dir, "events"))
		}
		names := strings.Fields(string(text))
		slices.Sort(names)
		return slices.Compact(names), nil
	})
}

// listEvents walks the events directory: each event is a directory with a
// format file in a category's directory.
func listEvents(dir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "*", "format"))
	if err != nil {
		return nil, fmt.Errorf("tracepoints: %w", err)
	}
	if len(files) == 0 {
		if _, err := os.ReadDir(dir); err != nil {
			return nil, fmt.Errorf("tracepoints: %w", err)
		}
	}
	names := make([]string, 0, len(files))
	for _, f := range files {
		event := filepath.Dir(f)
		names = append(names, filepath.Base(filepath.Dir(event))+":"+filepath.Base(event))
	}
	slices.Sort(names)
	return names, nil
}

// Tracepoint implements facts.Facts.
func (h *Host) Tracepoint(category, event string) (*facts.Format, error) {
	name := category + ":" + event
	if r, ok := h.formats[name]; ok {
		return r.value, r.err
	}
	var r result[*facts.Format]
	r.value, r.err = h.readFormat(category, event)
	h.formats[name] = r
	return r.value, r.err
}

// readFormat reads and parses one format file.
func (h *Host) readFormat(category, event string) (*facts.Format, error) {
	if !isFileName(category) || !isFileName(event) {
		return nil, notFound("tracepoint %s:%s", category, event)
	}
	dir, err := h.tracefs()
	if err != nil {
		return nil, fmt.Errorf("tracepoint %s:%s: %w", category, event, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "events", category, event, "format"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, notFound("tracepoint %s:%s", category, event)
	case err != nil:
		return nil, fmt.Errorf("tracepoint %s:%s: %w", category, event, err)
	}
	return tracefmt.Parse(category, event, string(text))
}

// isFileName refuses names that would leave the events directory.
func isFileName(s string) bool {
	return s != "" && s != "." && s != ".." && !strings.ContainsAny(s, "/\x00")
}
