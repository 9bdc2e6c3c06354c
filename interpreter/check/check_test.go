package check_test

import (
	"os"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"tracer/spec/spectest"
)

func TestWrongSpecsAreReportedOnTheGuiltyLine(t *testing.T) {
	f := machine(t)
	n := spectest.Run(t, os.DirFS("testdata"), "*.hcl", func(name string, src []byte) hcl.Diagnostics {
		_, diags := planOf(f, name, src)
		for _, d := range diags {
			if d.Subject == nil {
				t.Errorf("%s: %s: no subject", d.Summary, d.Detail)
			}
		}
		return diags
	})
	if n < 80 {
		t.Errorf("the corpus has %d chunks, want at least 80", n)
	}
}

func TestHostileTypesArePlannedOrRefused(t *testing.T) {
	m := hostile(t)
	for _, x := range []string{
		"args.p", "args.p.self.next.self.next", "args.p.empties", "args.p.empties[3]", "args.p.all[2147483647].next", "args.p.all[1].all[1].next", "args.p.text", "args.p.text[5]", "args.p.none", "args.p.none[9]",
		"args.p.far", "args.p.bit", "args.p.int3", "args.p.int3[1]", "args.p.odd", "args.p.fn", "args.p.float", "args.s", "args[2]", "args.a[3]", "deref(args.a)", "args.p[9223372036854775807]", "args.p[-5]", "args.p.nope", "retval", "local_ip(args.p)",
		"args.p.text == \"x\"", "str(args.p.text)", "buf(args.p.text, 4096)", "args.p.all[args.p.far].next", "cast(\"struct self *\", args.p.odd).odd", "sizeof(\"struct self\") + 1", "has_member(\"struct self\", \"self.self.self.nope\")",
	} {
		t.Run(x, func(t *testing.T) {
			for _, body := range []string{" capture {\n x = " + x + "\n}\n", " where = " + x + " == 1\n", " aggregate \"t\" {\n by = { x = " + x + " }\n values = { n = sum(" + x + ") }\n}\n"} {
				p, diags := planOf(m, "hostile.hcl", []byte("probe \"kretprobe\" \"x\" {\n target = \"odd\"\n"+body+"}\n"))
				if diags.HasErrors() {
					continue
				}
				for _, v := range p.Probes[0].Variants {
					for _, c := range v.Columns {
						if size := c.Expr.Type.Size; size < 0 || size > 4096 || c.Expr.Off < 0 {
							t.Errorf("column of %d bytes at %d", size, c.Expr.Off)
						}
					}
				}
			}
		})
	}
}
