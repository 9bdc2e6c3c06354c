probe "syscall" "calls" {
  target = "getppid"
  aggregate "calls" {
    by     = [pid]
    values = { calls = count() }
  }
}
