/* A plugin run on our own account, while no daemon commands us. */
#ifndef PERFORM_H
#define PERFORM_H

#include "frame.h"
#include "session.h"

/* How a plugin ended, in the words of a RAN frame; the spans live as long as `frame`. */
struct ran {
	struct buffer frame;
	struct span outcome, out, err;
	uint64_t number;
};

/* Runs what the fields of a RUN frame ask for. */
void perform(struct ran *ran, struct span run);

/* Whether the runtime has given up: all that ran has ended then, and nobody reads our output any more. */
bool given_up(void);

void perform_for(const struct given *given);

#endif
