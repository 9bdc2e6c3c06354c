/* Probes whose operands are in memory. */
#ifndef USDT_H
#define USDT_H

#include <stdint.h>

/*
 * Fires for round i:
 *   tw:locals(i * 3 (s64), -i (s32), i (u16), -i (s8))            on the stack
 *   tw:indexed(a[i % 16] = 7 * (i % 16) (s32), b[i % 16 + 1] (s64)) base + index * scale
 *   tw:global(i (u64), -i (s16))                                  relative to rip
 *   tw:byhand(i (u64), low byte of i (u8), 42, 7 * (i % 16) (s32)) operands by hand
 */
void operands(int64_t i);

#endif
