/* The supervisor of one plugin run: a process of its own. */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H

#include "run_request.h"

#include <sys/types.h>

#define INSIDE "NETATTACH_INSIDE" /* in the environment of each plugin, and so of whatever that plugin starts */
#define LAST_SIGNAL 31 /* the later ones belong to the C library */

/* A file in memory; -1 and errno on failure. */
int memory_file(const char *name);
void ran_frame(struct buffer *frame, uint64_t id, const char *outcome, uint64_t number, struct span out, struct span err);

/* Runs the plugin and exits: with 0 after a whole RAN frame was written into the file `result`, else with an errno. `sigchld` is a
 * signalfd for SIGCHLD, `worker` the parent. */
_Noreturn void supervise(const struct run_request *request, int sigchld, int result, pid_t worker);

#endif
