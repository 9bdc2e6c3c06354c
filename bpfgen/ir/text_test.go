package ir_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tracer/bpfgen/ir"
	"tracer/bpfgen/ir/irtest"
)

const everything = `func "every \"shape\""

b0 "entry":
  v0 = ctx                                       ; spec.hcl:3
  v1 = const -5
  v2 = slot 16 "key"
  v3 = map "table"
  v4 = mapvalue "vars" 24
  v5 = load.4s [v0+16]                           ; spec.hcl:4
  store.8 [v2-8], v1                             ; spec.hcl:5
  atomic_add.8 [v4+0], v1
  v6 = xchg.8 [v4+0], v1
  v7 = cmpxchg.8 [v4+8], v1, v6
  v8 = add v5, v1
  v9 = neg v8
  v10 = ext.2s v9
  v11 = bswap.4 v10
  if slt v11, v1 then b1 else b2                 ; spec.hcl:6

b1 "not ; a comment" cold:
  v12 = call 1(v3, v2)
  v13 = kfunc bpf_session_is_return(v0)
  jump b3

b2 "other":
  v14 = intrinsic str.contains(v2) imms(16, -1) data("a\x00\"; b")
  v15 = intrinsic read.failed(v9, v1, v2)
  jump b3

b3 "":
  v16 = phi b1:v12, b2:v14
  exit v16
`

func TestTextReadsBack(t *testing.T) {
	f, err := ir.ParseText(everything)
	if err != nil {
		t.Fatal(err)
	}
	if err := ir.Check(f); err != nil {
		t.Error(err)
	}
	if d := cmp.Diff(everything, f.String()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	for seed := range uint64(200) {
		f := irtest.Generate(rand.New(rand.NewPCG(seed, 2)), irtest.Config{Blocks: 6, Values: 12, Pressure: 3})
		if err := ir.Check(f); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, f)
		}
		g, err := ir.ParseText(f.String())
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, f)
		}
		if d := cmp.Diff(f.String(), g.String()); d != "" {
			t.Fatalf("seed %d: -want +got:\n%s", seed, d)
		}
	}
}

func TestNewValuesGetNewNumbersAfterParsing(t *testing.T) {
	f, err := ir.ParseText("func \"f\"\n\nb0 \"entry\":\n  v7 = const 1\n  store.8 [v7+0], v7\n  exit v7\n")
	if err != nil {
		t.Fatal(err)
	}
	if v := f.NewValue(f.Blocks[0], ir.Value{Op: ir.OpConst}); v.ID != 9 {
		t.Errorf("the new value is v%d, want v9", v.ID)
	}
}

func TestTextThatCannotBeRead(t *testing.T) {
	rows := []struct{ name, body, want string }{
		{"unknown operation", "v0 = frob\n exit v0", `line 4: unknown operation "frob"`},
		{"no definition", "exit v3", "line 4: v3 has no definition"},
		{"no block", "jump b9", "line 4: b9 does not exist"},
		{"defined twice", "v0 = const 1\n v0 = const 2\n exit v0", "line 5: v0 is defined twice"},
		{"left over", "v0 = const 1 2\n exit v0", `line 4: "2" is left over`},
		{"after the end", "v0 = const 1\n exit v0\n v1 = const 1", "after the end of its block"},
		{"bad number", "v0 = const x\n exit v0", "line 4: number"},
		{"no size", "v0 = ctx\n v1 = load [v0+0]\n exit v1", `line 5: "[v0+0]", want "."`},
		{"no bracket", "v0 = ctx\n v1 = load.8 v0\n exit v1", `want "["`},
		{"unquoted map", "v0 = map m\n exit v0", "want a quoted name"},
		{"block number", "v0 = const 1\n exit v0\nb7 \"x\":\n exit v0", "block b7, want b1"},
		{"phi without predecessor", "v0 = const 1\n v1 = phi b0:v0\n exit v1", "are not the predecessors"},
		{"phi of nothing", "v1 = phi\n exit v1", "want b and a number"},
		{"value where a block belongs", "v0 = const 1\n jump v0", "want b and a number"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := ir.ParseText("func \"f\"\n\nb0 \"entry\":\n " + row.body + "\n")
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want %q", err, row.want)
			}
		})
	}
	if _, err := ir.ParseText("v0 = const 1"); err == nil {
		t.Error("a value outside a block is read")
	}
}

func FuzzParseText(f *testing.F) {
	f.Add(everything)
	f.Add("func \"f\"\nb0 \"\":\n exit v0")
	f.Fuzz(func(t *testing.T, text string) {
		fn, err := ir.ParseText(text)
		if err != nil || ir.Check(fn) != nil {
			return
		}
		again, err := ir.ParseText(fn.String())
		if err != nil {
			t.Fatalf("%v\n%s", err, fn)
		}
		if again.String() != fn.String() {
			t.Fatal(cmp.Diff(fn.String(), again.String()))
		}
	})
}
