package render

import (
	"strconv"
	"time"
)

// clock turns CLOCK_MONOTONIC times into text. It keeps the text of the second
// it formatted last: events come in order.
type clock struct {
	offset   int64 // ns from CLOCK_MONOTONIC to Unix time
	start    uint64
	location *time.Location

	rfc, local cachedSecond
}

// cachedSecond is a second and the text before its fraction.
type cachedSecond struct {
	second int64
	text   []byte
}

// The layouts up to the fraction of a second.
const (
	rfcLayout   = "2006-01-02T15:04:05."
	localLayout = "15:04:05."
)

// The widths of the time column of text.
const (
	wallWidth    = len("15:04:05.000000")
	elapsedWidth = len("00000.000000")
)

// appendRFC3339 appends the time in UTC with nanoseconds.
func (c *clock) appendRFC3339(dst []byte, monotonic uint64) []byte {
	second, ns := c.unix(monotonic)
	dst = append(dst, c.rfc.at(second, rfcLayout, time.UTC)...)
	return append(appendPadded(dst, ns, 9), 'Z')
}

// appendWall appends the local time of day with microseconds.
func (c *clock) appendWall(dst []byte, monotonic uint64) []byte {
	second, ns := c.unix(monotonic)
	dst = append(dst, c.local.at(second, localLayout, c.location)...)
	return appendPadded(dst, ns/1e3, 6)
}

// appendWallSecond appends the local time of day without a fraction.
func (c *clock) appendWallSecond(dst []byte, monotonic uint64) []byte {
	second, _ := c.unix(monotonic)
	text := c.local.at(second, localLayout, c.location)
	return append(dst, text[:len(text)-1]...)
}

// appendElapsed appends the seconds since the start with microseconds.
func (c *clock) appendElapsed(dst []byte, monotonic uint64) []byte {
	since := int64(monotonic - c.start)
	if since < 0 {
		dst = append(dst, '-')
		since = -since
	}
	us := uint64(since) / 1e3
	dst = strconv.AppendUint(dst, us/1e6, 10)
	return appendPadded(append(dst, '.'), us%1e6, 6)
}

// unix is the Unix second and its nanosecond. Records with a time that no clock
// gives come from the kernel's side as numbers; they wrap and never panic.
func (c *clock) unix(monotonic uint64) (second int64, ns uint64) {
	t := int64(monotonic) + c.offset
	second, rest := t/1e9, t%1e9
	if rest < 0 {
		second, rest = second-1, rest+1e9
	}
	return second, uint64(rest)
}

func (s *cachedSecond) at(second int64, layout string, location *time.Location) []byte {
	if len(s.text) == 0 || s.second != second {
		s.second = second
		s.text = time.Unix(second, 0).In(location).AppendFormat(s.text[:0], layout)
	}
	return s.text
}

// appendPadded appends n with leading zeros to a number of digits.
func appendPadded(dst []byte, n uint64, digits int) []byte {
	start := len(dst)
	for range digits {
		dst = append(dst, '0')
	}
	for i := len(dst) - 1; i >= start; i-- {
		dst[i] = '0' + byte(n%10)
		n /= 10
	}
	return dst
}
