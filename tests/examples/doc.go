// Package examples tests what users copy: the specs of the catalog and the
// examples of the documents. Each spec of the catalog is run on a workload that
// makes it show something; every HCL block of the documents is validated; and
// the one-liners of docs/from-bpftrace.md are run in bpftrace and in tracer,
// which must count the same.
//
// In: bin/tracer and bin/workload, Debian's programs, the documents. Out: test
// results only. It must not know tracer's packages: what it sees is the command
// line, as a user does.
package examples
