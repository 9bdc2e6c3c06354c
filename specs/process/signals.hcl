tracer {
  summary = "Signals: who sends which to whom, and how often"
  tags    = ["process", "signal", "count"]
}

variable "signals" {
  type        = list(string)
  default     = []
  description = "Only these, such as [\"SIGKILL\"]; none: all"
  validation {
    condition     = can([for s in var.signals : signal_of(s)])
    error_message = "signals must be names such as SIGTERM."
  }
}

variable "top" {
  type        = number
  default     = 20
  description = "Rows to show"
}

probe "tracepoint" "sent" {
  target = "signal:signal_generate"
  where = (length(var.signals) == 0
  || contains([for s in var.signals : signal_of(s)], args.sig))

  aggregate "signals" {
    by = {
      signal = signal(args.sig)
      from   = comm
      to     = args.comm
      to_pid = args.pid
    }
    # Ignored, blocked and merged signals are not delivered (result is not 0).
    values = { sent = count(), delivered = sum(args.result == 0 ? 1 : 0) }
    top    = var.top
  }
}
