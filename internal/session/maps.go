package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/hashicorp/hcl/v2"

	"tracer/bpfgen"
	"tracer/interpreter/unit"
)

// tableMaps are the maps of one table.
type tableMaps struct {
	table *bpfgen.Table
	rows  *slot
	other *slot // nil: a table without a key
	// counted is what table.Counts counts, as last read; final: since all probes
	// are detached.
	counted uint64
	final   bool
}

// slot is where one map of a table is. A swapped table's programs reach the
// map through an outer map of one entry, in which two inner maps take turns.
type slot struct {
	direct *ebpf.Map // not owned; nil if swapped
	outer  *ebpf.Map // not owned
	inner  [2]*ebpf.Map
	live   int // which inner map the programs use
}

// swap puts the other inner map in, and gives the one that was in. The kernel
// returns from it after an RCU grace period: no program uses the old one.
func (s *slot) swap() (*ebpf.Map, error) {
	old := s.inner[s.live]
	if err := s.outer.Put(uint32(0), s.inner[1-s.live]); err != nil {
		return nil, fmt.Errorf("exchange table maps: %w", err)
	}
	s.live = 1 - s.live
	return old, nil
}

func (t *tableMaps) close() error {
	var errs []error
	for _, s := range []*slot{t.rows, t.other} {
		if s == nil {
			continue
		}
		for _, m := range s.inner {
			if m != nil {
				errs = append(errs, m.Close())
			}
		}
	}
	return errors.Join(errs...)
}

func barrierInner() *ebpf.MapSpec {
	return &ebpf.MapSpec{Name: "barrier", Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1}
}

// makeMaps creates all maps, in the order of their names.
func (o *opener) makeMaps(ctx context.Context) hcl.Diagnostics {
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return o.failed("Unknown number of CPUs", fmt.Errorf("possible CPUs: %w", err), nil)
	}
	o.s.cpus = cpus
	if diags := o.fits(); diags.HasErrors() {
		return diags
	}
	outer := &ebpf.MapSpec{Name: "barrier", Type: ebpf.ArrayOfMaps, KeySize: 4, ValueSize: 4, MaxEntries: 1, InnerMap: barrierInner()}
	if o.s.barrier, err = ebpf.NewMap(outer); err != nil {
		return o.failed("Map refused", fmt.Errorf("create a map: %w", err), nil)
	}
	for _, name := range slices.Sorted(maps.Keys(o.s.object.Maps)) {
		if err := ctx.Err(); err != nil {
			return o.interrupted(ctx)
		}
		m, err := ebpf.NewMap(o.s.object.Maps[name].Copy())
		if err != nil {
			return o.mapRefused(name, err)
		}
		o.s.maps[name] = m
	}
	for _, t := range o.s.object.Tables {
		if err := o.makeTable(t); err != nil {
			return o.mapRefused(t.Map, err)
		}
	}
	if m := o.s.maps[bpfgen.MapEvents]; m != nil {
		if o.s.ring, err = ringbuf.NewReader(m); err != nil {
			return o.mapRefused(bpfgen.MapEvents, err)
		}
	}
	return nil
}

// mapRefused says which map the kernel refused, by what the user knows it as.
func (o *opener) mapRefused(name string, err error) hcl.Diagnostics {
	if name == bpfgen.MapEvents {
		size := unit.AppendSize(nil, uint64(o.s.object.Maps[name].MaxEntries), false)
		return o.failed("Ring buffer refused", fmt.Errorf("make a ring buffer of %s: %w", size, err), nil)
	}
	for _, t := range o.s.object.Tables {
		if name == t.Map || name == t.Other {
			return o.failed("Table refused", fmt.Errorf("make table %s: %w", t.Table.Table.Name, err), &t.Table.Table.Range)
		}
	}
	return o.failed("Map refused", fmt.Errorf("make map %s: %w", name, err), nil)
}

// makeTable makes a table's inner maps, if it is swapped.
func (o *opener) makeTable(t *bpfgen.Table) error {
	tm := &tableMaps{table: t}
	o.s.tables = append(o.s.tables, tm)
	var err error
	if tm.rows, err = o.makeSlot(t.Map); err != nil {
		return err
	}
	if t.Other != "" {
		tm.other, err = o.makeSlot(t.Other)
	}
	return err
}

// makeSlot gives what it made even with an error: the session closes it.
func (o *opener) makeSlot(name string) (*slot, error) {
	m, spec := o.s.maps[name], o.s.object.Maps[name]
	switch {
	case m == nil:
		return nil, fmt.Errorf("there is no map %s", name)
	case spec.Type != ebpf.ArrayOfMaps:
		return &slot{direct: m}, nil
	case spec.InnerMap == nil:
		return nil, fmt.Errorf("map %s does not say what its inner maps are", name)
	}
	s := &slot{outer: m}
	for i := range s.inner {
		inner, err := ebpf.NewMap(spec.InnerMap.Copy())
		if err != nil {
			return s, fmt.Errorf("create inner map of %s: %w", name, err)
		}
		s.inner[i] = inner
	}
	if err := m.Put(uint32(0), s.inner[0]); err != nil {
		return s, fmt.Errorf("fill map %s: %w", name, err)
	}
	return s, nil
}
