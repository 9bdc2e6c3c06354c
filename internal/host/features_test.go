package host

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/google/go-cmp/cmp"

	"tracer/interpreter/facts"
)

func TestFeaturesAreThereOrSaySinceWhen(t *testing.T) {
	h := Open(Options{})
	capable := h.Privileges().Capable()
	for _, p := range featureProbes() {
		err := h.Feature(p.feature)
		switch {
		case err == nil && !capable:
			t.Errorf("%s: there, and could not be tried", p.feature)
		case err == nil:
			t.Logf("%s: yes", p.feature)
		case errors.Is(err, ebpf.ErrNotSupported):
			t.Logf("%s: %v", p.feature, err)
			if !strings.Contains(err.Error(), p.since) {
				t.Errorf("%s: the error does not say since when: %v", p.feature, err)
			}
		case errors.Is(err, fs.ErrPermission) && capable == errors.Is(err, facts.ErrUnknown):
			t.Errorf("%s: privileges %v, and yet: %v", p.feature, capable, err)
		case errors.Is(err, fs.ErrPermission):
			t.Logf("%s: %v", p.feature, err)
		default:
			t.Errorf("%s: neither there nor unsupported: %v", p.feature, err)
		}
		if again := h.Feature(p.feature); !errors.Is(again, err) {
			t.Errorf("%s: asked again, %v", p.feature, again)
		}
	}
	if err := h.Feature("nosuch"); !errors.Is(err, facts.ErrUnknown) {
		t.Errorf("nosuch: %v", err)
	}
}

func TestWithoutPrivilegesFeaturesAreUnknown(t *testing.T) {
	h := Open(Options{})
	h.opts.Root = image(t, map[string]string{"/proc/self/status": "CapEff:\t0000000000000000\n"})
	for _, p := range featureProbes() {
		err := h.tryFeature(p)
		if !p.anyone && (!errors.Is(err, facts.ErrUnknown) || !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "CAP_BPF")) {
			t.Errorf("%s: %v", p.feature, err)
		}
	}
}

func TestFeaturesOfAnImageAreUnknown(t *testing.T) {
	if err := Open(Options{Root: t.TempDir()}).Feature(facts.RingBuffer); !errors.Is(err, facts.ErrUnknown) {
		t.Errorf("error %v", err)
	}
}

func TestPrivileges(t *testing.T) {
	const dir = "/proc/sys/kernel/"
	root := image(t, map[string]string{
		"/proc/self/status":               "Name:\tx\nCapEff:\t0000004000000000\n",
		dir + "kptr_restrict":             "1\n",
		dir + "perf_event_paranoid":       "4\n",
		dir + "unprivileged_bpf_disabled": "2\n",
		"/sys/kernel/security/lockdown":   "none integrity [confidentiality]\n",
	})
	p := Open(Options{Root: root}).Privileges()
	want := Privileges{Root: os.Geteuid() == 0, Perfmon: true, Lockdown: "confidentiality", KptrRestrict: 1, PerfEventParanoid: 4, UnprivilegedBPF: 2}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Error(diff)
	}
	if missing := strings.Join(p.Missing(), "; "); !strings.Contains(missing, "CAP_BPF") || strings.Contains(missing, "CAP_PERFMON") || !strings.Contains(missing, "lockdown") {
		t.Errorf("missing %q", missing)
	}
	nothing := Open(Options{Root: t.TempDir()}).Privileges()
	if nothing.Lockdown != "" || nothing.KptrRestrict != -1 || len(nothing.Missing()) != 2 {
		t.Errorf("%+v", nothing)
	}
}

// What is effective in a user namespace of its own counts for nothing.
func TestPrivilegesOfAUserNamespace(t *testing.T) {
	root := image(t, map[string]string{"/proc/self/status": "CapEff:\t000001ffffffffff\n"})
	if err := os.MkdirAll(root+"/proc/self/ns", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		namespace string
		capable   bool
	}{{"user:[4026531837]", true}, {"user:[4026532280]", false}} {
		link := root + "/proc/self/ns/user"
		if err := errors.Join(os.RemoveAll(link), os.Symlink(row.namespace, link)); err != nil {
			t.Fatal(err)
		}
		p := Open(Options{Root: root}).Privileges()
		if missing := p.Missing(); p.Capable() != row.capable || (len(missing) == 0) != row.capable {
			t.Errorf("%s: capable %t, missing %q", row.namespace, p.Capable(), missing)
		}
	}
}

// In lockdown tracefs can be mounted, and is empty.
func TestTracefsThatIsEmpty(t *testing.T) {
	root := image(t, map[string]string{"/proc/self/mounts": "nodev /sys/kernel/tracing tracefs rw,relatime 0 0\n"})
	_, err := Open(Options{Root: root}).Tracepoints()
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "tracefs in "+root+"/sys/kernel/tracing is empty, as lockdown=confidentiality leaves it") {
		t.Errorf("error %v", err)
	}
}

func TestFeaturesKnownByAFunctionAreThoseOfAKernelsSymbols(t *testing.T) {
	needFile(t, "/sys/kernel/btf/vmlinux")
	h := Open(Options{})
	symbols, err := h.kallsyms()
	if err != nil {
		t.Skip(err)
	}
	for feature, function := range map[facts.Feature]string{
		facts.RawGuard: "bpf_prog_inc_misses_counter", facts.FaultableTracepoints: "trace_call_bpf_faultable",
	} {
		want := strings.Contains(symbols, " "+function+"\n")
		if err := h.Feature(feature); (err == nil) != want || err != nil && !errors.Is(err, ebpf.ErrNotSupported) {
			t.Errorf("%s: error %v; kallsyms has %s: %t", feature, err, function, want)
		}
		without := Open(Options{})
		without.types.dir = t.TempDir() // a kernel without types
		if err := without.Feature(feature); (err == nil) != want || err != nil && !errors.Is(err, ebpf.ErrNotSupported) {
			t.Errorf("%s without types: error %v; kallsyms has %s: %t", feature, err, function, want)
		}
	}
}

// What is found without decoding the types is what they say.
func TestMissesAreCountedWhereALinkTellsThem(t *testing.T) {
	needFile(t, "/sys/kernel/btf/vmlinux")
	h := Open(Options{})
	types, err := h.BTF()
	if err != nil {
		t.Fatal(err)
	}
	var info *btf.Struct
	if err := types.TypeByName("bpf_link_info", &info); err != nil {
		t.Fatal(err)
	}
	var below func(members []btf.Member) bool
	below = func(members []btf.Member) bool {
		return slices.ContainsFunc(members, func(m btf.Member) bool {
			switch t := m.Type.(type) {
			case *btf.Struct:
				return below(t.Members)
			case *btf.Union:
				return below(t.Members)
			}
			return m.Name == "missed"
		})
	}
	want := below(info.Members)
	if err := h.Feature(facts.MissesCounted); (err == nil) != want || err != nil && !errors.Is(err, ebpf.ErrNotSupported) {
		t.Errorf("error %v; the types have it: %t", err, want)
	}
}

func TestTheProbeOfAtomicFetchFetches(t *testing.T) {
	var raw bytes.Buffer
	if err := fetchAndAdd().Marshal(&raw, binary.LittleEndian); err != nil {
		t.Fatal(err)
	}
	if got, want := raw.Bytes()[2*8:3*8], []byte{0xdb, 0x0a, 0xf8, 0xff, 1, 0, 0, 0}; !bytes.Equal(got, want) {
		t.Errorf("the instruction is % x, want % x", got, want)
	}
}
