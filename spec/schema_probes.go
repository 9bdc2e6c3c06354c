package spec

// The table of probe types.

func probeTypes() []*ProbeType {
	return append(kernelProbeTypes(), append(userProbeTypes(), timedProbeTypes()...)...)
}

func kernelProbeTypes() []*ProbeType {
	return []*ProbeType{
		{
			Name: "kprobe", Doc: "Entry of a kernel function, or an instruction in it.",
			Accepts: []string{"target"}, Required: []string{"target"},
			Target: "kernel function, fn+0x1c, glob, list", Values: "args.NAME, args[0]", Types: "BTF prototype",
		},
		{
			Name: "kretprobe", Doc: "Return of a kernel function.",
			Accepts: []string{"target"}, Required: []string{"target"},
			Target: "kernel function, glob, list", Values: "retval, args.*, entry(…), latency", Types: "BTF prototype",
		},
		{
			Name: "fentry", Doc: "Entry of a kernel function, by trampoline.",
			Accepts: []string{"target"}, Required: []string{"target"},
			Target: "kernel function, glob, list", Values: "args.*", Types: "BTF prototype",
		},
		{
			Name: "fexit", Doc: "Return of a kernel function, by trampoline.",
			Accepts: []string{"target"}, Required: []string{"target"},
			Target: "kernel function, glob, list", Values: "args.*, retval, latency, entry(…)", Types: "BTF prototype",
		},
		{
			Name: "tracepoint", Doc: "A static event of the kernel.",
			Accepts: []string{"target"}, Required: []string{"target"},
			Target: `"category:event", glob, list`, Values: "args.FIELD", Types: "tracefs format file",
		},
		{
			Name: "raw_tracepoint", Doc: "A static event of the kernel with its unprocessed arguments.",
			Accepts: []string{"target"}, Required: []string{"target"},
			Target: "event name, list", Values: "args.NAME, args[0]", Types: "BTF, also of modules",
		},
		{
			Name: "syscall", Doc: "A system call; its return if the spec mentions retval, entry or latency.",
			Accepts: []string{"target"}, Required: []string{"target"},
			Target: "system call name, glob, list", Values: "args.NAME; if used: retval, entry(…), latency", Types: "syscall tracepoints",
		},
		{
			Name: "lsm", Doc: "A hook of the Linux security modules.",
			Accepts: []string{"target"}, Required: []string{"target"},
			Target: "hook name, list", Values: "args.*", Types: "BTF",
		},
		{
			Name: "iter", Doc: "One pass over the kernel's objects of a kind, then done.",
			Accepts: []string{"target"}, Required: []string{"target"},
			Target: `"task", "task_file", "tcp", …`, Values: "args.*", Types: "BTF",
		},
		{
			Name: "watchpoint", Doc: "Accesses to an address, by hardware breakpoint.",
			Accepts: []string{"target", "length", "mode", "pid"}, Required: []string{"target"},
			Target: "address or symbol", Values: "stacks, task", Types: "hardware breakpoint",
		},
	}
}

func userProbeTypes() []*ProbeType {
	return []*ProbeType{
		{
			Name: "uprobe", Doc: "Entry of a function of a program or library, or an instruction in it.",
			Accepts: []string{"target", "binary", "pid", "signature"}, Required: []string{"target", "binary"},
			Target: "function, fn+0x1c, glob, list", Values: "args.NAME, args[0]", Types: "signature, else DWARF, else u64",
		},
		{
			Name: "uretprobe", Doc: "Return of a function of a program or library.",
			Accepts: []string{"target", "binary", "pid", "signature"}, Required: []string{"target", "binary"},
			Target: "function, glob, list", Values: "retval, args.*, entry(…), latency", Types: "signature, else DWARF, else u64",
		},
		{
			Name: "usdt", Doc: "A static event of a program or library.",
			Accepts: []string{"target", "binary", "pid"}, Required: []string{"target", "binary"},
			Target: `"provider:name", glob, list`, Values: "args[0], …", Types: ".note.stapsdt",
		},
	}
}

func timedProbeTypes() []*ProbeType {
	return []*ProbeType{
		{
			Name: "profile", Doc: "A timer on every CPU.",
			Accepts: []string{"frequency", "interval"}, Required: []string{"frequency|interval"},
			Values: "stacks, task", Types: "timer on every CPU",
		},
		{
			Name: "interval", Doc: "A timer on one CPU.",
			Accepts: []string{"interval"}, Required: []string{"interval"},
			Values: "kernel variables", Types: "timer on one CPU",
		},
		{
			Name: "perf", Doc: "A hardware or software performance event.",
			Accepts: []string{"target", "period", "frequency", "pid"}, Required: []string{"target"},
			Target: `"software:page-faults", "hardware:cycles"`, Values: "stacks, task", Types: "perf events",
		},
		{
			Name: "outstanding", Doc: "The entries that saves still hold, at each interval and at the end.",
			Accepts: []string{"target", "interval"}, Required: []string{"target"},
			Target: "the name of a save", Values: "saved.NAME.*, age(saved.NAME)", Types: "the saves of that name",
		},
	}
}
