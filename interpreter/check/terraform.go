package check

import (
	"errors"

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

// planIndex is index(list, value) as in Terraform: the place of a value in a list.
func planIndex() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}, {Name: "value", Type: cty.DynamicPseudoType}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			list, value := args[0], args[1]
			if t := list.Type(); !t.IsListType() && !t.IsTupleType() {
				return cty.NilVal, function.NewArgErrorf(0, "a list is needed")
			}
			for it := list.ElementIterator(); it.Next(); {
				i, v := it.Element()
				switch same, err := stdlib.Equal(v, value); {
				case err != nil:
					return cty.NilVal, err
				case !same.IsKnown():
					return cty.UnknownVal(cty.Number), nil
				case same.True():
					return i, nil
				}
			}
			return cty.NilVal, function.NewArgErrorf(1, "the list has no such element")
		},
	})
}

// planReplace is replace(s, part, with) as in Terraform: a part between slashes is
// a regular expression.
func planReplace() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "s", Type: cty.String}, {Name: "part", Type: cty.String}, {Name: "with", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			part := args[1].AsString()
			if len(part) > 1 && part[0] == '/' && part[len(part)-1] == '/' {
				return stdlib.RegexReplace(args[0], cty.StringVal(part[1:len(part)-1]), args[2])
			}
			return stdlib.Replace(args[0], args[1], args[2])
		},
	})
}

// planCoalesce is coalesce(a, b, …) as in Terraform: the first that is neither null
// nor an empty string.
func planCoalesce() function.Function {
	return function.New(&function.Spec{
		VarParam: &function.Parameter{Name: "x", Type: cty.DynamicPseudoType, AllowUnknown: true, AllowDynamicType: true, AllowNull: true},
		Type:     func(args []cty.Value) (cty.Type, error) { return stdlib.CoalesceFunc.ReturnTypeForValues(args) },
		Impl: func(args []cty.Value, t cty.Type) (cty.Value, error) {
			for _, v := range args {
				v, err := convert.Convert(v, t)
				switch {
				case err != nil:
					return cty.NilVal, err
				case !v.IsKnown():
					return cty.UnknownVal(t), nil
				case !v.IsNull() && !v.RawEquals(cty.StringVal("")):
					return v, nil
				}
			}
			return cty.NilVal, errors.New("all arguments are null or empty strings")
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
