tracer {
  summary = "Sizes of the requests that disks are asked for, by process"
  tags    = ["block", "disk", "size"]
}

variable "device" {
  type        = string
  default     = null
  description = "Only this disk, as MAJOR:MINOR (lsblk shows them); null: all"
}

variable "top" {
  type        = number
  default     = 5
  description = "Processes to show"
}

locals {
  # The kernel's letters: F flush, D discard, W write, R read, with others.
  kind = (strcontains(args.rwbs, "D") ? "discard"
  : strcontains(args.rwbs, "W") ? "write" : "read")
}

probe "tracepoint" "issue" {
  # Since Linux 6.5 one event stands for both ways a request may take.
  target = first_of("block:block_io_start", "block:block_rq_issue")
  # Requests without data, such as flushes, have no size.
  where = args.bytes > 0 && (var.device == null || args.dev == var.device)

  aggregate "requests" {
    by     = { comm = args.comm, device = args.dev, kind = local.kind }
    values = { bytes = hist(size(args.bytes)), total = sum(size(args.bytes)) }
    sort   = "total"
    top    = var.top
  }
}
