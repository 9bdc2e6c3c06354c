package types

import (
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"
)

func TestCTypesAreReadAsCDeclaresThem(t *testing.T) {
	sock := &btf.Struct{Name: "sock", Size: 16}
	resolve := func(name string) btf.Type {
		if name == "struct sock" {
			return sock
		}
		return nil
	}
	rows := []struct {
		text, want string
		kind       Kind
		size       int
		signed     bool
	}{
		{"int", "int", Int, 4, true},
		{"unsigned", "unsigned", Int, 4, false},
		{"const unsigned long", "unsigned long", Int, 8, false},
		{"long long", "long long", Int, 8, true},
		{"u16", "u16", Int, 2, false},
		{"bool", "bool", Bool, 1, false},
		{"char[16]", "string", String, 16, false},
		{"unsigned char[4]", "unsigned char[4]", Array, 4, false},
		{"void *", "void *", Pointer, 8, false},
		{"const char *", "char *", Pointer, 8, false},
		{"const char *const *", "char **", Pointer, 8, false},
		{"struct sock *", "struct sock *", Pointer, 8, false},
		{"struct sock", "struct sock", Struct, 16, false},
		{"struct gone *", "struct gone *", Pointer, 8, false},
		{"  int  ", "int", Int, 4, true},
	}
	for _, row := range rows {
		t.Run(row.text, func(t *testing.T) {
			got, err := ParseCType(row.text, Kernel, resolve)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != row.want || got.Kind != row.kind || got.Size != row.size || got.Signed != row.signed {
				t.Errorf("got %s (%d, %d bytes, signed %t)", got, got.Kind, got.Size, got.Signed)
			}
		})
	}
}

func TestWrongCTypesSayWhatIsWrong(t *testing.T) {
	rows := []struct{ text, want string }{
		{"", "names nothing"},
		{"*", "names nothing"},
		{"int x y", "no type"},
		{"* int", "unexpected"},
		{"int *x", "after *"},
		{"double", "floating point"},
		{"int[", "one length"},
		{"int[-1]", "one length"},
		{"int[2][3]", "one length"},
		{"int[99999999]", "one length"},
		{"struct gone", "no type"},
		{"int *****", "too many stars"},
		{"int (*)(void)", "unexpected"},
		{"void[3]", "cannot be read"},
		{"é", "unexpected"},
	}
	for _, row := range rows {
		t.Run(row.text, func(t *testing.T) {
			got, err := ParseCType(row.text, Kernel, nil)
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, %v; want an error with %q", got, err, row.want)
			}
		})
	}
}

func TestSignaturesNameAndTypeArguments(t *testing.T) {
	rows := []struct{ text, name, ret, params string }{
		{"int getaddrinfo(const char *node, void *res)", "getaddrinfo", "int", "node:char *, res:void *"},
		{"int (void *ssl, void *buf, int num)", "", "int", "ssl:void *, buf:void *, num:int"},
		{"int ()", "", "int", ""},
		{"int (void)", "", "int", ""},
		{"void free(void *p);", "free", "invalid", "p:void *"},
		{"char *readline(const char *prompt)", "readline", "char *", "prompt:char *"},
		{"int printf(const char *format, ...)", "printf", "int", "format:char *"},
		{"size_t f(unsigned, unsigned long n)", "f", "size_t", ":unsigned, n:unsigned long"},
		{"int f(char name[16])", "f", "int", "name:char *"},
		{"struct dir *open(struct path p[])", "open", "struct dir *", "p:struct path *"},
	}
	for _, row := range rows {
		t.Run(row.text, func(t *testing.T) {
			sig, err := ParseSignature(row.text, User, nil)
			if err != nil {
				t.Fatal(err)
			}
			var params []string
			for _, p := range sig.Params {
				params = append(params, p.Name+":"+p.Type.String())
				if p.Type.Kind == Pointer && p.Type.Space != User {
					t.Errorf("%s does not point to user memory", p.Name)
				}
			}
			if got := strings.Join(params, ", "); sig.Name != row.name || sig.Return.String() != row.ret || got != row.params {
				t.Errorf("got %q, %s, %q", sig.Name, sig.Return, got)
			}
		})
	}
}

func TestWrongSignaturesSayWhatIsWrong(t *testing.T) {
	rows := []struct{ text, want string }{
		{"", "a prototype looks like"},
		{"int f", "a prototype looks like"},
		{"int f(int", "a prototype looks like"},
		{"nope f(int x)", `return type: there is no type "nope"`},
		{"int f(int a, int a)", `two parameters are named "a"`},
		{"int f(int (*g)(int))", "a pointer to a function as void *"},
		{"int f(float x)", "floating point"},
		{"int f(int,,int)", "names nothing"},
		{"int f(int a, void)", "void is no parameter's type"},
		{"int f(" + strings.Repeat("int,", 2000) + "int)", "longer than"},
	}
	for _, row := range rows {
		_, err := ParseSignature(row.text, User, nil)
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%.40q: got %v; want an error with %q", row.text, err, row.want)
		}
	}
}

func FuzzCType(f *testing.F) {
	for _, s := range []string{"int", "struct sock *", "char[16]", "const char *const *", "unsigned long long int", "enum x", "[", "*[3]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseCType(text, Kernel, func(name string) btf.Type {
			if len(name)%2 == 0 {
				return nil
			}
			return &btf.Array{Nelems: 1 << 31, Type: &btf.Array{Nelems: 1 << 31, Type: &btf.Int{Name: "x", Size: 8}}}
		})
		if err == nil && (got.Size < 0 || got.Len < 0 || got.String() == "") {
			t.Errorf("%q: %#v", text, got)
		}
	})
}

func FuzzSignature(f *testing.F) {
	for _, s := range []string{"int f(int a, char *b)", "void (void)", "int (", "a b(c[3])", "int f(,)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		sig, err := ParseSignature(text, User, nil)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, p := range sig.Params {
			if p.Name != "" && seen[p.Name] {
				t.Errorf("%q: two parameters %q", text, p.Name)
			}
			if p.Type.Kind == Invalid {
				t.Errorf("%q: parameter %q has no type", text, p.Name)
			}
			seen[p.Name] = true
		}
	})
}
