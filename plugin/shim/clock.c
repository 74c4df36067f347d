/* CLOCK_MONOTONIC in milliseconds. */
#define _GNU_SOURCE
#include "clock.h"

#include <time.h>

uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* poll takes an int: after a longer wait the caller looks again. */
int ms_until(uint64_t time)
{
	uint64_t now = now_ms();
	if (now >= time)
		return 0;
	return time - now > INT32_MAX ? INT32_MAX : (int)(time - now);
}
