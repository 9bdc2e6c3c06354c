tracer {
  summary = "Programs that are started, with their arguments"
  tags    = ["process", "syscalls", "snoop"]
}

variable "failed" {
  type        = bool
  default     = false
  description = "Show attempts that fail, too"
}

variable "max_args" {
  type        = number
  default     = 16
  description = "Arguments to show"
}

probe "syscall" "exec" {
  target   = ["execve", "execveat"]
  optional = true
  where    = var.failed || retval == 0

  capture {
    pid   = pid
    ppid  = ppid
    comm  = comm
    error = var.failed ? errno(retval) : null
    # The old memory is gone when exec returns: read the arguments before.
    args = join(" ", entry(strs(args.argv, var.max_args)))
  }
}
