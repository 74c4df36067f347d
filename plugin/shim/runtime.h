/* The container runtime that waits for this call: whether it still does, and its end of our output. */
#ifndef RUNTIME_H
#define RUNTIME_H

#include <stdbool.h>

/* `hangup`: the reading end of a pipe whose writing end the launcher alone holds; it hangs up when the launcher is gone. */
void runtime_watch(int hangup);
int runtime_hangup(void);

/* Waits until the descriptor (-1 = none) can be read, false after the time. Exits where the launcher is gone: only for the time
 * before anything was started. */
bool wait_for(int descriptor, int milliseconds);

/* Closes our output: the runtime reads it until everybody has closed it, and must not wait for an undo. */
void release_runtime(void);

#endif
