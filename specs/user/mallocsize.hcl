tracer {
  summary = "Sizes that programs ask malloc for"
  tags    = ["user", "libc", "memory", "size"]
}

variable "pid" {
  type        = number
  default     = null
  description = "Only this process; null: all, which costs each malloc a trap"
}

variable "binary" {
  type        = string
  default     = "libc"
  description = "Library or program with the allocator"
}

variable "top" {
  type        = number
  default     = 5
  description = "Processes to show"
}

probe "uprobe" "malloc" {
  binary    = var.binary
  pid       = var.pid
  target    = "malloc"
  signature = "void *malloc(size_t size)"

  aggregate "mallocs" {
    by     = [comm]
    values = { requested = hist(size(args.size)), total = sum(size(args.size)) }
    sort   = "total"
    top    = var.top
  }
}
