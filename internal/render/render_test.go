package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

func event(values ...value.Value) *value.Event {
	e := &value.Event{Probe: "p.x", Time: 1, Values: values}
	for i, v := range values {
		e.Columns = append(e.Columns, col("c"+strconv.Itoa(i), *v.Type))
	}
	return e
}

// hostile are values that hold bytes of a traced process, in every place.
func hostile(s []byte) []value.Value {
	return []value.Value{
		{Type: new(types.Str(64)), Bytes: s},
		{Type: new(types.Buf(64)), Bytes: s, Truncated: true},
		{Type: &types.Type{Kind: types.Text}, Bytes: s},
		{Type: &types.Type{Kind: types.List}, Parts: &value.Parts{List: []value.Value{{Type: new(types.Str(64)), Bytes: s}}}},
		{Type: &types.Type{Kind: types.Bytes, Unit: "ip"}, Bytes: s},
	}
}

// written is what a renderer makes of a row and of a table of the values.
func written(t testing.TB, set func(*Options), values []value.Value) string {
	t.Helper()
	var out bytes.Buffer
	opt := options(&out, 80)
	set(&opt)
	r := New(opt)
	e := event(values...)
	e.Columns[0].Name = "a\x1b[1m\n"
	table := &value.Table{Aggregate: "a", By: e.Columns, Rows: []value.Row{{By: values}, {By: values}}}
	withHist := &value.Table{Aggregate: "h", By: e.Columns, Values: []value.Column{col("h", types.NS)}, Rows: []value.Row{{By: values, Values: []value.Value{hist(types.NS, 0, []uint64{1, 2}, []uint64{1})}}}}
	for _, err := range []error{r.Event(e), r.Table(table), r.Table(withHist), r.Flush()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

func checkPrintable(t *testing.T, out string) {
	t.Helper()
	for _, c := range out {
		if c != '\n' && !unicode.IsPrint(c) {
			t.Fatalf("%U reaches the terminal: %q", c, out)
		}
	}
	if !utf8.ValidString(out) {
		t.Fatalf("output is not UTF-8: %q", out)
	}
}

func FuzzBytesNeverDriveTheTerminal(f *testing.F) {
	for _, s := range []string{"", "plain", "\x1b[2J\x07", "\xff\xfe", "a\nb\r\tc", "\u202e\u200b\u0085", "世界", `C:\xff \\`, "\x00", "\U000e0001\U0010ffff", "\ufffd", "\u2028", `\` + "\xff", `"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, s []byte) {
		s = s[:min(len(s), 4096)] // no string is longer
		text := written(t, func(*Options) {}, hostile(s))
		checkPrintable(t, text)
		lines := strings.Split(text, "\n")
		if len(lines) > 40 {
			t.Fatalf("content makes %d lines", len(lines))
		}
		out := written(t, func(o *Options) { o.Format = JSON }, hostile(s))
		checkPrintable(t, out)
		for line := range strings.Lines(out) {
			if !json.Valid([]byte(line)) {
				t.Fatalf("no JSON: %s", line)
			}
		}
		var decoded string
		if err := json.Unmarshal(appendJSONString(nil, s), &decoded); err != nil {
			t.Fatal(err)
		}
		if back := restored(decoded); !bytes.Equal(back, s) {
			t.Fatalf("%q became %q and %q again", s, decoded, back)
		}
		checkPrintable(t, written(t, func(o *Options) { o.Format = Folded }, append(hostile(s), stack(types.Kernel, 1))))
	})
}

// restored reads a decoded JSON string as the package comment says.
func restored(s string) []byte {
	var out []byte
	for i := 0; i < len(s); {
		run := 0
		for i+run < len(s) && s[i+run] == '\\' {
			run++
		}
		rest := s[i+run:]
		if run == 0 {
			out = append(out, s[i])
			i++
			continue
		}
		n, err := uint64(0), errors.New("no escape")
		if len(rest) >= 3 && rest[0] == 'x' && rest[1:3] == strings.ToLower(rest[1:3]) {
			n, err = strconv.ParseUint(rest[1:3], 16, 8)
		}
		i += run
		if err != nil || n < 0x80 {
			out = append(out, strings.Repeat(`\`, run)...)
			continue
		}
		out = append(out, strings.Repeat(`\`, run/2)...)
		if run%2 == 1 {
			out = append(out, byte(n))
			i += 3
		}
	}
	return out
}

func TestJSONNumbers(t *testing.T) {
	rows := []struct {
		name string
		v    value.Value
		want string
	}{
		{"largest exact", num(types.U64, 1<<53), "9007199254740992"},
		{"beyond a double", num(types.U64, 1<<53+1), `"9007199254740993"`},
		{"largest unsigned", num(types.U64, -1), `"18446744073709551615"`},
		{"smallest exact", num(types.S64, -1<<53), "-9007199254740992"},
		{"below a double", num(types.S64, -1<<53-1), `"-9007199254740993"`},
		{"duration", num(types.NS, 1500), "1500"},
		{"mean duration is an integer", value.Value{Type: &types.NS, IsFloat: true, Float: 1706.6}, "1707"},
		{"mean", value.Value{Type: &types.S64, IsFloat: true, Float: 1706.6}, "1706.6"},
		{"tiny", value.Value{Type: &types.S64, IsFloat: true, Float: 1e-9}, "1e-09"},
		{"huge", value.Value{Type: &types.S64, IsFloat: true, Float: 1e300}, "1e+300"},
		{"true", num(types.TBool, 1), "true"},
		{"null", value.Value{Type: &types.TBool, Null: true}, "null"},
		{"pointer", num(types.AnyPtr, 16), `"0x10"`},
		{"empty text is a string", str(""), `""`},
		{"success is null", num(errno, 0), "null"},
		{"wall time", num(types.U64.WithUnit("wall"), 1), `"1970-01-01T00:00:00.000000001Z"`},
		{"empty list", value.Value{Type: &types.Type{Kind: types.List}}, "[]"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := New(Options{Out: io.Discard, Env: testEnv()})
			if got := string(r.jsonValue(nil, &row.v)); got != row.want || !json.Valid([]byte(got)) {
				t.Errorf("got %s, want %s", got, row.want)
			}
		})
	}
}

func TestStreamsSwitchToProbesWhenColumnsDiffer(t *testing.T) {
	var out bytes.Buffer
	opt := options(&out, 80)
	opt.Time = NoTime
	r := New(opt)
	for _, e := range mixedEvents() {
		if err := r.Event(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Flush(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if !strings.HasPrefix(lines[0], "    PID  COMM") || !strings.HasPrefix(lines[2], "tracepoint.exit  pid=1200") || !strings.HasPrefix(lines[3], "kprobe.connect   pid=31337") {
		t.Errorf("got\n%s", out.String())
	}
}

func TestHeaderStandsOnceUntilATableComesBetween(t *testing.T) {
	var out bytes.Buffer
	r := New(options(&out, 120))
	events := openEvents()
	_ = r.Event(events[0])
	_ = r.Event(events[1])
	_ = r.Table(readsTable())
	_ = r.Event(events[2])
	_ = r.Flush()
	if n := strings.Count(out.String(), "LATENCY\n"); n != 2 {
		t.Errorf("%d headers:\n%s", n, out.String())
	}
}

// A terminal that is made wider or narrower has the next table laid out for it.
func TestTablesFollowTheTerminal(t *testing.T) {
	var out bytes.Buffer
	width := 0
	opt := options(&out, 60)
	opt.WidthNow = func() int { return width }
	r := New(opt)
	long := types.Str(64)
	table := &value.Table{
		Aggregate: "t", By: []value.Column{col("path", long), col("comm", long)},
		Rows: []value.Row{{By: []value.Value{{Type: &long, Bytes: []byte(strings.Repeat("x", 50))}, {Type: &long, Bytes: []byte(strings.Repeat("y", 20))}}}},
	}
	var starts []int
	for _, width = range []int{0, 200, 0, 60} {
		out.Reset()
		if err := errors.Join(r.Table(table), r.Flush()); err != nil {
			t.Fatal(err)
		}
		header := strings.Split(out.String(), "PATH")
		starts = append(starts, strings.Index(header[len(header)-1], "COMM"))
	}
	if starts[0] != starts[3] || starts[1] != starts[2] || starts[0] >= starts[1] {
		t.Errorf("columns begin at %v", starts)
	}
}

// closed is a pipe nobody reads.
type closed struct{ writes int }

func (c *closed) Write([]byte) (int, error) { c.writes++; return 0, io.ErrClosedPipe }

func TestWriterErrorIsReturnedAndStays(t *testing.T) {
	w := &closed{}
	r := New(Options{Out: w, Env: testEnv()})
	e := openEvents()[0]
	var err error
	for range 10000 {
		if err = r.Event(e); err != nil {
			break
		}
	}
	if !errors.Is(err, io.ErrClosedPipe) {
		t.Fatalf("got %v", err)
	}
	if err := r.Table(readsTable()); !errors.Is(err, io.ErrClosedPipe) || w.writes != 1 {
		t.Errorf("got %v after %d writes", err, w.writes)
	}
}

func TestSummaryGoesToItsOwnWriterInText(t *testing.T) {
	var out, errOut bytes.Buffer
	opt := options(&out, 80)
	opt.Err = &errOut
	if err := New(opt).Summary(summaries()[0]); err != nil {
		t.Fatal(err)
	}
	if out.Len() != 0 || !strings.Contains(errOut.String(), "120345 events") {
		t.Errorf("out %q, err %q", out.String(), errOut.String())
	}
	out.Reset()
	opt.Format = JSON
	if err := New(opt).Summary(summaries()[0]); err != nil || !json.Valid(out.Bytes()) {
		t.Errorf("out %q, %v", out.String(), err)
	}
}

func TestEmptyBucketsAreFilledOrElided(t *testing.T) {
	rows := []struct {
		name    string
		h       value.Hist
		signed  bool
		want    int
		skipped bool
	}{
		{"powers of two", value.Hist{Buckets: []value.Bucket{{Ge: 1, Lt: 2}, {Ge: 8, Lt: 16}}}, false, 4, false},
		{"halves of powers of two", value.Hist{Buckets: []value.Bucket{{Ge: 8, Lt: 12}, {Ge: 16, Lt: 24}}}, false, 3, false},
		{"from zero", value.Hist{Buckets: []value.Bucket{{Ge: 0, Lt: 1}, {Ge: 4, Lt: 8}}}, false, 4, false},
		{"across zero", value.Hist{Buckets: []value.Bucket{{Ge: ^uint64(7), Lt: ^uint64(3)}, {Ge: 2, Lt: 4}}}, true, 7, false},
		{"far apart", value.Hist{Buckets: []value.Bucket{{Ge: 1, Lt: 2}, {Ge: 1 << 40, Lt: 1 << 41}}}, false, 3, true},
		{"linear", value.Hist{Step: 10, Buckets: []value.Bucket{{Ge: 0, Lt: 10}, {Ge: 30, Lt: 40}}}, false, 4, false},
		{"only outer linear buckets", value.Hist{Step: 10, Buckets: []value.Bucket{{NoGe: true, Lt: 0}, {Ge: 100, NoLt: true}}}, false, 12, false},
		{"linear, the narrower last one empty", value.Hist{Step: 25, Buckets: []value.Bucket{{Ge: 0, Lt: 25}, {Ge: 90, NoLt: true}}}, false, 5, false},
		{"linear, only the narrower last one", value.Hist{Step: 25, Buckets: []value.Bucket{{NoGe: true, Lt: ^uint64(9)}, {Ge: 90, Lt: 100}}}, true, 6, false},
		{"linear, far apart", value.Hist{Step: 10, Buckets: []value.Bucket{{NoGe: true, Lt: 0}, {Ge: 200, NoLt: true}}}, false, 3, true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			lines := bars(&row.h, row.signed)
			skipped := false
			for _, line := range lines {
				skipped = skipped || line.skipped
			}
			if len(lines) != row.want || skipped != row.skipped {
				t.Errorf("got %d lines %+v", len(lines), lines)
			}
		})
	}
}

// Buckets narrower than what a size or a duration is rounded to have exact bounds.
func TestBoundsOfNarrowBucketsAreNotShownAlike(t *testing.T) {
	rows := []struct {
		name   string
		t      types.Type
		ge, lt uint64
		want   string
	}{
		{"sizes", size, 1 << 20, 1<<20 + 100, "[1048576B, 1048676B)"},
		{"sizes, both rounded", size, 1<<20 + 100, 1<<20 + 200, "[1048676B, 1048776B)"},
		{"durations", types.NS, 1e9, 1e9 + 1e5, "[1000000000ns, 1000100000ns)"},
		{"wider sizes", size, 1 << 20, 1<<20 + 1<<15, "[1MiB, 1.03MiB)"},
		{"wider durations", types.NS, 1e9, 1e9 + 1e6, "[1s, 1.001s)"},
		{"plain numbers", types.S64, 1e9, 1e9 + 1, "[1000000000, 1000000001)"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			h := &value.Hist{Count: 1, Sum: row.ge, Step: row.lt - row.ge, Buckets: []value.Bucket{{Ge: row.ge, Lt: row.lt, Count: 1}}}
			var out bytes.Buffer
			r := New(Options{Out: &out})
			table := &value.Table{Values: []value.Column{col("h", row.t)}, Rows: []value.Row{{Values: []value.Value{{Type: &row.t, Parts: &value.Parts{Hist: h}}}}}}
			if err := errors.Join(r.Table(table), r.Flush()); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out.String(), row.want) {
				t.Errorf("got\n%swant %s", out.String(), row.want)
			}
		})
	}
}

func FuzzHistogramsNeverPanic(f *testing.F) {
	f.Add(uint64(1), uint64(2), uint64(8), uint64(16), uint64(3), uint64(4), true)
	f.Fuzz(func(t *testing.T, a, b, c, d, n, m uint64, signed bool) {
		h := value.Hist{Count: n, Sum: m, Step: m % 2 * n, Buckets: []value.Bucket{{Ge: a, Lt: b, Count: n}, {Ge: c, Lt: d, Count: m}}}
		ty := types.NS
		ty.Signed = signed
		r := New(Options{Out: io.Discard})
		table := &value.Table{Values: []value.Column{col("h", ty)}, Rows: []value.Row{{Values: []value.Value{{Type: &ty, Parts: &value.Parts{Hist: &h}}}}}}
		if err := r.Table(table); err != nil {
			t.Fatal(err)
		}
		if len(r.buf) > 1<<14 {
			t.Fatalf("%d bytes", len(r.buf))
		}
	})
}

func BenchmarkEvent(b *testing.B) {
	for name, format := range map[string]Format{"text": Text, "json": JSON} {
		b.Run(name, func(b *testing.B) {
			r := New(Options{Out: io.Discard, Format: format, Env: testEnv(), WallOffset: offset})
			events := openEvents()[:3]
			b.ReportAllocs()
			for i := range b.N {
				if err := r.Event(events[i%len(events)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
