tracer {
  summary = "Host names that programs look up, and how long it takes"
  tags    = ["user", "libc", "network", "snoop"]
}

variable "binary" {
  type        = string
  default     = "libc"
  description = "Library or program that has getaddrinfo"
}

variable "min_latency" {
  type        = string
  default     = "0s"
  description = "Leave out faster look-ups"
  validation {
    condition     = can(duration(var.min_latency))
    error_message = "min_latency must be a duration such as 10ms."
  }
}

probe "uretprobe" "lookup" {
  binary    = var.binary
  target    = "getaddrinfo"
  signature = <<-C
    int getaddrinfo(const char *node, const char *service,
                    const void *hints, void *res)
  C
  where     = latency >= var.min_latency

  capture {
    comm    = comm
    pid     = pid
    latency = latency
    # From netdb.h.
    result = lookup({
      0   = "ok", -1 = "EAI_BADFLAGS", -2 = "EAI_NONAME", -3 = "EAI_AGAIN",
      -4  = "EAI_FAIL", -5 = "EAI_NODATA", -6 = "EAI_FAMILY",
      -7  = "EAI_SOCKTYPE", -8 = "EAI_SERVICE", -9 = "EAI_ADDRFAMILY",
      -10 = "EAI_MEMORY", -11 = "EAI_SYSTEM", -12 = "EAI_OVERFLOW"
    }, retval)
    name = entry(str(args.node))
  }
}
