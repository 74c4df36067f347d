/* Reads a compiled chain, and finds out whether it still is that of the node. What is of another release, cut off or too large is
 * not used: the daemon is asked then, as without any. */
#define _GNU_SOURCE
#include "chain.h"
#include "json_scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 16384
#define MAX_FILE (8u << 20)

static const char magic[] = "netattach-chain";

/* Closes it. False where it cannot be read; errno tells why. */
static bool read_open(int file, struct buffer *content)
{
	ssize_t got = -1;
	content->size = 0;
	while (content->size <= MAX_FILE && buffer_room(content, CHUNK)) {
		got = read(file, content->bytes + content->size, CHUNK);
		if (got <= 0)
			break;
		content->size += (size_t)got;
	}
	int error = errno;
	close(file);
	errno = got < 0 ? error : EFBIG;
	return !got;
}

bool read_whole(const char *path, struct buffer *content)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return file >= 0 && read_open(file, content);
}

static bool read_head(struct chain *chain, struct span fields)
{
	struct span name;
	uint64_t version;
	return next_field(&fields, &name) && span_equals(name, span_of(magic)) && next_number(&fields, &version) &&
	       version == CHAIN_VERSION && next_field(&fields, &chain->cni_version) && next_number(&fields, &chain->deadline_ms) &&
	       next_field(&fields, &chain->features);
}

static bool read_origin(struct chain *chain, struct span fields)
{
	struct span which;
	bool whole = next_field(&fields, &chain->directory) && next_field(&fields, &chain->own) && next_field(&fields, &which) &&
		     next_field(&fields, &chain->absent);
	chain->first = whole && span_equals(which, span_of("first"));
	return whole;
}

static bool read_file(struct chain *chain, struct span fields)
{
	struct source_file *file = &chain->files[chain->file_count];
	return chain->file_count++ < MAX_FILES && next_field(&fields, &file->name) && next_field(&fields, &file->content);
}

static bool read_step(struct chain *chain, struct span fields)
{
	struct step *step = &chain->steps[chain->step_count];
	if (chain->step_count >= MAX_STEPS)
		return false;
	chain->step_count++;
	bool whole = next_field(&fields, &step->network) && next_field(&fields, &step->plugin) && next_field(&fields, &step->ifname) &&
		     next_field(&fields, &step->args) && next_field(&fields, &step->tail);
	step->capabilities = fields;
	return whole;
}

static bool read_call(struct chain *chain, struct span fields)
{
	struct asked *asked = &chain->asked;
	chain->has_call = next_field(&fields, &asked->netns) && next_field(&fields, &asked->ifname) &&
			  next_field(&fields, &asked->args) && next_field(&fields, &asked->runtime_config);
	return chain->has_call;
}

static bool read_frame(struct chain *chain, const struct frame *frame)
{
	struct span fields = frame->fields;
	switch (frame->kind) {
	case 'O': return read_origin(chain, fields);
	case 'F': return read_file(chain, fields);
	case 'S': return read_step(chain, fields);
	case 'C': return read_call(chain, fields);
	case 'R': return next_field(&fields, &chain->result);
	case 'X': chain->excepted = fields; return true;
	case 'E': chain->has_end = true; return true;
	default: return true; /* what is told to the daemon alone */
	}
}

static bool read_frames(struct chain *chain)
{
	struct span input = filled(&chain->file);
	struct frame frame;
	enum taken taken = frame_take(&input, &frame);
	if (taken != TAKEN_FRAME || frame.kind != 'N' || !read_head(chain, frame.fields))
		return false;
	while ((taken = frame_take(&input, &frame)) == TAKEN_FRAME)
		if (!read_frame(chain, &frame))
			return false;
	return taken == TAKEN_NOTHING && chain->has_end && chain->step_count;
}

static void forget(struct chain *chain)
{
	struct buffer file = chain->file;
	memset(chain, 0, sizeof *chain);
	chain->file = file;
}

enum chain_read chain_read(const char *path, struct chain *chain)
{
	forget(chain);
	if (!read_whole(path, &chain->file))
		return errno == ENOENT || errno == ENOTDIR ? CHAIN_NONE : CHAIN_UNUSABLE;
	return read_frames(chain) ? CHAIN_WHOLE : CHAIN_UNUSABLE;
}

/* Written by root, or by who we are where that is nobody else's root (a user namespace), and by no others. */
static bool is_ours(int file)
{
	struct stat found;
	return !fstat(file, &found) && S_ISREG(found.st_mode) && (!found.st_uid || found.st_uid == geteuid()) &&
	       !(found.st_mode & (S_IWGRP | S_IWOTH));
}

bool chain_read_ours(const char *path, struct chain *chain)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
	forget(chain);
	if (file < 0)
		return false;
	if (is_ours(file))
		return read_open(file, &chain->file) && read_frames(chain);
	close(file);
	return false;
}

bool chain_knows(const struct chain *chain, char feature)
{
	return chain->features.size && memchr(chain->features.bytes, feature, chain->features.size);
}

static char *below(struct span directory, struct span name)
{
	char *path = malloc(directory.size + name.size + 2);
	if (!path)
		return NULL;
	memcpy(path, directory.bytes, directory.size);
	path[directory.size] = '/';
	memcpy(path + directory.size + 1, name.bytes, name.size);
	path[directory.size + 1 + name.size] = '\0';
	return path;
}

static bool is_unchanged(const struct chain *chain, const struct source_file *file, struct buffer *content)
{
	char *path = below(chain->directory, file->name);
	bool same = path && read_whole(path, content) && span_equals(filled(content), file->content);
	free(path);
	return same;
}

static bool has_suffix(const char *name)
{
	static const char *const suffixes[] = {".conf", ".conflist", ".json"};
	const char *dot = strrchr(name, '.');
	for (size_t i = 0; dot && i < sizeof suffixes / sizeof *suffixes; i++)
		if (!strcmp(dot, suffixes[i]))
			return true;
	return false;
}

static int compare(struct span name, struct span other)
{
	int order = memcmp(name.bytes, other.bytes, name.size < other.size ? name.size : other.size);
	return order ? order : (name.size > other.size) - (name.size < other.size);
}

/* One that would be the primary, or be waited for, if it was there before. */
static bool is_new_before(const struct chain *chain, const struct dirent *entry)
{
	struct span name = span_of(entry->d_name);
	if (entry->d_type == DT_DIR || !has_suffix(entry->d_name) || span_equals(name, chain->own))
		return false;
	for (size_t i = 0; i < chain->file_count; i++)
		if (span_equals(name, chain->files[i].name))
			return false;
	return compare(name, chain->files[chain->file_count - 1].name) < 0;
}

static bool nothing_came_before(const struct chain *chain)
{
	char *path = below(chain->directory, span_of("."));
	DIR *directory = path ? opendir(path) : NULL;
	bool nothing = directory;
	free(path);
	if (!directory)
		return false;
	for (struct dirent *entry; nothing && (entry = readdir(directory));)
		nothing = !is_new_before(chain, entry);
	closedir(directory);
	return nothing;
}

/* More plugins for the same network, in a directory of its name. */
static bool nothing_stands_beside(const struct chain *chain)
{
	if (!chain->absent.size)
		return true;
	char *path = below(chain->directory, chain->absent);
	bool nothing = path && access(path, F_OK) < 0 && errno == ENOENT;
	free(path);
	return nothing;
}

/* By content: times are too coarse, and a file that was written back is the same. */
bool chain_is_current(const struct chain *chain)
{
	struct buffer content = {0};
	bool current = chain->file_count > 0 && chain->directory.size > 0;
	for (size_t i = 0; current && i < chain->file_count; i++)
		current = is_unchanged(chain, &chain->files[i], &content);
	free(content.bytes);
	return current && nothing_stands_beside(chain) && (!chain->first || nothing_came_before(chain));
}
