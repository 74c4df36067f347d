/* Device and inode identify a file whatever links and mounts lead to it; a path does not. */
#define _GNU_SOURCE
#include "places.h"
#include "exit.h"
#include "sandbox_files.h"

#include <stdlib.h>
#include <sys/stat.h>

/* 0:0: where there is nothing, and for a shim that was replaced after it was started: it has no name any more, and proves nothing
 * about the one that is there now. */
static void add_identity(struct buffer *field, const char *path)
{
	struct stat found;
	bool exists = path && !stat(path, &found) && found.st_nlink;
	buffer_number(field, exists ? (uint64_t)found.st_dev : 0);
	buffer_text(field, ":");
	buffer_number(field, exists ? (uint64_t)found.st_ino : 0);
	buffer_text(field, ":");
}

void places_add(struct buffer *call)
{
	static struct chain primary;
	struct buffer field = {0};
	bool compiled = chain_read(primary_path(), &primary) == CHAIN_VALID;
	buffer_text(&field, "NODE_PLACES=");
	add_identity(&field, "/proc/self/exe");
	add_identity(&field, chains_path());
	add_identity(&field, compiled ? chain_directory_path(&primary) : NULL);
	buffer_span(&field, primary.directory);
	if (field.out_of_memory)
		no_memory();
	frame_field(call, content_of(&field));
	free(field.bytes);
}
