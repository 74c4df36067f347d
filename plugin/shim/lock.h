/* One call at a time for a sandbox, among shims and with what the daemon does by itself. */
#ifndef LOCK_H
#define LOCK_H

#include <stdbool.h>

/* False where no lock can be had: then only the daemon, which has locks of its own, may act. Waits while another holds it. */
bool sandbox_lock(int alive, const char *socket_path, const char *id);

/* GC takes this one alone; an ADD that the daemon does not know of takes it together with others. Else GC would free what such an
 * ADD has just got. The same otherwise. */
bool collecting_lock(int alive, const char *socket_path, bool alone);

/* Ends the process, and with it the lock. */
_Noreturn void leave(int status);

#endif
