/* One plugin of a compiled chain, run without the daemon. */
#ifndef CHAIN_STEP_H
#define CHAIN_STEP_H

#include "chain.h"
#include "runs.h"

/* What the plugins of a chain are called with; an empty `args.ifname` (STATUS) is a call for no sandbox. */
struct chain_call {
	const char *container_id;
	struct sandbox_args args;
	uint64_t deadline_ms;
};

/* The interface that the step is for. */
struct span step_ifname(const struct step *step, const struct chain_call *call);

/* Whether the runtime gives the plugin nothing to do; it needs no start then, for ADD and DEL. */
bool step_is_idle(const struct step *step, struct span runtime_config);

/* Runs the plugin as the daemon would have it run, and waits for its end. `previous`: prevResult, empty = none. */
void step_run(const struct step *step, const struct chain_call *call, const char *verb, struct span previous,
	      struct run_result *result);

#endif
