tracer {
  summary = "Files that processes read and write the most, by bytes"
  tags    = ["files", "kprobe", "top"]
}

variable "comm" {
  type        = string
  default     = null
  description = "Only this process name; null: all"
}

variable "regular_only" {
  type        = bool
  default     = true
  description = "Only regular files: no terminals, pipes, sockets or devices"
}

variable "top" {
  type        = number
  default     = 20
  description = "Rows to show"
}

locals {
  # S_IFMT and S_IFREG of stat(2).
  type_of_file = bitand(args.file.f_inode.i_mode, parseint("170000", 8))
  regular      = local.type_of_file == parseint("100000", 8)

  wanted = (retval > 0 && (var.comm == null || comm == var.comm)
  && (!var.regular_only || local.regular))

  name = str(args.file.f_path.dentry.d_name.name, 64)
}

probe "kretprobe" "read" {
  target = "vfs_read"
  where  = local.wanted

  aggregate "files" {
    by = { comm = comm, file = local.name }
    values = {
      total = sum(size(retval))
      reads = count()
      read  = sum(size(retval))
    }
    top = var.top
  }
}

probe "kretprobe" "write" {
  target = "vfs_write"
  where  = local.wanted

  aggregate "files" {
    by = { comm = comm, file = local.name }
    values = {
      total   = sum(size(retval))
      writes  = count()
      written = sum(size(retval))
    }
  }
}
