tracer {
  summary = "Context switches: did threads wait, or were they pushed out"
  tags    = ["sched", "cpu", "top"]
}

variable "comm" {
  type        = string
  default     = null
  description = "Only threads of this name; null: all"
}

variable "top" {
  type        = number
  default     = 20
  description = "Rows to show"
}

probe "tracepoint" "switch" {
  target = "sched:sched_switch"
  # Thread 0 is the idle loop of a CPU.
  where = (args.prev_pid != 0
  && (var.comm == null || args.prev_comm == var.comm))

  aggregate "switches" {
    by = { comm = args.prev_comm, tid = args.prev_pid }
    values = {
      switches = count()
      # A thread that could go on is in state 0, or marked as preempted.
      pushed_out = sum(bitand(args.prev_state, 255) == 0 ? 1 : 0)
      last_cpu   = last(cpu)
    }
    derive = { waited = switches - pushed_out }
    top    = var.top
  }
}
