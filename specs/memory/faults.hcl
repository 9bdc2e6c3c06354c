tracer {
  summary = "Page faults of processes, by what the access was"
  tags    = ["memory", "faults", "top"]
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

locals {
  # Bits of x86's error code: the page was there, write, by the program itself,
  # instruction fetch.
  present = bitand(args.error_code, 1) != 0
  write   = bitand(args.error_code, 2) != 0
  user    = bitand(args.error_code, 4) != 0
  code    = bitand(args.error_code, 16) != 0
}

probe "tracepoint" "fault" {
  target = ["exceptions:page_fault_user", "exceptions:page_fault_kernel"]
  where  = var.comm == null || comm == var.comm

  aggregate "faults" {
    by = [comm, pid]
    values = {
      faults = count()
      reads  = sum(!local.write && !local.code ? 1 : 0)
      writes = sum(local.write ? 1 : 0)
      code   = sum(local.code ? 1 : 0)
      # In system calls, which read and write the memory of the program.
      kernel = sum(local.user ? 0 : 1)
      # On pages that are there: mostly first writes to shared pages.
      protection = sum(local.present ? 1 : 0)
    }
    top = var.top
  }
}
