/* Where JSON values begin and end. Nothing is built from them. */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include "frame.h"

/* A member of an object: the key's characters as they are written, without the quotes, and the whole value. */
struct member {
	struct span key, value;
};

bool scan_value(struct span text, struct span *value);
bool scan_open(struct span object, struct span *members);
bool scan_next(struct span *members, struct member *member);

/* The value of the one member of that name; false where there is none, and where it cannot be told for certain: the name is
 * there twice, or a key is written with escapes. */
bool scan_find(struct span object, const char *name, struct span *value);

bool is_escaped(struct span string);

/* The characters that a string's value stands for, in UTF-8. */
void buffer_unescaped(struct buffer *buffer, struct span string);

#endif
