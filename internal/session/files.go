package session

import (
	"context"
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"tracer/interpreter/plan"
)

// userFile is a file of user probes as the plan read it.
type userFile struct {
	path, id string
	at       hcl.Range // the first probe of it
	replaced bool
}

// userFiles are the files of a plan's user probes, each once.
func userFiles(p *plan.Plan) []*userFile {
	var out []*userFile
	known := map[string]bool{}
	for _, probe := range p.Probes {
		for _, v := range probe.Variants {
			for _, t := range v.Targets {
				if t.File != "" && !known[t.Path] {
					known[t.Path] = true
					out = append(out, &userFile{path: t.Path, id: t.File, at: probe.Range})
				}
			}
		}
	}
	return out
}

// newlyReplaced are the files whose path leads to another file by now, each once:
// a build or an upgrade replaces programs while they run. No program starts from
// a path at which there is nothing, so that is none of them.
func (s *Session) newlyReplaced() []*userFile {
	var out []*userFile
	for _, f := range s.files {
		if f.replaced {
			continue
		}
		if id := s.fileID(f.path); id != "" && id != f.id {
			f.replaced = true
			out = append(out, f)
		}
	}
	return out
}

// sameFiles refuses files that were replaced since they were read: the functions
// of the new one are elsewhere, and a probe amid an instruction breaks a program. It
// is asked before attaching, and after, as the kernel was given the path.
func (o *opener) sameFiles(context.Context) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, f := range o.s.newlyReplaced() {
		diags = append(diags, o.failed("Binary replaced", fmt.Errorf("%s was replaced after tracer had read it: run tracer again", f.path), &f.at)...)
	}
	return diags
}

// Replaced warns of files of user probes that were replaced while they were traced,
// of each once: programs that run the new file are not counted.
func (s *Session) Replaced() hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, f := range s.newlyReplaced() {
		diags = append(diags, warning("Binary replaced",
			fmt.Sprintf("%s was replaced while it was traced. Programs that run the old file are counted, those that started since run the new one and are not: run tracer again to count them.", f.path), &f.at))
	}
	return diags
}
