/* The shim's parsers as fuzz targets. */
#ifndef TARGETS_H
#define TARGETS_H

#include "frame.h"

struct target {
	const char *name;
	/* Whether the parser accepts the input, which nobody else has in memory. Aborts where a property is broken. */
	bool (*try_one)(struct span input);
};

extern const struct target targets[];
extern const size_t target_count;

#endif
