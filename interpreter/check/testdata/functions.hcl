# Functions: their arguments, and when they are evaluated.
probe "syscall" "a" {
  target = "openat"
  capture {
    a = str()                       # want `Wrong number of arguments: Write str\(ptr\[, max\]\).`
    b = str(args.filename, 5000)    # want "Number out of range: This must be the largest number of bytes, a whole number from 1 to 4096."
    c = str(args.filename, pid)     # want "Known value needed: This must be known before attaching: the largest number of bytes."
    d = str(args.flags)             # want `Wrong type: This is a number \(int\), and a pointer is needed here.`
    e = str(comm)
    f = buf(args.filename, 0)       # want "Number out of range: buf reads 1 to 4096 bytes."
    g = buf(args.filename, comm)    # want "Wrong type: This is a string, and a number of bytes is needed here."
    h = strs(args.filename, 100)    # want "Number out of range: This must be the largest number of strings, a whole number from 1 to 64."
    i = strs(args.filename, 64, 4096) # want "List too large"
    j = buf(comm, 4)                # want "String already: This is a string already: buf is for pointers."
    k = str(args.filename, "5")     # want "Wrong type: This must be the largest number of bytes."
  }
}
---
probe "kprobe" "a" {
  target = "tcp_retransmit"
  capture {
    a = str(args.sk)                # want `No pointer to characters: This is a pointer \(struct sock \*\), and str reads characters.`
    b = str(args.skb.data)
    c = buf(args.skb.cb, 16)
    d = args.skb.cb[3]
    e = args.skb.stamps[1]
    f = deref(args.segs)            # want `Wrong type: .*a pointer is needed here. Say what it points to: deref\(cast\("long \*", …\)\).`
    g = deref(args.sk.sk_user_data) # want "Memory behind void"
    h = uptr(comm)                  # want "String already"
    i = args.skb.stamps[args.segs]
  }
}
---
probe "kprobe" "a" {
  target = "tcp_retransmit"
  capture {
    a = cast("struct sokc *", args.sk).x  # want `Unknown C type: This kernel's BTF has no type "struct sokc". Did you mean "struct sock"`
    b = cast("struct sock", args.segs)    # want `Cast to no plain value: struct sock is no integer, enum or pointer. .* cast\("struct sock \*", …\).`
    c = cast("void", args.segs)           # want "Cast to no plain value: void is no integer"
    d = cast("unsinged int", args.segs)   # want `Unknown C type: There is no type "unsinged int".`
    e = cast("int", comm)                 # want "Wrong type: This is a string, and a number or pointer is needed here."
    f = cast("double", args.segs)         # want "Unknown C type: Double: floating point values cannot be read|floating point"
    g = cast(comm, args.segs)             # want "Known value needed: .*a C type in quotes"
    h = cast("int", args.sk.__sk_common)  # want "Wrong type: This is struct sock_common, and a number or pointer"
    i = cast("struct inet_sock *", args.sk).inet_sprt # want `struct inet_sock has no member "inet_sprt". Did you mean "inet_sport"`
    j = cast("struct inet_sock *", args.skb.cb).inet_sport
    k = cast("int[4]", args.segs)         # want "Cast to no plain value"
    l = cast("enum wb_reason", args.segs) == "WB_REASON_VMSCAN"
    m = cast("u33", args.segs)            # want `There is no type "u33".* Did you mean "u`
  }
}
---
probe "tracepoint" "a" {
  target = "block:block_io_done"
  capture {
    a = upper(comm)           # want "Function of plan time only: upper works only on what is known before attaching; this mentions the event."
    b = enumerator(comm)      # want "Function of plan time only: enumerator"
    c = length([comm])        # want "Function of plan time only: length"
    d = enumerator("NOPE")    # want `no enumerator "NOPE"`
    e = errno_of("ENOENTT")   # want `no errno "ENOENTT" \(did you mean "ENOENT"\?\)\.$`
    f = first_of("a", "b")    # want "first_of has a meaning only in target and binary"
    g = duration("1 week")    # want "must be a duration"
    h = sizeof("struct nope") # want "no type"
    i = offsetof("struct sock", "sk_nope") # want "no member"
    j = bitand(1.5, 1)        # want "a whole number of at most 64 bits is needed"
    k = nosuch(comm, nothing) # want `Unknown function: There is no function "nosuch".` `Unknown name`
    m = flag_of("O_CREATE")   # want `no flag "O_CREATE" \(did you mean "O_CREAT"\?\)\.$`
    n = "numbers of all kinds of names: ${errno_of("ENOENT")} ${signal_of("SIGKILL")} ${syscall_of("openat")} ${family_of("AF_INET")} ${capability_of("CAP_NET_ADMIN")} ${flag_of("O_CREAT")} ${flag_of("ETH_P_IP")}"
    o = sizeof("struct sokc") # want `there is no type "struct sokc" \(did you mean "struct sock"\?\)\.$`
    p = offsetof("struct sock", "sk_user_dat") # want `struct sock has no member "sk_user_dat" \(did you mean "sk_user_data"\?\)\.$`
    l = bitnad(args.dev, 1)   # want `Unknown function: There is no function "bitnad". Did you mean "bitand"`
  }
}
---
probe "tracepoint" "a" {
  target = "block:block_io_done"
  where  = count() > 1 # want `Aggregate function here: count is an aggregate function: it stands outermost in values`
  capture {
    a = sum(args.bytes)  # want "Aggregate function here"
    b = max(args.bytes)  # want `Wrong number of arguments: Write max\(a, b\).`
    c = max(args.bytes, comm) # want "A string is no number"
    d = abs(comm)        # want "A string is no number"
    e = bitand(args.bytes) # want "Wrong number of arguments: Write bitand"
    f = bitand(args.bytes, "64") # want "A string is no number"
    g = ntohs(comm)      # want "A string is no number"
    h = startswith(args.bytes, "x") # want `Wrong type: This is a number .*, and a string is needed here.`
    i = startswith(comm, args.rwbs) # want "Known value needed: This must be known before attaching: the text to look for."
    j = contains([pid], 5) # want `Known list needed: The list of contains must be known before attaching.`
    k = contains(5, pid)   # want `contains takes the list first`
    l = contains(["a"], pid) # want "Comparison of different types"
    m = strcontains([], comm) # want "List or object here" "Known value needed"
    n = max([args.bytes, 1]...) # want "Expansion of event values"
  }
}
---
probe "kprobe" "a" {
  target = "vfs_read"
  where  = strcontains(args.buf, "x") # want `Wrong type: This is a pointer .* and a string is needed here. Read the string behind the pointer with str\(…\).`
}
---
probe "tracepoint" "a" {
  target = "block:block_io_done"
  capture {
    a = ip(comm)                       # want "Wrong type: This is a string, and a __be32, an in6_addr, or 4 or 16 bytes is needed here."
    b = duration(comm)                 # want "and an integer of nanoseconds is needed here."
    c = hex(comm)                      # want "an integer or pointer is needed"
    d = errno(args.rwbs)               # want "Wrong type"
    e = lookup(["a"], args.error)      # want `Wrong type: This must be a table such as \{ 1 = "NAME" \}, and it is a list.`
    f = lookup({ x = "a" }, args.error) # want `Table key no number: The key "x" of the table is no whole number.`
    g = lookup({ 1 = 2 }, args.error)  # want "Table value no text"
    h = lookup({ 1 = "a" }, comm)      # want "Wrong type: This is a string, and an integer"
    i = lookup({ 1 = "a" }, args.error, comm) # want "Known value needed"
    j = flags({ 1 = "a" }, args.error) # want "List or object here" "Known value needed"
    k = lookup({ 1 = comm }, args.error) # want "Known value needed"
    l = lookup({ 1 = "a" }, args.error) == "b" # want `Name not in the table: The table of lookup has no name "b".`
    m = flags(args.error, { 1 = "a", 2 = "b" }) == "a"
  }
}
---
probe "kprobe" "a" {
  target = "tcp_connect"
  where  = cidr("10.0.0.0/40", remote_ip(args.sk)) # want `No network: "10.0.0.0/40" is no network`
}
probe "kprobe" "b" {
  target = "tcp_connect"
  where  = cidr("10.0.0.0/8", comm) # want `Wrong type: This is a string, and an address is needed here.`
}
probe "kprobe" "c" {
  target = "tcp_connect"
  where  = cidr(comm, remote_ip(args.sk)) # want "Known value needed"
}
probe "kprobe" "d" {
  target = "tcp_connect"
  where  = local_port(args.sk.sk_err) == 1 # want "Wrong type: .*a pointer is needed here."
}
probe "kprobe" "e" {
  target = "tcp_connect"
  where  = under_cgroup("/x") # want "Control group not checked"
}
probe "kprobe" "f" {
  target = "tcp_connect"
  where  = cidr("10.0.0.0/8", remote_ip(args.sk)) && cidr("fe80::/10", ip(args.sk.__sk_common.skc_daddr)) # want "Comparison always false: An IPv4 address is in no IPv6 network."
}
---
probe "tracepoint" "a" {
  target = "block:block_io_done"
  capture {
    a = format("%d %d", args.bytes)  # want "Wrong number of arguments: The format takes 2 values, and there is one."
    b = format("%q", args.bytes)     # want `Format not understood: there is no verb`
    c = format("%d", comm)           # want "Wrong type: This is a string, and a number for %d is needed here."
    d = format("100%", args.bytes)   # want `Format not understood: the format ends inside`
    e = format(comm, args.bytes)     # want "Known value needed: This must be known before attaching: the format."
    k2 = join(",", [comm, pid, "${tid}/x", true, null])
    k3 = join(",", [comm, nothing])   # want `Unknown name: There is no "nothing".`
    k4 = join(comm, [pid])            # want "Known value needed"
    f = join(",", comm)              # want "Wrong type: This is a string, and a list is needed here."
    g = join(comm, strs(args.sector)) # want "Known value needed"
    h = "${pid > 1 ? comm : null}"
    i = "${[pid]}"                   # want "List or object here"
    j = format("%3s|%-8s", "${comm}x", comm) # want "Wrong type: .*Text cannot be given a width."
    k = "%{ if pid > 1 }yes%{ endif }"
    l = "%{ for x in [pid] }${x}%{ endfor }" # want "Loop over event values"
  }
}
---
probe "kprobe" "a" {
  target = "tcp_connect"
  capture {
    a = "x${args.sk.__sk_common}" # want "Wrong type: This is struct sock_common, and a value that can be shown is needed here."
    b = format("%s", args.sk.__sk_common) # want "Wrong type"
    c = remote_ip(args.sk)
    d = mac(args.sk.sk_user_data)
    e = task.nothing # want `struct task_struct has no member "nothing"`
    f = task.exit_cod # want `Did you mean "exit_code"`
    g = task.real_parent.comm
  }
}
---
probe "syscall" "a" {
  target = ["openat", "statfs"]
  capture {
    a = str(try(args.filename, args.pathname))
    b = try(args.filname, "none")         # want `Alternative that fits nothing: No target of this probe has .* Did you mean "filename"`
    c = try(args.other_thing, "none")
    d = try(nosuchname, 1)                # want "Unknown name"
    e = try(nosuchfn(1), 1)               # want "Unknown function"
    f = try(args.nope, args.neither)      # want "Unknown argument: .*neither"
    g = try()                             # want "at least one argument is required"
  }
}
---
probe "raw_tracepoint" "a" {
  target = "sched_switch"
  where  = try(args.prev.__state, args.prev.state) == 0
  capture {
    a = try(args.prev.state, args.prev.__state)
    b = try(args.prev.stat, args.prev.exit_cod, 0) # want "Alternative that fits nothing: .*exit_code"
  }
}
---
probe "kprobe" "a" {
  for_each = toset(["vfs_read", "tcp_connect"])
  target   = each.value
  capture {
    a = try(args.cuont, 0) # want "Alternative that fits nothing"
    b = try(args.sk.sk_err, args.count, 0)
  }
}
---
locals {
  a = "${comm}${comm}${comm}${comm}"
  b = "${local.a}${local.a}${local.a}${local.a}"
  c = "${local.b}${local.b}${local.b}${local.b}"
  d = "${local.c}${local.c}${local.c}${local.c}" # want "Text of too many parts: A text can have at most 64 values in it."
  e = "0123456789012345678901234567890123456789012345678901234567890123"
  f = "${local.e}${local.e}${local.e}${local.e}${local.e}${local.e}${local.e}${local.e}${local.e}${local.e}${local.e}${local.e}${local.e}${local.e}${local.e}${local.e}"
  g = "${local.f}${local.f}${local.f}${local.f}${local.f}${local.f}${local.f}${local.f}${local.f}${local.f}${local.f}${local.f}${local.f}${local.f}${local.f}${local.f}"
  h = "${local.g}${local.g}${local.g}${local.g}${local.g}${local.g}${local.g}${local.g}${local.g}${local.g}${local.g}${local.g}${local.g}${local.g}${local.g}${local.g}"
  i = "${local.h}${local.h}${local.h}${local.h}${local.h}${local.h}${local.h}${local.h}${local.h}${local.h}${local.h}${local.h}${local.h}${local.h}${local.h}${local.h}" # want "Value too large"
}
probe "tracepoint" "a" {
  target = "block:block_io_done"
  capture {
    a = local.d
  }
  where = comm == local.i
}
---
probe "uprobe" "a" {
  binary    = "libc"
  target    = "write"
  signature = "write" # want `Signature not understood: "write": a prototype looks like "int write\(int fd`
}
probe "uprobe" "b" {
  binary    = "libc"
  target    = "write"
  signature = "int write(int fd, double x)" # want "Signature not understood: .*floating point values cannot be read"
}
probe "uprobe" "c" {
  binary    = "libc"
  target    = "write"
  signature = "int write(int a, int a)" # want `two parameters are named "a"`
}
probe "uprobe" "d" {
  binary    = "libc"
  target    = "write"
  signature = "int write(int (*f)(int))" # want "write a pointer to a function as void"
}
probe "uprobe" "e" {
  binary    = "libc"
  target    = "write"
  signature = "int write(int fd, const void *buf)"
  capture {
    a = args.fdd # want `Unknown argument: write has no argument "fdd". Did you mean "fd"`
    b = args[2]
    c = args.buf.x # want `Member of void: This points to nothing known \(void \*\)`
    d = str(args.buf)
  }
}
probe "uretprobe" "f" {
  binary    = "libc"
  target    = "free"
  signature = "void free(void *p)"
  capture {
    a = retval # want "No return value: free: the signature says that the function returns nothing .void.."
  }
}
probe "uprobe" "g" {
  binary    = "libc"
  target    = "write"
  signature = 5 # want "Wrong type: This must be a C prototype"
}
---
probe "usdt" "a" {
  binary = "libc"
  target = "libc:sbrk"
  capture {
    a = args[0]
    b = args[1]
    c = args[2] # want `Argument cannot be read: args\[2\] of libc:sbrk cannot be read: it is floating point \(8f@%xmm0\).`
    d = args[3] # want "No such argument: libc:sbrk has 3 arguments."
    e = args.size # want "Unknown argument: libc:sbrk has no argument .size.. Only args.0., args.1., … are known"
  }
}
probe "uprobe" "b" {
  binary = "libc"
  target = "malloc"
  capture {
    a = args.size # want `Unknown argument: .*name them with signature = "int fn\(int first, …\)".`
    b = args[12] # want "No such argument: malloc has 12 arguments."
  }
}
---
# lookup of what is known is known, and so are its mistakes.
variable "how" {
  default = "in"
}
locals {
  calls = { in = "read", out = "write" }
}
probe "syscall" "a" {
  target   = lookup(local.calls, var.how)
  for_each = toset([lookup(local.calls, "nope", "other")])
  where    = args.fd > lookup({ low = 3 }, "low") && lookup({ 1 = "on" }, 1) == "on" && lookup({ 1 = "on" }, 2) == "2"
  sample   = lookup({ low = 3 }, "low", 5) + length("äb") + length(["a"]) + length(local.calls)
}
probe "syscall" "b" {
  target = lookup(local.calls, "up") # want `the table has no element "up", and there is no default`
}
probe "syscall" "c" {
  target = lookup("in", local.calls) # want `Invalid value for "table" parameter: a table is needed`
}
probe "syscall" "d" {
  target = "read"
  sample = "often"        # want `Wrong type: This must be how many events make one, not a string\.`
  where = { a = 1 } == 1  # want `The left side is an object, the right side a number`
  aggregate "t" {
    values = { n = count() }
    top    = 1.5          # want `Wrong type: top must be the number of rows to show, 1 to 2147483647, not 1\.5\.`
    sort   = ["n"]        # want `Wrong type: sort must be the name of a column in quotes, not a list\.`
  }
}
probe "syscall" "e" {
  target  = "read"
  enabled = 1             # want `Wrong type: This must be a condition \(true or false\), not 1\.`
}
---
# Errors are negative: of an unsigned number errno sees the signed one.
probe "uretprobe" "a" {
  binary = "libc"
  target = "malloc"
  where  = errno(retval) == "ENOENT" # want `Order of an untyped value: Without a signature`
}
probe "syscall" "b" {
  target = "openat"
  where  = errno(cast("u32", args.flags)) == "ENOENT" && errno(cast("u64", args.flags)) != "EPERM"
}
---
# An exception does not pass a return that is probed.
probe "uretprobe" "several" {
  binary = "libcxx"
  target = ["_Z*", "plain"] # want `Exceptions end the program: _Z1fi and 1 more are functions in C\+\+ or Rust\.`
}
probe "uretprobe" "one" {
  binary = "libcxx"
  target = "_Z1gv" # want `Exceptions end the program: _Z1gv is a function in C\+\+ or Rust\.`
}
probe "uretprobe" "plain" {
  binary = "libcxx"
  target = "plain"
}
probe "uprobe" "entry" {
  binary = "libcxx"
  target = "_Z*"
}
