package spec

import (
	"os"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"tracer/spec/spectest"
)

func TestWrongSpecsAreReportedOnTheGuiltyLine(t *testing.T) {
	n := spectest.Run(t, os.DirFS("testdata"), "*.hcl", func(name string, src []byte) hcl.Diagnostics {
		_, diags := Parse([]Source{{Name: name, Bytes: src}})
		return diags
	})
	if n < 40 {
		t.Errorf("the corpus has %d chunks, want at least 40", n)
	}
}
