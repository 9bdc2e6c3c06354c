package differ

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/cilium/ebpf/btf"

	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/templates"
)

// specForms are ways to write an expression in any probe of this kernel, besides
// forms.
var specForms = []form{
	// Known at plan time.
	{sort: sOperand, text: "var.n"},
	{sort: sOperand, text: "local.big"},
	{sort: sOperand, text: `errno_of("ENOENT")`},
	{sort: sOperand, text: `flag_of("O_NONBLOCK")`},
	{sort: sOperand, text: `syscall_of("openat")`},
	{sort: sOperand, text: `sizeof("struct task_struct")`},
	{sort: sOperand, text: `offsetof("struct task_struct", "pid")`},
	{sort: sOperand, text: `enumerator("TCP_ESTABLISHED")`},
	{sort: sOperand, text: `strlen(kernel.release)`},
	{sort: sCondition, text: "(var.off == null || pid == var.off)"},
	{sort: sCondition, text: `(has_member("struct task_struct", "no_such") && $)`, parts: on(sCondition)},
	{sort: sCondition, text: `(has_member("struct task_struct", "group_leader") && $)`, parts: on(sCondition)},
	{sort: sCondition, text: `(has_tracepoint("sched:sched_switch") || $)`, parts: on(sCondition)},
	{sort: sCondition, text: `(startswith(kernel.release, "6.") ? $ : $)`, parts: on(sCondition, sCondition)},
	{sort: sCondition, text: "startswith($, var.word)", parts: on(sText)},
	{sort: sCondition, text: "contains(var.words, $)", parts: on(sText)},
	{sort: sNumber, text: `try(task.no_such_member, $)`, parts: on(sNumber)},
	{sort: sNumber, text: `(has_function("vfs_read") ? $ : $)`, parts: on(sNumber, sNumber)},

	// Builtins.
	{sort: sNumber, text: "tid"},
	{sort: sNumber, text: "ppid"},
	{sort: sNumber, text: "gid"},
	{sort: sNumber, text: "cpu"},
	{sort: sNumber, text: "nsecs"},
	{sort: sNumber, text: "cgroup"},
	{sort: sNumber, text: "random"},
	{sort: sColumn, text: "func"},
	{sort: sColumn, text: "probe"},
	{sort: sCondition, text: `under_cgroup("/")`},

	// Pointers made of numbers, into either memory.
	{sort: sString, text: `cast("char *", $)`, parts: on(sNumber)},
	{sort: sString, text: `kptr(cast("char *", $))`, parts: on(sNumber)},
	{sort: sString, text: `uptr(cast("char *", $))`, parts: on(sNumber)},
	{sort: sText, text: "str($)", parts: on(sString), weight: 2},
	{sort: sText, text: "str($, 1)", parts: on(sString)},
	{sort: sText, text: "str($, 8)", parts: on(sString)},
	{sort: sText, text: "str($, 33)", parts: on(sString)},
	{sort: sText, text: "str($, 1000)", parts: on(sString)},
	{sort: sColumn, text: "str($, 4096)", parts: on(sString)},
	{sort: sColumn, text: "buf($, 5)", parts: on(sString)},
	{sort: sColumn, text: "buf($, $, 24)", parts: on(sString, sNumber)},
	{sort: sColumn, text: "buf($, $, 4096)", parts: on(sString, sNumber)},
	{sort: sColumn, text: "buf($, 4096)", parts: on(sString)},
	{sort: sColumn, text: "mac($)", parts: on(sString)},
	{sort: sColumn, text: "$", parts: on(sString)},
	{sort: sColumn, text: "($ ? buf($, 5) : buf($, $, 9))", parts: on(sCondition, sString, sString, sNumber)},
	{sort: sColumn, text: `strs(cast("char **", $), 3, 6)`, parts: on(sNumber)},
	{sort: sColumn, text: `join("+", strs(uptr(cast("char **", $)), 4))`, parts: on(sNumber)},
	{sort: sCondition, text: "($ == null)", parts: on(sString)},
	{sort: sCondition, text: "($ != $)", parts: on(sString, sString)},
	{sort: sCondition, text: "(buf($, 3) == buf($, 3))", parts: on(sString, sString)},
	{sort: sNumber, text: `cast("u64", $)`, parts: on(sString)},
	{sort: sNumber, text: `deref(cast("u32 *", $))`, parts: on(sNumber)},
	{sort: sNumber, text: `cast("u64 *", $)[3]`, parts: on(sNumber)},
	{sort: sNumber, text: `kptr(cast("short *", $))[bitand($, 7)]`, parts: on(sNumber, sNumber)},

	// Sockets.
	{sort: sColumn, text: `local_ip(kptr(cast("struct sock *", $)))`, parts: on(sNumber)},
	{sort: sColumn, text: `remote_ip(kptr(cast("struct sock *", $)))`, parts: on(sNumber)},
	{sort: sNumber, text: `local_port(kptr(cast("struct sock *", $)))`, parts: on(sNumber)},
	{sort: sNumber, text: `remote_port(kptr(cast("struct sock *", $)))`, parts: on(sNumber)},
	{sort: sCondition, text: `cidr("10.0.0.0/8", remote_ip(kptr(cast("struct sock *", $))))`, parts: on(sNumber)},
	{sort: sCondition, text: `cidr("fe80::/10", local_ip(kptr(cast("struct sock *", $))))`, parts: on(sNumber)},
	{sort: sCondition, text: `cidr("127.0.0.0/8", cast("__be32", $))`, parts: on(sNumber)},
	{sort: sColumn, text: `ip(cast("__be32", $))`, parts: on(sNumber)},
}

// leaves are what a target offers to expressions: its arguments, what comes of
// its return, the current task, and structs of this kernel.
func (a *acceptance) leaves(r *rand.Rand, typ *templates.Type, l *tree.Layout) []form {
	var out []form
	var early []form // what is known at the entry
	for _, arg := range l.Args {
		if l.Refused[arg.Name] != "" || arg.Name == "" {
			continue
		}
		name := "args." + arg.Name
		if arg.Name[0] >= '0' && arg.Name[0] <= '9' {
			name = "args[" + arg.Name + "]"
		}
		out = append(out, a.leaf(r, name, arg.Type, 4)...)
	}
	early = append(early, out...)
	out = append(out, a.leaf(r, "task", a.pointerTo("task_struct", types.Trusted), 4)...)
	for range 2 {
		name := a.structs[r.IntN(len(a.structs))]
		from := "nsecs"
		if len(l.Args) > 0 && len(early) > 0 {
			if f := early[r.IntN(len(early))]; f.sort == sNumber {
				from = f.text
			}
		}
		out = append(out, a.leaf(r, fmt.Sprintf(`kptr(cast("struct %s *", %s))`, name, from), a.pointerTo(name, types.Kernel), 4)...)
	}
	if name := a.enums[r.IntN(len(a.enums))]; true {
		out = append(out, form{sort: sNumber, text: fmt.Sprintf(`cast("enum %s", $)`, name), parts: on(sNumber)})
	}
	if !typ.Returns && !typ.MayReturn {
		return out
	}
	if l.Ret != nil && l.Refused["retval"] == "" {
		out = append(out, a.leaf(r, "retval", l.Ret.Type, 4)...)
	}
	out = append(out, form{sort: sDuration, text: "latency", weight: 3})
	return append(out, entries(r, early)...)
}

// entries are values of a call's entry.
func entries(r *rand.Rand, early []form) []form {
	var out []form
	g := newGenerator(r, "any", append(early, specForms...)...)
	for range 6 {
		s := []sort{sNumber, sNumber, sText, sCondition, sDuration}[r.IntN(5)]
		n := g.make(s, r.IntN(3))
		out = append(out, form{sort: s, text: "entry(" + n.String() + ")", weight: 2})
	}
	return out
}

// pointerTo is the type of a pointer to a struct of this kernel.
func (a *acceptance) pointerTo(name string, space types.Space) types.Type {
	var s *btf.Struct
	if err := a.btf.TypeByName(name, &s); err != nil {
		return types.AnyPtr
	}
	return types.FromBTF(&btf.Pointer{Target: s}, space)
}

// leaf is a value of a type as forms, and some of its members.
func (a *acceptance) leaf(r *rand.Rand, text string, t types.Type, depth int) []form {
	switch t.Kind {
	case types.Int, types.Enum:
		return number(text, t)
	case types.Bool:
		return []form{{sort: sCondition, text: text}}
	case types.String:
		return []form{{sort: sText, text: text, weight: 2}}
	case types.Bytes:
		return []form{{sort: sColumn, text: text}}
	case types.Array:
		return a.array(r, text, t, depth)
	case types.Pointer:
		return a.pointer(r, text, t, depth)
	case types.Struct:
		return a.members(r, text, t, depth)
	}
	return nil
}

// inRecord says that a value is an argument that lies in the event's record,
// where a place must be known at plan time.
func inRecord(text string) bool {
	return strings.HasPrefix(text, "args.") && strings.Count(text, ".") == 1
}

func number(text string, t types.Type) []form {
	switch {
	case t.Untyped:
		return []form{{sort: sColumn, text: text}, {sort: sNumber, text: `cast("int", ` + text + ")"}, {sort: sString, text: `cast("char *", ` + text + ")"}}
	case t.Unit == "duration":
		return []form{{sort: sDuration, text: text}}
	case t.Unit == "size":
		return []form{{sort: sSize, text: text}}
	case t.Unit != "":
		return []form{{sort: sColumn, text: text}}
	case t.BigEndian && t.Size == 4:
		return []form{{sort: sNumber, text: text}, {sort: sColumn, text: "ip(" + text + ")"}, {sort: sCondition, text: `cidr("10.0.0.0/8", ` + text + ")"}}
	}
	return []form{{sort: sNumber, text: text, weight: 2}}
}

// array is an array as a whole and some of its elements.
func (a *acceptance) array(r *rand.Rand, text string, t types.Type, depth int) []form {
	var out []form
	if t.Elem != nil && t.Elem.IsNumber() && t.Len > 0 && t.Len <= 64 {
		out = append(out, form{sort: sColumn, text: text})
	}
	if t.Elem == nil || depth <= 0 || t.Len == 0 {
		return out
	}
	out = append(out, a.leaf(r, fmt.Sprintf("%s[%d]", text, r.IntN(t.Len)), *t.Elem, depth-1)...)
	if t.Len&(t.Len-1) == 0 && !inRecord(text) {
		out = append(out, a.leaf(r, fmt.Sprintf("%s[bitand(cpu, %d)]", text, t.Len-1), *t.Elem, depth-1)...)
	}
	return out
}

// pointer is a pointer and some of what it points to.
func (a *acceptance) pointer(r *rand.Rand, text string, t types.Type, depth int) []form {
	out := []form{{sort: sColumn, text: text}, {sort: sCondition, text: "(" + text + " == null)"}}
	switch {
	case t.Elem == nil:
		return append(out, form{sort: sString, text: `cast("char *", ` + text + ")"}, form{sort: sNumber, text: `cast("u64", ` + text + ")"})
	case t.Elem.Kind == types.Int && t.Elem.Size == 1:
		return append(out, form{sort: sString, text: text, weight: 2}, form{sort: sText, text: "str(" + text + ")", weight: 2})
	case t.Elem.IsScalar() && depth > 0:
		out = append(out, a.leaf(r, "deref("+text+")", *t.Elem, depth-1)...)
		return append(out, a.leaf(r, fmt.Sprintf("%s[%d]", text, r.IntN(9)), *t.Elem, depth-1)...)
	case t.Name == "struct sock *":
		for _, f := range []form{{sort: sColumn, text: "local_ip($)"}, {sort: sColumn, text: "remote_ip($)"}, {sort: sNumber, text: "local_port($)"}, {sort: sNumber, text: "remote_port($)"}} {
			out = append(out, form{sort: f.sort, text: strings.ReplaceAll(f.text, "$", text)})
		}
	}
	return append(out, a.members(r, text, *t.Elem, depth)...)
}

// members are some members of a struct, and of theirs.
func (a *acceptance) members(r *rand.Rand, text string, t types.Type, depth int) []form {
	c := t.C
	if name, ok := strings.CutPrefix(t.Name, "struct "); ok && t.Kind == types.Invalid {
		var s *btf.Struct
		if a.btf.TypeByName(name, &s) == nil {
			c = s
		}
	}
	if c == nil || depth <= 0 {
		return nil
	}
	names := types.MemberNames(c)
	var out []form
	for range min(len(names), 2+depth) {
		name := names[r.IntN(len(names))]
		if m, ok := types.FindMember(c, name, t.Space); ok {
			out = append(out, a.leaf(r, text+"."+name, m.Type, depth-1)...)
		}
	}
	return out
}
