package render

import (
	"bytes"
	"errors"
	"time"

	"tracer/interpreter/types"
	"tracer/interpreter/unit"
	"tracer/interpreter/value"
)

// machine is a unit.Resolver with a few names.
type machine struct{}

func (machine) Username(uint32) (string, bool) { return "", false }
func (machine) UserID(string) (uint32, bool)   { return 0, false }
func (machine) KernelSymbol(addr uint64) (unit.Symbol, bool) {
	names := map[uint64]string{1: "vfs_read", 2: "ksys_read", 3: "do_syscall_64"}
	return unit.Symbol{Name: names[addr&0xf], Offset: addr >> 8}, names[addr&0xf] != ""
}
func (machine) KernelAddress(string) (uint64, error) { return 0, errors.New("no") }
func (machine) UserSymbol(_ uint32, addr uint64) (unit.Symbol, bool) {
	return unit.Symbol{Name: "main\x1b[31m", Offset: addr, Module: "a.out"}, addr < 100
}
func (machine) CgroupPath(uint64) (string, bool)    { return "", false }
func (machine) WallTime(monotonic uint64) time.Time { return time.Unix(0, int64(monotonic)+offset) }

const offset = 1_763_802_904_000_000_000 // 2025-11-22T09:15:04Z

func testEnv() *unit.Env { return &unit.Env{Names: unit.ABI("x86_64"), Resolver: machine{}} }

func options(out *bytes.Buffer, width int) Options {
	return Options{Out: out, Width: width, Env: testEnv(), WallOffset: offset}
}

func num(t types.Type, n int64) value.Value { return value.Value{Type: &t, Int: uint64(n)} }

func str(s string) value.Value { return value.Value{Type: new(types.Str(128)), Bytes: []byte(s)} }

func comm(s string) value.Value { return value.Value{Type: &types.Comm, Bytes: []byte(s)} }

func col(name string, t types.Type) value.Column { return value.Column{Name: name, Type: t} }

func stack(space types.Space, addrs ...uint64) value.Value {
	return value.Value{Type: &types.Type{Kind: types.Stack, Space: space}, Parts: &value.Parts{Addrs: addrs}, PID: 7}
}

func hist(t types.Type, step uint64, bounds []uint64, counts []uint64) value.Value {
	h := &value.Hist{Step: step}
	for i, n := range counts {
		h.Count += n
		h.Sum += n * (bounds[i] + bounds[i+1]) / 2
		if n > 0 {
			h.Buckets = append(h.Buckets, value.Bucket{Ge: bounds[i], Lt: bounds[i+1], Count: n})
		}
	}
	return value.Value{Type: &t, Parts: &value.Parts{Hist: h}}
}

var (
	size  = types.S64.WithUnit("size")
	errno = types.S64.WithUnit("errno")
	ip    = types.U32.WithUnit("ip")
)

func openEvents() []*value.Event {
	columns := []value.Column{col("pid", types.U32), col("comm", types.Comm), col("path", types.Str(128)), col("flags", types.U32.WithUnit("hex")), col("error", errno), col("latency", types.NS)}
	row := func(at uint64, pid int64, name, path string, flags, err, ns int64) *value.Event {
		return &value.Event{
			Probe: "syscall.open", Time: at, Columns: columns,
			Values: []value.Value{num(types.U32, pid), comm(name), str(path), num(types.U32.WithUnit("hex"), flags), num(errno, err), num(types.NS, ns)},
		}
	}
	events := []*value.Event{
		row(1_000_123, 1, "systemd", "/proc/1/cgroup", 0x80000, 0, 12_345),
		row(2_000_456, 31337, "cat", "/etc/ld.so.cache", 0x80000, 3, 2_034_000),
		row(2_100_000, 4194304, "web content 12", "/usr/lib/x86_64-linux-gnu/libc.so.6", 0, -2, 512),
		row(1_002_200_000, 7, "evil", "a\nb\x1b[2J\xff\u202e世界", 0x42, -13, 1_500_000_000),
	}
	cut := row(1_002_300_000, 8, "cut", "/very/long", 1, 0, 999)
	cut.Values[2].Truncated = true
	return append(events, cut, &value.Event{Probe: "syscall.open", Time: 1_002_400_000, Columns: columns, Values: []value.Value{num(types.U32, 9), comm("null"), {Type: new(types.Str(128)), Null: true}, num(types.U32.WithUnit("hex"), 1), num(errno, 0), {Type: &types.NS, Null: true}}})
}

func mixedEvents() []*value.Event {
	connect := []value.Column{col("pid", types.U32), col("comm", types.Comm), col("raddr", ip), col("rport", types.U16)}
	exit := []value.Column{col("pid", types.U32), col("code", types.S32)}
	return []*value.Event{
		{Probe: "kprobe.connect", Time: 1_000_000, Columns: connect, Values: []value.Value{num(types.U32, 1200), comm("curl"), num(ip, 0x0100000a), num(types.U16, 443)}},
		{Probe: "tracepoint.exit", Time: 2_000_000, Columns: exit, Values: []value.Value{num(types.U32, 1200), num(types.S32, -1)}},
		{Probe: "kprobe.connect", Time: 3_000_000, Columns: connect, Values: []value.Value{num(types.U32, 31337), comm("web content 12"), num(ip, 0x0101a8c0), num(types.U16, 8080)}},
	}
}

func stackEvents() []*value.Event {
	columns := []value.Column{col("pid", types.U32), col("kernel", types.Type{Kind: types.Stack}), col("user", types.Type{Kind: types.Stack, Space: types.User}), col("argv", types.Type{Kind: types.List})}
	argv := value.Value{Type: &types.Type{Kind: types.List}, Parts: &value.Parts{List: []value.Value{str("ls"), str("-l"), str("a b")}}, Truncated: true}
	return []*value.Event{
		{Probe: "kprobe.read", Time: 1_000_000, Columns: columns, Values: []value.Value{num(types.U32, 1), stack(types.Kernel, 0x9c01, 2, 0x1003), stack(types.User, 16, 0x7fff12345678), argv}},
		{Probe: "kprobe.read", Time: 2_000_000, Columns: columns, Values: []value.Value{num(types.U32, 2), stack(types.Kernel, 1), {Type: &types.Type{Kind: types.Stack}, Null: true}, argv}},
	}
}

func readsTable() *value.Table {
	row := func(name, path string, calls, bytes, ns int64, mean float64) value.Row {
		return value.Row{
			By:     []value.Value{comm(name), str(path)},
			Values: []value.Value{num(types.U64, calls), num(size, bytes), num(types.NS, ns), {Type: &types.S64, IsFloat: true, Float: mean}},
		}
	}
	return &value.Table{
		Aggregate: "reads", Probes: []string{"kretprobe.read"}, Time: 5_000_000_000,
		By:     []value.Column{col("comm", types.Comm), col("path", types.Str(128))},
		Values: []value.Column{col("calls", types.U64), col("bytes", size), col("latency", types.NS), col("mean", types.S64)},
		Rows: []value.Row{
			row("postgres", "/var/lib/postgresql/16/main/base/16384/2619", 120345, 3<<30, 1_234_567, 1706.6),
			row("cat", "/etc/passwd", 3, 5120, 12_000, 5.0/3),
			row("世界", "", 1, 0, 0, 0),
		},
		Other:   &value.Row{By: []value.Value{{Null: true}, {Null: true}}, Values: []value.Value{num(types.U64, 17), num(size, 1500), num(types.NS, 40), {Null: true}}},
		LeftOut: 12,
	}
}

func latencyTable() *value.Table {
	p := func(i int) uint64 { return 1 << i }
	bounds := []uint64{p(9), p(10), p(11), p(12), p(13), p(14), p(15), p(16)}
	return &value.Table{
		Aggregate: "latency", Probes: []string{"tracepoint.done"}, Time: 5_000_000_000,
		By:     []value.Column{col("comm", types.Comm), col("dev", types.U32.WithUnit("dev_t"))},
		Values: []value.Column{{Name: "time", Type: types.NS, Hist: true}, col("calls", types.U64), {Name: "size", Type: size, Hist: true}},
		Rows: []value.Row{
			{By: []value.Value{comm("fio"), num(types.U32.WithUnit("dev_t"), 8<<20)}, Values: []value.Value{
				hist(types.NS, 0, bounds, []uint64{1, 20, 1234, 560, 0, 0, 3}), num(types.U64, 1818),
				hist(size, 0, []uint64{4096, 8192}, []uint64{1818}),
			}},
			{By: []value.Value{comm("cat"), num(types.U32.WithUnit("dev_t"), 8<<20|1)}, Values: []value.Value{
				hist(types.NS, 0, []uint64{p(20), p(21)}, []uint64{1}), num(types.U64, 1),
				hist(size, 0, []uint64{0, 1}, []uint64{1}),
			}},
		},
		LeftOut: 1,
	}
}

func linearTable() *value.Table {
	h := &value.Hist{Step: 100_000, Count: 16, Sum: 2_000_000, Buckets: []value.Bucket{
		{NoGe: true, Lt: 0, Count: 1},
		{Ge: 0, Lt: 100_000, Count: 9},
		{Ge: 300_000, Lt: 400_000, Count: 4},
		{Ge: 900_000, Lt: 1_000_000, Count: 1},
		{Ge: 1_000_000, NoLt: true, Count: 1},
	}}
	ns := types.NS
	ns.Signed = true
	return &value.Table{
		Aggregate: "delay", Probes: []string{"kprobe.x"}, Time: 5_000_000_000,
		Values: []value.Column{{Name: "delay", Type: ns, Hist: true}},
		Rows:   []value.Row{{Values: []value.Value{{Type: &ns, Parts: &value.Parts{Hist: h}}}}},
	}
}

func cacheTables() []*value.Table {
	columns := []value.Column{col("hits", types.U64), col("misses", types.S64), col("ratio", types.S64)}
	table := func(at uint64, hits, misses int64, ratio float64) *value.Table {
		return &value.Table{Aggregate: "cache", Probes: []string{"kprobe.accessed"}, Time: at, Values: columns, Rows: []value.Row{{Values: []value.Value{num(types.U64, hits), num(types.S64, misses), {Type: &types.S64, IsFloat: true, Float: ratio}}}}}
	}
	return []*value.Table{table(1e9, 12000, 3, 99.97), table(2e9, 7, 0, 100)}
}

func stackTable() *value.Table {
	kernel := types.Type{Kind: types.Stack}
	return &value.Table{
		Aggregate: "stacks", Probes: []string{"profile.cpu"}, Time: 5e9,
		By:     []value.Column{col("comm", types.Comm), col("stack", kernel)},
		Values: []value.Column{col("samples", types.U64)},
		Rows: []value.Row{
			{By: []value.Value{comm("a;b"), stack(types.Kernel, 1, 2, 3)}, Values: []value.Value{num(types.U64, 99)}},
			{By: []value.Value{comm("idle"), stack(types.Kernel, 3)}, Values: []value.Value{num(types.U64, 1)}},
		},
		Other: &value.Row{Values: []value.Value{num(types.U64, 5)}},
	}
}

func emptyTable() *value.Table {
	t := readsTable()
	t.Rows, t.Other, t.LeftOut = nil, nil, 0
	return t
}

func summaries() []*value.Summary {
	return []*value.Summary{
		{Time: 9e9, Probes: []value.ProbeCounters{
			{Probe: "kretprobe.read", Counters: value.Counters{Events: 120345, Skipped: 17, Lost: 2, FailedReads: 1, Truncated: 9}},
			{Probe: "tracepoint.done", Counters: value.Counters{Events: 1, Evicted: 1, Unmatched: 4, Missed: 3, RejectedKeys: 6}},
			{Probe: "kprobe.quiet"},
		}},
		{Time: 9e9, Probes: []value.ProbeCounters{{Probe: "kprobe.a"}, {Probe: "kprobe.b"}}},
	}
}
