# Names: variables, locals, columns, arguments, members, functions, targets.
variable "limit" {
  default = 1
}
probe "tracepoint" "a" {
  target = "sched:sched_switch"
  where  = args.prev_pid > var.limt # want `Unknown variable: There is no variable "limt". Did you mean "limit"\?`
}
---
locals {
  slow = 1
}
probe "tracepoint" "a" {
  target = "sched:sched_switch"
  where  = args.prev_pid > local.slo # want `Unknown local: .*Did you mean "slow"`
}
---
locals {
  unused = var.nothing # want `Unknown variable: There is no variable "nothing". There is none at all.`
  bad    = nofunction(1) # want `Unknown function: There is no function "nofunction"`
}
---
probe "tracepoint" "a" {
  target = "sched:sched_switch"
  locals {
    unused = arg.prev_pid # want `Unknown name: There is no "arg". Did you mean "args"\?`
  }
}
---
probe "tracepoint" "a" {
  target = "sched:sched_switch"
  capture {
    a = prev_pid # want "Unknown name: There is no \"prev_pid\". The argument is args.prev_pid."
    b = args.prev_pd # want `Unknown argument: sched:sched_switch has no argument "prev_pd". Did you mean "prev_pid"`
    c = args.nonsense # want "Unknown argument: .*It has prev_comm, prev_pid, prev_prio, prev_state, next_comm, next_pid."
    d = args[0] # want "No arguments by number: A tracepoint has named fields"
    e = args # want "Name incomplete: Write args.NAME: args alone is no value."
    f = capture.g # want `Unknown column of capture: There is no column of capture "g". There is a, b, c, d, e, f, h, i.`
    h = var # want "Name incomplete: Write var.NAME"
    i = kernel.relase # want `Unknown fact of kernel: .*Did you mean "release"`
  }
}
---
variable "port" {
  default = 1
}
probe "tracepoint" "a" {
  target = "sched:sched_switch"
  where  = args.prev_pid == port # want "Unknown name: There is no \"port\". The variable is var.port."
}
---
probe "tracepoint" "a" {
  target = "sched:sched_switch"
  aggregate "t" {
    by     = [capture.path] # want "No capture block: The probe has no capture block, so there is no capture.path."
    values = { n = count() }
  }
}
---
probe "tracepoint" "a" {
  target = "sched:sched_switch"
  capture {
    a = capture.b # want "Columns in a circle: capture.b is computed from itself"
    b = capture.a + 1
  }
}
---
probe "tracepoint" "a" {
  target = "sched:sched_swich" # want `No such target: This kernel has no tracepoint "sched:sched_swich". Did you mean "sched:sched_switch"\?`
  where  = nothing # want "Unknown name"
}
---
probe "tracepoint" "a" {
  target = "sched_switch" # want `No such target: "sched_switch" is no tracepoint: write category:event.* Did you mean "sched:sched_switch"`
}
probe "tracepoint" "b" {
  target = "sched:sched_foo_*" # want `No such target: No tracepoint matches "sched:sched_foo_\*".`
}
probe "tracepoint" "c" {
  target = ["sched:sched_switch", "sched:sched_wakup"] # want `Did you mean "sched:sched_wakeup"`
}
probe "tracepoint" "d" {
  target = "sched:[" # want `No such target: "sched:\[" is no valid glob`
}
probe "tracepoint" "e" {
  target = [] # want "No target: The list of targets is empty."
}
probe "tracepoint" "f" {
  target = 5 # want "Wrong type: This must be a name, a glob, or a list of them."
}
probe "tracepoint" "g" {
  target = { a = 1 } # want "Wrong type: This must be a name, a glob, or a list of them."
}
probe "tracepoint" "g2" {
  target = ["sched:sched_switch", null] # want "Wrong type: This must be a name, a glob, or a list of them, not a list whose element 1 is null."
}
probe "tracepoint" "g3" {
  target = [["sched:sched_switch"]] # want "Wrong type: This must be a name, a glob, or a list of them, not a list whose element 0 is a list."
}
probe "tracepoint" "h" { # want "Target missing: A tracepoint needs a target."
  target = null
}
probe "tracepoint" "i" {
  target = comm # want "Known value needed: This must be known before attaching: a name, a glob, or a list of them."
}
---
probe "kprobe" "a" {
  target = "tcp_conect" # want `No such target: This kernel has no function "tcp_conect" that can be probed: it does not exist, or the compiler inlined it wherever it is called. Did you mean "tcp_connect"`
}
probe "kprobe" "b" {
  target = "vfs_read+x" # want `No such target: "vfs_read\+x" is no place in a function`
}
probe "kprobe" "c" {
  target = "vfs_read+0x1c"
  capture {
    a = args.count # want `Argument cannot be read: args.count of vfs_read\+0x1c cannot be read: inside a function`
  }
}
probe "kprobe" "d" {
  target = first_of("nope", "tcp_connekt") # want `No such target: .*"tcp_connekt".*Did you mean "tcp_connect"`
}
---
probe "syscall" "a" {
  target = "opennat" # want `No such target: This kernel has no system call "opennat". Did you mean "openat"`
}
probe "raw_tracepoint" "b" {
  target = "sched_swich" # want `Did you mean "sched_switch"`
}
---
probe "uprobe" "a" {
  binary = "libd" # want "Binary not usable: The binary libd: not found"
  target = "malloc"
}
probe "uprobe" "b" {
  binary = "libc"
  target = "maloc" # want `No such target: /lib/libc.so.6 has no function "maloc". Did you mean "malloc"`
}
probe "usdt" "c" {
  binary = "libc"
  target = "sbrk" # want `No such target: /lib/libc.so.6 has no USDT probe "sbrk". Write provider:name. Did you mean "libc:sbrk"`
}
probe "uprobe" "d" {
  binary = 7 # want "Wrong type: This must be a path or a library name"
  target = "malloc"
}
probe "uprobe" "e" {
  binary = "libc"
  target = "malloc+0x400" # want `No such target: In /lib/libc.so.6, malloc\+0x400 lies outside of malloc`
}
---
probe "kprobe" "a" {
  target = ["vfs_read", "vfs_fsync"]
  where  = args.count > 3 # want `Unknown argument: vfs_fsync has no argument "count". It has file, datasync.`
}
---
probe "kprobe" "a" {
  for_each = toset(["vfs_read", "vfs_fsync", "vfs_write"])
  target   = each.value
  where    = args.cuont > 3 # want `Unknown argument: vfs_`
}
---
probe "kprobe" "a" {
  target = "tcp_connect"
  capture {
    a = args.sk.__sk_comon.skc_dport # want `Unknown struct member: struct sock has no member "__sk_comon". Did you mean "__sk_common"`
    b = args.sk.__sk_common.skc_prt # want `Unknown struct member: struct sock_common has no member "skc_prt"`
    c = args.sk.sk_err.x # want `Member of a plain value: This is a number \(int\), which has no member "x".`
    d = args.sk.sk_destruct.x # want "Pointer to a function: This points to a function"
    e = args.sk.sk_user_data.x # want `Member of void: This points to nothing known \(void \*\). Say what it is with cast`
    f = args.sk.sk_err[0] # want "Index of a plain value"
    g = args.sk.sk_head.stamps[4] # want "Index out of range: The array has 4 elements."
    h = args.sk.sk_head.stamps[-1] # want "Index out of range"
    i = args.sk # a pointer
    j = args.sk.__sk_common # want "Struct as a column: struct sock_common cannot be shown as a whole: take its members."
    k = args.sk.sk_head.frags # want "Array as a column"
    l = comm.x # want "Member of a plain value: This is a string"
    m = args[1] # want "No such argument: tcp_connect has one argument."
    n = args[-1] # want "No such argument"
  }
}
---
probe "kprobe" "a" {
  target = "vfs_read"
  capture {
    a = args.file.f_mode # want "Type not described: This kernel's BTF does not describe struct file"
  }
}
probe "tracepoint" "b" {
  target = "odd:odd_one"
  capture {
    a = args.thing.x # want "Type not described: This kernel's BTF does not describe struct gone"
    b = args.blob.x # want "Member of a plain value"
  }
}
---
probe "kprobe" "a" {
  target = "by_value"
  capture {
    a = args.addr # want "Argument cannot be read: args.addr of by_value cannot be read: it is passed by value and is no integer or pointer."
    b = args.n
  }
}
---
probe "tracepoint" "a" {
  target = "sched:sched_switch"
  locals {
    names = { a = "x", b = "y" }
    who   = { pid = pid, comm = comm }
  }
  capture {
    a = local.names[comm] # want "Index by an event value: .*Use lookup"
    b = local.names["c"] # want "Invalid index"
    c = local.who.tid # want `Unknown attribute of local.who: There is no attribute of local.who "tid".*"pid"`
    d = local.who.pid
    e = local.who # want@-7 "List or object here"
  }
}
---
locals {
  mine = each.key # reported where it is used
}
probe "tracepoint" "a" {
  target = "sched:sched_switch"
  capture {
    a = each.key # want "each without for_each: each.key and each.value exist only in a probe that has for_each."
    b = local.mine # want@-6 "each without for_each"
  }
}
probe "tracepoint" "b" {
  for_each = toset(["sched:sched_switch"])
  target   = each.kee # want `Unknown attribute of each: .*Did you mean "key"`
}
---
probe "tracepoint" "a" {
  for_each = 5 # want "Wrong type: for_each takes a set of strings or a map, and this is a number."
  target   = "sched:sched_switch"
}
probe "tracepoint" "b" {
  for_each = [1, 2] # want "Wrong type: The elements of for_each must be strings."
  target   = "sched:sched_switch"
}
probe "tracepoint" "c" {
  for_each = { x = pid } # want "Known value needed: This must be known before attaching: a set of strings, or a map."
  target   = "sched:sched_switch"
}
---
probe "tracepoint" "off" {
  enabled = false
  target  = "no:such"
  where   = args.nothing.of.the_kind > 1 && nofn(1) # want "Unknown function"
  capture {
    a = var.x # want "Unknown variable"
    b = capture.c # want "Unknown column of capture"
    d = args.no.such
  }
}
---
probe "tracepoint" "a" {
  enabled = 5 # want "Wrong type: This must be a condition"
  target  = "sched:sched_switch"
}
probe "tracepoint" "b" {
  enabled = pid == 3 # want "Known value needed: This must be known before attaching: a condition"
  target  = "sched:sched_switch"
}
---
probe "tracepoint" "a" {
  target   = ["sched:sched_switch", "sched:gone"] # want `Target left out: sched:gone is left out: This kernel has no tracepoint "sched:gone"`
  optional = true
}
probe "tracepoint" "b" { # want "Probe skipped: Nothing of what tracepoint.b names exists here, and it is optional."
  target   = "sched:gone" # want "Target left out"
  optional = true
}
probe "uprobe" "c" { # want "Probe skipped"
  target   = "malloc"
  binary   = "libgone" # want "Target left out: libgone is left out: binary libgone: not found."
  optional = true
}
probe "tracepoint" "d" {
  target   = "sched:[" # want "is no valid glob"
  optional = true
}
probe "tracepoint" "e" {
  target   = "sched:sched_switch"
  optional = "yes" # want "Wrong type: This must be true or false."
}
---
# A mistake in a local of the file is reported once, also if a probe with locals
# of its own uses it.
locals {
  a = local.nothing + 1 # want `Unknown local: There is no local "nothing".`
}
probe "tracepoint" "a" {
  target = "block:block_io_done"
  locals {
    own = pid
  }
  where = local.a == 1 && local.own == 2
}
---
# What other tools call it.
probe "syscall" "read" {
  target = "read"
  where  = arg0 == 1 && strncmp(comm, "a", 1) # want `Unknown name: There is no "arg0". Here it is args.NAME or args\[N\].` `Unknown function: There is no function "strncmp". Here it is startswith\(s, "…"\).`
  aggregate "t" {
    values = {
      a = lhist(ret, 0, 10, 1) # want `Unknown function: There is no function "lhist". Here it is linear\(x, min, max, step\).` `Unknown name: There is no "ret". Here it is retval.`
      b = sum(arg) # want `There is no "arg". Did you mean "args"\?`
      c = sum(argx) # want `There is no "argx". Did you mean "args"\?`
    }
  }
}
---
variable "elapsed" {
  default = 1
}
probe "syscall" "read" {
  target = "read"
  where  = args.count > elapsed # want `Unknown name: There is no "elapsed". The variable is var.elapsed.`
}
