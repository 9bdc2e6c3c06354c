/*
 * The C side: loads one of our BPF objects with libbpf, attaches it, runs a
 * command, and prints what came of it when the command has ended.
 *
 *   loader OBJECT [-f LIBRARY PREFIX COUNT] COMMAND ARGUMENT...
 *
 *   -f  attach the object's one program to the functions PREFIX0, PREFIX1, …
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct record {
	unsigned long long time;
	unsigned pid;
	char comm[16];
	char path[128];
};

static int print_record(void *context, void *data, size_t size)
{
	const struct record *r = data;
	(void)context, (void)size;
	printf("%llu.%06llu %7u %-16s %s\n", r->time / 1000000000, r->time % 1000000000 / 1000, r->pid, r->comm, r->path);
	return 0;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

/* One line a key: the key's bytes as text or number, and the sum of its values. */
static void print_key(const char *key, unsigned size, const unsigned long long *values, unsigned words, int cpus)
{
	unsigned long long sum;
	if (size == 16)
		printf("%-16s", key);
	else
		printf("%-16llu", size == 8 ? *(unsigned long long *)key : *(unsigned *)key);
	for (unsigned w = 0; w < words; w++) {
		sum = 0;
		for (int c = 0; c < cpus; c++)
			sum += values[c * words + w];
		if (sum)
			printf(" %u:%llu", w, sum);
	}
	putchar('\n');
}

static void print_map(struct bpf_map *map)
{
	unsigned key_size = bpf_map__key_size(map), words = bpf_map__value_size(map) / 8, n = 4096;
	int cpus = libbpf_num_possible_cpus(), fd = bpf_map__fd(map), err;
	char *keys = malloc((size_t)n * key_size), batch[64];
	unsigned long long *values = malloc((size_t)n * words * 8 * cpus);
	if (!keys || !values)
		exit(1);
	if (bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_ARRAY) {
		unsigned zero = 0;
		if (!bpf_map_lookup_elem(fd, &zero, values))
			print_key((char *)&zero, 4, values, words, cpus);
	}
	for (void *in = NULL; bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_HASH; in = batch) {
		unsigned got = n;
		err = bpf_map_lookup_batch(fd, in, batch, keys, values, &got, NULL);
		for (unsigned i = 0; i < got && (!err || err == -ENOENT); i++)
			print_key(keys + (size_t)i * key_size, key_size, values + (size_t)i * words * cpus, words, cpus);
		if (err)
			break;
	}
	free(keys);
	free(values);
}

static void attach(struct bpf_object *object, const char *library, const char *prefix, int count)
{
	struct bpf_program *program;
	bpf_object__for_each_program(program, object) {
		if (!library && !bpf_program__attach(program))
			exit(1);
		for (int i = 0; library && i < count; i++) {
			char name[64];
			snprintf(name, sizeof name, "%s%d", prefix, i);
			LIBBPF_OPTS(bpf_uprobe_opts, options, .func_name = name);
			if (!bpf_program__attach_uprobe_opts(program, -1, library, 0, &options))
				exit(1);
		}
	}
}

int main(int argc, char **argv)
{
	static char out[1 << 16];
	int at = 2, status;
	if (argc < 3)
		return 2;
	setvbuf(stdout, out, _IOFBF, sizeof out);
	libbpf_set_print(quiet);
	struct bpf_object *object = bpf_object__open_file(argv[1], NULL);
	if (!object || bpf_object__load(object))
		return 1;
	if (!strcmp(argv[2], "-f") && argc > 6)
		attach(object, argv[3], argv[4], atoi(argv[5])), at = 6;
	else
		attach(object, NULL, NULL, 0);
	struct bpf_map *events = bpf_object__find_map_by_name(object, "events"), *map;
	struct ring_buffer *ring = events ? ring_buffer__new(bpf_map__fd(events), print_record, NULL, NULL) : NULL;
	pid_t child = fork();
	if (!child) {
		execvp(argv[at], argv + at);
		_exit(127);
	}
	if (!ring)
		waitpid(child, &status, 0);
	else
		while (!waitpid(child, &status, WNOHANG)) {
			ring_buffer__poll(ring, 50);
			ring_buffer__consume(ring);
		}
	if (ring)
		ring_buffer__consume(ring);
	bpf_object__for_each_map(map, object)
		print_map(map);
	fflush(stdout);
	bpf_object__close(object);
	return 0;
}
