tracer {
  summary = "Bytes that processes send and receive over TCP, by peer"
  tags    = ["network", "tcp", "kprobe", "top"]
}

variable "comm" {
  type        = string
  default     = null
  description = "Only this process name; null: all"
}

variable "top" {
  type        = number
  default     = 20
  description = "Rows to show"
}

variable "interval" {
  type        = string
  default     = null
  description = "Print this often, such as 5s; null: once, at the end"
}

locals {
  wanted = retval > 0 && (var.comm == null || comm == var.comm)
  peer = {
    comm = comm
    peer = remote_ip(args.sk)
    port = remote_port(args.sk)
  }
}

probe "kretprobe" "send" {
  target = "tcp_sendmsg"
  where  = local.wanted

  aggregate "peers" {
    by       = local.peer
    values   = { total = sum(size(retval)), sent = sum(size(retval)) }
    top      = var.top
    interval = var.interval
  }
}

probe "kretprobe" "receive" {
  target = "tcp_recvmsg"
  where  = local.wanted

  aggregate "peers" {
    by     = local.peer
    values = { total = sum(size(retval)), received = sum(size(retval)) }
  }
}
