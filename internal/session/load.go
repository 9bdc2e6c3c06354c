package session

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/hashicorp/hcl/v2"

	"tracer/bpfgen"
	"tracer/bpfgen/ir"
	"tracer/internal/bpfcall"
)

// program is a loaded program.
type program struct {
	*bpfgen.Program
	prog *ebpf.Program
}

// load loads all programs. It stops at the first that is refused.
func (o *opener) load(ctx context.Context) hcl.Diagnostics {
	for _, p := range o.s.object.Programs {
		if ctx.Err() != nil {
			return o.interrupted(ctx)
		}
		prog, err := o.loadOne(p)
		if err != nil {
			return o.loadFailed(p, err)
		}
		o.s.loaded = append(o.s.loaded, &program{Program: p, prog: prog})
	}
	o.s.counts.Programs = len(o.s.loaded)
	return nil
}

// loadOne loads one program with the session's maps in the place of the names
// its instructions mention.
func (o *opener) loadOne(p *bpfgen.Program) (*ebpf.Program, error) {
	list, err := bpfcall.Number(p.Object.Instructions, o.kernelTypes)
	if err != nil {
		return nil, err
	}
	spec := &ebpf.ProgramSpec{
		Name: p.Name, Type: p.Type, AttachType: p.Attach, AttachTo: p.AttachTo,
		Instructions: list, License: "GPL",
	}
	collection := &ebpf.CollectionSpec{Programs: map[string]*ebpf.ProgramSpec{p.Name: spec}, Maps: map[string]*ebpf.MapSpec{}}
	replace := map[string]*ebpf.Map{}
	for i := range p.Object.Instructions {
		name := p.Object.Instructions[i].Reference()
		if m := o.s.maps[name]; m != nil && p.Object.Instructions[i].IsLoadFromMap() {
			collection.Maps[name], replace[name] = o.s.object.Maps[name], m
		}
	}
	loaded, err := ebpf.NewCollectionWithOptions(collection, ebpf.CollectionOptions{MapReplacements: replace, Cache: o.opts.Cache})
	if err != nil {
		return nil, err
	}
	prog := loaded.DetachProgram(p.Name)
	loaded.Close()
	return prog, nil
}

// kernelTypes are the types of this kernel.
func (o *opener) kernelTypes() (*btf.Spec, error) {
	if o.opts.Cache != nil {
		return o.opts.Cache.Kernel()
	}
	return btf.LoadKernelSpec()
}

// loadFailed explains why a program was refused.
func (o *opener) loadFailed(p *bpfgen.Program, err error) hcl.Diagnostics {
	subject := p.Variant.Probe.Range
	var verdict *ebpf.VerifierError
	if !errors.As(err, &verdict) || !rejected(verdict) {
		return o.failed("Program refused", fmt.Errorf("load the program of %s: %w", p.Variant.Probe.Address(), err), &subject)
	}
	if n, _, ok := lastInstruction(verdict.Log); ok {
		if rng, ok := rangeOf(p.Object.RawPos(n)); ok {
			subject = rng
		}
	}
	if lockedDown.MatchString(strings.Join(verdict.Log, "\n")) {
		return o.failed("Program refused", fmt.Errorf("load the program of %s: this kernel lets programs read no kernel memory, as in lockdown=confidentiality: %w",
			p.Variant.Probe.Address(), fs.ErrPermission), &subject)
	}
	report := ""
	if o.opts.Report != "" {
		report = " at " + o.opts.Report
	}
	return hcl.Diagnostics{{
		Severity: hcl.DiagError,
		Summary:  "Program rejected by the verifier",
		Detail: fmt.Sprintf("The kernel's verifier rejected the program that tracer made of %s. This is a bug in tracer and not in the spec: "+
			"please report it%s, with the spec, the output of \"tracer version\" and these lines of the verifier:\n\n  %s",
			p.Variant.Probe.Address(), report, strings.Join(verdictLines(verdict.Log), "\n  ")),
		Subject: &subject,
	}}
}

// lockedDown is what the verifier says of a kernel in lockdown that has none of
// the helpers that read its memory.
var lockedDown = regexp.MustCompile(`(unknown func|cannot use helper) bpf_probe_read(_kernel)?(_str)?#`)

// rejected tells a verdict of the verifier from a refusal before it ran, such as
// a missing privilege.
func rejected(v *ebpf.VerifierError) bool {
	_, _, ok := lastInstruction(v.Log)
	return ok
}

// verifierInstruction is how the verifier's log shows an instruction: its raw
// offset and, in brackets, its opcode.
var verifierInstruction = regexp.MustCompile(`^\s*(?:from \d+ to )?(\d+): .*\([0-9a-f]{2}\)`)

// lastInstruction is the raw offset of the last instruction that the verifier looked
// at, and the line of the log that says so.
func lastInstruction(log []string) (offset, line int, ok bool) {
	for i := len(log) - 1; i >= 0; i-- {
		if m := verifierInstruction.FindStringSubmatch(log[i]); m != nil {
			n, err := strconv.Atoi(m[1])
			return n, i, err == nil
		}
	}
	return 0, 0, false
}

// verdictLines are those around the last instruction: some before it, and what the
// verifier says of it, in one line or (7.3) in a report of many.
func verdictLines(log []string) []string {
	const before, after = 4, 8
	_, i, _ := lastInstruction(log)
	lines := log[max(0, i-before):min(len(log), i+1+after)]
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.TrimSpace(l) == "" })
}

// rangeOf is the place in a spec that an instruction comes from.
func rangeOf(p ir.Pos) (hcl.Range, bool) {
	switch r := p.(type) {
	case hcl.Range:
		return r, r.Filename != ""
	case *hcl.Range:
		if r != nil {
			return *r, r.Filename != ""
		}
	}
	return hcl.Range{}, false
}
