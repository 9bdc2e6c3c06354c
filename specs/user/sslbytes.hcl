tracer {
  summary = "Bytes that programs send and receive through OpenSSL"
  tags    = ["user", "openssl", "network", "size"]
}

variable "binary" {
  type        = string
  default     = "libssl"
  description = "Library or program that has OpenSSL's functions"
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

probe "uretprobe" "write" {
  binary    = var.binary
  pid       = var.pid
  target    = "SSL_write"
  signature = "int SSL_write(void *ssl, const void *buf, int num)"
  where     = retval > 0

  aggregate "tls" {
    by     = [comm, pid]
    values = { sent = sum(size(retval)), writes = count() }
    top    = var.top
  }
}

probe "uretprobe" "read" {
  binary    = var.binary
  pid       = var.pid
  target    = "SSL_read"
  signature = "int SSL_read(void *ssl, void *buf, int num)"
  where     = retval > 0

  aggregate "tls" {
    by     = [comm, pid]
    values = { received = sum(size(retval)), reads = count() }
  }
}

locals {
  done = size(cast("long", deref(args.done)))
}

# The same functions with the length behind a pointer; since OpenSSL 1.1.1.
probe "uretprobe" "write_ex" {
  binary    = var.binary
  pid       = var.pid
  target    = "SSL_write_ex"
  optional  = true
  signature = "int (void *ssl, const void *buf, size_t num, size_t *done)"
  where     = retval > 0

  aggregate "tls" {
    by     = [comm, pid]
    values = { sent = sum(local.done), writes = count() }
  }
}

probe "uretprobe" "read_ex" {
  binary    = var.binary
  pid       = var.pid
  target    = "SSL_read_ex"
  optional  = true
  signature = "int (void *ssl, void *buf, size_t num, size_t *done)"
  where     = retval > 0

  aggregate "tls" {
    by     = [comm, pid]
    values = { received = sum(local.done), reads = count() }
  }
}
