package spec

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Parse reads the files of one spec. It reports every problem that can be seen
// without evaluating expressions, sorted by file and position; the spec is
// partial after errors, but never nil.
func Parse(sources []Source) (*Spec, hcl.Diagnostics) {
	d := &decoder{
		schema: NewSchema(),
		spec:   &Spec{Locals: map[string]*Local{}, Files: map[string]*hcl.File{}},
		names:  map[string]hcl.Range{},
	}
	for _, source := range sources {
		d.file(source)
	}
	d.diags = append(d.diags, d.spec.CheckLocals()...)
	slices.SortStableFunc(d.spec.Variables, func(a, b *Variable) int { return compareRanges(sources, a.Range, b.Range) })
	slices.SortStableFunc(d.spec.Probes, func(a, b *Probe) int { return compareRanges(sources, a.DefRange, b.DefRange) })
	return d.spec, sortDiagnostics(sources, d.diags)
}

// file parses one source and decodes what it holds.
func (d *decoder) file(source Source) {
	if _, twice := d.spec.Files[source.Name]; twice {
		return
	}
	body, file, diags := parseFile(source, d.schema)
	d.spec.Files[source.Name] = file
	d.diags = append(d.diags, diags...)
	d.broken = slices.ContainsFunc(diags, func(d *hcl.Diagnostic) bool { return d.Summary != attributeRedefined })
	if body != nil {
		d.topLevel(body)
	}
}

// parseFile returns the body of a file in native form, nil if it cannot be parsed.
func parseFile(source Source, schema *Schema) (*hclsyntax.Body, *hcl.File, hcl.Diagnostics) {
	file := &hcl.File{Bytes: source.Bytes, Body: hcl.EmptyBody()}
	if d := checkSize(source); d != nil {
		return nil, file, hcl.Diagnostics{d}
	}
	if isJSON(source.Name) {
		return parseJSON(source, schema)
	}
	words, diags := scanConfig(source)
	if diags.HasErrors() {
		return nil, file, diags
	}
	found := findMistakes(words)
	file, parseDiags := parseAround(source, words, found)
	diags = mergeFindings(parseDiags, found)
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return nil, file, diags
	}
	return body, file, diags
}

// maxRounds bounds how often a file is parsed to find all of its errors, and
// maxReparsed how many bytes are parsed again for it.
const (
	maxRounds   = 20
	maxReparsed = 1 << 18
)

// parseAround parses a file without the attributes and blocks that cannot be
// parsed: HCL's parser says nothing more after its first error, so what it
// stumbles over is hidden, and it begins again.
func parseAround(source Source, words []word, found []finding) (*hcl.File, hcl.Diagnostics) {
	h := &hider{src: source.Bytes, words: words, ends: itemEnds(words), hidden: map[int]bool{}}
	for _, f := range found {
		h.hide(f.diag.Subject.Start.Byte)
	}
	var all hcl.Diagnostics
	for round := 0; ; round++ {
		file, diags := hclsyntax.ParseConfig(h.src, source.Name, hcl.InitialPos)
		if h.cut {
			diags = slices.DeleteFunc(diags, func(d *hcl.Diagnostic) bool { return strings.HasPrefix(d.Summary, "Unclosed configuration") })
		}
		again := false
		for _, d := range diags {
			// A repeated attribute is no reason to parse again.
			if d.Summary != attributeRedefined {
				again = h.hide(subject(d).Start.Byte) || again
			}
		}
		if !again || round == maxRounds || (round+1)*len(h.src) > maxReparsed {
			file.Bytes = source.Bytes
			return file, append(all, diags...)
		}
		for _, d := range diags {
			if d.Summary != attributeRedefined {
				all = append(all, d)
			}
		}
	}
}

// attributeRedefined is the summary that HCL gives to a repeated attribute.
const attributeRedefined = "Attribute redefined"

// hider puts spaces in place of attributes and blocks, so that positions stay.
type hider struct {
	src    []byte
	cloned bool
	words  []word
	ends   map[int]int
	hidden map[int]bool // items, by where they begin
	cut    bool         // the end of the file is hidden
}

// itemEnds returns where each attribute or block ends, by where it begins.
func itemEnds(words []word) map[int]int {
	ends := map[int]int{}
	for _, w := range words {
		if w.kind != frameBody || w.item < 0 || w.Type != hclsyntax.TokenNewline && w.Type != hclsyntax.TokenCBrace {
			continue
		}
		if _, known := ends[w.item]; !known {
			ends[w.item] = w.Range.Start.Byte
		}
	}
	return ends
}

// hide removes the innermost attribute or block at an offset; false if there is
// nothing left to remove.
func (h *hider) hide(offset int) bool {
	i, exact := slices.BinarySearchFunc(h.words, offset, func(w word, o int) int { return cmp.Compare(w.Range.Start.Byte, o) })
	if !exact {
		i--
	}
	for i >= 0 && (i >= len(h.words) || h.words[i].item < 0) {
		i--
	}
	if i < 0 {
		return false
	}
	start := h.words[i].item
	if h.hidden[start] {
		return false
	}
	h.hidden[start] = true
	end, known := h.ends[start]
	if !known {
		end, h.cut = len(h.src), true
	}
	if !h.cloned {
		h.src, h.cloned = bytes.Clone(h.src), true
	}
	for j := start; j < end; j++ {
		if h.src[j] != '\n' {
			h.src[j] = ' '
		}
	}
	return true
}

// sortDiagnostics orders by source and position, and drops repetitions and
// chained comparisons that are only seen because of another mistake inside.
func sortDiagnostics(sources []Source, diags hcl.Diagnostics) hcl.Diagnostics {
	slices.SortStableFunc(diags, func(a, b *hcl.Diagnostic) int {
		return compareRanges(sources, subject(a), subject(b))
	})
	consequence := map[*hcl.Diagnostic]bool{}
	for i, d := range diags {
		// What is inside begins at the same place or soon after.
		for _, e := range diags[i+1:] {
			if subject(e).Start.Byte >= subject(d).End.Byte || consequence[d] {
				break
			}
			consequence[d] = d.Summary == chainedComparison && within(e, d)
		}
		if i > 0 && d.Summary == chainedComparison && within(diags[i-1], d) {
			consequence[d] = true
		}
	}
	type identity struct {
		rng             hcl.Range
		summary, detail string
	}
	seen := map[identity]bool{}
	return slices.DeleteFunc(diags, func(d *hcl.Diagnostic) bool {
		id := identity{subject(d), d.Summary, d.Detail}
		was := seen[id]
		seen[id] = true
		return was || consequence[d]
	})
}

// within tells whether error e stands inside the range of d, and so may be the
// cause of it.
func within(e, d *hcl.Diagnostic) bool {
	inner, outer := subject(e), subject(d)
	return inner.Filename == outer.Filename && inner.Start.Byte >= outer.Start.Byte && inner.End.Byte <= outer.End.Byte && inner != outer
}

func subject(d *hcl.Diagnostic) hcl.Range {
	if d.Subject == nil {
		return hcl.Range{}
	}
	return *d.Subject
}

func compareRanges(sources []Source, a, b hcl.Range) int {
	if a.Filename != b.Filename {
		index := func(name string) int {
			return slices.IndexFunc(sources, func(s Source) bool { return s.Name == name })
		}
		return cmp.Compare(index(a.Filename), index(b.Filename))
	}
	return cmp.Or(cmp.Compare(a.Start.Byte, b.Start.Byte), cmp.Compare(a.End.Byte, b.End.Byte))
}

// Syntax parses one file without looking at what its blocks mean: only errors
// of syntax are reported. The file is never nil.
func Syntax(source Source) (*hcl.File, hcl.Diagnostics) {
	_, file, diags := parseFile(source, &Schema{})
	return file, sortDiagnostics([]Source{source}, diags)
}
