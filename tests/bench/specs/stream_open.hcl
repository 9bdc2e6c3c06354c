probe "syscall" "opens" {
  target = "openat"
  capture {
    pid  = pid
    comm = comm
    path = str(args.filename)
  }
}
