package render

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tracer/interpreter/value"
)

// Set UPDATE=1 to rewrite the golden files.
func TestOutputIsGolden(t *testing.T) {
	events := func(list []*value.Event) func(*Renderer) error {
		return func(r *Renderer) error {
			for _, e := range list {
				if err := r.Event(e); err != nil {
					return err
				}
			}
			return nil
		}
	}
	tables := func(list ...*value.Table) func(*Renderer) error {
		return func(r *Renderer) error {
			for _, table := range list {
				if err := r.Table(table); err != nil {
					return err
				}
			}
			return nil
		}
	}
	mixedStreams := []Stream{{"kprobe.connect", mixedEvents()[0].Columns}, {"tracepoint.exit", mixedEvents()[1].Columns}}
	rows := []struct {
		name  string
		write func(*Renderer) error
		set   func(*Options)
	}{
		{"stream", events(openEvents()), nil},
		{"stream-elapsed", events(openEvents()), func(o *Options) { o.Time = Elapsed }},
		{"stream-notime", events(openEvents()), func(o *Options) { o.Time = NoTime }},
		{"stream-color", events(openEvents()[:2]), func(o *Options) { o.Color = true }},
		{"mixed", events(mixedEvents()), func(o *Options) { o.Streams = mixedStreams }},
		{"stacks", events(stackEvents()), nil},
		{"table", tables(readsTable(), emptyTable()), nil},
		{"table-color", tables(readsTable()), func(o *Options) { o.Color = true }},
		{"histogram", tables(latencyTable(), linearTable()), nil},
		{"single", tables(append(cacheTables(), readsTable(), cacheTables()[0])...), nil},
		{"stacktable", tables(stackTable()), nil},
		{"folded", tables(stackTable(), readsTable()), func(o *Options) { o.Format = Folded }},
		{"summary", func(r *Renderer) error {
			for _, s := range summaries() {
				if err := r.Summary(s); err != nil {
					return err
				}
			}
			return nil
		}, nil},
		{"json", func(r *Renderer) error {
			if err := events(append(openEvents(), stackEvents()...))(r); err != nil {
				return err
			}
			if err := tables(readsTable(), latencyTable(), linearTable(), stackTable())(r); err != nil {
				return err
			}
			return r.Summary(summaries()[0])
		}, func(o *Options) { o.Format = JSON }},
	}
	for _, row := range rows {
		for _, width := range []int{80, 200} {
			name := fmt.Sprintf("%s-%d", row.name, width)
			t.Run(name, func(t *testing.T) {
				var out bytes.Buffer
				opt := options(&out, width)
				if row.set != nil {
					row.set(&opt)
				}
				r := New(opt)
				if err := row.write(r); err != nil {
					t.Fatal(err)
				}
				if err := r.Flush(); err != nil {
					t.Fatal(err)
				}
				golden(t, name, out.Bytes())
			})
		}
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("output differs (-want +got):\n%s", diff)
	}
}
