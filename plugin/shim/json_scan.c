/* A strict JSON scanner that stores nothing. It accepts a text that is one whole value; then its members can be enumerated. What
 * it rejects is left to the daemon, or is a plugin's failure: so it may be stricter than other parsers, but never laxer. */
#include "json_scan.h"

#include <string.h>

#define DEEPEST 64

static bool value(struct span *in, int depth);

static void skip(struct span *in, size_t count)
{
	in->bytes += count;
	in->size -= count;
}

static void skip_blanks(struct span *in)
{
	while (in->size && (*in->bytes == ' ' || *in->bytes == '\t' || *in->bytes == '\r' || *in->bytes == '\n'))
		skip(in, 1);
}

static bool take(struct span *in, char wanted)
{
	if (!in->size || *in->bytes != (unsigned char)wanted)
		return false;
	skip(in, 1);
	return true;
}

static bool literal(struct span *in, const char *wanted)
{
	size_t size = strlen(wanted);
	if (in->size < size || memcmp(in->bytes, wanted, size) != 0)
		return false;
	skip(in, size);
	return true;
}

static int hex_digit(unsigned char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* The four hexadecimal digits after \u; -1 where they are none. */
static int32_t hex(struct span text)
{
	int32_t number = 0;
	for (size_t i = 0; i < 4; i++) {
		int digit = i < text.size ? hex_digit(text.bytes[i]) : -1;
		if (digit < 0)
			return -1;
		number = number << 4 | digit;
	}
	return number;
}

static bool escape(struct span *in)
{
	if (take(in, 'u')) {
		if (hex(*in) < 0)
			return false;
		skip(in, 4);
		return true;
	}
	if (!in->size || !*in->bytes || !strchr("\"\\/bfnrt", *in->bytes))
		return false;
	skip(in, 1);
	return true;
}

static bool string(struct span *in)
{
	if (!take(in, '"'))
		return false;
	while (in->size && *in->bytes >= 0x20) {
		if (take(in, '"'))
			return true;
		if (take(in, '\\')) {
			if (!escape(in))
				return false;
		} else {
			skip(in, 1);
		}
	}
	return false;
}

static bool digits(struct span *in)
{
	size_t before = in->size;
	while (in->size && *in->bytes >= '0' && *in->bytes <= '9')
		skip(in, 1);
	return in->size < before;
}

static bool number(struct span *in)
{
	take(in, '-');
	if (!take(in, '0') && !digits(in))
		return false;
	if (take(in, '.') && !digits(in))
		return false;
	if (take(in, 'e') || take(in, 'E')) {
		if (!take(in, '+'))
			take(in, '-');
		return digits(in);
	}
	return true;
}

static bool key(struct span *in)
{
	skip_blanks(in);
	if (!string(in))
		return false;
	skip_blanks(in);
	return take(in, ':');
}

static bool sequence(struct span *in, int depth, char end, bool named)
{
	skip(in, 1);
	skip_blanks(in);
	if (take(in, end))
		return true;
	do
		if ((named && !key(in)) || !value(in, depth - 1))
			return false;
	while (take(in, ','));
	return take(in, end);
}

/* Skips a value and the blanks around it. */
static bool value(struct span *in, int depth)
{
	skip_blanks(in);
	if (!in->size || !depth)
		return false;
	bool whole;
	switch (*in->bytes) {
	case '{': whole = sequence(in, depth, '}', true); break;
	case '[': whole = sequence(in, depth, ']', false); break;
	case '"': whole = string(in); break;
	case 't': whole = literal(in, "true"); break;
	case 'f': whole = literal(in, "false"); break;
	case 'n': whole = literal(in, "null"); break;
	default: whole = number(in);
	}
	skip_blanks(in);
	return whole;
}

static struct span trim_end(const unsigned char *begin, const unsigned char *end)
{
	while (end > begin && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r' || end[-1] == '\n'))
		end--;
	return (struct span){begin, (size_t)(end - begin)};
}

bool scan_value(struct span text, struct span *found)
{
	skip_blanks(&text);
	struct span rest = text;
	if (!value(&rest, DEEPEST) || rest.size)
		return false;
	*found = trim_end(text.bytes, rest.bytes);
	return true;
}

bool scan_open(struct span object, struct span *members)
{
	if (object.size < 2 || *object.bytes != '{')
		return false;
	*members = (struct span){object.bytes + 1, object.size - 2};
	return true;
}

bool scan_next(struct span *members, struct member *member)
{
	skip_blanks(members);
	const unsigned char *begin = members->bytes + 1;
	if (!members->size || !string(members))
		return false;
	member->key = (struct span){begin, (size_t)(members->bytes - begin) - 1};
	skip_blanks(members);
	take(members, ':');
	skip_blanks(members);
	begin = members->bytes;
	if (!value(members, DEEPEST))
		return false;
	member->value = trim_end(begin, members->bytes);
	take(members, ',');
	return true;
}

bool is_escaped(struct span text)
{
	return text.size && memchr(text.bytes, '\\', text.size);
}

bool scan_find(struct span object, const char *name, struct span *found)
{
	struct member member;
	struct span members;
	size_t count = 0;
	if (!scan_open(object, &members))
		return false;
	while (scan_next(&members, &member)) {
		if (is_escaped(member.key))
			return false;
		if (span_equals(member.key, span_of(name))) {
			*found = member.value;
			count++;
		}
	}
	return count == 1;
}

static void add_point(struct buffer *buffer, uint32_t point)
{
	unsigned char bytes[4];
	size_t size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	static const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
	for (size_t i = size; i-- > 1; point >>= 6)
		bytes[i] = (unsigned char)(0x80 | (point & 0x3f));
	bytes[0] = (unsigned char)(marks[size] | point);
	buffer_add(buffer, bytes, size);
}

/* After \u: a character, or a surrogate pair. A lone surrogate is written as it is; print_error replaces it. */
static void add_unicode(struct buffer *buffer, struct span *in)
{
	uint32_t point = (uint32_t)hex(*in);
	skip(in, 4);
	if (point >= 0xd800 && point < 0xdc00 && in->size >= 6 && in->bytes[0] == '\\' && in->bytes[1] == 'u') {
		uint32_t low = (uint32_t)hex((struct span){in->bytes + 2, in->size - 2});
		if (low >= 0xdc00 && low < 0xe000) {
			skip(in, 6);
			point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
		}
	}
	add_point(buffer, point);
}

void buffer_unescaped(struct buffer *buffer, struct span text)
{
	static const char written[] = "bfnrt", meant[] = "\b\f\n\r\t";
	if (text.size < 2 || *text.bytes != '"')
		return;
	for (struct span in = {text.bytes + 1, text.size - 2}; in.size;) {
		if (!take(&in, '\\')) {
			buffer_add(buffer, in.bytes, 1);
			skip(&in, 1);
		} else if (take(&in, 'u')) {
			add_unicode(buffer, &in);
		} else {
			const char *at = strchr(written, *in.bytes);
			buffer_add(buffer, at && *at ? &meant[at - written] : (const char *)in.bytes, 1);
			skip(&in, 1);
		}
	}
}
