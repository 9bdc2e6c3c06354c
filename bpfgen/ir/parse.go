package ir

import (
	"fmt"
	"strconv"
	"strings"
)

// textPos is a position read back from a dump.
type textPos string

func (p textPos) String() string { return string(p) }

// ParseText reads the text form of a Func. Errors name the line. The result
// has the IDs of the text; Check says whether it is well formed.
func ParseText(text string) (*Func, error) {
	p := &parser{f: &Func{}, values: map[int]*Value{}, blocks: map[int]*Block{}, order: map[*Block]int{}}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if err := p.header(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	var cur *Block
	for i, line := range lines {
		var err error
		if cur, err = p.line(cur, line); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return p.finish()
}

type parser struct {
	f       *Func
	values  map[int]*Value
	blocks  map[int]*Block
	order   map[*Block]int
	effects []*Value
	phis    []phiText
}

type phiText struct {
	v     *Value
	preds []*Block
}

// header makes the blocks and the values that have a name, so that lines may
// refer to what comes later.
func (p *parser) header(line string) error {
	line = strings.TrimSpace(line)
	if rest, ok := strings.CutPrefix(line, "func "); ok {
		name, err := strconv.Unquote(rest)
		p.f.Name = name
		return err
	}
	if isBlockLine(line) {
		return p.blockLine(line)
	}
	def, _, ok := strings.Cut(line, " = ")
	if !ok || strings.ContainsAny(def, " ;") {
		return nil
	}
	id, err := number(def, "v")
	if err != nil {
		return err
	}
	if p.values[id] != nil {
		return fmt.Errorf("v%d is defined twice", id)
	}
	p.values[id] = &Value{ID: id}
	return nil
}

func isBlockLine(line string) bool {
	return strings.HasPrefix(line, "b") && strings.HasSuffix(line, ":") && !strings.HasPrefix(line, "bswap")
}

func (p *parser) blockLine(line string) error {
	num, rest, ok := strings.Cut(strings.TrimSuffix(line, ":"), " ")
	if !ok {
		return fmt.Errorf("block %q has no name", num)
	}
	id, err := number(num, "b")
	if err != nil {
		return err
	}
	if id != len(p.f.Blocks) {
		return fmt.Errorf("block b%d, want b%d", id, len(p.f.Blocks))
	}
	rest, cold := strings.CutSuffix(rest, " cold")
	name, err := strconv.Unquote(rest)
	if err != nil {
		return fmt.Errorf("block name %s: %w", rest, err)
	}
	b := p.f.NewBlock(name)
	b.Cold = cold
	p.blocks[id], p.order[b] = b, id
	return nil
}

func (p *parser) line(cur *Block, line string) (*Block, error) {
	line = strings.TrimSpace(line)
	if line == "" || strings.HasPrefix(line, "func ") {
		return cur, nil
	}
	if isBlockLine(line) {
		id, err := number(strings.Fields(line)[0], "b")
		return p.blocks[id], err
	}
	if cur == nil {
		return nil, fmt.Errorf("%q is outside a block", line)
	}
	if cur.Term.Kind != TermNone {
		return nil, fmt.Errorf("%q comes after the end of its block", line)
	}
	line, pos := cutPos(line)
	s := &scanner{text: line, p: p}
	if err := p.body(cur, s, pos); err != nil {
		return nil, err
	}
	return cur, s.end()
}

func cutPos(line string) (string, Pos) {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '\\' && quoted:
			i++
		case line[i] == '"':
			quoted = !quoted
		case line[i] == ';' && !quoted:
			return strings.TrimSpace(line[:i]), textPos(strings.TrimSpace(line[i+1:]))
		}
	}
	return line, nil
}

func (p *parser) body(b *Block, s *scanner, pos Pos) error {
	switch {
	case s.word("jump"):
		to := s.block()
		if s.err == nil {
			b.Jump(to)
			b.Term.Pos = pos
		}
		return s.err
	case s.word("exit"):
		b.Exit(s.value())
		b.Term.Pos = pos
		return s.err
	case s.word("if"):
		return p.ifLine(b, s, pos)
	}
	v := &Value{}
	if strings.Contains(s.text, " = ") && s.text[0] == 'v' {
		v = s.value()
		s.expect("=")
	} else {
		p.effects = append(p.effects, v)
	}
	if s.err != nil {
		return s.err
	}
	v.Block, v.Pos = b, pos
	b.Values = append(b.Values, v)
	s.operation(v)
	return s.err
}

func (p *parser) ifLine(b *Block, s *scanner, pos Pos) error {
	op := s.op()
	x := s.value()
	s.expect(",")
	y := s.value()
	s.expect("then")
	then := s.block()
	s.expect("else")
	els := s.block()
	if s.err == nil {
		b.If(op, x, y, then, els, pos)
	}
	return s.err
}

// finish numbers the values without names and orders the operands of phis.
func (p *parser) finish() (*Func, error) {
	for id, v := range p.values {
		p.f.nextID = max(p.f.nextID, id+1)
		if v.Block == nil {
			return nil, fmt.Errorf("v%d has no definition", id)
		}
	}
	for _, v := range p.effects {
		v.ID = p.f.nextID
		p.f.nextID++
	}
	for _, phi := range p.phis {
		if err := orderPhi(phi); err != nil {
			return nil, err
		}
	}
	return p.f, nil
}

func orderPhi(phi phiText) error {
	args := phi.v.Args
	used := make([]bool, len(args))
	ordered := make([]*Value, 0, len(args))
	for _, pred := range phi.v.Block.Preds {
		for i, from := range phi.preds {
			if from == pred && !used[i] {
				used[i] = true
				ordered = append(ordered, args[i])
				break
			}
		}
	}
	if len(ordered) != len(args) || len(args) != len(phi.v.Block.Preds) {
		return fmt.Errorf("v%d: the blocks of the phi are not the predecessors", phi.v.ID)
	}
	phi.v.Args = ordered
	return nil
}

func number(text, prefix string) (int, error) {
	digits, ok := strings.CutPrefix(text, prefix)
	if !ok {
		return 0, fmt.Errorf("%q, want %s and a number", text, prefix)
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q, want %s and a number", text, prefix)
	}
	return n, nil
}
