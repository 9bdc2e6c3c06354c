# Entry and return, samples, processes, streams.
probe "kprobe" "a" {
  target = "vfs_read"
  capture {
    a = retval       # want `No return value here: A kprobe fires at the entry, so there is no return value yet. Use a probe of type "kretprobe".`
    b = latency      # want `No latency here: A kprobe is a moment, not a call, so it has no latency. Use a probe of type "kretprobe".`
    c = entry(pid)   # want "No entry here: A kprobe is a moment, not a call, so it has no entry."
  }
}
---
probe "tracepoint" "a" {
  target = "block:block_io_done"
  where  = retval > 1 # want `No return value here: A tracepoint .*For system calls, use a probe of type "syscall".`
}
---
probe "usdt" "a" {
  binary = "libc"
  target = "libc:sbrk"
  where  = latency > 1 # want "No latency here: A usdt is a moment"
}
---
probe "kretprobe" "a" {
  target = "vfs_read"
  capture {
    a = entry(retval)         # want `No return value at entry: Inside entry\(…\) the call has not returned yet.`
    b = entry(latency)        # want "No latency at entry"
    c = entry(entry(pid))     # want "Entry inside entry"
    d = entry(capture.e)      # want "capture inside entry: Columns of capture belong to the return."
    e = args.count
    f = entry()               # want "Wrong number of arguments"
    g = entry(5)
    h = entry(nothing)        # want "Unknown name"
    i = entry("${comm}/${pid}")
    j = entry(pid > 1 ? pid : null) # want "Value may be null"
  }
}
---
probe "kretprobe" "a" {
  target = "tcp_set_state"
  where  = retval == 0 # want `No return value: tcp_set_state: the function returns nothing \(void\).`
}
probe "kretprobe" "b" {
  target = ["vfs_read", "tcp_set_state"]
  where  = try(retval, 0) == 0
  capture {
    sk = try(entry(args.sk.__sk_common), null)
  }
}
probe "kretprobe" "c" {
  target = "tcp_connect"
  capture {
    a = entry(args.sk.__sk_common) # want "Struct or array at entry: This is struct sock_common, which cannot be kept as a whole"
  }
}
---
probe "tracepoint" "a" {
  target = "block:block_io_done"
  sample = 0 # want "Number out of range: This must be how many events make one, a whole number from 1 to 4294967295."
}
probe "tracepoint" "b" {
  target = "block:block_io_done"
  sample = "x" # want "Wrong type: This must be how many events make one."
}
probe "tracepoint" "c" {
  target = "block:block_io_done"
  sample = pid # want "Known value needed"
}
probe "tracepoint" "d" {
  target = "block:block_io_done"
  sample = null
  stream = comm # want "Wrong type: This is a string, and a condition"
}
probe "tracepoint" "e" {
  target = "block:block_io_done"
  stream = pid > 1
}
---
probe "uprobe" "a" {
  binary = "libc"
  target = "malloc"
  pid    = -1 # want "Number out of range: This must be a process id, a whole number from 1 to 4194304."
}
probe "uprobe" "b" {
  binary = "libc"
  target = "malloc"
  pid    = pid # want "Known value needed: This must be known before attaching: a process id."
}
probe "uprobe" "c" {
  binary = "libc"
  target = "malloc"
  pid    = null
}
---
probe "fentry" "a" { # want `Not available yet: This version of tracer does not have probes of type "fentry" yet.`
  target = "vfs_read"
  where  = nothing # want "Unknown name"
}
probe "profile" "b" { # want `Not available yet: This version of tracer does not have probes of type "profile" yet.`
  frequency = 99
}
probe "interval" "c" {
  enabled  = false
  interval = "1s"
}
---
probe "tracepoint" "a" {
  target = "block:block_io_start"
  save "io" { # want "Not available yet: This version of tracer does not have saved entries"
    key = [args.dev, args.sctor]
  }
}
probe "tracepoint" "b" {
  target = "block:block_io_done"
  where  = age(saved.oi) > "1ms" # want `Unknown save: There is no save "oi". Did you mean "io"`
  match "io" { # want "Not available yet"
    key = [args.dev, args.sector]
  }
  match "oi" { # want `Unknown save: There is no save "oi". Did you mean "io"` "Not available yet"
    key = [nothing] # want "Unknown name"
  }
}
---
probe "tracepoint" "a" {
  target = "block:block_io_done"
  capture {
    a = kstack        # want "Not available yet: This version of tracer does not have stacks yet."
    b = ustack(3)     # want "Not available yet: .*stacks"
    c = path(task)    # want `Not available yet: .*path\(\)`
    d = cgroup_path(cgroup) # want `Not available yet: .*cgroup_path\(\)`
    e = saved.io.x    # want `Unknown save: There is no save "io". There is none at all.`
    f = age(5)        # want "Not available yet: .*saved entries"
    g = kstack.x      # want "Not available yet: .*stacks"
  }
}
---
# What this version does not have still has its names checked.
module "disk" { # want "Not available yet: This version of tracer does not have modules yet."
  source      = "./disk"
  min_latency = var.nothing # want "Unknown variable"
}
probe "iter" "a" { # want `Not available yet: This version of tracer does not have probes of type "iter" yet.`
  target = "task"
  where  = nosuch == 1 # want "Unknown name"
}
probe "lsm" "b" { # want "Not available yet"
  target = "file_open"
  where  = args.file != null
}
probe "watchpoint" "c" { # want "Not available yet"
  target = "jiffies"
  length = 8
}
probe "tracepoint" "d" {
  target = "block:block_io_done"
  where  = args.bites > 1 # want "Unknown argument"
}
