package unit

import (
	"encoding/binary"
	"net/netip"

	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

// formatIP prints 4 bytes as IPv4 and 16 as IPv6; an IPv4 address mapped into
// IPv6 (::ffff:0:0/96, RFC 4291 section 2.5.5.2) prints as IPv4. Integers hold
// the address as it is in memory, on the little-endian machines that tracer
// supports.
func formatIP(dst []byte, _ *Env, v *value.Value) []byte {
	if v.Type.IsScalar() {
		var raw [4]byte
		binary.LittleEndian.PutUint32(raw[:], uint32(v.Int))
		return netip.AddrFrom4(raw).AppendTo(dst)
	}
	addr, ok := netip.AddrFromSlice(v.Bytes)
	if !ok {
		return appendColons(dst, v.Bytes)
	}
	return addr.Unmap().AppendTo(dst)
}

// parseIP reads an address in the form of t: an integer for a __be32, 16 bytes
// (IPv4 mapped) for values that hold either family, 4 bytes for four.
func parseIP(_ *Env, t types.Type, s string) (value.Value, error) {
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" {
		return value.Value{}, errLiteral()
	}
	size := t.Size
	if t.Kind == types.Invalid {
		size = 16
		if addr.Is4() {
			t, size = types.U32, 4
		}
	}
	if size == 4 {
		if !addr.Unmap().Is4() {
			return value.Value{}, errBecause("the value it is compared with is IPv4")
		}
		raw := addr.Unmap().As4()
		if t.IsScalar() {
			t.Unit, t.BigEndian = "ip", false
			return value.Value{Type: &t, Int: uint64(binary.LittleEndian.Uint32(raw[:]))}, nil
		}
		t = fixedBytes("ip", 4)
		return value.Value{Type: &t, Bytes: raw[:]}, nil
	}
	raw := addr.As16()
	t = fixedBytes("ip", 16)
	return value.Value{Type: &t, Bytes: raw[:]}, nil
}

func fixedBytes(unit string, size int) types.Type {
	return types.Type{Kind: types.Bytes, Size: size, Fixed: true, Unit: unit}
}

func formatMAC(dst []byte, _ *Env, v *value.Value) []byte { return appendColons(dst, v.Bytes) }

func appendColons(dst, raw []byte) []byte {
	for i, b := range raw {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, hexDigits[b>>4], hexDigits[b&15])
	}
	return dst
}

const macSize = 6 // ETH_ALEN of include/uapi/linux/if_ether.h

func parseMAC(_ *Env, t types.Type, s string) (value.Value, error) {
	if len(s) != 3*macSize-1 {
		return value.Value{}, errLiteral()
	}
	raw := make([]byte, macSize)
	for i := range raw {
		hi, lo := hexDigit(s[3*i]), hexDigit(s[3*i+1])
		if hi < 0 || lo < 0 || i > 0 && s[3*i-1] != ':' {
			return value.Value{}, errLiteral()
		}
		raw[i] = byte(hi<<4 | lo)
	}
	t = fixedBytes("mac", macSize)
	return value.Value{Type: &t, Bytes: raw}, nil
}

func hexDigit(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
