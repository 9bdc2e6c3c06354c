tracer {
  summary = "SQL that PostgreSQL servers run, by statement"
  tags    = ["user", "postgresql", "usdt", "top"]
}

variable "binary" {
  type        = string
  default     = "/usr/lib/postgresql/15/bin/postgres"
  description = "The server's program; Debian has a folder for each version"
}

variable "pid" {
  type        = number
  default     = null
  description = "Only this backend (SELECT pg_backend_pid()); null: all"
}

variable "length" {
  type        = number
  default     = 80
  description = "Statements that are alike in so many bytes are one"
}

variable "top" {
  type        = number
  default     = 20
  description = "Rows to show"
}

# Statements of the simple protocol, such as psql's, have this probe around all
# that is done for them; prepared ones have none of their own.
probe "usdt" "query" {
  binary = var.binary
  pid    = var.pid
  target = "postgresql:query__start"

  aggregate "queries" {
    by     = { query = str(args[0], var.length) }
    values = { started = count() }
    top    = var.top
  }
}
