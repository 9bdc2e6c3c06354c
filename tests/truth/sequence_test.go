package truth

import (
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// mixed is member i of the workloads' pseudo-random sequence.
func mixed(i uint64) uint64 {
	z := (i + 1) * 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// spread is the workloads' value i: of every magnitude, also negative.
func spread(i int) int64 {
	return int64(mixed(uint64(i)) >> (mixed(uint64(i)+7) % 64))
}

// awkward is one of the strings that are hard to trace.
type awkward struct {
	Name     string
	Readable bool
	Hex      string
}

func awkwardStrings(t *testing.T, r result) []awkward {
	t.Helper()
	var all []awkward
	if err := json.Unmarshal(r.truth["strings"], &all); err != nil {
		t.Fatalf("truth strings: %v", err)
	}
	return all
}

// kept is what tracer shows of a string of which it keeps at most limit bytes:
// what was cut is marked.
func kept(content string, limit int) (s string, cut bool) {
	if len(content) > limit {
		return content[:limit] + "…", true
	}
	return content, false
}

// escapedByte is how the JSON output writes a byte that is not UTF-8. The
// backslashes of the content that stand before something of this look, or
// before such a byte, are written twice.
var escapedByte = regexp.MustCompile(`(\\+)(x[89a-f][0-9a-f])`)

// rawBytes is the inverse: from the text of the output to the bytes that the
// traced process had.
func rawBytes(s string) string {
	return escapedByte.ReplaceAllStringFunc(s, func(found string) string {
		backslashes := len(found) - len("xff")
		plain, rest := strings.Repeat(`\`, backslashes/2), found[backslashes:]
		if backslashes%2 == 0 {
			return plain + rest
		}
		b, _ := hex.DecodeString(rest[1:])
		return plain + string(b)
	})
}

func TestSequenceCoversAllMagnitudes(t *testing.T) {
	seen := map[int]bool{}
	for i := range 20000 {
		seen[powerSlot(spread(i))] = true
	}
	for slot := -1; slot < 64; slot++ {
		if !seen[slot] {
			t.Errorf("no value of slot %d among the first 20000", slot)
		}
	}
}

func TestRawBytesUndoesTheEscapes(t *testing.T) {
	for _, row := range []struct{ name, text, want string }{
		{"plain", `abc`, "abc"},
		{"invalid byte", `a\xffb`, "a\xffb"},
		{"what only looks like one", `a\\xffb`, `a\xffb`},
		{"backslash before an invalid byte", `\\\xff`, "\\\xff"},
		{"backslash before other things", `\n \x41 \`, `\n \x41 \`},
		{"two in a row", `\xe2\x82`, "\xe2\x82"},
	} {
		if got := rawBytes(row.text); got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
