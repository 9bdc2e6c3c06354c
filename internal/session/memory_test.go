package session

import (
	"errors"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/hashicorp/hcl/v2"
	"golang.org/x/sys/unix"

	"tracer/bpfgen"
	"tracer/bpfgen/layout"
	"tracer/interpreter/plan"
)

func TestMapMemory(t *testing.T) {
	for _, row := range []struct {
		name string
		spec ebpf.MapSpec
		want int
	}{
		{"per-CPU hash", ebpf.MapSpec{Type: ebpf.PerCPUHash, KeySize: 12, ValueSize: 12, MaxEntries: 10}, 10 * (4*16 + 16 + 90)},
		{"hash", ebpf.MapSpec{Type: ebpf.LRUHash, KeySize: 8, ValueSize: 8, MaxEntries: 10}, 10 * (8 + 8 + 90)},
		{"per-CPU array", ebpf.MapSpec{Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 100, MaxEntries: 1}, 4 * 104},
		{"array", ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: 3}, 24},
		{"task storage", ebpf.MapSpec{Type: ebpf.TaskStorage, KeySize: 4, ValueSize: 800}, 0},
		{"two inner maps", ebpf.MapSpec{Type: ebpf.ArrayOfMaps, MaxEntries: 1, InnerMap: &ebpf.MapSpec{Type: ebpf.Array, ValueSize: 8, MaxEntries: 1}}, 16},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := MapBytes(&row.spec, 4); got != row.want {
				t.Errorf("got %d, want %d", got, row.want)
			}
		})
	}
}

// What is more than a control group allows is refused before anything is made.
func TestMapsBeyondTheMemoryAreRefusedAtTheLargest(t *testing.T) {
	o := &opener{s: &Session{cpus: 2, object: &bpfgen.Object{Maps: map[string]*ebpf.MapSpec{
		"small":          {Type: ebpf.Array, ValueSize: 8, MaxEntries: 1},
		bpfgen.MapEvents: {Type: ebpf.RingBuf, MaxEntries: 8 << 20},
	}}}}
	if diags := o.fits(); diags.HasErrors() {
		t.Errorf("no limit is known: %v", diags)
	}
	asked := uint64(0)
	o.opts.Memory = func(bytes uint64) error {
		asked = bytes
		return errors.Join(errors.New("group /x allows 4MiB"), unix.ENOMEM)
	}
	diags := o.fits()
	table := &plan.Table{Name: "t", Range: hcl.Range{Filename: "a.hcl"}}
	o.s.object.Tables = []*bpfgen.Table{{Map: "rows", Table: &layout.Table{Table: table}}}
	if d := o.mapRefused("rows", unix.ENOMEM); d[0].Summary != "Table refused" || d[0].Subject != &table.Range ||
		!strings.Contains(d[0].Detail, "lower max_entries") {
		t.Errorf("the kernel has no memory for a table: %v", d)
	}
	if want := uint64(8<<20 + 8); asked != want {
		t.Errorf("asked for %d bytes, want %d", asked, want)
	}
	if len(diags) != 1 || diags[0].Summary != "Ring buffer refused" ||
		!strings.Contains(diags[0].Detail, "group /x allows 4MiB") || !strings.Contains(diags[0].Detail, "lower max_entries or -buffer") {
		t.Errorf("got %v", diags)
	}
}
