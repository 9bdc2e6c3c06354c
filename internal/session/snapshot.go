package session

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"tracer/internal/stream"
)

// firstBatch is how many rows are read by the first system call; buckets that
// do not fit make the next ones larger.
const firstBatch = 1024

// Snapshot reads table i of the object. A swapped table (one with an interval
// that is not cumulative) starts again: its maps are exchanged and the old ones
// emptied, exactly, without losing an event. Any other is read as it is, while
// programs go on writing.
func (s *Session) Snapshot(i int) (*stream.Snapshot, error) {
	t := s.tables[i]
	snap := &stream.Snapshot{CPUs: s.cpus, Time: now()}
	if err := s.readRows(t, snap); err != nil {
		return nil, fmt.Errorf("table %s: %w", t.table.Table.Table.Name, err)
	}
	if t.other != nil {
		m, clear, err := t.other.take()
		if err == nil {
			snap.Other, err = s.readOne(m, clear)
		}
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", t.table.Table.Table.Name, err)
		}
	}
	if t.table.Counts != nil {
		t.counted = count(t.table.Counts, snap, t.table.Table)
		t.final = len(s.links) == 0
	}
	return snap, nil
}

// take gives the map to read, and whether to empty it.
func (s *slot) take() (*ebpf.Map, bool, error) {
	if s.direct != nil {
		return s.direct, false, nil
	}
	m, err := s.swap()
	return m, true, err
}

func (s *Session) readRows(t *tableMaps, snap *stream.Snapshot) error {
	m, clear, err := t.rows.take()
	if err != nil {
		return err
	}
	if m.Type() == ebpf.PerCPUArray {
		snap.Values, err = s.readOne(m, clear)
		return err
	}
	return s.readAll(m, clear, snap)
}

// readOne reads the only value of a per-CPU array.
func (s *Session) readOne(m *ebpf.Map, clear bool) ([]byte, error) {
	raw, err := m.LookupBytes(uint32(0))
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	if clear {
		zero := make([][]byte, s.cpus)
		for i := range zero {
			zero[i] = make([]byte, m.ValueSize())
		}
		if err := m.Put(uint32(0), zero); err != nil {
			return nil, fmt.Errorf("clear: %w", err)
		}
	}
	return raw, nil
}

// readAll reads all entries of a per-CPU hash.
func (s *Session) readAll(m *ebpf.Map, clear bool, snap *stream.Snapshot) error {
	var cursor ebpf.MapBatchCursor
	lookup := m.BatchLookup
	if clear {
		lookup = m.BatchLookupAndDelete
	}
	keySize, stride := int(m.KeySize()), s.cpus*((int(m.ValueSize())+7)&^7)
	// The library sizes a batch by the length of a slice of keys, so that keys
	// must be arrays of their size.
	keyType := reflect.SliceOf(reflect.ArrayOf(keySize, reflect.TypeFor[byte]()))
	batch := min(firstBatch, int(m.MaxEntries()))
	keys, values := reflect.MakeSlice(keyType, batch, batch), make([]byte, batch*stride)
	for {
		n, err := lookup(&cursor, keys.Interface(), values, nil)
		if errors.Is(err, unix.ENOSPC) {
			batch *= 2
			keys, values = reflect.MakeSlice(keyType, batch, batch), make([]byte, batch*stride)
			continue
		}
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("read: %w", err)
		}
		for i := range n {
			snap.Keys = append(snap.Keys, keys.Index(i).Bytes()...)
		}
		snap.Values = append(snap.Values, values[:n*stride]...)
		if err != nil {
			return nil
		}
	}
}
