/* System calls with known arguments and results. */
#define _GNU_SOURCE
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* What threads share: how much, and what came of it. */
struct job {
	int64_t count, shift;
	uint64_t calls, sum;
	int64_t min, max;
};

static int64_t share_from(int64_t count, int thread, int threads)
{
	return count / threads * thread;
}

static int64_t share_to(int64_t count, int thread, int threads)
{
	return thread == threads - 1 ? count : count / threads * (thread + 1);
}

static void getppid_body(int thread, int threads, void *arg)
{
	struct job *job = arg;
	int64_t n = share_to(job->count, thread, threads) - share_from(job->count, thread, threads);
	for (int64_t i = 0; i < n; i++)
		syscall(SYS_getppid);
	__atomic_add_fetch(&job->calls, n, __ATOMIC_SEQ_CST);
}

static void run_getppid(int argc, char **argv)
{
	(void)argc;
	struct job job = { .count = number(argv[0]) };
	in_threads(number(argv[1]), getppid_body, &job);
	truth_u64("calls", job.calls);
}

static void lseek_mixed_body(int thread, int threads, void *arg)
{
	struct job *job = arg;
	uint64_t sum = 0;
	int64_t from = share_from(job->count, thread, threads), to = share_to(job->count, thread, threads);
	for (int64_t i = from; i < to; i++) {
		int64_t value = mixed(i) >> (mixed(i + 7) % 64);
		syscall(SYS_lseek, -1 - i % 3, value, i % 5);
		sum += value;
	}
	__atomic_add_fetch(&job->calls, to - from, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&job->sum, sum, __ATOMIC_SEQ_CST);
}

static void run_lseek_mixed(int argc, char **argv)
{
	(void)argc;
	struct job job = { .count = number(argv[0]) };
	in_threads(number(argv[1]), lseek_mixed_body, &job);
	truth_u64("calls", job.calls);
	truth_u64("sum", job.sum);
}

static void lseek_seq_body(int thread, int threads, void *arg)
{
	struct job *job = arg;
	int64_t from = share_from(job->count, thread, threads), to = share_to(job->count, thread, threads);
	for (int64_t i = from; i < to; i++)
		syscall(SYS_lseek, -1L, i >> job->shift, thread);
	__atomic_add_fetch(&job->calls, to - from, __ATOMIC_SEQ_CST);
}

static void run_lseek_seq(int argc, char **argv)
{
	(void)argc;
	struct job job = { .count = number(argv[0]), .shift = number(argv[2]) };
	in_threads(number(argv[1]), lseek_seq_body, &job);
	truth_u64("calls", job.calls);
}

static void run_lseek_list(int argc, char **argv)
{
	int64_t values[argc + 1];
	for (int i = 0; i < argc; i++)
		values[i] = number(argv[i]);
	measured_begin();
	for (int i = 0; i < argc; i++)
		syscall(SYS_lseek, -1L, values[i], 0);
	measured_end();
	truth_u64("calls", argc);
}

static void run_close(int argc, char **argv)
{
	long fds[argc + 1];
	for (int i = 0; i < argc; i++)
		fds[i] = number(argv[i]);
	measured_begin();
	for (int i = 0; i < argc; i++)
		syscall(SYS_close, fds[i]);
	measured_end();
	truth_u64("calls", argc);
}

/* Of each register the kernel takes the low half, as a signed number. */
static void run_clocks(int argc, char **argv)
{
	long clocks[argc + 1];
	for (int i = 0; i < argc; i++)
		clocks[i] = number(argv[i]);
	measured_begin();
	for (int i = 0; i < argc; i++)
		syscall(SYS_clock_getres, clocks[i], NULL);
	measured_end();
	truth_u64("calls", argc);
}

/* read(zero, n) gives n, write(null, n) takes n: known sizes, in and out. */
static void run_sizes(int argc, char **argv)
{
	enum { LARGEST = 1 << 20 };
	static char buffer[LARGEST];
	int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY);
	int64_t rounds = number(argv[0]);
	uint64_t calls = 0, bytes = 0;
	if (zero < 0 || null < 0)
		die("/dev/zero or /dev/null: %s", strerror(errno));
	for (int i = 1; i < argc; i++)
		if (number(argv[i]) < 0 || number(argv[i]) > LARGEST)
			die("size %s is not within 0 and %d", argv[i], LARGEST);
	memset(buffer, 0, sizeof buffer);
	measured_begin();
	for (int64_t r = 0; r < rounds; r++)
		for (int i = 1; i < argc; i++) {
			size_t size = number(argv[i]);
			if (syscall(SYS_read, zero, buffer, size) != (long)size || syscall(SYS_write, null, buffer, size) != (long)size)
				die("short read or write");
			calls++;
			bytes += size;
		}
	measured_end();
	truth_u64("calls", calls);
	truth_u64("bytes", bytes);
	truth_u64("zero", zero);
	truth_u64("null", null);
}

static void run_paths(int argc, char **argv)
{
	(void)argc;
	int64_t rounds = number(argv[0]);
	uint64_t calls = 0;
	const struct awkward *strings = awkward_strings();
	measured_begin();
	for (int64_t r = 0; r < rounds; r++)
		for (const struct awkward *s = strings; s->name; s++) {
			int fd = syscall(SYS_openat, -1L, s->pointer, O_RDONLY | O_CLOEXEC);
			if (fd >= 0)
				die("%s could be opened", s->name);
			calls++;
		}
	measured_end();
	truth_u64("calls", calls);
	truth_awkward();
}

static void run_sleep(int argc, char **argv)
{
	(void)argc;
	int64_t count = number(argv[0]), ms = number(argv[1]);
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, before, after;
	measured_begin();
	clock_gettime(CLOCK_MONOTONIC, &before);
	for (int64_t i = 0; i < count; i++)
		if (syscall(SYS_nanosleep, &time, NULL))
			die("nanosleep: %s", strerror(errno));
	clock_gettime(CLOCK_MONOTONIC, &after);
	measured_end();
	truth_u64("calls", count);
	truth_u64("nanoseconds", (after.tv_sec - before.tv_sec) * UINT64_C(1000000000) + after.tv_nsec - before.tv_nsec);
}

/* getpid by its number among the system calls of 32-bit programs, 20, which is
 * writev's here. */
static long compat_getpid(void)
{
	long result = -1;
#ifdef __x86_64__
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
#endif
	return result;
}

static sigjmp_buf no_compat;

static void refuse_compat(int signal)
{
	siglongjmp(no_compat, signal);
}

/* Calls nothing where there are no such calls: they fail, or hypervisors do not
 * let the interrupt through (SIGSEGV). */
static void run_compat(int argc, char **argv)
{
	(void)argc;
	int64_t count = number(argv[0]), done = 0;
	signal(SIGSEGV, refuse_compat);
	bool there = !sigsetjmp(no_compat, 1) && compat_getpid() == getpid();
	signal(SIGSEGV, SIG_DFL);
	measured_begin();
	for (int64_t i = 0; there && i < count; i++)
		done += compat_getpid() == getpid();
	measured_end();
	truth_s64("compat", done);
}

static void *exit_now(void *arg)
{
	measured_begin();
	syscall(SYS_exit, 0); /* entered, and never left */
	return arg;
}

static void run_exits(int argc, char **argv)
{
	(void)argc;
	int64_t count = number(argv[0]);
	for (int64_t i = 0; i < count; i++) {
		pthread_t id;
		if (pthread_create(&id, NULL, exit_now, NULL))
			die("pthread_create failed");
		pthread_join(id, NULL);
	}
	truth_u64("calls", count);
}

static void handled(int signal) { (void)signal; }

/* From here on getpgid(1) fails with EDOM, and the kernel does not enter it. */
static void refuse_getpgid_of_1(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgid, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])), /* its low half */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EDOM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		die("no seccomp: %s", strerror(errno));
}

static void run_refused(int argc, char **argv)
{
	(void)argc;
	int64_t count = number(argv[0]);
	struct sigaction action = { .sa_handler = handled };
	sigaction(SIGUSR1, &action, NULL);
	refuse_getpgid_of_1();
	measured_begin();
	for (int64_t i = 0; i < count; i++) {
		syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1); /* then rt_sigreturn, entered and never left */
		if (syscall(SYS_getpgid, 1) != -1 || errno != EDOM)
			die("getpgid was not refused");
		if (syscall(SYS_getpgid, 0) < 0)
			die("getpgid was refused");
	}
	measured_end();
	truth_u64("calls", count);
}

static const struct scenario table[] = {
	{ "getppid", 2, "COUNT THREADS: getppid()", run_getppid },
	{ "lseek-mixed", 2, "COUNT THREADS: lseek(-1 - i % 3, mixed(i) >> (mixed(i + 7) % 64), i % 5)", run_lseek_mixed },
	{ "lseek-seq", 3, "COUNT THREADS SHIFT: lseek(-1, i >> SHIFT, thread)", run_lseek_seq },
	{ "lseek-list", -1, "OFFSET...: lseek(-1, OFFSET, 0)", run_lseek_list },
	{ "close", -1, "FD...: close(FD)", run_close },
	{ "clocks", -1, "CLOCK...: clock_getres(CLOCK, NULL)", run_clocks },
	{ "sizes", -1, "ROUNDS SIZE...: read and write of each SIZE", run_sizes },
	{ "paths", 1, "ROUNDS: openat(-1, each of the awkward strings, O_RDONLY | O_CLOEXEC)", run_paths },
	{ "sleep", 2, "COUNT MS: nanosleep", run_sleep },
	{ "compat", 1, "COUNT: getpid as 32-bit programs call it, and getpid", run_compat },
	{ "exits", 1, "COUNT: threads that end in exit()", run_exits },
	{ "refused", 1, "COUNT: a signal's handler, getpgid that seccomp refuses, getpgid", run_refused },
	{ 0 },
};

int main(int argc, char **argv)
{
	return workload_main(argc, argv, table);
}
