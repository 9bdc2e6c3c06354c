# Blocks, attributes, labels and names.
tracer {
  summary = "a"
}
tracer { # want `Second tracer block: .*The first is at structure.hcl:2,1`
  summary = "b"
}
---
tracer {
  required_version = "soon"     # want "Invalid version constraint: \"soon\""
  summary          = var.x      # want "Literal needed: \"summary\" must be a literal"
  tags             = { a = 1 }  # want "Wrong type: \"tags\" must be a list of string"
  sumary           = "x"        # want `Unknown attribute: .*Did you mean "summary"`
}
---
prob "kprobe" "x" { # want `Unknown block: .*Did you mean "probe"`
}
wherever {} # want "Unknown block: .*There are tracer, variable, locals, probe and module"
target = "x" # want "Attribute outside a block"
locals = {} # want "Attribute in place of block: .*without ="
---
probe "kprobe" { # want "Wrong number of labels: The block has one label, and needs 2 labels. Write probe \"TYPE\" \"NAME\""
  target = "x"
}
probe "kprobe" "a" "b" { # want "Wrong number of labels: The block has 3"
  target = "x"
}
probe "kprobe" "tcp-connect" { # want "Invalid name: .*\"tcp-connect\" is not"
  target = "x"
}
probe "kprobe" "tcp_*" { # want "Invalid name"
  target = "x"
}
variable "1st" {} # want "Invalid name"
locals "x" {} # want "Wrong number of labels"
---
probe "kprob" "x" { # want `Unknown probe type: .*Did you mean "kprobe"`
  target = "x"
}
probe "anything" "x" { # want "Unknown probe type: .*There are kprobe, kretprobe"
  target = "x"
}
probe "lsm" "x" {
  target = "file_open"
}
---
probe "kprobe" "a" {
  target = "x"
}
probe "kretprobe" "a" {
  target = "x"
}
probe "kprobe" "a" { # want `Second probe of one name: .*The first is at structure.hcl:\d+,16`
  target = "x"
}
---
probe "kprobe" "a" {
  target    = "x"
  binary    = "libc"      # want "Attribute of other probes: A kprobe probe has no attribute \"binary\": uprobe, uretprobe and usdt have"
  frequency = 99          # want "profile and perf have"
  signature = "int f()"   # want "uprobe and uretprobe have"
  whre      = true        # want `Unknown attribute: There is no attribute "whre" in a probe block. Did you mean "where"`
  columns   = []          # want "Unknown attribute: .*There are target, "
  capture   = { a = 1 }   # want "Attribute in place of block: .*capture { … } without ="
}
---
probe "kprobe" "a" { # want "Missing attribute: A kprobe probe needs the attribute target"
}
probe "profile" "a" { # want "needs the attribute frequency or interval"
}
probe "uprobe" "a" { # want "needs the attribute binary"
  target = "x"
}
probe "interval" "a" {
  interval = "1s"
  target   = "x" # want "Attribute of other probes: An? interval probe has no attribute \"target\""
}
---
probe "kprobe" "a" {
  target = "x"
  capture {
    a = 1
    a = 2   # want "Attribute redefined|set twice"
    b-c = 3 # want "Invalid name: A column .*Write b_c"
    d {     # want "Unknown block: There are no blocks in a capture block"
    }
  }
  capture { # want "Second capture block"
    b = 1
  }
  aggregate "t" {
    values = { n = count() }
  }
  aggregate "t" { # want "Second aggregate of one name: .*The first is at"
    values = { n = count() }
  }
  aggregate "u" { # want "Missing attribute: An aggregate block needs the attribute \"values\""
    vlaues = {}   # want `Unknown attribute: .*Did you mean "values"`
  }
  match "io" { key = [1] }
  match "io" { key = [2] } # want "Second match of one save: This probe matches \"io\" already"
  match "b" {}             # want "Missing attribute: A match block needs the attribute \"key\""
  save "io" {
    key = [1]
    values { a = 1 } # want "Block in place of attribute: \"values\" is an attribute: write values = "
  }
  save "io" { key = [1] }
  save {} # want "Wrong number of labels"
  agregate "x" {} # want `Unknown block: .*Did you mean "aggregate"`
}
---
locals {
  a = 1
  b-c = 2 # want "Invalid name: A local .*Write b_c"
}
locals {
  a = 2 # want `Second local of one name: .*The first is at`
}
probe "kprobe" "a" {
  target = "x"
  locals {
    a = 3 # want "Second local of one name: .*in the file, and a probe cannot replace it"
    p = 1
  }
  locals {
    p = 2 # want "Second local of one name"
  }
}
---
locals {
  a = local.b
  b = local.c + pid
  c = "${local.a}" # want "Cycle of locals: .*local.a → local.b → local.c → local.a"
  d = local.d # want "Cycle of locals: local.d mentions itself"
  e = local.a
}
probe "kprobe" "a" {
  target = "x"
  locals {
    x = local.y
    y = [for z in local.x : z] # want "Cycle of locals: .*local.x → local.y → local.x"
    z = local.a
  }
}
---
module "disk" {
  source  = "./disk"
  min_lat = "5ms"
}
module "disk" { # want "Second module" "Missing attribute: A module block needs the attribute \"source\""
}
---
variable "a" {
  type    = string
  default = "x"
}
variable "a" { # want "Second variable of one name"
}
variable "b" {
  type    = number
  default = "x" # want "Invalid default value: The default of var.b does not fit its type number"
}
variable "c" {
  type = "string" # want "Quoted type: .*type = string"
}
variable "d" {
  type = strin # want "Invalid type specification"
}
variable "e" {
  default = pid # want "Literal needed"
}
variable "f" {
  default  = null # want "Invalid default value: .*nullable = false"
  nullable = false
}
variable "g" {
  nullable    = "perhaps" # want "Wrong type: \"nullable\" must be a bool"
  descripton  = "x" # want `Did you mean "description"`
  validation { # want "Missing attribute: A validation block needs the attribute \"error_message\""
    condition = true
  }
}
variable "h" {
  type    = object({ a = string, b = optional(number, 5) })
  default = { b = 1 } # want `Invalid default value: .*attribute "a" is required`
}
---
probe "kprobe" "a" {
  target = "x"
  where a > 3 # want "Attribute without =: .*Write where = …"
  target: "y" # want "Attribute without ="
}
probe "kprobe" "b" {
  target = "x"
  where = # want "Invalid expression"
}
probe "kprobe" "c" {
  target = "x"
  where = (a # want "Bracket not closed: .*still open on line"
  stream = b
}
