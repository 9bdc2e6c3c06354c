probe "syscall" "reads" {
  target = "read"
  aggregate "sizes" {
    by     = [comm]
    values = { size = hist(retval) }
  }
}
