/*
 * User statically defined probes (sys/sdt.h) with known arguments.
 *
 * Operands in registers and constants are here; usdt_operands.c has those in
 * memory.
 */
#define _GNU_SOURCE
#define _SDT_HAS_SEMAPHORES 1
#include "usdt.h"
#include "harness.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sdt.h>
#include <time.h>

/* Only tw:guarded has a semaphore in use; the others need the symbol. */
#define SEMAPHORE(name) __extension__ unsigned short tw_##name##_semaphore __attribute__((unused, section(".probes")))
SEMAPHORE(hot);
SEMAPHORE(args0);
SEMAPHORE(args1);
SEMAPHORE(args2);
SEMAPHORE(args3);
SEMAPHORE(args4);
SEMAPHORE(args5);
SEMAPHORE(args6);
SEMAPHORE(args7);
SEMAPHORE(args8);
SEMAPHORE(args9);
SEMAPHORE(args10);
SEMAPHORE(args11);
SEMAPHORE(args12);
SEMAPHORE(integers);
SEMAPHORE(constants);
SEMAPHORE(text);
SEMAPHORE(many);
SEMAPHORE(real);
SEMAPHORE(guarded);

struct job {
	int64_t count;
	uint64_t calls, sum;
};

static void hot_body(int thread, int threads, void *arg)
{
	struct job *job = arg;
	int64_t from = job->count / threads * thread;
	int64_t to = thread == threads - 1 ? job->count : from + job->count / threads;
	uint64_t sum = 0;
	for (int64_t i = from; i < to; i++) {
		int64_t v = mixed(i) >> (mixed(i + 7) % 64);
		STAP_PROBE2(tw, hot, v, (int32_t)i);
		sum += v;
	}
	__atomic_add_fetch(&job->calls, to - from, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&job->sum, sum, __ATOMIC_SEQ_CST);
}

static void run_hot(int argc, char **argv)
{
	(void)argc;
	struct job job = { .count = number(argv[0]) };
	in_threads(number(argv[1]), hot_body, &job);
	truth_u64("calls", job.calls);
	truth_u64("sum", job.sum);
}

/* Argument k of probe argsN in round i is 1000 * i + 10 * N + k. */
static void run_counts(int argc, char **argv)
{
	(void)argc;
	int64_t rounds = number(argv[0]);
	measured_begin();
	for (int64_t i = 0; i < rounds; i++) {
		int64_t v = 1000 * i;
		STAP_PROBE(tw, args0);
		STAP_PROBE1(tw, args1, v + 10);
		STAP_PROBE2(tw, args2, v + 20, v + 21);
		STAP_PROBE3(tw, args3, v + 30, v + 31, v + 32);
		STAP_PROBE4(tw, args4, v + 40, v + 41, v + 42, v + 43);
		STAP_PROBE5(tw, args5, v + 50, v + 51, v + 52, v + 53, v + 54);
		STAP_PROBE6(tw, args6, v + 60, v + 61, v + 62, v + 63, v + 64, v + 65);
		STAP_PROBE7(tw, args7, v + 70, v + 71, v + 72, v + 73, v + 74, v + 75, v + 76);
		STAP_PROBE8(tw, args8, v + 80, v + 81, v + 82, v + 83, v + 84, v + 85, v + 86, v + 87);
		STAP_PROBE9(tw, args9, v + 90, v + 91, v + 92, v + 93, v + 94, v + 95, v + 96, v + 97, v + 98);
		STAP_PROBE10(tw, args10, v + 100, v + 101, v + 102, v + 103, v + 104, v + 105, v + 106, v + 107, v + 108, v + 109);
		STAP_PROBE11(tw, args11, v + 110, v + 111, v + 112, v + 113, v + 114, v + 115, v + 116, v + 117, v + 118, v + 119, v + 120);
		STAP_PROBE12(tw, args12, v + 120, v + 121, v + 122, v + 123, v + 124, v + 125, v + 126, v + 127, v + 128, v + 129, v + 130, v + 131);
	}
	measured_end();
	truth_u64("rounds", rounds);
}

static void run_integers(int argc, char **argv)
{
	measured_begin();
	for (int i = 0; i < argc; i++) {
		int64_t v = number(argv[i]);
		STAP_PROBE8(tw, integers, (int8_t)v, (uint8_t)v, (int16_t)v, (uint16_t)v, (int32_t)v, (uint32_t)v, v, (uint64_t)v);
	}
	measured_end();
	truth_u64("calls", argc);
}

static void run_constants(int argc, char **argv)
{
	(void)argc;
	int64_t rounds = number(argv[0]);
	measured_begin();
	for (int64_t i = 0; i < rounds; i++)
		STAP_PROBE6(tw, constants, 1, -1, (uint8_t)255, (int16_t)-32768, (uint32_t)4294967295u, INT64_C(-2147483648));
	measured_end();
	truth_u64("rounds", rounds);
}

static void run_text(int argc, char **argv)
{
	(void)argc;
	int64_t rounds = number(argv[0]);
	const struct awkward *strings = awkward_strings();
	uint64_t calls = 0;
	measured_begin();
	for (int64_t r = 0; r < rounds; r++)
		for (const struct awkward *s = strings; s->name; s++, calls++)
			STAP_PROBE2(tw, text, s->pointer, (int)(s - strings));
	measured_end();
	truth_u64("calls", calls);
	truth_awkward();
}

/* One probe at three places, with operands of different kinds. */
static __attribute__((noipa)) void many(int64_t v, int8_t small)
{
	STAP_PROBE2(tw, many, 1, v);
	if (v % 2)
		STAP_PROBE2(tw, many, 2, small);
	else
		STAP_PROBE2(tw, many, (int64_t)3, (uint16_t)(v + 1));
}

static void run_many(int argc, char **argv)
{
	(void)argc;
	int64_t rounds = number(argv[0]);
	measured_begin();
	for (int64_t i = 0; i < rounds; i++)
		many(i, -i % 100);
	measured_end();
	truth_u64("rounds", rounds);
}

static void run_real(int argc, char **argv)
{
	(void)argc;
	int64_t rounds = number(argv[0]);
	measured_begin();
	for (int64_t i = 0; i < rounds; i++) {
		double half = i + 0.5;
		STAP_PROBE3(tw, real, i, half, -i);
	}
	measured_end();
	truth_u64("rounds", rounds);
}

/* Fires only while somebody has raised the semaphore; waits for that. */
static void run_guarded(int argc, char **argv)
{
	(void)argc;
	volatile unsigned short *semaphore = &tw_guarded_semaphore;
	int64_t rounds = number(argv[0]), fired = 0;
	for (int i = 0; i < 1000 && !*semaphore; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	truth_u64("semaphore", *semaphore);
	measured_begin();
	for (int64_t i = 0; i < rounds; i++)
		if (*semaphore) {
			STAP_PROBE1(tw, guarded, i);
			fired++;
		}
	measured_end();
	truth_u64("fired", fired);
	truth_u64("late", *semaphore == 0);
}

static void run_operands(int argc, char **argv)
{
	(void)argc;
	int64_t rounds = number(argv[0]);
	measured_begin();
	for (int64_t i = 0; i < rounds; i++)
		operands(i);
	measured_end();
	truth_u64("rounds", rounds);
}

static const struct scenario table[] = {
	{ "hot", 2, "COUNT THREADS: tw:hot(mixed(i) >> (mixed(i + 7) % 64), (int32_t)i)", run_hot },
	{ "counts", 1, "ROUNDS: tw:args0 to tw:args12", run_counts },
	{ "integers", -1, "VALUE...: tw:integers, every size and sign", run_integers },
	{ "constants", 1, "ROUNDS: tw:constants", run_constants },
	{ "text", 1, "ROUNDS: tw:text(awkward string, its number)", run_text },
	{ "many", 1, "ROUNDS: tw:many, at three places", run_many },
	{ "real", 1, "ROUNDS: tw:real(i, i + 0.5, -i)", run_real },
	{ "guarded", 1, "ROUNDS: tw:guarded(i), with a semaphore", run_guarded },
	{ "operands", 1, "ROUNDS: tw:locals, tw:indexed, tw:global, tw:byhand", run_operands },
	{ 0 },
};

int main(int argc, char **argv)
{
	return workload_main(argc, argv, table);
}
