package tracefmt

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tracer/interpreter/facts"
)

func TestDeclarations(t *testing.T) {
	tests := []struct {
		line string // field:…
		want facts.Field
	}{
		{"unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;", facts.Field{Name: "common_type", Type: "unsigned short", Size: 2, Common: true}},
		{"pid_t pid;\toffset:8;\tsize:4;\tsigned:1;", facts.Field{Name: "pid", Type: "pid_t", Offset: 8, Size: 4, Signed: true}},
		{"bool ok;\toffset:8;\tsize:1;\tsigned:0;", facts.Field{Name: "ok", Type: "bool", Offset: 8, Size: 1}},
		{"char comm[16];\toffset:8;\tsize:16;\tsigned:0;", facts.Field{Name: "comm", Type: "char[16]", Offset: 8, Size: 16, Elem: "char", Len: 16}},
		{"char comm[TASK_COMM_LEN];\toffset:8;\tsize:16;\tsigned:1;", facts.Field{Name: "comm", Type: "char[TASK_COMM_LEN]", Offset: 8, Size: 16, Signed: true, Elem: "char", Len: 16}},
		{"unsigned long args[6];\toffset:16;\tsize:48;\tsigned:0;", facts.Field{Name: "args", Type: "unsigned long[6]", Offset: 16, Size: 48, Elem: "unsigned long", Len: 6}},
		{"unsigned long args[];\toffset:24;\tsize:0;\tsigned:0;", facts.Field{Name: "args", Type: "unsigned long[]", Offset: 24, Elem: "unsigned long"}},
		{"u8 m[2][8];\toffset:8;\tsize:16;\tsigned:0;", facts.Field{Name: "m", Type: "u8[2][8]", Offset: 8, Size: 16, Elem: "u8", Len: 16}},
		{"u32 odd[SOME * 2];\toffset:8;\tsize:16;\tsigned:0;", facts.Field{Name: "odd", Type: "u32[SOME * 2]", Offset: 8, Size: 16, Elem: "u32", Len: 4}},
		{"struct s odd[N];\toffset:8;\tsize:12;\tsigned:0;", facts.Field{Name: "odd", Type: "struct s[N]", Offset: 8, Size: 12, Elem: "u8", Len: 12}},
		{"void *stack[4];\toffset:8;\tsize:32;\tsigned:0;", facts.Field{Name: "stack", Type: "void *[4]", Offset: 8, Size: 32, Elem: "void *", Len: 4}},
		{"__u8 addr[0x10];\toffset:8;\tsize:16;\tsigned:0;", facts.Field{Name: "addr", Type: "__u8[0x10]", Offset: 8, Size: 16, Elem: "__u8", Len: 16}},
		{"struct foo * x;\toffset:8;\tsize:8;\tsigned:0;", facts.Field{Name: "x", Type: "struct foo *", Offset: 8, Size: 8, Elem: "struct foo", Pointer: true}},
		{"const void*ptr;\toffset:8;\tsize:8;\tsigned:0;", facts.Field{Name: "ptr", Type: "const void*", Offset: 8, Size: 8, Elem: "const void", Pointer: true}},
		{"const char *const * argv;\toffset:8;\tsize:8;\tsigned:0;", facts.Field{Name: "argv", Type: "const char *const *", Offset: 8, Size: 8, Elem: "const char *const", Pointer: true}},
		{"char *const p;\toffset:8;\tsize:8;\tsigned:0;", facts.Field{Name: "p", Type: "char *const", Offset: 8, Size: 8, Elem: "char", Pointer: true}},
		{"int (*fn)(void *);\toffset:8;\tsize:8;\tsigned:0;", facts.Field{Name: "fn", Type: "int (*)(void *)", Offset: 8, Size: 8, Elem: "void", Pointer: true}},
		{`const char __attribute__((btf_type_tag("user"))) * filename;` + "\toffset:8;\tsize:8;\tsigned:0;", facts.Field{Name: "filename", Type: "const char *", Offset: 8, Size: 8, Elem: "const char", Pointer: true}},
		{"__data_loc char[] name;\toffset:8;\tsize:4;\tsigned:0;", facts.Field{Name: "name", Type: "__data_loc char[]", Offset: 8, Size: 4, Elem: "char", DataLoc: true}},
		{"__data_loc unsigned int[] lengths;\toffset:16;\tsize:4;\tsigned:0;", facts.Field{Name: "lengths", Type: "__data_loc unsigned int[]", Offset: 16, Size: 4, Elem: "unsigned int", DataLoc: true}},
		{"__rel_loc u8[] raw;\toffset:8;\tsize:4;\tsigned:0;", facts.Field{Name: "raw", Type: "__rel_loc u8[]", Offset: 8, Size: 4, Elem: "u8", RelLoc: true}},
		{"enum x state;\toffset:8;\tsize:4;", facts.Field{Name: "state", Type: "enum x", Offset: 8, Size: 4}},
		{"int n;\toffset:8;\tsize:4;\tsigned:1;\tfuture:7;", facts.Field{Name: "n", Type: "int", Offset: 8, Size: 4, Signed: true}},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			f, err := Parse("c", "e", "name: e\nID: 7\nformat:\n\tfield:"+tt.line+"\n\nprint fmt: \"x\"\n")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]facts.Field{tt.want}, f.Fields); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWholeFile(t *testing.T) {
	const text = "name: e\nID: 443\nformat:\n" +
		"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n" +
		"\tfield:long id;\toffset:8;\tsize:8;\tsigned:1;\n\n" +
		"print fmt: \"NR %ld\", REC->id\n\"second line\"\n"
	f, err := Parse("raw_syscalls", "sys_enter", text)
	if err != nil {
		t.Fatal(err)
	}
	want := &facts.Format{
		Category: "raw_syscalls", Event: "sys_enter", ID: 443, Size: 16,
		Fields: []facts.Field{
			{Name: "common_pid", Type: "int", Offset: 4, Size: 4, Signed: true, Common: true},
			{Name: "id", Type: "long", Offset: 8, Size: 8, Signed: true},
		},
		Print: "\"NR %ld\", REC->id\n\"second line\"",
	}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Error(diff)
	}
}

func TestErrorsNameTheLine(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", "", "no ID"},
		{"bad ID", "ID: x\n", "line 1"},
		{"unknown line", "ID: 1\nwhat\n", "line 2: unknown text"},
		{"no offset", "ID: 1\n\tfield:int x\n", "no offset"},
		{"no name", "ID: 1\n\tfield:int;\toffset:0;\tsize:4;\tsigned:1;\n", "TYPE NAME"},
		{"negative size", "ID: 1\n\tfield:int x;\toffset:0;\tsize:-4;\tsigned:1;\n", "size of field"},
		{"size missing", "ID: 1\n\tfield:int x;\toffset:0;\n", "impossible"},
		{"huge offset", "ID: 1\n\tfield:int x;\toffset:99999999;\tsize:4;\tsigned:1;\n", "impossible"},
		{"uneven array", "ID: 1\n\tfield:int x[3];\toffset:0;\tsize:8;\tsigned:1;\n", "not 3 elements"},
		{"elements without size", "ID: 1\n\tfield:r m[16];\toffset:8;\tsize:0;\tsigned:1;\n", "not 16 elements"},
		{"no elements", "ID: 1\n\tfield:int x[0];\toffset:0;\tsize:8;\tsigned:1;\n", "not 0 elements"},
		{"lone bracket", "ID: 1\n\tfield:int x];\toffset:0;\tsize:8;\tsigned:1;\n", "]"},
		{"wide data_loc", "ID: 1\n\tfield:__data_loc char[] x;\toffset:0;\tsize:8;\tsigned:1;\n", "4 bytes"},
		{"data_loc of nothing", "ID: 1\n\tfield:__data_loc x;\toffset:0;\tsize:4;\tsigned:1;\n", "element"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Parse("c", "e", tt.text)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %+v, %v; want an error with %q", f, err, tt.want)
			}
		})
	}
}

func TestAllFormatsOfThisMachineAreConsistent(t *testing.T) {
	files, _ := filepath.Glob("/sys/kernel/tracing/events/*/*/format")
	if len(files) == 0 {
		t.Skip("tracefs is not mounted on /sys/kernel/tracing, or may not be read")
	}
	lines := regexp.MustCompile(`(?m)^\tfield:`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // a dynamic event that is gone
		}
		dir := filepath.Dir(file)
		f, err := Parse(filepath.Base(filepath.Dir(dir)), filepath.Base(dir), string(text))
		if err != nil {
			t.Error(err)
			continue
		}
		if n := len(lines.FindAll(text, -1)); n != len(f.Fields) || f.ID == 0 || f.Print == "" {
			t.Errorf("%s:%s: %d fields of %d, ID %d, print %q", f.Category, f.Event, len(f.Fields), n, f.ID, f.Print)
		}
		checkFormat(t, f)
	}
}

// pow2 are sizes of scalars.
var pow2 = map[int]bool{1: true, 2: true, 4: true, 8: true}

// checkFormat holds fields against each other and against their types.
func checkFormat(t *testing.T, f *facts.Format) {
	t.Helper()
	end := 0
	for _, field := range f.Fields {
		where := f.Category + ":" + f.Event + "." + field.Name
		if field.Name == "" || field.Type == "" || strings.ContainsAny(field.Name, " *[]()") {
			t.Errorf("%s: bad name or type in %+v", where, field)
		}
		if field.Offset < end {
			t.Errorf("%s: at %d, inside the field before, which ends at %d", where, field.Offset, end)
		}
		end = field.Offset + field.Size
		if end > f.Size {
			t.Errorf("%s: ends at %d, behind the record's %d", where, end, f.Size)
		}
		kinds := 0
		for _, is := range []bool{field.Pointer, field.DataLoc, field.RelLoc, strings.HasSuffix(field.Type, "]") && !field.DataLoc && !field.RelLoc} {
			if is {
				kinds++
			}
		}
		switch {
		case kinds > 1:
			t.Errorf("%s: of several kinds: %+v", where, field)
		case kinds == 1 && field.Elem == "":
			t.Errorf("%s: no element type: %+v", where, field)
		case field.Pointer && field.Size != 8:
			t.Errorf("%s: a pointer of %d bytes", where, field.Size)
		case field.Len > 0 && field.Size%field.Len != 0:
			t.Errorf("%s: %d elements in %d bytes", where, field.Len, field.Size)
		case kinds == 0 && strings.Contains(field.Type, "*"):
			t.Errorf("%s: a pointer that is not seen: %q", where, field.Type)
		case kinds == 0 && !pow2[field.Size] && !strings.Contains(field.Type, "struct") && !structTypedefs[field.Type]:
			t.Errorf("%s: a scalar of %d bytes: %q", where, field.Size, field.Type)
		}
	}
}

// structTypedefs are fields whose type is a structure behind a typedef.
var structTypedefs = map[string]bool{"guid_t": true, "uuid_t": true}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"ID: 1\n\tfield:char comm[16];\toffset:8;\tsize:16;\tsigned:0;\n",
		"ID: 1\n\tfield:__data_loc char[] x;\toffset:8;\tsize:4;\tsigned:0;\nprint fmt: \"\"",
		"ID: 1\n\tfield:int x[16];\toffset:8;\tsize:0;\tsigned:0;\n",
		"ID: 1\n\tfield:int (*fn)(void);\toffset:8;\tsize:8;\tsigned:0;\n",
		"ID: 1\n\tfield:char __attribute__((x)) * p;\toffset:8;\tsize:8;\tsigned:0;\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		format, err := Parse("c", "e", text)
		if err != nil {
			return
		}
		for _, field := range format.Fields {
			if field.Name == "" || field.Type == "" || field.Offset < 0 || field.Size < 0 ||
				field.Offset+field.Size > format.Size || field.Len > field.Size ||
				(field.Len > 0 && field.Size%field.Len != 0) {
				t.Errorf("%q gives %+v", text, field)
			}
		}
	})
}
