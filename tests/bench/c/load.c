/*
 * The workload: does what it is told on one pipe, says on another how long it
 * took. A tool starts it when its probes are attached, so that its first line
 * is the moment of readiness.
 *
 *   load CONTROL ANSWER CPU
 *
 * CONTROL and ANSWER are named pipes, CPU the number of a processor to stay on.
 * First line of ANSWER: "ready NS", CLOCK_MONOTONIC at the start of main. Then
 * for each line "SCENARIO COUNT" of CONTROL one line "done CPU_NS WALL_NS":
 * processor time, user and system, and time passed. "quit 0" ends, after a line
 * "done NS 0", CLOCK_MONOTONIC at the end.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long long now(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int zero;

static void do_getppid(long n)
{
	for (long i = 0; i < n; i++)
		syscall(SYS_getppid);
}

/* Sizes from 0 to 255 bytes in no order, as programs have them. */
static void do_read(long n)
{
	char buffer[256];
	unsigned state = 1;
	for (long i = 0; i < n; i++) {
		state = state * 1664525 + 1013904223; /* Numerical Recipes, chapter 7.1 */
		syscall(SYS_read, zero, buffer, (long)(state >> 24));
	}
}

static void do_openat(long n)
{
	for (long i = 0; i < n; i++)
		syscall(SYS_openat, AT_FDCWD, "/tmp/bench-there-is-no-such-file", O_RDONLY);
}

/* In bursts, between which a reader comes to its turn. */
static void do_opens(long n)
{
	struct timespec pause = { .tv_nsec = 5000000 };
	for (long i = 0; i < n; i += 500) {
		do_openat(500);
		nanosleep(&pause, NULL);
	}
}

static void do_lseek(long n)
{
	for (long i = 0; i < n; i++)
		syscall(SYS_lseek, -1L, i, 0L);
}

static const struct {
	const char *name;
	void (*run)(long n);
} scenarios[] = {
	{ "getppid", do_getppid }, { "read", do_read }, { "openat", do_openat }, { "openat-bursts", do_opens },
	{ "lseek", do_lseek },
};

static int obey(const char *name, long n, FILE *answer)
{
	for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
		if (strcmp(scenarios[i].name, name))
			continue;
		long long wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
		scenarios[i].run(n);
		cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
		wall = now(CLOCK_MONOTONIC) - wall;
		fprintf(answer, "done %lld %lld\n", cpu, wall);
		fflush(answer);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	long long ready = now(CLOCK_MONOTONIC);
	if (argc != 4)
		return 2;
	cpu_set_t cpu;
	CPU_ZERO(&cpu);
	CPU_SET(atoi(argv[3]), &cpu);
	sched_setaffinity(0, sizeof cpu, &cpu);
	zero = open("/dev/zero", O_RDONLY);
	FILE *answer = fopen(argv[2], "w"), *control = fopen(argv[1], "r");
	if (!control || !answer)
		return 1;
	fprintf(answer, "ready %lld\n", ready);
	fflush(answer);
	char name[32];
	long n;
	while (fscanf(control, "%31s %ld", name, &n) == 2)
		if (!obey(name, n, answer)) {
			fprintf(answer, "done %lld 0\n", now(CLOCK_MONOTONIC));
			return strcmp(name, "quit") != 0;
		}
	return 1;
}
