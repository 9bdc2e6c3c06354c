# Plain errors of syntax: one message each, where it helps.
locals { # want "Unclosed configuration block: .*Count the braces"
  a = 1
---
locals {
  a = [1, 2
} # want "Missing item separator"
probe "kprobe" "x" {
}
---
locals {
  a = f(1, 2 # want "Bracket not closed: This bracket is still open on line 13"
  b = 3
}
---
locals {
  a = <<EOT
  text
}
# want "Unterminated template string"
---
locals {
  a = 1
}} # want "Missing newline after block definition: .*lines of its own"
---
locals {
  a = “x”      # want "Invalid character: \"Curly quotes\""
  b = `x`      # want "Invalid character"
  c = @x       # want "Invalid character"
  d = "\x41"   # want `Invalid escape sequence: .*\\uNNNN`
  e = a ? b    # want "Missing false expression in conditional: .*Write condition \\? a : b"
  f = [1 2]    # want "Missing item separator"
  g = { a 1 }  # want "Missing key/value separator"
  h = a.       # want "Invalid attribute name"
  i = f(a b)   # want "Missing argument separator"
  j = 1.2.3    # want "Invalid number literal"
  k = [for x : y] # want "Invalid 'for' expression"
  l = a => b   # want "Missing newline after argument: .*cannot continue its expression"
  m = a?.b     # want "Optional access operator"
  n = a ?? b   # want "Null operator: .*Write a == null"
  o = "a" "b"  # want "Missing newline after argument"
  p = "%{ if x }y" # want "Unexpected end of template"
}
---
probe "${x}" "y" { # want "Invalid string literal"
  target = "x"
}
---
probe "kprobe" "y" # want "Brace on the next line"
{
  target = "x"
}
---
probe "kprobe" "y" = { # want "Invalid block definition"
  target = "x"
}
---
probe("kprobe", "y") { # want "Attribute without ="
  target = "x"
}
---
"probe" "kprobe" "x" { # want "Invalid argument name"
}
---
for x in y { # want "Unknown block: There is no block \"for\""
}
---
locals { a = 1 } locals { b = 1 } # want "Missing newline after block definition"
---
variable "x" { type = string default = "a" } # want "Several attributes on one line"
---
locals {
  a = 5 - 3
  b = 5-3
  c = a -1
  d = -a
  e = a-b-c # want "Name with a dash"
}
---
locals { a = 1 } // right
# right
/* right */ locals { b = "'|&^~ <<x >> 0x10 'in' 017" }
---
locals {
  a = [for k, v in m : { in = k, or = v } if !contains([1], v)]
  b = "%{ for x in l ~}${x}%{ endfor }"
  c = x ? y : z
  d = {
    a = 1
    b : 2, c = 3
  }
  e = f(
    x,
    y...
  )
  f = <<-EOT
    0x10 ${a} & b
  EOT
  g = (a
  && b)
}
