/* Describes how a plugin's run ended, by the error object that it printed, or by its output. run_result.py has the same messages
 * (tests/unit/shim/test_plugin_error.py). */
#define _GNU_SOURCE
#include "plugin_error.h"
#include "json_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_SHOWN 400 /* bytes of a plugin's output in a message; the details have all of it */

static bool is(struct span text, const char *other)
{
	return span_equals(text, span_of(other));
}

bool run_succeeded(const struct run_result *run)
{
	return is(run->outcome, "exited") && !run->number;
}

/* EFBIG (too much output) is the one failure that a plugin can have after its start. */
bool run_started(const struct run_result *run)
{
	if (is(run->outcome, "failed"))
		return run->number == EFBIG;
	return !is(run->outcome, "not-found") && !is(run->outcome, "refused");
}

/* A plugin may print null, and leave out the version: then it is the configuration's. */
bool parse_result(const struct run_result *run, struct span cni_version, struct buffer *result)
{
	struct span whole, members, version;
	result->size = 0;
	if (!scan_value(run->out, &whole))
		return false;
	if (is(whole, "null"))
		whole = span_of("{}");
	if (!scan_open(whole, &members))
		return false;
	if (scan_find(whole, "cniVersion", &version)) {
		buffer_span(result, whole);
		return true;
	}
	struct member member;
	struct span rest = members;
	buffer_text(result, "{\"cniVersion\":\"");
	buffer_span(result, cni_version);
	buffer_text(result, scan_next(&rest, &member) ? "\"," : "\"");
	buffer_span(result, members);
	buffer_text(result, "}");
	return true;
}

static bool find_error(const struct run_result *run, struct span *object)
{
	struct span members;
	return is(run->outcome, "exited") && run->number && scan_value(run->out, object) && scan_open(*object, &members);
}

uint64_t plugin_code(const struct run_result *run)
{
	struct span object, code;
	uint64_t number;
	return find_error(run, &object) && scan_find(object, "code", &code) && parse_number(code, &number) ? number : 0;
}

/* Adds a string of the error object; false where it has none, or an empty one. */
static bool add_member(const struct run_result *run, const char *key, struct buffer *text)
{
	struct span object, value;
	size_t before = text->size;
	if (find_error(run, &object) && scan_find(object, key, &value))
		buffer_unescaped(text, value);
	return text->size > before;
}

static void add_number(struct buffer *message, const char *before, uint64_t number, const char *after)
{
	buffer_text(message, before);
	buffer_number(message, number);
	buffer_text(message, after);
}

static bool is_blank(unsigned char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static struct span trimmed(struct span text)
{
	while (text.size && is_blank(text.bytes[text.size - 1]))
		text.size--;
	while (text.size && is_blank(*text.bytes)) {
		text.bytes++;
		text.size--;
	}
	return text;
}

/* Standard output, or where that is empty standard error. */
static struct span output(const struct run_result *run)
{
	struct span out = trimmed(run->out);
	return out.size ? out : trimmed(run->err);
}

/* Its first bytes, without half a character at the end. */
static struct span shortened(struct span text)
{
	if (text.size <= MAX_SHOWN)
		return text;
	for (text.size = MAX_SHOWN; text.size && (text.bytes[text.size] & 0xc0) == 0x80;)
		text.size--;
	return text;
}

static void add_exit(struct buffer *message, const struct run_result *run)
{
	struct span object;
	if (run_succeeded(run)) {
		buffer_text(message, trimmed(run->out).size ? " returned an invalid CNI result"
							    : " returned no result; its effect is unknown");
	} else if (find_error(run, &object)) {
		buffer_text(message, " failed: ");
		if (!add_member(run, "msg", message))
			buffer_text(message, "without a message");
	} else {
		add_number(message, " failed with exit status ", run->number, " and printed: ");
		buffer_span(message, output(run).size ? shortened(output(run)) : span_of("nothing"));
	}
}

/* The errors that starting a program gives. */
static void add_errno(struct buffer *message, uint64_t number)
{
	static const struct { uint64_t number; const char *text; } known[] = {
		{ENOENT, "its interpreter is missing"},	    {ENOEXEC, "it is not a program"},
		{EAGAIN, "too many plugins run at once"},   {ENOMEM, "no memory is left"},
		{EACCES, "it is not executable"},	    {EMFILE, "too many files are open"},
		{ETXTBSY, "it is being written"},	    {EFBIG, "it wrote more than 1 MiB"}};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (known[i].number == number) {
			buffer_text(message, known[i].text);
			return;
		}
	add_number(message, "errno ", number, "");
}

static void add_outcome(struct buffer *message, const struct run_result *run)
{
	if (is(run->outcome, "exited"))
		add_exit(message, run);
	else if (is(run->outcome, "killed"))
		add_number(message, " was killed by signal ", run->number, "");
	else if (is(run->outcome, "timeout"))
		add_number(message, " did not end within ", run->number, " ms and was stopped");
	else if (is(run->outcome, "not-found"))
		buffer_text(message, " is not installed: no file of that name in the runtime's CNI directories; install it on this node");
	else if (is(run->outcome, "failed")) {
		buffer_text(message, " could not be run: ");
		add_errno(message, run->number);
	} else
		buffer_text(message, " was refused by the shim: a plugin is a file in the runtime's CNI directories, and no meta-plugin");
}

/* The details of an error object; else what the message shows the beginning of. */
static void add_plugin_details(struct buffer *text, const struct run_result *run)
{
	struct span object;
	if (add_member(run, "details", text))
		return;
	buffer_span(text, is(run->outcome, "exited") && !find_error(run, &object) ? output(run) : trimmed(run->err));
}

static void add_details(struct buffer *details, struct span plugin, const struct run_result *run)
{
	struct buffer text = {0};
	uint64_t code = plugin_code(run);
	add_plugin_details(&text, run);
	if (!code && !text.size)
		return;
	if (details->size)
		buffer_text(details, "\n");
	buffer_span(details, plugin);
	if (code)
		add_number(details, ": code ", code, "");
	buffer_text(details, !text.size ? "" : code ? ", " : ": ");
	buffer_span(details, content_of(&text));
	free(text.bytes);
}

void failures_add(struct failures *failures, const char *verb, struct span network, struct span ifname, struct span plugin,
		  const struct run_result *run)
{
	struct buffer *message = &failures->message;
	buffer_text(message, failures->count++ ? "; " : "");
	buffer_text(message, verb);
	buffer_text(message, " of network ");
	buffer_span(message, network);
	buffer_text(message, " (");
	buffer_span(message, ifname);
	buffer_text(message, "): plugin ");
	buffer_span(message, plugin);
	add_outcome(message, run);
	add_details(&failures->details, plugin, run);
}

/* The replacement has the same length. */
static void replace(struct buffer *text, const char *phrase, const char *replacement)
{
	size_t size = strlen(phrase);
	for (size_t at = 0; at + size <= text->size; at++)
		if (!strncasecmp((const char *)text->bytes + at, phrase, size))
			memcpy(text->bytes + at, replacement, size);
}

void mask_del_success(struct buffer *text)
{
	replace(text, "not found", "  missing");
	replace(text, "no such file or directory", "this path leads nowhere  ");
}
