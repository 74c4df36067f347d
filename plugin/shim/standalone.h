/* What the shim does without the daemon. */
#ifndef ALONE_H
#define ALONE_H

#include "frame.h"
#include "session.h"

/* Does the call where it can be done, or does not return; returns where the daemon is to be asked. */
void alone_first(const struct given *given, struct span configuration);

/* Before the daemon gets a call during which no ADD may go alone; not while it is waited for. */
void alone_kept_out(int alive);

/* After the daemon was looked for in vain; the same. */
bool alone_can(void);
_Noreturn void alone_instead(void);

#endif
