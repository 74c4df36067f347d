/* The monotonic clock, which nobody sets. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

uint64_t now_ms(void);

/* How long poll has to wait for that time: 0 where it has passed. */
int ms_until(uint64_t time);

#endif
