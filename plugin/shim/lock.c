/* flock on a file next to the daemon's socket, in memory. The kernel releases a lock when its holder ends, for whatever reason.
 * The holder removes the file, so after locking it is compared with the file of that name. */
#define _GNU_SOURCE
#include "lock.h"
#include "exit.h"
#include "frame.h"
#include "runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_PAUSE_MS 1
#define LAST_PAUSE_MS 50
#define PATH_SIZE 512

/* <directory of the socket>/locks; the directories are created where they are missing, as after a reboot. */
static bool make_directory(char path[PATH_SIZE], const char *socket_path)
{
	const char *slash = strrchr(socket_path, '/');
	size_t size = slash ? (size_t)(slash - socket_path) : 0;
	if (!size || size + sizeof "/locks" > PATH_SIZE)
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

enum locking { LOCKED, BUSY, IMPOSSIBLE };

/* The descriptor stays open until the process ends. */
static enum locking try_once(const char *path)
{
	int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file < 0)
		return IMPOSSIBLE;
	bool got = !flock(file, LOCK_EX | LOCK_NB);
	int error = errno;
	if (got && is_still_there(file, path))
		return LOCKED;
	close(file);
	return got || error == EWOULDBLOCK || error == EINTR ? BUSY : IMPOSSIBLE;
}

/* Waits as long as the runtime does: the holder has deadlines of its own. */
bool sandbox_lock(const char *socket_path, const char *id)
{
	static char path[PATH_SIZE];
	if (!make_directory(path, socket_path) || strlen(path) + 1 + strlen(id) >= PATH_SIZE)
		return false;
	strcat(path, "/");
	strcat(path, id);
	for (int pause = FIRST_PAUSE_MS;; pause = pause * 2 < LAST_PAUSE_MS ? pause * 2 : LAST_PAUSE_MS) {
		enum locking locking = try_once(path);
		if (locking == LOCKED)
			remove_at_exit(path);
		if (locking != BUSY)
			return locking == LOCKED;
		wait_for(NO_DESCRIPTOR, pause);
	}
}

bool gc_lock(const char *socket_path, bool exclusive)
{
	char path[PATH_SIZE];
	int directory = make_directory(path, socket_path) ? open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : NO_DESCRIPTOR;
	while (directory >= 0 && flock(directory, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return false;
		wait_for(NO_DESCRIPTOR, LAST_PAUSE_MS);
	}
	return directory >= 0;
}
