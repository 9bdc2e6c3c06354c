tracer {
  summary = "TCP connections that processes open, with their addresses"
  tags    = ["network", "tcp", "snoop"]
}

variable "port" {
  type        = number
  default     = null
  description = "Only connections to this port; null: all"
}

variable "comm" {
  type        = string
  default     = null
  description = "Only this process name; null: all"
}

probe "tracepoint" "connect" {
  target = "sock:inet_sock_set_state"
  # connect() sets this state, still in the process that called it.
  where = (tcp_state(args.newstate) == "SYN_SENT"
    && (var.port == null || args.dport == var.port)
  && (var.comm == null || comm == var.comm))

  capture {
    comm = comm
    pid  = pid
    port = args.dport
    to   = ip(args.daddr_v6)
    from = ip(args.saddr_v6)
  }
}
