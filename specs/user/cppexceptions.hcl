tracer {
  summary = "Exceptions that C++ programs throw, by type"
  tags    = ["user", "cpp", "errors", "top"]
}

variable "binary" {
  type        = string
  default     = "libstdc++"
  description = "The C++ library; or a program that is linked statically"
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

probe "uprobe" "throw" {
  binary = var.binary
  pid    = var.pid
  target = "__cxa_throw"
  # A std::type_info begins with its virtual table and the name of the type.
  signature = "void (void *object, const char **type, void *destructor)"

  aggregate "exceptions" {
    # Mangled, as "c++filt -t" reads it: St12length_error is std::length_error.
    by     = { comm = comm, type = str(args.type[1]) }
    values = { thrown = count() }
    top    = var.top
  }
}
