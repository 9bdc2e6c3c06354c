package unit

import (
	"strconv"
	"strings"

	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

// formatNamed prints a number by its name, or the number.
func formatNamed(kind string) func([]byte, *Env, *value.Value) []byte {
	return func(dst []byte, env *Env, v *value.Value) []byte {
		if env.Names != nil {
			if name, ok := env.Names.Name(kind, int64(Integer(v))); ok {
				return append(dst, name...)
			}
		}
		return appendInteger(dst, v)
	}
}

func parseNamed(kind string) func(*Env, types.Type, string) (value.Value, error) {
	return func(env *Env, t types.Type, s string) (value.Value, error) {
		if env.Names != nil {
			if n, ok := env.Names.Number(kind, s); ok {
				return scalar(kind, scalarOr(t, types.S64), n), nil
			}
		}
		return value.Value{}, errUnknownName(kindWords[kind], s, env.near(kind, s))
	}
}

// kindWords is what one name of a kind is called in messages.
var kindWords = map[string]string{
	"errno":      "error number",
	"signal":     "signal",
	"syscall":    "system call",
	"capability": "capability",
	"family":     "address family",
	"tcp_state":  "TCP state",
}

// formatErrno prints the kernel's convention: the name of a negative error
// number, nothing for success. A 32-bit error in an unsigned 64-bit register is
// one too.
func formatErrno(dst []byte, env *Env, v *value.Value) []byte {
	n := int64(Integer(v))
	if v.Type.Size == 4 {
		n = int64(int32(n))
	}
	if n >= 0 || n < -maxErrno {
		if n >= 0 {
			return dst
		}
		return strconv.AppendInt(dst, n, 10)
	}
	if env.Names != nil {
		if name, ok := env.Names.Name("errno", -n); ok {
			return append(dst, name...)
		}
	}
	return strconv.AppendInt(dst, n, 10)
}

// maxErrno is MAX_ERRNO of include/linux/err.h.
const maxErrno = 4095

func parseErrno(env *Env, t types.Type, s string) (value.Value, error) {
	if env.Names != nil {
		if n, ok := env.Names.Number("errno", s); ok {
			return scalar("errno", scalarOr(t, types.S64), -n), nil
		}
	}
	return value.Value{}, errUnknownName(kindWords["errno"], s, env.near("errno", s))
}

func formatLookup(dst []byte, _ *Env, v *value.Value) []byte {
	table := v.Type.Table
	if name, ok := table.Name(int64(Integer(v))); ok {
		return append(dst, name...)
	}
	if table != nil && table.Default != "" {
		return append(dst, table.Default...)
	}
	return appendInteger(dst, v)
}

func parseLookup(_ *Env, t types.Type, s string) (value.Value, error) {
	if n, ok := t.Table.Number(s); ok {
		return scalar("lookup", scalarOr(t, types.S64), n), nil
	}
	return value.Value{}, errUnknownName("name in the table", s, nearInTable(t.Table, s))
}

// formatFlags prints the names of the bits that are set, in the order of the
// table, and what has no name as one hexadecimal number. A row of several bits
// is used if all of them are set and none was named by a wider row.
func formatFlags(dst []byte, _ *Env, v *value.Value) []byte {
	n := Integer(v) & sizeMask(v.Type.Size)
	table := v.Type.Table
	if n == 0 {
		if name, ok := table.Name(0); ok {
			return append(dst, name...)
		}
		return append(dst, '0')
	}
	start, named := len(dst), uint64(0)
	for _, row := range table.Rows() {
		mask := uint64(row.Number)
		if mask == 0 || n&mask != mask {
			continue
		}
		named |= mask
		if covered(table, mask, n) {
			continue
		}
		if len(dst) > start {
			dst = append(dst, '|')
		}
		dst = append(dst, row.Name...)
	}
	if left := n &^ named; left != 0 {
		if len(dst) > start {
			dst = append(dst, '|')
		}
		dst = appendHex(append(dst, "0x"...), left)
	}
	return dst
}

// covered says that a wider row, all of whose bits are set in n, holds mask.
func covered(table *types.NameTable, mask, n uint64) bool {
	for _, row := range table.Rows() {
		wider := uint64(row.Number)
		if wider != mask && wider&mask == mask && n&wider == wider {
			return true
		}
	}
	return false
}

func parseFlags(_ *Env, t types.Type, s string) (value.Value, error) {
	var n uint64
	if s != "0" {
		for name := range strings.SplitSeq(s, "|") {
			bits, err := flagBits(t.Table, strings.TrimSpace(name))
			if err != nil {
				return value.Value{}, err
			}
			n |= bits
		}
	}
	return scalar("flags", scalarOr(t, types.U64), int64(n)), nil
}

func flagBits(table *types.NameTable, name string) (uint64, error) {
	if bits, ok := table.Number(name); ok {
		return uint64(bits), nil
	}
	if digits, ok := strings.CutPrefix(name, "0x"); ok {
		if bits, err := strconv.ParseUint(digits, 16, 64); err == nil {
			return bits, nil
		}
	}
	return 0, errUnknownName("flag in the table", name, nearInTable(table, name))
}

func nearInTable(table *types.NameTable, wrong string) string {
	var names []string
	for _, row := range table.Rows() {
		names = append(names, row.Name)
	}
	return Nearest(wrong, names)
}

// near is the name of a kind most like a wrong one.
func (e *Env) near(kind, wrong string) string {
	if e.Names == nil {
		return ""
	}
	return e.Names.Near(kind, wrong)
}
