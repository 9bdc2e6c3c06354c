tracer {
  summary = "How long processes live, as a histogram for each program"
  tags    = ["process", "exit", "latency"]
}

variable "comm" {
  type        = string
  default     = null
  description = "Only this process name; null: all"
}

variable "max_age" {
  type        = string
  default     = null
  description = "Only processes that lived no longer, such as 1s; null: all"
  validation {
    condition     = var.max_age == null || can(duration(var.max_age))
    error_message = "max_age must be a duration such as 1s."
  }
}

variable "top" {
  type        = number
  default     = 5
  description = "Programs to show"
}

locals {
  age = duration(nsecs - task.start_time)
}

probe "tracepoint" "exit" {
  target = "sched:sched_process_exit"
  # The first thread of each process stands for it.
  where = (pid == tid
    && (var.comm == null || comm == var.comm)
  && (var.max_age == null || local.age <= var.max_age))

  aggregate "lifetimes" {
    by     = [comm]
    values = { lived = hist(local.age), longest = max(local.age) }
    top    = var.top
  }
}
