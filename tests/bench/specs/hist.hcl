probe "syscall" "reads" {
  target = "read"
  aggregate "sizes" {
    values = { size = hist(retval) }
  }
}
