/* The calls that the shim executes without the daemon. */
#ifndef STANDALONE_H
#define STANDALONE_H

#include "frame.h"

/* Executes the call and exits, where that needs no daemon; returns where the daemon has to be asked. */
void standalone_call(struct span configuration);

/* Before the daemon gets a GC: waits for the ADDs that run without the daemon, and keeps new ones out. */
void standalone_lock_out(void);

/* Whether the call can be executed without a daemon that does not answer; then standalone_fallback does it. */
bool standalone_is_fallback(void);
_Noreturn void standalone_fallback(void);

#endif
