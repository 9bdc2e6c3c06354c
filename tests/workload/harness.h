/*
 * Harness of the workloads: programs whose events are known exactly.
 *
 * A workload is called as
 *
 *   tw-NAME [-o FILE] [-n COMM] [-r FILE] [-g FILE] [-e FILE] SCENARIO [ARG...]
 *
 *   -o FILE  write what was done, as one JSON object, there (default: stdout)
 *   -n COMM  the command name (comm) that threads have while they do what is
 *            counted, and only then (default: truth)
 *   -r FILE  make FILE when ready to begin
 *   -g FILE  begin only when FILE exists
 *   -e FILE  at the end, wait until FILE exists
 *
 * Exit codes: 0 done, 1 something did not go as it must, 2 wrong use.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A scenario: what is done, with the arguments after its name. */
struct scenario {
	const char *name;
	int args; /* how many it takes; -1: any number */
	const char *usage;
	void (*run)(int argc, char **argv);
};

/* Runs the scenario that argv names; tables end with a zero row. */
int workload_main(int argc, char **argv, const struct scenario *table);

/* The part of a scenario that one of several threads does. */
typedef void (*thread_body)(int thread, int threads, void *arg);

/*
 * Runs body in so many threads, each pinned on a processor of its own if there
 * are enough, all started together, with the measured command name.
 */
void in_threads(int threads, thread_body body, void *arg);

/* Begins and ends what is counted, in the calling thread. */
void measured_begin(void);
void measured_end(void);

/* Ends the program with exit code 1 and a message. */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Reads a decimal number, signed or unsigned 64-bit. */
int64_t number(const char *text);

/* Member i of a fixed pseudo-random sequence (splitmix64). */
uint64_t mixed(uint64_t i);

/* The JSON object: members in the order of the calls. 64-bit numbers are
 * written as strings. */
void truth_u64(const char *name, uint64_t value);
void truth_s64(const char *name, int64_t value);
void truth_raw(const char *name, const char *json);
/* Builds up a JSON text for truth_raw. */
void truth_add(char **json, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A pointer handed to the kernel or to a function as a string. */
struct awkward {
	const char *name;
	const char *pointer;
	size_t length;  /* bytes before the NUL */
	bool readable;  /* a NUL comes before an unreadable page */
};

/* The strings that are hard to trace, ended by a row without name. */
const struct awkward *awkward_strings(void);
/* Writes them as "strings": [{name, hex, readable}]. */
void truth_awkward(void);
/* An address that nobody can read, and that is not null. */
void *unreadable(void);

#endif
