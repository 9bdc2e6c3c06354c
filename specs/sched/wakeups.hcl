tracer {
  summary = "Wake-ups: which thread wakes which, and how often"
  tags    = ["sched", "cpu", "top"]
}

variable "comm" {
  type        = string
  default     = null
  description = "Only threads of this name that are woken; null: all"
}

variable "top" {
  type        = number
  default     = 20
  description = "Rows to show"
}

probe "tracepoint" "wakeup" {
  target = ["sched:sched_wakeup", "sched:sched_wakeup_new"]
  where  = var.comm == null || args.comm == var.comm

  aggregate "wakeups" {
    by = { waker = comm, woken = args.comm }
    values = {
      wakeups = count()
      # New threads are woken for the first time.
      new   = sum(func == "sched:sched_wakeup_new" ? 1 : 0)
      moved = sum(args.target_cpu != cpu ? 1 : 0)
    }
    top = var.top
  }
}
