/* The conversation with the daemon, which outlives the process that the runtime started. */
#ifndef RUNNER_H
#define RUNNER_H

/* What the runner is given: the end of a pipe that hangs up when the front is gone, and a signalfd for SIGCHLD. */
struct given {
	int alive, signals;
};

/* The runtime reads our output until everybody has closed it: it shall not wait for what is undone now. */
void let_go_of_runtime(void);

_Noreturn void converse(const struct given *given);

#endif
