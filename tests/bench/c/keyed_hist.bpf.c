/* A histogram of what a system call returned, for each command name. */
#include "programs.h"

struct key {
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct key);
	__type(value, struct row);
} sizes SEC(".maps");

/* A new row begins as zeros; the stack is too small to hold many of them. */
static struct row zeros;

SEC("tracepoint/syscalls/sys_exit_read")
int on_exit(struct leave *ctx)
{
	struct key key = {};
	struct row *row;
	bpf_get_current_comm(key.comm, sizeof key.comm);
	row = bpf_map_lookup_elem(&sizes, &key);
	if (!row) {
		bpf_map_update_elem(&sizes, &key, &zeros, BPF_NOEXIST);
		row = bpf_map_lookup_elem(&sizes, &key);
	}
	if (row)
		row_add(row, ctx->ret);
	return 0;
}

LICENSE_GPL;
