package ir_test

import (
	"strings"
	"testing"

	"tracer/bpfgen/ir"
)

func TestCheckFindsBrokenStructure(t *testing.T) {
	rows := []struct {
		name, body string
		damage     func(f *ir.Func)
		want       string
	}{
		{"edge back", "v0 = const 1\n jump b1\nb1 \"x\":\n exit v0", func(f *ir.Func) {
			f.Blocks[1].Term = ir.Term{}
			f.Blocks[1].Jump(f.Blocks[1])
		}, "an edge goes back"},
		{"no terminator", "v0 = const 1\n exit v0", func(f *ir.Func) { f.Blocks[0].Term = ir.Term{} }, "no terminator"},
		{"predecessors", "v0 = const 1\n jump b1\nb1 \"x\":\n exit v0", func(f *ir.Func) {
			f.Blocks[1].Preds = append(f.Blocks[1].Preds, f.Blocks[0])
		}, "predecessors and terminators disagree"},
		{"unreachable", "v0 = const 1\n exit v0\nb1 \"x\":\n exit v0", nil, "no predecessor"},
		{"operand count", "v0 = const 1\n v1 = add v0, v0\n exit v1", func(f *ir.Func) {
			f.Blocks[0].Values[1].Args = f.Blocks[0].Values[1].Args[:1]
		}, "v1: add has 1 operands, want 2"},
		{"use before definition", "v1 = neg v0\n v0 = const 1\n exit v1", nil, "v1: v0 is not defined before"},
		{"not on every way", "v0 = const 1\n if eq v0, v0 then b1 else b2\nb1 \"x\":\n v1 = const 2\n jump b2\nb2 \"y\":\n exit v1", nil, "exit: v1 is not defined on every way"},
		{"phi from the wrong side", "v0 = const 1\n if eq v0, v0 then b1 else b2\nb1 \"x\":\n v1 = const 2\n jump b2\nb2 \"y\":\n v2 = phi b0:v1, b1:v0\n exit v2", nil, "v2: v1 is not defined on every way"},
		{"phi operands", "v0 = const 1\n jump b1\nb1 \"x\":\n v1 = phi b0:v0\n exit v1", func(f *ir.Func) { f.Blocks[1].Values[0].Args = nil }, "phi of 0 values, and 1 predecessors"},
		{"phi not first", "v0 = const 1\n jump b1\nb1 \"x\":\n v2 = const 1\n v1 = phi b0:v0\n exit v1", nil, "v1: a phi after other values"},
		{"result of a store", "v0 = const 1\n v1 = neg v0\n exit v1", func(f *ir.Func) {
			v := f.Blocks[0].Values[1]
			v.Op, v.Size, v.Args = ir.OpStore, 8, []*ir.Value{v.Args[0], v.Args[0]}
		}, "exit: store gives no value"},
		{"size", "v0 = const 1\n v1 = ext.3 v0\n exit v1", nil, "v1: ext of 3 bytes"},
		{"short atomic", "v0 = ctx\n v1 = const 1\n atomic_add.2 [v0+0], v1\n exit v1", nil, "atomic_add of 2 bytes"},
		{"six operands", "v0 = const 1\n v1 = call 1(v0, v0, v0, v0, v0, v0)\n exit v1", nil, "call with 6 operands"},
		{"empty slot", "v0 = slot 0 \"s\"\n exit v0", nil, "slot of 0 bytes"},
		{"address of a slot in memory", "v0 = slot 8 \"s\"\n v1 = add v0, v0\n store.8 [v0+0], v1\n exit v1", nil, "the address of a slot is stored"},
		{"nameless map", "v0 = map \"\"\n exit v0", nil, "map without a name"},
		{"same number twice", "v0 = const 1\n v1 = const 1\n exit v1", func(f *ir.Func) { f.Blocks[0].Values[1].ID = 0 }, "two values have the ID 0"},
		{"wrong block", "v0 = const 1\n jump b1\nb1 \"x\":\n exit v0", func(f *ir.Func) { f.Blocks[0].Values[0].Block = f.Blocks[1] }, "does not know its block"},
		{"missing operand", "v0 = const 1\n exit v0", func(f *ir.Func) { f.Blocks[0].Term.A = nil }, "an operand is missing"},
		{"if without a comparison", "v0 = const 1\n if eq v0, v0 then b1 else b1\nb1 \"x\":\n exit v0", func(f *ir.Func) { f.Blocks[0].Term.Cmp = ir.OpAdd }, "if with add"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			f, err := ir.ParseText("func \"f\"\n\nb0 \"entry\":\n " + row.body + "\n")
			if err != nil {
				t.Fatal(err)
			}
			if row.damage != nil {
				if err := ir.Check(f); err != nil {
					t.Fatal(err)
				}
				row.damage(f)
			}
			if err := ir.Check(f); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want %q", err, row.want)
			}
		})
	}
}

func TestHistogramSlotsCoverAllNumbers(t *testing.T) {
	for bits := range 6 {
		next := uint64(0)
		for slot := 1; slot < ir.HistSlots(bits); slot++ {
			lo, hi := ir.HistBounds(slot, bits)
			if lo != next || hi < lo {
				t.Fatalf("bits %d: slot %d is from %#x to %#x, want from %#x", bits, slot, lo, hi, next)
			}
			next = hi + 1
		}
		if next != 0 {
			t.Errorf("bits %d: the last slot ends before %#x", bits, next)
		}
	}
}
