/* A program around functions.c: linked to it, or (LATE) loading it at run time. */
#define _GNU_SOURCE
#include "functions.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifdef LATE
static int load_and_run(int argc, char **argv)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - sizeof LATE);
	if (n < 0)
		return 1;
	path[n] = 0;
	strcpy(strrchr(path, '/') + 1, LATE);
	void *library = dlopen(path, RTLD_NOW);
	int (*run)(int, char **) = library ? (int (*)(int, char **))dlsym(library, "functions_main") : NULL;
	if (!run) {
		fprintf(stderr, "workload: %s\n", dlerror());
		return 1;
	}
	return run(argc, argv);
}
#else
#define load_and_run functions_main
#endif

int main(int argc, char **argv)
{
	return load_and_run(argc, argv);
}
