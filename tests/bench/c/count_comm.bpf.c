/* Counts calls by command name. */
#include "programs.h"

struct key {
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct key);
	__type(value, u64);
} counts SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_getppid")
int on_enter(struct enter *ctx)
{
	struct key key = {};
	u64 one = 1, *n;
	bpf_get_current_comm(key.comm, sizeof key.comm);
	n = bpf_map_lookup_elem(&counts, &key);
	if (n)
		*n += 1;
	else
		bpf_map_update_elem(&counts, &key, &one, BPF_NOEXIST);
	return 0;
}

LICENSE_GPL;
