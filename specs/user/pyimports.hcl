tracer {
  summary = "Modules that Python programs import, and misses"
  tags    = ["user", "python", "usdt", "top"]
}

variable "binary" {
  type        = string
  default     = "/usr/bin/python3"
  description = "Interpreter, or its libpython, built with --with-dtrace"
}

variable "pid" {
  type        = number
  default     = null
  description = "Only this process; null: all"
}

variable "top" {
  type        = number
  default     = 20
  description = "Rows to show"
}

probe "usdt" "import" {
  binary = var.binary
  pid    = var.pid
  # Fires once for each import that is not in sys.modules yet.
  target = "python:import__find__load__done"

  aggregate "imports" {
    by = { module = str(args[0]) }
    values = {
      imports = count()
      missing = sum(args[1] == 0 ? 1 : 0)
    }
    top = var.top
  }
}
