tracer {
  summary = "Sizes of reads and writes that succeed, for each process"
  tags    = ["files", "syscalls", "size"]
}

variable "comm" {
  type        = string
  default     = null
  description = "Only this process name; null: all"
}

variable "min_bytes" {
  type        = string
  default     = "1B"
  description = "Leave out smaller transfers; 0B: also show ends of files"
  validation {
    condition     = can(size(var.min_bytes))
    error_message = "min_bytes must be a size such as 4KiB."
  }
}

variable "top" {
  type        = number
  default     = 5
  description = "Processes to show"
}

locals {
  wanted = (size(retval) >= var.min_bytes
  && (var.comm == null || comm == var.comm))
}

probe "syscall" "read" {
  target   = ["read", "pread64", "readv", "preadv", "preadv2"]
  optional = true
  where    = local.wanted

  aggregate "transfers" {
    by = [comm]
    values = {
      total      = sum(size(retval))
      read_sizes = hist(size(retval))
    }
    top = var.top
  }
}

probe "syscall" "write" {
  target   = ["write", "pwrite64", "writev", "pwritev", "pwritev2"]
  optional = true
  where    = local.wanted

  aggregate "transfers" {
    by = [comm]
    values = {
      total       = sum(size(retval))
      write_sizes = hist(size(retval))
    }
  }
}
