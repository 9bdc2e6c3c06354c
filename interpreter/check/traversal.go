package check

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// scalarBuiltins are the builtins that a helper gives as one number.
var scalarBuiltins = map[string]types.Type{
	"pid":    types.U32,
	"tid":    types.U32,
	"uid":    types.U32,
	"gid":    types.U32,
	"cpu":    types.U32,
	"nsecs":  types.U64,
	"cgroup": types.U64,
	"random": types.U32,
}

// traversal types a name with its steps: args.sk.__sk_common.skc_dport.
func (s *scope) traversal(e *hclsyntax.ScopeTraversalExpr) *tree.Expr {
	t := e.Traversal
	if !s.checkTraversal(t) {
		return nil
	}
	root := t.RootName()
	rng := t[0].SourceRange()
	if bt, ok := scalarBuiltins[root]; ok {
		return s.steps(s.builtin(root, bt, rng), t[1:])
	}
	switch root {
	case "local":
		return s.localTraversal(t)
	case "args":
		x, used := s.arg(t)
		if x == nil {
			return nil
		}
		return s.steps(x, t[used:])
	case "retval":
		if x := s.retval(rng); x != nil {
			return s.steps(x, t[1:])
		}
		return nil
	case "latency":
		return s.steps(s.latency(rng), t[1:])
	case "capture":
		x := s.capture(t)
		if x == nil {
			return nil
		}
		s.use(x, t)
		return s.steps(x, t[2:])
	case "comm":
		return s.steps(s.comm(rng), t[1:])
	case "task":
		return s.steps(s.task(rng), t[1:])
	case "ppid":
		return s.steps(s.ppid(rng), t[1:])
	case "func", "probe":
		return s.steps(s.named(root, rng), t[1:])
	case "kstack", "ustack":
		s.errLater(rng, "stacks")
	case "saved":
		s.errLater(rng, "saved entries (save, update, match)")
	default:
		s.errorAt(rng, "Name not usable here", "%q has no value at event time.", root)
	}
	return nil
}

// builtin is a leaf; at the return of a call it is the return's moment.
func (s *scope) builtin(name string, t types.Type, rng hcl.Range) *tree.Expr {
	x := tree.New(tree.Builtin, t, rng)
	x.Name = name
	return x
}

// named is func or probe: a number that prints as the name.
func (s *scope) named(root string, rng hcl.Range) *tree.Expr {
	t := types.U32
	t.Unit, t.Table = nameUnit, s.c.plan.Names
	if root == "probe" {
		return constInt(int64(s.c.intern(s.label)), t, rng)
	}
	if len(s.targets) == 1 {
		return constInt(int64(s.c.intern(s.targets[0])), t, rng)
	}
	for _, name := range s.targets {
		s.c.intern(name)
	}
	return s.builtin("func", t, rng)
}

func (s *scope) localTraversal(t hcl.Traversal) *tree.Expr {
	l := s.local(t)
	if l == nil {
		return nil
	}
	if len(t) > 2 {
		// A step into a local that is an object or list picks its part.
		if part, used := s.localPart(l.Expr, t[2:]); part != nil {
			x := s.expr(part)
			if x == nil {
				return nil
			}
			return s.steps(x, t[2+used:])
		}
		if obj, ok := s.resolveLocal(l.Expr).(*hclsyntax.ObjectConsExpr); ok {
			name, _ := step(t, 2)
			s.errNoSuch(t[2].SourceRange(), "attribute of local."+l.Name, name, objectKeys(obj))
			return nil
		}
	}
	key := l.Name
	if s.entry {
		key = "entry:" + key
	}
	x, done := s.locals[key]
	if !done {
		if s.busy["local."+key] {
			return nil // a cycle: spec has reported it
		}
		s.busy["local."+key] = true
		x = s.expr(l.Expr)
		s.locals[key] = x
		delete(s.busy, "local."+key)
	}
	if x == nil {
		s.failed = true
		return nil
	}
	s.use(x, t)
	return s.steps(x, t[2:])
}

// use notes where a value was mentioned by its name.
func (s *scope) use(x *tree.Expr, t hcl.Traversal) {
	s.uses[x] = t[:2].SourceRange()
}

// at is where a message about a value belongs: where its name was mentioned,
// or where it is written.
func (s *scope) at(x *tree.Expr) hcl.Range {
	if rng, ok := s.uses[x]; ok {
		return rng
	}
	return x.Range
}

// localPart follows steps into an object or list expression.
func (s *scope) localPart(e hclsyntax.Expression, t hcl.Traversal) (part hclsyntax.Expression, used int) {
	e = s.resolveLocal(e)
	for i := range t {
		next := s.onePart(e, t, i)
		if next == nil {
			if i == 0 {
				return nil, 0
			}
			return e, i
		}
		e = s.resolveLocal(next)
	}
	return e, len(t)
}

func (s *scope) onePart(e hclsyntax.Expression, t hcl.Traversal, i int) hclsyntax.Expression {
	name, ok := step(t, i)
	switch e := e.(type) {
	case *hclsyntax.ObjectConsExpr:
		if !ok {
			return nil
		}
		for _, item := range e.Items {
			if key, diags := item.KeyExpr.Value(nil); !diags.HasErrors() && key.Type() == cty.String && key.IsKnown() && !key.IsNull() && key.AsString() == name {
				return item.ValueExpr
			}
		}
	case *hclsyntax.TupleConsExpr:
		if n, ok := indexStep(t[i]); ok && n >= 0 && n < int64(len(e.Exprs)) {
			return e.Exprs[n]
		}
	}
	return nil
}

// objectKeys are the names of an object's attributes, as far as they are plain.
func objectKeys(e *hclsyntax.ObjectConsExpr) []string {
	var names []string
	for _, item := range e.Items {
		if key, diags := item.KeyExpr.Value(nil); !diags.HasErrors() && key.Type() == cty.String && key.IsKnown() && !key.IsNull() {
			names = append(names, key.AsString())
		}
	}
	return names
}

func indexStep(st hcl.Traverser) (int64, bool) {
	ix, ok := st.(hcl.TraverseIndex)
	if !ok || ix.Key.Type() != cty.Number || !ix.Key.IsKnown() || ix.Key.IsNull() {
		return 0, false
	}
	f := ix.Key.AsBigFloat()
	n, acc := f.Int64()
	return n, acc == 0 && f.IsInt()
}

// arg types args.NAME and args[n]; used is the number of steps it took.
func (s *scope) arg(t hcl.Traversal) (x *tree.Expr, used int) {
	if len(t) < 2 {
		next := "NAME"
		if s.layout.Indexed {
			next = "NAME or args[0]"
		}
		s.errIncomplete(t, next)
		return nil, 0
	}
	rng := hcl.RangeBetween(t[0].SourceRange(), t[1].SourceRange())
	i, ok := s.argIndex(t[1], rng)
	if !ok {
		return nil, 0
	}
	a := &s.layout.Args[i]
	if why, refused := s.layout.Refused[a.Name]; refused {
		s.errorAt(rng, "Argument cannot be read", "%s of %s cannot be read: %s.", traversalText(t[:2]), s.targetText(), why)
		return nil, 0
	}
	x = tree.New(tree.Arg, a.Type, rng)
	x.Int = uint64(i)
	if s.returns && !s.entry {
		x = tree.New(tree.Entry, a.Type, rng, x)
	}
	return x, 2
}

func (s *scope) targetText() string {
	switch len(s.targets) {
	case 0:
		return "this probe"
	case 1:
		return s.targets[0]
	case 2:
		return s.targets[0] + " and " + s.targets[1]
	}
	return fmt.Sprintf("%s (and %d others)", s.targets[0], len(s.targets)-1)
}

func (s *scope) argIndex(st hcl.Traverser, rng hcl.Range) (int, bool) {
	if n, ok := indexStep(st); ok {
		switch {
		case !s.layout.Indexed:
			s.errorAt(rng, "No arguments by number", "A %s has named fields, not numbered arguments.%s", s.typ.Name, s.argList())
			return 0, false
		case n < 0 || n >= int64(len(s.layout.Args)):
			s.errorAt(rng, "No such argument", "%s has %s.", s.targetText(), counted(len(s.layout.Args), "argument"))
			return 0, false
		}
		return int(n), true
	}
	name, ok := step(hcl.Traversal{st}, 0)
	if !ok {
		s.errorAt(rng, "No such argument", "Write args.NAME or args[0].")
		return 0, false
	}
	var names []string
	for i := range s.layout.Args {
		if s.layout.Args[i].Name == name {
			if _, err := strconv.Atoi(name); err != nil {
				return i, true
			}
		}
		if !strings.Contains(s.layout.Args[i].Name, "[") { // an element, see argElement
			names = append(names, s.layout.Args[i].Name)
		}
	}
	near := s.near(name, names)
	if near == "" {
		near = s.argList()
	}
	s.errorAt(st.SourceRange(), "Unknown argument", "%s has no argument %q.%s", s.targetText(), name, near)
	return 0, false
}

// argList says which arguments there are.
func (s *scope) argList() string {
	if len(s.layout.Args) == 0 {
		return " It has none."
	}
	var names []string
	numbered := false
	for _, a := range s.layout.Args {
		if _, err := strconv.Atoi(a.Name); err == nil {
			numbered = true
			continue
		}
		if strings.Contains(a.Name, "[") {
			continue
		}
		names = append(names, a.Name)
	}
	switch {
	case len(names) == 0 && numbered && s.typ.User:
		return ` Only args[0], args[1], … are known: name them with signature = "int fn(int first, …)".`
	case len(names) == 0:
		return " Only args[0], args[1], … are known."
	case len(names) > 20:
		names = append(names[:20], "…")
	}
	return " It has " + strings.Join(names, ", ") + "."
}

func counted(n int, what string) string {
	switch n {
	case 0:
		return "no " + what + "s"
	case 1:
		return "one " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (s *scope) retval(rng hcl.Range) *tree.Expr {
	if !s.typ.Returns && !s.typ.MayReturn {
		s.errorAt(rng, "No return value here", "A %s fires at the entry, so there is no return value yet.%s", s.typ.Name, returnTwin(s.typ.Name))
		return nil
	}
	if s.entry {
		s.errorAt(rng, "No return value at entry", "Inside entry(…) the call has not returned yet.")
		return nil
	}
	if why, refused := s.layout.Refused["retval"]; refused || s.layout.Ret == nil {
		s.errorAt(rng, "No return value", "%s: %s.", s.targetText(), why)
		return nil
	}
	s.usedReturn = true
	return tree.New(tree.Ret, s.layout.Ret.Type, rng)
}

func returnTwin(name string) string {
	switch name {
	case "kprobe", "uprobe":
		return fmt.Sprintf(" Use a probe of type %q.", strings.Replace(name, "probe", "retprobe", 1))
	case "tracepoint", "raw_tracepoint":
		return " For system calls, use a probe of type \"syscall\"."
	}
	return ""
}

// latency is the time from the entry of the call to its return.
func (s *scope) latency(rng hcl.Range) *tree.Expr {
	if !s.typ.Returns && !s.typ.MayReturn {
		s.errorAt(rng, "No latency here", "A %s is a moment, not a call, so it has no latency.%s", s.typ.Name, returnTwin(s.typ.Name))
		return nil
	}
	if s.entry {
		s.errorAt(rng, "No latency at entry", "Inside entry(…) the call has not returned yet.")
		return nil
	}
	s.usedReturn = true
	now := s.builtin("nsecs", types.U64, rng)
	then := tree.New(tree.Entry, types.U64, rng, s.builtin("nsecs", types.U64, rng))
	return tree.New(tree.Sub, types.NS, rng, now, then)
}

// capture is the expression of a column.
func (s *scope) capture(t hcl.Traversal) *tree.Expr {
	name, _ := step(t, 1)
	if s.entry {
		s.errorAt(t.SourceRange(), "capture inside entry", "Columns of capture belong to the return. Write the expression itself inside entry(…).")
		return nil
	}
	if x, done := s.captured[name]; done {
		if x == nil {
			s.failed = true
		}
		return x
	}
	if s.busy["capture."+name] {
		s.errorAt(t.SourceRange(), "Columns in a circle", "capture.%s is computed from itself.", name)
		return nil
	}
	s.busy["capture."+name] = true
	defer delete(s.busy, "capture."+name)
	for _, col := range s.probe.Capture.Columns {
		if col.Name == name {
			x := s.expr(col.Expr)
			s.captured[name] = x
			return x
		}
	}
	return nil
}
