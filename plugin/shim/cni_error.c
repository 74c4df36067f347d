/* Prints the error object on standard output, where runtimes read it, escaped so that any bytes make valid JSON. */
#define _GNU_SOURCE
#include "cni_error.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char out_of_memory[] =
	"{\"code\":11,\"msg\":\"netattach: no memory is left for this call; the runtime will try again\",\"details\":\"\"}\n";

/* The memory is never freed: after an error the process exits. */
struct span join_text(const char *const *pieces)
{
	struct buffer text = {0};
	for (; *pieces; pieces++)
		buffer_text(&text, *pieces);
	return text.out_of_memory ? span_of("netattach: out of memory") : content_of(&text);
}

/* containerd takes "no such file or directory" in a failed DEL for success and drops the attachment. */
const char *error_text(int error)
{
	return error == ENOENT ? "there is nothing at this path" : strerror(error);
}

/* The length of the UTF-8 character with this first byte, and the smallest code point of that length; 0 = none. */
static size_t sequence_length(unsigned char lead, uint32_t *least, uint32_t *point)
{
	static const struct { unsigned char mask, mark; uint32_t least; } forms[] = {
		{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
		if ((lead & forms[i].mask) == forms[i].mark) {
			*least = forms[i].least;
			*point = lead & (unsigned char)~forms[i].mask;
			return i + 1;
		}
	return 0;
}

/* The length of the UTF-8 character at the start of the text; 0 where it is invalid. */
static size_t character_length(struct span text)
{
	uint32_t least, point;
	size_t size = sequence_length(text.bytes[0], &least, &point);
	if (!size || size > text.size)
		return 0;
	for (size_t i = 1; i < size; i++) {
		if ((text.bytes[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (text.bytes[i] & 0x3f);
	}
	bool surrogate = point >= 0xd800 && point <= 0xdfff;
	return point < least || point > 0x10ffff || surrogate ? 0 : size;
}

static void add_control(struct buffer *out, unsigned char byte)
{
	static const char hex[] = "0123456789abcdef";
	const char escape[] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
	buffer_add(out, escape, sizeof escape);
}

static void add_string(struct buffer *out, struct span text)
{
	buffer_text(out, "\"");
	while (text.size) {
		size_t size = character_length(text);
		if (!size)
			buffer_text(out, "\\ufffd");
		else if (*text.bytes < 0x20)
			add_control(out, *text.bytes);
		else if (*text.bytes == '"' || *text.bytes == '\\')
			buffer_add(out, (const char[]){'\\', (char)*text.bytes}, 2);
		else
			buffer_add(out, text.bytes, size);
		text.bytes += size ? size : 1;
		text.size -= size ? size : 1;
	}
	buffer_text(out, "\"");
}

/* Where this cannot be written nobody reads it either; the exit status reports the failure. */
void print_error(enum cni_code code, struct span message, struct span details)
{
	struct buffer out = {0};
	buffer_text(&out, "{\"code\":");
	buffer_number(&out, (uint64_t)code);
	buffer_text(&out, ",\"msg\":");
	add_string(&out, message);
	buffer_text(&out, ",\"details\":");
	add_string(&out, details);
	buffer_text(&out, "}\n");
	(void)!write_all(STDOUT_FILENO, out.out_of_memory ? span_of(out_of_memory) : content_of(&out));
}
