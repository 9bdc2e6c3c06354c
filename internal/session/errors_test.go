package session

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

func TestMissingPrivilegesAreToldWithoutAdviceForProgrammers(t *testing.T) {
	o := &opener{opts: Options{Explain: func(error) string { return "This process lacks CAP_BPF." }}}
	err := fmt.Errorf("create a map: map create: %w (MEMLOCK may be too low, consider rlimit.RemoveMemlock)", unix.EPERM)
	d := o.failed("Map refused", err, nil)[0]
	if want := "Create a map: map create: operation not permitted. This process lacks CAP_BPF."; d.Summary != "Missing privileges" || d.Detail != want {
		t.Errorf("got %s: %s\nwant %s", d.Summary, d.Detail, want)
	}
}
