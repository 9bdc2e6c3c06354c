package session

import (
	"strings"
	"testing"

	"tracer/interpreter/plan"
)

func targets(paths ...string) *plan.Plan {
	var v plan.Variant
	for _, p := range paths {
		v.Targets = append(v.Targets, plan.Target{Path: p, File: "id of " + p})
	}
	v.Targets = append(v.Targets, plan.Target{Name: "vfs_read"})
	return &plan.Plan{Probes: []*plan.Probe{{Variants: []*plan.Variant{&v}}}}
}

func TestReplacedFiles(t *testing.T) {
	now := map[string]string{"/a": "id of /a", "/b": "id of /b"} // and none at /gone
	s := &Session{files: userFiles(targets("/a", "/a", "/b", "/gone")), fileID: func(path string) string { return now[path] }}
	if got := len(s.files); got != 3 {
		t.Errorf("%d files, want each path once, without what has none: 3", got)
	}
	steps := []struct {
		name   string
		change map[string]string
		want   string
	}{
		{"as they were", nil, ""},
		{"one is replaced", map[string]string{"/b": "another"}, "/b was replaced while it was traced. "},
		{"said once", map[string]string{"/b": "a third"}, ""},
		{"one is removed", map[string]string{"/a": ""}, ""},
		{"and there again", map[string]string{"/a": "another"}, "/a was replaced while it was traced. "},
	}
	for _, step := range steps {
		for path, id := range step.change {
			now[path] = id
		}
		diags := s.Replaced()
		if diags.HasErrors() || (step.want == "") != (len(diags) == 0) || len(diags) > 1 {
			t.Fatalf("%s: %v, want %q", step.name, diags, step.want)
		}
		if step.want != "" && (diags[0].Summary != "Binary replaced" || !strings.HasPrefix(diags[0].Detail, step.want)) {
			t.Errorf("%s: %v, want %q", step.name, diags, step.want)
		}
	}
}

// Between the plan and the attachment nothing may be replaced: places are the old
// file's.
func TestReplacedBeforeAttached(t *testing.T) {
	p := targets("/a", "/b")
	id := func(path string) string { return "id of /a" }
	o := opener{s: &Session{files: userFiles(p), fileID: id}}
	diags := o.sameFiles(t.Context())
	if len(diags) != 1 || !diags.HasErrors() || diags[0].Detail != "/b was replaced after tracer had read it: run tracer again." {
		t.Errorf("%v, want an error of /b", diags)
	}
}
