# What HCL lets through, or rejects in words that do not help.
probe "kprobe" "arrow" {
  target = "f"
  where  = args.sk->len > 3 # want "Arrow operator: .*Write `.`"
}
---
probe "kprobe" "arrow_of_call" {
  target = "f"
  capture {
    a = cast("struct sock *", args.sk)->len # want "Arrow operator: .*Write `.`"
    b = p->x                                # want "Arrow operator"
  }
}
---
probe "kprobe" "dash" {
  target = "f"
  capture {
    a = ret.ts-entry.ts      # want "Name with a dash: .*\"ts-entry\".*put spaces around -: ts - entry"
    b = end-start            # want "put spaces around -: end - start"
    c = args.x-1             # want "put spaces around -: x - 1"
    d = my-function(1)       # want "put spaces around -: my - function"
    e = cast("a", b).x-y     # want "put spaces around -: x - y"
    f = { user-agent = pid } # a key is text
    g = var.m["a-b"]
  }
}
---
probe "kprobe" "numbers" {
  target = "f"
  capture {
    a = 0x10   # want `Number in another base: .*parseint\("10", 16\)`
    b = 0b11   # want `parseint\("11", 2\)`
    c = 0o17   # want `parseint\("17", 8\)`
    d = 017    # want `leading zero: .*parseint\("17", 8\) for octal, or 17`
    e = 10ms   # want `Number with a unit: .*"10ms"`
    f = 4KiB   # want `Number with a unit: .*"4KiB"`
    g = 1.5h   # want `"1.5h"`
    h = 1_000  # want "Digit separator in a number: .*: 1000"
    i = 0
    j = 0.5
    k = args.0
    l = 1e3
    m = 00 # want "leading zero"
  }
}
---
probe "kprobe" "bits" {
  target = "f"
  where  = a & b        # want `Bit operator: .*bitand\(a, b\)`
  stream = a | b        # want `bitor\(a, b\)`
  sample = ~a           # want `bitnot\(a\)`
  derive = { x = a ^ b } # want `bitxor\(a, b\)`
  capture {
    a = a << 2 # want `Shift operator: .*shl\(a, n\)`
    b = a >> 2 # want `Shift operator: .*shr\(a, n\)`
    c = a ** 2 # want `Power operator: .*shl\(1, n\)`
    d = (a & b & c) == 0 # want "Bit operator"
  }
}
---
probe "kprobe" "swallowed" {
  target = "f"
  where  = a <<b
  # want@-1 "Shift operator: .*heredoc"
  capture {
    x = 1
  }
}
---
probe "kprobe" "words" {
  target = "f"
  where  = x in list    # want `Keyword as operator: .*contains\(list, x\)`
  stream = a and b      # want "Write &&"
  sample = a or b       # want `Write \|\|`
  enabled = not a       # want "Write !"
  capture {
    a = comm =~ "x"     # want "Regular expression operator: .*startswith"
    b = comm !~ "x"     # want "Regular expression operator: .*strcontains"
    c = a <> b          # want "Inequality operator: .*!="
    d = [for x in list : x]
    e = { for k, v in m : k => v if v in list } # want "Keyword as operator"
    f = 'a'             # want "Single quotes: .*double quotes"
    g = a = b           # want "Assignment in an expression: .*=="
    h = (a = b)         # want "Assignment in an expression"
    i = { in = 1, or = 2, and = 3 }
  }
}
---
probe "kprobe" "chains" {
  target = "f"
  where  = 1 < x < 3        # want "Chained comparison: .*Write 1 < x && x < 3"
  stream = a == b == c      # want "Write a == b && b == c"
  sample = a < b == c
  capture {
    a = 1 <= x && x <= 3
    b = (a < b) < c
    c = 1 < x + y < 3       # want "Write 1 < b && b < 3"
  }
}
---
probe "kprobe" "lines" {
  target = "f"
  where = a == 1 && # want "Expression broken by a newline: A newline ends an expression outside brackets.*parentheses"
    b == 2
  stream = a
    && b == "x" # want "Expression broken by a newline"
    || c[0] == (1) # want "Expression broken by a newline"
  sample = (a
    + b)
  optional = a ? # want "Expression broken by a newline"
    b : c
  capture {
    a = p->x # want "Arrow operator"
  }
}
---
probe "kprobe" "separators" {
  target = "f", # want "Separator between attributes: Commas and semicolons do not separate attributes"
  where = a;    # want "Commas and semicolons do not separate attributes"
  capture { a = 1, b = 2 } # want "A one-line block takes one attribute"
  save "x" { key = [1]; where = a } # want "A one-line block takes one attribute"
  match "x" { key = [1] keep = true } # want "Several attributes on one line: A one-line block takes one attribute"
  stream = 1 sample = 2 # want "Several attributes on one line: A newline must end an attribute"
}
---
locals {
  a = [1; 2] # want "semicolon separates nothing"
  b = { x = 1, "x" = 2 } # want `Key given twice: The key "x" .*first is at operators.hcl:\d+,9`
  c = { 1 = "a", 2 = "b", 1 = "c" } # want `The key "1"`
  d = [{ y = { z = 1, z = 2 } }] # want `The key "z"`
  e = { (x) = 1, (x) = 2 }
  f = f({ a = 1, a = 2 }) # want `The key "a"`
}
---
locals {
  a = "${1 + }" # want "Invalid expression"
  b = "${0x1f}" # want "parseint"
  c = "0x1f & 'a' 017 10ms"
  d = <<EOT
  text 0x10 ${a & b} # want "Bit operator"
  EOT
}
---
locals {
  a = 0x10 # want "parseint"
  b = "unfinished
  # want@-1 "Text not closed"
  c = 0x10
}
---
locals {
  a = args.fd === 3 # want "Strict comparison: There is no operator ===. Write =="
  b = args.fd !== 3 # want "There is no operator !==. Write !="
  c = args.fd++ # want `Assignment in an expression: There is no operator \+\+: an expression changes nothing.`
  d = args.fd += 1 # want `There is no operator \+=`
  e = sizeof(struct sock) # want `C type without quotes: A C type is written as text: "struct sock"\.`
  f = cast(struct inet_sock *, args.sk).inet_sport # want `"struct inet_sock \*"\.`
  g = cast(unsigned long long, args.sk) # want `"unsigned long long"\.`
  h = comm.startswith("x") # want `Method call: Values have no methods. .* startswith\(x, …\)\.`
  i = 1 + +1 # want "Invalid expression"
}
---
locals {
  a = 1 - -1
  b = [for long in x : long]
  c = a.b == (c)
  d = f(long, short)
  e = a == -1 && b != !c
}
---
locals {
  a = "unfinished ${x # want "Text not closed"
}
