/* The kernel shows each process the sysctls of its own network namespace below /proc/sys/net. */
#define _GNU_SOURCE
#include "sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define ROOT "/proc/sys/"
#define NET "net/"
#define LONGEST 255 /* bytes of a path or a value */

/* Whether no component is empty, "." or "..". Two dots may be in the middle of an interface's name. */
static bool is_plain(const char *path)
{
	for (;; path++) {
		size_t size = strcspn(path, "/");
		if (!size || (path[0] == '.' && (size == 1 || (size == 2 && path[1] == '.'))))
			return false;
		path += size;
		if (!*path)
			return true;
	}
}

/* NULL for whatever is not below net/. */
static const char *file_of(struct span path)
{
	static char file[sizeof ROOT + LONGEST] = ROOT;
	char *name = file + strlen(ROOT);
	if (path.size > LONGEST)
		return NULL;
	memcpy(name, path.bytes, path.size);
	name[path.size] = '\0';
	return strlen(name) == path.size && !strncmp(name, NET, strlen(NET)) && is_plain(name) ? file : NULL;
}

/* An empty value would be written without an effect. */
static bool is_value(struct span text)
{
	return text.size && text.size <= LONGEST && !memchr(text.bytes, 0, text.size);
}

bool sysctl_next(struct span *fields, struct sysctl *sysctl)
{
	struct span place, path;
	if (!next_field(fields, &place) || !next_field(fields, &path) || !next_field(fields, &sysctl->value))
		return false;
	sysctl->in_pod = span_equals(place, span_of("pod"));
	sysctl->path = is_value(sysctl->value) ? file_of(path) : NULL;
	return sysctl->in_pod || span_equals(place, span_of("node"));
}

/* At once: the kernel takes the start of a number that is written in pieces for the whole. Where it takes only a part of a value,
 * as of two numbers for one, the value is none of this file. */
int sysctl_write(const struct sysctl *sysctl)
{
	if (!sysctl->path)
		return EINVAL;
	int file = open(sysctl->path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (file < 0)
		return errno;
	ssize_t written = write(file, sysctl->value.bytes, sysctl->value.size);
	int error = written < 0 ? errno : (size_t)written < sysctl->value.size ? EINVAL : 0;
	close(file);
	return error;
}
