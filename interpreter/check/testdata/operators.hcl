# Operators and the types of both sides.
probe "tracepoint" "a" {
  target = "sched:sched_switch"
  capture {
    a = comm + 1        # want "Wrong type: This is a string, and a number is needed here. A string is no number."
    b = (pid == 1) + 1  # want `Wrong type: This is true or false \(bool\), and a number is needed here. Write condition \? 1 : 0.`
    c = -comm           # want "Wrong type: This is a string"
    d = !pid            # want `Wrong type: This is a number \(u32\), and a condition \(true or false\) is needed here. Compare it: x != 0.`
    e = pid && true     # want "Wrong type: .*a condition"
    f = comm || pid > 1 # want "Wrong type: This is a string, and a condition"
    g = null + pid      # want `Value is null: This is null \(not set\), and a number is needed here.`
  }
}
---
probe "tracepoint" "a" {
  target = "sched:sched_switch"
  where  = pid # want "Wrong type: .*a condition"
}
probe "tracepoint" "b" {
  target = "sched:sched_switch"
  where  = pid == "5" # want "Comparison of different types: .*Write the number without quotes; a variable that holds it needs type = number."
}
probe "tracepoint" "c" {
  target = "sched:sched_switch"
  where  = comm == 5 # want "Comparison of different types: .*Write the number in quotes to compare text."
}
probe "tracepoint" "d" {
  target = "sched:sched_switch"
  where  = comm == pid # want "Comparison of different types: The left side is a string, the right side a number"
}
probe "tracepoint" "e" {
  target = "sched:sched_switch"
  where  = (pid == 1) == 1 # want "Comparison of different types"
}
---
probe "kprobe" "a" {
  target = "vfs_read"
  where  = args.buf == "x" # want `Comparison of different types: .*Read the string behind the pointer with str\(…\).`
}
probe "kprobe" "b" {
  target = "tcp_connect"
  where  = args.sk.__sk_common == 1 # want "Comparison of different types: .*Compare one of its members."
}
probe "kprobe" "c" {
  target = "tcp_connect"
  where  = args.sk == null
  capture {
    a = args.sk + 1 # want `Wrong type: This is a pointer \(struct sock \*\), and a number is needed here. Read what it points to with deref`
  }
}
---
probe "tracepoint" "a" {
  target = "sched:sched_switch"
  where  = comm < "x" # want "Order of strings: Strings have no order here"
}
probe "tracepoint" "b" {
  target = "sched:sched_switch"
  where  = (pid > 1) > (tid > 2) # want "Comparison of a comparison"
}
probe "tracepoint" "c" {
  target = "sched:sched_switch"
  where  = (1 < pid) < 3 # want "Comparison of a comparison: .*Write a < x && x < b"
}
probe "tracepoint" "d" {
  target = "sched:sched_switch"
  where  = pid > null # want "Order with null: null has no order"
}
---
probe "uretprobe" "a" {
  binary = "libc"
  target = "write"
  where  = retval < 0 # want `Order of an untyped value: .*signature = "int fn\(…\)", or write cast\("int", …\).`
}
probe "uretprobe" "b" {
  binary = "libc"
  target = "write"
  where  = 0 >= retval # want "Order of an untyped value"
}
probe "uretprobe" "c" {
  binary = "libc"
  target = "write"
  where  = retval == -1 # want "Order of an untyped value"
}
probe "uretprobe" "d" {
  binary = "libc"
  target = "malloc"
  where  = retval != null
}
probe "uretprobe" "e" {
  binary    = "libc"
  target    = "write"
  signature = "ssize_t write(int fd, const void *buf, size_t n)"
  where     = retval < 0
}
---
probe "tracepoint" "a" {
  target = "sched:sched_switch"
  where  = pid > 3 / 2 # want "Number with a fraction: This was computed before attaching and is 1.5, but at event time numbers are whole."
}
probe "tracepoint" "b" {
  target = "sched:sched_switch"
  where  = pid > 36893488147419103232 # want "Number too large: 36893488147419103232 does not fit 64 bits."
}
---
probe "tracepoint" "a" {
  target = "block:block_io_done"
  where  = args.bytes == -1 # want `Comparison always false: This is a number \(unsigned int\), from 0 to 4294967295, .*If it can be negative, write cast\("int", …\).`
}
probe "tracepoint" "b" {
  target = "block:block_io_done"
  where  = args.bytes < 8589934592 # want "Comparison always true"
}
probe "tracepoint" "c" {
  target = "block:block_io_done"
  where  = 0 > uid + 0 || -5 < uid # want "Comparison always true"
}
probe "tracepoint" "d" {
  target = "sched:sched_switch"
  where  = comm == "systemd-journald" # want "Comparison always false: The string has at most 15 bytes, and this text has 16."
}
probe "tracepoint" "e" {
  target = "block:block_io_done"
  where  = startswith(args.rwbs, "123456789") # want "Comparison always false: The string has at most 8 bytes"
}
---
probe "tracepoint" "a" {
  target = "sched:sched_switch"
  where  = pid == null # want "Never null: This is a number .u32., which always has a value"
}
probe "tracepoint" "b" {
  target = "sched:sched_switch"
  where  = args.prev_pid != null # want "Never null"
}
---
variable "flag" {
  type    = bool
  default = null
}
probe "tracepoint" "a" {
  target = "sched:sched_switch"
  where  = var.flag # null is not set
}
probe "tracepoint" "b" {
  target = "sched:sched_switch"
  where  = var.flag && pid > 1 # want "Condition is null"
}
probe "tracepoint" "c" {
  target = "sched:sched_switch"
  capture {
    a = var.flag ? 1 : pid # want "Condition is null"
    b = var.flag == null ? 1 : args.nothing_here
  }
}
---
probe "tracepoint" "a" {
  target = "sched:sched_switch"
  where  = capture.a > 1 # want "Value may be null"
  capture {
    a = pid > 1 ? pid : null
    b = capture.a + 1 # want "Value may be null"
    c = capture.a == null
    d = bitand(capture.a, 1) # want "Value may be null"
    e = capture.f.__sk_common # want "Value may be null"
    f = pid > 1 ? cast("struct sock *", nsecs) : null
  }
}
---
probe "tracepoint" "a" {
  target = "sched:sched_switch"
  capture {
    a = pid > 1 ? pid : comm # want `Arms of different types: One arm is a number \(u32\), the other a string`
    b = pid > 1 ? comm : 5   # want "Arms of different types"
    c = pid ? 1 : 2          # want "Wrong type: .*a condition"
    d = pid > 1 ? "x${comm}" : null # want "Text in a conditional: .*Put the condition inside the text"
    e = pid > 1 ? null : null
    f = pid > 1 ? duration(nsecs) : size(nsecs) # want "Arms of different types"
  }
}
---
probe "kretprobe" "a" {
  target = "vfs_read"
  where  = latency > "10 parsecs" # want `Literal not understood: The literal "10 parsecs" must be a duration`
}
probe "kretprobe" "b" {
  target = "vfs_read"
  where  = latency > size(retval) # want "Units do not match: A duration cannot be compared with a size."
}
probe "kretprobe" "c" {
  target = "vfs_read"
  capture {
    a = latency + size(retval) # want "Units do not match: A duration and a size cannot be combined with .."
    b = latency * latency # want "Units do not match: A duration and a duration"
    c = latency / latency
    d = latency + comm # want "A string is no number"
    e = max(latency, size(retval)) # want "Units do not match"
    s = errno(retval) == errno_of("EBADF") # want `Sign of an error: errno\(\) is negative where there is an error, as in the kernel. Compare it with a name, as in errno\(x\) == "ENOENT", or with -9.`
    t = 2 != errno(retval)                 # want "Sign of an error: .* or with -2."
    u = errno(retval) == -errno_of("EBADF") && errno(retval) < 0 && errno(retval) != 0
    f = errno(retval) == "ENOTHING" # want `Literal not understood: The literal "ENOTHING" must be an error`
    g = latency / "2ms"
  }
}
---
locals {
  mixed = size("1KiB") + duration("1ms")
}
probe "kretprobe" "a" {
  target = "vfs_read"
  where  = latency > local.mixed # want@-4 "Units do not match: A size and a duration cannot be combined"
}
probe "kretprobe" "b" {
  target = "vfs_read"
  where  = latency > duration("1ms") * 2
}
probe "kretprobe" "c" {
  target = "vfs_read"
  where  = retval > duration("1s") / duration("1ms")
}
---
variable "name" {
  type    = string
  default = "5"
}
locals {
  same = var.name == 5 # want "Comparison of different types: The left side is a string, the right side a number: they can never be equal."
  unit = duration("1ms") == "1ms" # want `Comparison of different types: One side is a duration, .*Write duration\(…\) around that too.`
  list = [1] == 1 # want "Comparison of different types"
}
probe "tracepoint" "a" {
  target = "sched:sched_switch"
  where  = local.same && local.unit && local.list
}
---
probe "tracepoint" "a" {
  target = "sched:sched_switch"
  capture {
    a = [pid, tid]            # want "List or object here"
    b = { x = pid }           # want "List or object here"
    c = [for x in [pid] : x]  # want "Loop over event values"
    d = [1, 2]                # want "List or object here: This is a list, and one value is needed here."
    e = pid[0]                # want "Index of a plain value"
    f = kernel.release.x      # want "Unsupported attribute"
  }
}
---
probe "raw_tracepoint" "a" {
  target = "sched_switch"
  where  = args.prev.reason == "WB_REASON_NONE" # want `Literal not understood: The literal "WB_REASON_NONE" must be`
}
probe "raw_tracepoint" "b" {
  target = "sched_switch"
  where  = args.prev.reason == "WB_REASON_VMSCAN" && args.prev.reason != enumerator("WB_REASON_VMSKAN") # want `no enumerator "WB_REASON_VMSKAN" \(did you mean "WB_REASON_VMSCAN"\?\)\.$`
}
---
probe "kprobe" "a" {
  target = ["vfs_read", "vfs_write"]
  where  = func == "vfs_raed" # want `Name of no target: No target of this probe is called "vfs_raed", nor is the probe \(kprobe.a\), so it is never equal. Did you mean "vfs_read"`
}
probe "kprobe" "b" {
  target = ["vfs_read", "vfs_write"]
  where  = func > "vfs_read" # want "Order of strings"
}
---
probe "tracepoint" "a" {
  target = "sock:inet_sock_set_state"
  where  = ip(args.saddr_v6) == ip(args.saddr) # want "Comparison of different types: The left side has 16 bytes, the right side 4"
}
probe "tracepoint" "b" {
  target = "sock:inet_sock_set_state"
  where  = "${comm}/${pid}" == "x/1" # want "Comparison of printed text"
}
probe "tracepoint" "c" {
  target = "sock:inet_sock_set_state"
  where  = ip(args.saddr) == "10.0.0.999" # want "Literal not understood: .*must be an IP address"
}
---
# What a chain's beginning decides drops all the rest of it.
probe "tracepoint" "a" {
  target = "sched:sched_switch"
  where  = null == null || args.prev_pid == null || args.next_pid == null
}
probe "tracepoint" "b" {
  target = "sched:sched_switch"
  where  = null != null && args.prev_pid == null && args.next_pid == null
}
probe "tracepoint" "c" {
  target = "sched:sched_switch"
  where  = null == null || pid == 1 || nosuch == 2 # want "Unknown name"
}
---
# A text that is a number beside a value of its unit.
probe "tracepoint" "a" {
  target = "sched:sched_switch"
  where  = args.prev_pid > "4KiB" # want `As size\(…\), the number compares with "4KiB".`
}
probe "tracepoint" "b" {
  target = "sched:sched_switch"
  where  = args.prev_pid == "10ms" # want `As duration\(…\), the number compares with "10ms".`
}
probe "tracepoint" "c" {
  target = "sched:sched_switch"
  where  = args.prev_prio == "ENOENT" # want `As errno\(…\), the number compares with "ENOENT".`
}
---
probe "tracepoint" "a" {
  target = "block:block_io_done"
  where  = args.bytes == 1 / 0 # want "Division by zero: This was computed before attaching, and divides by zero."
  capture {
    x = comm == null # want "Never null: This is a string, which always has a value"
    z = str(task.comm) == null # want "Never null: This is a string, which always has a value"
    y = 5 % 0
  }
}
