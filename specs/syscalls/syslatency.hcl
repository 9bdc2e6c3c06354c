tracer {
  summary = "How long system calls take, and how many fail"
  tags    = ["syscalls", "latency", "errors"]
}

variable "syscalls" {
  type        = list(string)
  default     = ["read", "write", "openat", "close", "futex", "mmap", "execve"]
  description = "System calls to watch, as names or globs; [\"*\"] for all"
}

variable "comm" {
  type        = string
  default     = null
  description = "Only this process name; null: all"
}

variable "min_latency" {
  type        = string
  default     = "0s"
  description = "Leave out faster calls"
  validation {
    condition     = can(duration(var.min_latency))
    error_message = "min_latency must be a duration such as 10ms."
  }
}

probe "syscall" "call" {
  target   = var.syscalls
  optional = true
  where = (latency >= var.min_latency
  && (var.comm == null || comm == var.comm))

  aggregate "latency" {
    by = { syscall = func }
    values = {
      total  = sum(latency)
      calls  = count()
      failed = sum(retval < 0 ? 1 : 0)
      mean   = avg(latency)
      max    = max(latency)
    }
  }
}
