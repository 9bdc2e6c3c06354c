package check

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/templates"
)

// group is the targets of a probe that share a layout of arguments.
type group struct {
	layout  *tree.Layout
	targets []plan.Target
}

func (g group) names() []string {
	var out []string
	seen := map[string]bool{}
	for _, t := range g.targets {
		if !seen[t.Name] {
			seen[t.Name] = true
			out = append(out, t.Name)
		}
	}
	return out
}

// resolve finds the probe's targets, grouped by layout. ok is false after an
// error; no groups without an error mean that all were optional and missing.
func (s *scope) resolve(out *plan.Probe) (groups []group, ok bool) {
	p := s.probe
	optional := false
	if a := p.Attrs["optional"]; a != nil && !s.isNull(a.Expr) {
		v, ok := s.planArg(a.Expr, cty.Bool, "true or false")
		if !ok {
			return nil, false
		}
		optional = v.True()
	}
	requests, ok := s.requests(out, optional)
	if !ok {
		return nil, false
	}
	ok = true
	var found []match
	for _, r := range requests {
		patterns, good := s.patterns(r)
		if !good {
			ok = false
			continue
		}
		for _, pattern := range patterns {
			f, good := s.resolveOne(out, r, pattern, optional)
			if !good {
				ok = false
			}
			for _, one := range f {
				found = append(found, match{one, templates.IsGlob(pattern)})
			}
		}
	}
	if !ok {
		return nil, false
	}
	targets := onceEach(found, func(name, first string) {
		s.leaveOut(out, s.patternRange(name), name, "is", "it is another name of "+first)
	})
	s.warnUnwinding(targets)
	return s.grouped(targets), true
}

// warnUnwinding warns of returns of functions that exceptions or panics may leave.
// Where a return is probed another address lies on the stack, at which the search
// for a handler ends, and with it the program (seen on 6.18, in C++ and Rust).
func (s *scope) warnUnwinding(found []templates.Found) {
	var mangled []string
	for _, f := range found {
		if name := f.Target.Symbol; s.typ.User && s.typ.Returns && (strings.HasPrefix(name, "_Z") || strings.HasPrefix(name, "_R")) {
			mangled = append(mangled, name)
		}
	}
	if len(mangled) == 0 {
		return
	}
	names, are := mangled[0], "is a function"
	if n := len(mangled) - 1; n > 0 {
		names, are = fmt.Sprintf("%s and %d more", names, n), "are functions"
	}
	rng := s.probe.Attrs["target"].Expr.Range()
	s.c.warnAt(rng, "Exceptions end the program", "%s %s in C++ or Rust. An exception or a panic that leaves a function whose return is probed does not find its handler: the program is ended. Where that may happen, probe the entry, as uprobe.", names, are)
}

// match is a target and whether a glob found it.
type match struct {
	templates.Found
	byGlob bool
}

// onceEach are the targets, each place once: a function of several names is one
// target, else each of its calls would count twice, and a return could find the
// entry of the other. A name that the spec writes out goes before what globs find;
// twice is told of a second one, and of the first.
func onceEach(all []match, twice func(name, first string)) []templates.Found {
	named := map[string]string{}
	for _, m := range all {
		if _, have := named[m.Place]; !have && !m.byGlob {
			named[m.Place] = m.Target.Name
		}
	}
	var out []templates.Found
	seen, taken := map[string]bool{}, map[string]bool{}
	for _, m := range all {
		key := m.Target.Path + "\x00" + fmt.Sprint(m.Target.Offset) + "\x00" + m.Target.Name + m.Target.Module + fmt.Sprint(m.Target.Address)
		if seen[key] {
			continue
		}
		seen[key] = true
		if m.Place != "" {
			first, isNamed := named[m.Place]
			if m.byGlob && isNamed && first != m.Target.Name {
				continue
			}
			if taken[m.Place] {
				if !m.byGlob {
					twice(m.Target.Name, first)
				}
				continue
			}
			taken[m.Place] = true
		}
		out = append(out, m.Found)
	}
	return out
}

// requests are one for the kernel, or one for each binary.
func (s *scope) requests(out *plan.Probe, optional bool) ([]*templates.Request, bool) {
	if !s.typ.User {
		return []*templates.Request{{Facts: s.c.in.Facts}}, true
	}
	p := s.probe
	pid := s.c.in.PID
	if a := p.Attrs["pid"]; a != nil && !s.isNull(a.Expr) {
		n, ok := s.planInt(a.Expr, 1, 1<<22, "a process id")
		if !ok {
			return nil, false
		}
		pid = int(n)
	}
	sig, ok := s.signature()
	if !ok {
		return nil, false
	}
	a := p.Attrs["binary"]
	if a == nil || s.isNull(a.Expr) {
		s.errorAt(p.DefRange, "Binary missing", "A %s needs a binary: a path, or a library name such as \"libc\".", s.typ.Name)
		return nil, false
	}
	s.chooseFirst(func(name string) (bool, error) {
		_, err := s.c.in.Facts.Binary(name, pid)
		if errors.Is(err, facts.ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	})
	names, ok := s.texts(a.Expr, "a path or a library name, or a list of them")
	s.chooseFirst(nil)
	if !ok {
		return nil, false
	}
	var requests []*templates.Request
	files := map[string]bool{}
	for _, name := range names {
		b, err := s.c.in.Facts.Binary(name, pid)
		switch {
		case err == nil && b.File != "" && files[b.File]: // by another path: its calls count once
		case err == nil:
			files[b.File] = true
			requests = append(requests, &templates.Request{Facts: s.c.in.Facts, Binary: b, PID: pid, Signature: sig})
		case optional && errors.Is(err, facts.ErrNotFound):
			s.leaveOut(out, a.Expr.Range(), name, "is", err.Error())
		case errors.Is(err, facts.ErrUnknown):
			s.unknown = true
			s.c.warnAt(a.Expr.Range(), "Binary not checked", "Whether %q exists cannot be told from these facts: %v.", name, err)
		default:
			s.errorAt(a.Expr.Range(), "Binary not usable", "The %v.", err)
			ok = false
		}
	}
	return requests, ok
}

// fewNames names what a glob leaves out, the first of many.
func fewNames(pattern string, names []string) string {
	const shown = 10
	more := ""
	if n := len(names) - shown; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
		names = names[:shown]
	}
	return strings.Join(names, ", ") + more + " (matched by " + strconv.Quote(pattern) + ")"
}

func (s *scope) leaveOut(out *plan.Probe, rng hcl.Range, name, verb, why string) {
	why = strings.TrimSuffix(why, ".")
	out.Left = append(out.Left, plan.LeftOut{Target: name, Reason: why})
	s.c.warnAt(rng, "Target left out", "%s %s left out: %s.", name, verb, why)
}

func (s *scope) signature() (*types.Signature, bool) {
	a := s.probe.Attrs["signature"]
	if a == nil || s.isNull(a.Expr) {
		return nil, true
	}
	v, ok := s.planArg(a.Expr, cty.String, `a C prototype such as "int write(int fd, const void *buf, size_t n)"`)
	if !ok {
		return nil, false
	}
	sig, err := types.ParseSignature(v.AsString(), types.User, nil)
	if err != nil {
		s.errorAt(a.Expr.Range(), "Signature not understood", "%q: %v.", v.AsString(), err)
		return nil, false
	}
	return sig, true
}

// texts evaluates a string or a list of strings.
func (s *scope) texts(e hclsyntax.Expression, what string) ([]string, bool) {
	v, ok := s.planArg(e, cty.DynamicPseudoType, what)
	if !ok {
		return nil, false
	}
	names, ok := textList(v)
	if !ok {
		s.errorAt(e.Range(), "Wrong type", "This must be %s, not %s.", what, noText(v))
	}
	return names, ok
}

// noText says what a value is that is no string or list of strings.
func noText(v cty.Value) string {
	v, _ = unmark(v)
	if t := v.Type(); v.IsNull() || !t.IsTupleType() && !t.IsListType() && !t.IsSetType() {
		return known(v)
	}
	for i, e := range v.AsValueSlice() {
		e, _ = unmark(e)
		if e.IsNull() || !e.Type().IsPrimitiveType() {
			return fmt.Sprintf("a list whose element %d is %s", i, known(e))
		}
	}
	return known(v)
}

// patterns evaluates target for one request: first_of asks the request's own
// binary or kernel.
func (s *scope) patterns(r *templates.Request) ([]string, bool) {
	a := s.probe.Attrs["target"]
	if a == nil || s.isPlanNull(a.Expr) {
		s.errorAt(s.probe.DefRange, "Target missing", "A %s needs a target.", s.typ.Name)
		return nil, false
	}
	s.chooseFirst(func(name string) (bool, error) {
		q := *r
		q.Pattern = name
		_, err := s.typ.Resolve(&q)
		var te *templates.TargetError
		if errors.As(err, &te) {
			return false, nil
		}
		return err == nil, err
	})
	names, ok := s.texts(a.Expr, "a name, a glob, or a list of them")
	s.chooseFirst(nil)
	if ok && len(names) == 0 {
		s.errorAt(a.Expr.Range(), "No target", "The list of targets is empty.")
		return nil, false
	}
	return names, ok
}

// chooseFirst says what first_of means from now on; nil: nothing.
func (s *scope) chooseFirst(exists func(name string) (bool, error)) {
	s.extra, s.planned = nil, nil
	if exists != nil {
		s.extra = map[string]function.Function{"first_of": firstOf(exists)}
	}
}

func (s *scope) resolveOne(out *plan.Probe, r *templates.Request, pattern string, optional bool) ([]templates.Found, bool) {
	q := *r
	q.Pattern = pattern
	q.Leave = func(names []string, why string) {
		verb := "is"
		if len(names) > 1 {
			verb = "are"
		}
		s.leaveOut(out, s.patternRange(pattern), fewNames(pattern, names), verb, why)
	}
	found, err := s.typ.Resolve(&q)
	if err == nil {
		return found, true
	}
	rng := s.patternRange(pattern)
	var te *templates.TargetError
	switch {
	case errors.As(err, &te) && optional && te.Missing:
		s.leaveOut(out, rng, pattern, "is", te.Detail)
		return nil, true
	case errors.As(err, &te):
		s.errorAt(rng, "No such target", "%s%s", te.Detail, templates.DidYouMean(te.Near))
	case errors.Is(err, facts.ErrUnknown):
		s.unknown = true
		s.c.warnAt(rng, "Target not checked", "Whether %q exists cannot be told from these facts: %v.", pattern, err)
		return nil, true
	default:
		s.errorAt(rng, "Targets not known", "%v.", err)
	}
	return nil, false
}

// patternRange is where the spec wrote a pattern, if it did so literally.
func (s *scope) patternRange(pattern string) hcl.Range {
	e := s.probe.Attrs["target"].Expr
	if s.written == nil {
		s.written = map[string]hcl.Range{}
		_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
			if t, ok := n.(*hclsyntax.TemplateExpr); ok && t.IsStringLiteral() {
				if v, _ := t.Value(nil); v.Type() == cty.String && v.IsKnown() {
					s.written[v.AsString()] = t.Range()
				}
			}
			return nil
		})
	}
	if rng, ok := s.written[pattern]; ok {
		return rng
	}
	return e.Range()
}

// grouped puts targets of equal layouts together, in order; mechanisms that
// serve one target a program keep them apart.
func (s *scope) grouped(found []templates.Found) []group {
	single := len(s.typ.Mechanisms) > 0
	for _, m := range s.typ.Mechanisms {
		single = single && m.One
	}
	if len(found) > 1 && (s.typ.Pair == plan.PairStack || s.mentions("func")) && s.c.lacks(facts.AttachCookie) {
		single = true // nothing tells the targets of one program apart
	}
	var out []group
	at := map[string]int{}
	args, ret := s.mentions("args"), s.mentions("retval")
	for i, f := range found {
		key := layoutKey(f.Layout, args, ret) + fmt.Sprint(f.Target.PID, f.Target.Alone, f.Layout.Number != nil)
		if single {
			key = fmt.Sprint(i)
		}
		n, ok := at[key]
		if !ok {
			n = len(out)
			at[key] = n
			out = append(out, group{layout: f.Layout})
		}
		out[n].targets = append(out[n].targets, f.Target)
	}
	return out
}

// mentions says that the probe uses a name of event time, directly or through
// locals.
func (s *scope) mentions(root string) bool {
	seen := map[hclsyntax.Expression]bool{}
	var in func(e hclsyntax.Expression) bool
	in = func(e hclsyntax.Expression) bool {
		if seen[e] {
			return false
		}
		seen[e] = true
		for _, t := range e.Variables() {
			if t.RootName() == root {
				return true
			}
			if l := s.local(t); t.RootName() == "local" && l != nil && in(l.Expr) {
				return true
			}
		}
		return false
	}
	return slices.ContainsFunc(s.expressions(), in)
}

// layoutKey is a text that layouts share which are equal in what is used of
// them: the arguments, the return value.
func layoutKey(l *tree.Layout, args, ret bool) string {
	var b strings.Builder
	one := func(a *tree.ArgLoc) {
		fmt.Fprintf(&b, "%s:%s:%d:%d:%v:%v;", a.Name, a.Type.String(), a.Type.Kind, a.Type.Size, a.Type.Signed, a.Loc)
	}
	if ret && l.Ret != nil {
		one(l.Ret)
	}
	if ret {
		b.WriteString(l.Refused["retval"])
	}
	if args {
		for i := range l.Args {
			one(&l.Args[i])
		}
		fmt.Fprintf(&b, "%v", l.Refused)
	}
	return b.String()
}
