/* Ending a whole tree of processes; for subreapers, to whom every orphan of their tree comes. */
#ifndef DESCENDANTS_H
#define DESCENDANTS_H

#include <sys/types.h>

typedef void reaped(pid_t child, int status);

void become_subreaper(void);
void end_descendants(reaped *tell);

#endif
