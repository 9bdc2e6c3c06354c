package abi

// Sessions: one program at both ends of a call (include/uapi/linux/bpf.h,
// kernel/trace/bpf_trace.c).
const (
	// TraceUprobeSession is BPF_TRACE_UPROBE_SESSION (6.13), which cilium/ebpf
	// v0.22 does not name.
	TraceUprobeSession = 57
	// SessionIsReturn is the kernel's function that says whether a program of a
	// session runs at a return. It gives a bool: the low byte counts.
	SessionIsReturn = "bpf_session_is_return"
	// SessionCookie is the one that gives the address of eight bytes which the
	// kernel keeps for the call. Both take the program's context from 7.x on, and
	// nothing before.
	SessionCookie = "bpf_session_cookie"
)
