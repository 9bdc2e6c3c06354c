package truth

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// beside runs tracer, and do once its probes are attached.
func (r run) beside(t *testing.T, do func()) result {
	t.Helper()
	dir := tempDir(t)
	ready, goOn := filepath.Join(dir, "ready"), filepath.Join(dir, "go")
	r.workload = "tw-syscalls getppid 1 1"
	s := r.start(t, "-r", ready, "-g", goOn)
	s.await(t, "the probes to be attached", func() bool { return exists(ready) })
	do()
	touch(t, goOn)
	return s.wait(t)
}

// planned asks whether a spec can be planned, and what tracer says.
func planned(t *testing.T, text string, flags ...string) (ok bool, says string) {
	t.Helper()
	p := needPrograms(t)
	spec := filepath.Join(tempDir(t), "spec.hcl")
	if err := os.WriteFile(spec, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	output, err := exec.CommandContext(t.Context(), p.tracer, slices.Concat([]string{"plan"}, flags, []string{spec})...).CombinedOutput()
	return err == nil, strings.Join(strings.Fields(string(output)), " ")
}

func TestKernelProbesOfConnections(t *testing.T) {
	need(t, "kprobe", hasKprobes())
	for _, row := range []struct{ family, address, column string }{
		{"tcp4", "127.0.0.1:0", "ip(args.sk.__sk_common.skc_daddr)"},
		{"tcp6", "[::1]:0", "ip(args.sk.__sk_common.skc_v6_daddr)"},
	} {
		t.Run(row.family, func(t *testing.T) {
			server, err := net.Listen(row.family, row.address)
			if err != nil {
				t.Skipf("this machine has no %s: %v", row.family, err)
			}
			defer server.Close()
			to := server.Addr().(*net.TCPAddr)
			var want []map[string]string
			got := run{spec: fmt.Sprintf(`
probe "kprobe" "connect" {
  target = "tcp_connect"
  where  = remote_port(args.sk) == %d && pid == %d
  capture {
    to        = remote_ip(args.sk)
    port      = remote_port(args.sk)
    from      = local_ip(args.sk)
    from_port = local_port(args.sk)
    address   = %s
    dport     = args.sk.__sk_common.skc_dport
    sport     = cast("struct inet_sock *", args.sk).inet_sport
  }
}`, to.Port, os.Getpid(), row.column)}.beside(t, func() {
				for range 5 {
					c, err := net.DialTCP(row.family, nil, to)
					if err != nil {
						t.Fatal(err)
					}
					from := c.LocalAddr().(*net.TCPAddr)
					want = append(want, map[string]string{
						"to": to.IP.String(), "port": text(to.Port), "from": from.IP.String(), "from_port": text(from.Port),
						"address": to.IP.String(), "dport": text(to.Port), "sport": text(from.Port),
					})
					if err := c.Close(); err != nil {
						t.Error(err)
					}
				}
			})
			compareEvents(t, got.events, want)
		})
	}
}

func TestKernelReturnsKnowTheFile(t *testing.T) {
	need(t, "kretprobe", hasKprobes())
	rounds := scaled(20_000)
	want := rows{}
	for _, size := range []int{1, 77, 4096} {
		want[fmt.Sprintf("asked=%d file=zero got=%d timed=true", size, size)] = map[string]string{"n": text(rounds)}
	}
	exact{
		run: run{workload: fmt.Sprintf("tw-syscalls sizes %d 1 77 4096", rounds), spec: `
probe "kretprobe" "read" {
  target = "vfs_read"
  where  = comm == "truth"
  aggregate "t" {
    by = {
      file  = str(args.file.f_path.dentry.d_name.name)
      asked = entry(args.count)
      got   = retval
      timed = latency > 0 && latency < "1m"
    }
    values = { n = count() }
  }
}`},
		tables: map[string]rows{"t": want},
		taken:  map[string]int{"kretprobe.read": 3 * rounds},
	}.check(t)
}

func TestKernelGlobsCountByFunction(t *testing.T) {
	need(t, "kprobe", hasKprobes())
	rounds := scaled(50_000)
	for _, probe := range []string{"kprobe", "kretprobe"} {
		t.Run(probe, func(t *testing.T) {
			row := map[string]string{"n": text(2 * rounds)}
			exact{
				run: run{workload: fmt.Sprintf("tw-syscalls sizes %d 1 2", rounds), spec: fmt.Sprintf(`
probe %q "p" {
  target = "vfs_*"
  where  = comm == "truth"
  aggregate "t" {
    by     = [func]
    values = { n = count() }
  }
}`, probe)},
				tables: map[string]rows{"t": {"func=vfs_read": row, "func=vfs_write": row}},
				taken:  map[string]int{probe + ".p": 4 * rounds},
			}.check(t)
		})
	}
}

// A module's function: each frame sent through a dummy network device.
func TestKernelModuleFunctions(t *testing.T) {
	need(t, "kprobe", hasKprobes())
	needPrograms(t)
	modprobe(t, "dummy", "numdummies=1")
	device, err := net.InterfaceByName("dummy0")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("ip", "link", "set", "dummy0", "up").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const frames, length = 25, 777
	got := run{spec: fmt.Sprintf(`
locals {
  mine   = pid == %d
  # Kernels before 5.11 have no types of modules.
  skb    = try(args.skb, cast("struct sk_buff *", args[0]))
  device = try(args.dev, cast("struct net_device *", args[1]))
}
probe "kprobe" "one" {
  target = "dummy_xmit"
  where  = local.mine
  aggregate "kprobe" {
    by     = { length = local.skb.len, device = str(local.device.name) }
    values = { n = count() }
  }
}
probe "kretprobe" "one" {
  target = "dummy_xmit"
  where  = local.mine
  aggregate "kretprobe" {
    by     = { length = entry(local.skb.len), device = str(local.device.name) }
    values = { n = count() }
  }
}
probe "kprobe" "many" {
  target = ["dummy_x*", "vfs_fsync"]
  where  = local.mine
  aggregate "kprobes" {
    by     = [func]
    values = { n = count() }
  }
}
probe "kretprobe" "many" {
  target = ["dummy_x*", "vfs_fsync"]
  where  = local.mine
  aggregate "kretprobes" {
    by     = [func]
    values = { n = count() }
  }
}`, os.Getpid())}.beside(t, func() { sendFrames(t, device.Index, frames, length) })
	for name, key := range map[string]string{
		"kprobe": "device=dummy0 length=777", "kretprobe": "device=dummy0 length=777",
		"kprobes": "func=dummy_xmit", "kretprobes": "func=dummy_xmit",
	} {
		compareRows(t, name, got.table(t, name).rows, rows{key: {"n": text(frames)}})
	}
}

// A module's function of a name that the kernel has as well: each is read by its
// own prototype. level_show of md writes into its second argument, that of the
// kernel's caches into its third.
func TestKernelModuleFunctionsOfTheKernelsNames(t *testing.T) {
	need(t, "kprobe", hasKprobes())
	needPrograms(t)
	modprobe(t, "md_mod")
	if !exists("/sys/kernel/btf/md_mod") {
		t.Skip("this kernel has no types of modules")
	}
	const cache, level = "/sys/devices/system/cpu/cpu0/cache/index0/level", "/sys/block/md_truth/md/level"
	for _, file := range [][2]string{{"/sys/module/md_mod/parameters/new_array", "md_truth"}, {level, "raid1"}} {
		if err := os.WriteFile(file[0], []byte(file[1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := rows{"text=raid1\n": {"n": "3"}}
	paths := []string{level}
	if exists(cache) {
		paths, want["text=1\n"] = append(paths, cache), map[string]string{"n": "3"}
	}
	got := run{spec: fmt.Sprintf(`
probe "kretprobe" "p" {
  target = "level_show"
  where  = pid == %d
  aggregate "t" {
    by     = { text = str(try(args.page, args.buf)) }
    values = { n = count() }
  }
}`, os.Getpid())}.beside(t, func() {
		for _, path := range paths {
			for range 3 {
				if _, err := os.ReadFile(path); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
	compareRows(t, "t", got.table(t, "t").rows, want)
}

// Where a function returns a large structure, its first argument register says
// where to put it (System V).
func TestKernelArgumentsOfFunctionsThatReturnAStruct(t *testing.T) {
	need(t, "kprobe", hasKprobes())
	const target = "cpuset_mems_allowed" // returns a nodemask_t
	if ok, _ := planned(t, `
probe "kprobe" "p" {
  target = "`+target+`"
  where  = args.tsk != null
}`); !ok {
		t.Skipf("this kernel's types do not have %s", target)
	}
	spec := ""
	for _, probe := range []string{"kprobe", "kretprobe"} {
		spec += fmt.Sprintf(`
probe %q "p" {
  target = %q
  where  = pid == %d
  aggregate %[1]q {
    by     = { of = args.tsk.tgid }
    values = { n = count() }
  }
}`, probe, target, os.Getpid())
	}
	got := run{spec: spec}.beside(t, func() {
		var nodes uint64 = 1
		at := uintptr(unsafe.Pointer(&nodes))
		for range 4 {
			if _, _, errno := unix.Syscall6(unix.SYS_MIGRATE_PAGES, uintptr(os.Getpid()), 64, at, at, 0, 0); errno != 0 {
				t.Fatal(errno)
			}
		}
	})
	for _, probe := range []string{"kprobe", "kretprobe"} {
		rows := got.table(t, probe).rows
		key := fmt.Sprintf("of=%d", os.Getpid())
		if n, err := strconv.Atoi(rows[key]["n"]); err != nil || n < 4 || len(rows) != 1 {
			t.Errorf("%s: %v, want at least 4 of %s", probe, rows, key)
		}
	}
}

func modprobe(t *testing.T, words ...string) {
	t.Helper()
	if out, err := exec.Command("modprobe", words...).CombinedOutput(); err != nil {
		t.Skipf("modprobe %s: %v: %s", strings.Join(words, " "), err, out)
	}
}

func sendFrames(t *testing.T, device, n, length int) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	frame := bytes.Repeat([]byte{0xff}, length)
	binary.BigEndian.PutUint16(frame[12:], 0x88b5) // for experiments (IEEE 802)
	for range n {
		if err := unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: device, Halen: 6}); err != nil {
			t.Fatal(err)
		}
	}
}

// Functions of one name are probed all. type_show is the function behind the
// file "type" of many kinds of devices.
func TestKernelFunctionsOfOneName(t *testing.T) {
	need(t, "kprobe", hasKprobes())
	probes := func(types ...string) (spec string) {
		for _, probe := range types {
			spec += fmt.Sprintf(`
probe %q "p" {
  target = "type_show"
  where  = pid == %d
  aggregate %[1]q {
    by     = [func]
    values = { n = count() }
  }
}`, probe, os.Getpid())
		}
		return spec
	}
	for _, row := range []struct {
		name  string
		types []string
		flags []string
	}{
		{"chosen", []string{"kprobe", "kretprobe"}, nil},
		{"kprobe perf link", []string{"kprobe"}, []string{"-mechanism=kprobe perf link"}},
		{"kretprobe perf link", []string{"kretprobe"}, []string{"-mechanism=kretprobe perf link"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := run{flags: row.flags, spec: probes(row.types...)}.beside(t, func() {
				for _, path := range []string{"/sys/class/net/lo/type", "/sys/bus/event_source/devices/software/type"} {
					for range 10 {
						if _, err := os.ReadFile(path); err != nil {
							t.Fatal(err)
						}
					}
				}
			})
			if strings.Contains(got.stderr, "Targets left out") {
				t.Skip("this kernel refuses one of them, and tracer says so")
			}
			for _, probe := range row.types {
				compareRows(t, probe, got.table(t, probe).rows, rows{"func=type_show": {"n": "20"}})
			}
		})
	}
}

// A place inside a function fires as often as the function, if all calls pass it.
func TestKernelProbesInsideAFunction(t *testing.T) {
	need(t, "kprobe", hasKprobes())
	n := scaled(20_000)
	offset := secondInstruction(t, "__do_sys_getppid", "__se_sys_getppid", "__arm64_sys_getppid")
	exact{
		run: run{workload: fmt.Sprintf("tw-syscalls getppid %d 2", n), spec: fmt.Sprintf(`
probe "kprobe" "p" {
  target = [%q]
  where  = comm == "truth"
  aggregate "t" {
    by     = [func]
    values = { n = count() }
  }
}`, offset)},
		tables: map[string]rows{"t": {"func=" + offset: {"n": text(n)}}},
		taken:  map[string]int{"kprobe.p": n},
	}.check(t)
}

// secondInstruction is where the first of functions that exists goes on after
// the call that ftrace patches (5 bytes), or the endbr64 before it (4 bytes).
func secondInstruction(t *testing.T, functions ...string) string {
	t.Helper()
	for _, name := range functions {
		for _, offset := range []int{5, 4, 8, 12} {
			place := fmt.Sprintf("%s+%d", name, offset)
			p := needPrograms(t)
			spec := filepath.Join(tempDir(t), "spec.hcl")
			if err := os.WriteFile(spec, []byte("probe \"kprobe\" \"p\" {\n  target = \""+place+"\"\n}\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			if exec.CommandContext(t.Context(), p.tracer, "apply", "-c", "true", spec).Run() == nil {
				return place
			}
		}
	}
	t.Fatalf("no place in %v can be probed", functions)
	return ""
}

func TestKernelTargetsThatAreRefused(t *testing.T) {
	need(t, "kprobe", hasKprobes())
	crashes, registers := "asm_exc_int3", 6
	if runtime.GOARCH == "arm64" {
		crashes, registers = "get_kprobe", 8
	}
	rows := []struct{ name, probe, target, body, says string }{
		{"misspelt", "kprobe", "vfs_raed", "", `has no function "vfs_raed" that can be probed: it does not exist, or the compiler inlined it wherever it is called. Did you mean "vfs_read"`},
		{"inlined", "kprobe", "inode_lock", "", `has no function "inode_lock" that can be probed: it does not exist, or the compiler inlined it`},
		{"variable", "kprobe", "jiffies", "", "a variable has that name"},
		{"blacklisted", "kprobe", crashes, "", "list of functions that a probe would crash"},
		{"blacklisted at the return", "kretprobe", crashes, "", "list of functions that a probe would crash"},
		{"not traced", "kprobe", "tracing_off", "", "it is marked notrace, and this kernel takes probes only where ftrace may trace"},
		{"a place that is not traced", "kprobe", "tracing_off+4", "", "tracing_off cannot be probed: it is marked notrace"},
		{"not traced at the return", "kretprobe", "tracing_off", "", "it is marked notrace"},
		{"nothing that is traced matches", "kprobe", "tracing_of*", "", "tracing_off matches, but is marked notrace"},
		{"outside of the function", "kprobe", "vfs_read+0x100000", "", "is outside of vfs_read, which is 0x"},
		{"return of a place", "kretprobe", "vfs_read+4", "", `write "vfs_read"`},
		{"nothing matches", "kprobe", "vfs_nosuch_*", "", "No kernel function matches"},
		{"beyond the registers", "kprobe", "do_mmap", "where = args.uf != null", fmt.Sprintf("only the first %d are in registers", registers)},
		{"struct by value", "kprobe", "from_kuid", "where = args.kuid == 0", "passed by value"},
		{"no return value", "kretprobe", "fput", "where = retval == 0", "returns nothing (void)"},
		{"argument inside", "kprobe", "vfs_read+9", "where = args.count > 0", "the argument registers may hold something else"},
		{"no such argument", "kprobe", "vfs_read", "where = args.cuont > 0", `Did you mean "count"`},
	}
	var spec strings.Builder
	for i, row := range rows {
		fmt.Fprintf(&spec, "probe %q \"p%d\" {\n  target = %q\n  %s\n}\n", row.probe, i, row.target, row.body)
	}
	ok, says := planned(t, spec.String())
	if ok {
		t.Fatal("planned what cannot be")
	}
	// Line 4i+2 is the target of probe i, line 4i+3 its body.
	messages := map[string]string{}
	for _, message := range strings.Split(says, "Error: ") {
		if line := regexp.MustCompile(`spec.hcl line (\d+)`).FindStringSubmatch(message); line != nil {
			messages[line[1]] += message
		}
	}
	for i, row := range rows {
		if got := messages[text(4*i+2)] + messages[text(4*i+3)]; !strings.Contains(got, row.says) {
			t.Errorf("%s: tracer says %q, want %q", row.name, got, row.says)
		}
	}
}

// A glob takes what ftrace traces, and says what it leaves out.
func TestKernelGlobsNameWhatTheyLeaveOut(t *testing.T) {
	need(t, "kprobe", hasKprobes())
	for _, probe := range []string{"kprobe", "kretprobe"} {
		ok, says := planned(t, fmt.Sprintf(`
probe %q "p" {
  target = ["sched_c*", "vfs_read"]
}`, probe))
		if !ok || !strings.Contains(says, "Warning: Target left out") || !strings.Contains(says, `line 3, in`) ||
			!regexp.MustCompile(`sched_clock,.* \(matched by "sched_c\*"\) (is|are) left out: ftrace does not trace functions marked notrace\.`).MatchString(says) {
			t.Errorf("%s: planned: %t; tracer says %q", probe, ok, says)
		}
	}
}

// Arguments after a struct that takes two registers are the right ones.
func TestKernelArgumentsAfterAStruct(t *testing.T) {
	need(t, "kprobe", hasKprobes())
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	got := run{spec: fmt.Sprintf(`
probe "kprobe" "p" {
  target = "tcp_setsockopt"
  where  = pid == %d
  aggregate "t" {
    by     = [args.level, args.optname, args.optlen]
    values = { n = count() }
  }
}`, os.Getpid())}.beside(t, func() {
		for range 7 {
			if err := unix.SetsockoptInt(int(file.Fd()), unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 1); err != nil {
				t.Fatal(err)
			}
		}
	})
	key := "level=6 optlen=4 optname=" + strconv.Itoa(unix.TCP_DEFER_ACCEPT)
	compareRows(t, "t", got.table(t, "t").rows, rows{key: {"n": "7"}})
}
