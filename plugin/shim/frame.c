/* Frames are built in a buffer and sent whole; received frames are found in the input, and nothing beyond its end is read. */
#define _GNU_SOURCE
#include "frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LENGTH 4
#define HEADER (LENGTH + 1)
#define DIGITS 20 /* of the largest 64-bit number */
#define MAX_DIGITS 18 /* of a number in the protocol; leaves 63 bits room for sums */
#define FIRST_CAPACITY 4096

struct span span_of(const char *text)
{
	return (struct span){(const unsigned char *)text, strlen(text)};
}

bool span_equals(struct span text, struct span other)
{
	return text.size == other.size && (!text.size || !memcmp(text.bytes, other.bytes, text.size));
}

struct span content_of(const struct buffer *buffer)
{
	return (struct span){buffer->bytes, buffer->size};
}

/* Reserves `more` bytes after the content; false, and `out_of_memory` is set, where there is no memory. */
bool buffer_reserve(struct buffer *buffer, size_t more)
{
	if (buffer->out_of_memory)
		return false;
	if (buffer->capacity - buffer->size >= more)
		return true;
	size_t capacity = buffer->capacity ? buffer->capacity : FIRST_CAPACITY;
	while (capacity - buffer->size < more)
		capacity *= 2;
	unsigned char *bytes = realloc(buffer->bytes, capacity);
	if (!bytes) {
		buffer->out_of_memory = true;
		return false;
	}
	buffer->bytes = bytes;
	buffer->capacity = capacity;
	return true;
}

void buffer_add(struct buffer *buffer, const void *bytes, size_t size)
{
	if (!size || !buffer_reserve(buffer, size))
		return;
	memcpy(buffer->bytes + buffer->size, bytes, size);
	buffer->size += size;
}

void buffer_text(struct buffer *buffer, const char *text)
{
	buffer_add(buffer, text, strlen(text));
}

void buffer_span(struct buffer *buffer, struct span span)
{
	buffer_add(buffer, span.bytes, span.size);
}

void buffer_number(struct buffer *buffer, uint64_t number)
{
	char digits[DIGITS];
	size_t at = DIGITS;
	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	buffer_add(buffer, digits + at, DIGITS - at);
}

static void put_length(unsigned char *at, size_t length)
{
	for (int i = 0; i < LENGTH; i++)
		at[i] = (unsigned char)(length >> 8 * i);
}

static size_t get_length(const unsigned char *at)
{
	return at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16 | (size_t)at[3] << 24;
}

/* A frame is built in an empty buffer: its header is at the start of the buffer. */
void frame_begin(struct buffer *buffer, char kind)
{
	buffer->size = 0;
	buffer_add(buffer, "\0\0\0\0", LENGTH);
	buffer_add(buffer, &kind, 1);
}

void frame_field(struct buffer *buffer, struct span field)
{
	unsigned char length[LENGTH];
	put_length(length, field.size);
	buffer_add(buffer, length, LENGTH);
	buffer_add(buffer, field.bytes, field.size);
}

void frame_number(struct buffer *buffer, uint64_t number)
{
	char digits[DIGITS];
	struct buffer text = {(unsigned char *)digits, 0, DIGITS, false}; /* never grows: DIGITS bytes are enough */
	buffer_number(&text, number);
	frame_field(buffer, content_of(&text));
}

void frame_end(struct buffer *buffer)
{
	if (!buffer->out_of_memory)
		put_length(buffer->bytes, buffer->size - HEADER);
}

static bool fields_are_whole(struct span fields)
{
	struct span field;
	while (fields.size)
		if (!next_field(&fields, &field))
			return false;
	return true;
}

/* Removes the first frame from the input; the frame points into the input. */
enum frame_status next_frame(struct span *input, struct frame *frame)
{
	if (input->size < HEADER)
		return FRAME_INCOMPLETE;
	size_t size = get_length(input->bytes);
	if (size > MAX_PAYLOAD)
		return FRAME_MALFORMED;
	if (input->size - HEADER < size)
		return FRAME_INCOMPLETE;
	frame->kind = (char)input->bytes[LENGTH];
	frame->fields = (struct span){input->bytes + HEADER, size};
	input->bytes += HEADER + size;
	input->size -= HEADER + size;
	return fields_are_whole(frame->fields) ? FRAME_COMPLETE : FRAME_MALFORMED;
}

bool next_field(struct span *fields, struct span *field)
{
	if (fields->size < LENGTH)
		return false;
	size_t size = get_length(fields->bytes);
	if (fields->size - LENGTH < size)
		return false;
	*field = (struct span){fields->bytes + LENGTH, size};
	fields->bytes += LENGTH + size;
	fields->size -= LENGTH + size;
	return true;
}

bool next_number(struct span *fields, uint64_t *number)
{
	struct span field;
	return next_field(fields, &field) && parse_number(field, number);
}

bool parse_number(struct span text, uint64_t *number)
{
	*number = 0;
	for (size_t i = 0; i < text.size; i++) {
		if (text.bytes[i] < '0' || text.bytes[i] > '9')
			return false;
		*number = *number * 10 + (text.bytes[i] - '0');
	}
	return text.size > 0 && text.size <= MAX_DIGITS;
}

bool write_all(int descriptor, struct span bytes)
{
	while (bytes.size) {
		ssize_t written = write(descriptor, bytes.bytes, bytes.size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return false;
		bytes.bytes += written;
		bytes.size -= (size_t)written;
	}
	return true;
}

/* Descriptors are sent with the first byte, and must not be sent twice: the rest is sent without them. */
static ssize_t send_with(int socket, struct span bytes, const int *passed, size_t count)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(MOST_PASSED * sizeof(int))];
	} control;
	struct iovec content = {(void *)(uintptr_t)bytes.bytes, bytes.size};
	struct msghdr message = {0};
	memset(&control, 0, sizeof control);
	message.msg_iov = &content;
	message.msg_iovlen = 1;
	message.msg_control = control.bytes;
	message.msg_controllen = CMSG_SPACE(count * sizeof(int));
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(head), passed, count * sizeof(int));
	return sendmsg(socket, &message, MSG_NOSIGNAL);
}

/* Blocks while the peer does not read; the daemon always reads. */
bool send_all(int socket, struct span bytes, const int *passed, size_t count)
{
	while (bytes.size) {
		ssize_t sent = count ? send_with(socket, bytes, passed, count) : send(socket, bytes.bytes, bytes.size, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return false;
		count = 0;
		bytes.bytes += sent;
		bytes.size -= (size_t)sent;
	}
	return true;
}
