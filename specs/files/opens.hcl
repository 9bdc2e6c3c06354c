tracer {
  summary = "Files that processes open, and how many of the opens fail"
  tags    = ["files", "syscalls", "top"]
}

variable "comm" {
  type        = string
  default     = ""
  description = "Only processes whose name contains this"
}

variable "top" {
  type        = number
  default     = 20
  description = "Rows to show"
}

probe "syscall" "open" {
  target   = ["open", "openat", "openat2", "creat"]
  optional = true
  where    = strcontains(comm, var.comm)

  aggregate "opens" {
    by = { comm = comm, path = str(try(args.filename, args.pathname)) }
    values = {
      opens  = count()
      failed = sum(retval < 0 ? 1 : 0)
    }
    top = var.top
  }
}
