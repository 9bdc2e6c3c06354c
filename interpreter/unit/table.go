package unit

import (
	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

// table declares every unit, in the order of the language's documentation.
var table = []Unit{
	{
		Name: "ip", Doc: "An IPv4 or IPv6 address in network order.", Example: `ip(args.sk.__sk_common.skc_daddr)`,
		Takes: "a __be32, an in6_addr, or 4 or 16 bytes", Literal: `an IP address such as "10.0.0.1" or "::1"`,
		Width: 15, JSON: Text,
		accepts: isAddress, result: bytesOrInt, parse: parseIP, format: formatIP,
	},
	{
		Name: "duration", Doc: "A time in nanoseconds.", Example: `duration(args.delay)`,
		Takes: "an integer of nanoseconds", Literal: durationLiteral,
		Quantity: true, One: "ns", Right: true, Width: 9, JSON: Number,
		accepts: isNumber, result: keepNumber, parse: parseDuration, format: formatDuration,
	},
	{
		Name: "size", Doc: "A number of bytes.", Example: `size(args.bytes)`,
		Takes: "an integer of bytes", Literal: sizeLiteral,
		Quantity: true, One: "B", Right: true, Width: 9, JSON: Number,
		accepts: isNumber, result: keepNumber, parse: parseSize, format: formatSize,
	},
	{
		Name: "errno", Doc: "An error in the kernel's convention: -2 prints ENOENT, 0 and above print nothing.", Example: `errno(retval)`,
		Takes: "an integer, read as signed", Literal: `an error such as "ENOENT"`,
		Width: 9, JSON: Text,
		accepts: isNumber, result: keepNumber, parse: parseErrno, format: formatErrno,
	},
	{
		Name: "signal", Doc: "A signal number.", Example: `signal(args.sig)`,
		Takes: "an integer", Literal: `a signal such as "SIGKILL"`,
		Width: 9, JSON: Text,
		accepts: isNumber, result: keepNumber, parse: parseNamed("signal"), format: formatNamed("signal"),
	},
	{
		Name: "syscall", Doc: "A system call number of this architecture.", Example: `syscall(args.id)`,
		Takes: "an integer", Literal: `a system call such as "openat"`,
		Width: 16, JSON: Text,
		accepts: isNumber, result: keepNumber, parse: parseNamed("syscall"), format: formatNamed("syscall"),
	},
	{
		Name: "capability", Doc: "A capability number.", Example: `capability(args.cap)`,
		Takes: "an integer", Literal: `a capability such as "CAP_NET_ADMIN"`,
		Width: 16, JSON: Text,
		accepts: isNumber, result: keepNumber, parse: parseNamed("capability"), format: formatNamed("capability"),
	},
	{
		Name: "family", Doc: "An address family.", Example: `family(args.family)`,
		Takes: "an integer", Literal: `an address family such as "AF_INET"`,
		Width: 10, JSON: Text,
		accepts: isNumber, result: keepNumber, parse: parseNamed("family"), format: formatNamed("family"),
	},
	{
		Name: "tcp_state", Doc: "The state of a TCP socket.", Example: `tcp_state(args.newstate)`,
		Takes: "an integer", Literal: `a TCP state such as "ESTABLISHED"`,
		Width: 12, JSON: Text,
		accepts: isNumber, result: keepNumber, parse: parseNamed("tcp_state"), format: formatNamed("tcp_state"),
	},
	{
		Name: "username", Doc: "A user id, by name.", Example: `username(uid)`,
		Takes: "an integer", Literal: `a user such as "root"`,
		Width: 12, JSON: Text,
		accepts: isNumber, result: keepNumber, parse: parseUsername, format: formatUsername,
	},
	{
		Name: "ksym", Doc: "A kernel address, by symbol.", Example: `ksym(args.function)`,
		Takes: "an address", Literal: `a kernel symbol such as "avenrun"`,
		Width: 24, JSON: Text,
		accepts: isAddressNumber, result: keepNumber, parse: parseKernelSymbol, format: formatKernelSymbol,
	},
	{
		Name: "usym", Doc: "An address of the current process, by symbol.", Example: `usym(args.ip)`,
		Takes: "an address",
		Width: 24, JSON: Text,
		accepts: isAddressNumber, result: keepNumber, format: formatUserSymbol,
	},
	{
		Name: "mac", Doc: "An Ethernet address.", Example: `mac(args.dev.dev_addr)`,
		Takes: "a pointer to 6 bytes, or 6 bytes", Literal: `an Ethernet address such as "02:42:ac:11:00:02"`,
		Width: 17, JSON: Text,
		accepts: isMAC, result: macBytes, parse: parseMAC, format: formatMAC,
	},
	{
		Name: "hex", Doc: "A number in hexadecimal.", Example: `hex(args.flags)`,
		Takes: "an integer or pointer", Literal: `a hexadecimal number such as "0x1f" that fits its type`,
		Right: true, Width: 10, JSON: Text,
		accepts: isAddressNumber, result: keepNumber, parse: parseHex, format: formatHex,
	},
	{
		Name: "octal", Doc: "A number in octal, such as a file's mode.", Example: `octal(args.mode)`,
		Takes: "an integer", Literal: `an octal number such as "0644" that fits its type`,
		Right: true, Width: 7, JSON: Text,
		accepts: isNumber, result: keepNumber, parse: parseOctal, format: formatOctal,
	},
	{
		Name: "lookup", Doc: "A number, by name in a table; a number without a name prints as the default or as it is.", Example: `lookup({ 1 = "ESTABLISHED" }, args.state, "other")`,
		Takes: "an integer", Literal: `a name in its table`,
		Table: true, Width: 12, JSON: Text,
		accepts: isNumber, result: keepNumber, parse: parseLookup, format: formatLookup,
	},
	{
		Name: "flags", Doc: "Bits, by name in a table; bits without a name print in hexadecimal.", Example: `flags(args.flags, { 1 = "O_WRONLY", 64 = "O_CREAT" })`,
		Takes: "an integer", Literal: `names in its table joined by |`,
		Table: true, Width: 20, JSON: Text,
		accepts: isNumber, result: keepNumber, parse: parseFlags, format: formatFlags,
	},
	{
		Name: "cgroup_path", Doc: "A cgroup id, by path.", Example: `cgroup_path(cgroup)`,
		Takes: "a cgroup id",
		Width: 32, JSON: Text,
		accepts: isNumber, result: keepNumber, format: formatCgroup,
	},
	{
		Name: "wall", Doc: "A time of the monotonic clock, as wall-clock time.", Example: `wall(nsecs)`,
		Takes: "an integer of nanoseconds since boot",
		Width: len(wallText), JSON: Time,
		accepts: isNumber, result: keepNumber, format: formatWall,
	},
	{
		Name: "dev_t", Doc: "A device number, as major:minor.", Example: `args.dev`,
		Takes: "the kernel's dev_t", Literal: `a device such as "8:0"`,
		Implicit: true, Width: 8, JSON: Text,
		accepts: isNumber, result: keepNumber, parse: parseDevice, format: formatDevice,
	},
}

// kinds prints what has no unit, by the kind of its type.
var kinds = map[types.Kind]Unit{
	types.Invalid: {Name: "nothing", Width: 1, JSON: Text, format: formatNothing},
	types.Bool:    {Name: "bool", Width: 5, JSON: Logical, format: formatBool},
	types.Int:     {Name: "integer", Right: true, Width: 8, JSON: Number, format: formatInteger},
	types.Pointer: {Name: "pointer", Right: true, Width: 18, JSON: Text, format: formatPointer},
	types.Enum: {
		Name: "enum", Literal: "an enumerator of its type", Width: 16, JSON: Text,
		parse: parseEnum, format: formatEnum,
	},
	types.String: {Name: "string", Width: 16, JSON: Text, format: formatBytes},
	types.Bytes:  {Name: "bytes", Width: 16, JSON: Text, format: formatBytes},
	types.Struct: {Name: "struct", Width: 18, JSON: Text, format: formatBytes},
	types.Array:  {Name: "array", Width: 16, JSON: Text, format: formatBytes},
	types.List:   {Name: "list", Width: 32, JSON: Text, format: formatBytes},
	types.Text:   {Name: "text", Width: 24, JSON: Text, format: formatBytes},
	types.Null:   {Name: "null", Width: 1, JSON: Text, format: formatNothing},
	types.Stack:  {Name: "stack", Width: 32, JSON: Text, format: formatStack},
}

// byName and byKind index the tables; nothing changes them after they are made.
var (
	byName = indexNames()
	byKind = indexKinds()
)

func indexNames() map[string]*Unit {
	index := make(map[string]*Unit, len(table)+1)
	for i := range table {
		index[table[i].Name] = &table[i]
	}
	return index
}

func indexKinds() [types.Stack + 1]*Unit {
	var index [types.Stack + 1]*Unit
	for kind, u := range kinds {
		u.Implicit = true
		u.accepts = func(t types.Type) bool { return t.Kind == kind && t.Unit == "" }
		u.result = keepType
		index[kind] = &u
	}
	return index
}

func formatNothing(dst []byte, _ *Env, _ *value.Value) []byte { return dst }

func isNumber(t types.Type) bool { return t.IsNumber() }

func isAddressNumber(t types.Type) bool { return t.IsNumber() || t.Kind == types.Pointer }

// isAddress: the four bytes of an IPv4 address in a register, or 4 or 16 bytes
// in memory.
func isAddress(t types.Type) bool {
	switch t.Kind {
	case types.Int:
		return t.Size == 4
	case types.Bytes, types.Struct, types.Array:
		n := memorySize(t)
		return n == 4 || n == 16
	}
	return false
}

func isMAC(t types.Type) bool {
	switch t.Kind {
	case types.Pointer:
		return t.Elem == nil || t.Elem.Size == 1 || memorySize(*t.Elem) == macSize
	case types.Bytes, types.Struct, types.Array:
		return memorySize(t) >= macSize
	}
	return false
}

// memorySize is the size in bytes of a value in memory.
func memorySize(t types.Type) int {
	if t.Kind == types.Array && t.Elem != nil {
		return t.Len * t.Elem.Size
	}
	return t.Size
}

func keepType(_ Unit, t types.Type) types.Type { return t }

func keepNumber(u Unit, t types.Type) types.Type {
	if t.Kind == types.Enum {
		t.Kind = types.Int
	}
	t.Unit, t.Table, t.C, t.Name = u.Name, nil, nil, ""
	return t
}

func bytesOrInt(u Unit, t types.Type) types.Type {
	if t.IsScalar() {
		t = keepNumber(u, t)
		t.BigEndian, t.Signed = false, false
		return t
	}
	return fixedBytes(u.Name, memorySize(t))
}

func macBytes(u Unit, _ types.Type) types.Type { return fixedBytes(u.Name, macSize) }
