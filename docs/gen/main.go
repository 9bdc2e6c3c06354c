// Command gen writes docs/reference.md: the tables of probe types, blocks,
// attributes, names, functions, aggregates, printable types and commands, from
// the declarations that the checker, the compiler and the command line read. Run by `go generate
// ./docs/gen`.
package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"tracer/internal/cli"
	"tracer/interpreter/check"
	"tracer/interpreter/unit"
	"tracer/spec"
	"tracer/templates"
)

//go:generate go run . ../reference.md

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gen FILE")
		os.Exit(2)
	}
	if err := os.WriteFile(os.Args[1], reference(), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// page collects Markdown.
type page struct{ bytes.Buffer }

func reference() []byte {
	p := &page{}
	p.line("# Reference\n")
	p.line("Written by `go generate ./docs/gen` from the declarations in the code; do not edit.")
	p.line("What the words mean is explained in [language.md](language.md).\n")
	schema := spec.NewSchema()
	p.probeTypes(schema)
	p.mechanisms()
	p.line("## Blocks and attributes\n")
	for _, b := range schema.Blocks {
		p.block(b, "")
	}
	p.builtins()
	p.functions()
	p.units()
	p.line("")
	p.commands(cli.CommandLine())
	return p.Bytes()
}

func (p *page) line(format string, args ...any) {
	if len(args) == 0 {
		p.WriteString(format + "\n")
		return
	}
	fmt.Fprintf(p, format+"\n", args...)
}

// row writes one row of a table; bars in cells are escaped.
func (p *page) row(cells ...string) {
	for _, c := range cells {
		p.WriteString("| " + strings.ReplaceAll(strings.ReplaceAll(c, "|", `\|`), "\n", " ") + " ")
	}
	p.WriteString("|\n")
}

func (p *page) header(cells ...string) {
	p.row(cells...)
	p.WriteString(strings.Repeat("|---", len(cells)) + "|\n")
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

func (p *page) probeTypes(schema *spec.Schema) {
	have := templates.All()
	p.line("## Probe types\n")
	p.header("type", "what it is", "target", "values it offers", "types from")
	for _, t := range schema.ProbeTypes {
		doc := t.Doc
		if have[t.Name] == nil {
			doc += " *(not in this version yet)*"
		}
		p.row(code(t.Name), doc, t.Target, t.Values, t.Types)
	}
	p.line("")
}

func (p *page) mechanisms() {
	p.line("## Mechanisms\n")
	p.line("How each type is attached, best first; `tracer plan` says which was taken and why,")
	p.line("and `tracer apply -mechanism=NAME` forces one.\n")
	p.header("type", "mechanism", "asks the kernel for", "taken because")
	have := templates.All()
	for _, st := range spec.NewSchema().ProbeTypes {
		t := have[st.Name]
		if t == nil {
			continue
		}
		for _, m := range t.Mechanisms {
			p.row(code(t.Name), m.Name, code(string(m.Feature)), m.Reason)
		}
	}
	p.line("")
}

func (p *page) block(b *spec.BlockSchema, indent string) {
	name := b.Name
	for _, l := range b.Labels {
		name += ` "` + strings.ToUpper(l.Name) + `"`
	}
	p.line("### %s\n", code(strings.TrimSpace(indent+" "+name)))
	p.line("%s\n", b.Doc)
	if len(b.Attributes) > 0 {
		p.header("attribute", "type", "known", "default", "meaning")
		for _, a := range b.Attributes {
			doc := a.Doc
			if a.Required {
				doc += " Required."
			}
			if a.Example != "" {
				doc += " Example: " + code(a.Example) + "."
			}
			p.row(code(a.Name), a.Type, string(a.Phase), code(a.Default), doc)
		}
		p.line("")
	}
	if b.Name == "module" {
		return
	}
	for _, inner := range b.Blocks {
		p.block(inner, strings.TrimSpace(indent+" "+b.Name))
	}
}

func (p *page) builtins() {
	p.line("## Names at event time\n")
	p.header("name", "what it is")
	for _, b := range check.Builtins() {
		p.row(code(b.Name), b.Doc)
	}
	p.line("")
}

func (p *page) functions() {
	p.line("## Functions\n")
	p.header("function", "when", "what it gives", "example")
	for _, f := range check.Functions() {
		doc := f.Doc
		if f.Later != "" {
			doc += " *(not in this version yet)*"
		}
		p.row(code(f.Usage), string(f.Phase), doc, code(f.Example))
	}
	p.line("")
}

func (p *page) units() {
	p.line("## Types that know how to print themselves\n")
	p.header("type", "what it prints", "takes", "literals")
	for _, u := range unit.All() {
		name := u.Name
		if u.Implicit {
			name += " (implicit)"
		}
		p.row(code(name), u.Doc, u.Takes, u.Literal)
	}
}
