/* Where the runtime finds what the daemon has mounted, for the daemon to compare. */
#ifndef PLACES_H
#define PLACES_H

#include "frame.h"

/* Adds a field to a CALL, as core/netattach_core/shim/node_places.py describes it. */
void places_add(struct buffer *call);

#endif
