tracer {
  summary = "Calls of the kernel's file system layer, by function"
  tags    = ["files", "kprobe", "count"]
}

variable "functions" {
  type        = list(string)
  default     = ["vfs_*"]
  description = "Kernel functions to count, as names or globs"
}

variable "comm" {
  type        = string
  default     = null
  description = "Only this process name; null: all"
}

variable "interval" {
  type        = string
  default     = null
  description = "Print this often, such as 1s; null: once, at the end"
}

probe "kprobe" "vfs" {
  target   = var.functions
  optional = true
  where    = var.comm == null || comm == var.comm

  aggregate "calls" {
    by       = { function = func }
    values   = { calls = count() }
    interval = var.interval
  }
}
