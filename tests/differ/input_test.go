package differ

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"tracer/interpreter/eval"
	"tracer/interpreter/tree"
	"tracer/interpreter/value"
)

// contextBytes is the context of a raw tracepoint: twelve arguments at most
// (MAX_BPF_FUNC_ARGS in include/linux/bpf.h).
const contextBytes = 12 * 8

// input is one event: the arguments, and who causes it.
type input struct {
	context []byte
	comm    string
}

// place is what an argument of the fixture holds.
type argument struct {
	name string
	make func(r *rand.Rand, m *memory) uint64
}

func anyNumber(r *rand.Rand, _ *memory) uint64 { return randomNumber(r) }

// nowhere is a number that is no address of this process: what lies there is
// not known.
func nowhere(n uint64) uint64 {
	if n >= 0x1000 && n < 1<<47 {
		n |= 1 << 62
	}
	return n
}

func aBool(r *rand.Rand, _ *memory) uint64 { return uint64(r.IntN(2)) }

// arguments are the fixture's, by event, in the order of its prototypes.
// Numbers have bits above their size too: a program must not look at them.
var arguments = map[string][]argument{
	"numbers": {
		{"u8", anyNumber},
		{"s8", anyNumber},
		{"u16", anyNumber},
		{"s16", anyNumber},
		{"u32", anyNumber},
		{"s32", anyNumber},
		{"u64", anyNumber},
		{"s64", anyNumber},
		{"flag", aBool},
		{"e", func(r *rand.Rand, _ *memory) uint64 {
			if r.IntN(2) == 0 {
				return uint64([]int{0, 1, 7}[r.IntN(3)])
			}
			return randomNumber(r)
		}},
		{"be16", anyNumber},
		{"be32", func(r *rand.Rand, _ *memory) uint64 {
			if r.IntN(3) == 0 {
				return []uint64{0x0100000a, 0x0302017f, 0x0302010a}[r.IntN(3)]
			}
			return randomNumber(r)
		}},
	},
	"memory": {
		{"cp", func(r *rand.Rand, m *memory) uint64 { return m.text(r) }},
		{"p", func(r *rand.Rand, m *memory) uint64 { return m.box(r) }},
		{"kp", func(r *rand.Rand, m *memory) uint64 {
			if r.IntN(3) == 0 || m.kernel == 0 {
				return missing[r.IntN(len(missing))]
			}
			return m.kernel + uint64(r.IntN(10))
		}},
		{"argv", func(r *rand.Rand, m *memory) uint64 {
			if r.IntN(6) == 0 {
				return missing[r.IntN(len(missing))]
			}
			return m.argvs[r.IntN(len(m.argvs))]
		}},
		{"n", func(r *rand.Rand, m *memory) uint64 {
			switch r.IntN(4) {
			case 0:
				return m.box(r)
			case 1:
				return uint64(int64(r.IntN(40) - 4))
			}
			return nowhere(randomNumber(r))
		}},
		{"len", func(r *rand.Rand, _ *memory) uint64 {
			if r.IntN(2) == 0 {
				return uint64(r.IntN(24))
			}
			return randomNumber(r)
		}},
		{"i", anyNumber},
		{"u", anyNumber},
		{"flag", aBool},
		{"b", anyNumber},
	},
}

// comms are what the running thread calls itself.
var comms = []string{"tracer", "a", "ab", "aab", "abcdefghi", "aaaaaaaaaaaaaaa", "x/tmp.so", ""}

func randomInput(r *rand.Rand, m *memory, event string) *input {
	in := &input{context: make([]byte, contextBytes), comm: comms[r.IntN(len(comms))]}
	for i, a := range arguments[event] {
		binary.LittleEndian.PutUint64(in.context[8*i:], a.make(r, m))
	}
	return in
}

// record is the input as the evaluator sees it.
func (in *input) record(l *tree.Layout, m *memory) *eval.Record {
	return &eval.Record{
		Layout: l, Context: in.context, Memory: m.read,
		Builtins: map[string]value.Value{
			"pid": {Int: uint64(os.Getpid())}, "tid": {Int: uint64(unix.Gettid())}, "uid": {Int: uint64(os.Getuid())}, "gid": {Int: uint64(os.Getgid())},
			"comm": {Bytes: []byte(in.comm)},
		},
	}
}

// setComm names the running thread.
func setComm(t testing.TB, comm string) {
	t.Helper()
	name, err := unix.BytePtrFromString(comm)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Prctl(unix.PR_SET_NAME, uintptrOf(name), 0, 0, 0); err != nil {
		t.Fatal(err)
	}
}
