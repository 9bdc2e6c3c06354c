package eval_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"tracer/interpreter/check"
	"tracer/interpreter/eval"
	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
	"tracer/spec"
)

// agreeing are the forms in which a value of the event and HCL's own number
// cannot differ: nothing wraps as long as the arguments are small, nothing
// divides, nothing is negative where a sign matters.
var agreeing = map[bool][]string{
	false: { // numbers
		"args.a", "args.b", "args.c", "args.d", "(N + N)", "(N * args.a)", "(N - args.d)", "(N + 3)", "(2 * N)", "(B ? N : N)", "(B ? N : 7)", "min(N, N)", "max(N, N, 5)", "abs(N)", "(-N)",
		"(args.a % 7)", "(args.b % (args.c + 1))", "bitand(args.a, 12)", "bitor(args.a, args.b)", "bitxor(args.b, 255)", "shl(args.c, 3)", "shr(args.d, 2)", "ntohs(args.a)", "ntohl(args.b)",
	},
	true: { // conditions
		"(N < N)", "(N <= N)", "(N > N)", "(N >= N)", "(N == N)", "(N != N)", "(B && B)", "(B || B)", "(!B)", "(B ? B : B)", "(B == B)", "contains([1, 2, 3, 100], N)",
		"(N < 18446744073709551615)", "(-9223372036854775808 < N)", "(N == 17)",
	},
}

// agreeingExpr makes an expression of those forms.
func agreeingExpr(r *rand.Rand, condition bool, depth int) string {
	choice := agreeing[condition]
	f := choice[r.IntN(len(choice))]
	if depth <= 0 {
		f = map[bool]string{true: "(args.a < args.b)", false: "args.c"}[condition]
	}
	var b strings.Builder
	for i, c := range f {
		part := (c == 'N' || c == 'B') && !strings.HasPrefix(f, "args") && (i == 0 || !isLetter(f[i-1]))
		if !part {
			b.WriteRune(c)
			continue
		}
		b.WriteString(agreeingExpr(r, c == 'B', depth-1))
	}
	return b.String()
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// smallFields is a tracepoint of one field of each kind of integer, whose
// values in this test fit seven bits.
func smallFields() *facts.Recorded {
	format := facts.Format{Category: "test", Event: "small", ID: 1, Size: 40}
	for i, f := range []facts.Field{{Name: "a", Type: "u8", Size: 1}, {Name: "b", Type: "int", Size: 4, Signed: true}, {Name: "c", Type: "u64", Size: 8}, {Name: "d", Type: "long", Size: 8, Signed: true}} {
		f.Offset = 8 * (i + 1)
		format.Fields = append(format.Fields, f)
	}
	return &facts.Recorded{System: facts.Kernel{Release: "0", Arch: "x86_64", CPUs: 1}, Formats: []facts.Format{format}}
}

func TestAgreesWithHCLWhereNothingWraps(t *testing.T) {
	const seed, rounds, width = 7, 60, 25
	r := rand.New(rand.NewPCG(seed, 0))
	f := smallFields()
	agreed := 0
	for range rounds {
		var exprs []string
		for range width {
			exprs = append(exprs, agreeingExpr(r, r.IntN(2) == 0, 1+r.IntN(4)))
		}
		v := variantOf(t, f, exprs)
		for range 10 {
			values := [4]uint64{uint64(r.IntN(128)), uint64(r.IntN(128)), uint64(r.IntN(128)), uint64(r.IntN(128))}
			for i, col := range v.Columns {
				compareWithHCL(t, f, v, exprs[i], col.Expr, values)
				agreed++
			}
		}
	}
	t.Logf("%d evaluations agree with HCL", agreed)
}

// variantOf checks a probe whose columns are the expressions.
func variantOf(t *testing.T, f facts.Facts, exprs []string) *plan.Variant {
	t.Helper()
	var b strings.Builder
	b.WriteString("probe \"tracepoint\" \"p\" {\n  target = \"test:small\"\n  capture {\n")
	for i, e := range exprs {
		fmt.Fprintf(&b, "    c%d = %s\n", i, e)
	}
	b.WriteString("  }\n}\n")
	sp, diags := spec.Parse([]spec.Source{{Name: "agree.hcl", Bytes: []byte(b.String())}})
	if diags.HasErrors() {
		t.Fatal(diags, b.String())
	}
	p, diags := check.Spec(check.Input{Spec: sp, Facts: f})
	if diags.HasErrors() {
		t.Fatal(diags, b.String())
	}
	v := p.Probes[0].Variants[0]
	if len(v.Columns) != len(exprs) {
		t.Fatalf("%d columns of %d", len(v.Columns), len(exprs))
	}
	return v
}

func compareWithHCL(t *testing.T, f facts.Facts, v *plan.Variant, text string, e *tree.Expr, values [4]uint64) {
	t.Helper()
	context := make([]byte, 40)
	args := map[string]cty.Value{}
	for i, n := range values {
		binary.LittleEndian.PutUint64(context[8*(i+1):], n)
		args[string(rune('a'+i))] = cty.NumberUIntVal(n)
	}
	got := eval.Expr(e, &eval.Record{Layout: v.Layout, Context: context})

	parsed, diags := hclsyntax.ParseExpression([]byte(text), "agree", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	want, diags := parsed.Value(&hcl.EvalContext{
		Variables: map[string]cty.Value{"args": cty.ObjectVal(args)},
		Functions: check.PlanFunctions(f, nil),
	})
	if diags.HasErrors() {
		t.Fatalf("%s: %v", text, diags)
	}
	if number := cty.NumberIntVal(int64(got.Int)); want.Type() == cty.Number && fits(want) && !want.RawEquals(number) && want.Equals(number).False() {
		t.Fatalf("%s with %v: eval gives %d, HCL %s", text, values, int64(got.Int), want.AsBigFloat().Text('f', 0))
	}
	if want.Type() == cty.Bool && want.True() != (got.Int != 0) {
		t.Fatalf("%s with %v: eval gives %d, HCL %v", text, values, got.Int, want.True())
	}
}

// fits says that a number is within the signed 64 bits, so that nothing wrapped.
func fits(v cty.Value) bool {
	_, accuracy := v.AsBigFloat().Int64()
	return accuracy == 0
}
