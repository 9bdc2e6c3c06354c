tracer {
  summary = "Goroutines that Go programs start and end, by process"
  tags    = ["user", "go", "count"]
}

variable "binary" {
  type        = string
  description = "Program in Go, as a path or a name in PATH; not stripped"
}

variable "pid" {
  type        = number
  default     = null
  description = "Only this process; null: all that run the program"
}

variable "interval" {
  type        = string
  default     = null
  description = "Print the sums so far this often, such as 5s; null: at the end"
}

# What "go f()" comes to. On the stack where the scheduler runs, so that it is
# not entered again for one call, as functions are whose stack must grow.
probe "uprobe" "start" {
  binary = var.binary
  pid    = var.pid
  target = "runtime.newproc1"

  aggregate "goroutines" {
    by         = [comm, pid]
    values     = { started = count() }
    derive     = { left = started - ended }
    interval   = var.interval
    cumulative = var.interval == null ? null : true
  }
}

# And each goroutine ends in this one, whatever its function.
probe "uprobe" "end" {
  binary = var.binary
  pid    = var.pid
  target = "runtime.goexit0"

  aggregate "goroutines" {
    by     = [comm, pid]
    values = { ended = count() }
  }
}
