package cli

import (
	"tracer/internal/stream"
	"tracer/interpreter/unit"
	"tracer/interpreter/value"
)

// printer is how parts of a text print themselves.
func printer(env *unit.Env) stream.Print {
	return func(dst []byte, v *value.Value) []byte {
		return unit.For(*v.Type).Append(dst, env, v)
	}
}
