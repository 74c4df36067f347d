/* The connection to the daemon. Whatever goes wrong with it ends the process. */
#ifndef DAEMON_CLIENT_H
#define DAEMON_CLIENT_H

#include "frame.h"

/* Reads NETATTACH_SOCKET and NETATTACH_WAIT_MS. `fallback` is called where the daemon goes away during the call; where it returns,
 * the call fails. */
void daemon_configure(void (*fallback)(void));
const char *daemon_path(void);

/* Connects and agrees on a version of the protocol. Waits for a daemon as long as is configured, and fails where none answers;
 * `optional`: tries once, and returns false where none answers. */
bool daemon_connect(bool optional);
int daemon_socket(void);
uint64_t daemon_version(void);
void daemon_send(struct span bytes);
void daemon_send_with(struct span bytes, const int *passed, size_t count);
void daemon_send_file(int file);

/* Receives once more. Returns what came and was not removed by the caller yet. */
struct buffer *daemon_receive(void);

/* Fails: the peer is no daemon of this protocol. */
_Noreturn void protocol_error(const char *what);

#endif
