probe "syscall" "reads" {
  target = "read"
  aggregate "times" {
    values = { time = hist(latency) }
  }
}
