/* Streams process, command name and path of every openat. */
#include "programs.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} lost SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_openat")
int on_enter(struct enter *ctx)
{
	struct record *r = bpf_ringbuf_reserve(&events, sizeof *r, 0);
	u32 zero = 0;
	if (!r) {
		u64 *n = bpf_map_lookup_elem(&lost, &zero);
		if (n)
			*n += 1;
		return 0;
	}
	r->time = bpf_ktime_get_ns();
	r->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(r->comm, sizeof r->comm);
	bpf_probe_read_user_str(r->path, sizeof r->path, (void *)ctx->args[1]);
	bpf_ringbuf_submit(r, wakeup(&events, r->time));
	return 0;
}

LICENSE_GPL;
