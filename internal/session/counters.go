package session

import (
	"encoding/binary"
	"fmt"

	"github.com/cilium/ebpf/link"

	"tracer/bpfgen"
	"tracer/bpfgen/layout"
	"tracer/internal/stream"
	"tracer/interpreter/value"
)

// Summary reads the counters of all probes. After Detach they are final.
func (s *Session) Summary() (*value.Summary, error) {
	out := &value.Summary{Time: now(), Probes: make([]value.ProbeCounters, len(s.plan.Probes))}
	missed := s.missedNow()
	for i, p := range s.plan.Probes {
		c, err := s.counters(p.Index)
		if err != nil {
			return nil, fmt.Errorf("counters of %s: %w", p.Address(), err)
		}
		c.Missed = missed[p.Index]
		n, err := s.countedByTable(p.Index)
		if err != nil {
			return nil, fmt.Errorf("events of %s: %w", p.Address(), err)
		}
		c.Events += n
		out.Probes[i] = value.ProbeCounters{Probe: p.Address(), Counters: c}
	}
	return out, nil
}

// countedByTable is how many events of a probe its table counts, in the place of
// a counter.
func (s *Session) countedByTable(probe int) (uint64, error) {
	for i, t := range s.tables {
		if c := t.table.Counts; c != nil && c.Probe == probe {
			if !t.final {
				if _, err := s.Snapshot(i); err != nil {
					return 0, err
				}
			}
			return t.counted, nil
		}
	}
	return 0, nil
}

// count adds up the words of a snapshot that count a probe's events.
func count(c *bpfgen.Counts, snap *stream.Snapshot, t *layout.Table) uint64 {
	var n uint64
	add := func(rows []byte, size int) {
		for at := 0; at+size <= len(rows); at += size {
			for i := range c.N {
				n += binary.LittleEndian.Uint64(rows[at+c.Off+8*i:])
			}
		}
	}
	add(snap.Values, t.ValueSize)
	add(snap.Other, t.OtherSize())
	return n
}

// counters adds up the CPUs' counters of one probe.
func (s *Session) counters(index int) (value.Counters, error) {
	m := s.maps[bpfgen.MapCounters]
	if m == nil {
		return value.Counters{}, nil
	}
	raw, err := m.LookupBytes(uint32(index))
	if err != nil {
		return value.Counters{}, err
	}
	return mergeCounters(raw, s.cpus), nil
}

// mergeCounters adds up the copies in raw, each layout.CountWords long.
func mergeCounters(raw []byte, cpus int) value.Counters {
	var sum [layout.CountWords]uint64
	for cpu := range cpus {
		for i := range sum {
			at := 8 * (cpu*layout.CountWords + i)
			if at+8 <= len(raw) {
				sum[i] += binary.LittleEndian.Uint64(raw[at:])
			}
		}
	}
	return value.Counters{
		Events:       sum[layout.CountTaken] + sum[layout.CountSkipped],
		Skipped:      sum[layout.CountSkipped],
		Lost:         sum[layout.CountLost],
		FailedReads:  sum[layout.CountFailedReads],
		RejectedKeys: sum[layout.CountRejectedKeys],
		Unmatched:    sum[layout.CountUnmatched],
		Truncated:    sum[layout.CountTruncated],
	}
}

// missedNow is, by probe, how often the kernel did not run a program because
// another was running on that CPU, or because it could not enter the probe.
// Kernels that do not say (before 5.12, most before 6.7) count as none.
func (s *Session) missedNow() []uint64 {
	missed := append([]uint64(nil), s.missed...)
	for _, p := range s.loaded {
		if stats, err := p.prog.Stats(); err == nil {
			missed[p.Variant.Probe.Index] += stats.RecursionMisses
		}
	}
	for _, l := range s.links {
		missed[l.probe] += missedByLink(l.Link)
	}
	return missed
}

// missedByLink is the kernel's own count of probe hits that a link could not
// take (6.7); 0 where it does not say.
func missedByLink(l link.Link) uint64 {
	info, err := l.Info()
	if err != nil {
		return 0
	}
	if multi := info.KprobeMulti(); multi != nil {
		return multi.Missed
	}
	if event := info.PerfEvent(); event != nil {
		if kprobe := event.Kprobe(); kprobe != nil {
			return kprobe.Missed
		}
	}
	return 0
}
