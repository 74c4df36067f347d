/* Frames of byte strings, as core/netattach_core/shim/protocol.py describes them. */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_PAYLOAD (16u << 20)
#define NO_DESCRIPTOR (-1)
#define MOST_PASSED 3 /* descriptors */

/* Bytes in memory of another owner. */
struct span {
	const unsigned char *bytes;
	size_t size;
};

/* Bytes that grow. After a failed allocation `out_of_memory` stays set and the content is unusable: code that fills a buffer goes
 * on, and the code that uses the content checks once. */
struct buffer {
	unsigned char *bytes;
	size_t size, capacity;
	bool out_of_memory;
};

enum frame_status { FRAME_COMPLETE, FRAME_INCOMPLETE, FRAME_MALFORMED };

struct frame {
	char kind;
	struct span fields;
};

struct span span_of(const char *text);
bool span_equals(struct span text, struct span other);
struct span content_of(const struct buffer *buffer);
bool buffer_reserve(struct buffer *buffer, size_t more);
void buffer_add(struct buffer *buffer, const void *bytes, size_t size);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_span(struct buffer *buffer, struct span span);
void buffer_number(struct buffer *buffer, uint64_t number);

void frame_begin(struct buffer *buffer, char kind);
void frame_field(struct buffer *buffer, struct span field);
void frame_number(struct buffer *buffer, uint64_t number);
void frame_end(struct buffer *buffer);

enum frame_status next_frame(struct span *input, struct frame *frame);
bool next_field(struct span *fields, struct span *field);
bool next_number(struct span *fields, uint64_t *number);
bool parse_number(struct span text, uint64_t *number);

bool write_all(int descriptor, struct span bytes);
/* With `count` descriptors, MOST_PASSED at most. */
bool send_all(int socket, struct span bytes, const int *passed, size_t count);

#endif
