package session

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"golang.org/x/sys/unix"
)

// ErrInterrupted is why a session was not opened when its context ended first.
// The diagnostic's Extra holds it.
var ErrInterrupted = errors.New("interrupted before everything was attached")

// ErrLockedMemory is why a kernel before 5.11 refused a map or a program, as far as
// can be told: it counts them against a limit that this process may not raise.
var ErrLockedMemory = errors.New("limit of locked memory (RLIMIT_MEMLOCK)")

// advice is what the ebpf library says to programmers where a capability is
// missing.
const advice = " (MEMLOCK may be too low, consider rlimit.RemoveMemlock)"

// failed makes a diagnostic of an error of the kernel.
func (o *opener) failed(summary string, err error, subject *hcl.Range) hcl.Diagnostics {
	detail := sentence(strings.ReplaceAll(err.Error(), advice, ""))
	if o.locked != nil && errors.Is(err, unix.EPERM) {
		err = errors.Join(err, ErrLockedMemory)
	}
	if hint := hintFor(err); hint != "" {
		detail += " " + hint
	}
	if o.opts.Explain != nil {
		if more := o.opts.Explain(err); more != "" {
			detail += " " + more
		}
	}
	if errors.Is(err, fs.ErrPermission) {
		summary = "Missing privileges"
	}
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: subject, Extra: err}}
}

// hints are what to do about errors of the kernel that say too little.
var hints = []struct {
	err  error
	text string
}{
	{unix.EMFILE, "Each perf event link needs a file descriptor: raise the limit (ulimit -n), or name fewer targets."},
	{unix.ENOMEM, "There is no memory for it within the limits that tracer runs under (its control group's or container's, ulimit -v): lower max_entries or -buffer, or raise the limit."},
	{unix.E2BIG, "It is larger than the kernel allows: lower max_entries, or aggregate fewer columns in one table."},
}

func hintFor(err error) string {
	for _, h := range hints {
		if is(err, h.err) {
			return h.text
		}
	}
	return ""
}

func (o *opener) interrupted(context.Context) hcl.Diagnostics {
	return hcl.Diagnostics{{
		Severity: hcl.DiagError, Summary: "Interrupted",
		Detail: "Tracing was interrupted before everything was attached; what was attached has been taken back.",
		Extra:  ErrInterrupted,
	}}
}

// Interrupted tells whether Open ended because its context did.
func Interrupted(diags hcl.Diagnostics) bool {
	for _, d := range diags {
		if err, ok := d.Extra.(error); ok && errors.Is(err, ErrInterrupted) {
			return true
		}
	}
	return false
}

func warning(summary, detail string, subject *hcl.Range) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: summary, Detail: detail, Subject: subject}
}

// sentence makes a sentence of an error text.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	text = strings.ToUpper(text[:1]) + text[1:]
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}
