package unit

import (
	"strconv"
	"time"

	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

func formatUsername(dst []byte, env *Env, v *value.Value) []byte {
	if env.Resolver != nil {
		if name, ok := env.Resolver.Username(uint32(Integer(v))); ok {
			return append(dst, name...)
		}
	}
	return strconv.AppendUint(dst, uint64(uint32(Integer(v))), 10)
}

func parseUsername(env *Env, t types.Type, s string) (value.Value, error) {
	t = scalarOr(t, types.U32)
	if n, err := strconv.ParseUint(s, 10, 32); err == nil {
		return scalar("username", t, int64(n)), nil
	}
	if env.Resolver != nil {
		if uid, ok := env.Resolver.UserID(s); ok {
			return scalar("username", t, int64(uid)), nil
		}
	}
	return value.Value{}, errUnknownName("user", s, "")
}

func formatKernelSymbol(dst []byte, env *Env, v *value.Value) []byte {
	if env.Resolver != nil {
		if symbol, ok := env.Resolver.KernelSymbol(v.Int); ok {
			return symbol.Append(dst)
		}
	}
	return appendHex(append(dst, "0x"...), v.Int)
}

func parseKernelSymbol(env *Env, t types.Type, s string) (value.Value, error) {
	if env.Resolver == nil {
		return value.Value{}, errUnknownName("kernel symbol", s, "")
	}
	addr, err := env.Resolver.KernelAddress(s)
	if err != nil {
		return value.Value{}, err
	}
	return scalar("ksym", scalarOr(t, types.U64), int64(addr)), nil
}

func formatUserSymbol(dst []byte, env *Env, v *value.Value) []byte {
	if env.Resolver != nil {
		if symbol, ok := env.Resolver.UserSymbol(v.PID, v.Int); ok {
			return symbol.Append(dst)
		}
	}
	return appendHex(append(dst, "0x"...), v.Int)
}

func formatCgroup(dst []byte, env *Env, v *value.Value) []byte {
	if env.Resolver != nil {
		if path, ok := env.Resolver.CgroupPath(Integer(v)); ok {
			return append(dst, path...)
		}
	}
	return strconv.AppendUint(dst, Integer(v), 10)
}

// wallText is the form of wall() in text: local time to the microsecond.
const wallText = "2006-01-02 15:04:05.000000"

func formatWall(dst []byte, env *Env, v *value.Value) []byte {
	if env.Resolver == nil {
		return strconv.AppendUint(dst, Integer(v), 10)
	}
	location := env.Location
	if location == nil {
		location = time.UTC
	}
	return env.Resolver.WallTime(Integer(v)).In(location).AppendFormat(dst, wallText)
}
