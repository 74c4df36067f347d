/* Frames of byte strings, as core/netattach_core/shim/protocol.py describes them. */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_PAYLOAD (16u << 20)
#define NO_DESCRIPTOR (-1)

/* Bytes that somebody else owns. */
struct span {
	const unsigned char *bytes;
	size_t size;
};

/* Bytes that grow. Where memory ran out, `lost` stays set and the content is of no use: builders add on, whoever sends asks once. */
struct buffer {
	unsigned char *bytes;
	size_t size, room;
	bool lost;
};

enum taken { TAKEN_FRAME, TAKEN_NOTHING, TAKEN_GARBAGE };

struct frame {
	char kind;
	struct span fields;
};

struct span span_of(const char *text);
bool span_equals(struct span text, struct span other);
struct span filled(const struct buffer *buffer);
bool buffer_room(struct buffer *buffer, size_t more);
void buffer_add(struct buffer *buffer, const void *bytes, size_t size);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_span(struct buffer *buffer, struct span span);
void buffer_number(struct buffer *buffer, uint64_t number);

void frame_begin(struct buffer *buffer, char kind);
void frame_field(struct buffer *buffer, struct span field);
void frame_number(struct buffer *buffer, uint64_t number);
void frame_end(struct buffer *buffer);

enum taken frame_take(struct span *input, struct frame *frame);
bool next_field(struct span *fields, struct span *field);
bool next_number(struct span *fields, uint64_t *number);
bool number_of(struct span text, uint64_t *number);

bool write_all(int descriptor, struct span bytes);
bool send_all(int socket, struct span bytes, int passed);

#endif
