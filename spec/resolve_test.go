package spec

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

const variables = `
variable "s" {
  type    = string
  default = "default"
}
variable "n" {
  type    = number
  default = null
}
variable "l" {
  type    = list(string)
  default = []
}
variable "o" {
  type    = object({ a = string, b = optional(number, 5) })
  default = { a = "x" }
}
variable "strict" {
  type     = number
  default  = 3
  nullable = false
}
variable "untyped" {
  default = 1
}
variable "flag" {
  type    = bool
  default = false
}
variable "anything" {
  type    = any
  default = 1
}
`

func flag(name, value string) FlagValue { return FlagValue{Name: name, Value: value} }

func file(name, text string) Source { return Source{Name: name, Bytes: []byte(text)} }

func fileFlag(text string) FlagValue {
	f := file("given.hcl", text)
	return FlagValue{File: &f}
}

func TestLaterSourcesWin(t *testing.T) {
	env := map[string]string{"s": "env"}
	first := file("x/tracer.vars.hcl", `s = "first"`)
	auto := []Source{file("b.auto.vars.hcl", `s = "b"`), file("a.auto.vars.hcl", `s = "a"`), first}
	rows := []struct {
		name string
		in   Inputs
		want string
	}{
		{"default", Inputs{}, "default"},
		{"environment over default", Inputs{Env: env}, "env"},
		{"tracer.vars.hcl over environment", Inputs{Env: env, AutoFiles: []Source{first}}, "first"},
		{"auto files by name", Inputs{Env: env, AutoFiles: auto}, "b"},
		{"flag over files", Inputs{AutoFiles: auto, Flags: []FlagValue{flag("s", "flag")}}, "flag"},
		{"later flag", Inputs{Flags: []FlagValue{flag("s", "1"), flag("s", "2")}}, "2"},
		{"file after flag", Inputs{Flags: []FlagValue{flag("s", "1"), fileFlag(`s = "file"`)}}, "file"},
		{"flag after file", Inputs{Flags: []FlagValue{fileFlag(`s = "file"`), flag("s", "1")}}, "1"},
		{"text as it is", Inputs{Flags: []FlagValue{flag("s", `"${x}" 0x10`)}}, `"${x}" 0x10`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			values, diags := mustParse(t, "a.hcl", variables).Resolve(row.in, nil)
			if len(diags) > 0 {
				t.Fatal(diags)
			}
			if got := values["s"].AsString(); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func TestValuesAreConverted(t *testing.T) {
	rows := []struct {
		name, variable, value string
		want                  cty.Value
	}{
		{"number", "n", "5", cty.NumberIntVal(5)},
		{"number from text", "n", `"5"`, cty.NumberIntVal(5)},
		{"negative", "n", "-1", cty.NumberIntVal(-1)},
		{"null", "n", "null", cty.NullVal(cty.Number)},
		{"list", "l", `["a", "b"]`, cty.ListVal([]cty.Value{cty.StringVal("a"), cty.StringVal("b")})},
		{"empty list", "l", "[]", cty.ListValEmpty(cty.String)},
		{"optional attribute", "o", `{ a = "y" }`, cty.ObjectVal(map[string]cty.Value{"a": cty.StringVal("y"), "b": cty.NumberIntVal(5)})},
		{"null where it is not allowed means the default", "strict", "null", cty.NumberIntVal(3)},
		{"without a type it is text", "untyped", "[1]", cty.StringVal("[1]")},
		{"bool", "flag", "true", cty.True},
		{"any is an expression", "anything", "true", cty.True},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			values, diags := mustParse(t, "a.hcl", variables).Resolve(Inputs{Flags: []FlagValue{flag(row.variable, row.value)}}, nil)
			if len(diags) > 0 {
				t.Fatal(diags)
			}
			if got := values[row.variable]; !got.RawEquals(row.want) {
				t.Errorf("got %#v, want %#v", got, row.want)
			}
			if got := values["o"]; row.variable != "o" && !got.GetAttr("b").RawEquals(cty.NumberIntVal(5)) {
				t.Errorf("the default lacks its optional attribute: %#v", got)
			}
		})
	}
}

func TestWrongValuesPointAtTheirSource(t *testing.T) {
	required := variables + "variable \"r\" {\n  type = number\n  description = \"How many.\"\n}\n"
	rows := []struct {
		name, spec string
		in         Inputs
		file, want string
		severity   hcl.DiagnosticSeverity
	}{
		{"undeclared flag", variables, Inputs{Flags: []FlagValue{flag("strct", "1")}}, "-var strct", `Undeclared variable: .*Did you mean "strict"`, hcl.DiagError},
		{"undeclared in file", variables, Inputs{AutoFiles: []Source{file("x.auto.vars.hcl", "zz = 1")}}, "x.auto.vars.hcl", "Undeclared variable", hcl.DiagWarning},
		{"missing", required, Inputs{}, "a.hcl", "described as: How many. Write -var r=", hcl.DiagError},
		{"wrong type", variables, Inputs{Flags: []FlagValue{flag("n", `"x"`)}}, "-var n", "var.n must be a number", hcl.DiagError},
		{"bare word", variables, Inputs{Flags: []FlagValue{flag("n", "abc")}}, "-var n", "var.n must be a number, and \"abc\" is not", hcl.DiagError},
		{"bare word in list", variables, Inputs{Flags: []FlagValue{flag("l", "[abc]")}}, "-var l", "cannot mention \"abc\"", hcl.DiagError},
		{"hint", variables, Inputs{Flags: []FlagValue{flag("n", "0x10")}}, "-var n", "parseint", hcl.DiagError},
		{"environment", variables, Inputs{Env: map[string]string{"n": "[]"}}, "TRACER_VAR_n", "must be a number", hcl.DiagError},
		{"in a file", variables, Inputs{Flags: []FlagValue{fileFlag("n = []")}}, "given.hcl", "must be a number", hcl.DiagError},
		{"variable in a file", variables, Inputs{Flags: []FlagValue{fileFlag("n = var.x")}}, "given.hcl", "cannot mention \"var\"", hcl.DiagError},
		{"block in a file", variables, Inputs{Flags: []FlagValue{fileFlag("variable \"n\" {}")}}, "given.hcl", "Block among values", hcl.DiagError},
		{"syntax error in a file", variables, Inputs{Flags: []FlagValue{fileFlag("n = (")}}, "given.hcl", "", hcl.DiagError},
		{"part of a value", variables, Inputs{Flags: []FlagValue{flag("o", `{ a = "x", b = "y" }`)}}, "-var o", "at .b: ", hcl.DiagError},
		{"null for a required", "variable \"r\" {\n  nullable = false\n  type = number\n}\n", Inputs{Flags: []FlagValue{flag("r", "null")}}, "-var r", "cannot be null", hcl.DiagError},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			s := mustParse(t, "a.hcl", row.spec)
			_, diags := s.Resolve(row.in, nil)
			if len(diags) != 1 {
				t.Fatalf("want one diagnostic, got %v", diags)
			}
			d := diags[0]
			if d.Subject.Filename != row.file || d.Severity != row.severity {
				t.Errorf("it points at %q with severity %v", d.Subject.Filename, d.Severity)
			}
			if !matches1(row.want, d.Summary+": "+d.Detail) {
				t.Errorf("got %q, want %q", d.Summary+": "+d.Detail, row.want)
			}
			if s.Files[row.file] == nil {
				t.Error("its source is not kept")
			}
		})
	}
}

// matches1 compares with one ".*" as the only special part.
func matches1(pattern, text string) bool {
	for _, part := range strings.Split(pattern, ".*") {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return true
}

func TestUndeclaredEnvironmentIsSilent(t *testing.T) {
	_, diags := mustParse(t, "a.hcl", variables).Resolve(Inputs{Env: map[string]string{"zz": "1"}}, nil)
	if len(diags) > 0 {
		t.Error(diags)
	}
}

func TestValidations(t *testing.T) {
	src := `
variable "min" {
  type    = string
  default = "1ms"
  validation {
    condition     = can(regex("^[0-9]+ms$", var.min)) && var.min != var.other
    error_message = "must be a duration such as ${var.other}"
  }
}
variable "other" {
  default = "10ms"
}
`
	functions := map[string]function.Function{"can": tryfunc.CanFunc, "regex": stdlib.RegexFunc}
	if _, diags := mustParse(t, "a.hcl", src).Resolve(Inputs{}, functions); len(diags) > 0 {
		t.Errorf("the default is refused: %v", diags)
	}
	_, diags := mustParse(t, "a.hcl", src).Resolve(Inputs{Flags: []FlagValue{flag("min", "soon")}}, functions)
	if len(diags) != 1 || diags[0].Subject.Filename != "-var min" || !strings.Contains(diags[0].Detail, "must be a duration such as 10ms. The validation at a.hcl:5,3") {
		t.Errorf("got %v", diags)
	}
	_, diags = mustParse(t, "a.hcl", src).Resolve(Inputs{Flags: []FlagValue{flag("other", "1ms")}}, functions)
	if len(diags) != 1 || diags[0].Subject.Filename != "a.hcl" {
		t.Errorf("a refused default: %v", diags)
	}
}

func TestValidationsDoNotShowSensitiveValues(t *testing.T) {
	src := `
variable "key" {
  type      = string
  sensitive = true
  validation {
    condition     = var.key != "hunter2" && var.key != null
    error_message = "not ${var.key}"
  }
}
`
	_, diags := mustParse(t, "a.hcl", src).Resolve(Inputs{Flags: []FlagValue{flag("key", "hunter2")}}, nil)
	if len(diags) != 1 || strings.Contains(diags[0].Detail, "hunter2") || !strings.Contains(diags[0].Detail, "sensitive") {
		t.Errorf("got %v", diags)
	}
	if _, diags := mustParse(t, "a.hcl", src).Resolve(Inputs{}, nil); len(diags) != 1 {
		t.Errorf("not given: %v", diags)
	}
}

func TestSensitiveValuesAreNotKept(t *testing.T) {
	s := mustParse(t, "a.hcl", "variable \"p\" {\n  type      = number\n  sensitive = true\n}\n")
	_, diags := s.Resolve(Inputs{Flags: []FlagValue{flag("p", "hunter2")}}, nil)
	if len(diags) != 1 || strings.Contains(diags[0].Error(), "hunter2") || strings.Contains(string(s.Files["-var p"].Bytes), "hunter2") {
		t.Errorf("the value is shown: %v", diags)
	}
}

func FuzzVars(f *testing.F) {
	f.Add("s", "text", "n = 1\n")
	f.Add("n", "0x10", "l = [\"a\"]\no = {}\n")
	f.Add("o", "{ a = \"x\", a = 1 }", "s = <<EOT\nx\nEOT\n")
	f.Add("l", "[for x in [1]: x]", "zz = 1\nn = (\n")
	f.Add("strict", "1/0", "anything = { x = [null] }")
	f.Fuzz(func(t *testing.T, name, value, text string) {
		s, _ := Parse([]Source{file("a.hcl", variables)})
		vars := file("x.vars.hcl", text)
		values, diags := s.Resolve(Inputs{Env: map[string]string{name: value}, AutoFiles: []Source{vars}, Flags: []FlagValue{{Name: name, Value: value}, {File: &vars}}}, nil)
		for _, d := range diags {
			if d.Subject == nil {
				t.Fatalf("no place: %v", d)
			}
		}
		for _, v := range s.Variables {
			got, ok := values[v.Name]
			if !ok {
				t.Fatalf("no value for %s", v.Name)
			}
			if got.IsNull() && !v.Nullable {
				t.Fatalf("%s is null", v.Name)
			}
			if errs := got.Type().TestConformance(v.Type); len(errs) > 0 {
				t.Fatalf("%s is %#v: %v", v.Name, got, errs)
			}
		}
	})
}
