tracer {
  summary = "How long calls of a C or C++ function take"
  tags    = ["user", "latency"]
}

variable "binary" {
  type        = string
  description = "Program or library, as a path or a library's name"
}

variable "functions" {
  type        = list(string)
  description = "Names or globs; returns in Go cannot be probed"
  validation {
    condition     = length(var.functions) > 0
    error_message = "functions must name at least one function."
  }
}

variable "pid" {
  type        = number
  default     = null
  description = "Only this process; null: all that run the program"
}

variable "min_latency" {
  type        = string
  default     = "0s"
  description = "Leave out faster calls"
  validation {
    condition     = can(duration(var.min_latency))
    error_message = "min_latency must be a duration such as 10ms."
  }
}

probe "uretprobe" "call" {
  binary = var.binary
  pid    = var.pid
  target = var.functions
  where  = latency >= var.min_latency

  aggregate "latency" {
    by     = { function = func }
    values = { time = hist(latency), max = max(latency) }
  }
}
