package main

import (
	"strings"
	"testing"
)

func TestMedianAndSpread(t *testing.T) {
	for _, test := range []struct {
		name   string
		values []float64
		want   string
	}{
		{"nothing was measured", nil, "not measured"},
		{"one sample has no spread", []float64{5e6}, "5"},
		{"an odd number has a middle", []float64{9e6, 1e6, 2e6}, "2 (1…9)"},
		{"of an even number the two in the middle count", []float64{1e6, 2e6, 4e6, 90e6}, "3 (1…90)"},
		{"small figures keep two places", []float64{1.234e6, 12.34e6, 123.4e6}, "12.3 (1.23…123)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := samples{}
			for _, v := range test.values {
				s.add("row", toolTracer, v)
			}
			if got := s.cell("row", toolTracer, 1e6); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestAimsAreJudgedByRatiosOfMedians(t *testing.T) {
	for _, test := range []struct {
		name               string
		tracer, peer, c    float64
		row                row
		ahead, bound, miss string
	}{
		{"met", 10, 50, 10, row{ahead: 5, bound: 1.1}, "5 ×", "1 ×", ""},
		{"behind the other tool", 10, 40, 10, row{ahead: 5, bound: 1.1}, "4 × (aim 5)", "1 ×", "4 × better than bpftrace"},
		{"above the bound", 12, 60, 10, row{ahead: 5, bound: 1.1}, "5 ×", "1.20 × (aim 1.10)", "1.20 × the C program"},
		{"more is better", 60, 2, 60, row{more: true, ahead: 20}, "30 ×", "1 ×", ""},
		{"more is better, and too little", 20, 2, 60, row{more: true, ahead: 20, reason: "because."}, "10 × (aim 20)", "0.33 ×", "Reason: because."},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := samples{}
			s.add("", toolTracer, test.tracer)
			s.add("", toolBpftrace, test.peer)
			s.add("", toolC, test.c)
			p := &printer{}
			ahead, bound := p.judged(s, test.row)
			if ahead != test.ahead || bound != test.bound {
				t.Errorf("got %q and %q, want %q and %q", ahead, bound, test.ahead, test.bound)
			}
			if missed := strings.Join(p.misses, "\n"); (test.miss == "") != (missed == "") || !strings.Contains(missed, test.miss) {
				t.Errorf("missed %q, want %q", missed, test.miss)
			}
		})
	}
}

func TestEveryCaseThatStartsIsDeclared(t *testing.T) {
	for _, name := range startCases {
		if caseNamed(name).script == "" {
			t.Errorf("%s is no case", name)
		}
	}
}
