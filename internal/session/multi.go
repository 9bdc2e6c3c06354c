package session

import (
	"fmt"

	"github.com/cilium/ebpf/link"

	"tracer/interpreter/plan"
)

// maxCulprits bounds the search for refused targets: each costs some twenty
// attachments, and a spec with more of them is better told so.
const maxCulprits = 32

// grouped attaches the targets of each group with one link. The kernel refuses
// a whole link for one bad target and does not say which: it is found by
// halving.
func grouped(key func(plan.Target) string, attach func(*side, []plan.Target) (link.Link, error)) attachFunc {
	return func(s *side, targets []plan.Target) (links []link.Link, refusals []refusal, err error) {
		for _, group := range groups(targets, key) {
			b := bisection{side: s, attach: attach}
			err := b.try(group)
			links, refusals = append(links, b.links...), append(refusals, b.refusals...)
			if err != nil {
				return links, refusals, err
			}
		}
		return links, refusals, nil
	}
}

// groups splits targets by key, in the order in which keys first appear.
func groups(targets []plan.Target, key func(plan.Target) string) [][]plan.Target {
	var out [][]plan.Target
	index := map[string]int{}
	for _, t := range targets {
		k := key(t)
		i, ok := index[k]
		if !ok {
			i = len(out)
			index[k] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], t)
	}
	return out
}

// bisection attaches what it can of a group.
type bisection struct {
	side     *side
	attach   func(*side, []plan.Target) (link.Link, error)
	links    []link.Link
	refusals []refusal
}

func (b *bisection) try(targets []plan.Target) error {
	if err := b.side.ctx.Err(); err != nil {
		return err
	}
	l, err := b.attach(b.side, targets)
	switch {
	case err == nil:
		b.links = append(b.links, l)
		return nil
	case fatal(err):
		return err
	case len(targets) == 1:
		b.refusals = append(b.refusals, refusal{targets[0], err})
		if len(b.refusals) > maxCulprits {
			return fmt.Errorf("more than %d of its targets are refused, among them %s: %w", maxCulprits, targets[0].Name, err)
		}
		return nil
	}
	half := len(targets) / 2
	if err := b.try(targets[:half]); err != nil {
		return err
	}
	return b.try(targets[half:])
}
