// Package histogram is the arithmetic of histograms with power-of-two buckets:
// how many slots one has and which values each counts.
//
// In: the number of bits each power is split into. Out: slots and bounds, for
// the code that counts, the memory plan, and what reads the counts back. It
// must not know where slots are kept.
package histogram

// Slots is the number of slots of a histogram with 2^bits slots to a power of
// two: slot 0 for negative values, then 2^bits exact values from 0 on, then
// 2^bits slots for each power from bits to 63.
func Slots(bits int) int { return 1 + (1 << bits) + (64-bits)<<bits }

// Bounds is the range [lo, hi] of the values counted in a slot above 0.
func Bounds(slot, bits int) (lo, hi uint64) {
	n := 1 << bits
	s := slot - 1
	if s < n {
		return uint64(s), uint64(s)
	}
	power := (s-n)/n + bits
	sub := uint64((s - n) % n)
	width := uint64(1) << (power - bits)
	lo = uint64(1)<<power + sub*width
	return lo, lo + width - 1
}
