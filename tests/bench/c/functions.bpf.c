/* Counts calls of functions. */
#include "programs.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} calls SEC(".maps");

SEC("uprobe")
int on_call(void *ctx)
{
	u32 zero = 0;
	u64 *n = bpf_map_lookup_elem(&calls, &zero);
	if (n)
		*n += 1;
	return 0;
}

LICENSE_GPL;
