package spec

import (
	"fmt"
	"math"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// finding is a mistake seen on the tokens, and the lines whose parse errors it
// explains: what HCL says about the same mistake is then left out.
type finding struct {
	diag              *hcl.Diagnostic
	fromLine, endLine int
}

// hint looks at the words around index i; rng is empty if it finds nothing.
type hint struct {
	summary string
	// match returns the number of words that make the mistake, 0 for none, and
	// what to say.
	match func(w []word, i int) (int, string)
	// lines is how many further lines the parser stumbles over.
	lines int
	// atOpen puts the message at the bracket around the words.
	atOpen bool
}

// hints are tried in order at each word; the first that matches wins.
func hints() []hint {
	return []hint{
		{summary: "Number in another base", match: otherBase},
		{summary: "Number with a leading zero", match: leadingZero},
		{summary: "Digit separator in a number", match: digitSeparator},
		{summary: "Number with a unit", match: numberUnit},
		{summary: "Regular expression operator", match: matchOperator},
		{summary: "Bit operator", match: bitOperator},
		{summary: "Shift operator", match: shiftOperator},
		{summary: "Shift operator", match: heredocShift, lines: math.MaxInt32},
		{summary: "Text not closed", match: brokenText, lines: math.MaxInt32, atOpen: true},
		{summary: "Bracket not closed", match: unclosedBracket, atOpen: true},
		{summary: "Brace on the next line", match: braceBelow},
		{summary: "Optional access operator", match: questionDot},
		{summary: "Null operator", match: questionQuestion},
		{summary: "Attribute without =", match: missingEquals},
		{summary: "Strict comparison", match: strictEqual},
		{summary: "Assignment in an expression", match: change},
		{summary: "C type without quotes", match: bareType},
		{summary: "Method call", match: method},
		{summary: "Power operator", match: powerOperator},
		{summary: "Arrow operator", match: arrowOperator},
		{summary: "Inequality operator", match: angleInequality},
		{summary: "Keyword as operator", match: wordOperator},
		{summary: "Single quotes", match: apostrophe},
		{summary: "Assignment in an expression", match: assignment},
		{summary: "Separator between attributes", match: separator},
		{summary: "Several attributes on one line", match: crowdedBlock},
		{summary: "Expression broken by a newline", match: danglingOperator, lines: 1},
		{summary: "Expression broken by a newline", match: leadingOperator},
	}
}

// findMistakes runs the hints over the words of a source.
// It stops at one that swallows the rest.
func findMistakes(words []word) []finding {
	var found []finding
	table := hints()
	for i := 0; i < len(words); i++ {
		for _, h := range table {
			n, detail := h.match(words, i)
			if n == 0 {
				continue
			}
			rng := hcl.RangeBetween(words[i].Range, words[i+n-1].Range)
			end := min(rng.End.Line, math.MaxInt32-h.lines) + h.lines
			if h.atOpen {
				rng = words[i].open
			}
			if repeats(found, h.summary, rng) {
				break
			}
			found = append(found, finding{errorAt(rng, h.summary, "%s", detail), rng.Start.Line, end})
			if h.lines == math.MaxInt32 {
				return found
			}
			i += n - 1
			for h.lines > 0 && i+1 < len(words) && words[i+1].Range.Start.Line <= end && words[i+1].Type != hclsyntax.TokenCBrace {
				i++
			}
			break
		}
	}
	return found
}

// repeats tells whether the mistake has been reported on this line.
func repeats(found []finding, summary string, rng hcl.Range) bool {
	for i := len(found) - 1; i >= 0 && found[i].fromLine == rng.Start.Line; i-- {
		if found[i].diag.Summary == summary {
			return true
		}
	}
	return false
}

// mergeFindings drops what the parser says on lines that a finding explains,
// keeps one parse error a line, and adds the findings.
func mergeFindings(parse hcl.Diagnostics, found []finding) hcl.Diagnostics {
	var out hcl.Diagnostics
	told := map[int]bool{}
	rest := math.MaxInt32 // the first line from which everything is explained
	for _, f := range found {
		told[f.fromLine] = true
		if f.endLine == math.MaxInt32 {
			rest = min(rest, f.fromLine)
			continue
		}
		for line := f.fromLine; line <= f.endLine; line++ {
			told[line] = true
		}
	}
	advice := parserAdvice()
	for _, d := range parse {
		line := 0
		if d.Subject != nil {
			line = d.Subject.Start.Line
		}
		if told[line] || line >= rest {
			continue
		}
		told[line] = true
		if more := advice[d.Summary]; more != "" {
			extended := *d
			extended.Detail += " " + more
			d = &extended
		}
		out = append(out, d)
	}
	for _, f := range found {
		out = append(out, f.diag)
	}
	return out
}

// parserAdvice is what to add to messages of HCL's parser, by their summary.
func parserAdvice() map[string]string {
	return map[string]string{
		"Missing newline after argument":          "A newline ends an attribute, and what stands here cannot continue its expression.",
		"Missing newline after block definition":  "Write each block on lines of its own.",
		"Missing false expression in conditional": "Write condition ? a : b; for no value otherwise, condition ? a : null.",
		"Invalid multi-line string":               "Write one text a line.",
		"Unclosed configuration block":            "Count the braces of the blocks below this line.",
		"Invalid escape sequence":                 `There are \n, \r, \t, \", \\, \uNNNN and \UNNNNNNNN.`,
	}
}

func at(w []word, i int) word {
	if i < 0 || i >= len(w) {
		return word{}
	}
	return w[i]
}

// joined tells whether no space stands between words i and i+1.
func joined(w []word, i int) bool {
	return i >= 0 && i+1 < len(w) && w[i].Range.End.Byte == w[i+1].Range.Start.Byte
}

// endsValue tells whether a value can end with this word.
func endsValue(w word) bool {
	switch w.Type {
	case hclsyntax.TokenIdent, hclsyntax.TokenNumberLit, hclsyntax.TokenCParen, hclsyntax.TokenCBrack, hclsyntax.TokenCBrace,
		hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
		return true
	}
	return false
}

func startsValue(w word) bool {
	switch w.Type {
	case hclsyntax.TokenIdent, hclsyntax.TokenNumberLit, hclsyntax.TokenOParen, hclsyntax.TokenOBrack, hclsyntax.TokenOBrace,
		hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc, hclsyntax.TokenBang, hclsyntax.TokenMinus:
		return true
	}
	return false
}

// suffixed returns the letters that follow a number without a space.
func suffixed(w []word, i int) (number, suffix string) {
	if w[i].Type != hclsyntax.TokenNumberLit || !joined(w, i) || w[i+1].Type != hclsyntax.TokenIdent {
		return "", ""
	}
	return string(w[i].Bytes), string(w[i+1].Bytes)
}

func otherBase(w []word, i int) (int, string) {
	number, suffix := suffixed(w, i)
	if number != "0" || suffix == "" {
		return 0, ""
	}
	base, digits := 0, suffix[1:]
	switch suffix[0] {
	case 'x', 'X':
		base = 16
	case 'o', 'O':
		base = 8
	case 'b', 'B':
		base = 2
	}
	if base == 0 || strings.Trim(digits, "0123456789abcdefABCDEF_") != "" || digits == "" {
		return 0, ""
	}
	return 2, fmt.Sprintf("Numbers are decimal. Write parseint(%q, %d).", strings.ReplaceAll(digits, "_", ""), base)
}

func leadingZero(w []word, i int) (int, string) {
	if w[i].Type != hclsyntax.TokenNumberLit || at(w, i-1).Type == hclsyntax.TokenDot {
		return 0, ""
	}
	text := string(w[i].Bytes)
	if len(text) < 2 || text[0] != '0' || text[1] < '0' || text[1] > '9' {
		return 0, ""
	}
	decimal := strings.TrimLeft(text, "0")
	if decimal == "" || decimal[0] < '0' || decimal[0] > '9' {
		decimal = "0" + decimal
	}
	return 1, fmt.Sprintf("A leading zero does not make a number octal here. Write parseint(%q, 8) for octal, or %s for the decimal number.", strings.TrimLeft(text, "0"), decimal)
}

func digitSeparator(w []word, i int) (int, string) {
	number, suffix := suffixed(w, i)
	if !strings.HasPrefix(suffix, "_") || strings.Trim(suffix, "0123456789_") != "" {
		return 0, ""
	}
	return 2, fmt.Sprintf("Numbers are written without separators: %s.", number+strings.ReplaceAll(suffix, "_", ""))
}

func numberUnit(w []word, i int) (int, string) {
	number, suffix := suffixed(w, i)
	if suffix == "" {
		return 0, ""
	}
	return 2, fmt.Sprintf("Numbers with a unit are written as text: %q, such as latency > \"10ms\" or bytes > size(\"4KiB\").", number+suffix)
}

func matchOperator(w []word, i int) (int, string) {
	first := w[i].Type == hclsyntax.TokenEqual || w[i].Type == hclsyntax.TokenBang
	if !w[i].inExpr || !first || !joined(w, i) || w[i+1].Type != hclsyntax.TokenBitwiseNot || !endsValue(at(w, i-1)) {
		return 0, ""
	}
	return 2, "There are no regular expressions. Use startswith(s, prefix), endswith(s, suffix) or strcontains(s, part)."
}

func bitOperator(w []word, i int) (int, string) {
	if !w[i].inExpr {
		return 0, ""
	}
	op := string(w[i].Bytes)
	switch w[i].Type {
	case hclsyntax.TokenBitwiseAnd:
		return 1, fmt.Sprintf("There is no operator %s. Write bitand(a, b) for the bits that both have, or && for conditions.", op)
	case hclsyntax.TokenBitwiseOr:
		return 1, fmt.Sprintf("There is no operator %s. Write bitor(a, b) for the bits of either, or || for conditions.", op)
	case hclsyntax.TokenBitwiseXor:
		return 1, fmt.Sprintf("There is no operator %s. Write bitxor(a, b).", op)
	case hclsyntax.TokenBitwiseNot:
		return 1, fmt.Sprintf("There is no operator %s. Write bitnot(a) for the bits, or ! for conditions.", op)
	}
	return 0, ""
}

func shiftOperator(w []word, i int) (int, string) {
	if !w[i].inExpr || !joined(w, i) || w[i].Type != w[i+1].Type || !endsValue(at(w, i-1)) {
		return 0, ""
	}
	switch w[i].Type {
	case hclsyntax.TokenLessThan:
		return 2, "There is no operator <<. Write shl(a, n)."
	case hclsyntax.TokenGreaterThan:
		return 2, "There is no operator >>. Write shr(a, n)."
	}
	return 0, ""
}

// heredocShift finds "a <<b", which HCL reads as the start of a heredoc.
func heredocShift(w []word, i int) (int, string) {
	if w[i].Type != hclsyntax.TokenOHeredoc || !endsValue(at(w, i-1)) {
		return 0, ""
	}
	return 1, "After a value, << begins a heredoc text that swallows the following lines. To shift, write shl(a, n)."
}

func powerOperator(w []word, i int) (int, string) {
	if !w[i].inExpr || w[i].Type != hclsyntax.TokenStar || !joined(w, i) || w[i+1].Type != hclsyntax.TokenStar {
		return 0, ""
	}
	return 2, "There is no operator **. Write shl(1, n) for a power of two."
}

func arrowOperator(w []word, i int) (int, string) {
	if !w[i].inExpr || w[i].Type != hclsyntax.TokenMinus || !joined(w, i) || w[i+1].Type != hclsyntax.TokenGreaterThan {
		return 0, ""
	}
	return 2, "There is no operator ->. Write `.`: a pointer is followed where a member is asked of it."
}

func angleInequality(w []word, i int) (int, string) {
	if !w[i].inExpr || w[i].Type != hclsyntax.TokenLessThan || !joined(w, i) || w[i+1].Type != hclsyntax.TokenGreaterThan {
		return 0, ""
	}
	return 2, "There is no operator <>. Write != for values that differ."
}

func wordOperator(w []word, i int) (int, string) {
	if !w[i].inExpr || w[i].Type != hclsyntax.TokenIdent || !startsValue(at(w, i+1)) {
		return 0, ""
	}
	after := endsValue(at(w, i-1))
	switch string(w[i].Bytes) {
	case "in":
		if after && !w[i].inFor {
			return 1, "There is no operator in. Write contains(list, x)."
		}
	case "and":
		if after {
			return 1, "There is no operator and. Write &&."
		}
	case "or":
		if after {
			return 1, "There is no operator or. Write ||."
		}
	case "not":
		if !after && w[i+1].Type != hclsyntax.TokenOParen && w[i+1].Type != hclsyntax.TokenOBrack && w[i+1].Type != hclsyntax.TokenMinus {
			return 1, "There is no operator not. Write !."
		}
	}
	return 0, ""
}

func apostrophe(w []word, i int) (int, string) {
	if w[i].Type != hclsyntax.TokenApostrophe {
		return 0, ""
	}
	return 1, `Text is written in double quotes: "a". There are no character literals.`
}

// assignment finds "a = b" where a comparison must be meant.
func assignment(w []word, i int) (int, string) {
	if w[i].Type != hclsyntax.TokenEqual || !w[i].inExpr || w[i].kind == frameObject || !endsValue(at(w, i-1)) {
		return 0, ""
	}
	if crowded(w, i-1) || at(w, i-2).Range.End.Line < w[i-1].Range.Start.Line {
		return 0, ""
	}
	return 1, "An expression compares with ==; a single = gives an attribute its value, once a line."
}

// separator finds a comma or semicolon between attributes.
func separator(w []word, i int) (int, string) {
	if w[i].kind != frameBody || w[i].Type != hclsyntax.TokenComma && w[i].Type != hclsyntax.TokenSemicolon {
		if w[i].Type == hclsyntax.TokenSemicolon {
			return 1, "A semicolon separates nothing here: items of lists and objects are separated by commas."
		}
		return 0, ""
	}
	if w[i].open.Start.Line == w[i].Range.Start.Line {
		return 1, "A one-line block takes one attribute. Write one attribute a line; commas and semicolons do not separate attributes."
	}
	return 1, "Commas and semicolons do not separate attributes. Write one attribute a line."
}

// crowded tells whether word i is the name of a further attribute on a line.
func crowded(w []word, i int) bool {
	return at(w, i).Type == hclsyntax.TokenIdent && w[i].kind == frameBody && w[i].inExpr && endsValue(at(w, i-1)) &&
		at(w, i+1).Type == hclsyntax.TokenEqual
}

func crowdedBlock(w []word, i int) (int, string) {
	if !crowded(w, i) {
		return 0, ""
	}
	if w[i].open.Start.Line == w[i].Range.Start.Line {
		return 1, "A one-line block takes one attribute. Write the block over several lines, one attribute a line."
	}
	return 1, "A newline must end an attribute. Write one attribute a line."
}

// danglingOperator finds an operator at the end of a line.
func danglingOperator(w []word, i int) (int, string) {
	if w[i].kind != frameBody || !w[i].inExpr || at(w, i+1).Type != hclsyntax.TokenNewline {
		return 0, ""
	}
	if !binaryOperator(w[i].Type) && w[i].Type != hclsyntax.TokenQuestion && w[i].Type != hclsyntax.TokenColon {
		return 0, ""
	}
	return 1, newlineAdvice
}

// leadingOperator finds an operator at the start of a line.
func leadingOperator(w []word, i int) (int, string) {
	if w[i].kind != frameBody || w[i].inExpr || at(w, i-1).Type != hclsyntax.TokenNewline {
		return 0, ""
	}
	if !binaryOperator(w[i].Type) && w[i].Type != hclsyntax.TokenQuestion && w[i].Type != hclsyntax.TokenColon && w[i].Type != hclsyntax.TokenDot {
		return 0, ""
	}
	return 1, newlineAdvice
}

const newlineAdvice = "A newline ends an expression outside brackets. Put the whole expression in parentheses to write it over several lines."

// brokenText finds a line that ends inside quotes.
func brokenText(w []word, i int) (int, string) {
	if w[i].Type != hclsyntax.TokenQuotedNewline {
		return 0, ""
	}
	return 1, `This text has no closing quote on its line. Write \n for a newline in a text, or <<EOT for a text of several lines.`
}

// unclosedBracket finds what looks like an attribute on its own line inside
// parentheses or brackets.
func unclosedBracket(w []word, i int) (int, string) {
	if w[i].kind != frameList || w[i].Type != hclsyntax.TokenIdent || i == 0 || at(w, i+1).Type != hclsyntax.TokenEqual {
		return 0, ""
	}
	if w[i-1].Range.End.Line >= w[i].Range.Start.Line {
		return 0, ""
	}
	return 1, fmt.Sprintf("This bracket is still open on line %d, where another attribute seems to begin. Close it after its expression.", w[i].Range.Start.Line)
}

// missingEquals finds "where a > 3" and "target: x".
func missingEquals(w []word, i int) (int, string) {
	if w[i].Type != hclsyntax.TokenIdent || w[i].item != w[i].Range.Start.Byte {
		return 0, ""
	}
	next := i + 1
	for at(w, next).Type == hclsyntax.TokenIdent && w[next].kind == frameBody {
		next++
	}
	switch t := at(w, next).Type; {
	case binaryOperator(t), t == hclsyntax.TokenColon, t == hclsyntax.TokenDot && next > i+1, t == hclsyntax.TokenNumberLit,
		t == hclsyntax.TokenOParen, t == hclsyntax.TokenOBrack, t == hclsyntax.TokenBang:
		return 1, fmt.Sprintf("An attribute gets its value with =. Write %s = ….", w[i].Bytes)
	}
	return 0, ""
}

// braceBelow finds a block whose brace stands on a line of its own.
func braceBelow(w []word, i int) (int, string) {
	if w[i].Type != hclsyntax.TokenNewline || w[i].kind != frameBody || w[i].inExpr || at(w, i+1).Type != hclsyntax.TokenOBrace {
		return 0, ""
	}
	if before := at(w, i-1).Type; before != hclsyntax.TokenCQuote && before != hclsyntax.TokenIdent {
		return 0, ""
	}
	return 2, "The opening brace stands on the line of the block's name and labels."
}

func questionDot(w []word, i int) (int, string) {
	if w[i].Type != hclsyntax.TokenQuestion || !joined(w, i) || w[i+1].Type != hclsyntax.TokenDot {
		return 0, ""
	}
	return 2, "There is no operator ?. here. Write `.`: a chain through a null pointer is zero."
}

func questionQuestion(w []word, i int) (int, string) {
	if w[i].Type != hclsyntax.TokenQuestion || !joined(w, i) || w[i+1].Type != hclsyntax.TokenQuestion {
		return 0, ""
	}
	return 2, "There is no operator ??. Write a == null ? b : a."
}
