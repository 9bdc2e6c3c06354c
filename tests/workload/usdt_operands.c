/* Probes whose operands are in memory: see usdt.h. */
#define STAP_SDT_ARG_CONSTRAINT m
#include "usdt.h"

#include <sys/sdt.h>

uint64_t tw_global_u64;
static int16_t global_s16;
static int32_t a[16];
static int64_t b[17];

/*
 * A note written by hand has the operands we want, not those that the compiler
 * happens to choose. The format is that of sys/sdt.h.
 */
#define NOTE(provider, name, operands)                                            \
	"990: nop\n"                                                              \
	".pushsection .note.stapsdt,\"\",\"note\"\n"                              \
	".balign 4\n"                                                             \
	".4byte 992f-991f,994f-993f,3\n"                                          \
	"991: .asciz \"stapsdt\"\n"                                               \
	"992: .balign 4\n"                                                        \
	"993: .8byte 990b\n"                                                      \
	".8byte _.stapsdt.base\n"                                                 \
	".8byte 0\n"                                                              \
	".asciz \"" provider "\"\n"                                               \
	".asciz \"" name "\"\n"                                                   \
	".asciz \"" operands "\"\n"                                               \
	"994: .balign 4\n"                                                        \
	".popsection\n"

static __attribute__((noipa)) void locals(int64_t i)
{
	volatile int64_t whole = i * 3;
	volatile int32_t word = -i;
	volatile uint16_t half = i;
	volatile int8_t byte = -i;
	STAP_PROBE4(tw, locals, whole, word, half, byte);
}

static __attribute__((noipa)) void indexed(int64_t i)
{
	STAP_PROBE2(tw, indexed, a[i], b[i + 1]);
}

static __attribute__((noipa)) void global(void)
{
	STAP_PROBE2(tw, global, tw_global_u64, global_s16);
}

#if defined __x86_64__
/* disp(base,index,scale), a register's low byte, a constant, (,index,scale). */
static __attribute__((noipa)) void byhand(int64_t i, const int32_t *base, int64_t index)
{
	const int64_t words[2] = { 0, i };
	register const int64_t *w __asm__("r8") = words;
	register int64_t one __asm__("r9") = 1;
	register int64_t value __asm__("r10") = i;
	register const int32_t *table __asm__("r11") = base - 4;
	register int64_t at __asm__("rcx") = index;
	__asm__ volatile(NOTE("tw", "byhand", "8@(%%r8,%%r9,8) 1@%%r10b -4@$42 -4@16(%%r11,%%rcx,4)")
			 : : "r"(w), "r"(one), "r"(value), "r"(table), "r"(at), "m"(words), "m"(a));
}
#elif defined __aarch64__
static __attribute__((noipa)) void byhand(int64_t i, const int32_t *base, int64_t index)
{
	const int64_t words[2] = { 0, i };
	register const int64_t *w __asm__("x8") = words;
	register int64_t value __asm__("x10") = i;
	register const int32_t *at __asm__("x11") = base + index - 4;
	__asm__ volatile(NOTE("tw", "byhand", "8@[x8, 8] 1@x10 -4@42 -4@[x11, 16]")
			 : : "r"(w), "r"(value), "r"(at), "m"(words), "m"(a));
}
#endif

void operands(int64_t i)
{
	for (int k = 0; k < 16; k++) {
		a[k] = 7 * k;
		b[k + 1] = -1000 * (k + 1);
	}
	tw_global_u64 = i;
	global_s16 = -i;
	locals(i);
	indexed(i % 16);
	global();
	byhand(i, a, i % 16);
}
