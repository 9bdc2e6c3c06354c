variable "binary" {
  type        = string
  description = "The library whose functions are counted"
}

probe "uprobe" "calls" {
  binary = var.binary
  target = "hundred_*"
  aggregate "calls" {
    values = { calls = count() }
  }
}
