// Package templates knows how each kind of probe is entered: which targets a
// name means, what arguments a target offers and where they are at entry and
// return, and which mechanisms can attach to it, best first.
//
// In: a target pattern and facts. Out: targets with layouts, and a mechanism.
// It must not know HCL, nor do the attaching. Adding a probe type is adding a
// file and a row to All.
package templates

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"tracer/interpreter/facts"
	"tracer/interpreter/plan"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// Type is one probe type.
type Type struct {
	Name  string
	Space types.Space // where the pointers among its arguments point
	// User: its targets are in a binary.
	User bool
	// Returns: it fires at the return of a call: args are those of the call,
	// and retval, entry() and latency exist. A syscall probe decides by use.
	Returns, MayReturn bool
	// Pair is how its returns find their entries.
	Pair plan.Pair
	// Resolve finds the targets of one name or glob. Errors: *TargetError, or
	// why the facts cannot be had.
	Resolve func(*Request) ([]Found, error)
	// List is all names a glob chooses from.
	List func(facts.Facts, *facts.Binary) ([]string, error)
	// Mechanisms, best first; the first whose Needs hold is taken.
	Mechanisms []Mechanism
	// EntryMechanisms are those of the entry side of a pair, for all Mechanisms
	// but sessions.
	EntryMechanisms []Mechanism
}

// Mechanism is one way to enter a program.
type Mechanism struct {
	Name    string
	Feature facts.Feature // "" needs nothing to be probed
	Many    bool          // serves any number of targets with one link
	One     bool          // one program serves one target only (its BTF id is part of it)
	From    int           // not taken, unless it is forced, for fewer targets
	Shared  bool          // its event is also that of other targets: plan.Selector
	// Session: one program and one link serve both ends of the calls of any
	// number of targets. Taken where returns need their entries.
	Session bool
	// Entry is the mechanism of the entry side of a pair.
	Entry  string
	Caps   []string
	More   []plan.Capability // as plan.Mechanism has them
	Reason string            // when it is taken
	// Guard and Faultable are those of plan.Mechanism.
	Guard     plan.Guard
	Faultable bool
	// Whole: it takes only whole functions that ftrace traces.
	Whole bool
	// Spare: taken where those before it are not to be had, whose lack is what
	// there is to say if it is not to be had either.
	Spare bool
	// Unreadable says why its programs cannot read an argument of a target, ""
	// if they can; nil: they can read any.
	Unreadable func(f facts.Facts, target string, arg *tree.ArgLoc) string
}

// Request asks for the targets of one pattern.
type Request struct {
	Facts     facts.Facts
	Pattern   string
	Binary    *facts.Binary    // user probes
	PID       int              // user probes
	Signature *types.Signature // user probes; nil if none
	Return    bool             // the return is used (syscall)
	// Leave is told what a glob matches and leaves out, and why; nil: nobody is.
	Leave func(names []string, why string)
}

// Found is one target and where its arguments are.
type Found struct {
	Target plan.Target
	Layout *tree.Layout
	// Place is where it is, where several names are one function; "" if that is
	// not known, or if the names are different events (USDT).
	Place string
}

// TargetError says that a pattern names nothing that can be probed.
type TargetError struct {
	Pattern string
	Detail  string   // a full sentence
	Near    []string // names that exist and look alike
	Missing bool     // it does not exist here (optional and first_of go on)
	Why     string   // why it exists and cannot be probed, in half a sentence; a glob that leaves it out says so
}

func (e *TargetError) Error() string { return e.Detail }

// All are the probe types this version attaches, by name.
func All() map[string]*Type {
	out := map[string]*Type{}
	for _, t := range []*Type{tracepoint(), rawTracepoint(), syscall(), kprobe(), kretprobe(), uprobe(), uretprobe(), usdt()} {
		out[t.Name] = t
	}
	return out
}

// Need is what a mechanism is chosen for.
type Need struct {
	Targets int  // how many there are
	Alone   bool // each of them needs a link of its own
	Pairs   bool // returns need their entries
	Own     bool // the event must be the target's own: nothing tells it from others
	// Target is one of them, and Args are what is read of its arguments.
	Target string
	Args   []*tree.ArgLoc
	// Force is the name of the one that must be taken; "": the best.
	Force string
}

// wants says that m is worth asking the kernel for.
func (n Need) wants(m Mechanism) bool {
	switch {
	case n.Force != "":
		return m.Name == n.Force
	case n.Targets < m.From:
		return false
	case m.Session:
		return n.Pairs
	case m.Many:
		return n.Targets > 1 // one target needs no multi-link
	}
	return true
}

// unfit says why m does not serve the need, whatever the kernel has; nil if it
// does.
func (m Mechanism) unfit(n Need, f facts.Facts) error {
	switch {
	case m.Whole && n.Alone:
		return fmt.Errorf("%s takes only whole functions that ftrace traces", m.Name)
	case m.Shared && n.Own:
		return fmt.Errorf("%s is one event of many targets, and nothing tells here which of them it is", m.Name)
	case m.Unreadable == nil:
		return nil
	}
	for _, a := range n.Args {
		if why := m.Unreadable(f, n.Target, a); why != "" {
			return fmt.Errorf("programs of %s cannot read args.%s of %s: %s", m.Name, a.Name, n.Target, why)
		}
	}
	return nil
}

// Choose takes the first of ms that serves the need here.
func Choose(ms []Mechanism, need Need, f facts.Facts) (plan.Mechanism, error) {
	why, force := "", need.Force
	var missing error
	for _, m := range ms {
		if !need.wants(m) {
			continue
		}
		if err := m.unfit(need, f); err != nil {
			if force != "" {
				missing = err
			}
			continue
		}
		if m.Feature != "" {
			if err := f.Feature(m.Feature); err != nil && !errors.Is(err, facts.ErrUnknown) {
				if !m.Spare || missing == nil {
					missing = err
				}
				why = fmt.Sprintf("no %s here: %v", m.Name, err)
				continue
			}
		}
		reason := m.Reason
		if why != "" {
			reason = why
		}
		if need.Alone {
			reason = m.Reason + "; links of many take only whole functions that ftrace traces"
		}
		if force != "" {
			reason = "forced"
		}
		return plan.Mechanism{Name: m.Name, Reason: reason, Caps: m.Caps, More: m.More, Shared: m.Shared, Session: m.Session, Guard: m.Guard, Faultable: m.Faultable}, nil
	}
	if missing != nil {
		return plan.Mechanism{}, missing // of the last, which asks least of the kernel
	}
	var names []string
	for _, m := range ms {
		if !slices.Contains(names, m.Name) {
			names = append(names, m.Name)
		}
	}
	return plan.Mechanism{}, fmt.Errorf("mechanism %q does not serve this probe type; it has %s", force, strings.Join(names, ", "))
}

// IsGlob says that pattern is not a plain name.
func IsGlob(pattern string) bool { return strings.ContainsAny(pattern, "*?[") }

// Match says whether a glob matches a name. A slash is a character like others: it
// stands in names of functions in Go.
func Match(glob, name string) (bool, error) {
	return path.Match(strings.ReplaceAll(glob, "/", "\x00"), strings.ReplaceAll(name, "/", "\x00"))
}

// written says that a pattern is one of the names as it stands, or a place in it
// (name+0x1c): names in Go may look like globs.
func written(pattern string, names []string) bool {
	name, _, _ := strings.Cut(pattern, "+")
	return slices.Contains(names, name)
}

// matching are the names that glob matches, sorted.
func matching(glob string, names []string) ([]string, error) {
	var out []string
	for _, n := range names {
		ok, err := Match(glob, n)
		if err != nil {
			return nil, &TargetError{Pattern: glob, Detail: fmt.Sprintf("%q is no valid glob: %v.", glob, err)}
		}
		if ok {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// Near are up to three of names that look like name, best first: one letter
// wrong, missing, too many or two exchanged, in longer names more.
func Near(name string, names []string) []string {
	type near struct {
		name     string
		distance int
	}
	var best []near
	limit := 1
	if len(name) > 4 {
		limit = max(2, len(name)/4)
	}
	for _, n := range names {
		if d := len(n) - len(name); d > limit || -d > limit {
			continue
		}
		d := 1
		if !exchanged(name, n) {
			d = levenshtein.Distance(name, n, nil)
		}
		if d <= limit && d < len(name) {
			best = append(best, near{n, d})
		}
	}
	slices.SortStableFunc(best, func(a, b near) int { return a.distance - b.distance })
	var out []string
	for _, b := range best {
		if len(out) < 3 && !slices.Contains(out, b.name) {
			out = append(out, b.name)
		}
	}
	return out
}

// exchanged says that a is b with two neighbouring letters exchanged.
func exchanged(a, b string) bool {
	if len(a) != len(b) || a == b {
		return false
	}
	i := 0
	for a[i] == b[i] {
		i++
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}

// DidYouMean is a sentence for near names, with a leading space, or "".
func DidYouMean(near []string) string {
	quoted := make([]string, len(near))
	for i, n := range near {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	switch len(quoted) {
	case 0:
		return ""
	case 1:
		return " Did you mean " + quoted[0] + "?"
	}
	return " Did you mean " + strings.Join(quoted[:len(quoted)-1], ", ") + " or " + quoted[len(quoted)-1] + "?"
}

// eachName expands a pattern over names and calls one for each; a plain name is
// taken as it is.
func eachName(r *Request, what string, list func() ([]string, error), one func(name string) ([]Found, error)) ([]Found, error) {
	names := []string{r.Pattern}
	glob := IsGlob(r.Pattern)
	if glob {
		all, err := list()
		if err != nil {
			return nil, err
		}
		if written(r.Pattern, all) {
			glob = false
		} else if names, err = matching(r.Pattern, all); err != nil {
			return nil, err
		}
		if len(names) == 0 {
			return nil, &TargetError{Pattern: r.Pattern, Missing: true, Detail: fmt.Sprintf("No %s matches %q.", what, r.Pattern), Near: Near(strings.Trim(r.Pattern, "*?"), all)}
		}
	}
	var out []Found
	refused := ""
	var left leftOut
	for _, n := range names {
		found, err := one(n)
		var te *TargetError
		if err != nil && glob && errors.As(err, &te) {
			refused = " " + te.Detail
			left.add(n, te.Why)
			continue // a glob takes what can be probed
		}
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	if len(out) == 0 {
		return nil, &TargetError{Pattern: r.Pattern, Missing: glob, Detail: fmt.Sprintf("No %s that matches %q can be probed.%s", what, r.Pattern, refused)}
	}
	left.tell(r.Leave)
	return out, nil
}

// leftOut collects what a glob matches and cannot take, by the reason.
type leftOut struct {
	reasons []string
	names   map[string][]string
}

func (l *leftOut) add(name, why string) {
	if why == "" {
		return
	}
	if l.names == nil {
		l.names = map[string][]string{}
	}
	if l.names[why] == nil {
		l.reasons = append(l.reasons, why)
	}
	l.names[why] = append(l.names[why], name)
}

func (l *leftOut) tell(leave func(names []string, why string)) {
	for _, why := range l.reasons {
		if leave != nil {
			leave(l.names[why], why)
		}
	}
}
