package differ

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"
)

// row is an expression that was once computed wrongly, with the arguments that
// showed it.
type row struct {
	name  string
	event string
	expr  string
	args  map[string]uint64 // arguments by name, the others random
	comm  string
	// text is what cp points to, if it is not empty.
	text string
}

// found are the differences found so far, each with the rule that it broke.
var found = []row{
	{
		name: "a literal too large for the other arm's type widens the choice", event: "numbers",
		expr: `(args.flag ? duration(args.u8) : "10ms")`, args: map[string]uint64{"flag": 0},
	},
	{
		name: "the same in an extreme", event: "numbers",
		expr: `min(duration(args.s8), "10ms")`,
	},
	{
		name: "a cut string is cut in a choice of a longer one too", event: "memory",
		expr: `(args.flag ? str(uptr(args.cp), 8) : "aaaaaaaaaaaaaaaa")`, args: map[string]uint64{"flag": 1}, text: "abcdefgha",
	},
	{
		name: "a cut string in a choice beside comm", event: "memory",
		expr: `((108 < args.n) ? comm : str(uptr(args.cp), 1))`, args: map[string]uint64{"n": 5}, text: "tr",
	},
	{
		name: "a string may be longer than another arm's limit", event: "memory",
		expr: `(args.flag ? str(uptr(args.cp), 8) : str(kptr(args.kp), 24))`, args: map[string]uint64{"flag": 1}, text: "nuxabcdefabcdef",
	},
	{
		name: "bytes may be longer than another arm's limit", event: "memory",
		expr: `(args.flag ? buf(uptr(args.cp), args.len, 8) : buf(uptr(args.p), args.n, 16))`, args: map[string]uint64{"flag": 1, "len": 12}, text: "abcdefghijklmnop",
	},
	{
		name: "bytes of known lengths have their length in a choice", event: "memory",
		expr: `(args.flag ? buf(uptr(args.cp), 5) : buf(uptr(args.cp), 7))`, args: map[string]uint64{"flag": 1}, text: "abcdefghijklmnop",
	},
	{
		name: "a cut string is not equal to its beginning", event: "memory",
		expr: `(str(uptr(args.cp), 4) == "abcd")`, text: "abcde",
	},
	{
		name: "a cut string has no known end", event: "memory",
		expr: `endswith(str(uptr(args.cp), 4), "cd")`, text: "abcde",
	},
	{
		name: "a string that may be null is compared with null", event: "numbers",
		expr: `((args.flag ? comm : null) == null)`,
	},
	{
		name: "the extremes compare mathematically", event: "numbers",
		expr: `min(args.u64, args.s64)`, args: map[string]uint64{"u64": 1 << 63, "s64": ^uint64(0)},
	},
	{
		name: "division by a negative truncates towards zero", event: "numbers",
		expr: `(args.s64 / -2)`, args: map[string]uint64{"s64": 7},
	},
	{
		name: "the smallest integer divided by -1 is itself", event: "numbers",
		expr: `(args.s64 / args.s32)`, args: map[string]uint64{"s64": 1 << 63, "s32": ^uint64(0)},
	},
	{
		name: "the largest unsigned number is not -1", event: "numbers",
		expr: `(args.u64 == args.s64)`, args: map[string]uint64{"u64": ^uint64(0), "s64": ^uint64(0)},
	},
}

func TestDifferencesFoundBeforeStayAway(t *testing.T) {
	const inputs = 16
	r := rand.New(rand.NewPCG(seed(t), 4))
	tr := newTrial(t, r)
	for _, c := range found {
		t.Run(c.name, func(t *testing.T) {
			p := &probe{event: c.event, columns: []*node{{sort: sColumn, text: strings.ReplaceAll(c.expr, "$", "$$")}}}
			in := make([]*input, inputs)
			for i := range in {
				in[i] = randomInput(r, tr.m.memory, c.event)
				if c.comm != "" {
					in[i].comm = c.comm
				}
				set(t, in[i], c, tr.m.memory)
			}
			d, err := tr.try(p, in)
			if err != nil {
				t.Fatal(err)
			}
			if d != nil {
				t.Fatal(tr.print(d))
			}
		})
	}
}

// set gives an input the row's arguments.
func set(t *testing.T, in *input, c row, m *memory) {
	t.Helper()
	left := len(c.args)
	for i, a := range arguments[c.event] {
		if n, ok := c.args[a.name]; ok {
			binary.LittleEndian.PutUint64(in.context[8*i:], n)
			left--
		}
		if a.name == "cp" && c.text != "" {
			binary.LittleEndian.PutUint64(in.context[8*i:], m.put(c.text))
		}
	}
	if left != 0 {
		t.Fatalf("%v are not all arguments of %s", c.args, c.event)
	}
}

// put writes a text at the end of the memory and gives its address.
func (m *memory) put(text string) uint64 {
	at := len(m.user) - 4096
	copy(m.user[at:], text+"\x00")
	return m.base + uint64(at)
}
