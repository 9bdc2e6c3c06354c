package main

import (
	"fmt"
	"slices"
)

// samples are what was measured, by row and tool.
type samples map[string]map[string][]float64

func (s samples) add(row, tool string, value float64) {
	if s[row] == nil {
		s[row] = map[string][]float64{}
	}
	s[row][tool] = append(s[row][tool], value)
}

// median is the middle of the samples, and whether there are any.
func (s samples) median(row, tool string) (float64, bool) {
	values := slices.Sorted(slices.Values(s[row][tool]))
	if len(values) == 0 {
		return 0, false
	}
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2, true
}

// ratio is the quotient of the medians of two tools.
func (s samples) ratio(row, above, below string) (float64, bool) {
	a, okA := s.median(row, above)
	b, okB := s.median(row, below)
	if !okA || !okB || b <= 0 {
		return 0, false
	}
	return a / b, true
}

// cell is median, least and greatest, in units of scale.
func (s samples) cell(row, tool string, scale float64) string {
	m, ok := s.median(row, tool)
	if !ok {
		return "not measured"
	}
	values := s[row][tool]
	least, greatest := number(slices.Min(values)/scale), number(slices.Max(values)/scale)
	if least == greatest {
		return number(m / scale)
	}
	return fmt.Sprintf("%s (%s…%s)", number(m/scale), least, greatest)
}

// number prints with about three digits that count.
func number(v float64) string {
	switch size := max(v, -v); {
	case size >= 100 || v == float64(int(v)):
		return fmt.Sprintf("%.0f", v)
	case size >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
