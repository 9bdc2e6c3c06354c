// Package session holds what is loaded into the kernel for one run: maps,
// programs and links.
//
// In: a bpfgen.Object and the plan it was made from. Out: a Session, from which
// the ring buffer, snapshots of tables and counters are read. It must not know
// HCL expressions, how values print, or decide anything that the plan did not:
// it loads and attaches what it is given. Either all of it is attached or
// nothing is left in the kernel.
//
// # Order
//
// The entry side of a pair is attached before its return side and detached
// after it. An entry whose return is not seen is harmless: the next call in
// that task overwrites or drops it. A return whose entry was not seen would
// count as unmatched; in this order only calls that were already running when
// tracing began do.
//
// At the end the links are closed first, then an RCU grace period passes, after
// which no program runs any more; what the ring and the tables hold then is
// final, so that nothing is lost between the last event and the last table.
package session

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/cilium/ebpf/rlimit"
	"github.com/hashicorp/hcl/v2"
	"golang.org/x/sys/unix"

	"tracer/bpfgen"
	"tracer/interpreter/plan"
)

// Options say how to open a session.
type Options struct {
	// Explain adds a sentence to an error of the kernel, such as which
	// privilege is missing; nil or "" adds nothing.
	Explain func(error) string
	// Memory is an error if maps of some bytes cannot be had; nil asks only the
	// kernel.
	Memory func(bytes uint64) error
	// File is which file a path leads to, as facts.Binary.File says it, "" if none
	// does; nil leaves unnoticed that files are replaced.
	File func(path string) string
	// Cache holds kernel types that are decoded already; nil decodes anew.
	Cache *btf.Cache
	// Report is where bugs are reported, for the text of verifier rejections.
	Report string
}

// Session owns everything that is loaded. It is not safe for concurrent use.
type Session struct {
	object  *bpfgen.Object
	plan    *plan.Plan
	cpus    int
	maps    map[string]*ebpf.Map
	tables  []*tableMaps
	ring    *ringbuf.Reader
	loaded  []*program
	links   []attached // in the order they were made
	events  []*os.File // perf events of links, see keepEvent
	missed  []uint64   // by probe, of links that are closed
	files   []*userFile
	fileID  func(path string) string
	barrier *ebpf.Map // its update waits for an RCU grace period
	counts  Attached
}

// Attached counts what was attached.
type Attached struct{ Probes, Targets, Programs int }

// attached is a link and the probe it belongs to.
type attached struct {
	link.Link
	probe int
	entry bool // of the entry side of a pair
}

// Open loads obj and attaches its programs. Warnings name targets that the
// kernel refused while others of the same probe were attached. After errors
// (HasErrors) the session is nil and nothing is left in the kernel; a context
// that ends between two attachments is such an error.
func Open(ctx context.Context, obj *bpfgen.Object, p *plan.Plan, opts Options) (*Session, hcl.Diagnostics) {
	o := opener{opts: opts, s: &Session{object: obj, plan: p, maps: map[string]*ebpf.Map{}, missed: make([]uint64, len(p.Probes))}}
	if opts.File != nil {
		o.s.files, o.s.fileID = userFiles(p), opts.File
	}
	// Kernels before 5.11 count maps against RLIMIT_MEMLOCK. Where it cannot be
	// raised, creating a map says so.
	o.locked = rlimit.RemoveMemlock()
	for _, step := range []func(context.Context) hcl.Diagnostics{o.makeMaps, o.load, o.sameFiles, o.attach, o.sameFiles} {
		if diags := step(ctx); diags.HasErrors() {
			if err := o.s.Close(); err != nil {
				diags = append(diags, warning("Unclean end", fmt.Sprintf("Not all could be undone: %v.", err), nil))
			}
			return nil, append(o.diags, diags...)
		}
	}
	return o.s, o.diags
}

// opener is a session while it is being opened.
type opener struct {
	opts  Options
	s     *Session
	diags hcl.Diagnostics // warnings
	// locked is why the limit of locked memory could not be raised, nil if it could
	// or need not be.
	locked error
	// refused are the targets of a variant that could not be attached on one
	// side: they are left out on the other as well.
	refused map[*plan.Variant]map[plan.Target]bool
}

// Attached says what was attached.
func (s *Session) Attached() Attached { return s.counts }

// Ring is the ring buffer's reader, nil if nothing streams. The session closes
// it.
func (s *Session) Ring() *ringbuf.Reader { return s.ring }

// CPUs is the number of copies of each per-CPU value.
func (s *Session) CPUs() int { return s.cpus }

// Detach closes the links, return sides before entry sides, and waits until no
// program runs any more. Maps and ring stay readable. A second call does nothing.
func (s *Session) Detach() error {
	if len(s.links) == 0 {
		return nil
	}
	errs := []error{s.closeLinks(false), s.closeLinks(true)}
	s.links = nil
	if err := s.waitForPrograms(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// keepEvent keeps a link's perf event open beyond the link. Closing the link takes
// the program away at once, while releasing a tracepoint's event waits for
// grace periods under a lock (some 40 ms each, event_mutex in the kernel): that
// is left to Close, after everything has been printed. Before 5.15 there is no
// link beside the event, and closing that is what takes the program away.
func (s *Session) keepEvent(l link.Link) {
	if _, err := l.Info(); errors.Is(err, link.ErrNotSupported) {
		return
	}
	if event, ok := l.(link.PerfEvent); ok {
		if f, err := event.PerfEvent(); err == nil {
			s.events = append(s.events, f)
		}
	}
}

// closeEvents releases the perf events.
func (s *Session) closeEvents() error {
	errs := make([]error, len(s.events))
	for i, f := range s.events {
		errs[i] = f.Close()
	}
	s.events = nil
	return errors.Join(errs...)
}

// closers is how many links are closed at once: closing one waits for RCU grace
// periods, which waiters share.
const closers = 64

// closeLinks closes the links of entry sides, or all others.
func (s *Session) closeLinks(entries bool) error {
	var group sync.WaitGroup
	places := make(chan struct{}, closers)
	errs := make([]error, len(s.links))
	for i, l := range s.links {
		if l.entry != entries {
			continue
		}
		s.missed[l.probe] += missedByLink(l.Link)
		places <- struct{}{}
		group.Go(func() {
			defer func() { <-places }()
			if err := l.Close(); err != nil {
				errs[i] = fmt.Errorf("detach %s: %w", s.plan.Probes[l.probe].Address(), err)
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// waitForPrograms returns when every program that ran at its call has ended.
// Changing an array of maps from user space waits for an RCU grace period (5.0,
// maybe_wait_bpf_programs in kernel/bpf/syscall.c), for this very purpose.
func (s *Session) waitForPrograms() error {
	if s.barrier == nil {
		return nil
	}
	inner, err := ebpf.NewMap(barrierInner())
	if err != nil {
		return fmt.Errorf("wait for programs: %w", err)
	}
	err = s.barrier.Put(uint32(0), inner)
	if cerr := inner.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("wait for programs: %w", err)
	}
	return nil
}

// Close detaches and frees everything. It may be called at any time, and more
// than once.
func (s *Session) Close() error {
	errs := []error{s.Detach(), s.closeEvents()}
	for i := len(s.loaded) - 1; i >= 0; i-- {
		errs = append(errs, s.loaded[i].prog.Close())
	}
	s.loaded = nil
	if s.ring != nil {
		errs = append(errs, s.ring.Close())
		s.ring = nil
	}
	for _, t := range s.tables {
		errs = append(errs, t.close())
	}
	s.tables = nil
	for name, m := range s.maps {
		errs = append(errs, m.Close())
		delete(s.maps, name)
	}
	if s.barrier != nil {
		errs = append(errs, s.barrier.Close())
		s.barrier = nil
	}
	return errors.Join(errs...)
}

// now is CLOCK_MONOTONIC in nanoseconds, the clock of events.
func now() uint64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0
	}
	return uint64(t.Nano())
}
