# Aggregates: by, values, settings, columns at report time.
probe "tracepoint" "a" {
  target = "block:block_io_done"
  aggregate "t" {
    values = { n = args.bytes } # want `No aggregate function: A value is an aggregate function of something: count\(\), sum\(x\)`
  }
  aggregate "u" {
    values = 5 # want "Values are no object: Write values = "
  }
  aggregate "v" {
    values = {} # want "Values missing: An aggregate needs values"
  }
  aggregate "w" {
    values = { n = max(args.bytes, 1) } # want `Wrong number of arguments: .*write max\(x\). The max of several numbers stands inside: max\(max\(a, b\)\).`
  }
  aggregate "x" {
    values = { n = sum(sum(args.bytes)) } # want "Aggregate function here: sum is an aggregate function"
  }
  aggregate "y" {
    values = { n = count(1), m = sum() } # want `write count\(\).` `write sum\(x\).`
  }
}
---
probe "tracepoint" "a" {
  target = "block:block_io_done"
  aggregate "t" {
    values = { n = sum(comm) } # want "Wrong type: This is a string, and a number is needed here."
  }
  aggregate "u" {
    values = { n = sum(pid > 1) } # want `Wrong type: .*To count events, use count\(\) with a where, or write condition \? 1 : 0.`
  }
  aggregate "v" {
    values = { n = distinct(pid) } # want `Not available yet: This version of tracer does not have distinct\(\) yet.`
  }
  aggregate "w" {
    values = { n = sum(pid > 1 ? args.bytes : null) } # want "Value may be null"
  }
  aggregate "x" {
    values = { n = sum(nothing) } # want "Unknown name"
  }
}
---
probe "kretprobe" "a" {
  target = "vfs_read"
  aggregate "t" {
    values = { n = hist(latency, 9) } # want "Number out of range: This must be the bits each power of two is split by, a whole number from 0 to 5."
  }
  aggregate "u" {
    values = { n = hist(latency, pid) } # want "Known value needed"
  }
  aggregate "v" {
    values = { n = linear(latency, 0, "1ms") } # want `write linear\(x, min, max, step\).`
  }
  aggregate "w" {
    values = { n = linear(latency, 0, 0, 1) } # want `Steps not possible: linear\(x, min, max, step\) needs min < max and step > 0.`
  }
  aggregate "x" {
    values = { n = linear(latency, 0, "1h", "1us") } # want "Too many steps: "
  }
  aggregate "y" {
    values = { n = linear(latency, 0, 10, 20) } # want "Steps not possible: The step is larger"
  }
  aggregate "z" {
    values = { n = linear(latency, 0, "1x", 1) } # want "Literal not understood"
  }
  aggregate "z2" {
    values = { n = linear(latency, 0, pid, 1) } # want "Known value needed: This must be known before attaching: the value to end at."
  }
  aggregate "z3" {
    values = { n = linear(latency, 0, 10, 0) } # want "Steps not possible"
  }
  aggregate "z4" {
    values = { n = linear(args.count, 0, 18446744073709551615, 4611686018427387904) } # want `Steps not possible: linear\(\) takes numbers below 2\^63, not 18446744073709551615\.`
  }
  aggregate "z5" {
    values = { n = linear(latency, 18446744073709551615, 10, 1) } # want `Steps not possible: linear\(\) takes numbers below 2\^63, not 18446744073709551615\.`
  }
  aggregate "z6" {
    values = { n = linear(args.count, 0, 9223372036854775807, 4611686018427387904) } # want `Steps not possible: From 0 to 9223372036854775807 is too far: max - min is 2\^62 at most\.`
  }
}
---
probe "tracepoint" "a" {
  target = "block:block_io_done"
  aggregate "t" {
    by     = comm # want "by is no list: Write by = .comm, pid., or by = { name = expression }"
    values = { n = count() }
  }
  aggregate "u" {
    by     = [pid + 1] # want "Column without a name: Only a plain name, such as comm or args.dev, names its column. Write by = { name = … } here."
    values = { n = count() }
  }
  aggregate "v" {
    by     = [comm, comm] # want `Two columns of one name: There is a column "comm" already, at line \d+.`
    values = { n = count() }
  }
  aggregate "w" {
    by     = [comm]
    values = { comm = count() } # want `Two columns of one name: by has a column "comm" already`
  }
  aggregate "x" {
    by     = [args.nothing] # want "Unknown argument"
    values = { n = count() }
  }
  aggregate "y" {
    by     = { "a b" = pid } # want `No name for a column: "a b" is no name: use letters, digits and _.`
    values = { n = count() }
  }
  aggregate "z" {
    by     = { (comm) = pid } # want "Column name not known"
    values = { n = count() }
  }
}
---
probe "syscall" "a" {
  target = "execve"
  aggregate "t" {
    by     = { args = strs(args.argv) } # want "List as a key: A list cannot be a column of by."
    values = { n = count() }
  }
  aggregate "u" {
    by     = { args = join(" ", strs(args.argv)) } # want "List as a key: A list cannot be part of a column of by."
    values = { n = count() }
  }
  aggregate "v" {
    by     = 5 # want "by is no list"
    values = { n = count() }
  }
}
---
probe "tracepoint" "a" {
  target = "block:block_io_done"
  aggregate "t" {
    by     = [comm]
    values = { n = count() }
  }
}
probe "tracepoint" "b" {
  target = "block:block_io_start"
  aggregate "t" { # want `Keys do not agree: Another block of aggregate "t" has one column in by, and this one has no columns.`
    values = { n = count() }
  }
}
probe "tracepoint" "c" {
  target = "block:block_io_start"
  aggregate "t" {
    by     = [pid] # want `Keys do not agree: Column 1 of by is "comm", a string, in another block of aggregate "t", and "pid", a number .u32., here.`
    values = { n = count() }
  }
}
probe "tracepoint" "d" {
  target = "block:block_io_start"
  aggregate "t" {
    by     = [comm]
    values = { n = sum(args.bytes) } # want `Column of two kinds: Another block of aggregate "t" has a column "n" that is count of`
  }
}
---
probe "tracepoint" "a" {
  target = "block:block_io_done"
  aggregate "t" {
    values   = { n = count() }
    interval = "1s"
    top      = 3
    having   = n > 1
    derive   = { m = n * 2 }
  }
}
probe "tracepoint" "b" {
  target = "block:block_io_start"
  aggregate "t" {
    values   = { n = count() }
    interval = "2s"         # want `Setting of two values: Another block of aggregate "t" sets interval otherwise, at tables.hcl:\d+.`
    top      = 3
    having   = n > 2        # want `Setting of two values: Another block of aggregate "t" sets having otherwise`
    derive   = { m = n * 2 }
  }
}
---
probe "tracepoint" "a" {
  target = "block:block_io_done"
  aggregate "t" {
    values = { n = count() }
    sort   = "m" # want `Unknown column: There is no column "m" in the finished rows`
  }
  aggregate "u" {
    values = { calls = count() }
    having = cals > 3 # want `Unknown column: There is no column "cals" in the finished rows. Did you mean "calls"`
  }
  aggregate "v" {
    values = { calls = count() }
    derive = { m = calls + nothing } # want `Unknown column: There is no column "nothing"`
  }
  aggregate "w" {
    values = { calls = count() }
    having = calls + 1 # want "Unsuitable condition"
  }
  aggregate "x" {
    values = { calls = count() }
    derive = { a = b, b = a } # want "Cycle of derived columns"
  }
  aggregate "y" {
    values = { calls = count() }
    derive = 5 # want "derive is no object: Write derive = "
  }
  aggregate "z" {
    values = { calls = count() }
    derive = { a = local.gone } # want `Unknown local: There is no local "gone"`
  }
}
---
probe "tracepoint" "a" {
  target = "block:block_io_done"
  aggregate "t" {
    values      = { n = count() }
    sort        = 5       # want "Wrong type: sort must be the name of a column in quotes."
    top         = 0       # want "Wrong type: top must be the number of rows to show, 1 to 2147483647, not 0."
    interval    = "10ms"  # want `Interval not possible: interval must be a duration of at least 100ms, such as "5s".`
    cumulative  = "yes"   # want "Wrong type: cumulative must be true or false."
    max_entries = 1.5     # want "Wrong type: max_entries must be the number of rows"
  }
  aggregate "u" {
    values      = { n = count() }
    sort        = n       # want `Name without quotes: sort takes the name of a column in quotes: "n"`
    top         = pid     # want "Known value needed: This must be known before attaching: top."
    interval    = "often" # want "Literal not understood"
    max_entries = 100000000 # want "Wrong type: max_entries must be the number of rows the table can hold"
  }
  aggregate "v" {
    values     = { n = count() }
    interval   = true # want "Interval not possible"
    cumulative = null
    top        = null
  }
  aggregate "w" {
    values     = { n = count() }
    cumulative = true # want "cumulative without interval: cumulative means something only with interval: this table is printed once."
  }
}
---
probe "tracepoint" "a" {
  target = "block:block_io_done"
  aggregate "t" {
    where  = args.bytes # want "Wrong type: .*a condition"
    values = { n = count() }
  }
}
---
probe "tracepoint" "a" {
  target = "block:block_io_done"
  derive = { b = a / 1024 }
  capture {
    a = args.bytes
  }
}
probe "tracepoint" "b" {
  target = "block:block_io_done"
  derive = { b = c / 1024 } # want `Unknown column: There is no column "c" in the finished rows`
  capture {
    a = args.bytes
  }
}
---
probe "tracepoint" "a" {
  target = ["block:block_io_done", "sched:sched_wakeup"]
  capture {
    what = try(args.bytes, args.comm) # want `Column of two types: Column "what" is a string for sched:sched_wakeup, and a number .unsigned int. for block:block_io_done. Use cast\(…\) to make them one.`
  }
}
---
probe "tracepoint" "a" {
  target = ["block:block_io_done", "sched:sched_wakeup"]
  aggregate "t" {
    by     = { what = try(args.bytes, args.comm) } # want `Keys do not agree: Column "what" is a .* for one target of this block, and a .* for another: they must be one type`
    values = { n = count() }
  }
}
---
probe "tracepoint" "a" {
  target = "block:block_io_done"
  locals {
    key = { dev = args.dev, who = comm }
    off = null
  }
  aggregate "t" {
    by     = local.key
    values = { n = count(), bytes = local.off == null ? sum(args.bytes) : count(args.x) }
  }
  aggregate "u" {
    by     = { dev = pid > 1 ? args.dev : null }
    values = { n = local.off }
  }
}
---
probe "tracepoint" "a" {
  target = "block:block_io_done"
  aggregate "t" {
    values = { n = sum(cast("long", args.bytes)) }
  }
}
probe "tracepoint" "b" {
  target = "block:block_io_done"
  aggregate "t" {
    values = { n = sum(cast("unsigned long", args.bytes)) } # want `Column of two kinds: Another block of aggregate "t" has a column "n" that is sum of a number .*, signed, .* and this one is sum of a number .*, unsigned`
  }
}
---
# Of a histogram its count and sum are known at report time, by name.
probe "kretprobe" "a" {
  target = "vfs_read"
  aggregate "t" {
    by     = { error = errno(retval), comm = comm }
    values = { time = hist(latency), n = count(), steps = linear(retval, 0, 10, 1) }
    derive = { mean = time.sum / time.count, few = steps.count < 3 }
    having = time.count > 3 && mean > "1ms" && error == "ENOENT" && comm != null
  }
  aggregate "u" {
    values = { time = hist(latency) }
    derive = { half = time / 2 } # want `number required, but have object. Of a histogram, use .count or .sum.`
  }
  aggregate "v" {
    values = { time = hist(latency) }
    having = time > 3 # want `Of a histogram, use .count or .sum.`
  }
  aggregate "w" {
    by     = { error = errno(retval), comm = comm }
    values = { n = count() }
    having = error == -2 || comm == 3 # want `Comparison of different types: In a finished row the left side is a string, the right side a number: they can never be equal. What prints as a name is compared with that name` `Comparison of different types`
  }
  aggregate "x" {
    values = { n = count() }
    derive = { many = n == "3" ? 1 : 0 } # want `the left side is a number, the right side a string`
  }
}
---
# A local that is the whole of derive or having: its names are columns.
locals {
  rates = { twice = n * 2 }
  many  = n > local.few
  few   = 3
  chain = local.rates
}
probe "tracepoint" "a" {
  target = "block:block_io_done"
  locals {
    half = { half = m / 2 }
  }
  aggregate "t" {
    values = { n = count() }
    derive = local.chain
    having = local.many
    sort   = "twice"
  }
  aggregate "u" {
    values = { m = count() }
    derive = local.half
    having = half > 1
    sort   = "half"
  }
}
probe "tracepoint" "b" {
  enabled = false
  target  = "block:block_io_done"
  capture {
    x = args.bytes
  }
  derive = { y = x * var.nope } # want `Unknown variable: There is no variable "nope".`
}
---
# Locals within derive and having: names for expressions of columns.
locals {
  few  = 3
  half = n / local.two
  two  = 2
  big  = local.half > local.few
  many = local.big && n > 5
  ev   = args.bytes > 3
  slow = local.ev || n > 3 # want "Event value in a finished row: local.ev mentions args, and derive and having see"
  time = latency
  lat  = h
  gone = n > var.gone # want `Unknown variable: There is no variable "gone"`
}
probe "tracepoint" "a" {
  target = "block:block_io_done"
  locals {
    share = local.half * 100 / b
    opts  = { step = 5 }
  }
  aggregate "t" {
    values = { n = count(), b = sum(args.bytes), h = hist(args.bytes) }
    derive = {
      more  = local.half + 1
      text  = "${local.share}% of ${b}"
      most  = max(local.half, local.opts.step)
      list  = length([for x in [1, 2]: local.half + x])
      seen  = local.lat.count
      size  = local.lat.sum
      plain = (local.few)
      kind  = local.many ? "many" : "few"
      keys  = length({ local = 1, each = local.few })
    }
    having = local.many && more > 1
    sort   = "seen"
  }
  aggregate "u" {
    values = { n = count() }
    derive = {
      a = local.ev ? 1 : 0   # want "Event value in a finished row: local.ev mentions args, and derive and having see"
      b = local.slow ? 1 : 0
      c = length([for n in [1, 2]: local.half]) # want "Event value in a finished row: local.half mentions n, "
    }
  }
  aggregate "w" {
    values = { n = count() }
    having = local.gone
  }
}
probe "tracepoint" "b" {
  target = "block:block_io_done"
  capture {
    n = args.bytes
  }
  derive = { y = local.half + 1 }
}
---
# One that this table has no column for is an error where it is written.
locals {
  half = n / 2 # want `Unknown column: There is no column "n" in the finished rows. Did you mean "m"\? The columns are m, x. The rows are those of aggregate "t", line \d+.`
  time = latency # want `Unknown column: There is no column "latency" in the finished rows.`
}
probe "tracepoint" "a" {
  target = "block:block_io_done"
  aggregate "t" {
    values = { m = count() }
    derive = { x = local.half + 1 }
  }
  aggregate "u" {
    values = { m = count() }
    having = local.time > 3
  }
}
---
# Locals that mention another twice, and it another twice, do not grow for ever.
locals {
  l0 = n
  l1 = local.l0 * local.l0
  l2 = local.l1 * local.l1
  l3 = local.l2 * local.l2
  l4 = local.l3 * local.l3
  l5 = local.l4 * local.l4
  l6 = local.l5 * local.l5
  l7 = local.l6 * local.l6
  l8 = local.l7 * local.l7
  l9 = local.l8 * local.l8 # want `Value too large: With local.l9, an expression of derive or having has more than 4000 parts.`
  l10 = local.l9 * local.l9
  l11 = local.l10 * local.l10
  l12 = local.l11 * local.l11
  l13 = local.l12 * local.l12
  l14 = local.l13 * local.l13
  l15 = local.l14 * local.l14
  l16 = local.l15 * local.l15
  l17 = local.l16 * local.l16
  l18 = local.l17 * local.l17
  l19 = local.l18 * local.l18
  l20 = local.l19 * local.l19
  l21 = local.l20 * local.l20
  l22 = local.l21 * local.l21
  l23 = local.l22 * local.l22
  l24 = local.l23 * local.l23
  l25 = local.l24 * local.l24
  l26 = local.l25 * local.l25
  l27 = local.l26 * local.l26
  l28 = local.l27 * local.l27
  l29 = local.l28 * local.l28
  l30 = local.l29 * local.l29
}
probe "tracepoint" "a" {
  target = "block:block_io_done"
  aggregate "t" {
    values = { n = count() }
    derive = { x = local.l30 }
  }
}
---
# Each block has the locals and each of its own probe.
probe "tracepoint" "a" {
  target = "block:block_io_done"
  locals { k = 3 }
  for_each = { "1" = "p" }
  aggregate "t" {
    values = { n = count() }
    derive = { d = n * local.k * tonumber(each.key) }
  }
}
probe "tracepoint" "b" {
  target = "block:block_io_done"
  locals { few = 4 }
  aggregate "t" {
    values = { n = count() }
    having = n > local.few
  }
}
---
# A condition known at plan time takes an arm of derive and having, which may be a
# local or null; the names of the other are columns all the same.
variable "on" {
  type    = bool
  default = true
}
locals {
  rates = { twice = n * 2 }
  many  = n > 3
  off   = var.on ? null : local.rates
}
probe "tracepoint" "a" {
  target = "block:block_io_done"
  aggregate "t" {
    values = { n = count() }
    derive = var.on ? local.rates : null
    having = var.on ? local.many : twice > 8
    sort   = "twice"
  }
  aggregate "u" {
    values = { n = count() }
    derive = local.off
    having = var.on ? null : n > var.gone # want `Unknown variable: There is no variable "gone"`
    sort   = "twice" # want `Unknown column: There is no column "twice"`
  }
  aggregate "v" {
    values = { n = count() }
    derive = n > 1 ? { twice = n * 2 } : null # want "derive is no object"
  }
}
---
probe "tracepoint" "a" {
  target = "block:block_io_done"
  aggregate "t" { # want `Row too large: The values of one row of aggregate "t" are 46128 bytes, and the kernel keeps 32768 at most. a alone, hist, is 15376: split its powers of two by fewer bits`
    values = { a = hist(pid, 5), b = hist(tid, 5), c = hist(args.bytes, 5) }
  }
}
---
probe "kretprobe" "a" {
  target = "vfs_read"
  aggregate "u" {
    values = { a = linear(pid, 0, "10ms", "1ms") } # want `Wrong type: This is a string, and a number is needed here. Give x its unit, as in linear\(duration\(x\)`
  }
}
---
probe "kretprobe" "a" {
  target = "vfs_read"
  aggregate "u" {
    values = { a = last(comm) } # want "Wrong type: This is a string, and a number is needed here. What is aggregated has no room for text: put it into by."
  }
}
---
# What differs between two columns of one name is said.
probe "tracepoint" "a" {
  target = "block:block_io_done"
  aggregate "t" {
    values = { h = hist(args.bytes), l = linear(args.bytes, 0, 10, 1), x = last(hex(cast("u8", args.bytes))) }
  }
}
probe "tracepoint" "b" {
  target = "block:block_io_done"
  aggregate "t" {
    values = { h = hist(args.bytes, 2) } # want `powers of two split by 0 bits, and this one is hist of .*, powers of two split by 2 bits`
  }
}
probe "tracepoint" "c" {
  target = "block:block_io_done"
  aggregate "t" {
    values = { l = linear(args.bytes, 0, 10, 2) } # want `from 0 to 10 in steps of 1, and this one is .* from 0 to 10 in steps of 2`
  }
}
probe "tracepoint" "d" {
  target = "block:block_io_done"
  aggregate "t" {
    values = { x = last(hex(args.bytes)) } # want `last of a number \(hex\), unsigned, of 8 bits, and this one is last of a number \(hex\), unsigned, of 32 bits`
  }
}
---
# One table cannot be made by several rules: the same text with other locals, or
# of other elements of for_each.
probe "tracepoint" "a" {
  target = "block:block_io_done"
  locals {
    rate = local.half
    half = n / 2
  }
  aggregate "t" {
    values = { n = count() }
    derive = { x = local.rate }
    having = local.half > 1
  }
}
probe "tracepoint" "b" {
  target = "block:block_io_start"
  locals {
    rate = local.half
    half = n / 3
  }
  aggregate "t" {
    values = { n = count() }
    derive = { x = local.rate } # want `Setting of two values: Another block of aggregate "t" sets derive otherwise`
    having = local.half > 1 # want `Setting of two values: Another block of aggregate "t" sets having otherwise, at tables.hcl:\d+.`
  }
}
---
probe "tracepoint" "a" {
  for_each = { block_io_done = 2, block_io_start = 3 }
  target   = "block:${each.key}"
  aggregate "t" {
    values = { n = count() }
    derive = { x = n * each.value } # want `Setting of two values: The elements of for_each set derive differently, and aggregate "t" is one table.`
    top    = each.value # want `Setting of two values: The elements of for_each set top differently`
  }
}
---
probe "tracepoint" "a" {
  for_each = { block_io_done = 2, block_io_start = 2 }
  target   = "block:${each.key}"
  aggregate "t" {
    values = { n = count() }
    derive = { x = n * each.value }
    top    = each.value
  }
}
---
# What is null for one block or element is not set by it.
probe "tracepoint" "a" {
  target = "block:block_io_done"
  aggregate "t" {
    values = { n = count() }
    derive = null
    having = null
  }
}
probe "tracepoint" "b" {
  target = "block:block_io_start"
  aggregate "t" {
    values = { n = count() }
    derive = { x = n * 2 }
    having = n > 2
  }
}
---
probe "tracepoint" "a" {
  for_each = toset(["block:block_io_done", "block:block_io_start", "sched:sched_switch"])
  target   = each.key
  aggregate "t" {
    values = { n = count() }
    derive = each.key == "block:block_io_done" ? null : { x = n * 2 }
    having = each.key == "sched:sched_switch" ? null : n > 2
  }
}
---
probe "tracepoint" "a" {
  for_each = toset(["block_io_done", "block_io_start"])
  target   = "block:${each.key}"
  aggregate "t" {
    values = { n = count() }
    having = each.key == "block_io_start" ? n > 1 : n > 2 # want `Setting of two values: The elements of for_each set having differently`
  }
}
---
# Columns of two kinds that are called alike.
probe "tracepoint" "a" {
  for_each = { block_io_done = { 1 = "one" }, block_io_start = { 1 = "uno" } }
  target   = "block:${each.key}"
  aggregate "t" {
    by     = { s = lookup(each.value, args.bytes) } # want `Keys do not agree: Column "s" has other names of its numbers for one target of this block than for another`
    values = { n = count() }
  }
  aggregate "u" {
    by     = { s = "${comm}/${each.value["1"]}" } # want `Keys do not agree: Column "s" is text that has other parts for one target of this block than for another`
    values = { n = count() }
  }
}
---
probe "tracepoint" "a" {
  target = "block:block_io_done"
  aggregate "t" {
    by          = [comm]
    values      = { n = count() }
    top         = 99999999999 # want "top must be the number of rows to show, 1 to 2147483647, not 99999999999."
    max_entries = 0.5 # want "not 0.5."
  }
}
