/*
 * Calls of user functions with known arguments and results.
 *
 * The same source is linked into a position-independent program, into one that
 * is not, into a shared library, and into one that is loaded late (dlopen).
 */
#define _GNU_SOURCE
#include "functions.h"
#include "harness.h"

#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile int sink;
static __thread jmp_buf target;

int64_t tw_value(int64_t value, uint32_t index)
{
	return value ^ index;
}

int tw_integers(int8_t a, uint8_t b, int16_t c, uint16_t d, int32_t e, uint32_t f, int64_t g, uint64_t h)
{
	sink = a + b + c + d + e + f + g + h;
	return 8;
}

int8_t tw_return_s8(int64_t v) { return v; }
uint8_t tw_return_u8(int64_t v) { return v; }
int16_t tw_return_s16(int64_t v) { return v; }
uint16_t tw_return_u16(int64_t v) { return v; }
int32_t tw_return_s32(int64_t v) { return v; }
uint32_t tw_return_u32(int64_t v) { return v; }
int64_t tw_return_s64(int64_t v) { return v; }
uint64_t tw_return_u64(int64_t v) { return v; }
bool tw_return_bool(int64_t v) { return v; }

int tw_point(const struct tw_point *p)
{
	sink = p ? p->tiny : 0;
	return sink;
}

int tw_string(const char *text)
{
	sink = text != NULL;
	return sink;
}

/* What out points to is different at the return. */
int tw_fill(char *out, int n)
{
	memset(out, 'a' + n % 26, 8);
	out[8] = 0;
	return n;
}

/* The empty assembly keeps gcc from making a loop of the second call. */
uint64_t tw_fib(unsigned n)
{
	if (n < 2)
		return n;
	uint64_t a = tw_fib(n - 1), b = tw_fib(n - 2);
	__asm__ volatile("" : "+r"(a), "+r"(b));
	return a + b;
}

/* Another name of the same place. */
extern __typeof(tw_fib) tw_fib_also __attribute__((alias("tw_fib")));

/* The sum of 1 to n, by n calls within each other. */
int tw_deep(int n)
{
	if (n == 0)
		return 0;
	int below = tw_deep(n - 1);
	__asm__ volatile("" : "+r"(below));
	return below + n;
}

int tw_inner(int n)
{
	if (n % 3)
		longjmp(target, n + 1);
	return -n;
}

int tw_middle(int n)
{
	int r = tw_inner(n);
	sink = r;
	return r - 1;
}

/* Two of three calls come back by longjmp, from two frames further in. */
int tw_outer(int n)
{
	volatile int kept = n;
	if (setjmp(target) == 0)
		sink = tw_middle(n);
	return kept + 1000;
}

int tw_tail_b(int n)
{
	sink = n;
	return n * 2;
}

int tw_tail_a(int n)
{
	return tw_tail_b(n + 1);
}

/* The thread ends inside. */
int tw_leave(int n)
{
	if (n >= 0)
		syscall(SYS_exit, 0);
	return n;
}

int tw_leave_outer(int n)
{
	sink = tw_leave(n);
	return n + 1;
}

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

/* Uses the processor for so many milliseconds, nearly all of them here. */
uint64_t tw_spin(int64_t ms)
{
	uint64_t turns = 0, end = now() + ms * 1000000;
	while (now() < end)
		for (int i = 0; i < 100000; i++)
			__asm__ volatile("" : "+r"(turns) : : "memory");
	return turns;
}

uint64_t tw_spin_outer(int64_t ms)
{
	uint64_t r = tw_spin(ms);
	__asm__ volatile("" : "+r"(r)); /* not a tail call */
	return r;
}

struct job {
	int64_t count;
	uint64_t calls, sum;
	int64_t result;
};

static void value_body(int thread, int threads, void *arg)
{
	struct job *job = arg;
	int64_t from = job->count / threads * thread;
	int64_t to = thread == threads - 1 ? job->count : from + job->count / threads;
	uint64_t sum = 0;
	for (int64_t i = from; i < to; i++) {
		int64_t v = mixed(i) >> (mixed(i + 7) % 64);
		tw_value(v, i);
		sum += v;
	}
	__atomic_add_fetch(&job->calls, to - from, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&job->sum, sum, __ATOMIC_SEQ_CST);
}

static void run_value(int argc, char **argv)
{
	(void)argc;
	struct job job = { .count = number(argv[0]) };
	in_threads(number(argv[1]), value_body, &job);
	truth_u64("calls", job.calls);
	truth_u64("sum", job.sum);
}

static void run_integers(int argc, char **argv)
{
	(void)argc, (void)argv;
	static const struct {
		int8_t a; uint8_t b; int16_t c; uint16_t d; int32_t e; uint32_t f; int64_t g; uint64_t h;
	} rows[] = {
		{ 0, 0, 0, 0, 0, 0, 0, 0 },
		{ 1, 2, 3, 4, 5, 6, 7, 8 },
		{ -1, UINT8_MAX, -1, UINT16_MAX, -1, UINT32_MAX, -1, UINT64_MAX },
		{ INT8_MIN, 128, INT16_MIN, 32768, INT32_MIN, UINT32_C(2147483648), INT64_MIN, UINT64_C(9223372036854775808) },
		{ INT8_MAX, 127, INT16_MAX, 32767, INT32_MAX, 2147483647, INT64_MAX, INT64_MAX },
		{ -100, 200, -30000, 60000, -2000000000, UINT32_C(4000000000), INT64_C(-9007199254740993), UINT64_C(9007199254740993) },
	};
	char *json = NULL;
	measured_begin();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		tw_integers(rows[i].a, rows[i].b, rows[i].c, rows[i].d, rows[i].e, rows[i].f, rows[i].g, rows[i].h);
	measured_end();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		truth_add(&json, "%s[\"%d\",\"%d\",\"%d\",\"%d\",\"%d\",\"%u\",\"%" PRId64 "\",\"%" PRIu64 "\"]", json ? "," : "[",
			  rows[i].a, rows[i].b, rows[i].c, rows[i].d, rows[i].e, rows[i].f, rows[i].g, rows[i].h);
	truth_add(&json, "]");
	truth_raw("rows", json);
}

static void run_returns(int argc, char **argv)
{
	measured_begin();
	for (int i = 0; i < argc; i++) {
		int64_t v = number(argv[i]);
		sink = tw_return_s8(v) + tw_return_u8(v) + tw_return_s16(v) + tw_return_u16(v) + tw_return_s32(v) +
		       tw_return_u32(v) + tw_return_s64(v) + tw_return_u64(v) + tw_return_bool(v);
	}
	measured_end();
	truth_u64("calls", argc);
}

static void run_points(int argc, char **argv)
{
	(void)argc, (void)argv;
	struct tw_point last = {
		.tiny = 127, .flags = 0, .kind = 127, .temperature = 255, .big = UINT64_MAX, .label = "12345678",
		.corners = { { 1, 2 }, { INT16_MAX, INT16_MIN } }, .next = NULL, .color = TW_NEGATIVE,
	};
	struct tw_point first = {
		.tiny = -128, .flags = 7, .kind = 64, .temperature = -256, .big = UINT64_C(9223372036854775808), .label = "one",
		.corners = { { -1, -2 }, { 3, 4 } }, .next = &last, .color = TW_GREEN,
	};
	measured_begin();
	tw_point(&first);
	tw_point(&last);
	tw_point(NULL);
	measured_end();
	truth_u64("calls", 3);
}

static void run_strings(int argc, char **argv)
{
	(void)argc;
	int64_t rounds = number(argv[0]);
	const struct awkward *strings = awkward_strings();
	uint64_t calls = 0;
	measured_begin();
	for (int64_t r = 0; r < rounds; r++)
		for (const struct awkward *s = strings; s->name; s++, calls++)
			tw_string(s->pointer);
	measured_end();
	truth_u64("calls", calls);
	truth_awkward();
}

static void run_fill(int argc, char **argv)
{
	(void)argc;
	int64_t count = number(argv[0]);
	char buffer[16] = "before";
	measured_begin();
	for (int64_t i = 0; i < count; i++) {
		strcpy(buffer, "before");
		tw_fill(buffer, i);
	}
	measured_end();
	truth_u64("calls", count);
}

static void fib_body(int thread, int threads, void *arg)
{
	(void)thread, (void)threads;
	struct job *job = arg;
	uint64_t result = tw_fib(job->count);
	__atomic_store_n(&job->result, result, __ATOMIC_SEQ_CST);
}

static void run_fib(int argc, char **argv)
{
	(void)argc;
	struct job job = { .count = number(argv[0]) };
	int threads = number(argv[1]);
	in_threads(threads, fib_body, &job);
	/* fib(n) makes 2 * fib(n + 1) - 1 calls. */
	uint64_t a = 0, b = 1;
	for (int64_t i = 0; i < job.count; i++) {
		uint64_t c = a + b;
		a = b;
		b = c;
	}
	truth_u64("calls", (2 * b - 1) * threads);
	truth_s64("result", job.result);
}

static void deep_body(int thread, int threads, void *arg)
{
	(void)thread, (void)threads;
	struct job *job = arg;
	if (tw_deep(job->count) != job->count * (job->count + 1) / 2)
		die("tw_deep is wrong");
}

static void run_deep(int argc, char **argv)
{
	(void)argc;
	struct job job = { .count = number(argv[0]) };
	int threads = number(argv[1]);
	in_threads(threads, deep_body, &job);
	truth_u64("calls", (job.count + 1) * threads);
}

static void jump_body(int thread, int threads, void *arg)
{
	(void)thread, (void)threads;
	struct job *job = arg;
	for (int64_t i = 0; i < job->count; i++)
		if (tw_outer(i) != i + 1000)
			die("tw_outer(%" PRId64 ") is wrong", i);
}

static void run_jump(int argc, char **argv)
{
	(void)argc;
	struct job job = { .count = number(argv[0]) };
	int threads = number(argv[1]);
	in_threads(threads, jump_body, &job);
	truth_u64("calls", job.count * threads);
	truth_u64("returned", (job.count + 2) / 3 * threads); /* of tw_inner and tw_middle */
}

static void tail_body(int thread, int threads, void *arg)
{
	(void)thread, (void)threads;
	struct job *job = arg;
	for (int64_t i = 0; i < job->count; i++)
		if (tw_tail_a(i) != (i + 1) * 2)
			die("tw_tail_a(%" PRId64 ") is wrong", i);
}

static void run_tail(int argc, char **argv)
{
	(void)argc;
	struct job job = { .count = number(argv[0]) };
	int threads = number(argv[1]);
	in_threads(threads, tail_body, &job);
	truth_u64("calls", job.count * threads);
}

static void *leave(void *arg)
{
	measured_begin();
	tw_leave_outer((intptr_t)arg);
	die("tw_leave came back");
}

static void run_leave(int argc, char **argv)
{
	(void)argc;
	int64_t count = number(argv[0]);
	for (int64_t i = 0; i < count; i++) {
		pthread_t id;
		if (pthread_create(&id, NULL, leave, (void *)(intptr_t)i))
			die("pthread_create failed");
		pthread_join(id, NULL);
	}
	measured_begin();
	for (int64_t i = 0; i < count; i++)
		tw_leave_outer(-1 - i);
	measured_end();
	truth_u64("left", count);
	truth_u64("returned", count);
}

static void spin_body(int thread, int threads, void *arg)
{
	(void)thread, (void)threads;
	struct job *job = arg;
	tw_spin_outer(job->count);
}

static void run_spin(int argc, char **argv)
{
	(void)argc;
	struct job job = { .count = number(argv[0]) };
	in_threads(number(argv[1]), spin_body, &job);
	truth_u64("milliseconds", job.count * number(argv[1]));
}

static const struct scenario table[] = {
	{ "value", 2, "COUNT THREADS: tw_value(mixed(i) >> (mixed(i + 7) % 64), i)", run_value },
	{ "integers", 0, ": tw_integers with extremes", run_integers },
	{ "returns", -1, "VALUE...: every tw_return_*", run_returns },
	{ "points", 0, ": tw_point of two linked points and of null", run_points },
	{ "strings", 1, "ROUNDS: tw_string of each awkward string", run_strings },
	{ "fill", 1, "COUNT: tw_fill(\"before\", i)", run_fill },
	{ "fib", 2, "N THREADS: tw_fib(N) in each", run_fib },
	{ "deep", 2, "N THREADS: tw_deep(N) in each, N + 1 calls within each other", run_deep },
	{ "jump", 2, "COUNT THREADS: tw_outer(i), left by longjmp", run_jump },
	{ "tail", 2, "COUNT THREADS: tw_tail_a(i), which tail-calls tw_tail_b(i + 1)", run_tail },
	{ "leave", 1, "COUNT: threads that end inside of tw_leave, then calls that return", run_leave },
	{ "spin", 2, "MS THREADS: tw_spin_outer(MS), which calls tw_spin(MS)", run_spin },
	{ 0 },
};

int functions_main(int argc, char **argv)
{
	return workload_main(argc, argv, table);
}
