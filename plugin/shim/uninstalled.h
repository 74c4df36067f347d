/* What is left of us on a node where we were uninstalled and pods that we attached run on. */
#ifndef BEHIND_H
#define BEHIND_H

#include "cni_call.h"
#include "session.h"

/* Returns where the configuration is not that one. `delete` frees what the ledger holds of the sandbox, and reports what fails;
 * `room` is for a chain, and free again then. */
void stand_behind(const struct given *given, const struct call *call, struct span configuration, struct chain *room,
		  void (*delete)(void));

#endif
