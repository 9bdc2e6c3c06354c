tracer {
  summary = "System calls that fail, with the error, for each process"
  tags    = ["syscalls", "errors", "top"]
}

variable "comm" {
  type        = string
  default     = null
  description = "Only this process name; null: all"
}

variable "ignore" {
  type        = list(string)
  default     = ["EAGAIN"]
  description = "Errors that are part of normal work"
  validation {
    condition     = can([for e in var.ignore : errno_of(e)])
    error_message = "ignore must have names of errors such as ENOENT."
  }
}

variable "top" {
  type        = number
  default     = 20
  description = "Rows to show"
}

probe "tracepoint" "exit" {
  target = "raw_syscalls:sys_exit"
  # Errors are -1 to -4095; what mmap returns may be negative, too.
  where = (args.ret < 0 && args.ret >= -4095
    && (var.comm == null || comm == var.comm)
  && !contains([for e in var.ignore : -errno_of(e)], args.ret))

  aggregate "failures" {
    by = {
      comm    = comm
      syscall = syscall(args.id)
      error   = errno(args.ret)
    }
    values = { failed = count() }
    top    = var.top
  }
}
