package render

import (
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

const hexDigits = "0123456789abcdef"

// plain says that all of s is printable ASCII, which needs no escape.
func plain(s []byte) bool {
	for _, c := range s {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// appendEscaped appends s so that a terminal shows it as text on one line, and
// returns its width in character cells.
func appendEscaped(dst, s []byte) ([]byte, int) {
	if plain(s) {
		return append(dst, s...), len(s)
	}
	width := 0
	for len(s) > 0 {
		char, size := utf8.DecodeRune(s)
		before := len(dst)
		switch {
		case char == utf8.RuneError && size == 1:
			dst = appendByteEscape(dst, s[0])
			width += len(dst) - before
		case unicode.IsPrint(char):
			dst = append(dst, s[:size]...)
			width += cellWidth(char)
		default:
			dst = appendRuneEscape(dst, char)
			width += len(dst) - before
		}
		s = s[size:]
	}
	return dst, width
}

func appendByteEscape(dst []byte, c byte) []byte {
	return append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
}

func appendRuneEscape(dst []byte, char rune) []byte {
	switch char {
	case '\n':
		return append(dst, `\n`...)
	case '\t':
		return append(dst, `\t`...)
	case '\r':
		return append(dst, `\r`...)
	}
	switch {
	case char < 0x80:
		return appendByteEscape(dst, byte(char))
	case char <= 0xffff:
		return appendHexDigits(append(dst, `\u`...), char, 4)
	}
	return appendHexDigits(append(dst, `\U`...), char, 8)
}

func appendHexDigits(dst []byte, char rune, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[char>>shift&15])
	}
	return dst
}

// cellWidth is the width of a printable character: 1, 2 for wide ones, 0 for
// combining marks; the same on every machine, whatever its locale.
func cellWidth(char rune) int {
	if char < 0x300 {
		return 1
	}
	return (&runewidth.Condition{}).RuneWidth(char)
}
