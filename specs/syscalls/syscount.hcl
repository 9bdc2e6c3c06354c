tracer {
  summary = "System calls, and the processes that make the most of them"
  tags    = ["syscalls", "count", "top"]
}

variable "comm" {
  type        = string
  default     = null
  description = "Only this process name; null: all"
}

variable "top" {
  type        = number
  default     = 10
  description = "Rows of each table"
}

variable "interval" {
  type        = string
  default     = null
  description = "Print this often, such as 5s; null: once, at the end"
}

probe "tracepoint" "enter" {
  target = "raw_syscalls:sys_enter"
  where  = var.comm == null || comm == var.comm

  aggregate "syscalls" {
    by       = { syscall = syscall(args.id) }
    values   = { calls = count() }
    top      = var.top
    interval = var.interval
  }

  aggregate "processes" {
    by       = [comm, pid]
    values   = { calls = count() }
    top      = var.top
    interval = var.interval
  }
}
