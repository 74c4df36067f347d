/* Notes on disk. Each is written whole before the first plugin runs. None is waited for until it has reached the disk: what a loss
 * of power cuts off began nothing that outlives it but a lease, which the daemon frees by the sandbox's id. */
#define _GNU_SOURCE
#include "sandbox_files.h"
#include "daemon_client.h"

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
	if (path.lost)
		no_memory();
	return (const char *)path.bytes;
}

static const char *root(void)
{
	const char *set = getenv("NETATTACH_CHAINS");
	return set && *set ? set : CHAINS;
}

const char *primary_path(void)
{
	return path_of(TEXT(root(), "/primary"));
}

const char *stand_in_path(void)
{
	return path_of(TEXT(root(), "/stand-in"));
}

const char *note_path(const char *id)
{
	return path_of(TEXT(root(), "/plain/", id));
}

const char *deletion_path(const char *id)
{
	return path_of(TEXT(root(), "/del/", id));
}

/* The ledger is the directory above. */
const char *ledger_path(const char *id)
{
	return path_of(TEXT(root(), "/../", id, ".json"));
}

bool is_there(const char *path)
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
	if (frame.lost)
		no_memory();
	buffer_add(content, frame.bytes, frame.size);
	free(frame.bytes);
}

/* The daemon makes the directory too; whoever comes first. */
static int create(const char *id)
{
	const char *path = note_path(id);
	int note = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (note < 0 && errno == ENOENT && !mkdir(path_of(TEXT(root(), "/plain")), 0700))
		note = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return note;
}

int note_begin(const char *id, const struct chain *chain, const struct call *call)
{
	struct buffer content = {0};
	const struct span asked[] = {span_of(call->netns), span_of(call->ifname), filled(&call->args), filled(&call->runtime_config)};
	buffer_add(&content, chain->file.bytes, chain->file.size);
	add_frame(&content, 'C', asked, 4);
	if (content.lost)
		no_memory();
	int note = create(id);
	if (note >= 0 && !write_all(note, filled(&content))) {
		int error = errno;
		close(note);
		unlink(note_path(id));
		errno = error;
		return -1;
	}
	free(content.bytes);
	return note;
}

bool note_result(int note, struct span result)
{
	struct buffer frame = {0};
	add_frame(&frame, 'R', &result, 1);
	return !frame.lost && write_all(note, filled(&frame));
}
