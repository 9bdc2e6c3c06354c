package session

import (
	"cmp"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/hashicorp/hcl/v2"

	"tracer/interpreter/unit"
)

// hashOverhead is what the kernel adds to each entry of a hash, in bytes:
// measured at 90 on 6.18 for preallocated per-CPU hashes.
const hashOverhead = 90

// MapBytes estimates the kernel memory of a map. Task storage takes its memory
// as tasks need it and counts as nothing.
func MapBytes(m *ebpf.MapSpec, cpus int) int {
	value, key, entries := (int(m.ValueSize)+7)&^7, (int(m.KeySize)+7)&^7, int(m.MaxEntries)
	switch m.Type {
	case ebpf.RingBuf:
		return entries
	case ebpf.ArrayOfMaps:
		if m.InnerMap == nil {
			return 0
		}
		return 2 * cmp.Or(entries, 1) * MapBytes(m.InnerMap, cpus)
	case ebpf.PerCPUHash, ebpf.LRUCPUHash:
		return entries * (cpus*value + key + hashOverhead)
	case ebpf.Hash, ebpf.LRUHash:
		return entries * (value + key + hashOverhead)
	case ebpf.PerCPUArray:
		return entries * cpus * value
	case ebpf.TaskStorage:
		return 0
	default:
		return entries * value
	}
}

// fits holds what all maps take against what may be had, before any is made: the
// kernel takes page by page, and would come to the limit with the others of the
// control group. The largest is to blame.
func (o *opener) fits() hcl.Diagnostics {
	total, most, largest := 0, 0, ""
	for name, m := range o.s.object.Maps {
		n := MapBytes(m, o.s.cpus)
		total += n
		if n > most || n == most && name < largest {
			most, largest = n, name
		}
	}
	if o.opts.Memory == nil || total == 0 {
		return nil
	}
	if err := o.opts.Memory(uint64(total)); err != nil {
		return o.mapRefused(largest, fmt.Errorf("the maps take %s, and %w", unit.AppendSize(nil, uint64(total), false), err))
	}
	return nil
}
