package check_test

import (
	"os"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"tracer/spec/spectest"
)

func TestWrongSpecsAreReportedOnTheGuiltyLine(t *testing.T) {
	f := machine(t)
	n := spectest.Run(t, os.DirFS("testdata"), "*.hcl", func(name string, src []byte) hcl.Diagnostics {
		_, diags := planOf(f, name, src)
		for _, d := range diags {
			if d.Subject == nil {
				t.Errorf("%s: %s: no subject", d.Summary, d.Detail)
			}
		}
		return diags
	})
	if n < 80 {
		t.Errorf("the corpus has %d chunks, want at least 80", n)
	}
}
