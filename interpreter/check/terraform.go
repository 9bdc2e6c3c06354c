package check

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// planLength is length(x) as in Terraform: of a list, set, map or object its
// elements, of a string its characters.
func planLength() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowUnknown: true, AllowDynamicType: true}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			switch t := args[0].Type(); {
			case t == cty.String:
				return stdlib.Strlen(args[0])
			case t.IsObjectType():
				return cty.NumberIntVal(int64(len(t.AttributeTypes()))), nil
			}
			return stdlib.Length(args[0])
		},
	})
}

// planLookup is lookup(table, key[, default]) of known values: the element of a
// map or object, else the default. Without one, a number that has no element is
// itself, as where it is printed.
func planLookup() function.Function {
	return function.New(&function.Spec{
		Params:   []function.Parameter{{Name: "table", Type: cty.DynamicPseudoType}, {Name: "x", Type: cty.DynamicPseudoType}},
		VarParam: &function.Parameter{Name: "default", Type: cty.DynamicPseudoType},
		Type: func(args []cty.Value) (cty.Type, error) {
			v, err := lookUp(args)
			return v.Type(), err
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return lookUp(args) },
	})
}

func lookUp(args []cty.Value) (cty.Value, error) {
	table, x := args[0], args[1]
	t := table.Type()
	switch {
	case len(args) > 3:
		return cty.NilVal, function.NewArgErrorf(3, "lookup takes a table, a key and at most one default")
	case t == cty.DynamicPseudoType:
		return cty.DynamicVal, nil
	case !t.IsObjectType() && !t.IsMapType():
		return cty.NilVal, function.NewArgErrorf(0, "a table is needed, as in { 1 = \"on\" }")
	case !x.Type().IsPrimitiveType() && x.Type() != cty.DynamicPseudoType:
		return cty.NilVal, function.NewArgErrorf(1, "a number or a string is needed")
	case !table.IsKnown() || !x.IsKnown():
		return cty.DynamicVal, nil
	}
	name, err := convert.Convert(x, cty.String)
	if err != nil {
		return cty.NilVal, function.NewArgError(1, err)
	}
	if v, ok := table.AsValueMap()[name.AsString()]; ok {
		return v, nil
	}
	switch {
	case len(args) == 3:
		return args[2], nil
	case x.Type() == cty.Number:
		return name, nil
	}
	return cty.NilVal, function.NewArgErrorf(1, "the table has no element %q, and there is no default", name.AsString())
}
