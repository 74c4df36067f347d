/* Ending a whole tree of processes; for subreapers, to whom every orphan of their tree comes. */
#ifndef DESCENDANTS_H
#define DESCENDANTS_H

#include <stdbool.h>
#include <sys/types.h>

typedef void reaped(pid_t child, int status);

void become_subreaper(void);
void end_descendants(reaped *tell);

/* Whether a child is to live on. */
typedef bool spared(pid_t child);

/* Kills and reaps all children but the spared ones, and what comes to us when they die. */
void end_strays(reaped *tell, spared *spare);

#endif
