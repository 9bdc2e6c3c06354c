package unit

import (
	"math"
	"math/bits"
	"strconv"
	"strings"
)

const sizeLiteral = `a size such as "4KiB"`

// sizes are the suffixes of sizes: with an i powers of 1024, without of 1000.
var sizes = []scale{
	{"B", 1},
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"PiB", 1 << 50},
	{"EiB", 1 << 60},
	{"kB", 1e3},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"PB", 1e15},
	{"EB", 1e18},
}

// ParseSize reads "4KiB", "1.5MiB", "10MB", "512B", "512" as bytes, exactly.
// A bare K, M or G, which some programs take as 1000 and some as 1024, is an
// error that says so.
func ParseSize(s string) (int64, error) {
	n, err := readSize(s)
	return n, wanting(err, sizeLiteral)
}

func readSize(s string) (int64, error) {
	text, negative := cutSign(s)
	if text != "" && span(text, isDigit) == len(text) {
		text += "B"
	}
	n, rest, why := quantity(text, sizes)
	switch {
	case rest != "" || why == bad:
		return 0, errLiteral()
	case why != "":
		last := text[len(text)-1:]
		if strings.Contains("kKMGTPE", last) {
			prefix := strings.ToUpper(last)
			why = "write " + prefix + "iB for a power of 1024, or " + prefix + "B for one of 1000"
		}
		return 0, errBecause(why)
	case n > math.MaxInt64:
		return 0, errBecause(tooLarge)
	case negative:
		return -int64(n), nil
	}
	return int64(n), nil
}

// AppendSize appends n bytes in human form with binary units. Exact values are
// short (4KiB, 1.5MiB), rounded ones have two decimals (1.46KiB).
func AppendSize(dst []byte, n uint64, negative bool) []byte {
	if negative {
		dst = append(dst, '-')
	}
	const prefixes = "KMGTPE"
	if n < 1024 {
		return append(strconv.AppendUint(dst, n, 10), 'B')
	}
	shift := 10
	for i := range len(prefixes) {
		// 1023.995 and more would round to 1024 of this unit.
		if i == len(prefixes)-1 || hundredths(n, shift) < 102400 {
			dst = appendDecimals(dst, hundredths(n, shift), 2, isHundredths(n, shift))
			return append(dst, prefixes[i], 'i', 'B')
		}
		shift += 10
	}
	return dst
}

// hundredths is n in hundredths of 2^shift, rounded to the nearest.
func hundredths(n uint64, shift int) uint64 {
	hi, lo := bits.Mul64(n, 100)
	lo, carry := bits.Add64(lo, 1<<(shift-1), 0)
	return (hi+carry)<<(64-shift) | lo>>shift
}

// isHundredths says that hundredths did not round.
func isHundredths(n uint64, shift int) bool {
	_, lo := bits.Mul64(n, 100)
	return lo&(1<<shift-1) == 0
}
