/* Functions to probe, and the scenarios that call them. */
#ifndef FUNCTIONS_H
#define FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Not inlined, not cloned, called as the ABI says, visible in the symbol table. */
#define PROBED __attribute__((noipa, visibility("default")))

enum tw_color { TW_RED, TW_GREEN = 5, TW_NEGATIVE = -3 };

struct tw_inner {
	int16_t x, y;
};

struct tw_point {
	int8_t tiny;
	uint32_t flags : 3, kind : 7;
	int32_t temperature : 9;
	uint64_t big;
	char label[8];
	struct tw_inner corners[2];
	struct tw_point *next;
	enum tw_color color;
};

PROBED int64_t tw_value(int64_t value, uint32_t index);
PROBED int tw_integers(int8_t a, uint8_t b, int16_t c, uint16_t d, int32_t e, uint32_t f, int64_t g, uint64_t h);
PROBED int8_t tw_return_s8(int64_t v);
PROBED uint8_t tw_return_u8(int64_t v);
PROBED int16_t tw_return_s16(int64_t v);
PROBED uint16_t tw_return_u16(int64_t v);
PROBED int32_t tw_return_s32(int64_t v);
PROBED uint32_t tw_return_u32(int64_t v);
PROBED int64_t tw_return_s64(int64_t v);
PROBED uint64_t tw_return_u64(int64_t v);
PROBED bool tw_return_bool(int64_t v);
PROBED int tw_point(const struct tw_point *p);
PROBED int tw_string(const char *text);
PROBED int tw_fill(char *out, int n);
PROBED uint64_t tw_fib(unsigned n);
PROBED int tw_deep(int n);
PROBED int tw_outer(int n);
PROBED int tw_middle(int n);
PROBED int tw_inner(int n);
PROBED int tw_tail_a(int n);
PROBED int tw_tail_b(int n);
PROBED int tw_leave(int n);
PROBED int tw_leave_outer(int n);
PROBED uint64_t tw_spin(int64_t ms);
PROBED uint64_t tw_spin_outer(int64_t ms);

PROBED int functions_main(int argc, char **argv);

#endif
