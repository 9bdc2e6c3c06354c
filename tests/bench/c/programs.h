/*
 * What the BPF programs of the C side share: the least that each of them needs,
 * without types of the kernel, so that libbpf has nothing to relocate.
 */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;

/* Contexts of tracepoints of system calls (their format files in tracefs). */
struct enter {
	u64 common;
	s64 nr;
	u64 args[6];
};

struct leave {
	u64 common;
	s64 nr;
	s64 ret;
};

/* Slots of a histogram by powers of two: negative, zero, then one for each. */
#define SLOTS 66

static __always_inline u32 slot_of(s64 value)
{
	u64 v = value;
	u32 slot, more;
	if (value < 0)
		return 0;
	if (!v)
		return 1;
	slot = (v > 0xffffffff) << 5; v >>= slot;
	more = (v > 0xffff) << 4; v >>= more; slot |= more;
	more = (v > 0xff) << 3; v >>= more; slot |= more;
	more = (v > 0xf) << 2; v >>= more; slot |= more;
	more = (v > 0x3) << 1; v >>= more; slot |= more;
	slot |= v >> 1;
	return slot + 2;
}

struct row {
	u64 sum;
	u64 slots[SLOTS];
};

static __always_inline void row_add(struct row *row, s64 value)
{
	u32 slot = slot_of(value);
	row->sum += value;
	if (slot < SLOTS)
		row->slots[slot]++;
}

/* A record of a stream; of one without paths, PATH_BYTES is 1. */
#ifndef PATH_BYTES
#define PATH_BYTES 128
#endif
struct record {
	u64 time;
	u32 pid;
	char comm[16];
	char path[PATH_BYTES];
};

#define RING_BYTES (8 << 20)

/*
 * The reader looks every 50 ms by itself; it is woken if a quarter is full, which
 * one event in 64 looks at, chosen by its time.
 */
static __always_inline u64 wakeup(void *ring, u64 time)
{
	if (time & 63)
		return BPF_RB_NO_WAKEUP;
	return bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) >= RING_BYTES / 4 ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

#define LICENSE_GPL char LICENSE[] SEC("license") = "GPL"

#endif
