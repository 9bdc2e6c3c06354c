tracer {
  summary = "Bytes that calls of read return, for each process"
  tags    = ["files", "syscalls", "size"]
}

variable "comm" {
  type        = string
  default     = null
  description = "Only this process name; null: all"
}

probe "syscall" "read" {
  target   = ["read", "pread64", "readv", "preadv", "preadv2"]
  optional = true
  where    = retval >= 0 && (var.comm == null || comm == var.comm)

  aggregate "reads" {
    by     = [comm]
    values = { bytes = hist(size(retval)) }
    top    = 5
  }
}
