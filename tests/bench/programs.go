package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// usage is what the kernel knows of the programs of a tool, all together.
type usage struct {
	runs, nanoseconds float64
	instructions      float64
}

// programsOf finds the programs that a process holds, by itself, in a link or in
// a perf event.
func programsOf(pid int) ([]ebpf.ProgramID, error) {
	found := map[ebpf.ProgramID]bool{}
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		info, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%s", pid, e.Name()))
		if err != nil {
			continue // closed meanwhile
		}
		if _, rest, ok := strings.Cut(string(info), "prog_id:"); ok {
			id, err := strconv.ParseUint(strings.Fields(rest)[0], 10, 32)
			if err != nil {
				return nil, err
			}
			found[ebpf.ProgramID(id)] = true
		}
		fd, err := strconv.ParseUint(e.Name(), 10, 32)
		if err != nil {
			return nil, err
		}
		target, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "fd", e.Name()))
		if err == nil && strings.Contains(target, "perf_event") {
			if id, ok := perfProgram(pid, fd); ok {
				found[id] = true
			}
		}
	}
	var ids []ebpf.ProgramID
	for id := range found {
		ids = append(ids, id)
	}
	return ids, nil
}

// perfProgram asks which program a perf event runs: BPF_TASK_FD_QUERY of
// include/uapi/linux/bpf.h, since 4.18.
func perfProgram(pid int, fd uint64) (ebpf.ProgramID, bool) {
	const taskFDQuery = 20
	attr := struct {
		pid, fd, flags, length uint32
		buffer                 uint64
		program, kind          uint32
		offset, address        uint64
	}{pid: uint32(pid), fd: uint32(fd)}
	_, _, errno := unix.Syscall(unix.SYS_BPF, taskFDQuery, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	return ebpf.ProgramID(attr.program), errno == 0 && attr.program != 0
}

// used reads what programs have done so far.
func used(ids []ebpf.ProgramID) (usage, error) {
	var u usage
	for _, id := range ids {
		program, err := ebpf.NewProgramFromID(id)
		if err != nil {
			return usage{}, err
		}
		stats, statsErr := program.Stats()
		info, infoErr := program.Info()
		program.Close()
		if err := errors.Join(statsErr, infoErr); err != nil {
			return usage{}, err
		}
		size, err := info.TranslatedSize()
		if err != nil {
			return usage{}, err
		}
		u.runs += float64(stats.RunCount)
		u.nanoseconds += float64(stats.Runtime)
		u.instructions += float64(size) / 8
	}
	return u, nil
}

const statisticsFile = "/proc/sys/kernel/bpf_stats_enabled"

// statisticsOff switches the statistics of programs off, which cost time
// themselves, and gives what switches them back.
func statisticsOff() (restore func(), err error) {
	before, err := os.ReadFile(statisticsFile)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(string(before)) == "0" {
		return func() {}, nil
	}
	return func() { _ = os.WriteFile(statisticsFile, before, 0) }, os.WriteFile(statisticsFile, []byte("0"), 0)
}

// processorTime is user and system time of a process so far, in nanoseconds.
func processorTime(pid int) (float64, error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0, err
	}
	var total float64
	for _, t := range tasks {
		text, err := os.ReadFile(t)
		if err != nil {
			continue // the thread has ended
		}
		v, err := strconv.ParseFloat(strings.Fields(string(text))[0], 64)
		if err != nil {
			return 0, err
		}
		total += v
	}
	return total, nil
}

// mapped is the size in bytes of the program and the libraries that a process
// has mapped, and of more files.
func mapped(pid int, more ...string) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return 0, err
	}
	files := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 6 && (strings.Contains(f[1], "x") || strings.Contains(f[5], ".so")) && f[5][0] == '/' {
			files[f[5]] = true
		}
	}
	for _, f := range more {
		files[f] = true
	}
	var total float64
	for f := range files {
		if info, err := os.Stat(f); err == nil && info.Mode().IsRegular() {
			total += float64(info.Size())
		}
	}
	if total == 0 {
		return 0, errors.New("maps no file")
	}
	return total, nil
}

// settle waits for the end of what the kernel does later.
func settle() { time.Sleep(50 * time.Millisecond) }
