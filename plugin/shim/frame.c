/* Frames: built in a buffer, cut out of what arrived, sent whole. Reads nothing beyond what it was given. */
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
#define MAX_DIGITS 18 /* what the protocol takes for a number; fits 63 bits with room for sums */
#define FIRST_ROOM 4096

struct span span_of(const char *text)
{
	return (struct span){(const unsigned char *)text, strlen(text)};
}

bool span_equals(struct span text, struct span other)
{
	return text.size == other.size && (!text.size || !memcmp(text.bytes, other.bytes, text.size));
}

struct span filled(const struct buffer *buffer)
{
	return (struct span){buffer->bytes, buffer->size};
}

/* Makes room for `more` bytes behind the content; false, and the buffer is lost, where there is no memory. */
bool buffer_room(struct buffer *buffer, size_t more)
{
	if (buffer->lost)
		return false;
	if (buffer->room - buffer->size >= more)
		return true;
	size_t room = buffer->room ? buffer->room : FIRST_ROOM;
	while (room - buffer->size < more)
		room *= 2;
	unsigned char *bytes = realloc(buffer->bytes, room);
	if (!bytes) {
		buffer->lost = true;
		return false;
	}
	buffer->bytes = bytes;
	buffer->room = room;
	return true;
}

void buffer_add(struct buffer *buffer, const void *bytes, size_t size)
{
	if (!size || !buffer_room(buffer, size))
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

/* A frame is built in an empty buffer, so its header is where the buffer begins. */
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
	struct buffer text = {(unsigned char *)digits, 0, DIGITS, false}; /* never grows: DIGITS are enough */
	buffer_number(&text, number);
	frame_field(buffer, filled(&text));
}

void frame_end(struct buffer *buffer)
{
	if (!buffer->lost)
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

/* Cuts the first frame off the input; it points into the input. */
enum taken frame_take(struct span *input, struct frame *frame)
{
	if (input->size < HEADER)
		return TAKEN_NOTHING;
	size_t size = get_length(input->bytes);
	if (size > MAX_PAYLOAD)
		return TAKEN_GARBAGE;
	if (input->size - HEADER < size)
		return TAKEN_NOTHING;
	frame->kind = (char)input->bytes[LENGTH];
	frame->fields = (struct span){input->bytes + HEADER, size};
	input->bytes += HEADER + size;
	input->size -= HEADER + size;
	return fields_are_whole(frame->fields) ? TAKEN_FRAME : TAKEN_GARBAGE;
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
	return next_field(fields, &field) && number_of(field, number);
}

bool number_of(struct span text, uint64_t *number)
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

/* The descriptor goes with the first byte, so it must not be sent twice: once anything is out, the rest goes without it. */
static ssize_t send_with(int socket, struct span bytes, int passed)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec content = {(void *)(uintptr_t)bytes.bytes, bytes.size};
	struct msghdr message = {0};
	memset(&control, 0, sizeof control);
	message.msg_iov = &content;
	message.msg_iovlen = 1;
	message.msg_control = control.bytes;
	message.msg_controllen = sizeof control.bytes;
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &passed, sizeof(int));
	return sendmsg(socket, &message, MSG_NOSIGNAL);
}

/* Blocks while the peer does not read: the daemon always reads. */
bool send_all(int socket, struct span bytes, int passed)
{
	while (bytes.size) {
		ssize_t sent = passed == NO_DESCRIPTOR ? send(socket, bytes.bytes, bytes.size, MSG_NOSIGNAL)
						       : send_with(socket, bytes, passed);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return false;
		passed = NO_DESCRIPTOR;
		bytes.bytes += sent;
		bytes.size -= (size_t)sent;
	}
	return true;
}
