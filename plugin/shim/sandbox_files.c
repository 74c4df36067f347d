/* A record is written whole before the first plugin runs, without fsync: a loss of power leaves nothing of the sandbox but an
 * address lease, which the daemon frees by the container id. */
#define _GNU_SOURCE
#include "sandbox_files.h"
#include "exit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A path that lives as long as the process. */
static const char *path_of(const char *const *pieces)
{
	struct buffer path = {0};
	for (; *pieces; pieces++)
		buffer_text(&path, *pieces);
	buffer_add(&path, "", 1);
	if (path.out_of_memory)
		no_memory();
	return (const char *)path.bytes;
}

static const char *root(void)
{
	const char *set = getenv("NETATTACH_CHAINS");
	return set && *set ? set : CHAINS;
}

const char *chains_path(void)
{
	return root();
}

const char *primary_path(void)
{
	return path_of(TEXT(root(), "/primary"));
}

const char *uninstall_path(void)
{
	return path_of(TEXT(root(), "/stand-in"));
}

const char *record_path(const char *id)
{
	return path_of(TEXT(root(), "/plain/", id));
}

const char *deletion_path(const char *id)
{
	return path_of(TEXT(root(), "/del/", id));
}

/* The ledger is the parent directory. */
const char *ledger_path(const char *id)
{
	return path_of(TEXT(root(), "/../", id, ".json"));
}

bool may_exist(const char *path)
{
	return !access(path, F_OK) || errno != ENOENT;
}

static void add_frame(struct buffer *content, char kind, const struct span *fields, size_t count)
{
	struct buffer frame = {0};
	frame_begin(&frame, kind);
	for (size_t i = 0; i < count; i++)
		frame_field(&frame, fields[i]);
	frame_end(&frame);
	if (frame.out_of_memory)
		no_memory();
	buffer_add(content, frame.bytes, frame.size);
	free(frame.bytes);
}

/* The daemon creates the directory, too. */
static int create(const char *id)
{
	const char *path = record_path(id);
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int record = open(path, flags, 0600);
	if (record < 0 && errno == ENOENT && !mkdir(path_of(TEXT(root(), "/plain")), 0700))
		record = open(path, flags, 0600);
	return record;
}

int record_create(const char *id, const struct chain *chain, const struct call *call)
{
	struct buffer content = {0};
	const struct span args[] = {span_of(call->netns), span_of(call->ifname), content_of(&call->args),
				    content_of(&call->runtime_config)};
	buffer_add(&content, chain->file.bytes, chain->file.size);
	add_frame(&content, 'C', args, 4);
	if (content.out_of_memory)
		no_memory();
	int record = create(id);
	if (record >= 0 && !write_all(record, content_of(&content))) {
		int error = errno;
		close(record);
		unlink(record_path(id));
		errno = error;
		return -1;
	}
	free(content.bytes);
	return record;
}

bool record_result(int record, struct span result)
{
	struct buffer frame = {0};
	add_frame(&frame, 'R', &result, 1);
	return !frame.out_of_memory && write_all(record, content_of(&frame));
}
