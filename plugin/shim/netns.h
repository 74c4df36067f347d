/* The pod's network namespace. */
#ifndef NETNS_H
#define NETNS_H

#include <stdbool.h>

/* Whether no interface in the namespace has this name (15 characters at most); false also where that cannot be found out. */
bool interface_is_free(const char *netns, const char *ifname);

#endif
