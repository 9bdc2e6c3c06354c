// Package truth tests the whole program against workloads whose events are
// known exactly: counts, sums, strings, pairs and histograms must match to the
// last event, and events = shown + skipped + lost always.
//
// In: bin/tracer (TRACER_BIN) and the workloads in bin/workload
// (TRACER_WORKLOADS), both made by make; a kernel, and root. Out: verdicts. It
// knows the language and its JSON output, and must not know tracer's packages.
//
// With -short the counts are small enough for an emulated machine. A test that
// needs what the kernel lacks says so and is skipped; TRACER_REQUIRE, a list
// of features separated by commas, turns such a skip into a failure.
package truth
