// Package differ proves that what tracer makes of an expression computes what
// the expression means.
//
// Random well-typed expressions are generated from one table of forms
// (forms_test.go) that must know every function the checker knows. Each goes
// the whole way, from HCL to a loaded program; the kernel runs it on random
// inputs (BPF_PROG_TEST_RUN) and the decoded record is compared with
// interpreter/eval. Where nothing wraps, HCL's own evaluator is a third
// opinion (interpreter/eval's tests).
//
// A second test, acceptance (accept_*_test.go), generates whole specs of every
// probe type for this kernel, with its targets, structs and enums and with
// everything that the language has: what the checker accepts must compile and
// load.
//
// TRACER_DIFFER_SEED is the seed of the run (it is always the same if not set,
// and printed), TRACER_DIFFER_SPECS the number of specs, TRACER_ACCEPT that of
// the acceptance test, TRACER_ACCEPT_FOR how long it may take, TRACER_ACCEPT_SPEC
// the number of the only spec that it tries. TRACER_DIFFER_ALL goes on after a
// failure and is brief about each; TRACER_DIFFER_REFUSED logs the specs that the
// checker refuses.
package differ
