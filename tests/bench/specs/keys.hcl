probe "syscall" "seeks" {
  target = "lseek"
  aggregate "offsets" {
    by          = [args.offset]
    values      = { calls = count() }
    max_entries = 200000
  }
}
