package emit_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"testing"

	"tracer/bpfgen/ir"
	"tracer/bpfgen/ir/irtest"
	"tracer/bpfgen/opt"
	"tracer/interpreter/abi"
)

// sessionCall runs f as one end of a call at a time, with the bytes that the
// kernel keeps. Of a bool only the low byte counts.
func sessionCall(f *ir.Func, isReturn bool, now uint64, kept []byte) (uint64, error) {
	m := &irtest.Machine{Context: make([]byte, 168), Maps: map[string][]byte{"kept": kept}}
	m.Call = func(*irtest.Machine, int64, []uint64) (uint64, error) { return now, nil }
	m.Kfunc = func(m *irtest.Machine, name string, args []uint64) (uint64, error) {
		switch {
		case len(args) != 1 || args[0] != 1<<32:
			return 0, fmt.Errorf("%s is not given the context", name)
		case name == abi.SessionCookie:
			return m.MapValue("kept"), nil
		case isReturn:
			return 0xabcdef01, nil
		}
		return 0xabcdef00, nil
	}
	return m.Run(f)
}

func TestASessionKeepsTheTimeOfItsEntry(t *testing.T) {
	text, err := os.ReadFile("testdata/session.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, optimised := range []bool{false, true} {
		f, err := ir.ParseText(string(text))
		if err != nil {
			t.Fatal(err)
		}
		if optimised {
			opt.Run(f)
		}
		for _, row := range []struct{ after, want uint64 }{{1000, 1}, {123456789012, 0}} {
			kept := make([]byte, 8)
			if ret, err := sessionCall(f, false, 5000, kept); err != nil || ret != 0 || binary.LittleEndian.Uint64(kept) != 5000 {
				t.Errorf("the entry gives %d, %v, and keeps %v", ret, err, kept)
			}
			if ret, err := sessionCall(f, true, 5000+row.after, kept); err != nil || ret != row.want {
				t.Errorf("after %d the return gives %d, %v, want %d", row.after, ret, err, row.want)
			}
		}
	}
}
