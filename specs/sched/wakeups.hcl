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
  # Both fire in the thread that wakes; sched_wakeup may fire on the CPU of the
  # one that is woken.
  target = ["sched:sched_waking", "sched:sched_wakeup_new"]
  where  = var.comm == null || args.comm == var.comm

  aggregate "wakeups" {
    by = { waker = comm, woken = args.comm }
    values = {
      wakeups = count()
      # New threads are woken for the first time.
      new = sum(func == "sched:sched_wakeup_new" ? 1 : 0)
      # That last ran on another CPU than where they are woken from.
      far = sum(args.target_cpu != cpu ? 1 : 0)
    }
    top = var.top
  }
}
