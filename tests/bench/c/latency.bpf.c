/* A histogram of the time between entry and return of a thread's system call. */
#include "programs.h"

struct task_struct;
static struct task_struct *(*current_task)(void) = (void *)BPF_FUNC_get_current_task_btf;

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u64);
} starts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct row);
} times SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_read")
int on_enter(struct enter *ctx)
{
	u64 *start = bpf_task_storage_get(&starts, current_task(), 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (start)
		*start = bpf_ktime_get_ns();
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_read")
int on_exit(struct leave *ctx)
{
	u64 *start = bpf_task_storage_get(&starts, current_task(), 0, 0);
	u32 zero = 0;
	struct row *row;
	if (!start || !*start)
		return 0;
	row = bpf_map_lookup_elem(&times, &zero);
	if (row)
		row_add(row, bpf_ktime_get_ns() - *start);
	*start = 0;
	return 0;
}

LICENSE_GPL;
