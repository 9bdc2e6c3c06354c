package check

import (
	"fmt"
	"strings"

	"github.com/cilium/ebpf/btf"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// Sizes of what str, buf and strs read, in bytes and strings.
const (
	defaultStr  = 128
	maxStr      = 4096
	defaultStrs = 16
	maxStrs     = 64
)

// pointer takes an argument that must be an address to read from.
func (s *scope) pointer(e hclsyntax.Expression, what string) *tree.Expr {
	x := s.expr(e)
	if x == nil {
		return nil
	}
	switch {
	case x.Nullable:
		s.errNullable(x)
		return nil
	case x.Type.Kind == types.Pointer:
		return x
	case x.Type.Untyped, x.Type.Kind == types.Int && x.Type.Size == 8 && !x.Type.BigEndian:
		// An address in an integer: in the probe's own address space.
		t := types.AnyPtr
		t.Space = untrusted(s.typ.Space)
		p := *x
		p.Type = t
		if x.Op != tree.Const {
			return tree.New(tree.Conv, t, x.Range, x)
		}
		return &p
	case x.Type.Kind == types.Struct, inMemory(x) && (x.Type.Kind == types.Array || what == "buf"):
		return addressOf(x)
	case x.Type.Kind == types.String:
		s.errorAt(s.at(x), "String already", "This is a string already: %s is for pointers.", what)
		return nil
	}
	s.errWant(x, "a pointer", "")
	return nil
}

// inMemory says that x lies in memory at an address of its own.
func inMemory(x *tree.Expr) bool {
	k := x.Type.Kind
	return x.Op == tree.Member && (k == types.Struct || k == types.Array || k == types.String || k == types.Bytes)
}

func (s *scope) fnStr(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	limit := int64(defaultStr)
	ok := true
	if len(e.Args) > 1 {
		limit, ok = s.planInt(e.Args[1], 1, maxStr, "the largest number of bytes")
	}
	p := s.expr(e.Args[0])
	if p == nil || !ok {
		return nil
	}
	if p.Type.Kind == types.String {
		return s.limitString(p, int(limit), len(e.Args) > 1)
	}
	if p = s.pointer(e.Args[0], "str"); p == nil {
		return nil
	}
	if !characters(p.Type.Elem) {
		s.errorAt(s.at(p), "No pointer to characters", "This is %s, and str reads characters. If that is meant, write str(cast(\"char *\", …)).", article(p.Type))
		return nil
	}
	if t := p.Type.Elem; t != nil && t.Kind == types.Array && t.Len > 0 {
		limit = min(limit, int64(t.Len))
	}
	return tree.New(tree.Str, types.Str(int(limit)), e.Range(), p)
}

// characters says that memory of type t can be read as a string: void, char,
// u8, and arrays of them.
func characters(t *types.Type) bool {
	switch {
	case t == nil || t.Kind == types.String:
		return true
	case t.Kind == types.Invalid:
		return t.Name == "" // void
	case t.Kind == types.Array:
		return t.Elem != nil && t.Elem.Kind == types.Int && t.Elem.Size == 1
	}
	return t.Kind == types.Int && t.Size == 1
}

// limitString is str() of what is a string already (a dynamic field, a char
// array): the same string, or at most limit bytes of it.
func (s *scope) limitString(x *tree.Expr, limit int, given bool) *tree.Expr {
	if x.Op != tree.Arg && x.Op != tree.Entry || x.Type.Fixed || !given {
		return x
	}
	out := *x
	out.Type.Size = limit
	return &out
}

// readUpTo is a string or bytes, read as one of at most limit bytes. Where two
// meet in one value, both are read as far as the longer one may go: one that is
// cut is then known by its length.
func readUpTo(e *tree.Expr, limit int) *tree.Expr {
	out := *e
	switch e.Op {
	case tree.Str, tree.Buf:
	case tree.Arg:
		if e.Type.Fixed {
			return e
		}
	case tree.Entry:
		out.Args = []*tree.Expr{readUpTo(e.Args[0], limit)}
		out.Type = out.Args[0].Type
		return &out
	case tree.Cond:
		out.Args = []*tree.Expr{e.Args[0], readUpTo(e.Args[1], limit), readUpTo(e.Args[2], limit)}
	default:
		return e
	}
	out.Type.Size, out.Type.Fixed = limit, false
	return &out
}

// varying says that readUpTo gives e any length: bytes that are not read with a
// length of their own, such as addresses, have just one.
func varying(e *tree.Expr) bool {
	switch e.Op {
	case tree.Buf:
		return true
	case tree.Arg:
		return !e.Type.Fixed
	case tree.Entry:
		return varying(e.Args[0])
	case tree.Cond:
		return varying(e.Args[1]) && varying(e.Args[2])
	}
	return e.Type.Kind == types.Null
}

func (s *scope) fnBuf(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	limit := int64(defaultStr)
	ok := true
	if len(e.Args) > 2 {
		limit, ok = s.planInt(e.Args[2], 1, maxStr, "the largest number of bytes")
	}
	p := s.pointer(e.Args[0], "buf")
	n := s.number(s.expr(e.Args[1]), "a number of bytes")
	if p == nil || n == nil || !ok {
		return nil
	}
	t := types.Buf(int(limit))
	if n.Op == tree.Const {
		if int64(n.Int) < 1 || int64(n.Int) > maxStr {
			s.errorAt(s.at(n), "Number out of range", "buf reads 1 to %d bytes.", maxStr)
			return nil
		}
		if len(e.Args) < 3 || int64(n.Int) <= limit {
			t.Size, t.Fixed = int(n.Int), true
		}
	}
	return tree.New(tree.Buf, t, e.Range(), p, n)
}

func (s *scope) fnStrs(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	count, limit := int64(defaultStrs), int64(defaultStr)
	ok, ok2 := true, true
	if len(e.Args) > 1 {
		count, ok = s.planInt(e.Args[1], 1, maxStrs, "the largest number of strings")
	}
	if len(e.Args) > 2 {
		limit, ok2 = s.planInt(e.Args[2], 1, maxStr, "the largest number of bytes of a string")
	}
	p := s.pointer(e.Args[0], "strs")
	if p == nil || !ok || !ok2 {
		return nil
	}
	if count*(limit+2) > 16<<10 {
		s.errorAt(e.Range(), "List too large", "%d strings of %d bytes are more than the 16 KiB one value can have.", count, limit)
		return nil
	}
	elem := types.Str(int(limit))
	t := types.Type{Kind: types.List, Elem: &elem, Size: int(count * (limit + 2)), Len: int(count)}
	out := tree.New(tree.Strs, t, e.Range(), p)
	out.Int = uint64(count)
	return out
}

// resolveC finds named C types for cast and signature.
func (s *scope) resolveC(name string) btf.Type { return s.c.kernelType(name) }

func (s *scope) fnCast(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	name, ok := s.planArg(e.Args[0], cty.String, `a C type in quotes, such as "struct sock *"`)
	x := s.expr(e.Args[1])
	if !ok || x == nil {
		return nil
	}
	space := untrusted(s.typ.Space)
	if x.Type.Kind == types.Pointer {
		space = untrusted(x.Type.Space)
	}
	t, err := types.ParseCType(name.AsString(), space, s.resolveC)
	if err != nil || unknownPointee(t) {
		s.errNoType(e.Args[0].Range(), name.AsString(), err)
		return nil
	}
	switch {
	case x.Nullable:
		s.errNullable(x)
		return nil
	case inMemory(x) && t.Kind == types.Pointer:
		x = addressOf(x)
	case !x.Type.IsScalar():
		s.errWant(x, "a number or pointer", "")
		return nil
	case !t.IsScalar():
		s.errCastTo(e.Args[0].Range(), strings.TrimSpace(name.AsString()))
		return nil
	}
	return tree.New(tree.Conv, t, e.Range(), hostUnless(x, t))
}

// unknownPointee says that t points, through any number of pointers, to a type
// that only has a name.
func unknownPointee(t types.Type) bool {
	for t.Kind == types.Pointer && t.Elem != nil {
		t = *t.Elem
	}
	return t.Kind == types.Invalid && t.Name != ""
}

// errNoType reports a C type that does not exist, or cannot be looked up.
func (s *scope) errNoType(rng hcl.Range, name string, err error) {
	bare := strings.TrimRight(name, " *")
	if strings.Contains(bare, " ") && s.noBTF(rng, bare) {
		return
	}
	detail := fmt.Sprintf("This kernel's BTF has no type %q.", bare)
	if err != nil {
		detail = strings.ToUpper(err.Error()[:1]) + err.Error()[1:] + "."
	}
	s.errorAt(rng, "Unknown C type", "%s%s", detail, s.near(bare, s.c.typeNames(bare)))
}

// typeNames are the names of the kernel's types of the kind that name's first
// word says.
func (c *checker) typeNames(name string) []string {
	bs, err := c.in.Facts.BTF()
	if err != nil {
		return nil
	}
	kind, _, found := strings.Cut(name, " ")
	if !found {
		kind = ""
	}
	var out []string
	for t, err := range bs.All() {
		if err != nil {
			return out
		}
		switch t := t.(type) {
		case *btf.Struct:
			if kind == "struct" {
				out = append(out, "struct "+t.Name)
			}
		case *btf.Union:
			if kind == "union" {
				out = append(out, "union "+t.Name)
			}
		case *btf.Enum:
			if kind == "enum" {
				out = append(out, "enum "+t.Name)
			}
		case *btf.Typedef:
			if kind == "" {
				out = append(out, t.Name)
			}
		}
	}
	return out
}

// hostUnless keeps network order where the target type has it too.
func hostUnless(x *tree.Expr, t types.Type) *tree.Expr {
	if t.BigEndian {
		return x
	}
	return hostOrder(x)
}

func (s *scope) fnDeref(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	x := s.expr(e.Args[0])
	if x == nil {
		return nil
	}
	switch {
	case x.Nullable:
		s.errNullable(x)
		return nil
	case x.Type.Kind != types.Pointer:
		s.errWant(x, "a pointer", `Say what it points to: deref(cast("long *", …)).`)
		return nil
	}
	return s.behind(x, 0, e.Range())
}

func (s *scope) fnSpace(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	x := s.pointer(e.Args[0], e.Name)
	if x == nil {
		return nil
	}
	t := x.Type
	t.Space = types.Kernel
	if e.Name == "uptr" {
		t.Space = types.User
	}
	if t.Elem != nil {
		elem := *t.Elem
		elem.Space = t.Space
		t.Elem = &elem
	}
	return tree.New(tree.Conv, t, e.Range(), x)
}

func (s *scope) fnEntry(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	if !s.typ.Returns && !s.typ.MayReturn {
		s.nameCheck(e)
		s.errorAt(e.Range(), "No entry here", "A %s is a moment, not a call, so it has no entry.%s", s.typ.Name, returnTwin(s.typ.Name))
		return nil
	}
	if s.entry {
		s.errorAt(e.Range(), "Entry inside entry", "This is evaluated at the entry already.")
		return nil
	}
	s.entry = true
	x := s.expr(e.Args[0])
	s.entry = false
	if x == nil {
		return nil
	}
	s.usedReturn = true
	switch {
	case x.Op == tree.Const:
		return x
	case x.Nullable:
		s.errNullable(x)
		return nil
	case x.Type.Kind == types.Text:
		return s.entryText(x)
	case x.Type.Kind == types.Struct || x.Type.Kind == types.Array:
		s.errorAt(s.at(x), "Struct or array at entry", "This is %s, which cannot be kept as a whole: take a part of it, as in entry(x.member).", article(x.Type))
		return nil
	}
	return tree.New(tree.Entry, x.Type, e.Range(), x)
}

// entryText keeps the parts of a text at the entry.
func (s *scope) entryText(x *tree.Expr) *tree.Expr {
	out := *x
	out.Parts = make([]tree.Part, len(x.Parts))
	for i, p := range x.Parts {
		if p.Expr != nil && p.Expr.Op != tree.Const {
			p.Expr = tree.New(tree.Entry, p.Expr.Type, p.Expr.Range, p.Expr)
		}
		out.Parts[i] = p
	}
	return &out
}
