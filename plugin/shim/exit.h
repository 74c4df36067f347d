/* The ends of the worker: with a status, or with a CNI error. */
#ifndef EXIT_H
#define EXIT_H

#include "cni_error.h"

/* Kills all that was started, prints the error and exits with status 1. */
_Noreturn void fail(enum cni_code code, const char *const *message, const char *const *details);
_Noreturn void no_memory(void);

/* Exits, and removes the file of the lock that is held. */
_Noreturn void exit_with(int status);

/* The path has to stay valid until the process exits. */
void remove_at_exit(const char *lock_path);

#endif
