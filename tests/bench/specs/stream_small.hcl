probe "syscall" "calls" {
  target = "getppid"
  capture {
    pid  = pid
    comm = comm
  }
}
