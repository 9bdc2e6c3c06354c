package unit

import (
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// scale is one suffix of a quantity and how many base units it is.
type scale struct {
	suffix string
	factor uint64
}

const durationLiteral = `a duration such as "10ms"`

// durations, largest first. Both spellings of micro (U+00B5, U+03BC) are read.
var durations = []scale{
	{"d", 24 * 60 * 60 * 1e9},
	{"h", 60 * 60 * 1e9},
	{"m", 60 * 1e9},
	{"s", 1e9},
	{"ms", 1e6},
	{"us", 1e3},
	{"µs", 1e3},
	{"μs", 1e3},
	{"ns", 1},
}

// ParseDuration reads "10ms", "1.5s", "1h30m", "-2us", "2d", "0" as nanoseconds,
// exactly: a fraction of a nanosecond or a duration beyond 292 years is an
// error.
func ParseDuration(s string) (int64, error) {
	n, err := readDuration(s)
	return n, wanting(err, durationLiteral)
}

func readDuration(s string) (int64, error) {
	text, negative := cutSign(s)
	if text == "0" {
		return 0, nil
	}
	var total uint64
	for first := true; text != "" || first; first = false {
		n, rest, err := quantity(text, durations)
		switch {
		case err != "" && err != bad:
			return 0, errBecause(err)
		case err != "":
			return 0, errLiteral()
		}
		if total += n; n > math.MaxInt64 || total > math.MaxInt64 {
			return 0, errBecause(tooLarge)
		}
		text = rest
	}
	if negative {
		return -int64(total), nil
	}
	return int64(total), nil
}

const (
	bad      = "?" // not a quantity at all
	tooLarge = "this one does not fit into 64 bits"
)

// quantity reads one number with one suffix from the start of s. why is "" if
// it could, bad if s is no quantity, else what is wrong with it.
func quantity(s string, scales []scale) (n uint64, rest, why string) {
	digits := span(s, isDigit)
	fraction, end := "", digits
	if end < len(s) && s[end] == '.' {
		fractionEnd := end + 1 + span(s[end+1:], isDigit)
		fraction, end = s[digits+1:fractionEnd], fractionEnd
		if fraction == "" {
			return 0, "", bad
		}
	}
	if digits == 0 {
		return 0, "", bad
	}
	suffixEnd := end + span(s[end:], func(c byte) bool { return !isDigit(c) && c != '.' && c != '-' && c != '+' })
	for _, sc := range scales {
		if sc.suffix == s[end:suffixEnd] {
			n, why = scaled(s[:digits], fraction, sc.factor)
			return n, s[suffixEnd:], why
		}
	}
	if suffixEnd == end {
		return 0, "", "the number needs a unit"
	}
	return 0, "", "there is no unit " + strconv.Quote(s[end:suffixEnd])
}

// scaled is whole.fraction times factor if that is a whole number of 64 bits.
func scaled(whole, fraction string, factor uint64) (uint64, string) {
	n, err := strconv.ParseUint(whole, 10, 64)
	if err != nil || n > math.MaxUint64/factor {
		return 0, tooLarge
	}
	n *= factor
	fraction = strings.TrimRight(fraction, "0")
	if fraction == "" {
		return n, ""
	}
	const notWhole = "this one is not a whole number of the smallest unit"
	if len(fraction) > 18 {
		return 0, notWhole
	}
	numerator, err := strconv.ParseUint(fraction, 10, 64)
	if err != nil {
		return 0, bad
	}
	denominator := pow10(len(fraction))
	hi, lo := bits.Mul64(numerator, factor)
	part, rest := bits.Div64(hi, lo, denominator) // numerator < denominator, so hi < denominator
	if rest != 0 {
		return 0, notWhole
	}
	if n > math.MaxUint64-part {
		return 0, tooLarge
	}
	return n + part, ""
}

func pow10(n int) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}

// span is the length of the start of s whose bytes are all ok.
func span(s string, ok func(byte) bool) int {
	for i := range len(s) {
		if !ok(s[i]) {
			return i
		}
	}
	return len(s)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func cutSign(s string) (rest string, negative bool) {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		return s[1:], s[0] == '-'
	}
	return s, false
}

// AppendDuration appends ns nanoseconds in human form. Below a minute it is one
// number in ns, us, ms or s: exact values are short (2ms, 1.5s), rounded ones
// have three decimals (1.235ms), so that a trailing zero says "rounded". From a
// minute on it is days, hours, minutes and seconds, of which only the first
// hour shows fractions.
func AppendDuration(dst []byte, ns int64) []byte {
	n := uint64(ns)
	if ns < 0 {
		dst = append(dst, '-')
		n = -n
	}
	switch {
	case n == 0:
		return append(dst, "0s"...)
	case n < 1e3:
		return append(strconv.AppendUint(dst, n, 10), "ns"...)
	case n < 1e6:
		return append(appendDecimals(dst, n, 3, true), "us"...)
	case n < 1e9-500: // what rounds to a second is written as one
		return append(appendThousandths(dst, n, 1e3), "ms"...)
	case n < 60*1e9-5e5:
		return append(appendThousandths(dst, n, 1e6), "s"...)
	case n < 60*60*1e9:
		return appendMinutes(dst, n)
	}
	return appendDays(dst, n)
}

// appendThousandths appends n as a number of units of 1000 steps each.
func appendThousandths(dst []byte, n, step uint64) []byte {
	return appendDecimals(dst, (n+step/2)/step, 3, n%step == 0)
}

func appendMinutes(dst []byte, n uint64) []byte {
	const step = 1e6
	ms := (n + step/2) / step
	dst = append(strconv.AppendUint(dst, ms/60000, 10), 'm')
	if rest := ms % 60000; rest != 0 || n%step != 0 {
		dst = append(appendDecimals(dst, rest, 3, n%step == 0), 's')
	}
	return dst
}

func appendDays(dst []byte, n uint64) []byte {
	seconds := (n + 5e8) / 1e9
	for _, part := range [...]struct {
		seconds uint64
		suffix  byte
	}{{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}} {
		if count := seconds / part.seconds; count != 0 {
			dst = append(strconv.AppendUint(dst, count, 10), part.suffix)
			seconds %= part.seconds
		}
	}
	return dst
}

// appendDecimals appends n divided by 10^decimals. Trailing zeros are left out
// of an exact number.
func appendDecimals(dst []byte, n uint64, decimals int, exact bool) []byte {
	factor := pow10(decimals)
	dst = strconv.AppendUint(dst, n/factor, 10)
	fraction := n % factor
	if exact && fraction == 0 {
		return dst
	}
	dst = append(dst, '.')
	for range decimals {
		factor /= 10
		dst = append(dst, '0'+byte(fraction/factor%10))
		if exact && fraction%factor == 0 {
			break
		}
	}
	return dst
}
