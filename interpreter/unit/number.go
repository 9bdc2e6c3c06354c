package unit

import (
	"math"
	"strconv"
	"strings"

	"github.com/cilium/ebpf/btf"

	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

const hexDigits = "0123456789abcdef"

func appendHex(dst []byte, n uint64) []byte { return strconv.AppendUint(dst, n, 16) }

func formatHex(dst []byte, _ *Env, v *value.Value) []byte {
	return appendHex(append(dst, "0x"...), Integer(v)&sizeMask(v.Type.Size))
}

func formatOctal(dst []byte, _ *Env, v *value.Value) []byte {
	n := Integer(v) & sizeMask(v.Type.Size)
	if n != 0 {
		dst = append(dst, '0')
	}
	return strconv.AppendUint(dst, n, 8)
}

// sizeMask has the bits of a scalar of size bytes; 0 is taken as 8.
func sizeMask(size int) uint64 {
	if size <= 0 || size >= 8 {
		return math.MaxUint64
	}
	return 1<<(8*size) - 1
}

func parseHex(_ *Env, t types.Type, s string) (value.Value, error) {
	digits := strings.TrimPrefix(strings.TrimPrefix(s, "0x"), "0X")
	return parseBase("hex", t, digits, 16)
}

func parseOctal(_ *Env, t types.Type, s string) (value.Value, error) {
	return parseBase("octal", t, strings.TrimPrefix(s, "0o"), 8)
}

func parseBase(name string, t types.Type, digits string, base int) (value.Value, error) {
	t = scalarOr(t, types.U64)
	n, err := strconv.ParseUint(digits, base, 8*t.Size)
	if err != nil {
		return value.Value{}, errLiteral()
	}
	return scalar(name, t, int64(n)), nil
}

// scalarOr is t if it is a scalar, else what the literal is by itself.
func scalarOr(t, own types.Type) types.Type {
	if t.IsScalar() && t.Size > 0 {
		return t
	}
	return own
}

// scalar is a literal's number as a value of type t with a unit: in the byte
// order, size and sign that a value of that type has in a register.
func scalar(unit string, t types.Type, n int64) value.Value {
	t.Unit = unit
	v := value.Value{Type: &t, Int: uint64(n)}
	v.Int = Integer(&v)
	if t.Size < 8 {
		shift := 64 - 8*t.Size
		if t.Signed {
			v.Int = uint64(int64(v.Int) << shift >> shift)
		} else {
			v.Int = v.Int << shift >> shift
		}
	}
	return v
}

func formatInteger(dst []byte, _ *Env, v *value.Value) []byte {
	if v.IsFloat {
		return appendFloat(dst, v.Float)
	}
	return appendInteger(dst, v)
}

func appendInteger(dst []byte, v *value.Value) []byte {
	if v.Type.Signed {
		return strconv.AppendInt(dst, int64(Integer(v)), 10)
	}
	return strconv.AppendUint(dst, Integer(v), 10)
}

// appendFloat appends a computed number with at most three decimals, all three
// if they are rounded.
func appendFloat(dst []byte, f float64) []byte {
	abs := math.Abs(f)
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return dst
	case abs >= 1e15, abs != 0 && abs < 0.001:
		return strconv.AppendFloat(dst, f, 'g', 4, 64)
	}
	if f < 0 {
		dst = append(dst, '-')
	}
	scaled := abs * 1000
	rounded := math.Round(scaled)
	return appendDecimals(dst, uint64(rounded), 3, rounded == scaled)
}

func formatBool(dst []byte, _ *Env, v *value.Value) []byte {
	return strconv.AppendBool(dst, v.Int != 0)
}

func formatPointer(dst []byte, _ *Env, v *value.Value) []byte {
	return appendHex(append(dst, "0x"...), v.Int)
}

// formatBytes appends text and raw bytes as they are.
func formatBytes(dst []byte, _ *Env, v *value.Value) []byte {
	return append(dst, v.Bytes...)
}

func formatStack(dst []byte, env *Env, v *value.Value) []byte {
	for i, addr := range v.Addrs() {
		if i > 0 {
			dst = append(dst, '\n')
		}
		dst = AppendFrame(dst, env, v, addr)
	}
	return dst
}

// AppendFrame appends one address of the stack v as text.
func AppendFrame(dst []byte, env *Env, v *value.Value, addr uint64) []byte {
	frame := value.Value{Type: &types.U64, Int: addr, PID: v.PID}
	if v.Type.Space == types.User {
		return formatUserSymbol(dst, env.orEmpty(), &frame)
	}
	return formatKernelSymbol(dst, env.orEmpty(), &frame)
}

func formatEnum(dst []byte, _ *Env, v *value.Value) []byte {
	n := Integer(v)
	if enum, ok := v.Type.C.(*btf.Enum); ok {
		mask := sizeMask(v.Type.Size)
		for i := range enum.Values {
			if enum.Values[i].Value&mask == n&mask {
				return append(dst, enum.Values[i].Name...)
			}
		}
	}
	return appendInteger(dst, v)
}

func parseEnum(_ *Env, t types.Type, s string) (value.Value, error) {
	if enum, ok := t.C.(*btf.Enum); ok {
		for _, v := range enum.Values {
			if v.Name == s {
				return scalar("", t, int64(v.Value)), nil
			}
		}
	}
	return value.Value{}, errUnknownName("enumerator", s, nearestEnumerator(t, s))
}

func nearestEnumerator(t types.Type, wrong string) string {
	var names []string
	if enum, ok := t.C.(*btf.Enum); ok {
		for _, v := range enum.Values {
			names = append(names, v.Name)
		}
	}
	return Nearest(wrong, names)
}

// formatDevice prints the kernel's own dev_t: 12 bits major, 20 bits minor
// (include/linux/kdev_t.h).
func formatDevice(dst []byte, _ *Env, v *value.Value) []byte {
	n := uint32(Integer(v))
	dst = strconv.AppendUint(dst, uint64(n>>20), 10)
	dst = append(dst, ':')
	return strconv.AppendUint(dst, uint64(n&(1<<20-1)), 10)
}

func parseDevice(_ *Env, t types.Type, s string) (value.Value, error) {
	majorText, minorText, _ := strings.Cut(s, ":")
	major, err := strconv.ParseUint(majorText, 10, 12)
	if err != nil {
		return value.Value{}, errLiteral()
	}
	minor, err := strconv.ParseUint(minorText, 10, 20)
	if err != nil {
		return value.Value{}, errLiteral()
	}
	return scalar("dev_t", scalarOr(t, types.U32), int64(major<<20|minor)), nil
}

func formatDuration(dst []byte, _ *Env, v *value.Value) []byte {
	if v.IsFloat {
		if n, ok := roundInt(v.Float); ok {
			return AppendDuration(dst, n)
		}
		return appendFloat(dst, v.Float)
	}
	n := Integer(v)
	if !v.Type.Signed && n > math.MaxInt64 {
		return append(strconv.AppendUint(dst, n, 10), "ns"...)
	}
	return AppendDuration(dst, int64(n))
}

func parseDuration(_ *Env, _ types.Type, s string) (value.Value, error) {
	n, err := ParseDuration(s)
	if err != nil {
		return value.Value{}, err
	}
	return quantityOf64("duration", n), nil
}

func formatSize(dst []byte, _ *Env, v *value.Value) []byte {
	if v.IsFloat {
		if n, ok := roundInt(v.Float); ok {
			return AppendSize(dst, magnitude(n), n < 0)
		}
		return appendFloat(dst, v.Float)
	}
	n := Integer(v)
	if v.Type.Signed && int64(n) < 0 {
		return AppendSize(dst, magnitude(int64(n)), true)
	}
	return AppendSize(dst, n, false)
}

func parseSize(_ *Env, _ types.Type, s string) (value.Value, error) {
	n, err := ParseSize(s)
	if err != nil {
		return value.Value{}, err
	}
	return quantityOf64("size", n), nil
}

// quantityOf64 is a quantity as a signed 64-bit value, whatever the size of the
// value it is compared with: comparisons are mathematically right.
func quantityOf64(unit string, n int64) value.Value { return scalar(unit, types.S64, n) }

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// roundInt is f rounded to an integer, if it fits.
func roundInt(f float64) (int64, bool) {
	r := math.Round(f)
	if math.IsNaN(r) || r < -1<<63 || r >= 1<<63 {
		return 0, false
	}
	return int64(r), true
}
