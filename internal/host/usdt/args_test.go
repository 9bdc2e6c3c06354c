package usdt

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tracer/interpreter/facts"
)

func TestOperandsOfX86(t *testing.T) {
	tests := []struct {
		text string
		want facts.USDTArg
	}{
		{"-4@%eax", facts.USDTArg{Size: 4, Signed: true, Kind: facts.USDTReg, Reg: "ax"}},
		{"8@%rdi", facts.USDTArg{Size: 8, Kind: facts.USDTReg, Reg: "di"}},
		{"2@%r15w", facts.USDTArg{Size: 2, Kind: facts.USDTReg, Reg: "r15"}},
		{"1@%al", facts.USDTArg{Size: 1, Kind: facts.USDTReg, Reg: "ax"}},
		{"1@%ah", facts.USDTArg{Size: 1, Kind: facts.USDTReg, Reg: "ax", Shift: 8}},
		{"-1@%bh", facts.USDTArg{Size: 1, Signed: true, Kind: facts.USDTReg, Reg: "bx", Shift: 8}},
		{"1@%sil", facts.USDTArg{Size: 1, Kind: facts.USDTReg, Reg: "si"}},
		{"8@%rip", facts.USDTArg{Size: 8, Kind: facts.USDTReg, Reg: "ip"}},
		{"8@%eax", facts.USDTArg{Size: 4, Kind: facts.USDTReg, Reg: "ax"}},
		{"%rax", facts.USDTArg{Size: 8, Kind: facts.USDTReg, Reg: "ax"}},
		{"8@$42", facts.USDTArg{Size: 8, Kind: facts.USDTConst, Const: 42}},
		{"-4@$-1", facts.USDTArg{Size: 4, Signed: true, Kind: facts.USDTConst, Const: -1}},
		{"8@$0x10", facts.USDTArg{Size: 8, Kind: facts.USDTConst, Const: 16}},
		{"8@$18446744073709551615", facts.USDTArg{Size: 8, Kind: facts.USDTConst, Const: -1}},
		{"8@-8(%rbp)", facts.USDTArg{Size: 8, Kind: facts.USDTMem, Reg: "bp", Disp: -8}},
		{"8@(%rsp)", facts.USDTArg{Size: 8, Kind: facts.USDTMem, Reg: "sp"}},
		{"4@(%rax,%rbx,4)", facts.USDTArg{Size: 4, Kind: facts.USDTMem, Reg: "ax", Index: "bx", Scale: 4}},
		{"4@16(%rax, %rbx)", facts.USDTArg{Size: 4, Kind: facts.USDTMem, Reg: "ax", Index: "bx", Scale: 1, Disp: 16}},
		{"4@8+4(%rax)", facts.USDTArg{Size: 4, Kind: facts.USDTMem, Reg: "ax", Disp: 12}},
		{"8@0(,%rcx,8)", facts.USDTArg{Size: 8, Kind: facts.USDTMem, Index: "cx", Scale: 8}},
		{"8@sym(%rip)", facts.USDTArg{Size: 8, Kind: facts.USDTMem, Reg: "ip", Disp: 1000}},
		{"8@sym+8(%rip)", facts.USDTArg{Size: 8, Kind: facts.USDTMem, Reg: "ip", Disp: 1008}},
		{"8@-4+sym(%rip)", facts.USDTArg{Size: 8, Kind: facts.USDTMem, Reg: "ip", Disp: 996}},
		{"8@sym", facts.USDTArg{Size: 8, Kind: facts.USDTMem, Reg: "ip", Disp: 1000}},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			tt.want.Text = tt.text
			got, err := Resolve("x86_64", tt.text, atSym)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]facts.USDTArg{tt.want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// atSym knows one symbol, 1000 bytes behind the probe.
var atSym = Place{PC: 0x4000, Symbol: func(name string) (uint64, bool) { return 0x4000 + 1000, name == "sym" }}

func TestAbsoluteAddressesCountWhereNothingIsMoved(t *testing.T) {
	fixed := atSym
	fixed.Fixed = true
	tests := []struct {
		text string
		want facts.USDTArg
	}{
		{"8@sym(,%rax,4)", facts.USDTArg{Size: 8, Kind: facts.USDTMem, Index: "ax", Scale: 4, Disp: 0x4000 + 1000}},
		{"8@sym-8(%rax)", facts.USDTArg{Size: 8, Kind: facts.USDTMem, Reg: "ax", Disp: 0x4000 + 992}},
		{"8@$sym+1", facts.USDTArg{Size: 8, Kind: facts.USDTConst, Const: 0x4000 + 1001}},
		{"8@sym", facts.USDTArg{Size: 8, Kind: facts.USDTMem, Reg: "ip", Disp: 1000}},
		{"4@0x1234", facts.USDTArg{Size: 4, Kind: facts.USDTMem, Disp: 0x1234}},
	}
	for _, tt := range tests {
		tt.want.Text = tt.text
		got, err := Resolve("x86_64", tt.text, fixed)
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
		}
		if diff := cmp.Diff([]facts.USDTArg{tt.want}, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestOperandsOfARM64(t *testing.T) {
	tests := []struct {
		text string
		want facts.USDTArg
	}{
		{"4@w0", facts.USDTArg{Size: 4, Kind: facts.USDTReg, Reg: "x0"}},
		{"-8@x1", facts.USDTArg{Size: 8, Signed: true, Kind: facts.USDTReg, Reg: "x1"}},
		{"8@sp", facts.USDTArg{Size: 8, Kind: facts.USDTReg, Reg: "sp"}},
		{"8@lr", facts.USDTArg{Size: 8, Kind: facts.USDTReg, Reg: "x30"}},
		{"8@xzr", facts.USDTArg{Size: 8, Kind: facts.USDTConst}},
		{"4@wzr", facts.USDTArg{Size: 4, Kind: facts.USDTConst}},
		{"8@42", facts.USDTArg{Size: 8, Kind: facts.USDTConst, Const: 42}},
		{"-4@-1", facts.USDTArg{Size: 4, Signed: true, Kind: facts.USDTConst, Const: -1}},
		{"8@#7", facts.USDTArg{Size: 8, Kind: facts.USDTConst, Const: 7}},
		{"8@[sp]", facts.USDTArg{Size: 8, Kind: facts.USDTMem, Reg: "sp"}},
		{"8@[sp, 16]", facts.USDTArg{Size: 8, Kind: facts.USDTMem, Reg: "sp", Disp: 16}},
		{"-4@[x29, -4]", facts.USDTArg{Size: 4, Signed: true, Kind: facts.USDTMem, Reg: "x29", Disp: -4}},
		{"-4@[x29,#-4]", facts.USDTArg{Size: 4, Signed: true, Kind: facts.USDTMem, Reg: "x29", Disp: -4}},
		{"8@[x1, x2]", facts.USDTArg{Size: 8, Kind: facts.USDTMem, Reg: "x1", Index: "x2", Scale: 1}},
		{"8@[x1,x2,lsl 3]", facts.USDTArg{Size: 8, Kind: facts.USDTMem, Reg: "x1", Index: "x2", Scale: 8}},
		{"8@[x1,x2,lsl #2]", facts.USDTArg{Size: 8, Kind: facts.USDTMem, Reg: "x1", Index: "x2", Scale: 4}},
		{"8@[x1,xzr]", facts.USDTArg{Size: 8, Kind: facts.USDTMem, Reg: "x1"}},
		{"8@sym+8", facts.USDTArg{Size: 8, Kind: facts.USDTMem, Reg: "pc", Disp: 1008}},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			tt.want.Text = tt.text
			got, err := Resolve("arm64", tt.text, atSym)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]facts.USDTArg{tt.want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSeveralArgumentsAreSplitAtBlanksOutsideBrackets(t *testing.T) {
	tests := []struct {
		arch, text string
		want       []string
	}{
		{"x86_64", "", nil},
		{"x86_64", "  ", nil},
		{"x86_64", "-4@%eax 8@-8(%rbp) 1@$0", []string{"-4@%eax", "8@-8(%rbp)", "1@$0"}},
		{"x86_64", "\t8@(%rax, %rbx, 8)\t 4@%ecx ", []string{"8@(%rax, %rbx, 8)", "4@%ecx"}},
		{"arm64", "8@[sp, 16] 4@w0\n8@[x1, x2, lsl 3]", []string{"8@[sp, 16]", "4@w0", "8@[x1, x2, lsl 3]"}},
	}
	for _, tt := range tests {
		got, err := ParseArgs(tt.arch, tt.text)
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		var texts []string
		for _, a := range got {
			if a.Refused != "" {
				t.Errorf("%q: %q is refused: %s", tt.text, a.Text, a.Refused)
			}
			texts = append(texts, a.Text)
		}
		if diff := cmp.Diff(tt.want, texts); diff != "" {
			t.Errorf("%q: %s", tt.text, diff)
		}
	}
}

func TestWhatCannotBeReadIsRefusedWithAReason(t *testing.T) {
	tests := []struct{ arch, text, reason string }{
		{"x86_64", "8@%fs:0x28", "segment"},
		{"x86_64", "8@%fs:var@tpoff(%rax)", "segment"},
		{"x86_64", "8@%gs:(%rax)", "segment"},
		{"x86_64", "8f@%xmm0", "floating-point"},
		{"x86_64", "8@%ymm12", "floating-point"},
		{"x86_64", "8f@-8(%rbp)", "floating-point"},
		{"x86_64", "8@%st(1)", "floating-point"},
		{"x86_64", "8@other(%rip)", "symbol other"},
		{"x86_64", "8@.LC0(%rip)", "symbol .LC0"},
		{"x86_64", "8@sym@GOTPCREL(%rip)", "@GOTPCREL"},
		{"x86_64", "8@16(%rip)", "%rip"},
		{"x86_64", "8@$sym", "address of the symbol"},
		{"x86_64", "8@sym(,%rax,4)", "symbol sym"},
		{"x86_64", "8@0x1234", "absolute"},
		{"x86_64", "4@(%eax)", "32 bits"},
		{"x86_64", "16@%rax", "16 bytes"},
		{"arm64", "8f@d0", "floating-point"},
		{"arm64", "4@s31", "floating-point"},
		{"arm64", "8@v0.d[1]", "floating-point"},
		{"arm64", "8@[x0, :lo12:var]", "linker"},
		{"arm64", "8@[x0, w1, sxtw 3]", "32 bits"},
		{"arm64", "8@other", "symbol other"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := Resolve(tt.arch, tt.text, atSym)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != 1 || !strings.Contains(got[0].Refused, tt.reason) {
				t.Errorf("got %+v, want a refusal that names %q", got, tt.reason)
			}
			if len(got) == 1 && got[0].Text != tt.text {
				t.Errorf("the text is %q", got[0].Text)
			}
		})
	}
}

func TestWhatIsNoOperandIsAnError(t *testing.T) {
	tests := []struct{ arch, text string }{
		{"x86_64", "8@"},
		{"x86_64", "@%rax"},
		{"x86_64", "x@%rax"},
		{"x86_64", "0@%rax"},
		{"x86_64", "8@%rzx"},
		{"x86_64", "8@(%rax"},
		{"x86_64", "8@%rax)"},
		{"x86_64", "8@((%rax))"},
		{"x86_64", "8@(%rax,%rbx,3)"},
		{"x86_64", "8@(%rax,%rsp,1)"},
		{"x86_64", "8@(%rax,%rbx,4,5)"},
		{"x86_64", "8@(%ax)"},
		{"x86_64", "8@$"},
		{"x86_64", "8@$1_000"},
		{"x86_64", "8@--8(%rbp)"},
		{"x86_64", "8@%rax\x00"},
		{"x86_64", "8@%xs:4"},
		{"arm64", "8@[sp, 16"},
		{"arm64", "8@[x31]"},
		{"arm64", "8@[w0]"},
		{"arm64", "8@[x0, x1, lsl 9]"},
		{"arm64", "8@[x0, x1, lsl 2, 3]"},
		{"arm64", "8@[x0, w1]"},
		{"arm64", "8@[]"},
		{"arm64", "8@[sp, 16]!"},
		{"vax", "8@r0"},
	}
	for _, tt := range tests {
		if got, err := Resolve(tt.arch, tt.text, atSym); err == nil {
			t.Errorf("%s %q parses as %+v", tt.arch, tt.text, got)
		}
	}
}

func TestTooManyArgumentsAreAnError(t *testing.T) {
	got, err := ParseArgs("x86_64", strings.Repeat("8@%rax ", maxArgs+1))
	if err == nil || len(got) != maxArgs {
		t.Errorf("%d arguments, error %v", len(got), err)
	}
}

func TestNotes(t *testing.T) {
	desc := make([]byte, 24)
	desc[0], desc[8], desc[16] = 0x10, 0x20, 0x30
	full := append(desc, "libc\x00setjmp\x008@%rdi\x00"...)
	note, err := ParseNote(full)
	if err != nil {
		t.Fatal(err)
	}
	want := Note{PC: 0x10, Base: 0x20, Semaphore: 0x30, Provider: "libc", Name: "setjmp", Args: "8@%rdi"}
	if diff := cmp.Diff(want, note); diff != "" {
		t.Error(diff)
	}
	for n := range full {
		if _, err := ParseNote(full[:n]); err == nil {
			t.Errorf("a note cut off after %d bytes parses", n)
		}
	}
}

func TestPrelinkMovesAllAddresses(t *testing.T) {
	n := Note{PC: 0x1010, Base: 0x2000, Semaphore: 0x3000}
	tests := []struct {
		name string
		note Note
		base uint64
		want Note
	}{
		{"moved", n, 0x2100, Note{PC: 0x1110, Base: 0x2100, Semaphore: 0x3100}},
		{"moved down", n, 0x1f00, Note{PC: 0x0f10, Base: 0x1f00, Semaphore: 0x2f00}},
		{"not moved", n, 0x2000, n},
		{"no base section", n, 0, n},
		{"no semaphore", Note{PC: 0x1010, Base: 0x2000}, 0x2100, Note{PC: 0x1110, Base: 0x2100}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.note.Rebase(tt.base)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func FuzzParseArgs(f *testing.F) {
	for _, seed := range []string{
		"-4@%eax 8@-8(%rbp) 1@%ah", "8@sym+8(%rip)", "4@(%rax,%rbx,4)", "8@%fs:0x28", "8f@%xmm0",
		"8@[sp, 16] 4@w0", "8@[x1,x2,lsl 3]", "8@$18446744073709551615", "%rax",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for arch := range syntaxes {
			args, err := Resolve(arch, text, atSym)
			for _, a := range args {
				checkArg(t, arch, text, a)
			}
			again, errAgain := Resolve(arch, strings.Join(texts(args), " "), atSym)
			if err == nil && (errAgain != nil || !cmp.Equal(args, again)) {
				t.Errorf("%s %q: its arguments' texts parse differently: %+v, %+v (%v)", arch, text, args, again, errAgain)
			}
		}
	})
}

func texts(args []facts.USDTArg) (all []string) {
	for _, a := range args {
		all = append(all, a.Text)
	}
	return all
}

// checkArg holds an argument against what facts.USDTArg promises.
func checkArg(t *testing.T, arch, text string, a facts.USDTArg) {
	t.Helper()
	if a.Refused != "" {
		return
	}
	okSize := a.Size == 1 || a.Size == 2 || a.Size == 4 || a.Size == 8
	okScale := (a.Index == "") == (a.Scale == 0)
	okReg := a.Kind != facts.USDTReg || a.Reg != ""
	okMem := a.Kind != facts.USDTMem || a.Reg != "" || a.Index != ""
	if !okSize || !okScale || !okReg || !okMem || a.Float || (a.Shift != 0 && a.Kind != facts.USDTReg) {
		t.Errorf("%s %q gives %+v", arch, text, a)
	}
}

func FuzzParseNote(f *testing.F) {
	f.Add(append(make([]byte, 24), "p\x00n\x008@%rax\x00"...))
	f.Fuzz(func(t *testing.T, desc []byte) {
		n, err := ParseNote(desc)
		if err == nil && (n.Provider == "" || n.Name == "" || len(n.Provider)+len(n.Name)+len(n.Args)+27 > len(desc)) {
			t.Errorf("%q gives %+v", desc, n)
		}
	})
}
