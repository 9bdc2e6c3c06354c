// Probes of many operand forms, for the test of the USDT reader.
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

__extension__ unsigned short demo_counted_semaphore __attribute__((unused, section(".probes")));
__extension__ unsigned short demo_plain_semaphore __attribute__((unused, section(".probes")));
__extension__ unsigned short demo_many_semaphore __attribute__((unused, section(".probes")));

int global_value = 5;
static long table[16] = {1};

__attribute__((noinline)) static int work(int a, long b, char c, double d, long *p, int i)
{
	DTRACE_PROBE1(demo, plain, a);
	DTRACE_PROBE2(demo, counted, b, c);
	STAP_PROBE8(demo, many, a, b, c, p[i], global_value, 42, table[i], p);
	return a + (int)b + c + (int)d;
}

int main(int argc, char **argv)
{
	long local[4] = {1, 2, 3, argc};
	return work(argc, (long)argv, (char)argc, 1.5, local, argc & 3) == 12345;
}
