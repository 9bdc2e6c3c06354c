package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium/ebpf/btf"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"tracer/interpreter/tree"
	"tracer/interpreter/types"
)

// steps follows member and index steps from a value.
func (s *scope) steps(x *tree.Expr, t hcl.Traversal) *tree.Expr {
	for _, st := range t {
		if x == nil {
			return nil
		}
		if x.Nullable {
			s.errNullable(x)
			return nil
		}
		rng := hcl.RangeBetween(s.at(x), st.SourceRange())
		if n, ok := indexStep(st); ok {
			x = s.element(x, n, rng)
			continue
		}
		name, ok := step(hcl.Traversal{st}, 0)
		if !ok {
			s.errorAt(st.SourceRange(), "Step not understood", "Write .member or [index].")
			return nil
		}
		x = s.memberAt(x, name, rng, st.SourceRange())
	}
	return x
}

func (s *scope) member(x *tree.Expr, name string, rng hcl.Range) *tree.Expr {
	return s.memberAt(x, name, rng, rng)
}

// memberAt is x.name: a pointer is followed, anonymous members are seen
// through.
func (s *scope) memberAt(x *tree.Expr, name string, rng, at hcl.Range) *tree.Expr {
	holder := x.Type
	if holder.Kind == types.Pointer {
		if holder.Elem == nil {
			s.errorAt(at, "Member of void", `This points to nothing known (%s). Say what it is with cast("struct NAME *", …).`, holder.String())
			return nil
		}
		holder = s.complete(*holder.Elem)
		if holder.Kind == types.Pointer {
			s.errorAt(at, "Member of a pointer's pointer", "This is %s: write deref(…).%s.", article(x.Type), name)
			return nil
		}
	}
	if holder.Kind != types.Struct {
		s.errNoMembers(x, holder, name, at)
		return nil
	}
	m, ok := types.FindMember(holder.C, name, pointeeSpace(x.Type))
	if !ok {
		names := types.MemberNames(holder.C)
		near := s.near(name, names)
		if near == "" && len(names) <= 12 {
			near = " It has " + strings.Join(names, ", ") + "."
		}
		s.errorAt(at, "Unknown struct member", "%s has no member %q.%s", holder.String(), name, near)
		return nil
	}
	if m.Type.Kind == types.Invalid {
		s.errUnreadable(at, holder, name, m.Type)
		return nil
	}
	return s.place(x, m, rng)
}

func (s *scope) errUnreadable(at hcl.Range, holder types.Type, name string, t types.Type) {
	what := t.Name
	if what == "" {
		what = "of an unknown type"
	}
	s.errorAt(at, "Member cannot be read", "The member %s of %s is %s, which is no value.", name, holder.String(), what)
}

func (s *scope) errNoMembers(x *tree.Expr, holder types.Type, name string, at hcl.Range) {
	if holder.Kind == types.Invalid && holder.Name != "" {
		s.errNotDescribed(x, holder, at)
		return
	}
	s.errorAt(at, "Member of a plain value", "This is %s, which has no member %q.", article(x.Type), name)
}

func (s *scope) errNotDescribed(x *tree.Expr, holder types.Type, at hcl.Range) {
	switch {
	case holder.Kind == types.Invalid && holder.Name == "function":
		s.errorAt(at, "Pointer to a function", "This points to a function: its address can be shown with ksym(…) or usym(…), and has no members.")
	case holder.Kind == types.Invalid && holder.Name != "" && s.noBTF(at, holder.Name):
	case holder.Name != "":
		s.errorAt(at, "Type not described", "This kernel's BTF does not describe %s, so what is in it is not known.", holder.Name)
	default:
		s.errorAt(at, "Type not described", "What this points to (%s) is not known. Say what it is with cast(\"TYPE *\", …).", x.Type.String())
	}
}

func (s *scope) errNoElements(x *tree.Expr, rng hcl.Range) {
	s.errorAt(rng, "Index of a plain value", "This is %s, which has no elements.", article(x.Type))
}

// complete fills in a type of which only the C name is known (a pointer of a
// tracepoint's format), from BTF.
func (s *scope) complete(t types.Type) types.Type {
	if t.Kind != types.Invalid || t.Name == "" {
		return t
	}
	if c := s.c.kernelType(t.Name); c != nil {
		full := types.FromBTF(c, t.Space)
		if full.Kind != types.Invalid {
			return full
		}
	}
	return t
}

// pointeeSpace is the space of what x points to or is in.
func pointeeSpace(t types.Type) types.Space {
	if t.Kind == types.Pointer && t.Space == types.Trusted && t.Elem != nil && t.Elem.Space != types.Trusted {
		return types.Kernel
	}
	return t.Space
}

// place is the member m of x: nested structs in memory only add offsets.
func (s *scope) place(x *tree.Expr, m types.Member, rng hcl.Range) *tree.Expr {
	base, off, union := x, 0, m.Union
	if x.Op == tree.Member && x.Type.Kind != types.Pointer {
		base, off, union = x.Args[0], x.Off, union || x.Union
	}
	out := tree.New(tree.Member, bounded(m.Type), rng, base)
	out.Off, out.Union = off+m.Off, union
	if m.BitSize != 0 {
		out.Bits = &tree.Bits{Shift: m.BitShift, Size: m.BitSize}
	}
	return out
}

// maxOffset bounds how far from an address a spec can look, in bytes.
const maxOffset = 1 << 28

// element is x[n] for a known n: of an array, or of memory behind a pointer.
func (s *scope) element(x *tree.Expr, n int64, rng hcl.Range) *tree.Expr {
	if x.Type.Kind == types.Pointer {
		return s.behind(x, n, rng)
	}
	elem, length, ok := elementOf(x)
	if !ok {
		s.errNoElements(x, rng)
		return nil
	}
	size := elemSize(elem)
	switch {
	case size == 0:
		s.errorAt(rng, "Index of unknown type", "The size of %s is not known.", elem.String())
		return nil
	case n < 0 || n >= int64(length) && length > 0 || n > maxOffset/int64(size):
		s.errorAt(rng, "Index out of range", "The array has %s.", counted(length, "element"))
		return nil
	}
	if x.Op == tree.Arg || x.Op == tree.Entry {
		return s.argElement(x, elem, n, rng)
	}
	// The verifier of 6.1 does not find members of an array's elements behind a
	// typedef.
	hidden := elem.Kind == types.Struct && !strings.HasPrefix(elem.Name, "struct ") && !strings.HasPrefix(elem.Name, "union ")
	return s.place(x, types.Member{Type: elem, Off: int(n) * size, Union: hidden}, rng)
}

// elementOf is the type and number of the elements of an array, or of a string
// that C declares as an array of characters.
func elementOf(x *tree.Expr) (elem types.Type, length int, ok bool) {
	t := x.Type
	switch {
	case t.Kind == types.Array && t.Elem != nil:
		return *t.Elem, t.Len, true
	case t.Kind == types.String && t.Fixed && t.Elem != nil && (x.Op == tree.Member || x.Op == tree.Arg || x.Op == tree.Entry):
		return *t.Elem, t.Size, true
	}
	return types.Type{}, 0, false
}

func elemSize(t types.Type) int {
	if t.Kind == types.Pointer {
		return 8
	}
	return t.Size
}

// argElement is an element of an array that lies in the probe's context: an
// argument of its own.
func (s *scope) argElement(x *tree.Expr, elem types.Type, n int64, rng hcl.Range) *tree.Expr {
	if x.Op == tree.Entry && x.Args[0].Op != tree.Arg {
		s.errNoElements(x, rng)
		return nil
	}
	arg := x
	if x.Op == tree.Entry {
		arg = x.Args[0]
	}
	whole := s.layout.Args[arg.Int]
	name := fmt.Sprintf("%s[%d]", whole.Name, n)
	at := -1
	for i := range s.layout.Args {
		if s.layout.Args[i].Name == name {
			at = i
		}
	}
	if at < 0 {
		part := tree.ArgLoc{Name: name, Type: elem, Loc: whole.Loc, Doc: elem.String() + " " + name}
		part.Loc.Off += int(n) * elemSize(elem)
		part.Loc.Size = elemSize(elem)
		at = len(s.layout.Args)
		s.layout.Args = append(s.layout.Args, part)
	}
	out := tree.New(tree.Arg, s.layout.Args[at].Type, rng)
	out.Int = uint64(at)
	if x.Op == tree.Entry {
		out = tree.New(tree.Entry, out.Type, rng, out)
	}
	return out
}

// behind is p[n]: the n-th element of what p points to.
func (s *scope) behind(p *tree.Expr, n int64, rng hcl.Range) *tree.Expr {
	if p.Type.Elem == nil {
		s.errorAt(rng, "Memory behind void", `This points to nothing known (%s). Say what it is with cast("TYPE *", …).`, p.Type.String())
		return nil
	}
	elem := s.complete(*p.Type.Elem)
	size := int64(elemSize(elem))
	switch {
	case elem.Kind == types.Invalid || size == 0:
		s.errNotDescribed(p, elem, rng)
		return nil
	case n > maxOffset/size || n < -maxOffset/size:
		s.errorAt(rng, "Index out of range", "This is more than 256 MiB away from the pointer.")
		return nil
	}
	if elem.Kind != types.Pointer {
		elem.Space = pointeeSpace(p.Type)
	} else if elem.Space == types.Kernel {
		elem.Space = p.Type.Space
	}
	out := tree.New(tree.Member, bounded(elem), rng, p)
	out.Off = int(n * size)
	return out
}

// bounded is a type that fits a value: of a longer array of characters only the
// first bytes are read.
func bounded(t types.Type) types.Type {
	if (t.Kind == types.String || t.Kind == types.Bytes) && t.Size > maxStr {
		t.Size, t.Fixed = maxStr, false
	}
	return t
}

// planNamed are the names whose members can be chosen by an index that is known
// before attaching: args[var.n].
var planNamed = map[string]bool{"args": true, "capture": true}

// index types a[i] where i is not a constant of the syntax.
func (s *scope) index(e *hclsyntax.IndexExpr) *tree.Expr {
	if t, ok := unwrap(e.Collection).(*hclsyntax.ScopeTraversalExpr); ok && len(t.Traversal) == 1 && planNamed[t.Traversal.RootName()] && s.isPlan(e.Key) {
		v, ok := s.value(e.Key)
		if !ok {
			return nil
		}
		v, _ = unmark(v)
		whole := append(slices.Clone(t.Traversal), hcl.TraverseIndex{Key: v, SrcRange: e.Key.Range()})
		return s.traversal(&hclsyntax.ScopeTraversalExpr{Traversal: whole, SrcRange: e.Range()})
	}
	if s.isPlan(e.Collection) {
		s.nameCheck(e)
		s.errorAt(e.Range(), "Index by an event value", "A list or map known before attaching cannot be indexed by a value of the event. Use lookup({ … }, x) to give numbers names.")
		return nil
	}
	x := s.expr(e.Collection)
	if x == nil {
		s.nameCheck(e.Key)
		return nil
	}
	if s.isPlan(e.Key) {
		return s.indexByPlan(x, e)
	}
	i := s.number(s.expr(e.Key), "an index (a number)")
	if i == nil {
		return nil
	}
	if x.Nullable {
		s.errNullable(x)
		return nil
	}
	t := x.Type
	elem, _, isArray := elementOf(x)
	switch {
	case t.Kind == types.Pointer && t.Elem != nil:
		elem = s.complete(*t.Elem)
	case !isArray:
		s.errNoElements(x, e.Range())
		return nil
	case x.Op != tree.Member:
		s.errorAt(e.Range(), "Index not possible", "An array in the event's record can only be indexed by a constant.")
		return nil
	}
	size := elemSize(elem)
	if size == 0 {
		s.errNotDescribed(x, elem, e.Range())
		return nil
	}
	space := untrusted(t.Space)
	addr := tree.New(tree.PtrAdd, types.Type{Kind: types.Pointer, Size: 8, Space: space, Elem: &elem}, e.Range(), addressOf(x), i)
	addr.Int = uint64(size)
	out := tree.New(tree.Member, bounded(elem), e.Range(), addr)
	if elem.Kind != types.Pointer || elem.Space != types.User {
		out.Type.Space = space
	}
	return out
}

func (s *scope) indexByPlan(x *tree.Expr, e *hclsyntax.IndexExpr) *tree.Expr {
	v, ok := s.value(e.Key)
	if !ok {
		return nil
	}
	v, _ = unmark(v)
	return s.steps(x, hcl.Traversal{hcl.TraverseIndex{Key: v, SrcRange: e.Key.Range()}})
}

func untrusted(sp types.Space) types.Space {
	if sp == types.Trusted {
		return types.Kernel
	}
	return sp
}

// addressOf is the address of something in memory: a pointer's value, or where
// a struct or array lies.
func addressOf(x *tree.Expr) *tree.Expr {
	if x.Type.Kind == types.Pointer {
		return x
	}
	t := x.Type
	out := *x
	out.Type = types.Type{Kind: types.Pointer, Size: 8, Space: t.Space, Elem: &t}
	// A Member whose type is a pointer would be loaded; PtrAdd with nothing
	// added keeps it an address.
	if x.Op == tree.Member {
		p := tree.New(tree.PtrAdd, out.Type, x.Range, x.Args[0], constInt(int64(x.Off), types.S64, x.Range))
		p.Int = 1
		return p
	}
	return &out
}

// enumerators resolves an enum of which only the name is known.
func (s *scope) withEnumerators(t types.Type) types.Type {
	if t.Kind != types.Enum || t.C != nil {
		return t
	}
	if c, ok := s.c.kernelType(t.Name).(*btf.Enum); ok {
		t.C = c
	}
	return t
}
