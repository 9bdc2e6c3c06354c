// Package format brings HCL into its canonical layout: bytes come in, bytes go
// out. It works on tokens and knows nothing of what blocks and attributes mean.
//
// The layout is that of "terraform fmt": two spaces of indentation, aligned
// equals signs, no more than one blank line, # for comments, quoted labels, and
// no "${x}" where x says the same.
package format

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/rogpeppe/go-internal/diff"

	"tracer/spec"
)

// maxPasses bounds the search for a layout that formatting leaves as it is.
const maxPasses = 8

// Source returns src in canonical layout. What cannot be parsed is returned as
// it is, with the reason; so are files in JSON syntax. Line ends are kept if
// all are the same, else they become "\n".
func Source(src []byte, name string) ([]byte, hcl.Diagnostics) {
	file, diags := spec.Syntax(spec.Source{Name: name, Bytes: src})
	if diags.HasErrors() {
		return src, diags
	}
	if _, native := file.Body.(*hclsyntax.Body); !native {
		return src, nil
	}
	crlf := bytes.Count(src, []byte("\r\n"))
	text := src
	for bytes.Contains(text, []byte("\r\n")) {
		text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	}
	out, ok := settle(text, name)
	if !ok {
		return src, nil
	}
	if crlf > 0 && crlf == bytes.Count(src, []byte("\n")) {
		out = bytes.ReplaceAll(out, []byte("\n"), []byte("\r\n"))
	}
	return out, nil
}

// settle formats until nothing changes. It fails if that does not come to an
// end, or if a pass would break the file.
func settle(text []byte, name string) ([]byte, bool) {
	for range maxPasses {
		next, ok := pass(text, name)
		if !ok {
			return nil, false
		}
		if bytes.Equal(next, text) {
			return text, true
		}
		text = next
	}
	return nil, false
}

// pass makes every change once.
func pass(text []byte, name string) ([]byte, bool) {
	file, diags := spec.Syntax(spec.Source{Name: name, Bytes: text})
	body, native := file.Body.(*hclsyntax.Body)
	if diags.HasErrors() || !native {
		return nil, false
	}
	e := &edits{src: text}
	e.labels(body)
	e.wraps(body)
	e.comments(name)
	return blankLines(hclwrite.Format(e.apply()), name), true
}

// Diff returns a unified diff of two versions of a file; "" if they are equal.
func Diff(name string, before, after []byte) string {
	return string(diff.Diff("old/"+name, before, "new/"+name, after))
}

// edit puts text in place of the bytes from..to.
type edit struct {
	from, to int
	text     string
}

type edits struct {
	src  []byte
	list []edit
}

func (e *edits) add(from, to int, text string) { e.list = append(e.list, edit{from, to, text}) }

// apply makes the edits; of two that overlap only the first, the other has its
// turn in the next pass.
func (e *edits) apply() []byte {
	slices.SortStableFunc(e.list, func(a, b edit) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to)) })
	var out []byte
	at := 0
	for _, one := range e.list {
		if one.from < at {
			continue
		}
		out = append(append(out, e.src[at:one.from]...), one.text...)
		at = one.to
	}
	return append(out, e.src[at:]...)
}

// labels puts quotes around labels without.
func (e *edits) labels(body *hclsyntax.Body) {
	for _, block := range body.Blocks {
		for i, rng := range block.LabelRanges {
			if e.src[rng.Start.Byte] != '"' {
				e.add(rng.Start.Byte, rng.End.Byte, fmt.Sprintf("%q", block.Labels[i]))
			}
		}
		e.labels(block.Body)
	}
}

// wraps takes "${x}" apart where x alone is the same.
func (e *edits) wraps(body *hclsyntax.Body) {
	_ = hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
		if wrap, ok := n.(*hclsyntax.TemplateWrapExpr); ok {
			e.unwrap(wrap, false)
		}
		if key, ok := n.(*hclsyntax.ObjectConsKeyExpr); ok {
			if wrap, ok := key.Wrapped.(*hclsyntax.TemplateWrapExpr); ok {
				e.unwrap(wrap, true)
			}
		}
		return nil
	})
}

func (e *edits) unwrap(wrap *hclsyntax.TemplateWrapExpr, key bool) {
	from, to := wrap.SrcRange.Start.Byte, wrap.SrcRange.End.Byte
	text := e.src[from:to]
	if !bytes.HasPrefix(text, []byte(`"${`)) || !bytes.HasSuffix(text, []byte(`}"`)) ||
		bytes.HasPrefix(text, []byte(`"${~`)) || bytes.HasSuffix(text, []byte(`~}"`)) {
		return
	}
	inner := string(bytes.TrimSpace(text[3 : len(text)-2]))
	if key || !single(wrap.Wrapped) || bytes.ContainsAny(text, "\n#/") {
		inner = "(" + inner + ")"
	}
	for _, other := range e.list {
		if other.from == from {
			return
		}
	}
	e.add(from, to, inner)
}

// single tells whether an expression needs no parentheses anywhere.
func single(expr hclsyntax.Expression) bool {
	switch expr.(type) {
	case *hclsyntax.ScopeTraversalExpr, *hclsyntax.RelativeTraversalExpr, *hclsyntax.FunctionCallExpr, *hclsyntax.IndexExpr,
		*hclsyntax.LiteralValueExpr, *hclsyntax.TemplateExpr, *hclsyntax.TemplateWrapExpr, *hclsyntax.TupleConsExpr,
		*hclsyntax.ObjectConsExpr, *hclsyntax.ForExpr, *hclsyntax.ParenthesesExpr:
		return true
	}
	return false
}

// comments turns // into #.
func (e *edits) comments(name string) {
	tokens, _ := hclsyntax.LexConfig(e.src, name, hcl.InitialPos)
	for _, t := range tokens {
		if t.Type == hclsyntax.TokenComment && bytes.HasPrefix(t.Bytes, []byte("//")) {
			e.add(t.Range.Start.Byte, t.Range.Start.Byte+2, "#")
		}
	}
}

// blankLines leaves at most one blank line, none at the start and the end, and
// ends the file with a newline.
func blankLines(src []byte, name string) []byte {
	tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos)
	var out []byte
	at, newlines := 0, 2 // the start counts as after a blank line
	for _, t := range tokens {
		from, to := t.Range.Start.Byte, t.Range.End.Byte
		if t.Type == hclsyntax.TokenNewline {
			newlines++
			if newlines > 2 {
				out = bytes.TrimRight(append(out, src[at:from]...), " \t")
				at = to
			}
			continue
		}
		newlines = 0
		if t.Type == hclsyntax.TokenComment && bytes.HasSuffix(t.Bytes, []byte("\n")) {
			newlines = 1
		}
	}
	out = bytes.TrimRight(append(out, src[at:]...), " \t\r\n")
	if len(out) == 0 {
		return nil
	}
	return append(out, '\n')
}
