/* Kernel tracepoints other than system calls: signals, renames, programs started. */
#define _GNU_SOURCE
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t handled;

static void handle(int signal)
{
	(void)signal;
	handled++;
}

/* COUNT of SIGUSR1 (handled: result 0), SIGUSR2 (ignored: result 1) and, in a
 * blocked state, SIGTERM (first 0, then already pending: result 2). */
static void run_signals(int argc, char **argv)
{
	(void)argc;
	int64_t count = number(argv[0]);
	sigset_t term;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	signal(SIGUSR1, handle);
	signal(SIGUSR2, SIG_IGN);
	sigprocmask(SIG_BLOCK, &term, NULL);
	measured_begin();
	for (int64_t i = 0; i < count; i++) {
		kill(getpid(), SIGUSR1);
		kill(getpid(), SIGUSR2);
		kill(getpid(), SIGTERM);
	}
	measured_end();
	signal(SIGTERM, SIG_IGN);
	truth_u64("handled", handled);
	truth_u64("each", count);
}

/* Names that are hard to print, 15 bytes at most; the kernel cuts the last. */
static const char *const names[] = {
	"tw-plain", "", "tw-\x1b[31mred", "tw-new\nline", "tw-\xff\xfe" "bad", "tw-15-bytes-lon", "tw-cut-after-15-bytes",
};

static void run_renames(int argc, char **argv)
{
	(void)argc;
	int64_t rounds = number(argv[0]);
	size_t n = sizeof names / sizeof *names;
	char *json = NULL;
	for (int64_t r = 0; r < rounds; r++)
		for (size_t i = 0; i < n; i++)
			prctl(PR_SET_NAME, names[i]);
	for (size_t i = 0; i < n; i++) {
		truth_add(&json, "%s\"", json ? "," : "[");
		for (size_t k = 0; k < 15 && names[i][k]; k++)
			truth_add(&json, "%02x", (unsigned char)names[i][k]);
		truth_add(&json, "\"");
	}
	truth_add(&json, "]");
	truth_raw("names", json);
	truth_u64("rounds", rounds);
}

/* The program started is this one, under a name that is hard to print. */
static void run_execs(int argc, char **argv)
{
	(void)argc;
	int64_t count = number(argv[0]);
	char self[4096], *path, *json = NULL;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n < 0 || asprintf(&path, "%s/program-\x1b[1m-\xff-\xc3\xbc", argv[1]) < 0)
		die("no name for the program");
	self[n] = 0;
	if (symlink(self, path))
		die("%s: %s", path, strerror(errno));
	for (int64_t i = 0; i < count; i++) {
		pid_t pid;
		int status;
		int error = posix_spawn(&pid, path, NULL, NULL, (char *[]){ path, "nothing", NULL }, environ);
		if (error)
			die("%s: %s", path, strerror(error));
		if (waitpid(pid, &status, 0) != pid || status)
			die("%s ended with %d", path, status);
	}
	truth_u64("execs", count);
	for (char *c = path; *c; c++)
		truth_add(&json, "%s%02x", json ? "" : "\"", (unsigned char)*c);
	truth_add(&json, "\"");
	truth_raw("path", json);
}

static volatile char *fresh_pages(int64_t pages, long size)
{
	volatile char *p = mmap(NULL, pages * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	madvise((void *)p, pages * size, MADV_NOHUGEPAGE);
	return p;
}

/* Each page of fresh anonymous memory faults once. */
static void run_faults(int argc, char **argv)
{
	(void)argc;
	int64_t pages = number(argv[0]);
	long size = sysconf(_SC_PAGESIZE);
	volatile char *p = fresh_pages(pages, size);
	measured_begin();
	for (int64_t i = 0; i < pages; i++)
		p[i * size] = 1;
	measured_end();
	truth_u64("pages", pages);
	truth_u64("address", (uintptr_t)p);
}

/* The kernel writes to each fresh page, in one system call. */
static void run_kernel_faults(int argc, char **argv)
{
	(void)argc;
	int64_t pages = number(argv[0]);
	long size = sysconf(_SC_PAGESIZE);
	volatile char *p = fresh_pages(pages, size);
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	measured_begin();
	ssize_t n = read(zero, (void *)p, pages * size);
	measured_end();
	if (n != pages * size)
		die("read of /dev/zero: %zd, %s", n, strerror(errno));
	truth_u64("pages", pages);
}

/* Reads what /proc says of a thread of this process into text. */
static void thread_file(pid_t thread, const char *file, char *text, size_t size)
{
	char name[64];
	snprintf(name, sizeof name, "/proc/self/task/%d/%s", thread, file);
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
	if (n <= 0)
		die("%s: %s", name, strerror(errno));
	close(fd);
	text[n] = 0;
}

/*
 * Waits until a thread of this process sleeps in a system call, so that it has
 * to be woken. Neither file would do alone. The state becomes S before the
 * thread leaves its CPU, and what is written meanwhile it sees without being
 * woken; "syscall" (proc_pid_syscall in fs/proc/base.c) tells the call only of
 * a thread that left, but also of one that is just being woken (TASK_WAKING).
 */
static void wait_asleep(pid_t thread, long call)
{
	char text[512], *end;
	for (;; usleep(100)) {
		thread_file(thread, "stat", text, sizeof text);
		char *state = strrchr(text, ')');
		if (!state || strncmp(state, ") S", 3))
			continue;
		thread_file(thread, "syscall", text, sizeof text);
		if (strtol(text, &end, 10) == call && end != text)
			return;
	}
}

struct sleeper {
	int pipe[2];
	int64_t count;
	_Atomic pid_t thread;
};

static void *be_woken(void *arg)
{
	struct sleeper *s = arg;
	char c;
	s->thread = gettid();
	/* Once before it is measured, to have what it needs in memory. */
	for (int64_t i = -1; i < s->count; i++) {
		if (i == 0)
			measured_begin();
		if (read(s->pipe[0], &c, 1) != 1)
			die("read: %s", strerror(errno));
	}
	measured_end();
	return NULL;
}

/* The calling thread wakes another one, each time it sleeps. */
static void run_wakes(int argc, char **argv)
{
	(void)argc;
	struct sleeper s = { .count = number(argv[0]) };
	pthread_t id;
	if (pipe(s.pipe) || pthread_create(&id, NULL, be_woken, &s))
		die("no thread to wake");
	prctl(PR_SET_NAME, "waker");
	while (!s.thread)
		usleep(100);
	for (int64_t i = -1; i < s.count; i++) {
		wait_asleep(s.thread, SYS_read);
		if (write(s.pipe[1], "", 1) != 1)
			die("write: %s", strerror(errno));
	}
	pthread_join(id, NULL);
	truth_u64("wakes", s.count);
}

static void run_mallocs(int argc, char **argv)
{
	(void)argc;
	int64_t count = number(argv[0]), size = number(argv[1]);
	measured_begin();
	for (int64_t i = 0; i < count; i++) {
		void *volatile p = malloc(size);
		free(p);
	}
	measured_end();
	truth_u64("calls", count);
}

static void run_nothing(int argc, char **argv)
{
	(void)argc, (void)argv;
	if (!freopen("/dev/null", "w", stdout))
		die("/dev/null: %s", strerror(errno));
}

static const struct scenario table[] = {
	{ "signals", 1, "COUNT: kill(self, SIGUSR1), SIGUSR2 (ignored), SIGTERM (blocked)", run_signals },
	{ "renames", 1, "ROUNDS: prctl(PR_SET_NAME, each of some names)", run_renames },
	{ "execs", 2, "COUNT DIR: runs this program by a name in DIR", run_execs },
	{ "faults", 1, "PAGES: touches fresh pages", run_faults },
	{ "kernel-faults", 1, "PAGES: read() into fresh pages", run_kernel_faults },
	{ "wakes", 1, "COUNT: a thread called waker wakes the measured one", run_wakes },
	{ "mallocs", 2, "COUNT SIZE: malloc(SIZE)", run_mallocs },
	{ "nothing", 0, ": ends at once", run_nothing },
	{ 0 },
};

int main(int argc, char **argv)
{
	return workload_main(argc, argv, table);
}
