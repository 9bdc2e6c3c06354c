package session

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/hashicorp/hcl/v2"
	"golang.org/x/sys/unix"

	"tracer/bpfgen"
	"tracer/interpreter/plan"
)

// refusal is a target that the kernel would not attach to.
type refusal struct {
	target plan.Target
	err    error
}

// side is one program on its way to its targets.
type side struct {
	ctx   context.Context
	prog  *ebpf.Program
	what  *bpfgen.Program
	files map[string]*link.Executable // by path, for the time of opening
	asks  bool                        // the program asks for the target's cookie
	// kprobes looks up the event source of kernel probes, once.
	kprobes func() (*kprobeSource, error)
}

// attach attaches all programs, entry sides first.
func (o *opener) attach(ctx context.Context) hcl.Diagnostics {
	o.refused = map[*plan.Variant]map[plan.Target]bool{}
	files, kprobes := map[string]*link.Executable{}, sync.OnceValues(findKprobes)
	for _, entries := range []bool{true, false} {
		for _, p := range o.s.loaded {
			if (p.Side == bpfgen.Entry) != entries {
				continue
			}
			if diags := o.attachProgram(&side{ctx: ctx, prog: p.prog, what: p.Program, files: files, asks: asksForCookie(p.Program), kprobes: kprobes}); diags.HasErrors() {
				return diags
			}
		}
	}
	return o.count()
}

// attachProgram attaches one program to its targets, and warns of those that the
// kernel refuses while it takes others.
func (o *opener) attachProgram(s *side) hcl.Diagnostics {
	probe := s.what.Variant.Probe
	subject := probe.Range
	mechanism := s.what.Variant.Mechanism.Name
	if s.what.Side == bpfgen.Entry {
		mechanism = s.what.Variant.EntryMechanism.Name
	}
	attach, ok := mechanisms[mechanism]
	if !ok {
		return o.failed("Unknown mechanism", fmt.Errorf("attach %s: this session knows no mechanism %q", probe.Address(), mechanism), &subject)
	}
	targets := o.targetsOf(s.what)
	links, refusals, err := attach(s, targets)
	for _, l := range links {
		o.s.links = append(o.s.links, attached{Link: l, probe: probe.Index, entry: s.what.Side == bpfgen.Entry})
		o.s.keepEvent(l)
	}
	if s.ctx.Err() != nil {
		return o.interrupted(s.ctx)
	}
	if err == nil && len(refusals) > 0 && len(refusals) == len(targets) && len(targets) == targetsOf(probe) {
		err = refusals[0].err
	}
	if err != nil {
		return o.failed("Probe refused", fmt.Errorf("attach %s: %w", probe.Address(), err), &subject)
	}
	o.leaveOut(s.what.Variant, refusals)
	return nil
}

// targetsOf are the targets of a program: all of its variant, but for those
// refused on the other side, or the one that its BTF target names.
func (o *opener) targetsOf(p *bpfgen.Program) []plan.Target {
	var out []plan.Target
	for _, t := range p.Variant.Targets {
		if p.AttachTo != "" && t.Event == p.AttachTo && len(p.Variant.Targets) > 1 {
			return []plan.Target{t}
		}
		if !o.refused[p.Variant][t] {
			out = append(out, t)
		}
	}
	return out
}

// leaveOut warns of refused targets.
func (o *opener) leaveOut(v *plan.Variant, refusals []refusal) {
	const shown = 10
	if len(refusals) == 0 {
		return
	}
	if o.refused[v] == nil {
		o.refused[v] = map[plan.Target]bool{}
	}
	var names []string
	for i, r := range refusals {
		o.refused[v][r.target] = true
		if i < shown {
			names = append(names, fmt.Sprintf("%s (%v)", r.target.Name, r.err))
		}
	}
	if more := len(refusals) - shown; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	subject := v.Probe.Range
	o.diags = append(o.diags, warning("Targets left out",
		fmt.Sprintf("The kernel refuses to attach %s to %s. The others are attached.", v.Probe.Address(), strings.Join(names, ", ")), &subject))
}

// targetsOf is how many targets a probe has, in all its variants.
func targetsOf(p *plan.Probe) int {
	n := 0
	for _, v := range p.Variants {
		n += len(v.Targets)
	}
	return n
}

// count sums up what is attached, each target of a pair once. A probe of which
// nothing is left is an error.
func (o *opener) count() hcl.Diagnostics {
	for _, p := range o.s.plan.Probes {
		n := 0
		for _, v := range p.Variants {
			for _, t := range v.Targets {
				if !o.refused[v][t] {
					n++
				}
			}
		}
		o.s.counts.Targets += n
		if n > 0 {
			o.s.counts.Probes++
		} else if targetsOf(p) > 0 {
			subject := p.Range
			return o.failed("Probe refused", fmt.Errorf("attach %s: the kernel refuses all of its targets", p.Address()), &subject)
		}
	}
	return nil
}

// eventOf is the tracepoint of a target on one side of a call; a system call
// whose return is used without its entry has only the exit.
func eventOf(t plan.Target, s bpfgen.Side) string {
	if s != bpfgen.Entry && t.ExitEvent != "" {
		return t.ExitEvent
	}
	return t.Event
}

// cookie is what tells targets of one program apart. A program that does not ask
// for it needs none, and so no kernel that has them (5.15).
func (s *side) cookie(t plan.Target) uint64 {
	if len(s.what.Variant.Targets) == 1 || !s.asks {
		return 0
	}
	return t.ID
}

// asksForCookie says that a program calls bpf_get_attach_cookie.
func asksForCookie(p *bpfgen.Program) bool {
	return p.Object != nil && slices.ContainsFunc(p.Object.Instructions, func(i asm.Instruction) bool {
		return i.IsBuiltinCall() && i.Constant == int64(asm.FnGetAttachCookie)
	})
}

// executable opens a file once.
func (s *side) executable(path string) (*link.Executable, error) {
	if ex := s.files[path]; ex != nil {
		return ex, nil
	}
	ex, err := link.OpenExecutable(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	s.files[path] = ex
	return ex, nil
}

// fatal are errors that would meet any target: no other is tried after them.
func fatal(err error) bool {
	for _, e := range []error{fs.ErrPermission, unix.EMFILE, unix.ENFILE, unix.ENOMEM, link.ErrNotSupported, context.Canceled, context.DeadlineExceeded} {
		if is(err, e) {
			return true
		}
	}
	return false
}

// is says that err is because of target. Of some errors the library keeps only
// the text.
func is(err, target error) bool {
	return errors.Is(err, target) || err != nil && strings.HasSuffix(err.Error(), ": "+target.Error())
}

// oneByOne attaches each target with a link of its own.
func oneByOne(attach func(*side, plan.Target) (link.Link, error)) attachFunc {
	return func(s *side, targets []plan.Target) (links []link.Link, refusals []refusal, err error) {
		for _, t := range targets {
			if err := s.ctx.Err(); err != nil {
				return links, refusals, err
			}
			l, err := attach(s, t)
			switch {
			case err == nil:
				links = append(links, l)
			case fatal(err):
				return links, refusals, fmt.Errorf("%s: %w", t.Name, err)
			default:
				refusals = append(refusals, refusal{t, err})
			}
		}
		return links, refusals, nil
	}
}
