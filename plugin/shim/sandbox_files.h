/* Files of a sandbox: the shim's record of an ADD without the daemon, and what the daemon wrote for the shim. */
#ifndef SANDBOX_FILES_H
#define SANDBOX_FILES_H

#include "cni_call.h"

/* The directory of the compiled chains, and paths below it. */
const char *chains_path(void);
const char *primary_path(void);
const char *uninstall_path(void); /* describes the conflist that is left after an uninstallation */
const char *record_path(const char *id);
const char *deletion_path(const char *id);
const char *ledger_path(const char *id);

bool may_exist(const char *path);

/* Creates the record, before the first plugin runs. Returns its descriptor, through which the result is added; -1, and errno, on
 * failure. */
int record_create(const char *id, const struct chain *chain, const struct call *call);
bool record_result(int record, struct span result);

#endif
