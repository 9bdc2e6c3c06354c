package differ

import (
	"fmt"
	"strings"
	"testing"

	"tracer/bpfgen"
	"tracer/interpreter/check"
	"tracer/interpreter/facts"
)

// rejected are specs that were once accepted by the checker and then not by the
// kernel, or not even compiled, as small as they went.
var rejected = []struct {
	name, spec string
	without    []facts.Feature
}{
	{
		name: "a pointer that the verifier knows is computed with",
		spec: `
probe "tracepoint" "p" {
  target = "sched:sched_switch"
  aggregate "t" {
    by     = { low = bitand(cast("u64", task.mm), 255), before = task.real_parent < task.group_leader }
    values = { a = hist(cast("u64", task.cred)), b = sum(cast("u64", task) / 3), c = hist(cast("u64", cast("char *", task.cred.security)), 3) }
  }
}`,
	},
	{
		name: "so is an argument",
		spec: `
probe "raw_tracepoint" "p" {
  target = "sched_process_exec"
  where  = args.bprm == null || cast("u64", args.bprm) % 3 == 1
  aggregate "t" {
    values = { a = hist(cast("u64", args.bprm.file)), b = max(cast("u64", args.p) / 3) }
  }
}`,
	},
	{
		name: "what keeps a quotient within a histogram is not left out",
		spec: `
probe "kprobe" "p" {
  target = "vfs_read"
  aggregate "t" {
    values = {
      a = linear(duration(cast("s32", uid == 0)), 0, "1ms", "10us")
      b = linear(3 % args.count, 0, 7, 2)
      c = linear((duration(tid) - duration(tid)) % duration(tid), 0, "1ms", "10us")
    }
  }
}`,
	},
	{
		name: "what keeps a length within its limit is not left out",
		spec: `
probe "kprobe" "p" {
  target = "vfs_read"
  capture {
    swapped = buf(args.buf, shr(ntohs(args.count), 8), 300)
    divided = buf(args.buf, cast("u8", args.count) / 3, 300)
    product = buf(args.buf, shr(shl(cast("u8", args.count), 32) * 7, 36), 300)
  }
}`,
	},
	{
		name: "a length is within its limit whatever it was compared with before", // 6.12
		spec: `
probe "kprobe" "p" {
  target = "vfs_read"
  where  = cast("u8", args.count) > cast("u8", args.count) + 7
  capture {
    bytes = buf(args.buf, cast("u8", args.count), 4096)
  }
}`,
	},
	{
		name: "a member of an array's element is found behind a typedef", // 6.1
		spec: `
probe "tracepoint" "p" {
  target = "sched:sched_switch"
  capture {
    count = try(task.cred.ucounts.ucount[1].counter, pid)
  }
}`,
	},
	{
		name: "strings are compared at the entry of a program whose strings do not fit the stack",
		spec: `
probe "uretprobe" "p" {
  binary    = "WORKLOADS/tw-functions"
  target    = "tw_return_s16"
  signature = "short f(char *a, char *b)"
  where     = entry(str(args.a) == str(args.b))
  aggregate "t" {
    by     = { text = buf(args.a, 4096) }
    values = { n = count() }
  }
}`,
	},
	{
		name: "the longest string is looked through", // 6.12: "The sequence of 8193 jumps is too complex."
		spec: `
probe "tracepoint" "p" {
  target = "syscalls:sys_enter_openat"
  where  = strcontains(str(args.filename, 4096), "abc")
}`,
	},
	{
		name: "several of the longest strings are looked through", // 6.18: EFAULT; below, as before
		spec: `
probe "tracepoint" "p" {
  target = "syscalls:sys_enter_openat"
  where  = strcontains(str(args.filename, 4096), "a") || strcontains(str(args.filename, 4096), "seven b") || strcontains(str(args.filename, 4096), "ten bytes.")
}`,
	},
	{
		name: "a pointer to void that is const is read as the kernel allows", // up to 6.12
		spec: `
probe "raw_tracepoint" "p" {
  target = "kfree"
  capture {
    text = str(cast("char *", args.ptr), 1000)
  }
}`,
	},
	{
		name: "a pointer that may be an error is a number to the verifier", // 6.12.y: "R5 invalid mem access 'scalar'"
		spec: `
probe "raw_tracepoint" "p" {
  target = "signal_deliver"
  capture {
    code = args.info.si_code
  }
}`,
	},
	{
		name: "a long string is looked through after the return found its entry",
		spec: `
probe "kretprobe" "p" {
  target = "vfs_read"
  where  = strcontains(str(args.file.f_path.dentry.d_name.name, 1000), "abcd") != (args.file.f_path.dentry.d_inode.i_uid.val == 0)
}`,
	},
	{
		name: "the same where calls are kept in a hash",
		spec: `
probe "kretprobe" "p" {
  target = "vfs_read"
  where  = strcontains(str(args.file.f_path.dentry.d_name.name, 1000), "abcd") != (args.file.f_path.dentry.d_inode.i_uid.val == 0)
}`,
		without: []facts.Feature{facts.TaskStorage, facts.TaskBTF},
	},
	{
		name: "many numbers are loaded behind arguments", // 6.1: more than a million steps
		spec: ofBothTasks("utime", "stime", "gtime", "start_time", "min_flt", "maj_flt", "nvcsw", "nivcsw", "se.vruntime", "se.sum_exec_runtime", "se.exec_start", "flags"),
	},
	{
		name: "so are many pointers behind pointers that may be null", // 6.18, and 5.10 on
		spec: ofBothTasks("mm.pgd", "files.fdt", "fs.pwd.mnt", "signal.tty", "sighand.signalfd_wqh.head.next", "cred.user", "nsproxy.uts_ns", "real_parent.mm", "group_leader.files", "mm.exe_file"),
	},
	{
		name: "so are members of many pointers, each of which is followed again later", // 6.1
		spec: ofBothTasks("mm.brk", "fs.umask", "signal.nr_threads", "cred.uid.val", "real_parent.pid", "group_leader.pid", "parent.pid", "files.next_fd",
			"mm.start_brk", "fs.in_exec", "signal.group_exit_code", "cred.gid.val", "real_parent.tgid", "group_leader.tgid", "parent.tgid", "files.fdt"),
	},
}

// ofBothTasks captures members of both tasks of a switch.
func ofBothTasks(members ...string) string {
	var b strings.Builder
	for i, m := range members {
		fmt.Fprintf(&b, "    p%d = args.prev.%s\n    n%d = args.next.%s\n", i, m, i, m)
	}
	return "probe \"raw_tracepoint\" \"p\" {\n  target = \"sched_switch\"\n  capture {\n" + b.String() + "  }\n}"
}

// mostSteps is how many instructions of any of these programs the verifier may
// walk, of the million that it walks at most.
const mostSteps = 200_000

func TestSpecsRejectedBeforeLoad(t *testing.T) {
	a := newAcceptance(t)
	for _, row := range rejected {
		t.Run(row.name, func(t *testing.T) {
			f := a.facts
			f.without = row.without
			pl, diags := checkedAs(strings.ReplaceAll(row.spec, "WORKLOADS/tw-functions", workload("tw-functions")), check.Input{Facts: f})
			if diags.HasErrors() {
				t.Fatal(firstError(diags))
			}
			pl.RingBytes = ringBytes
			o, diags := bpfgen.Compile(pl)
			if diags.HasErrors() && diags[0].Summary == "Key too long" && f.Feature(facts.LongKeys) != nil {
				t.Skip(firstError(diags))
			}
			if diags.HasErrors() {
				t.Fatal(firstError(diags))
			}
			steps, err := a.load(o)
			if err != nil {
				t.Fatal(err)
			}
			if steps > mostSteps {
				t.Errorf("the verifier walked %d instructions of one program, want %d at most", steps, mostSteps)
			}
		})
	}
}
