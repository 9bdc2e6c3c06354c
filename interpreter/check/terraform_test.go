package check_test

import (
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"tracer/interpreter/check"
	"tracer/interpreter/facts"
)

// What Terraform has in another way than the library.
func TestFunctionsAreAsInTerraform(t *testing.T) {
	ctx := &hcl.EvalContext{Functions: check.PlanFunctions(&facts.Recorded{}, nil), Variables: map[string]cty.Value{"unknown": cty.UnknownVal(cty.String)}}
	for _, row := range []struct{ expr, want string }{
		{`index(["a", "b"], "b")`, "1"},
		{`index(tolist([3, 4]), 3)`, "0"},
		{`index(["a"], "b")`, "error"},
		{`index({ a = 1 }, 1)`, "error"},
		{`index([unknown], "b")`, "unknown"},
		{`replace("a.b.c", ".", "-")`, `"a-b-c"`},
		{`replace("a.b1c", "/[.0-9]/", "-")`, `"a-b-c"`},
		{`replace("a1b", "/(\\d)/", "[$1]")`, `"a[1]b"`},
		{`replace("a/b", "/", "-")`, `"a-b"`},
		{`replace("a", "/(/", "-")`, "error"},
		{`coalesce("", "a")`, `"a"`},
		{`coalesce(null, "", "b", "c")`, `"b"`},
		{`coalesce(null, 0, 1)`, "0"},
		{`coalesce("", unknown)`, "unknown"},
		{`coalesce("", null)`, "error"},
		{`length("äb")`, "2"},
	} {
		e, diags := hclsyntax.ParseExpression([]byte(row.expr), "x.hcl", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		got := "error"
		if v, diags := e.Value(ctx); !diags.HasErrors() {
			got = "unknown"
			if v.IsWhollyKnown() {
				text, err := ctyjson.Marshal(v, v.Type())
				if err != nil {
					t.Fatal(err)
				}
				got = string(text)
			}
		}
		if got != row.want {
			t.Errorf("%s is %s, want %s", row.expr, got, row.want)
		}
	}
}
