/* The floor: what entering a program costs, and reading the clock for the statistics. */
#include "programs.h"

SEC("tracepoint/syscalls/sys_enter_getppid")
int on_enter(struct enter *ctx)
{
	return 0;
}

LICENSE_GPL;
