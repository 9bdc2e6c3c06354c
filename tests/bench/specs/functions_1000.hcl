variable "binary" {
  type        = string
  description = "The library whose functions are counted"
}

probe "uprobe" "calls" {
  binary = var.binary
  target = "thousand_*"
  aggregate "calls" {
    values = { calls = count() }
  }
}
