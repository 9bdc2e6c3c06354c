tracer {
  summary = "Calls of a program's functions: C, C++ or Go"
  tags    = ["user", "count", "top"]
}

variable "binary" {
  type        = string
  description = "Program or library, as a path or a library's name"
}

variable "functions" {
  type        = list(string)
  description = "Names or globs: [\"main.*\"] for Go, [\"_ZN*\"] for C++"
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

variable "top" {
  type        = number
  default     = 20
  description = "Rows to show"
}

# In Go, a call counts again if the stack must grow before the function begins.
probe "uprobe" "call" {
  binary = var.binary
  pid    = var.pid
  target = var.functions

  aggregate "calls" {
    by     = { function = func }
    values = { calls = count() }
    top    = var.top
  }
}
