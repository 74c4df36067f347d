/* What a SYSCTLS frame may write: a captured daemon can write nothing outside of /proc/sys/net. */
#ifndef SYSCTL_H
#define SYSCTL_H

#include "frame.h"

struct sysctl {
	bool in_pod;
	const char *path; /* of its file, valid until the next sysctl is parsed; NULL = it may not be written */
	struct span value;
};

/* Removes the first sysctl from the fields; false where they do not start with one. */
bool sysctl_next(struct span *fields, struct sysctl *sysctl);

/* Writes it in the network namespace that this thread is in. Returns an errno, 0 on success. */
int sysctl_write(const struct sysctl *sysctl);

#endif
