package check

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cilium/ebpf/btf"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"tracer/interpreter/facts"
	"tracer/interpreter/types"
	"tracer/interpreter/unit"
	"tracer/templates"
)

// unitMark is the mark a plan-time number carries to say its unit.
type unitMark string

// unmark takes all marks off a value and gives the unit among them.
func unmark(v cty.Value) (cty.Value, string) {
	v, marks := v.UnmarkDeep()
	name := ""
	for m := range marks {
		if u, ok := m.(unitMark); ok {
			if name != "" {
				return v, "" // a mixture has none
			}
			name = string(u)
		}
	}
	return v, name
}

// standard are the functions of Terraform that specs use at plan time.
var standard = map[string]function.Function{
	"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "floor": stdlib.FloorFunc, "max": stdlib.MaxFunc, "min": stdlib.MinFunc,
	"parseint": stdlib.ParseIntFunc, "concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc,
	"keys": stdlib.KeysFunc, "values": stdlib.ValuesFunc, "merge": stdlib.MergeFunc, "flatten": stdlib.FlattenFunc,
	"compact": stdlib.CompactFunc, "element": stdlib.ElementFunc, "index": planIndex(), "range": stdlib.RangeFunc, "reverse": stdlib.ReverseListFunc, "slice": stdlib.SliceFunc,
	"sort": stdlib.SortFunc, "split": stdlib.SplitFunc, "join": stdlib.JoinFunc, "lower": stdlib.LowerFunc, "upper": stdlib.UpperFunc,
	"trimspace": stdlib.TrimSpaceFunc, "trimprefix": stdlib.TrimPrefixFunc, "trimsuffix": stdlib.TrimSuffixFunc, "replace": planReplace(),
	"substr": stdlib.SubstrFunc, "strlen": stdlib.StrlenFunc, "format": stdlib.FormatFunc, "formatlist": stdlib.FormatListFunc, "regex": stdlib.RegexFunc, "regexall": stdlib.RegexAllFunc,
	"coalesce": planCoalesce(), "setunion": stdlib.SetUnionFunc, "setintersection": stdlib.SetIntersectionFunc, "setsubtract": stdlib.SetSubtractFunc,
	"zipmap": stdlib.ZipmapFunc, "signum": stdlib.SignumFunc, "jsonencode": stdlib.JSONEncodeFunc, "jsondecode": stdlib.JSONDecodeFunc,
	"tostring": stdlib.MakeToFunc(cty.String), "tonumber": stdlib.MakeToFunc(cty.Number), "tobool": stdlib.MakeToFunc(cty.Bool),
	"tolist": stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)), "toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)), "tomap": stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
	"try": tryfunc.TryFunc, "can": tryfunc.CanFunc,
}

// PlanFunctions are the functions that work on what is known before attaching:
// Terraform's, the units' literals, and facts about the kernel. env may be nil.
func PlanFunctions(f facts.Facts, env *unit.Env) map[string]function.Function {
	out := make(map[string]function.Function, len(standard)+32)
	for n, fn := range standard {
		out[n] = fn
	}
	for _, u := range unit.All() {
		if u.Reads() && !u.Implicit && !u.Table {
			out[u.Name] = unitFunction(u, env)
		}
	}
	for name, kind := range map[string]string{
		"errno_of": "errno", "signal_of": "signal", "syscall_of": "syscall", "family_of": "family", "capability_of": "capability", "flag_of": "flag",
	} {
		out[name] = numberOf(name, kind, env)
	}
	text := func(op func(s, part string) bool) function.Function {
		return pure(cty.Bool, []string{"s", "part"}, func(a []string) (cty.Value, error) { return cty.BoolVal(op(a[0], a[1])), nil })
	}
	out["startswith"], out["endswith"], out["strcontains"] = text(strings.HasPrefix), text(strings.HasSuffix), text(strings.Contains)
	for name, op := range map[string]func(a, b int64) int64{
		"bitand": func(a, b int64) int64 { return a & b }, "bitor": func(a, b int64) int64 { return a | b }, "bitxor": func(a, b int64) int64 { return a ^ b },
		"shl": func(a, b int64) int64 { return a << (uint64(b) & 63) }, "shr": func(a, b int64) int64 { return a >> (uint64(b) & 63) },
	} {
		out[name] = bitFunction(op)
	}
	out["first_of"] = firstOf(func(string) (bool, error) {
		return false, errors.New("first_of has a meaning only in target and binary: elsewhere, use has_function(…), has_symbol(…) or has_tracepoint(…)")
	})
	out["bitnot"], out["lookup"], out["length"] = bitnotFunction(), planLookup(), planLength()
	out["ntohs"], out["ntohl"] = swapFunction(2), swapFunction(4)
	if f != nil {
		kernelFunctions(f, out)
	}
	return out
}

func planFunctionDocs() []Function {
	doc := func(name, usage, text, example string) Function {
		return Function{Name: name, Usage: usage, Doc: text, Example: example, Phase: PlanTime}
	}
	docs := []Function{
		doc("enumerator", `enumerator("NAME")`, "Number of an enumerator of the kernel (BTF).", `enumerator("TCP_ESTABLISHED")`),
		doc("errno_of", `errno_of("NAME")`, "Number of an error.", `errno_of("ENOENT")`),
		doc("signal_of", `signal_of("NAME")`, "Number of a signal.", `signal_of("SIGKILL")`),
		doc("syscall_of", `syscall_of("NAME")`, "Number of a system call on this architecture.", `syscall_of("openat")`),
		doc("family_of", `family_of("NAME")`, "Number of an address family.", `family_of("AF_INET")`),
		doc("capability_of", `capability_of("NAME")`, "Number of a capability.", `capability_of("CAP_NET_ADMIN")`),
		doc("flag_of", `flag_of("NAME")`, "Value of a flag macro.", `flag_of("O_CREAT")`),
		doc("sizeof", `sizeof("TYPE")`, "Size of a C type in bytes.", `sizeof("struct sock")`),
		doc("offsetof", `offsetof("TYPE", "MEMBER")`, "Offset of a member in bytes.", `offsetof("struct sock", "sk_err")`),
		doc("has_function", `has_function("NAME")`, "Whether this kernel has a function that can be probed.", `has_function("tcp_connect")`),
		doc("has_symbol", `has_symbol("NAME")`, "Whether this kernel lists a symbol.", `has_symbol("avenrun")`),
		doc("has_tracepoint", `has_tracepoint("CATEGORY:EVENT")`, "Whether this kernel has a tracepoint.", `has_tracepoint("block:block_io_start")`),
		doc("has_member", `has_member("TYPE", "MEMBER")`, "Whether a C type has a member, through any number of dots.", `has_member("struct request", "q.disk")`),
		doc("first_of", "first_of(a, b, …)", "The first of several targets that exists here (in target).", `first_of("blk_account_io_start", "__blk_account_io_start")`),
		doc("can", "can(x)", "Whether an expression evaluates without an error.", `can(duration(var.min))`),
		doc("length", "length(x)", "Number of elements of a list, map or set, or of characters of a string.", `length(var.names)`),
		doc("strlen", "strlen(s)", "Number of characters of a string.", `strlen(var.prefix)`),
		doc("parseint", `parseint("ff", 16)`, "A number from text in a base.", `parseint("ff", 16)`),
	}
	seen := map[string]bool{}
	for _, d := range docs {
		seen[d.Name] = true
	}
	for n := range standard {
		if !seen[n] {
			docs = append(docs, doc(n, n+"(…)", "As in Terraform.", ""))
		}
	}
	return docs
}

// pure is a function of strings.
func pure(ret cty.Type, params []string, impl func(args []string) (cty.Value, error)) function.Function {
	spec := &function.Spec{Type: function.StaticReturnType(ret)}
	for _, p := range params {
		spec.Params = append(spec.Params, function.Parameter{Name: p, Type: cty.String})
	}
	spec.Impl = func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		texts := make([]string, len(args))
		for i, a := range args {
			texts[i] = a.AsString()
		}
		return impl(texts)
	}
	return function.New(spec)
}

// numberOf gives the number of a macro's name.
func numberOf(name, kind string, env *unit.Env) function.Function {
	return pure(cty.Number, []string{"name"}, func(a []string) (cty.Value, error) {
		if env == nil || env.Names == nil {
			return cty.NilVal, errors.New("names are not known here")
		}
		n, ok := env.Names.Number(kind, a[0])
		if !ok {
			near := env.Names.Near(kind, a[0])
			if near != "" {
				near = fmt.Sprintf(" (did you mean %q?)", near)
			}
			return cty.NilVal, function.NewArgErrorf(0, "there is no %s %q%s", strings.ReplaceAll(kind, "_", " "), a[0], near)
		}
		return cty.NumberIntVal(n), nil
	})
}

func bitFunction(op func(a, b int64) int64) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "a", Type: cty.Number}, {Name: "b", Type: cty.Number}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			a, au, err := wholeNumber(args[0], 0)
			if err != nil {
				return cty.NilVal, err
			}
			b, bu, err := wholeNumber(args[1], 1)
			if err != nil {
				return cty.NilVal, err
			}
			return fromBits(op(a, b), au || bu), nil
		},
	})
}

// wholeNumber is a plan-time number as 64 bits; unsigned says that it is above
// the largest signed one.
func wholeNumber(v cty.Value, arg int) (n int64, unsigned bool, err error) {
	f := v.AsBigFloat()
	if f.IsInt() {
		i, _ := f.Int(nil)
		switch {
		case i.IsInt64():
			return i.Int64(), false, nil
		case i.IsUint64():
			return int64(i.Uint64()), true, nil
		}
	}
	return 0, false, function.NewArgErrorf(arg, "a whole number of at most 64 bits is needed")
}

func fromBits(n int64, unsigned bool) cty.Value {
	if unsigned {
		return cty.NumberUIntVal(uint64(n))
	}
	return cty.NumberIntVal(n)
}

func bitnotFunction() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "a", Type: cty.Number}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			n, unsigned, err := wholeNumber(args[0], 0)
			if err != nil {
				return cty.NilVal, err
			}
			return fromBits(^n, unsigned), nil
		},
	})
}

func swapFunction(size int) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "x", Type: cty.Number}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			n, _, err := wholeNumber(args[0], 0)
			if err != nil {
				return cty.NilVal, err
			}
			return cty.NumberUIntVal(swapBytes(uint64(n), size)), nil
		},
	})
}

// kernelFunctions answer from facts.
func kernelFunctions(f facts.Facts, out map[string]function.Function) {
	names := enumerators{f: f}
	out["enumerator"] = pure(cty.Number, []string{"name"}, func(a []string) (cty.Value, error) { return names.number(a[0]) })
	out["sizeof"] = pure(cty.Number, []string{"type"}, func(a []string) (cty.Value, error) {
		t, err := namedType(f, a[0])
		if err != nil {
			return cty.NilVal, wrongName(f, err)
		}
		return cty.NumberIntVal(int64(elemSize(t))), nil
	})
	out["offsetof"] = pure(cty.Number, []string{"type", "member"}, func(a []string) (cty.Value, error) {
		m, err := memberOf(f, a[0], a[1])
		if err != nil {
			return cty.NilVal, wrongName(f, err)
		}
		return cty.NumberIntVal(int64(m.Off)), nil
	})
	out["has_member"] = pure(cty.Bool, []string{"type", "member"}, func(a []string) (cty.Value, error) {
		_, err := memberOf(f, a[0], a[1])
		return answer(err)
	})
	out["has_tracepoint"] = pure(cty.Bool, []string{"name"}, func(a []string) (cty.Value, error) {
		category, event, _ := strings.Cut(a[0], ":")
		_, err := f.Tracepoint(category, event)
		return answer(err)
	})
	out["has_symbol"] = pure(cty.Bool, []string{"name"}, func(a []string) (cty.Value, error) {
		_, err := f.Symbol(a[0])
		return answer(err)
	})
	out["has_function"] = pure(cty.Bool, []string{"name"}, func(a []string) (cty.Value, error) {
		fns, err := f.Function(a[0])
		if err != nil {
			return answer(err)
		}
		return cty.BoolVal(slices.ContainsFunc(fns, func(fn facts.Function) bool { return fn.Refused == "" })), nil
	})
}

// answer makes true or false of a look-up's error; other errors stay errors.
func answer(err error) (cty.Value, error) {
	switch {
	case err == nil:
		return cty.True, nil
	case errors.Is(err, facts.ErrNotFound):
		return cty.False, nil
	}
	return cty.UnknownVal(cty.Bool), err
}

// enumerators are the names of all enums of a kernel, read once when the first
// is asked for.
type enumerators struct {
	f      facts.Facts
	byName map[string]cty.Value
}

func (e *enumerators) number(name string) (cty.Value, error) {
	if err := e.read(); err != nil {
		return cty.NilVal, err
	}
	if v, ok := e.byName[name]; ok {
		return v, nil
	}
	hint := "macros are not in BTF"
	if near := templates.Near(name, slices.Sorted(maps.Keys(e.byName))); len(near) > 0 {
		hint = fmt.Sprintf("did you mean %q?", near[0])
	}
	return cty.NilVal, function.NewArgErrorf(0, "this kernel's BTF has no enumerator %q (%s)", name, hint)
}

func (e *enumerators) read() error {
	if e.byName != nil {
		return nil
	}
	bs, err := e.f.BTF()
	if err != nil {
		return err
	}
	byName := map[string]cty.Value{}
	for t, err := range bs.All() {
		if err != nil {
			return err
		}
		enum, ok := t.(*btf.Enum)
		if !ok {
			continue
		}
		for _, v := range enum.Values {
			if _, have := byName[v.Name]; !have {
				byName[v.Name] = fromBits(int64(v.Value), !enum.Signed)
			}
		}
	}
	e.byName = byName
	return nil
}

func namedType(f facts.Facts, name string) (types.Type, error) {
	c := &checker{in: Input{Facts: f}}
	if _, err := f.BTF(); err != nil {
		return types.Type{}, err
	}
	t, err := types.ParseCType(name, types.Kernel, c.kernelType)
	switch {
	case err != nil && !errors.Is(err, facts.ErrNotFound), err == nil && t.Kind == types.Invalid:
		return t, noType{name: name, why: err}
	}
	return t, err
}

// noType says that there is no C type of a name; a member that there is none.
type (
	noType struct {
		name string
		why  error
	}
	noMember struct {
		holder types.Type
		name   string
	}
)

func (e noType) Error() string {
	if e.why != nil {
		return e.why.Error()
	}
	return fmt.Sprintf("this kernel's BTF has no type %q", e.name)
}

func (e noMember) Error() string {
	return fmt.Sprintf("%s has no member %q", e.holder.String(), e.name)
}

func (noType) Is(target error) bool   { return target == facts.ErrNotFound }
func (noMember) Is(target error) bool { return target == facts.ErrNotFound }

// wrongName is the error of a call whose first argument is no type, or whose
// second is no member of it; with the most like name.
func wrongName(f facts.Facts, err error) error {
	arg, wrong, names := 0, "", []string(nil)
	var t noType
	var m noMember
	switch {
	case errors.As(err, &t):
		wrong = strings.TrimRight(t.name, " *")
		names = (&checker{in: Input{Facts: f}}).typeNames(wrong)
	case errors.As(err, &m):
		arg, wrong, names = 1, m.name, types.MemberNames(m.holder.C)
	}
	if near := templates.Near(wrong, names); len(near) > 0 {
		err = fmt.Errorf("%w (did you mean %q?)", err, near[0])
	}
	return function.NewArgError(arg, err)
}

func memberOf(f facts.Facts, typeName, member string) (types.Member, error) {
	t, err := namedType(f, typeName)
	if err != nil {
		return types.Member{}, err
	}
	c := &checker{in: Input{Facts: f}}
	s := &scope{c: c}
	out := types.Member{Type: t}
	for _, name := range strings.Split(member, ".") {
		holder := out.Type
		if holder.Kind == types.Pointer && holder.Elem != nil {
			holder = s.complete(*holder.Elem)
		}
		m, ok := types.FindMember(holder.C, name, types.Kernel)
		if !ok || holder.Kind != types.Struct {
			return out, noMember{holder, name}
		}
		if out.Type.Kind != types.Pointer {
			m.Off += out.Off
		}
		out = m
	}
	return out, nil
}

// firstOf picks the first target that exists, by asking the probe type.
func firstOf(exists func(name string) (bool, error)) function.Function {
	return function.New(&function.Spec{
		VarParam: &function.Parameter{Name: "names", Type: cty.String},
		Type:     function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if len(args) == 0 {
				return cty.NilVal, errors.New("first_of needs at least one name")
			}
			names := make([]string, len(args))
			for i, a := range args {
				names[i] = a.AsString()
				ok, err := exists(names[i])
				if err != nil {
					return cty.NilVal, err
				}
				if ok {
					return a, nil
				}
			}
			// The last one goes on, so that the message (or optional) is about it.
			return args[len(args)-1], nil
		},
	})
}

// textList makes a list of strings of one string or a list of them.
func textList(v cty.Value) ([]string, bool) {
	v, _ = unmark(v)
	if v.Type() == cty.String {
		return []string{v.AsString()}, true
	}
	list, err := convert.Convert(v, cty.List(cty.String))
	if err != nil || list.IsNull() {
		return nil, false
	}
	var out []string
	for it := list.ElementIterator(); it.Next(); {
		_, e := it.Element()
		if e.IsNull() {
			return nil, false
		}
		out = append(out, e.AsString())
	}
	return out, true
}
