package truth

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// Arguments and results of user functions, of every width and sign.

var argumentNames = []string{"a", "b", "c", "d", "e", "f", "g", "h"}

func TestArgumentsOfEveryWidth(t *testing.T) {
	for _, row := range []struct{ name, signature string }{
		{"by debug information", ""},
		{"by signature", `
  signature = "int tw_integers(int8_t a, uint8_t b, int16_t c, uint16_t d, int32_t e, uint32_t f, int64_t g, uint64_t h)"`},
		{"by C's own names", `
  signature = "int (signed char a, unsigned char b, short c, unsigned short d, int e, unsigned int f, long g, unsigned long h)"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.signature == "" {
				needDebugInformation(t)
			}
			var columns strings.Builder
			for k, name := range argumentNames {
				fmt.Fprintf(&columns, "    %s = args.%s\n    n%d = args[%d]\n", name, name, k, k)
			}
			got := run{workload: "tw-functions integers", spec: fmt.Sprintf(`
probe "uprobe" "p" {
  binary = "WORKLOADS/tw-functions"
  target = "tw_integers"%s
  capture {
%s  }
}`, row.signature, columns.String())}.do(t)
			var values [][]string
			if err := json.Unmarshal(got.truth["rows"], &values); err != nil {
				t.Fatal(err)
			}
			var want []map[string]string
			for _, arguments := range values {
				event := map[string]string{}
				for k, name := range argumentNames {
					event[name], event[fmt.Sprintf("n%d", k)] = arguments[k], arguments[k]
				}
				want = append(want, event)
			}
			compareEvents(t, got.output.events, want)
		})
	}
}

func TestResultsOfEveryWidth(t *testing.T) {
	values := []int64{0, 1, -1, 127, 128, 255, 256, -129, 32768, 65536, 1 << 31, -1<<31 - 1, 1 << 53, 1<<63 - 1, -1 << 63}
	words := make([]string, 0, len(values))
	for _, v := range values {
		words = append(words, text(v))
	}
	for _, row := range []struct {
		name, result string
		want         func(int64) string
	}{
		{"s8", "int8_t", func(v int64) string { return text(int8(v)) }},
		{"u8", "uint8_t", func(v int64) string { return text(uint8(v)) }},
		{"s16", "int16_t", func(v int64) string { return text(int16(v)) }},
		{"u16", "uint16_t", func(v int64) string { return text(uint16(v)) }},
		{"s32", "int32_t", func(v int64) string { return text(int32(v)) }},
		{"u32", "uint32_t", func(v int64) string { return text(uint32(v)) }},
		{"s64", "int64_t", func(v int64) string { return text(v) }},
		{"u64", "uint64_t", func(v int64) string { return text(uint64(v)) }},
		{"bool", "bool", func(v int64) string { return fmt.Sprint(v != 0) }},
	} {
		var want []map[string]string
		for _, v := range values {
			want = append(want, map[string]string{"result": row.want(v), "argument": text(v)})
		}
		for _, signature := range []string{"null", fmt.Sprintf(`"%s (int64_t v)"`, row.result)} {
			t.Run(row.name+" "+signature, func(t *testing.T) {
				if signature == "null" {
					needDebugInformation(t)
				}
				exact{
					run: run{workload: "tw-functions returns " + strings.Join(words, " "), spec: fmt.Sprintf(`
probe "uretprobe" "p" {
  binary    = "WORKLOADS/tw-functions"
  target    = "tw_return_%s"
  signature = %s
  capture {
    result   = retval
    argument = args.v
  }
}`, row.name, signature)},
					events: want, taken: map[string]int{"uretprobe.p": len(values)},
				}.check(t)
			})
		}
	}
}

func TestStructuresByDebugInformation(t *testing.T) {
	needDebugInformation(t)
	exact{
		run: run{workload: "tw-functions points", spec: `
probe "uprobe" "p" {
  binary = "WORKLOADS/tw-functions"
  target = "tw_point"
  capture {
    tiny        = args.p.tiny
    flags       = args.p.flags
    kind        = args.p.kind
    temperature = args.p.temperature
    big         = args.p.big
    label       = args.p.label
    y1          = args.p.corners[1].y
    next_tiny   = args.p.next.tiny
    color       = args.p.color
    is_null     = args.p == null
    last        = args.p.next == null
  }
}`},
		events: []map[string]string{
			{
				"tiny": "-128", "flags": "7", "kind": "64", "temperature": "-256", "big": "9223372036854775808", "label": "one",
				"y1": "4", "next_tiny": "127", "color": "TW_GREEN", "is_null": "false", "last": "false",
			},
			{
				"tiny": "127", "flags": "0", "kind": "127", "temperature": "255", "big": "18446744073709551615", "label": "12345678",
				"y1": "-32768", "next_tiny": "0", "color": "TW_NEGATIVE", "is_null": "false", "last": "true",
			},
			{
				"tiny": "0", "flags": "0", "kind": "0", "temperature": "0", "big": "0", "label": "", "y1": "0", "next_tiny": "0",
				"color": "TW_RED", "is_null": "true", "last": "true",
			},
		},
		counters: map[string]counters{"uprobe.p": {"failed_reads": 0}},
	}.check(t)
}

func TestSeveralFunctionsInOneProbe(t *testing.T) {
	exact{
		run: run{workload: "tw-functions returns 1 -2 300", spec: `
probe "uprobe" "p" {
  binary    = "WORKLOADS/tw-functions"
  target    = "tw_return_*"
  signature = "void (int64_t v)"
  aggregate "t" {
    by     = { function = func }
    values = { n = count(), total = sum(args.v) }
  }
}`},
		tables: map[string]rows{"t": {
			"function=tw_return_s8": {"n": "3", "total": "299"}, "function=tw_return_u8": {"n": "3", "total": "299"},
			"function=tw_return_s16": {"n": "3", "total": "299"}, "function=tw_return_u16": {"n": "3", "total": "299"},
			"function=tw_return_s32": {"n": "3", "total": "299"}, "function=tw_return_u32": {"n": "3", "total": "299"},
			"function=tw_return_s64": {"n": "3", "total": "299"}, "function=tw_return_u64": {"n": "3", "total": "299"},
			"function=tw_return_bool": {"n": "3", "total": "299"},
		}},
		taken: map[string]int{"uprobe.p": 27},
	}.check(t)
}

// A call is one event of a probe, however many of its globs find the function under
// another name, and paths the file.
func TestPlacesOfSeveralNamesCountOnce(t *testing.T) {
	whole(t)
	for _, row := range []struct{ name, binary, target string }{
		{"a glob", `"./f"`, `"tw_fib*"`},
		{"two globs", `"./f"`, `["tw_f*b", "*b_also"]`},
		{"a glob and a name", `"./f"`, `["*b_also", "tw_fib"]`},
		{"two names", `"./f"`, `["tw_fib", "tw_fib_also"]`},
		{"two paths", `["./f", "./g"]`, `"tw_fib"`},
	} {
		for _, probe := range []string{"uprobe", "uretprobe"} {
			t.Run(row.name+", "+probe, func(t *testing.T) {
				got := shell(t, fmt.Sprintf("probe %q \"p\" {\n  binary = %s\n  target = %s\n  where = comm == \"once\"\n  aggregate \"t\" {\n values = { n = count() }\n }\n}\n", probe, row.binary, row.target),
					`cp "$WORKLOADS/tw-functions" f && ln f g && "$TRACER" apply -o json -c './g -o none -n once fib 15 1' "$SPEC"`)
				if got.code != 0 || !strings.Contains(got.stdout, `"values":{"n":1973}`) { // fib(15) calls itself 1,972 times
					t.Errorf("exit code %d, stdout %.500q, stderr %.1500q", got.code, got.stdout, got.stderr)
				}
			})
		}
	}
}
