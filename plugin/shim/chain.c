/* Parses a compiled chain, and compares its sources with the node's CNI configs. A file that is of another release, truncated or
 * too large is not used: then the daemon is asked, as without any. */
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

/* Reads and closes it. False, and errno, where it cannot be read. */
static bool read_open(int file, struct buffer *content)
{
	ssize_t got = -1;
	content->size = 0;
	while (content->size <= MAX_FILE && buffer_reserve(content, CHUNK)) {
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

static bool read_file(const char *path, int flags, struct buffer *content)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags);
	return file >= 0 && read_open(file, content);
}

static bool parse_head(struct chain *chain, struct span fields)
{
	struct span name;
	uint64_t version;
	return next_field(&fields, &name) && span_equals(name, span_of(magic)) && next_number(&fields, &version) &&
	       version == CHAIN_VERSION && next_field(&fields, &chain->cni_version) && next_number(&fields, &chain->deadline_ms) &&
	       next_field(&fields, &chain->features);
}

static bool parse_origin(struct chain *chain, struct span fields)
{
	struct span which;
	bool whole = next_field(&fields, &chain->directory) && next_field(&fields, &chain->own) && next_field(&fields, &which) &&
		     next_field(&fields, &chain->absent);
	chain->first = whole && span_equals(which, span_of("first"));
	return whole;
}

static bool parse_file(struct chain *chain, struct span fields)
{
	struct source_file *file = &chain->files[chain->file_count];
	return chain->file_count++ < MAX_FILES && next_field(&fields, &file->name) && next_field(&fields, &file->content);
}

static bool parse_step(struct chain *chain, struct span fields)
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

static bool parse_work(struct chain *chain, struct span fields)
{
	uint64_t at;
	return next_number(&fields, &at) && at < chain->step_count && next_field(&fields, &chain->steps[at].work) &&
	       next_field(&fields, &chain->steps[at].no_work);
}

static bool parse_call(struct chain *chain, struct span fields)
{
	struct sandbox_args *args = &chain->args;
	chain->has_call = next_field(&fields, &args->netns) && next_field(&fields, &args->ifname) &&
			  next_field(&fields, &args->args) && next_field(&fields, &args->runtime_config);
	return chain->has_call;
}

static bool parse_frame(struct chain *chain, const struct frame *frame)
{
	struct span fields = frame->fields;
	switch (frame->kind) {
	case 'O': return parse_origin(chain, fields);
	case 'F': return parse_file(chain, fields);
	case 'S': return parse_step(chain, fields);
	case 'I': return parse_work(chain, fields);
	case 'C': return parse_call(chain, fields);
	case 'R': return next_field(&fields, &chain->result);
	case 'X': chain->except_namespaces = fields; return true;
	case 'E': chain->has_end = true; return true;
	default: return true; /* for the daemon alone */
	}
}

static bool parse_frames(struct chain *chain)
{
	struct span input = content_of(&chain->file);
	struct frame frame;
	enum frame_status status = next_frame(&input, &frame);
	if (status != FRAME_COMPLETE || frame.kind != 'N' || !parse_head(chain, frame.fields))
		return false;
	while ((status = next_frame(&input, &frame)) == FRAME_COMPLETE)
		if (!parse_frame(chain, &frame))
			return false;
	return status == FRAME_INCOMPLETE && chain->has_end && chain->step_count;
}

static void clear(struct chain *chain)
{
	struct buffer file = chain->file;
	memset(chain, 0, sizeof *chain);
	chain->file = file;
}

enum chain_read chain_read(const char *path, struct chain *chain)
{
	clear(chain);
	if (!read_file(path, O_NOFOLLOW, &chain->file))
		return errno == ENOENT || errno == ENOTDIR ? CHAIN_MISSING : CHAIN_UNUSABLE;
	return parse_frames(chain) ? CHAIN_VALID : CHAIN_UNUSABLE;
}

/* A regular file of root, or of our own user (root of a user namespace), that nobody else may write. */
static bool is_trusted(int file)
{
	struct stat found;
	return !fstat(file, &found) && S_ISREG(found.st_mode) && (!found.st_uid || found.st_uid == geteuid()) &&
	       !(found.st_mode & (S_IWGRP | S_IWOTH));
}

bool chain_read_trusted(const char *path, struct chain *chain)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
	clear(chain);
	if (file < 0)
		return false;
	if (is_trusted(file))
		return read_open(file, &chain->file) && parse_frames(chain);
	close(file);
	return false;
}

bool chain_has(const struct chain *chain, char feature)
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

char *chain_directory_path(const struct chain *chain)
{
	return below(chain->directory, span_of("."));
}

/* A link is followed, as the runtime does: administrators link CNI configs. */
static bool is_unchanged(const struct chain *chain, const struct source_file *file, struct buffer *content)
{
	char *path = below(chain->directory, file->name);
	bool same = path && read_file(path, 0, content) && span_equals(content_of(content), file->content);
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

/* A new CNI config that comes before ours in the order of the names, and so might be the default network now. */
static bool is_new_and_earlier(const struct chain *chain, const struct dirent *entry)
{
	struct span name = span_of(entry->d_name);
	if (entry->d_type == DT_DIR || !has_suffix(entry->d_name) || span_equals(name, chain->own))
		return false;
	for (size_t i = 0; i < chain->file_count; i++)
		if (span_equals(name, chain->files[i].name))
			return false;
	return compare(name, chain->files[chain->file_count - 1].name) < 0;
}

static bool has_no_earlier_file(const struct chain *chain)
{
	char *path = chain_directory_path(chain);
	DIR *directory = path ? opendir(path) : NULL;
	bool nothing = directory;
	free(path);
	if (!directory)
		return false;
	for (struct dirent *entry; nothing && (entry = readdir(directory));)
		nothing = !is_new_and_earlier(chain, entry);
	closedir(directory);
	return nothing;
}

/* A directory of the network's name has more plugins for it. */
static bool has_no_plugin_directory(const struct chain *chain)
{
	if (!chain->absent.size)
		return true;
	char *path = below(chain->directory, chain->absent);
	bool nothing = path && access(path, F_OK) < 0 && errno == ENOENT;
	free(path);
	return nothing;
}

/* Compares contents: times are too coarse, and a file may be rewritten unchanged. */
bool chain_is_current(const struct chain *chain)
{
	struct buffer content = {0};
	bool current = chain->file_count > 0 && chain->directory.size > 0;
	for (size_t i = 0; current && i < chain->file_count; i++)
		current = is_unchanged(chain, &chain->files[i], &content);
	free(content.bytes);
	return current && has_no_plugin_directory(chain) && (!chain->first || has_no_earlier_file(chain));
}
