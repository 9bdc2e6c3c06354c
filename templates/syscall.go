package templates

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tracer/interpreter/abi"
	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// manySyscalls is how many targets are better served by the event of all system
// calls: the kernel takes some 40 ms to release a tracepoint of one of them.
const manySyscalls = 16

// syscall: system calls by name, through their own tracepoints or, if they are
// many, those of all system calls; the return is paired only if it is used.
// System calls of one thread do not nest, so one slot per task pairs them.
func syscall() *Type {
	mechs := []Mechanism{
		{Name: "raw_syscalls", Entry: "raw_syscalls", From: manySyscalls + 1, Shared: true, Guard: plan.GuardAll, Faultable: true, Caps: capsTrace, More: moreTracepoint, Reason: "one event of all calls, picked by number"},
		{Name: "perf tracepoint", Entry: "perf tracepoint", Guard: plan.GuardAll, Faultable: true, Caps: capsTrace, More: moreTracepoint, Reason: "its own tracepoint, so other calls cost nothing"},
	}
	return &Type{
		Name:            "syscall",
		Space:           types.User,
		MayReturn:       true,
		Pair:            plan.PairTask,
		Resolve:         resolveSyscall,
		List:            func(f facts.Facts, _ *facts.Binary) ([]string, error) { return syscallNames(f) },
		Mechanisms:      mechs,
		EntryMechanisms: mechs,
	}
}

const enterPrefix = "syscalls:sys_enter_"

// syscallSpellings are the system calls whose tracepoint is spelled otherwise:
// the tracepoint bears the name of the function in the kernel's source.
var syscallSpellings = map[string]string{
	"stat": "newstat", "lstat": "newlstat", "fstat": "newfstat", "uname": "newuname",
	"sendfile": "sendfile64", "umount2": "umount",
}

// SyscallName is the system call whose tracepoint is sys_enter_<event>.
func SyscallName(event string) string {
	for name, spelled := range syscallSpellings {
		if spelled == event {
			return name
		}
	}
	return event
}

func syscallNames(f facts.Facts) ([]string, error) {
	all, err := f.Tracepoints()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, t := range all {
		if rest, ok := strings.CutPrefix(t, enterPrefix); ok {
			out = append(out, SyscallName(rest))
		}
	}
	return out, nil
}

func resolveSyscall(r *Request) ([]Found, error) {
	list := func() ([]string, error) { return syscallNames(r.Facts) }
	return eachName(r, "system call", list, func(name string) ([]Found, error) {
		return resolveOneSyscall(r, name)
	})
}

func resolveOneSyscall(r *Request, name string) ([]Found, error) {
	event := name
	if spelled, ok := syscallSpellings[name]; ok {
		event = spelled
	}
	format, err := r.Facts.Tracepoint("syscalls", "sys_enter_"+event)
	if errors.Is(err, facts.ErrNotFound) && event != name {
		event = name
		format, err = r.Facts.Tracepoint("syscalls", "sys_enter_"+event)
	}
	if errors.Is(err, facts.ErrNotFound) {
		all, lerr := syscallNames(r.Facts)
		if lerr != nil {
			return nil, lerr
		}
		detail := fmt.Sprintf("This kernel has no system call %q.", name)
		if len(all) == 0 {
			detail = "This kernel has no system call tracepoints (CONFIG_FTRACE_SYSCALLS is off)."
		}
		return nil, &TargetError{Pattern: name, Missing: true, Detail: detail, Near: Near(name, all)}
	}
	if err != nil {
		return nil, err
	}
	layout := &tree.Layout{Ret: &tree.ArgLoc{Name: "retval", Type: types.S64, Doc: "long retval", Loc: tree.Loc{Kind: tree.LocCtx, Off: 16, Size: 8}}}
	// Newer kernels also record texts that arguments point to.
	fields := slices.DeleteFunc(slices.Clone(format.Fields), func(f facts.Field) bool { return f.Common || f.DataLoc || f.RelLoc })
	for _, f := range fields[min(1, len(fields)):] { // the first is the number of the call
		t, loc := syscallArg(f)
		layout.Args = append(layout.Args, tree.ArgLoc{Name: f.Name, Type: t, Loc: loc, Doc: strings.TrimSpace(f.Type + " " + f.Name)})
	}
	layout.Indexed = true
	exit, err := r.Facts.Tracepoint("syscalls", "sys_exit_"+event)
	if err == nil {
		for _, f := range exit.Fields {
			if f.Name == "ret" {
				layout.Ret.Loc.Off, layout.Ret.Loc.Size = f.Offset, f.Size
			}
			if len(fields) > 0 && f.Name == fields[0].Name && f.Offset == fields[0].Offset && f.Size == fields[0].Size {
				layout.Call = &tree.ArgLoc{Name: f.Name, Type: types.S64, Doc: "int nr", Loc: tree.Loc{Kind: tree.LocCtx, Off: f.Offset, Size: f.Size}}
			}
		}
	}
	target := plan.Target{Name: SyscallName(event), Category: "syscalls", Event: "sys_enter_" + event, ExitEvent: "sys_exit_" + event}
	if number, known := abi.Syscalls(r.Facts.Kernel().Arch).Value(target.Name); known {
		layout.Number, target.Number = sharedNumber(r.Facts, layout), number
	}
	return []Found{{Target: target, Layout: layout}}, nil
}

// sharedNumber is where the events of all system calls have the number of the
// call, if their records are else like those of the layout; nil if not.
func sharedNumber(f facts.Facts, layout *tree.Layout) *tree.ArgLoc {
	field := func(event, name string) (facts.Field, bool) {
		format, err := f.Tracepoint("raw_syscalls", event)
		if err != nil {
			return facts.Field{}, false
		}
		i := slices.IndexFunc(format.Fields, func(f facts.Field) bool { return f.Name == name })
		if i < 0 {
			return facts.Field{}, false
		}
		return format.Fields[i], true
	}
	number, ok1 := field("sys_enter", "id")
	args, ok2 := field("sys_enter", "args")
	atExit, ok3 := field("sys_exit", "id")
	ret, ok4 := field("sys_exit", "ret")
	if !ok1 || !ok2 || !ok3 || !ok4 || number.Offset != atExit.Offset || number.Size != atExit.Size ||
		ret.Offset != layout.Ret.Loc.Off || ret.Size != layout.Ret.Loc.Size {
		return nil
	}
	for i, a := range layout.Args {
		if a.Loc.Off != args.Offset+8*i || a.Loc.Off+8 > args.Offset+args.Size {
			return nil
		}
	}
	return &tree.ArgLoc{Name: number.Name, Type: types.S64, Doc: "long id", Loc: tree.Loc{Kind: tree.LocCtx, Off: number.Offset, Size: number.Size}}
}

// syscallTypes are types that system calls have, and C elsewhere has not or for
// something else. Of a register's 8 bytes the kernel sees so many.
var syscallTypes = map[string]types.Type{
	"clockid_t": types.S32, "key_serial_t": types.S32, "key_t": types.S32,
	"mqd_t": types.S32, "rwf_t": types.S32, "timer_t": types.S32,
}

// syscallArg is an argument's type: the record holds each in 8 bytes, whatever
// its C type, so the type's own width decides what is taken of it.
func syscallArg(f facts.Field) (types.Type, tree.Loc) {
	loc := tree.Loc{Kind: tree.LocCtx, Off: f.Offset, Size: 8}
	name := strings.TrimPrefix(f.Type, "const ")
	if width, known := syscallTypes[name]; known {
		width.Name = name
		return width, loc
	}
	if strings.HasPrefix(name, "enum ") && !f.Pointer {
		return types.Type{Kind: types.Int, Size: 4, Name: name}, loc
	}
	t, err := types.ParseCType(f.Type, types.User, nil)
	switch {
	case err == nil && t.IsScalar():
		return t, loc
	case f.Pointer:
		return types.Type{Kind: types.Pointer, Size: 8, Space: types.User}, loc
	}
	return types.Type{Kind: types.Int, Size: 8, Signed: f.Signed, Name: f.Type}, loc
}
