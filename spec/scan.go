package spec

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Bounds on what is handed to the parser. HCL's parser and every walker over
// its tree recurse, and a Go stack that overflows cannot be recovered from, so
// depth is bounded on the tokens before parsing.
const (
	// MaxSourceBytes bounds one file. Specs are a few KiB; HCL's lexer takes time
	// that grows with the square of the length of a heredoc, some seconds here.
	MaxSourceBytes = 1 << 17
	// maxNesting bounds open brackets, quotes and templates.
	maxNesting = 200
	// maxOperators bounds operators in one expression, together with those of
	// the expressions around it: each can be one more level of the tree.
	maxOperators = 2000
)

type frameKind uint8

const (
	frameBody frameKind = iota // a file or a block
	frameObject
	frameList // parentheses, brackets, template sequences
	frameText // quotes and heredocs
)

// frame is one open bracket.
type frame struct {
	kind   frameKind
	ops    int
	inExpr bool      // frameBody: after the "=" of an attribute
	open   hcl.Range // the opening token
	isFor  bool      // begins with the keyword for, and its colon is not reached
	count  int       // tokens seen directly in it
	opener hclsyntax.TokenType
	item   int // frameBody: offset of the attribute or block being read, -1 between them
}

// word is a token that matters, with what surrounds it.
type word struct {
	hclsyntax.Token
	kind   frameKind
	inExpr bool
	inFor  bool      // in the header of a for expression
	open   hcl.Range // the bracket around it, if any
	item   int       // offset of the innermost attribute or block it is part of, -1 if none
}

// scanner walks tokens once: it measures depth and keeps the words.
type scanner struct {
	frames []frame
	ops    int // of all open frames
	words  []word
	err    *hcl.Diagnostic
}

// checkSize reports a source that is too large to hand to a parser; nil if it is fine.
func checkSize(source Source) *hcl.Diagnostic {
	if len(source.Bytes) <= MaxSourceBytes {
		return nil
	}
	start := hcl.InitialPos
	return errorAt(hcl.Range{Filename: source.Name, Start: start, End: start}, "File too large",
		"The file has more than %d bytes, which is the most that a file of a spec may have; several files of one directory form one spec.", MaxSourceBytes)
}

// scanConfig returns the words of a native HCL file, or why it is too deep.
func scanConfig(source Source) ([]word, hcl.Diagnostics) {
	tokens, _ := hclsyntax.LexConfig(source.Bytes, source.Name, hcl.InitialPos)
	return scan(tokens, frameBody)
}

// scan walks tokens that begin inside a frame of the given kind.
func scan(tokens hclsyntax.Tokens, outer frameKind) ([]word, hcl.Diagnostics) {
	s := &scanner{frames: []frame{{kind: outer, item: -1}}, words: make([]word, 0, len(tokens))}
	for _, t := range tokens {
		s.token(t)
		if s.err != nil {
			return nil, hcl.Diagnostics{s.err}
		}
	}
	return s.words, nil
}

func (s *scanner) top() *frame { return &s.frames[len(s.frames)-1] }

func (s *scanner) token(t hclsyntax.Token) {
	if t.Type == hclsyntax.TokenComment {
		if len(t.Bytes) == 0 || t.Bytes[len(t.Bytes)-1] != '\n' {
			return
		}
		// A line comment ends the line.
		t.Type = hclsyntax.TokenNewline
	}
	if closes(t.Type) {
		s.unwind(t.Type)
	}
	f := s.top()
	if t.Type == hclsyntax.TokenNewline && f.kind == frameList {
		return
	}
	if f.kind == frameBody && f.item < 0 && t.Type != hclsyntax.TokenNewline && t.Type != hclsyntax.TokenCBrace {
		f.item = t.Range.Start.Byte
	}
	s.words = append(s.words, word{
		Token: t, kind: f.kind, inExpr: f.kind != frameText && (f.kind != frameBody || f.inExpr),
		inFor: f.isFor, open: f.open, item: f.item,
	})
	if f.count == 0 && t.Type == hclsyntax.TokenIdent && string(t.Bytes) == "for" {
		f.isFor = f.kind == frameList || f.kind == frameObject
	}
	f.count++
	s.effect(t, f)
}

// effect changes the frames as the token demands.
func (s *scanner) effect(t hclsyntax.Token, f *frame) {
	switch {
	case opens(t.Type):
		s.push(t, f)
	case closes(t.Type):
		if len(s.frames) > 1 && matches(f.opener, t.Type) {
			s.pop()
		}
	case t.Type == hclsyntax.TokenNewline:
		s.endExpression(f)
		if f.kind == frameBody {
			f.item = -1
		}
	case t.Type == hclsyntax.TokenComma && f.kind != frameText, t.Type == hclsyntax.TokenSemicolon:
		s.endExpression(f)
	case t.Type == hclsyntax.TokenEqual && f.kind == frameBody:
		f.inExpr = true
	case deepens(t.Type):
		if t.Type == hclsyntax.TokenColon {
			f.isFor = false
		}
		s.deepen(f, t)
	}
}

func (s *scanner) endExpression(f *frame) {
	s.ops -= f.ops
	f.ops = 0
	f.inExpr = false
}

func (s *scanner) deepen(f *frame, t hclsyntax.Token) {
	f.ops++
	s.ops++
	if s.ops > maxOperators {
		s.err = errorAt(t.Range, "Expression too long",
			"This expression has more than %d operators. Give its parts names in a locals block, or use contains(list, x) in place of a chain of ||.", maxOperators)
	}
}

func (s *scanner) push(t hclsyntax.Token, f *frame) {
	// An index, a call or a template directive is one more level of the
	// expression it stands in.
	s.deepen(f, t)
	kind := frameList
	switch t.Type {
	case hclsyntax.TokenOBrace:
		kind = frameObject
		if f.kind == frameBody && !f.inExpr {
			kind = frameBody
		}
	case hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
		kind = frameText
	}
	inner := frame{kind: kind, open: t.Range, opener: t.Type, item: f.item}
	if kind == frameBody {
		inner.item = -1
	}
	s.frames = append(s.frames, inner)
	if len(s.frames) > maxNesting {
		s.err = errorAt(t.Range, "Nesting too deep",
			"More than %d brackets, quotes and templates are open here. Give inner parts names in a locals block.", maxNesting)
	}
}

func (s *scanner) pop() {
	s.ops -= s.top().ops
	s.frames = s.frames[:len(s.frames)-1]
}

// unwind drops brackets that were never closed, if the closing one belongs to
// a bracket further out.
func (s *scanner) unwind(closer hclsyntax.TokenType) {
	for i := len(s.frames) - 1; i > 0; i-- {
		if matches(s.frames[i].opener, closer) {
			for len(s.frames) > i+1 {
				s.pop()
			}
			return
		}
	}
}

// matches tells whether closer closes opener.
func matches(opener, closer hclsyntax.TokenType) bool {
	switch closer {
	case hclsyntax.TokenCBrace:
		return opener == hclsyntax.TokenOBrace
	case hclsyntax.TokenCBrack:
		return opener == hclsyntax.TokenOBrack
	case hclsyntax.TokenCParen:
		return opener == hclsyntax.TokenOParen
	case hclsyntax.TokenCQuote:
		return opener == hclsyntax.TokenOQuote
	case hclsyntax.TokenCHeredoc:
		return opener == hclsyntax.TokenOHeredoc
	case hclsyntax.TokenTemplateSeqEnd:
		return opener == hclsyntax.TokenTemplateInterp || opener == hclsyntax.TokenTemplateControl
	}
	return false
}

func opens(t hclsyntax.TokenType) bool {
	switch t {
	case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOQuote,
		hclsyntax.TokenOHeredoc, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
		return true
	}
	return false
}

func closes(t hclsyntax.TokenType) bool {
	switch t {
	case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCQuote,
		hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
		return true
	}
	return false
}

// deepens tells whether a token can make the expression one level deeper.
func deepens(t hclsyntax.TokenType) bool {
	switch t {
	case hclsyntax.TokenBang, hclsyntax.TokenDot, hclsyntax.TokenQuestion, hclsyntax.TokenColon:
		return true
	}
	return binaryOperator(t)
}

func binaryOperator(t hclsyntax.TokenType) bool {
	switch t {
	case hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPlus, hclsyntax.TokenMinus, hclsyntax.TokenPercent,
		hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq,
		hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq, hclsyntax.TokenAnd, hclsyntax.TokenOr:
		return true
	}
	return false
}

// errorAt makes an error diagnostic.
func errorAt(rng hcl.Range, summary, format string, args ...any) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: &rng}
}
