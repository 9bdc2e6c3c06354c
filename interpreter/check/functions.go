package check

import (
	"cmp"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"tracer/interpreter/tree"
	"tracer/interpreter/unit"
)

// Function is a function of the language, as documentation, completion and
// near names see it.
type Function struct {
	Name    string
	Usage   string // "str(ptr[, max])"
	Doc     string // one sentence
	Example string // an expression that uses it
	// Later says what this version lacks; "" if the function works.
	Later string
	Phase Phase
	check func(*scope, *hclsyntax.FunctionCallExpr) *tree.Expr
	// least and most arguments; most < 0: any number
	least, most int
}

// Phase is when a function is evaluated.
type Phase string

// The phases. Both: at plan time if all arguments are known then.
const (
	PlanTime  Phase = "plan"
	EventTime Phase = "event"
	Both      Phase = "plan or event"
	Aggregate Phase = "aggregate"
)

// eventFunctions are the functions that mean something at event time.
func eventFunctions() []Function {
	fns := []Function{
		{Name: "str", Usage: "str(ptr[, max])", Doc: "String behind a pointer, at most max bytes (128 if not given, 4096 at most).", Example: "str(args.filename)", check: (*scope).fnStr, least: 1, most: 2},
		{Name: "buf", Usage: "buf(ptr, n[, max])", Doc: "n bytes behind a pointer, at most max (128 if not given, 4096 at most).", Example: "buf(args.buf, args.count, 64)", check: (*scope).fnBuf, least: 2, most: 3},
		{Name: "strs", Usage: "strs(ptr[, count[, max]])", Doc: "Strings of a null-ended array of pointers, such as argv: at most count (16) of at most max bytes (128).", Example: "strs(args.argv, 20)", check: (*scope).fnStrs, least: 1, most: 3},
		{Name: "join", Usage: "join(sep, list)", Doc: "A list's strings with sep between them, put together when printed.", Example: `join(" ", strs(args.argv))`, check: (*scope).fnJoin, least: 2, most: 2, Phase: Both},
		{Name: "format", Usage: "format(spec, value…)", Doc: "Values in a format with %d, %x, %o, %s and widths, put together when printed.", Example: `format("%d.%03d", args.sec, args.ms)`, check: (*scope).fnFormat, least: 1, most: -1, Phase: Both},
		{Name: "startswith", Usage: "startswith(s, prefix)", Doc: "Whether a string begins with a known one.", Example: `startswith(comm, "kworker/")`, check: (*scope).fnStringTest, least: 2, most: 2, Phase: Both},
		{Name: "endswith", Usage: "endswith(s, suffix)", Doc: "Whether a string ends with a known one.", Example: `endswith(str(args.filename), ".so")`, check: (*scope).fnStringTest, least: 2, most: 2, Phase: Both},
		{Name: "strcontains", Usage: "strcontains(s, part)", Doc: "Whether a string contains a known one.", Example: `strcontains(comm, "java")`, check: (*scope).fnStringTest, least: 2, most: 2, Phase: Both},
		{Name: "contains", Usage: "contains(list, x)", Doc: "Whether a known list has x among its elements.", Example: `contains(["cat", "dd"], comm)`, check: (*scope).fnContains, least: 2, most: 2, Phase: Both},
		{Name: "bitand", Usage: "bitand(a, b)", Doc: "Bits set in both.", Example: "bitand(args.flags, 64) != 0", check: (*scope).fnBits, least: 2, most: 2, Phase: Both},
		{Name: "bitor", Usage: "bitor(a, b)", Doc: "Bits set in either.", Example: "bitor(args.flags, 1)", check: (*scope).fnBits, least: 2, most: 2, Phase: Both},
		{Name: "bitxor", Usage: "bitxor(a, b)", Doc: "Bits set in one of the two.", Example: "bitxor(args.old, args.new)", check: (*scope).fnBits, least: 2, most: 2, Phase: Both},
		{Name: "bitnot", Usage: "bitnot(a)", Doc: "All bits of the number's own width turned round.", Example: "bitand(args.flags, bitnot(3))", check: (*scope).fnBitnot, least: 1, most: 1, Phase: Both},
		{Name: "shl", Usage: "shl(a, n)", Doc: "a shifted left by n bits (n modulo 64).", Example: "shl(1, 12)", check: (*scope).fnBits, least: 2, most: 2, Phase: Both},
		{Name: "shr", Usage: "shr(a, n)", Doc: "a shifted right by n bits (n modulo 64), keeping the sign of signed numbers.", Example: "shr(task.exit_code, 8)", check: (*scope).fnBits, least: 2, most: 2, Phase: Both},
		{Name: "ntohs", Usage: "ntohs(x)", Doc: "A 16-bit number from network to host order.", Example: "ntohs(args.port)", check: (*scope).fnSwap, least: 1, most: 1, Phase: Both},
		{Name: "ntohl", Usage: "ntohl(x)", Doc: "A 32-bit number from network to host order.", Example: "ntohl(args.addr)", check: (*scope).fnSwap, least: 1, most: 1, Phase: Both},
		{Name: "bswap", Usage: "bswap(x)", Doc: "The bytes of a number in reverse order, by its own width.", Example: "bswap(args.magic)", check: (*scope).fnSwap, least: 1, most: 1},
		{Name: "min", Usage: "min(a, b)", Doc: "The smaller of two numbers.", Example: "min(args.count, 4096)", check: (*scope).fnMinMax, least: 2, most: -1, Phase: Both},
		{Name: "max", Usage: "max(a, b)", Doc: "The larger of two numbers.", Example: "max(retval, 0)", check: (*scope).fnMinMax, least: 2, most: -1, Phase: Both},
		{Name: "abs", Usage: "abs(a)", Doc: "The number without its sign.", Example: "abs(retval)", check: (*scope).fnAbs, least: 1, most: 1, Phase: Both},
		{Name: "cast", Usage: `cast("TYPE", x)`, Doc: "x as a C type of the kernel: an integer, an enum, or a pointer to a struct.", Example: `cast("struct inet_sock *", args.sk).inet_sport`, check: (*scope).fnCast, least: 2, most: 2},
		{Name: "deref", Usage: "deref(p)", Doc: "What a pointer points to.", Example: "deref(args.len)", check: (*scope).fnDeref, least: 1, most: 1},
		{Name: "uptr", Usage: "uptr(p)", Doc: "The pointer, into user memory.", Example: "str(uptr(args.name))", check: (*scope).fnSpace, least: 1, most: 1},
		{Name: "kptr", Usage: "kptr(p)", Doc: "The pointer, into kernel memory.", Example: "str(kptr(args.name))", check: (*scope).fnSpace, least: 1, most: 1},
		{Name: "entry", Usage: "entry(x)", Doc: "x as it was when the call was entered.", Example: "entry(str(args.path))", check: (*scope).fnEntry, least: 1, most: 1},
		{Name: "try", Usage: "try(a, b, …)", Doc: "The first argument that type-checks on this kernel and target.", Example: "try(args.filename, args.pathname)", check: (*scope).fnTry, least: 1, most: -1, Phase: Both},
		{Name: "cidr", Usage: `cidr("10.0.0.0/8", x)`, Doc: "Whether an address is in a network.", Example: `cidr("10.0.0.0/8", ip(args.daddr))`, check: (*scope).fnCidr, least: 2, most: 2},
		{Name: "local_ip", Usage: "local_ip(sock)", Doc: "Local address of a struct sock, IPv4 or IPv6.", Example: "local_ip(args.sk)", check: (*scope).fnSockIP, least: 1, most: 1},
		{Name: "remote_ip", Usage: "remote_ip(sock)", Doc: "Remote address of a struct sock, IPv4 or IPv6.", Example: "remote_ip(args.sk)", check: (*scope).fnSockIP, least: 1, most: 1},
		{Name: "local_port", Usage: "local_port(sock)", Doc: "Local port of a struct sock.", Example: "local_port(args.sk)", check: (*scope).fnSockPort, least: 1, most: 1},
		{Name: "remote_port", Usage: "remote_port(sock)", Doc: "Remote port of a struct sock.", Example: "remote_port(args.sk)", check: (*scope).fnSockPort, least: 1, most: 1},
		{Name: "under_cgroup", Usage: `under_cgroup("/path")`, Doc: "Whether the current process is in a control group (v2) or below it.", Example: `under_cgroup("/system.slice")`, check: (*scope).fnUnderCgroup, least: 1, most: 1},
		{Name: "lookup", Usage: "lookup({ 1 = \"NAME\" }, x[, default])", Doc: "x, printed by its name in a table.", Example: `lookup({ 0 = "off", 1 = "on" }, args.state)`, check: (*scope).fnLookup, least: 2, most: 3, Phase: Both},
		{Name: "flags", Usage: "flags(x, { 1 = \"NAME\" })", Doc: "x, printed as the names of its bits.", Example: `flags(args.flags, { 1 = "O_WRONLY", 64 = "O_CREAT" })`, check: (*scope).fnFlags, least: 2, most: 2},
		{Name: "kstack", Usage: "kstack(n)", Doc: "Kernel stack of at most n frames.", Example: "kstack(3)", Later: "stacks", most: 1},
		{Name: "ustack", Usage: "ustack(n)", Doc: "User stack of at most n frames.", Example: "ustack(3)", Later: "stacks", most: 1},
		{Name: "path", Usage: "path(file)", Doc: "Path of a struct path, file or dentry.", Example: "path(task.fs.pwd)", Later: "path()", least: 1, most: 1},
		{Name: "age", Usage: "age(saved.NAME)", Doc: "Time since an entry was saved.", Example: "age(saved.io)", Later: "saved entries (save, update, match)", least: 1, most: 1},
		{Name: "found", Usage: "found(saved.NAME)", Doc: "Whether match found an entry.", Example: "found(saved.io)", Later: "saved entries (save, update, match)", least: 1, most: 1},
		{Name: "distinct", Usage: "distinct(x)", Doc: "Approximate number of different values (aggregate).", Example: "distinct(pid)", Later: "distinct()", least: 1, most: 1, Phase: Aggregate},
	}
	for i := range fns {
		if fns[i].Phase == "" {
			fns[i].Phase = EventTime
		}
	}
	return append(append(fns, unitFunctions()...), aggregateFunctions()...)
}

// unitFunctions are the functions of the printable types, one for each unit.
func unitFunctions() []Function {
	var out []Function
	for _, u := range unit.All() {
		if u.Implicit || u.Table {
			continue
		}
		f := Function{
			Name: u.Name, Usage: u.Name + "(x)", Doc: u.Doc, Example: u.Example, Phase: EventTime,
			check: (*scope).fnUnit, least: 1, most: 1,
		}
		if u.Reads() {
			f.Phase = Both
		}
		if u.Name == "cgroup_path" {
			f.Later = "cgroup_path()"
		}
		out = append(out, f)
	}
	return out
}

// aggregateFunctions exist only as the outermost call of a value.
func aggregateFunctions() []Function {
	doc := func(name, usage, text, example string, least, most int) Function {
		return Function{Name: name, Usage: usage, Doc: text, Example: example, Phase: Aggregate, least: least, most: most}
	}
	return []Function{
		doc("count", "count()", "Number of events.", "calls = count()", 0, 0),
		doc("sum", "sum(x)", "Sum of x.", "bytes = sum(size(retval))", 1, 1),
		doc("avg", "avg(x)", "Mean of x.", "mean = avg(latency)", 1, 1),
		doc("last", "last(x)", "The newest x, a number, an address or true or false.", "pid = last(pid)", 1, 1),
		doc("hist", "hist(x[, bits])", "Histogram in powers of two, each split into 2^bits.", "time = hist(latency)", 1, 2),
		doc("linear", "linear(x, min, max, step)", "Histogram of equal steps from min to max.", `time = linear(latency, 0, "1ms", "100us")`, 4, 4),
	}
}

// eventTable is eventFunctions by name.
func eventTable() map[string]*Function {
	byName := map[string]*Function{}
	for _, f := range eventFunctions() {
		byName[f.Name] = &f
	}
	return byName
}

// Functions lists all functions of the language, by name.
func Functions() []Function {
	byName := map[string]Function{}
	for _, f := range planFunctionDocs() {
		byName[f.Name] = f
	}
	for _, f := range eventFunctions() {
		byName[f.Name] = f
	}
	out := make([]Function, 0, len(byName))
	for _, f := range byName {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b Function) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func functionNames() []string {
	var names []string
	for _, f := range Functions() {
		names = append(names, f.Name)
	}
	return names
}

// call types a function call at event time.
func (s *scope) call(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	if !s.checkCall(e) {
		for _, a := range e.Args {
			s.nameCheck(a)
		}
		return nil
	}
	f := s.c.events[e.Name]
	if f == nil {
		return s.planOnlyCall(e)
	}
	if f.Later != "" {
		s.nameCheck(e)
		s.errLater(e.NameRange, f.Later)
		return nil
	}
	if f.Phase == Aggregate {
		s.nameCheck(e)
		s.errorAt(e.NameRange, "Aggregate function here", "%s is an aggregate function: it stands outermost in values of an aggregate block, as in values = { %s }.", e.Name, f.Example)
		return nil
	}
	if e.ExpandFinal {
		s.errorAt(e.Range(), "Expansion of event values", "… expands only lists that are known before attaching.")
		return nil
	}
	if len(e.Args) < f.least || f.most >= 0 && len(e.Args) > f.most {
		s.nameCheck(e)
		s.errorAt(e.Range(), "Wrong number of arguments", "Write %s.", f.Usage)
		return nil
	}
	x := f.check(s, e)
	if x == nil {
		for _, a := range e.Args {
			s.nameCheck(a) // also of what the first mistake kept from being looked at
		}
	}
	return x
}

// planOnlyCall reports a plan-time function that was given an event value.
func (s *scope) planOnlyCall(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	if !s.nameCheck(e) {
		return nil
	}
	at := e.Range()
	for _, a := range e.Args {
		if !s.isPlan(a) {
			at = a.Range()
			break
		}
	}
	s.errorAt(at, "Function of plan time only", "%s works only on what is known before attaching; this mentions the event.", e.Name)
	return nil
}

// planArg evaluates an argument that must be known before attaching.
func (s *scope) planArg(e hclsyntax.Expression, want cty.Type, what string) (cty.Value, bool) {
	if !s.isPlan(e) {
		if s.nameCheck(e) {
			s.errKnown(e.Range(), what)
		}
		return cty.NilVal, false
	}
	v, ok := s.value(e)
	if !ok {
		return v, false
	}
	v, _ = unmark(v)
	if v.IsNull() || want != cty.DynamicPseudoType && v.Type() != want {
		s.errorAt(e.Range(), "Wrong type", "This must be %s, not %s.", what, known(v))
		return cty.NilVal, false
	}
	return v, true
}

// planInt evaluates an argument that must be a whole number from lo to hi.
func (s *scope) planInt(e hclsyntax.Expression, lo, hi int64, what string) (int64, bool) {
	v, ok := s.planArg(e, cty.Number, what)
	if !ok {
		return 0, false
	}
	f := v.AsBigFloat()
	n, acc := f.Int64()
	if !f.IsInt() || acc != 0 || n < lo || n > hi {
		s.errorAt(e.Range(), "Number out of range", "This must be %s, a whole number from %d to %d.", what, lo, hi)
		return 0, false
	}
	return n, true
}
