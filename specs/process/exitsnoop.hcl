tracer {
  summary = "Processes that end, why, and how long they lived"
  tags    = ["process", "exit", "snoop"]
}

variable "failed" {
  type        = bool
  default     = false
  description = "Only those that end with an exit code or by a signal"
}

variable "comm" {
  type        = string
  default     = null
  description = "Only this process name; null: all"
}

locals {
  # As wait(2) has it: the signal in the low seven bits, the code above.
  signal = bitand(task.exit_code, 127)
  code   = cast("unsigned char", shr(task.exit_code, 8))
}

probe "tracepoint" "exit" {
  target = "sched:sched_process_exit"
  # The first thread of each process stands for it.
  where = (pid == tid && (!var.failed || task.exit_code != 0)
  && (var.comm == null || comm == var.comm))

  capture {
    comm   = comm
    pid    = pid
    ppid   = ppid
    code   = local.code
    signal = local.signal == 0 ? null : signal(local.signal)
    age    = duration(nsecs - task.start_time)
  }
}
