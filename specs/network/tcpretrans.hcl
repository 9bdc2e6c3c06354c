tracer {
  summary = "TCP segments that are sent again, by connection and state"
  tags    = ["network", "tcp", "errors"]
}

variable "port" {
  type        = number
  default     = null
  description = "Only connections to or from this port; null: all"
}

variable "top" {
  type        = number
  default     = 20
  description = "Rows to show"
}

probe "tracepoint" "retransmit" {
  target = "tcp:tcp_retransmit_skb"
  where  = var.port == null || args.dport == var.port || args.sport == var.port

  aggregate "retransmits" {
    by = {
      local_port = args.sport
      to         = ip(args.daddr_v6)
      port       = args.dport
      state      = tcp_state(args.state)
    }
    values = { segments = count() }
    top    = var.top
  }
}
