package report

import (
	"math"
	"math/big"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"tracer/interpreter/types"
	"tracer/interpreter/unit"
	"tracer/interpreter/value"
)

// The attributes of a histogram.
const (
	histCount = "count"
	histSum   = "sum"
)

// unknown is what a column is before there are rows.
func unknown(column value.Column) cty.Value {
	if column.Hist {
		return cty.UnknownVal(cty.Object(map[string]cty.Type{histCount: cty.Number, histSum: cty.Number}))
	}
	switch unit.For(column.Type).JSON {
	case unit.Number:
		return cty.UnknownVal(cty.Number)
	case unit.Logical:
		return cty.UnknownVal(cty.Bool)
	}
	return cty.UnknownVal(cty.String)
}

// toCty is a cell as an expression sees it.
func toCty(v *value.Value, env *unit.Env) cty.Value {
	u := unit.For(*v.Type)
	switch {
	case v.Hist() != nil:
		return cty.ObjectVal(map[string]cty.Value{
			histCount: cty.NumberUIntVal(v.Hist().Count),
			histSum:   integer(v.Hist().Sum, v.Type.Signed),
		})
	case v.Null:
		return cty.NullVal(unknown(value.Column{Type: *v.Type}).Type())
	case v.IsFloat:
		if math.IsNaN(v.Float) || math.IsInf(v.Float, 0) {
			return cty.NullVal(cty.Number)
		}
		return cty.NumberFloatVal(v.Float)
	case u.JSON == unit.Number:
		return integer(unit.Integer(v), v.Type.Signed)
	case u.JSON == unit.Logical:
		return cty.BoolVal(v.Int != 0)
	}
	text := string(u.Append(nil, env, v))
	return cty.StringVal(strings.ToValidUTF8(text, "\ufffd"))
}

func integer(n uint64, signed bool) cty.Value {
	if signed {
		return cty.NumberIntVal(int64(n))
	}
	return cty.NumberUIntVal(n)
}

// toValue is a result as a cell of a derived column of type t: an integer stays
// one if it fits into 64 bits, infinity (a division by zero) is null.
func toValue(result cty.Value, t *types.Type) value.Value {
	null := value.Value{Type: t, Null: true}
	if !result.IsKnown() || result.IsNull() {
		return null
	}
	switch result.Type() {
	case cty.Bool:
		return boolean(result.True())
	case cty.String:
		return value.Value{Type: &derivedText, Bytes: []byte(result.AsString())}
	case cty.Number:
		return number(result.AsBigFloat(), t)
	}
	return null
}

// derivedText is the type of derived strings.
var derivedText = types.Type{Kind: types.Text}

func boolean(b bool) value.Value {
	v := value.Value{Type: &types.TBool}
	if b {
		v.Int = 1
	}
	return v
}

func number(f *big.Float, t *types.Type) value.Value {
	if f.IsInf() {
		return value.Value{Type: t, Null: true}
	}
	if t.Kind != types.Int {
		t = &types.S64
	}
	if f.IsInt() {
		if n, accuracy := f.Int64(); accuracy == big.Exact {
			return value.Value{Type: withSign(t, true), Int: uint64(n)}
		}
		if n, accuracy := f.Uint64(); accuracy == big.Exact {
			return value.Value{Type: withSign(t, false), Int: n}
		}
	}
	n, _ := f.Float64()
	if math.IsInf(n, 0) {
		return value.Value{Type: t, Null: true}
	}
	return value.Value{Type: t, IsFloat: true, Float: n}
}

// withSign is t, or a copy of it, signed or not.
func withSign(t *types.Type, signed bool) *types.Type {
	if t.Signed == signed {
		return t
	}
	other := *t
	other.Signed = signed
	return &other
}
