/* Kills a tree from its top: the children of a killed process come to the subreaper, which kills them in the next round, in
 * whatever process group or session they are. The tree has ended when waitpid reports that no children exist, and not before. */
#define _GNU_SOURCE
#include "process_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUND_NS 20000000L /* looks again after 20 ms at the latest, in case a child was not seen */
#define PARENT_AT 4 /* characters from the bracket to the parent's number in /proc/<pid>/stat */

/* Cannot fail since Linux 3.4; on an older kernel orphans go to init, and only direct children are killed. */
void become_subreaper(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

static ssize_t read_file(int directory, const char *path, char *text, size_t size_limit)
{
	int file = openat(directory, path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return -1;
	ssize_t size = read(file, text, size_limit - 1);
	close(file);
	text[size > 0 ? size : 0] = '\0';
	return size;
}

/* Parses a process number; returns what follows it. The kernel wrote it, so it fits. */
static const char *parse_pid(const char *at, pid_t *pid)
{
	for (*pid = 0; *at >= '0' && *at <= '9'; at++)
		*pid = *pid * 10 + (*at - '0');
	return at;
}

static int kill_unless(pid_t child, spared_child *spare)
{
	return spare && spare(child) ? 0 : !kill(child, SIGKILL);
}

/* The kernel's own list, "12 34 ". A number without a space after it was cut off: the next round reads it whole. Returns how many
 * were killed, -1 where the kernel has no list. */
static int kill_listed_children(spared_child *spare)
{
	char text[4096];
	pid_t child;
	int killed = 0;
	if (read_file(AT_FDCWD, "/proc/thread-self/children", text, sizeof text) < 0)
		return -1;
	for (const char *at = text; *(at = parse_pid(at, &child)) == ' ' && child > 0; at++)
		killed += kill_unless(child, spare);
	return killed;
}

/* "pid (command) state parent …": the command may hold anything, so the last bracket counts. */
static bool is_child(int proc, const char *pid)
{
	char path[32], text[512];
	size_t size = strlen(pid);
	if (size + sizeof "/stat" > sizeof path)
		return false;
	memcpy(path, pid, size);
	memcpy(path + size, "/stat", sizeof "/stat");
	if (read_file(proc, path, text, sizeof text) <= 0)
		return false;
	const char *bracket = strrchr(text, ')');
	if (!bracket || strlen(bracket) <= PARENT_AT)
		return false;
	pid_t parent;
	parse_pid(bracket + PARENT_AT, &parent);
	return parent == getpid();
}

/* For kernels without CONFIG_PROC_CHILDREN: looks for our own number as the parent of each process. */
static int kill_found_children(spared_child *spare)
{
	int killed = 0;
	DIR *proc = opendir("/proc");
	if (!proc)
		return 0; /* no child can be found; kill_descendants goes on waiting */
	for (struct dirent *entry; (entry = readdir(proc));) {
		pid_t pid;
		if (!*parse_pid(entry->d_name, &pid) && is_child(dirfd(proc), entry->d_name))
			killed += kill_unless(pid, spare);
	}
	closedir(proc);
	return killed;
}

/* SIGCHLD must be blocked. A process that no signal ends (it waits for a disk) is waited for: it may still act. */
void kill_descendants_except(spared_child *spare, reaped_child *reaped)
{
	const struct timespec round = {0, ROUND_NS};
	sigset_t child_ended;
	sigemptyset(&child_ended);
	sigaddset(&child_ended, SIGCHLD);
	for (;;) {
		int status;
		pid_t child = waitpid(-1, &status, WNOHANG);
		if (child < 0 && errno == ECHILD)
			return;
		if (child > 0) {
			if (reaped)
				reaped(child, status);
			continue;
		}
		int killed = kill_listed_children(spare);
		if (killed < 0)
			killed = kill_found_children(spare);
		if (!killed && spare)
			return;
		sigtimedwait(&child_ended, NULL, &round);
	}
}

void kill_descendants(reaped_child *reaped)
{
	kill_descendants_except(NULL, reaped);
}
