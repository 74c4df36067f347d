/* One plugin's run, in a process of its own. */
#ifndef RUN_H
#define RUN_H

#include "frame.h"

#include <sys/types.h>

#define INSIDE "NETATTACH_INSIDE" /* in the environment of each plugin, and so of whatever plugin that starts */
#define LAST_SIGNAL 31 /* those behind it belong to the C library */

/* What a RUN asked for, checked and resolved. Times are CLOCK_MONOTONIC in milliseconds; 0 = no deadline. */
struct order {
	uint64_t id;
	const char *path;
	uint64_t milliseconds, deadline;
	struct span stdin_bytes, variables;
	int signals, result;
	pid_t runner;
};

uint64_t now_ms(void);
int memory_file(const char *name);
void ran_frame(struct buffer *frame, uint64_t id, const char *outcome, uint64_t number, struct span out, struct span err);
_Noreturn void keep(const struct order *order);

#endif
