/* The daemon's end of the conversation, and the ways in which it fails. */
#ifndef DAEMON_H
#define DAEMON_H

#include "cni_error.h"

_Noreturn void fail(enum cni_code code, const char *const *message, const char *const *details);
_Noreturn void no_memory(void);
_Noreturn void misled(const char *what);

bool wait_for(int alive, int descriptor, int milliseconds);

void daemon_settings(void);
const char *daemon_path(void);

/* Waits for a daemon as long as is set, then fails; `or_not`: looks once, and false tells that none answered. */
bool daemon_find(int alive, bool or_not);
int daemon_socket(void);
void daemon_send(struct span bytes, int passed);
void daemon_send_file(int file);
struct buffer *daemon_hear(void);

#endif
