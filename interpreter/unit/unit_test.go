package unit

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf/btf"

	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

// machine is a Resolver that knows a little.
type machine struct{}

func (machine) Username(uid uint32) (string, bool) { return "root", uid == 0 }
func (machine) UserID(name string) (uint32, bool)  { return 0, name == "root" }
func (machine) KernelSymbol(addr uint64) (Symbol, bool) {
	return Symbol{Name: "vfs_read", Offset: addr - 0xffff0000, Module: "ext4"}, addr >= 0xffff0000
}

func (machine) KernelAddress(name string) (uint64, error) {
	if name == "avenrun" {
		return 0xffff0000, nil
	}
	return 0, errors.New("there is no such symbol")
}

func (machine) UserSymbol(pid uint32, addr uint64) (Symbol, bool) {
	return Symbol{Name: "main"}, pid == 7 && addr == 0x400000
}
func (machine) CgroupPath(id uint64) (string, bool) { return "/system.slice", id == 5 }
func (machine) WallTime(mono uint64) time.Time      { return time.Unix(1700000000, int64(mono)) }

func testEnv() *Env { return &Env{Names: ABI("x86_64"), Resolver: machine{}} }

func number(t types.Type, n int64) value.Value { return value.Value{Type: &t, Int: uint64(n)} }

func raw(unit string, bytes ...byte) value.Value {
	return value.Value{Type: &types.Type{Kind: types.Bytes, Size: len(bytes), Fixed: true, Unit: unit}, Bytes: bytes}
}

func TestAppendPrintsEachUnit(t *testing.T) {
	states := types.NewNameTable(map[int64]string{1: "ESTABLISHED", 2: "SYN_SENT"}, "")
	withDefault := types.NewNameTable(map[int64]string{1: "a"}, "other")
	modes := types.NewNameTable(map[int64]string{1: "O_WRONLY", 2: "O_RDWR", 64: "O_CREAT", 0x101000: "O_SYNC", 0x1000: "O_DSYNC"}, "")
	tabled := func(unit string, table *types.NameTable, n int64) value.Value {
		ty := types.S32.WithUnit(unit)
		ty.Table = table
		return number(ty, n)
	}
	be := func(ty types.Type) types.Type { ty.BigEndian = true; return ty }
	enum := types.Type{Kind: types.Enum, Size: 4, Signed: true, C: &btf.Enum{Values: []btf.EnumValue{{Name: "NEG", Value: math.MaxUint64}, {Name: "ONE", Value: 1}}}}
	rows := []struct {
		name string
		v    value.Value
		want string
	}{
		{"IPv4 in a register", number(types.U32.WithUnit("ip"), 0x0100000a), "10.0.0.1"},
		{"IPv4 in memory", raw("ip", 127, 0, 0, 1), "127.0.0.1"},
		{"IPv6", raw("ip", 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), "fe80::1"},
		{"mapped IPv4", raw("ip", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1), "10.0.0.1"},
		{"zero IPv6", raw("ip", make([]byte, 16)...), "::"},
		{"address of another length", raw("ip", 1, 2, 3), "01:02:03"},
		{"error", number(types.S64.WithUnit("errno"), -2), "ENOENT"},
		{"error in an unsigned register", number(types.U64.WithUnit("errno"), -13), "EACCES"},
		{"error in an unsigned 32-bit register", number(types.U32.WithUnit("errno"), 0xfffffffe), "ENOENT"},
		{"success prints nothing", number(types.S64.WithUnit("errno"), 3), ""},
		{"error without a name", number(types.S64.WithUnit("errno"), -4094), "-4094"},
		{"address that is no error", number(types.S64.WithUnit("errno"), -5000), "-5000"},
		{"signal", number(types.S32.WithUnit("signal"), 9), "SIGKILL"},
		{"system call", number(types.S64.WithUnit("syscall"), 257), "openat"},
		{"unknown system call", number(types.S64.WithUnit("syscall"), 99999), "99999"},
		{"capability", number(types.S32.WithUnit("capability"), 12), "CAP_NET_ADMIN"},
		{"family", number(types.U16.WithUnit("family"), 2), "AF_INET"},
		{"TCP state", number(types.S32.WithUnit("tcp_state"), 1), "ESTABLISHED"},
		{"user", number(types.U32.WithUnit("username"), 0), "root"},
		{"unknown user", number(types.U32.WithUnit("username"), 1000), "1000"},
		{"kernel symbol", number(types.U64.WithUnit("ksym"), 0xffff001c), "vfs_read+0x1c [ext4]"},
		{"unknown kernel symbol", number(types.U64.WithUnit("ksym"), 16), "0x10"},
		{"user symbol", value.Value{Type: new(types.U64.WithUnit("usym")), Int: 0x400000, PID: 7}, "main"},
		{"user symbol of another process", value.Value{Type: new(types.U64.WithUnit("usym")), Int: 0x400000}, "0x400000"},
		{"mac", raw("mac", 2, 0x42, 0xac, 0x11, 0, 2), "02:42:ac:11:00:02"},
		{"hex", number(types.U32.WithUnit("hex"), 0x1f), "0x1f"},
		{"hex of a negative number has its size", number(types.S32.WithUnit("hex"), -1), "0xffffffff"},
		{"octal", number(types.U16.WithUnit("octal"), 0o644), "0644"},
		{"octal zero", number(types.U16.WithUnit("octal"), 0), "0"},
		{"lookup", tabled("lookup", states, 2), "SYN_SENT"},
		{"lookup without a name", tabled("lookup", states, 9), "9"},
		{"lookup with a default", tabled("lookup", withDefault, 9), "other"},
		{"flags", tabled("flags", modes, 65), "O_WRONLY|O_CREAT"},
		{"flags of several bits hide the bits they hold", tabled("flags", modes, 0x101000), "O_SYNC"},
		{"part of several bits", tabled("flags", modes, 0x1001), "O_WRONLY|O_DSYNC"},
		{"flags without a name", tabled("flags", modes, 0x81), "O_WRONLY|0x80"},
		{"no flags", tabled("flags", modes, 0), "0"},
		{"cgroup", number(types.U64.WithUnit("cgroup_path"), 5), "/system.slice"},
		{"wall", number(types.U64.WithUnit("wall"), 1e9+1e3), "2023-11-14 22:13:21.000001"},
		{"device", number(types.U32.WithUnit("dev_t"), 8<<20|1), "8:1"},
		{"big-endian port", number(be(types.U16), 0x5000), "80"},
		{"enumerator", number(enum, 1), "ONE"},
		{"negative enumerator", number(enum, -1), "NEG"},
		{"unknown enumerator", number(enum, -7), "-7"},
		{"pointer", number(types.AnyPtr, 0x10), "0x10"},
		{"true", number(types.TBool, 1), "true"},
		{"signed", number(types.S32, -5), "-5"},
		{"unsigned", number(types.U64, -1), "18446744073709551615"},
		{"mean", value.Value{Type: &types.S64, IsFloat: true, Float: 1706.6}, "1706.6"},
		{"mean that is rounded", value.Value{Type: &types.S64, IsFloat: true, Float: 5.0 / 3}, "1.667"},
		{"mean without a rest", value.Value{Type: &types.S64, IsFloat: true, Float: 2.5}, "2.5"},
		{"mean of durations", value.Value{Type: &types.NS, IsFloat: true, Float: 1706.6}, "1.707us"},
		{"no number", value.Value{Type: &types.S64, IsFloat: true, Float: math.NaN()}, ""},
		{"null", value.Value{Type: &types.NS, Null: true}, ""},
		{"list", value.Value{Type: &types.Type{Kind: types.List}, Parts: &value.Parts{List: []value.Value{{Type: new(types.Str(4)), Bytes: []byte("ls")}, {Type: new(types.Str(4)), Bytes: []byte("-l")}}}}, "ls -l"},
		{"unit nobody knows", number(types.U32.WithUnit("parsec"), 3), "3"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if got := string(Append(nil, testEnv(), &row.v)); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func TestNilEnvPrintsNumbers(t *testing.T) {
	for _, u := range All() {
		v := number(types.U64.WithUnit(u.Name), 7)
		v.Bytes = []byte{1}
		if got := Append(nil, nil, &v); len(got) == 0 && u.Name != "errno" {
			t.Errorf("%s prints nothing", u.Name)
		}
	}
}

func TestParseReadsLiterals(t *testing.T) {
	enum := types.Type{Kind: types.Enum, Size: 4, C: &btf.Enum{Values: []btf.EnumValue{{Name: "TWO", Value: 2}}}}
	tabled := types.S32
	tabled.Table = types.NewNameTable(map[int64]string{1: "A", 2: "B"}, "")
	be := types.U16
	be.BigEndian = true
	rows := []struct {
		unit, literal string
		as            types.Type
		want          uint64
	}{
		{"duration", "10ms", types.NS, 10e6},
		{"size", "4KiB", types.Type{}, 4096},
		{"errno", "ENOENT", types.S64, ^uint64(1)},
		{"errno", "ENOENT", types.U32, 0xfffffffe},
		{"signal", "SIGKILL", types.S32, 9},
		{"syscall", "openat", types.S64, 257},
		{"capability", "CAP_NET_ADMIN", types.S32, 12},
		{"family", "AF_INET", be, 0x200},
		{"tcp_state", "ESTABLISHED", types.S32, 1},
		{"tcp_state", "TCP_ESTABLISHED", types.S32, 1},
		{"username", "root", types.U32, 0},
		{"username", "1000", types.U32, 1000},
		{"ksym", "avenrun", types.U64, 0xffff0000},
		{"hex", "0x1F", types.U32, 31},
		{"octal", "0644", types.U16, 0o644},
		{"octal", "0o644", types.U16, 0o644},
		{"lookup", "B", tabled, 2},
		{"flags", "A|B", tabled, 3},
		{"flags", "A|0x8", tabled, 9},
		{"flags", "0", tabled, 0},
		{"dev_t", "8:1", types.U32, 8<<20 | 1},
		{"ip", "10.0.0.1", types.U32, 0x0100000a},
	}
	for _, row := range rows {
		t.Run(row.unit+" "+row.literal, func(t *testing.T) {
			got, err := ByName(row.unit).Parse(testEnv(), row.as, row.literal)
			if err != nil || got.Int != row.want || got.Type.Unit != row.unit {
				t.Errorf("got %#x %s, %v; want %#x", got.Int, got.Type.Unit, err, row.want)
			}
		})
	}
	if got, err := For(enum).Parse(nil, enum, "TWO"); err != nil || got.Int != 2 {
		t.Errorf("enumerator: got %d, %v", got.Int, err)
	}
}

func TestParseSaysWhatIsRight(t *testing.T) {
	rows := []struct {
		unit, literal, want string
		as                  types.Type
	}{
		{unit: "duration", literal: "fast", want: `must be a duration such as "10ms"`},
		{unit: "duration", literal: "", want: `must be a duration such as "10ms"`},
		{unit: "duration", literal: "10", want: `must be a duration such as "10ms": the number needs a unit`},
		{unit: "duration", literal: "10 ms", want: `must be a duration such as "10ms": there is no unit " ms"`},
		{unit: "duration", literal: "0.5ns", want: `must be a duration such as "10ms": this one is not a whole number of the smallest unit`},
		{unit: "duration", literal: "300y", want: `must be a duration such as "10ms": there is no unit "y"`},
		{unit: "duration", literal: "200000d", want: `must be a duration such as "10ms": this one does not fit into 64 bits`},
		{unit: "size", literal: "64K", want: `must be a size such as "4KiB": write KiB for a power of 1024, or KB for one of 1000`},
		{unit: "size", literal: "1.5", want: `must be a size such as "4KiB": the number needs a unit`},
		{unit: "size", literal: "16EiB", want: `must be a size such as "4KiB": this one does not fit into 64 bits`},
		{unit: "size", literal: "1KiB2", want: `must be a size such as "4KiB"`},
		{unit: "errno", literal: "enoent", want: `must be an error such as "ENOENT": there is no error number called "enoent" (did you mean "ENOENT"?)`},
		{unit: "signal", literal: "SIGKIL", want: `must be a signal such as "SIGKILL": there is no signal called "SIGKIL" (did you mean "SIGKILL"?)`},
		{unit: "ip", literal: "10.0.0", want: `must be an IP address such as "10.0.0.1" or "::1"`},
		{unit: "ip", literal: "::1", as: types.U32, want: `must be an IP address such as "10.0.0.1" or "::1": the value it is compared with is IPv4`},
		{unit: "mac", literal: "02:42:ac:11:00:0x", want: `must be an Ethernet address such as "02:42:ac:11:00:02"`},
		{unit: "hex", literal: "0x1ffff", as: types.U16, want: `must be a hexadecimal number such as "0x1f" that fits its type`},
		{unit: "dev_t", literal: "8", want: `must be a device such as "8:0"`},
		{unit: "wall", literal: "now", want: "cannot be read as wall: there are no literals of this type"},
	}
	for _, row := range rows {
		t.Run(row.unit+" "+row.literal, func(t *testing.T) {
			_, err := ByName(row.unit).Parse(testEnv(), row.as, row.literal)
			if err == nil || err.Error() != row.want {
				t.Errorf("got %v\nwant %s", err, row.want)
			}
		})
	}
}

func TestParsedIPComparesWithMemory(t *testing.T) {
	both := types.Type{Kind: types.Bytes, Size: 16, Fixed: true}
	got, err := ByName("ip").Parse(nil, both, "10.0.0.1")
	if err != nil || len(got.Bytes) != 16 || got.Bytes[11] != 0xff || got.Bytes[12] != 10 {
		t.Fatalf("got %v, %v", got.Bytes, err)
	}
	if text := string(Append(nil, nil, &got)); text != "10.0.0.1" {
		t.Errorf("prints %s", text)
	}
}

func TestDurations(t *testing.T) {
	rows := []struct {
		ns   int64
		want string
	}{
		{0, "0s"},
		{1, "1ns"},
		{999, "999ns"},
		{1000, "1us"},
		{1234, "1.234us"},
		{999_999, "999.999us"},
		{1_500_000, "1.5ms"},
		{1_500_001, "1.500ms"},
		{1_234_567, "1.235ms"},
		{999_999_499, "999.999ms"},
		{999_999_500, "1.000s"},
		{1_000_000_000, "1s"},
		{59_999_400_000, "59.999s"},
		{59_999_600_000, "1m0.000s"},
		{60e9, "1m"},
		{90_500_000_000, "1m30.5s"},
		{1_099_511_627_776, "18m19.512s"},
		{3600e9, "1h"},
		{3661e9, "1h1m1s"},
		{86400e9 + 1e9, "1d1s"},
		{-1500, "-1.5us"},
		{math.MinInt64, "-106751d23h47m17s"},
	}
	for _, row := range rows {
		if got := string(AppendDuration(nil, row.ns)); got != row.want {
			t.Errorf("%d: got %s, want %s", row.ns, got, row.want)
		}
	}
}

func TestParseDurationIsExact(t *testing.T) {
	rows := map[string]int64{
		"1.5ms": 1_500_000, "10us": 10_000, "10µs": 10_000, "10μs": 10_000, "1h30m": 5400e9, "2d": 172800e9,
		"0.000000001s": 1, "1.000s": 1e9, "-2us": -2000, "+3ns": 3, "0": 0, "1m0.5s": 60_500_000_000,
		"9223372036854775807ns": math.MaxInt64, "0.100000000000000000000s": 100_000_000,
	}
	for literal, want := range rows {
		if got, err := ParseDuration(literal); err != nil || got != want {
			t.Errorf("%s: got %d, %v; want %d", literal, got, err, want)
		}
	}
}

func TestSizes(t *testing.T) {
	rows := []struct {
		n    uint64
		want string
	}{
		{0, "0B"},
		{1023, "1023B"},
		{1024, "1KiB"},
		{1536, "1.5KiB"},
		{1500, "1.46KiB"},
		{1<<20 - 1, "1.00MiB"},
		{1 << 20, "1MiB"},
		{1<<20 + 1, "1.00MiB"},
		{5 << 40, "5TiB"},
		{math.MaxUint64, "16.00EiB"},
	}
	for _, row := range rows {
		if got := string(AppendSize(nil, row.n, false)); got != row.want {
			t.Errorf("%d: got %s, want %s", row.n, got, row.want)
		}
	}
	for literal, want := range map[string]int64{"512": 512, "512B": 512, "4KiB": 4096, "1.5MiB": 1572864, "10MB": 10e6, "2kB": 2000, "-1KiB": -1024} {
		if got, err := ParseSize(literal); err != nil || got != want {
			t.Errorf("%s: got %d, %v; want %d", literal, got, err, want)
		}
	}
}

func TestArithmeticKeepsUnits(t *testing.T) {
	rows := []struct {
		op                Op
		left, right, want string
		ok                bool
	}{
		{Add, "duration", "duration", "duration", true},
		{Subtract, "size", "", "size", true},
		{Add, "", "size", "size", true},
		{Add, "duration", "size", "", false},
		{Multiply, "duration", "", "duration", true},
		{Multiply, "", "size", "size", true},
		{Multiply, "size", "size", "", false},
		{Divide, "duration", "duration", "", true},
		{Divide, "size", "", "size", true},
		{Divide, "size", "duration", "", true},
		{Remainder, "duration", "", "duration", true},
		{Add, "hex", "hex", "", true},
	}
	for _, row := range rows {
		got, ok := Arithmetic(row.op, row.left, row.right)
		if got != row.want || ok != row.ok {
			t.Errorf("%q %c %q: got %q %t", row.left, row.op, row.right, got, ok)
		}
	}
}

func TestEveryUnitIsDeclaredWhole(t *testing.T) {
	for _, u := range All() {
		if u.Doc == "" || u.Example == "" || u.Takes == "" || u.Width == 0 || u.accepts == nil || u.result == nil || u.format == nil {
			t.Errorf("%s lacks something", u.Name)
		}
		if u.Reads() != (u.Literal != "") {
			t.Errorf("%s: what it reads and what it says it reads differ", u.Name)
		}
		if ByName(u.Name) != u {
			t.Errorf("%s is declared twice", u.Name)
		}
	}
	for kind := types.Invalid; kind <= types.Stack; kind++ {
		if For(types.Type{Kind: kind}) == nil {
			t.Errorf("kind %d does not print", kind)
		}
	}
}

func TestResultTypes(t *testing.T) {
	be32 := types.U32
	be32.BigEndian = true
	in6 := types.Type{Kind: types.Struct, Size: 16}
	u8 := types.U8
	array := types.Type{Kind: types.Array, Len: 32, Elem: &u8}
	if got := ByName("ip").Result(be32); got.BigEndian || got.Unit != "ip" || got.Kind != types.Int {
		t.Errorf("ip(__be32) is %+v", got)
	}
	if got := ByName("ip").Result(in6); got.Kind != types.Bytes || got.Size != 16 || !got.Fixed {
		t.Errorf("ip(in6_addr) is %+v", got)
	}
	if got := ByName("mac").Result(array); got.Kind != types.Bytes || got.Size != 6 {
		t.Errorf("mac(u8[32]) is %+v", got)
	}
	if ByName("ip").Accepts(types.U64) || ByName("duration").Accepts(types.Comm) || !ByName("ksym").Accepts(types.AnyPtr) {
		t.Error("a unit accepts what it must not, or not what it must")
	}
}

func TestBoundsOfPlainNumbersAreWhole(t *testing.T) {
	if got := string(For(types.S64).AppendBound(nil, nil, types.S64, ^uint64(0))); got != "-1" {
		t.Errorf("got %s", got)
	}
	if got := string(For(types.NS).AppendBound(nil, nil, types.NS, 2048)); got != "2.048us" {
		t.Errorf("got %s", got)
	}
	size := types.S64.WithUnit("size")
	for bound, want := range map[int64]string{1 << 20: "1048576B", 0: "0B", -5000: "-5000B"} {
		if got := string(For(size).AppendExactBound(nil, size, uint64(bound))); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := string(For(types.NS).AppendExactBound(nil, types.NS, 1_000_100_000)); got != "1000100000ns" {
		t.Errorf("got %s", got)
	}
}

func FuzzDurationRoundTrip(f *testing.F) {
	for _, n := range []int64{0, 1, 999, 1000, 1e6, 1_234_567, 59_999_999_999, 86400e9, math.MinInt64, math.MaxInt64} {
		f.Add(n)
	}
	f.Fuzz(func(t *testing.T, n int64) {
		text := string(AppendDuration(nil, n))
		back, err := ParseDuration(text)
		if err != nil {
			if n < math.MinInt64+1e9 || n > math.MaxInt64-1e9 { // rounds beyond 64 bits
				return
			}
			t.Fatalf("%d prints %s: %v", n, text, err)
		}
		limit := 5e8 // rounded to seconds
		switch size := math.Abs(float64(n)); {
		case size < 1e9:
			limit = 500
		case size < 3600e9:
			limit = 5e5
		}
		if math.Abs(float64(back-n)) > limit {
			t.Fatalf("%d prints %s, which is %d", n, text, back)
		}
		if again := string(AppendDuration(nil, back)); back == n && again != text {
			t.Fatalf("%d prints %s and %s", n, text, again)
		}
	})
}

func FuzzParseNeverPanics(f *testing.F) {
	f.Add("10ms")
	f.Add("1.5KiB")
	f.Add("10.0.0.1")
	f.Add("A|0x8")
	f.Fuzz(func(t *testing.T, literal string) {
		for _, u := range All() {
			v, err := u.Parse(testEnv(), types.Type{}, literal)
			if err == nil {
				Append(nil, testEnv(), &v)
			}
		}
	})
}

// A long literal is compared with none of the names: that would take hours here.
func TestLongLiteralsAreNearNothing(t *testing.T) {
	names := slices.Repeat([]string{"ENOENT", "EACCES"}, 5000)
	if got := Nearest(strings.Repeat("E", 10<<20), names); got != "" {
		t.Errorf("near: %q", got)
	}
	if got := Nearest("enonet", names); got != "ENOENT" {
		t.Errorf("near enonet: %q", got)
	}
}
