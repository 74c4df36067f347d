/* flock on a file in the directory of the daemon's socket, which lies in memory. A lock ends with its holder, however that
 * ended. The holder removes the file, so whoever gets a lock looks whether its file still is the one with that name. */
#define _GNU_SOURCE
#include "lock.h"
#include "daemon_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_PAUSE_MS 1
#define LAST_PAUSE_MS 50
#define ROOM 512

static char held[ROOM]; /* empty = none */

_Noreturn void leave(int status)
{
	if (*held)
		unlink(held);
	_exit(status);
}

/* <directory of the socket>/locks; the directories are made where they are missing, after a reboot. */
static bool lay_out(char path[ROOM], const char *socket_path)
{
	const char *slash = strrchr(socket_path, '/');
	size_t size = slash ? (size_t)(slash - socket_path) : 0;
	if (!size || size + sizeof "/locks" > ROOM)
		return false;
	memcpy(path, socket_path, size);
	path[size] = '\0';
	mkdir(path, 0700);
	strcpy(path + size, "/locks");
	return !mkdir(path, 0700) || errno == EEXIST;
}

static bool is_still_there(int file, const char *path)
{
	struct stat ours, theirs;
	return !fstat(file, &ours) && !stat(path, &theirs) && ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

enum locked { LOCKED, TAKEN_BY_ANOTHER, IMPOSSIBLE };

/* The descriptor stays open until the process ends. */
static enum locked try_once(const char *path)
{
	int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file < 0)
		return IMPOSSIBLE;
	bool got = !flock(file, LOCK_EX | LOCK_NB);
	int error = errno;
	if (got && is_still_there(file, path))
		return LOCKED;
	close(file);
	return got || error == EWOULDBLOCK || error == EINTR ? TAKEN_BY_ANOTHER : IMPOSSIBLE;
}

/* As long as the runtime waits for us: whoever holds it has deadlines of its own. */
bool sandbox_lock(int alive, const char *socket_path, const char *id)
{
	char path[ROOM];
	if (!lay_out(path, socket_path) || strlen(path) + 1 + strlen(id) >= ROOM)
		return false;
	strcat(path, "/");
	strcat(path, id);
	for (int pause = FIRST_PAUSE_MS;; pause = pause * 2 < LAST_PAUSE_MS ? pause * 2 : LAST_PAUSE_MS) {
		enum locked locked = try_once(path);
		if (locked == LOCKED)
			strcpy(held, path);
		if (locked != TAKEN_BY_ANOTHER)
			return locked == LOCKED;
		wait_for(alive, -1, pause);
	}
}

bool collecting_lock(int alive, const char *socket_path, bool alone)
{
	char path[ROOM];
	int directory = lay_out(path, socket_path) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : NO_DESCRIPTOR;
	while (directory >= 0 && flock(directory, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return false;
		wait_for(alive, -1, LAST_PAUSE_MS);
	}
	return directory >= 0;
}
