/* One call at a time for a sandbox, among shims and with the daemon's own work. */
#ifndef LOCK_H
#define LOCK_H

#include <stdbool.h>

/* Waits while another process holds it. False where locks are impossible: then only the daemon, which has locks of its own, may
 * act. `socket_path`: the daemon's; the locks are next to it. */
bool sandbox_lock(const char *socket_path, const char *id);

/* The lock between GC (exclusive) and ADDs without the daemon (shared): GC would free what such an ADD has just allocated. Waits
 * and fails as above. */
bool gc_lock(const char *socket_path, bool exclusive);

#endif
