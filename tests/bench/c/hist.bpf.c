/* A histogram of what a system call returned. */
#include "programs.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct row);
} sizes SEC(".maps");

SEC("tracepoint/syscalls/sys_exit_read")
int on_exit(struct leave *ctx)
{
	u32 zero = 0;
	struct row *row = bpf_map_lookup_elem(&sizes, &zero);
	if (row)
		row_add(row, ctx->ret);
	return 0;
}

LICENSE_GPL;
