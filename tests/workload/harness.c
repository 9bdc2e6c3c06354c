#define _GNU_SOURCE
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static struct {
	const char *out, *comm, *ready, *go, *end;
	char *members; /* of the JSON object, without braces */
} state = { .comm = "truth" };

void die(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fprintf(stderr, "workload: ");
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

int64_t number(const char *text)
{
	char *end;
	errno = 0;
	int64_t value = *text == '-' ? strtoll(text, &end, 10) : (int64_t)strtoull(text, &end, 10);
	if (errno || end == text || *end)
		die("not a number: %s", text);
	return value;
}

uint64_t mixed(uint64_t i)
{
	uint64_t z = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void truth_add(char **json, const char *format, ...)
{
	va_list args;
	char *more, *all;
	va_start(args, format);
	if (vasprintf(&more, format, args) < 0 || asprintf(&all, "%s%s", *json ? *json : "", more) < 0)
		die("out of memory");
	va_end(args);
	free(more);
	free(*json);
	*json = all;
}

void truth_raw(const char *name, const char *json)
{
	truth_add(&state.members, "%s\"%s\":%s", state.members ? "," : "", name, json);
}

void truth_u64(const char *name, uint64_t value)
{
	char text[32];
	snprintf(text, sizeof text, "\"%" PRIu64 "\"", value);
	truth_raw(name, text);
}

void truth_s64(const char *name, int64_t value)
{
	char text[32];
	snprintf(text, sizeof text, "\"%" PRId64 "\"", value);
	truth_raw(name, text);
}

static void truth_write(void)
{
	FILE *f = state.out ? fopen(state.out, "w") : stdout;
	if (!f)
		die("%s: %s", state.out, strerror(errno));
	fprintf(f, "{%s}\n", state.members ? state.members : "");
	if (state.out ? fclose(f) : fflush(f))
		die("%s: %s", state.out ? state.out : "stdout", strerror(errno));
}

void measured_begin(void)
{
	prctl(PR_SET_NAME, state.comm);
}

void measured_end(void)
{
	prctl(PR_SET_NAME, "workload");
}

struct worker {
	int index, count;
	thread_body body;
	void *arg;
	pthread_barrier_t *start;
};

/* Pins the calling thread on the nth processor it may use. */
static void pin(int n)
{
	cpu_set_t all, one;
	if (sched_getaffinity(0, sizeof all, &all))
		die("sched_getaffinity: %s", strerror(errno));
	n %= CPU_COUNT(&all);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all) || n-- > 0)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof one, &one))
			die("sched_setaffinity: %s", strerror(errno));
		return;
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	pin(w->index);
	pthread_barrier_wait(w->start);
	measured_begin();
	w->body(w->index, w->count, w->arg);
	measured_end();
	return NULL;
}

void in_threads(int threads, thread_body body, void *arg)
{
	pthread_t ids[threads];
	struct worker workers[threads];
	pthread_barrier_t start;
	pthread_barrier_init(&start, NULL, threads);
	for (int i = 0; i < threads; i++) {
		workers[i] = (struct worker){ i, threads, body, arg, &start };
		if (pthread_create(&ids[i], NULL, work, &workers[i]))
			die("pthread_create failed");
	}
	for (int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	pthread_barrier_destroy(&start);
}

void *unreadable(void)
{
	static void *page;
	if (!page)
		page = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	return (char *)page + 64;
}

/* size readable bytes of fill, directly before memory that cannot be read. */
static char *before_unreadable(size_t size, char fill)
{
	long page = sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || mprotect(p + page, page, PROT_NONE))
		die("mmap: %s", strerror(errno));
	memset(p, fill, page);
	return p + page - size;
}

static char *repeated(size_t length)
{
	char *s = malloc(length + 1);
	if (!s)
		die("out of memory");
	for (size_t i = 0; i < length; i++)
		s[i] = 'a' + i % 26;
	s[length] = 0;
	return s;
}

const struct awkward *awkward_strings(void)
{
	static struct awkward table[32];
	int n = 0;
	if (table[0].name)
		return table;
#define ADD(n_, p_, l_, r_) table[n++] = (struct awkward){ n_, p_, l_, r_ }
#define TEXT(n_, s_) ADD(n_, memcpy(malloc(sizeof s_), s_, sizeof s_), sizeof s_ - 1, true)
	TEXT("plain", "/no/such/file");
	TEXT("empty", "");
	TEXT("escape", "\x1b[31mred\x1b]0;title\x07\x9b" "1m");
	TEXT("controls", "new\nline\ttab\rreturn\bback\x7f" "delete\x01");
	TEXT("quotes", "\"double\" 'single' back\\slash ${dollar} %{percent}");
	TEXT("utf8", "gr\xc3\xbc\xc3\x9f" "e \xe6\xbc\xa2\xe5\xad\x97 \xf0\x9f\x90\x9d");
	TEXT("bidi", "\xe2\x80\xae" "evil\xe2\x80\xac \xe2\x80\xa8 line\xc2\x85next");
	TEXT("invalid_utf8", "\xff\xfe bad \xc3( \xe2\x82 \xed\xa0\x80 \xf8\x88\x80\x80\x80 end\x80");
	TEXT("cut_rune", "ends in the middle \xe6\xbc");
	ADD("length_127", repeated(127), 127, true);
	ADD("length_128", repeated(128), 128, true);
	ADD("length_129", repeated(129), 129, true);
	ADD("length_4095", repeated(4095), 4095, true);
	ADD("length_4096", repeated(4096), 4096, true);
	ADD("length_4097", repeated(4097), 4097, true);
	ADD("length_9000", repeated(9000), 9000, true);
	char *end = before_unreadable(12, 'p');
	memcpy(end, "to_page_end", 12);
	ADD("ends_with_page", end, 11, true);
	ADD("runs_off_page", before_unreadable(9, 'r'), 9, false);
	ADD("unreadable", unreadable(), 0, false);
	ADD("noncanonical", (char *)UINT64_C(0x8000000000000000), 0, false);
	ADD("last_byte", (char *)UINT64_MAX, 0, false);
	ADD("null", NULL, 0, false);
	return table;
}

void truth_awkward(void)
{
	char *json = NULL;
	for (const struct awkward *s = awkward_strings(); s->name; s++) {
		truth_add(&json, "%s{\"name\":\"%s\",\"readable\":%s,\"hex\":\"", json ? "," : "[", s->name,
			  s->readable ? "true" : "false");
		for (size_t i = 0; s->readable && i < s->length; i++)
			truth_add(&json, "%02x", (unsigned char)s->pointer[i]);
		truth_add(&json, "\"}");
	}
	truth_add(&json, "]");
	truth_raw("strings", json);
	free(json);
}

static void touch(const char *path)
{
	int fd = path ? open(path, O_CREAT | O_WRONLY, 0644) : -1;
	if (path && fd < 0)
		die("%s: %s", path, strerror(errno));
	if (path)
		close(fd);
}

/* Waits until a file exists, two minutes at most. */
static void wait_for(const char *path)
{
	if (!path)
		return;
	for (int i = 0; access(path, F_OK); i++) {
		if (i == 12000)
			die("%s did not come", path);
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
}

static int usage(const char *program, const struct scenario *table)
{
	fprintf(stderr, "usage: %s [-o FILE] [-n COMM] [-r FILE] [-g FILE] [-e FILE] SCENARIO [ARG...]\n", program);
	for (; table->name; table++)
		fprintf(stderr, "  %s %s\n", table->name, table->usage);
	return 2;
}

int workload_main(int argc, char **argv, const struct scenario *table)
{
	int option;
	while ((option = getopt(argc, argv, "+o:n:r:g:e:")) != -1) {
		switch (option) {
		case 'o': state.out = optarg; break;
		case 'n': state.comm = optarg; break;
		case 'r': state.ready = optarg; break;
		case 'g': state.go = optarg; break;
		case 'e': state.end = optarg; break;
		default: return usage(argv[0], table);
		}
	}
	for (const struct scenario *s = table; optind < argc && s->name; s++) {
		int args = argc - optind - 1;
		if (strcmp(s->name, argv[optind]) || (s->args >= 0 && s->args != args))
			continue;
		prctl(PR_SET_NAME, "workload");
		touch(state.ready);
		wait_for(state.go);
		truth_u64("pid", getpid());
		s->run(args, argv + optind + 1);
		truth_write();
		wait_for(state.end);
		return 0;
	}
	return usage(argv[0], table);
}
