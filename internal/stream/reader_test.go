package stream

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/cilium/ebpf/ringbuf"

	"tracer/bpfgen/layout"
	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

// fakeRing gives its records, then the error of what was asked for last.
type fakeRing struct {
	stale    bool // reports a deadline that is past, as one that was interrupted does
	records  [][]byte
	deadline time.Time
	flushed  bool
	refill   func() []byte
}

func (r *fakeRing) ReadInto(rec *ringbuf.Record) error {
	if r.refill != nil {
		r.records = append(r.records, r.refill())
	}
	if len(r.records) == 0 {
		if r.stale {
			r.stale = false
			return os.ErrDeadlineExceeded
		}
		if r.flushed {
			return ringbuf.ErrFlushed
		}
		return os.ErrDeadlineExceeded
	}
	rec.RawSample, r.records = r.records[0], r.records[1:]
	return nil
}

func (r *fakeRing) SetDeadline(t time.Time) { r.deadline = t }
func (r *fakeRing) Flush() error            { r.flushed = true; return nil }

func byteDecoder(t *testing.T) *Decoder {
	t.Helper()
	d, err := NewDecoder([]*layout.Record{recordOf(types.U8, layout.Field{Size: 1, Null: -1})}, plain)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func byteRecord(n byte) []byte { return append(header(0), n) }

func TestReaderGivesAllEventsUntilTheDeadline(t *testing.T) {
	ring := &fakeRing{records: [][]byte{byteRecord(1), byteRecord(2)}}
	start := time.Unix(100, 0)
	r := NewReader(ring, byteDecoder(t), func() time.Time { return start })
	var got []uint64
	collect := func(e *value.Event) error { got = append(got, e.Values[0].Int); return nil }
	if err := r.Until(start.Add(Tick), collect); err != nil {
		t.Fatal(err)
	}
	ring.records, ring.stale = [][]byte{byteRecord(3)}, true
	if err := r.Rest(collect); err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got[2] != 3 || !ring.flushed {
		t.Errorf("got %v, flushed %v", got, ring.flushed)
	}
}

func TestReaderReturnsThoughRecordsNeverEnd(t *testing.T) {
	now := time.Unix(100, 0)
	ring := &fakeRing{refill: func() []byte { now = now.Add(time.Millisecond); return byteRecord(1) }}
	r := NewReader(ring, byteDecoder(t), func() time.Time { return now })
	n := 0
	if err := r.Until(now.Add(Tick), func(*value.Event) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	if n != checkEvery {
		t.Errorf("read %d records, want %d", n, checkEvery)
	}
}

func TestReaderStopsAtErrors(t *testing.T) {
	stop := errors.New("stop")
	r := NewReader(&fakeRing{records: [][]byte{byteRecord(1)}}, byteDecoder(t), time.Now)
	if err := r.Until(time.Now(), func(*value.Event) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
	r = NewReader(&fakeRing{records: [][]byte{{1}}}, byteDecoder(t), time.Now)
	if err := r.Rest(func(*value.Event) error { return nil }); !errors.Is(err, ErrShort) {
		t.Errorf("error %v", err)
	}
}
