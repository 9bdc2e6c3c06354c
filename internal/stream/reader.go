package stream

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cilium/ebpf/ringbuf"

	"tracer/interpreter/value"
)

// Tick is how long a record may lie in the ring before it is read: programs
// do not wake the reader for each record, only when a quarter of the ring is
// full. At 50 ms an idle reader needs 0.3 % of a CPU.
const Tick = 50 * time.Millisecond

// checkEvery is how many records are read between two looks at the clock.
const checkEvery = 256

// Ring is a ring buffer's reader; *ringbuf.Reader is one.
type Ring interface {
	// ReadInto waits for a record. os.ErrDeadlineExceeded: the deadline is
	// past and the ring was empty; ringbuf.ErrFlushed: Flush was called and the
	// ring was empty.
	ReadInto(*ringbuf.Record) error
	SetDeadline(time.Time)
	Flush() error
}

// Reader reads events from a ring. It starts no goroutine: who calls it reads.
type Reader struct {
	ring    Ring
	decoder *Decoder
	now     func() time.Time
	record  ringbuf.Record
}

// NewReader reads ring with decoder; now is the clock of deadlines.
func NewReader(ring Ring, decoder *Decoder, now func() time.Time) *Reader {
	return &Reader{ring: ring, decoder: decoder, now: now}
}

// Until gives every event to f, until deadline. What is in the ring at the
// deadline is read as well, unless more comes in faster than it can be read.
// It may return before the deadline, if the call before it ended so.
// An error is f's own, a record that does not decode, or the ring's.
func (r *Reader) Until(deadline time.Time, f func(*value.Event) error) error {
	r.ring.SetDeadline(deadline)
	for n := 1; ; n++ {
		if err := r.ring.ReadInto(&r.record); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return nil
			}
			return fmt.Errorf("read ring buffer: %w", err)
		}
		if err := r.event(f); err != nil {
			return err
		}
		if n%checkEvery == 0 && !r.now().Before(deadline) {
			return nil
		}
	}
}

// Rest gives what is still in the ring to f. Nothing may write to the ring any
// more, else it ends only when the ring is found empty.
func (r *Reader) Rest(f func(*value.Event) error) error {
	r.ring.SetDeadline(time.Time{})
	if err := r.ring.Flush(); err != nil {
		return fmt.Errorf("flush ring buffer: %w", err)
	}
	for {
		if err := r.ring.ReadInto(&r.record); err != nil {
			if errors.Is(err, ringbuf.ErrFlushed) {
				return nil
			}
			if errors.Is(err, os.ErrDeadlineExceeded) {
				continue // of a deadline that Until returned before
			}
			return fmt.Errorf("read ring buffer: %w", err)
		}
		if err := r.event(f); err != nil {
			return err
		}
	}
}

func (r *Reader) event(f func(*value.Event) error) error {
	e, err := r.decoder.Event(r.record.RawSample)
	if err != nil {
		return fmt.Errorf("ring buffer: %w", err)
	}
	return f(e)
}
