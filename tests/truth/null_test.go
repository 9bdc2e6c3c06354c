package truth

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestArgumentsThatMayBeNull loads a program that reads members of an argument
// which the verifier knows may be null (6.14): directly, in a union, by bits and
// as text.
func TestArgumentsThatMayBeNull(t *testing.T) {
	p := needPrograms(t)
	spec := filepath.Join(tempDir(t), "spec.hcl")
	source := `
probe "raw_tracepoint" "p" {
  target   = "mm_khugepaged_scan_file"
  optional = true
  capture {
    flags = try(args.folio.flags.f, args.folio.flags, 0)
    union = try(args.folio.memcg_data, 0)
    name  = try(args.mm.owner.comm, "")
  }
}
`
	if err := os.WriteFile(spec, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), p.tracer, "apply", "-d", "200ms", spec).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
