package check

import (
	"errors"
	"net/netip"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"tracer/interpreter/facts"
	"tracer/interpreter/tree"
	"tracer/interpreter/types"
	"tracer/interpreter/unit"
)

func (s *scope) fnCidr(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	v, ok := s.planArg(e.Args[0], cty.String, `a network such as "10.0.0.0/8"`)
	x := s.expr(e.Args[1])
	if !ok || x == nil {
		return nil
	}
	network, err := netip.ParsePrefix(v.AsString())
	if err != nil {
		s.errorAt(e.Args[0].Range(), "No network", `%q is no network: write one such as "10.0.0.0/8" or "fe80::/10".`, v.AsString())
		return nil
	}
	if x.Nullable {
		s.errNullable(x)
		return nil
	}
	x = s.inMemory(x, unit.ByName("ip"))
	if !unit.ByName("ip").Accepts(x.Type) {
		s.errWant(x, "an address", "Write cidr(\"10.0.0.0/8\", ip(…)).")
		return nil
	}
	if x.Type.IsNumber() {
		return s.cidr4(x, network, e)
	}
	out := tree.New(tree.InNet, types.TBool, e.Range(), x)
	addr := network.Masked().Addr()
	bits := network.Bits()
	if addr.Is4() && x.Type.Size == 16 {
		bits += 96
	}
	if addr.Is6() && x.Type.Size == 4 {
		return s.noNetwork(e)
	}
	raw := addr.As16()
	out.Str = string(raw[16-x.Type.Size:])
	out.Int = uint64(bits)
	return out
}

// cidr4 tests a __be32: its network bits, in host order.
func (s *scope) cidr4(x *tree.Expr, network netip.Prefix, e *hclsyntax.FunctionCallExpr) *tree.Expr {
	if !network.Addr().Is4() {
		return s.noNetwork(e)
	}
	raw := network.Masked().Addr().As4()
	want := uint64(raw[0])<<24 | uint64(raw[1])<<16 | uint64(raw[2])<<8 | uint64(raw[3])
	mask := uint64(0xffffffff) << (32 - network.Bits()) & 0xffffffff
	t := x.Type
	t.Unit, t.BigEndian = "", true
	raw4 := *x
	raw4.Type = t
	host := hostOrder(&raw4)
	masked := tree.New(tree.BitAnd, types.U64, e.Range(), host, constInt(int64(mask), types.U64, e.Range()))
	return tree.New(tree.Eq, types.TBool, e.Range(), masked, constInt(int64(want), types.U64, e.Range()))
}

func (s *scope) noNetwork(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	s.warnAt(e.Range(), "Comparison always false", "An IPv4 address is in no IPv6 network.")
	return constBool(false, e.Range())
}

func (s *scope) fnUnderCgroup(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	v, ok := s.planArg(e.Args[0], cty.String, `a path such as "/system.slice"`)
	if !ok {
		return nil
	}
	path := v.AsString()
	if path == "/" || path == "" {
		return constBool(true, e.Range())
	}
	if s.c.lacks(facts.AncestorCgroup) {
		s.errorAt(e.Range(), "Not possible on this kernel", "under_cgroup cannot be asked here: %v.", s.c.in.Facts.Feature(facts.AncestorCgroup))
		return nil
	}
	id, level, err := s.c.in.Facts.Cgroup(path)
	switch {
	case errors.Is(err, facts.ErrUnknown): // of another machine: the path need not exist here
		s.warnAt(e.Args[0].Range(), "Control group not checked", "Whether there is a control group %q is not known here.", path)
	case err != nil:
		s.errorAt(e.Args[0].Range(), "Unknown control group", "There is no control group %q: %v.", path, err)
		return nil
	}
	x := s.builtin("ancestor_cgroup", types.U64, e.Range())
	x.Int = uint64(level)
	return tree.New(tree.Eq, types.TBool, e.Range(), x, constInt(int64(id), types.U64, e.Range()))
}

var sockAddresses = map[string][2]string{
	"local_ip": {"skc_rcv_saddr", "skc_v6_rcv_saddr"}, "remote_ip": {"skc_daddr", "skc_v6_daddr"},
}

// sock takes an argument that is a struct sock, or a pointer to one.
func (s *scope) sock(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	x := s.pointer(e.Args[0], e.Name)
	if x == nil || s.noBTF(e.Range(), e.Name) {
		return nil
	}
	if x.Type.Elem != nil && s.complete(*x.Type.Elem).String() == "struct sock" {
		return s.member(x, "__sk_common", e.Range())
	}
	c := s.c.kernelType("struct sock")
	if c == nil {
		s.errorAt(e.Range(), "No struct sock", "This kernel's BTF has no struct sock.")
		return nil
	}
	elem := types.FromBTF(c, types.Kernel)
	p := tree.New(tree.Conv, types.Type{Kind: types.Pointer, Size: 8, Elem: &elem}, x.Range, x)
	return s.member(p, "__sk_common", e.Range())
}

// afInet6 is AF_INET6 (include/linux/socket.h).
const afInet6 = 10

func (s *scope) fnSockIP(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	common := s.sock(e)
	if common == nil {
		return nil
	}
	names := sockAddresses[e.Name]
	family := s.member(common, "skc_family", e.Range())
	v4 := s.member(common, names[0], e.Range())
	if family == nil || v4 == nil {
		return nil
	}
	t := types.Type{Kind: types.Bytes, Size: 16, Fixed: true, Unit: "ip"}
	mapped := tree.New(tree.V4Mapped, t, e.Range(), v4)
	holder := s.complete(common.Type)
	m, ok := types.FindMember(holder.C, names[1], holder.Space)
	if !ok { // a kernel without IPv6
		return mapped
	}
	m.Type = types.Type{Kind: types.Bytes, Size: 16, Fixed: true, Space: m.Type.Space}
	v6 := s.place(common, m, e.Range())
	v6.Type.Unit = "ip"
	is6 := tree.New(tree.Eq, types.TBool, e.Range(), family, constInt(afInet6, types.S64, e.Range()))
	return tree.New(tree.Cond, t, e.Range(), is6, v6, mapped)
}

func (s *scope) fnSockPort(e *hclsyntax.FunctionCallExpr) *tree.Expr {
	common := s.sock(e)
	if common == nil {
		return nil
	}
	name := map[string]string{"local_port": "skc_num", "remote_port": "skc_dport"}[e.Name]
	x := s.member(common, name, e.Range())
	if x == nil {
		return nil
	}
	x = hostOrder(x)
	out := *x
	out.Type.Name = ""
	return &out
}
