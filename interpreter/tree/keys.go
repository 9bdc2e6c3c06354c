package tree

import (
	"strconv"
	"strings"
)

// Keys gives each expression a text that two share exactly if they compute the
// same. In the text of an expression those below it are numbers, so that all
// texts together grow with the nodes, and not with how often nodes are used:
// an expression that uses another twice, which uses a third twice, and so on,
// has few nodes.
type Keys struct {
	of      map[*Expr]string
	numbers map[string]int // of texts, in the order they came
}

// NewKeys makes a set of keys, which are compared with each other only.
func NewKeys() *Keys { return &Keys{of: map[*Expr]string{}, numbers: map[string]int{}} }

// Key is the text of e.
func (k *Keys) Key(e *Expr) string {
	if key, ok := k.of[e]; ok {
		return key
	}
	var b strings.Builder
	e.write(&b, true, func(below *Expr) {
		b.WriteByte('#')
		b.WriteString(strconv.Itoa(k.number(below)))
	})
	key := b.String()
	k.of[e] = key
	return key
}

func (k *Keys) number(e *Expr) int {
	key := k.Key(e)
	n, ok := k.numbers[key]
	if !ok {
		n = len(k.numbers)
		k.numbers[key] = n
	}
	return n
}
