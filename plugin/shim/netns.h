/* The pod's network namespace. */
#ifndef NETNS_H
#define NETNS_H

#include <stdbool.h>
#include <stddef.h>

/* Enters the namespace of a descriptor; false, and errno, where that is impossible. */
bool netns_enter(int netns);

/* Returns to our own namespace, or fails. */
void netns_leave(void);

/* Opens datagram sockets of the domain's default protocol in the namespace of a descriptor. Returns how many it could open: none
 * where the descriptor is no network namespace. */
size_t sockets_in(int netns, int domain, int *sockets, size_t count);

/* Whether no interface in the namespace has this name (15 characters at most); false also where that cannot be found out. */
bool interface_is_free(const char *netns, const char *ifname);

#endif
