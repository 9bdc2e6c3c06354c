probe "syscall" "calls" {
  target = "getppid"
  aggregate "calls" {
    by     = [comm]
    values = { calls = count() }
  }
}
