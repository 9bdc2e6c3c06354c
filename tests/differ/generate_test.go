package differ

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// node is a generated expression: text with a $ for each part.
type node struct {
	sort  sort
	text  string
	parts []*node
}

// String is the expression in HCL.
func (n *node) String() string {
	var b strings.Builder
	n.write(&b)
	return b.String()
}

func (n *node) write(b *strings.Builder) {
	next := 0
	for i := 0; i < len(n.text); i++ {
		// A $ before a brace is HCL's own.
		if n.text[i] != '$' || i+1 < len(n.text) && n.text[i+1] == '{' || next == len(n.parts) {
			b.WriteByte(n.text[i])
			continue
		}
		n.parts[next].write(b)
		next++
	}
}

// size is the number of nodes.
func (n *node) size() int {
	out := 1
	for _, p := range n.parts {
		out += p.size()
	}
	return out
}

// generator makes expressions for one event.
type generator struct {
	rand  *rand.Rand
	event string
	// compound and leaves are the forms usable here, by sort.
	compound, leaves [sortCount][]form
	// made are expressions of before, which are used again: a program computes
	// them once.
	made [sortCount][]*node
}

// newGenerator takes the forms of an event, and more.
func newGenerator(r *rand.Rand, event string, more ...form) *generator {
	g := &generator{rand: r, event: event}
	g.add(more...)
	g.add(forms...)
	return g
}

// add adds forms, of those that have an event only the generator's.
func (g *generator) add(more ...form) {
	for _, f := range more {
		if f.event != "" && f.event != g.event {
			continue
		}
		into := &g.compound
		if len(f.parts) == 0 {
			into = &g.leaves
		}
		for range max(f.weight, 1) {
			into[f.sort] = append(into[f.sort], f)
		}
	}
}

// Literals stand at the edges of every width and sign.
var literals = []string{
	"0", "1", "2", "3", "5", "7", "10", "63", "64", "65", "100", "127", "128", "129", "255", "256", "1000", "32767", "32768", "65535", "65536",
	"2147483647", "2147483648", "4294967295", "4294967296", "1000000000000", "9223372036854775807", "9223372036854775808", "18446744073709551615",
	"-1", "-2", "-3", "-7", "-10", "-127", "-128", "-129", "-255", "-32768", "-32769", "-65536", "-2147483648", "-2147483649", "-4294967296",
	"-9223372036854775807", "-9223372036854775808",
}

// words are strings like those in the fixture's memory, and their parts.
var words = []string{
	"", "a", "b", "ab", "abc", "abcd", "abcdefg", "abcdefgh", "abcdefghi", "bc", "cab", "aab", "aaab", "aaaaaaaa", "tracer", "trace", "x", "/", "/tmp", ".so",
	"aaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa", "ä", "ab\\\"c", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", "Linux", "version",
}

// special makes the leaves that no form writes; nil for all other sorts.
func (g *generator) special(s sort) *node {
	switch s {
	case sLiteral:
		if g.rand.IntN(4) == 0 {
			return &node{sort: s, text: strconv.FormatInt(int64(g.number()), 10)}
		}
		return &node{sort: s, text: literals[g.rand.IntN(len(literals))]}
	case sCount:
		return &node{sort: s, text: fmt.Sprint([]int{0, 1, 3, 7, 8, 15, 16, 31, 32, 33, 48, 62, 63, 64, 65, 127, 128, 200, -1, -8}[g.rand.IntN(20)])}
	case sWord:
		return &node{sort: s, text: `"` + words[g.rand.IntN(len(words))] + `"`}
	}
	return nil
}

// number is a random 64-bit number: an edge, or of a random width.
func (g *generator) number() uint64 { return randomNumber(g.rand) }

func randomNumber(r *rand.Rand) uint64 {
	switch r.IntN(4) {
	case 0: // around a power of two
		return uint64(1)<<r.IntN(64) + uint64(int64(r.IntN(5)-2))
	case 1:
		return -(uint64(1)<<r.IntN(64) + uint64(int64(r.IntN(5)-2)))
	case 2:
		return uint64(int64(r.IntN(257) - 128))
	}
	return r.Uint64() >> r.IntN(64)
}

// make makes an expression of a sort, at most depth forms deep.
func (g *generator) make(s sort, depth int) *node {
	if n := g.special(s); n != nil {
		return n
	}
	if again := g.made[s]; len(again) > 0 && g.rand.IntN(8) == 0 {
		return again[g.rand.IntN(len(again))]
	}
	choice := g.compound[s]
	if leaves := g.leaves[s]; len(leaves) > 0 && (depth <= 0 || len(choice) == 0 || g.rand.IntN(4) == 0) {
		choice = leaves
	}
	f := choice[g.rand.IntN(len(choice))]
	if depth <= 0 {
		f = shallow(choice)
	}
	n := &node{sort: s, text: f.text}
	for _, p := range f.parts {
		n.parts = append(n.parts, g.make(p, depth-1))
	}
	if s != sColumn && len(n.parts) > 0 && n.size() < 30 {
		g.made[s] = append(g.made[s], n)
	}
	return n
}

// shallow is a form that ends soon.
func shallow(choice []form) form {
	best := choice[0]
	for _, f := range choice {
		if len(f.parts) < len(best.parts) {
			best = f
		}
	}
	return best
}
