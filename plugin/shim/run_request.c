/* What a RUN frame may ask for: a captured daemon can start nothing that the runtime could not. */
#define _GNU_SOURCE
#include "run_request.h"
#include "clock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool has_nul(struct span text)
{
	return text.size && memchr(text.bytes, 0, text.size);
}

static bool equals(struct span text, const char *other)
{
	return text.size == strlen(other) && !memcmp(text.bytes, other, text.size);
}

/* As core/netattach_core/cni/meta_plugins.py. They would start the shim, which would wait for the sandbox's lock for ever. */
static bool is_meta_plugin(struct span name)
{
	return equals(name, "netattach") || equals(name, "multus") || equals(name, "multus-shim");
}

static bool is_plugin_name(struct span name)
{
	return name.size && !is_meta_plugin(name) && !has_nul(name) && !memchr(name.bytes, '/', name.size) && !equals(name, ".") &&
	       !equals(name, "..");
}

/* Only the runtime decides where plugins are; a variable outside of CNI's could load code into one (LD_PRELOAD). */
static bool is_allowed_variable(struct span entry)
{
	if (entry.size < 5 || memcmp(entry.bytes, "CNI_", 4) != 0 || has_nul(entry))
		return false;
	const unsigned char *equal = memchr(entry.bytes, '=', entry.size);
	return equal && !equals((struct span){entry.bytes, (size_t)(equal - entry.bytes)}, "CNI_PATH");
}

static bool may_run(struct span name, struct span variables)
{
	struct span entry;
	while (next_field(&variables, &entry))
		if (!is_allowed_variable(entry))
			return false;
	return is_plugin_name(name);
}

/* The first regular file of that name in CNI_PATH, as libcni looks for it; it stays valid until the next call. */
static const char *resolve(struct span name)
{
	static char path[4096];
	const char *next, *at = getenv("CNI_PATH");
	for (; at && *at; at = *next ? next + 1 : next) {
		next = at + strcspn(at, ":");
		size_t size = (size_t)(next - at);
		struct stat found;
		if (!size || size + name.size + 2 > sizeof path)
			continue;
		memcpy(path, at, size);
		path[size] = '/';
		memcpy(path + size + 1, name.bytes, name.size);
		path[size + 1 + name.size] = '\0';
		if (!stat(path, &found) && S_ISREG(found.st_mode))
			return path;
	}
	return NULL;
}

enum request_check run_request_parse(struct span fields, struct run_request *request)
{
	struct span name;
	*request = (struct run_request){0};
	if (!next_number(&fields, &request->id) || !next_field(&fields, &name) || !next_number(&fields, &request->milliseconds) ||
	    !next_field(&fields, &request->stdin_bytes))
		return REQUEST_MALFORMED;
	request->deadline = request->milliseconds ? now_ms() + request->milliseconds : 0;
	request->variables = fields;
	if (!may_run(name, fields))
		return REQUEST_REFUSED;
	request->path = resolve(name);
	return request->path ? REQUEST_VALID : REQUEST_NOT_FOUND;
}
