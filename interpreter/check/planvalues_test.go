package check

import (
	"testing"

	"github.com/zclconf/go-cty/cty"

	"tracer/interpreter/unit"
)

// A number known before attaching has the unit of the outermost function, as one
// that an event gives; whether it is sensitive stays.
func TestOutermostUnitOfAKnownNumberCounts(t *testing.T) {
	const secret = "sensitive"
	v := cty.NumberIntVal(4096).Mark(secret)
	for _, name := range []string{"size", "duration", "hex"} {
		var err error
		if v, err = unitFunction(unit.ByName(name), nil).Call([]cty.Value{v}); err != nil {
			t.Fatal(err)
		}
		if _, got := unmark(v); got != name {
			t.Errorf("the unit of %s(…) is %q", name, got)
		}
		if !v.HasMark(secret) {
			t.Errorf("%s(…) is not sensitive any more", name)
		}
	}
	v, err := unitFunction(unit.ByName("duration"), nil).Call([]cty.Value{cty.StringVal("1ms").Mark(secret)})
	if _, got := unmark(v); err != nil || got != "duration" || !v.HasMark(secret) {
		t.Errorf("duration(\"1ms\") is %#v, %v", v, err)
	}
}
