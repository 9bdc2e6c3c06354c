package ir

import (
	"fmt"
	"strconv"
	"strings"
)

// scanner takes the parts of one line from the front; the first error stays.
type scanner struct {
	text string
	p    *parser
	err  error
}

func (s *scanner) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf(format, args...)
	}
}

func (s *scanner) end() error {
	s.skip()
	if s.text != "" {
		s.fail("%q is left over", s.text)
	}
	return s.err
}

func (s *scanner) skip() { s.text = strings.TrimLeft(s.text, " ") }

// word takes w if it is the next word.
func (s *scanner) word(w string) bool {
	s.skip()
	rest, ok := strings.CutPrefix(s.text, w)
	if !ok || (rest != "" && rest[0] != ' ') {
		return false
	}
	s.text = rest
	return true
}

// accept takes the text t if it comes next.
func (s *scanner) accept(t string) bool {
	s.skip()
	rest, ok := strings.CutPrefix(s.text, t)
	if ok {
		s.text = rest
	}
	return ok
}

func (s *scanner) expect(t string) {
	if !s.accept(t) {
		s.fail("%q, want %q", s.text, t)
	}
}

// take cuts the longest run of characters that are in set.
func (s *scanner) take(in func(byte) bool) string {
	s.skip()
	n := 0
	for n < len(s.text) && in(s.text[n]) {
		n++
	}
	out := s.text[:n]
	s.text = s.text[n:]
	return out
}

func isNameByte(c byte) bool {
	return c == '_' || c == '.' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func isNumberByte(c byte) bool { return c == '-' || c == '+' || '0' <= c && c <= '9' }

func (s *scanner) value() *Value {
	id, err := number(s.take(isNameByte), "v")
	if err != nil {
		s.fail("%w", err)
		return nil
	}
	v := s.p.values[id]
	if v == nil {
		s.fail("v%d has no definition", id)
	}
	return v
}

func (s *scanner) block() *Block {
	id, err := number(s.take(isNameByte), "b")
	if err != nil {
		s.fail("%w", err)
		return nil
	}
	b := s.p.blocks[id]
	if b == nil {
		s.fail("b%d does not exist", id)
	}
	return b
}

func (s *scanner) int() int64 {
	n, err := strconv.ParseInt(s.take(isNumberByte), 10, 64)
	if err != nil {
		s.fail("number: %w", err)
	}
	return n
}

func (s *scanner) quoted() string {
	s.skip()
	q, err := strconv.QuotedPrefix(s.text)
	if err != nil {
		s.fail("%q, want a quoted name", s.text)
		return ""
	}
	s.text = s.text[len(q):]
	out, err := strconv.Unquote(q)
	if err != nil {
		s.fail("%s: %w", q, err)
	}
	return out
}

func (s *scanner) op() Op {
	word := s.take(func(c byte) bool { return c != '.' && isNameByte(c) })
	for op, n := range opNames {
		if n == word {
			return Op(op)
		}
	}
	s.fail("unknown operation %q", word)
	return OpInvalid
}

// values takes a list of values up to the closing mark (empty: end of line).
func (s *scanner) values(closing string) []*Value {
	var vs []*Value
	for s.err == nil {
		s.skip()
		if closing == "" && s.text == "" || closing != "" && s.accept(closing) {
			return vs
		}
		if len(vs) > 0 {
			s.expect(",")
		}
		vs = append(vs, s.value())
	}
	return vs
}

func (s *scanner) size(v *Value) {
	s.expect(".")
	n, err := strconv.Atoi(s.take(func(c byte) bool { return '0' <= c && c <= '9' }))
	if err != nil {
		s.fail("size: %w", err)
	}
	v.Size = n
	if strings.HasPrefix(s.text, "s ") {
		v.Signed = true
		s.text = s.text[1:]
	}
}

func (s *scanner) operation(v *Value) {
	v.Op = s.op()
	switch shapes[v.Op] {
	case shapeImm:
		v.Imm = s.int()
	case shapeSlot:
		v.Imm = s.int()
		v.Sym = s.quoted()
	case shapeSym:
		v.Sym = s.quoted()
	case shapeSymImm:
		v.Sym = s.quoted()
		v.Imm = s.int()
	case shapePhi:
		s.phi(v)
	case shapeMem:
		s.size(v)
		s.expect("[")
		v.Args = append(v.Args, s.value())
		v.Imm = s.int()
		s.expect("]")
		if s.accept(",") {
			v.Args = append(v.Args, s.values("")...)
		}
	case shapeSized:
		s.size(v)
		v.Args = s.values("")
	case shapeCall:
		v.Imm = s.int()
		s.expect("(")
		v.Args = s.values(")")
	case shapeIntrinsic:
		s.intrinsic(v)
	default:
		v.Args = s.values("")
	}
}

func (s *scanner) phi(v *Value) {
	phi := phiText{v: v}
	for s.err == nil {
		phi.preds = append(phi.preds, s.block())
		s.expect(":")
		v.Args = append(v.Args, s.value())
		if !s.accept(",") {
			break
		}
	}
	s.p.phis = append(s.p.phis, phi)
}

func (s *scanner) intrinsic(v *Value) {
	v.Sym = s.take(isNameByte)
	s.expect("(")
	v.Args = s.values(")")
	if s.accept("imms(") {
		for s.err == nil {
			v.Imms = append(v.Imms, s.int())
			if !s.accept(",") {
				break
			}
		}
		s.expect(")")
	}
	if s.accept("data(") {
		v.Data = []byte(s.quoted())
		s.expect(")")
	}
}
