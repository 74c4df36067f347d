/* Kills a whole tree of processes. Every orphan of a subreaper's tree becomes the subreaper's child. */
#ifndef PROCESS_TREE_H
#define PROCESS_TREE_H

#include <stdbool.h>
#include <sys/types.h>

/* Called with each child that was reaped, and its status. */
typedef void reaped_child(pid_t child, int status);

/* Whether a child is to live on. */
typedef bool spared_child(pid_t child);

void become_subreaper(void);

/* Kills and reaps all children, and their children as they come up, until there are none. `reaped` may be NULL. */
void kill_descendants(reaped_child *reaped);

/* The same, but for the spared children and theirs; `spare` may be NULL. */
void kill_descendants_except(spared_child *spare, reaped_child *reaped);

#endif
