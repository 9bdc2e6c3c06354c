// Package tracefmt reads the text of a tracefs "format" file.
//
// In: the text of one file. Out: facts.Format, with every field's C declaration
// taken apart. It must not know where the text came from; it touches no file.
package tracefmt

import (
	"fmt"
	"strconv"
	"strings"

	"tracer/interpreter/facts"
)

// Bounds on what is believed of a format file. A record is at most one page of
// the kernel's trace buffer (PERF_MAX_TRACE_SIZE is 8 KiB); offsets in a
// __data_loc word have 16 bits.
const (
	maxText   = 4 << 20
	maxRecord = 64 << 10
	maxFields = 4096
)

// Parse reads a format file of the event category:event. The error names the
// line that could not be understood.
func Parse(category, event, text string) (*facts.Format, error) {
	f := &facts.Format{Category: category, Event: event}
	if len(text) > maxText {
		return nil, fmt.Errorf("format of %s:%s: %d bytes are more than a format file has", category, event, len(text))
	}
	seenID := false
	for n := 1; text != ""; n++ {
		var line string
		whole := text
		line, text, _ = strings.Cut(text, "\n")
		line = strings.TrimSpace(line)
		var err error
		switch {
		case strings.HasPrefix(line, "ID:"):
			f.ID, err = strconv.ParseUint(strings.TrimSpace(line[len("ID:"):]), 10, 64)
			seenID = true
		case strings.HasPrefix(line, "field:"):
			err = addField(f, line[len("field:"):])
		case strings.HasPrefix(line, "print fmt:"):
			_, after, _ := strings.Cut(whole, "print fmt:")
			f.Print, text = strings.TrimSpace(after), ""
		case line == "", line == "format:", strings.HasPrefix(line, "name:"):
			// the name is known, and the rest says nothing
		default:
			err = fmt.Errorf("unknown text %q", clip(line))
		}
		if err != nil {
			return nil, fmt.Errorf("format of %s:%s, line %d: %w", category, event, n, err)
		}
	}
	if !seenID {
		return nil, fmt.Errorf("format of %s:%s: no ID line", category, event)
	}
	return f, nil
}

// addField parses one field line and checks it against its neighbours.
func addField(f *facts.Format, line string) error {
	if len(f.Fields) == maxFields {
		return fmt.Errorf("more than %d fields", maxFields)
	}
	field, err := parseField(line)
	if err != nil {
		return err
	}
	f.Fields = append(f.Fields, field)
	f.Size = max(f.Size, field.Offset+field.Size)
	return nil
}

// parseField reads "DECLARATION;\toffset:N;\tsize:N;\tsigned:N;". Kernels
// before 2.6.38 lack the signed part, which then counts as 0.
func parseField(line string) (facts.Field, error) {
	var field facts.Field
	decl, rest, ok := strings.Cut(line, ";")
	if !ok {
		return field, fmt.Errorf("field %q has no offset", clip(line))
	}
	numbers := map[string]int{"offset": -1, "size": -1, "signed": 0}
	for part := range strings.SplitSeq(rest, ";") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		key, value, _ := strings.Cut(part, ":")
		if _, known := numbers[key]; !known {
			continue // a later kernel may say more
		}
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil {
			return field, fmt.Errorf("%s of field %q: %w", key, clip(decl), err)
		}
		numbers[key] = int(n)
	}
	field.Offset, field.Size, field.Signed = numbers["offset"], numbers["size"], numbers["signed"] != 0
	if field.Offset < 0 || field.Size < 0 || field.Offset > maxRecord || field.Size > maxRecord {
		return field, fmt.Errorf("field %q: impossible offset or size", clip(decl))
	}
	if err := parseDecl(&field, decl); err != nil {
		return field, fmt.Errorf("field %q: %w", clip(decl), err)
	}
	field.Common = strings.HasPrefix(field.Name, "common_")
	return field, nil
}

// Prefixes of fields whose place holds only where the value is.
const (
	dataLoc = "__data_loc "
	relLoc  = "__rel_loc "
)

// parseDecl takes a C declaration apart; Size must be set.
func parseDecl(field *facts.Field, decl string) error {
	decl = strings.TrimSpace(dropAttributes(decl))
	field.DataLoc = strings.HasPrefix(decl, dataLoc)
	field.RelLoc = strings.HasPrefix(decl, relLoc)
	if field.DataLoc || field.RelLoc {
		return parseLoc(field, decl)
	}
	if name, typ, ok := functionPointer(decl); ok {
		field.Name, field.Type, field.Elem, field.Pointer = name, typ, "void", true
		return nil
	}
	decl, dims, err := cutDimensions(decl)
	if err != nil {
		return err
	}
	typ, name := cutName(decl)
	if name == "" || typ == "" {
		return fmt.Errorf("no declaration of the form TYPE NAME")
	}
	field.Name, field.Type = name, typ
	if len(dims) > 0 {
		return setArray(field, dims)
	}
	field.Elem, field.Pointer = pointee(typ)
	return nil
}

// parseLoc reads "__data_loc ELEM[] NAME".
func parseLoc(field *facts.Field, decl string) error {
	if field.Size != 4 {
		return fmt.Errorf("the place of a dynamic array is 4 bytes, not %d", field.Size)
	}
	typ, name := cutName(decl)
	if name == "" || typ == "" {
		return fmt.Errorf("no declaration of the form __data_loc TYPE[] NAME")
	}
	prefix := dataLoc
	if field.RelLoc {
		prefix = relLoc
	}
	elem := strings.TrimPrefix(typ, prefix)
	if open := strings.LastIndexByte(elem, '['); open >= 0 {
		elem = elem[:open]
	}
	elem = strings.TrimSpace(elem)
	if elem == "" || elem == strings.TrimSpace(prefix) {
		return fmt.Errorf("a dynamic array without an element type")
	}
	field.Name, field.Type, field.Elem = name, typ, elem
	return nil
}

// setArray fills in what the dimensions say. An array of more than one
// dimension counts as bytes; a size that is a macro's name is found from the
// element's.
func setArray(field *facts.Field, dims []string) error {
	elem := field.Type
	for _, d := range dims {
		field.Type += "[" + d + "]"
	}
	field.Elem = elem
	if len(dims) > 1 {
		field.Elem, field.Len = "u8", field.Size
		return nil
	}
	if dims[0] == "" {
		return nil // flexible: its length is nowhere in the record
	}
	n, err := strconv.ParseUint(dims[0], 0, 31)
	if err != nil {
		size, ok := elemSizes[elem]
		if !ok || field.Size%size != 0 {
			field.Elem, field.Len = "u8", field.Size
			return nil
		}
		n = uint64(field.Size / size)
	}
	if n == 0 && field.Size == 0 {
		return nil
	}
	if n == 0 || field.Size == 0 || field.Size%int(n) != 0 {
		return fmt.Errorf("%d bytes are not %d elements", field.Size, n)
	}
	field.Len = int(n)
	return nil
}

// elemSizes are the sizes in bytes of types whose arrays are sized by macros in
// the format files of old kernels, which print "char comm[TASK_COMM_LEN]".
var elemSizes = map[string]int{
	"char": 1, "unsigned char": 1, "signed char": 1, "u8": 1, "__u8": 1, "s8": 1, "bool": 1,
	"short": 2, "unsigned short": 2, "u16": 2, "__u16": 2,
	"int": 4, "unsigned int": 4, "u32": 4, "__u32": 4,
	"long": 8, "unsigned long": 8, "u64": 8, "__u64": 8,
}

// cutDimensions cuts trailing "[N]" groups off a declaration.
func cutDimensions(decl string) (rest string, dims []string, err error) {
	rest = strings.TrimSpace(decl)
	for strings.HasSuffix(rest, "]") {
		open := strings.LastIndexByte(rest, '[')
		if open < 0 {
			return "", nil, fmt.Errorf("a ] without its [")
		}
		dims = append([]string{strings.TrimSpace(rest[open+1 : len(rest)-1])}, dims...)
		rest = strings.TrimSpace(rest[:open])
	}
	return rest, dims, nil
}

// cutName splits a declaration before its last identifier.
func cutName(decl string) (typ, name string) {
	i := len(decl)
	for i > 0 && isIdent(decl[i-1]) {
		i--
	}
	return strings.TrimSpace(decl[:i]), decl[i:]
}

// pointee is what a pointer type points to.
func pointee(typ string) (elem string, pointer bool) {
	typ = strings.TrimSpace(typ)
	for _, qualifier := range []string{"const", "volatile", "restrict", "__restrict"} {
		if cut, ok := strings.CutSuffix(typ, qualifier); ok && strings.HasSuffix(strings.TrimSpace(cut), "*") {
			typ = strings.TrimSpace(cut)
		}
	}
	elem, pointer = strings.CutSuffix(typ, "*")
	if !pointer {
		return "", false
	}
	return strings.TrimSpace(elem), true
}

// functionPointer reads "RET (*NAME)(PARAMS)".
func functionPointer(decl string) (name, typ string, ok bool) {
	before, after, ok := strings.Cut(decl, "(*")
	if !ok {
		return "", "", false
	}
	name, params, ok := strings.Cut(after, ")")
	name = strings.TrimSpace(name)
	if !ok || name == "" || strings.Trim(name, identChars) != "" {
		return "", "", false
	}
	return name, strings.TrimSpace(before) + " (*)" + params, true
}

// dropAttributes removes __attribute__((...)), which kernels built by clang
// print for user pointers.
func dropAttributes(decl string) string {
	const word = "__attribute__"
	for {
		start := strings.Index(decl, word)
		if start < 0 {
			return decl
		}
		end := closing(decl, start+len(word))
		if end < 0 {
			return decl
		}
		decl = strings.TrimRight(decl[:start], " ") + " " + strings.TrimLeft(decl[end:], " ")
	}
}

// closing is the index behind the bracket that closes the one at or after from
// (only blanks may stand before it), -1 if there is none.
func closing(s string, from int) int {
	depth := 0
	for i := from; i < len(s); i++ {
		switch s[i] {
		case '(':
			depth++
		case ')':
			depth--
			if depth == 0 {
				return i + 1
			}
		case ' ':
		default:
			if depth == 0 {
				return -1
			}
		}
	}
	return -1
}

const identChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

func isIdent(c byte) bool { return strings.IndexByte(identChars, c) >= 0 }

// clip keeps messages short.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
