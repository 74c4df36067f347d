/* The shim on a node where netattach was uninstalled while pods that it attached run on. */
#ifndef UNINSTALLED_H
#define UNINSTALLED_H

#include "cni_call.h"

/* Executes the call and exits where the configuration marks netattach as uninstalled; else returns. `delete_sandbox` deletes what
 * the ledger holds of the sandbox, or fails; `scratch` is memory for a chain. */
void uninstalled_call(const struct call *call, struct span configuration, struct chain *scratch, void (*delete_sandbox)(void));

#endif
