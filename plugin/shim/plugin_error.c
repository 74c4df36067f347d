/* The words for how a plugin ended. Its own are taken out of its error object, or shown as they are where it printed none. */
#define _GNU_SOURCE
#include "plugin_error.h"
#include "cni_error.h"
#include "json_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SHOWN 400

static bool is(struct span text, const char *other)
{
	return span_equals(text, span_of(other));
}

bool ran_well(const struct ran *ran)
{
	return is(ran->outcome, "exited") && !ran->number;
}

/* EFBIG is the one failure that a plugin has after its start. */
bool ran_at_all(const struct ran *ran)
{
	if (is(ran->outcome, "failed"))
		return ran->number == EFBIG;
	return !is(ran->outcome, "not-found") && !is(ran->outcome, "refused");
}

static void add(struct buffer *buffer, struct span text)
{
	buffer_add(buffer, text.bytes, text.size);
}

/* A plugin may print null, and leave out the version: then it is the configuration's. */
bool result_of(const struct ran *ran, struct span cni_version, struct buffer *result)
{
	struct span whole, members, version;
	result->size = 0;
	if (!scan_value(ran->out, &whole))
		return false;
	if (is(whole, "null"))
		whole = span_of("{}");
	if (!scan_open(whole, &members))
		return false;
	if (scan_find(whole, "cniVersion", &version)) {
		add(result, whole);
		return true;
	}
	struct member member;
	struct span rest = members;
	buffer_text(result, "{\"cniVersion\":\"");
	add(result, cni_version);
	buffer_text(result, scan_next(&rest, &member) ? "\"," : "\"");
	add(result, members);
	buffer_text(result, "}");
	return true;
}

static bool error_object(const struct ran *ran, struct span *object)
{
	struct span members;
	return is(ran->outcome, "exited") && scan_value(ran->out, object) && scan_open(*object, &members);
}

uint64_t code_of(const struct ran *ran)
{
	struct span object, code;
	uint64_t number;
	return error_object(ran, &object) && scan_find(object, "code", &code) && number_of(code, &number) ? number : 0;
}

static bool says(const struct ran *ran, const char *key, struct buffer *words)
{
	struct span object, text;
	size_t before = words->size;
	if (error_object(ran, &object) && scan_find(object, key, &text))
		buffer_unescaped(words, text);
	return words->size > before;
}

static void add_number(struct buffer *message, const char *before, uint64_t number, const char *behind)
{
	buffer_text(message, before);
	buffer_number(message, number);
	buffer_text(message, behind);
}

static struct span trimmed(struct span text)
{
	while (text.size && strchr(" \t\r\n", text.bytes[text.size - 1]))
		text.size--;
	return text;
}

static void add_exit(struct buffer *message, const struct ran *ran)
{
	struct span object, said = trimmed(ran->out.size ? ran->out : ran->err);
	if (ran_well(ran)) {
		buffer_text(message, trimmed(ran->out).size ? " returned an invalid CNI result"
							    : " returned no result; its effect is unknown");
	} else if (error_object(ran, &object)) {
		buffer_text(message, " failed: ");
		if (!says(ran, "msg", message))
			buffer_text(message, "without a message");
	} else {
		add_number(message, " failed with exit status ", ran->number, " and printed: ");
		add(message, said.size ? (struct span){said.bytes, said.size < SHOWN ? said.size : SHOWN} : span_of("nothing"));
	}
}

static void add_outcome(struct buffer *message, const struct ran *ran)
{
	if (is(ran->outcome, "exited"))
		add_exit(message, ran);
	else if (is(ran->outcome, "killed"))
		add_number(message, " was killed by signal ", ran->number, "");
	else if (is(ran->outcome, "timeout"))
		add_number(message, " did not end within ", ran->number, " ms and was stopped");
	else if (is(ran->outcome, "not-found"))
		buffer_text(message, " is not installed: no file of that name in the runtime's CNI directories; install it on this node");
	else if (is(ran->outcome, "failed")) {
		buffer_text(message, " could not be run: ");
		buffer_text(message, ran->number == EFBIG ? "it wrote more than 1 MiB" : reason((int)ran->number));
	} else
		buffer_text(message, " was refused by the shim: the call would leave the runtime's CNI directories, or lead back to netattach");
}

static void add_details(struct buffer *details, struct span plugin, const struct ran *ran)
{
	struct buffer said = {0};
	uint64_t code = code_of(ran);
	if (!says(ran, "details", &said))
		add(&said, trimmed(ran->err));
	if (!code && !said.size)
		return;
	if (details->size)
		buffer_text(details, "\n");
	add(details, plugin);
	if (code)
		add_number(details, ": code ", code, "");
	buffer_text(details, !said.size ? "" : code ? ", " : ": ");
	add(details, filled(&said));
	free(said.bytes);
}

void add_failure(struct failures *failures, const char *what, struct span network, struct span ifname, struct span plugin,
		 const struct ran *ran)
{
	struct buffer *message = &failures->message;
	buffer_text(message, failures->count++ ? "; " : "");
	buffer_text(message, what);
	buffer_text(message, " of network ");
	add(message, network);
	buffer_text(message, " (");
	add(message, ifname);
	buffer_text(message, "): plugin ");
	add(message, plugin);
	add_outcome(message, ran);
	add_details(&failures->details, plugin, ran);
}

/* As long as the words, so that they can stand in their place. */
static void replace(struct buffer *text, const char *words, const char *others)
{
	size_t size = strlen(words);
	for (size_t at = 0; at + size <= text->size; at++)
		if (!strncasecmp((const char *)text->bytes + at, words, size))
			memcpy(text->bytes + at, others, size);
}

void for_delete(struct buffer *text)
{
	replace(text, "not found", "  missing");
	replace(text, "no such file or directory", "this path leads nowhere  ");
}
