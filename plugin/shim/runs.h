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

/* A descriptor that no supervisor may keep open: whoever is at its other end waits for its closing. */
void runs_keep_out(int descriptor);

/* Starts what the fields of a RUN frame ask for; `end` is set where it could not be started. */
enum run_start runs_start(struct span fields, struct run_end *end);

/* Takes note of all children that have ended. */
void runs_reap(void);

/* Hands over a run that has ended, and frees its slot; false where there is none. Nothing of such a run is alive any more. */
bool runs_next_ended(struct run_end *end);

/* Whether a run was not handed over yet. */
bool runs_pending(void);

/* Kills all runs with all that they started, and waits for their end; they can be collected then. */
void runs_kill(void);

/* Kills them, and forgets them. */
void runs_drop(void);

/* Starts a run and waits for its end; no other may be pending. Where the runtime cancels the call, all that runs is killed. */
void run_plugin(struct span fields, struct run_result *result);

/* Whether the runtime has cancelled the call while, or before, a run was waited for. */
bool call_is_cancelled(void);

#endif
