package check_test

import (
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/hashicorp/hcl/v2"

	"tracer/interpreter/check"
	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
	"tracer/interpreter/unit"
	"tracer/spec"
)

// The machine of these tests: small, made by hand, the same everywhere.

func pointer(t btf.Type) *btf.Pointer { return &btf.Pointer{Target: t} }

// laidOut is a struct whose members follow each other, aligned as C does.
func laidOut(name string, members ...btf.Member) *btf.Struct {
	s := &btf.Struct{Name: name}
	fill(s, members...)
	return s
}

func fill(s *btf.Struct, members ...btf.Member) {
	var at uint32
	for _, m := range members {
		size, err := btf.Sizeof(m.Type)
		if err != nil {
			panic(err)
		}
		align := uint32(min(size, 8))
		for align&(align-1) != 0 {
			align--
		}
		if m.BitfieldSize == 0 && m.Offset == 0 {
			at = (at + align - 1) / max(align, 1) * max(align, 1)
			m.Offset = btf.Bits(at * 8)
			at += uint32(size)
		}
		s.Members = append(s.Members, m)
	}
	s.Size = (at + 7) &^ 7
}

// cTypes are the C types of the machine.
type cTypes struct {
	all []btf.Type

	char, uchar, short, integer, uint, long, ulong, boolean *btf.Int
	u8, u16, u32, u64, be16, be32, pid, size, umode, dev    *btf.Typedef
}

func basicTypes() *cTypes {
	number := func(name string, size uint32, enc btf.IntEncoding) *btf.Int {
		return &btf.Int{Name: name, Size: size, Encoding: enc}
	}
	c := &cTypes{
		char: number("char", 1, btf.Char), uchar: number("unsigned char", 1, btf.Unsigned), short: number("unsigned short", 2, btf.Unsigned),
		integer: number("int", 4, btf.Signed), uint: number("unsigned int", 4, btf.Unsigned),
		long: number("long", 8, btf.Signed), ulong: number("unsigned long", 8, btf.Unsigned), boolean: number("_Bool", 1, btf.Bool),
	}
	named := func(name string, t btf.Type) *btf.Typedef {
		d := &btf.Typedef{Name: name, Type: t}
		c.all = append(c.all, d)
		return d
	}
	c.u8, c.u16, c.u32, c.u64 = named("u8", c.uchar), named("u16", c.short), named("u32", c.uint), named("u64", c.ulong)
	c.be16, c.be32 = named("__be16", c.short), named("__be32", c.uint)
	c.pid, c.size, c.umode, c.dev = named("pid_t", c.integer), named("size_t", c.ulong), named("umode_t", c.short), named("dev_t", c.uint)
	return c
}

func (c *cTypes) add(types ...btf.Type) { c.all = append(c.all, types...) }

// sockets adds the structs of sockets and packets.
func (c *cTypes) sockets() (sock, skb *btf.Struct) {
	in6 := laidOut("in6_addr", btf.Member{Name: "s6_addr", Type: &btf.Array{Type: c.u8, Index: c.uint, Nelems: 16}})
	pair := laidOut("", btf.Member{Name: "skc_daddr", Type: c.be32}, btf.Member{Name: "skc_rcv_saddr", Type: c.be32})
	common := laidOut("sock_common",
		btf.Member{Type: &btf.Union{Size: 8, Members: []btf.Member{{Name: "skc_addrpair", Type: c.u64}, {Type: pair}}}},
		btf.Member{Name: "skc_dport", Type: c.be16}, btf.Member{Name: "skc_num", Type: c.u16},
		btf.Member{Name: "skc_family", Type: c.short}, btf.Member{Name: "skc_state", Type: c.u8},
		btf.Member{Name: "skc_v6_daddr", Type: in6}, btf.Member{Name: "skc_v6_rcv_saddr", Type: in6})
	skb = &btf.Struct{Name: "sk_buff"}
	sock = laidOut("sock",
		btf.Member{Name: "__sk_common", Type: common}, btf.Member{Name: "sk_ack_backlog", Type: c.u32}, btf.Member{Name: "sk_max_ack_backlog", Type: c.u32},
		btf.Member{Name: "sk_err", Type: c.integer}, btf.Member{Name: "sk_flags", Type: c.uint},
		btf.Member{Name: "sk_shutdown", Type: c.uint, BitfieldSize: 2, Offset: 72 * 8}, btf.Member{Name: "sk_protocol", Type: c.u32, BitfieldSize: 8, Offset: 72*8 + 4},
		btf.Member{Name: "sk_destruct", Type: pointer(&btf.FuncProto{Return: (*btf.Void)(nil)})},
		btf.Member{Name: "sk_user_data", Type: pointer((*btf.Void)(nil))},
		btf.Member{Name: "sk_head", Type: pointer(skb)}, btf.Member{Name: "sk_name", Type: &btf.Array{Type: c.char, Index: c.uint, Nelems: 8192}})
	fill(skb,
		btf.Member{Name: "sk", Type: pointer(sock)}, btf.Member{Name: "cb", Type: &btf.Array{Type: c.char, Index: c.uint, Nelems: 48}},
		btf.Member{Name: "len", Type: c.uint}, btf.Member{Name: "data", Type: pointer(c.uchar)},
		btf.Member{Name: "stamps", Type: &btf.Array{Type: c.u64, Index: c.uint, Nelems: 4}},
		btf.Member{Name: "frags", Type: &btf.Array{Type: in6, Index: c.uint, Nelems: 2}})
	c.add(sock, skb, in6, laidOut("inet_sock", btf.Member{Name: "sk", Type: sock}, btf.Member{Name: "inet_sport", Type: c.be16}))
	return sock, skb
}

// kernelTypes is the machine's BTF.
func kernelTypes(tb testing.TB) *btf.Spec {
	tb.Helper()
	c := basicTypes()
	sock, skb := c.sockets()
	file := &btf.Fwd{Name: "file", Kind: btf.FwdStruct}
	qstr := laidOut("qstr", btf.Member{Name: "len", Type: c.u32}, btf.Member{Name: "name", Type: pointer(&btf.Const{Type: c.uchar})})
	dentry := laidOut("dentry", btf.Member{Name: "d_name", Type: qstr}, btf.Member{Name: "d_iname", Type: &btf.Array{Type: c.uchar, Index: c.uint, Nelems: 40}})
	task := &btf.Struct{Name: "task_struct"}
	reason := &btf.Enum{Name: "wb_reason", Size: 4, Values: []btf.EnumValue{{Name: "WB_REASON_BACKGROUND"}, {Name: "WB_REASON_VMSCAN", Value: 1}}}
	fill(task,
		btf.Member{Name: "__state", Type: c.uint}, btf.Member{Name: "exit_code", Type: c.integer}, btf.Member{Name: "pid", Type: c.pid}, btf.Member{Name: "tgid", Type: c.pid},
		btf.Member{Name: "comm", Type: &btf.Array{Type: c.char, Index: c.uint, Nelems: 16}}, btf.Member{Name: "real_parent", Type: pointer(task)},
		btf.Member{Name: "start_time", Type: c.u64}, btf.Member{Name: "reason", Type: reason})
	timespec := laidOut("__kernel_timespec", btf.Member{Name: "tv_sec", Type: c.long}, btf.Member{Name: "tv_nsec", Type: c.long})
	c.add(dentry, task, timespec, reason,
		&btf.Enum{Name: "skb_drop_reason", Size: 4, Values: []btf.EnumValue{{Name: "SKB_NOT_DROPPED_YET"}, {Name: "SKB_CONSUMED", Value: 1}, {Name: "SKB_DROP_REASON_NOT_SPECIFIED", Value: 2}, {Name: "SKB_DROP_REASON_NO_SOCKET", Value: 3}}},
		&btf.Enum{Size: 4, Values: []btf.EnumValue{{Name: "TCP_ESTABLISHED", Value: 1}, {Name: "TCP_SYN_SENT", Value: 2}, {Name: "TCP_CLOSE", Value: 7}}})
	fn := func(name string, ret btf.Type, params ...btf.FuncParam) {
		c.add(&btf.Func{Name: name, Type: &btf.FuncProto{Return: ret, Params: params}, Linkage: btf.GlobalFunc})
	}
	p := func(name string, t btf.Type) btf.FuncParam { return btf.FuncParam{Name: name, Type: t} }
	void := (*btf.Void)(nil)
	fn("vfs_read", c.long, p("file", pointer(file)), p("buf", pointer(c.char)), p("count", c.size), p("pos", pointer(c.long)))
	fn("vfs_write", c.long, p("file", pointer(file)), p("buf", pointer(c.char)), p("count", c.size), p("pos", pointer(c.long)))
	fn("vfs_fsync", c.integer, p("file", pointer(file)), p("datasync", c.integer))
	fn("tcp_connect", c.integer, p("sk", pointer(sock)))
	fn("tcp_set_state", void, p("sk", pointer(sock)), p("state", c.integer))
	fn("tcp_retransmit", c.integer, p("sk", pointer(sock)), p("skb", pointer(skb)), p("segs", c.integer))
	fn("inet_csk_accept", pointer(sock), p("sk", pointer(sock)), p("kern", c.boolean))
	fn("d_lookup", pointer(dentry), p("parent", pointer(&btf.Const{Type: dentry})), p("name", pointer(&btf.Const{Type: qstr})))
	fn("wb_start", void, p("reason", reason), p("dev", c.dev), p("port", c.be16), p("mode", c.umode))
	fn("by_value", void, p("addr", laidOut("pair", btf.Member{Name: "a", Type: c.u64}, btf.Member{Name: "b", Type: c.u64})), p("n", c.integer))
	fn("__traceiter_sched_switch", c.integer, p("__data", pointer(void)), p("preempt", c.boolean), p("prev", pointer(task)), p("next", pointer(task)))
	b, err := btf.NewBuilder(c.all, nil)
	if err != nil {
		tb.Fatal(err)
	}
	types, err := b.Spec()
	if err != nil {
		tb.Fatal(err)
	}
	return types
}

// record is a tracepoint's format; fields follow the 8 bytes of common ones.
func record(category, event string, fields ...facts.Field) facts.Format {
	at := 8
	for i := range fields {
		f := &fields[i]
		align := min(f.Size, 8)
		if f.Len > 0 {
			align = f.Size / f.Len
		}
		at = (at + align - 1) / align * align
		f.Offset = at
		at += f.Size
	}
	return facts.Format{Category: category, Event: event, ID: uint64(at), Size: at, Fields: append([]facts.Field{{Name: "common_pid", Type: "int", Size: 4, Common: true}}, fields...)}
}

func field(name, typ string, size int) facts.Field {
	return facts.Field{Name: name, Type: typ, Size: size}
}

func signed(name, typ string, size int) facts.Field {
	return facts.Field{Name: name, Type: typ, Size: size, Signed: true}
}

func array(name, elem string, n, size int) facts.Field {
	return facts.Field{Name: name, Type: elem + "[]", Elem: elem, Len: n, Size: size}
}

func ptr(name, typ string) facts.Field {
	return facts.Field{Name: name, Type: typ, Size: 8, Pointer: true}
}

func call(name string, args ...facts.Field) []facts.Format {
	enter := append([]facts.Field{signed("__syscall_nr", "int", 4)}, args...)
	for i := range enter[1:] {
		enter[i+1].Size = 8
	}
	return []facts.Format{record("syscalls", "sys_enter_"+name, enter...), record("syscalls", "sys_exit_"+name, signed("__syscall_nr", "int", 4), signed("ret", "long", 8))}
}

func tracepoints() []facts.Format {
	out := []facts.Format{
		record("sched", "sched_switch", array("prev_comm", "char", 16, 16), signed("prev_pid", "pid_t", 4), signed("prev_prio", "int", 4), signed("prev_state", "long", 8), array("next_comm", "char", 16, 16), signed("next_pid", "pid_t", 4)),
		record("sched", "sched_wakeup", array("comm", "char", 16, 16), signed("pid", "pid_t", 4)),
		record("sched", "sched_process_exec", facts.Field{Name: "filename", Type: "__data_loc char[]", Elem: "char", DataLoc: true, Size: 4}, signed("pid", "pid_t", 4)),
		record("block", "block_io_start", field("dev", "dev_t", 4), field("sector", "sector_t", 8), field("bytes", "unsigned int", 4), array("rwbs", "char", 8, 8)),
		record("block", "block_io_done", field("dev", "dev_t", 4), field("sector", "sector_t", 8), field("bytes", "unsigned int", 4), array("rwbs", "char", 8, 8), signed("error", "int", 4)),
		record("skb", "kfree_skb", ptr("skbaddr", "void *"), field("reason", "enum skb_drop_reason", 4)),
		record("sock", "inet_sock_set_state", array("saddr", "__u8", 4, 4), array("saddr_v6", "__u8", 16, 16), field("sport", "__u16", 2), signed("newstate", "int", 4), ptr("skaddr", "const struct sock *")),
		record("raw_syscalls", "sys_enter", signed("id", "long", 8), array("args", "unsigned long", 6, 48)),
		record("odd", "odd_one", field("blob", "struct opaque", 24), field("on", "bool", 1), ptr("thing", "struct gone *"), array("names", "int", 4, 16)),
	}
	out = append(out, call("openat", signed("dfd", "int", 8), ptr("filename", "const char *"), signed("flags", "int", 8), field("mode", "umode_t", 8))...)
	out = append(out, call("open", ptr("filename", "const char *"), signed("flags", "int", 8), field("mode", "umode_t", 8))...)
	out = append(out, call("newstat", ptr("filename", "const char *"), ptr("statbuf", "struct stat *"))...)
	out = append(out, call("statfs", ptr("pathname", "const char *"), ptr("buf", "struct statfs *"))...)
	out = append(out, call("read", field("fd", "unsigned int", 8), ptr("buf", "char *"), field("count", "size_t", 8))...)
	out = append(out, call("execve", ptr("filename", "const char *"), ptr("argv", "const char *const *"), ptr("envp", "const char *const *"))...)
	out = append(out, call("nanosleep", ptr("rqtp", "struct __kernel_timespec *"), ptr("rmtp", "struct __kernel_timespec *"))...)
	return append(out, call("kill", signed("pid", "pid_t", 8), signed("sig", "int", 8))...)
}

// machine is the recorded machine.
func machine(tb testing.TB) *facts.Recorded {
	tb.Helper()
	m := &facts.Recorded{
		System: facts.Kernel{Release: "6.8.0-test", Arch: "x86_64", CPUs: 4}, Types: kernelTypes(tb), Formats: tracepoints(), RawNames: []string{"sched_switch"},
		Symbols: map[string]uint64{"avenrun": 0xffffffff82000000},
		Binaries: []facts.Binary{{Name: "libc", Path: "/lib/libc.so.6", Arch: "x86_64", Functions: []facts.UserFunction{
			{Name: "free", Offset: 0x10, Size: 64}, {Name: "getaddrinfo", Offset: 0x100, Size: 64}, {Name: "malloc", Offset: 0x200, Size: 64}, {Name: "write", Offset: 0x300, Size: 64},
		}, USDT: []facts.USDT{{Provider: "libc", Name: "sbrk", Offset: 0x400, Args: []facts.USDTArg{{Text: "8@%rax", Size: 8, Kind: facts.USDTReg, Reg: "ax"}, {Text: "-4@$7", Size: 4, Signed: true, Kind: facts.USDTConst, Const: 7}, {Text: "8f@%xmm0", Size: 8, Float: true}}}}}, {Name: "libcxx", Path: "/lib/libcxx.so", Arch: "x86_64", Functions: []facts.UserFunction{
			{Name: "_Z1fi", Offset: 0x10, Size: 64}, {Name: "_Z1gv", Offset: 0x100, Size: 64}, {Name: "plain", Offset: 0x200, Size: 64},
		}}},
		Features: map[facts.Feature]string{},
	}
	for _, f := range []facts.Feature{facts.TPBTF, facts.Kprobe, facts.KprobeMulti, facts.UprobeMulti, facts.RingBuffer, facts.TaskStorage, facts.TaskBTF, facts.AncestorCgroup, facts.AttachCookie} {
		m.Features[f] = ""
	}
	for i, name := range []string{"vfs_read", "vfs_write", "vfs_fsync", "tcp_connect", "tcp_set_state", "tcp_retransmit", "inet_csk_accept", "d_lookup", "wb_start", "by_value", "assembly"} {
		m.KernelFunctions = append(m.KernelFunctions, facts.Function{Name: name, Addr: 0xffffffff81000000 + uint64(i)*64})
	}
	return m
}

// environment names system calls, errors and the like.
func environment() *unit.Env { return &unit.Env{Names: unit.ABI("x86_64")} }

// planOf checks a spec on the machine, given variables as -var would.
func planOf(f facts.Facts, name string, src []byte, vars ...spec.FlagValue) (*plan.Plan, hcl.Diagnostics) {
	sp, diags := spec.Parse([]spec.Source{{Name: name, Bytes: src}})
	if diags.HasErrors() {
		return nil, diags
	}
	values, more := sp.Resolve(spec.Inputs{Flags: vars}, check.PlanFunctions(f, environment()))
	diags = append(diags, more...)
	if diags.HasErrors() {
		return nil, diags
	}
	p, more := check.Spec(check.Input{Spec: sp, Vars: values, Facts: f, Env: environment()})
	return p, append(diags, more...)
}

// hostile is the machine with functions whose types no compiler makes.
func hostile(tb testing.TB) *facts.Recorded {
	tb.Helper()
	integer := &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}
	char := &btf.Int{Name: "char", Size: 1, Encoding: btf.Char}
	self := &btf.Struct{Name: "self", Size: 8}
	empty := &btf.Struct{Name: "empty"}
	self.Members = []btf.Member{
		{Type: self},
		{Name: "self", Type: self},
		{Name: "next", Type: pointer(self)},
		{Name: "empties", Type: &btf.Array{Type: empty, Index: integer, Nelems: 1 << 31}},
		{Name: "all", Type: &btf.Array{Type: self, Index: integer, Nelems: 1 << 31}},
		{Name: "text", Type: &btf.Array{Type: char, Index: integer, Nelems: 1 << 31}},
		{Name: "none", Type: &btf.Array{Type: char, Index: integer}},
		{Name: "far", Type: integer, Offset: 1<<31 - 8},
		{Name: "bit", Type: integer, Offset: 3, BitfieldSize: 200},
		{Name: "int3", Type: &btf.Int{Name: "int3", Size: 3}},
		{Name: "odd", Type: &btf.Enum{Name: "odd", Size: 8}},
		{Name: "fn", Type: &btf.FuncProto{Return: (*btf.Void)(nil)}},
		{Name: "float", Type: &btf.Float{Name: "double", Size: 8}},
	}
	b, err := btf.NewBuilder([]btf.Type{
		self, &btf.Func{Name: "odd", Type: &btf.FuncProto{Return: self, Params: []btf.FuncParam{{Name: "p", Type: pointer(self)}, {Name: "s", Type: self}, {Name: "", Type: integer}, {Name: "a", Type: pointer(&btf.Array{Type: self, Index: integer, Nelems: 1 << 31})}}}},
	}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	m := machine(tb)
	if m.Types, err = b.Spec(); err != nil {
		tb.Fatal(err)
	}
	m.KernelFunctions = []facts.Function{{Name: "odd"}}
	return m
}
