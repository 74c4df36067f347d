/* Plugin runs: each has a slot and a supervisor. The daemon's session runs many at once, a compiled chain one after another. */
#ifndef RUNS_H
#define RUNS_H

#include "frame.h"

/* How a run ended: as the RAN frame in a file says, or, where its supervisor wrote none, by an outcome and its number. */
struct run_end {
	uint64_t id;
	int frame; /* the reader closes it; NO_DESCRIPTOR = none */
	const char *outcome;
	uint64_t number;
};

/* The same, parsed; the spans are valid as long as `frame`. */
struct run_result {
	struct buffer frame;
	struct span outcome, out, err;
	uint64_t number;
};

enum run_start { RUN_STARTED, RUN_NOT_STARTED, RUN_MALFORMED };

/* `sigchld`: a signalfd for SIGCHLD, which has to be blocked. */
void runs_watch(int sigchld);

/* The daemon's socket: the daemon sees our end by its closing, so no supervisor may keep it open. */
void runs_close_in_supervisors(int descriptor);

/* Starts what the fields of a RUN frame ask for; `end` is set where it could not be started. */
enum run_start runs_start(struct span fields, struct run_end *end);

/* Reaps all children that have ended. */
void runs_reap(void);

/* Returns a run that has ended, and frees its slot; false where none has. Nothing of that run is alive any more. */
bool runs_next_ended(struct run_end *end);

/* Whether a run was not returned yet. */
bool runs_pending(void);

/* Kills all runs with all that they started, and waits for their end; runs_next_ended returns them then. */
void runs_kill(void);

/* Kills all runs, and discards how they ended. */
void runs_discard(void);

/* Starts a run and waits for its end; no other may be pending. Where the runtime cancels the call, all that runs is killed. */
void run_plugin(struct span fields, struct run_result *result);

/* Whether the runtime has cancelled the call while, or before, a run was waited for. */
bool call_is_cancelled(void);

#endif
